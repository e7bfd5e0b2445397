//! A service as in waxseald.toml: all keys in one table, whether or not its roles use them.

use super::super::mistakes::Mistakes;
use crate::settings::{
    ArcSettings, AtpsHash, DmarcSettings, FieldChanges, FilterSettings, KeySettings, Kind, LoginAction,
    PolicySettings, PublishCheck, SealSettings, Service, SignSettings, Socket, VerifySettings,
};
use std::{path::PathBuf, time::Duration};
use waxseal::dkim::Canonicalization;

/// Roles that one filter can have together; the policy service is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Sign,
    Verify,
    Dmarc,
    Arc,
    Iprev,
    Policy,
}

/// The settings of a service.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    pub(super) name: String,
    pub(super) listen: Vec<Socket>,
    pub(super) roles: Vec<Role>,
    pub(super) domain: Vec<String>,
    pub(super) selector: String,
    pub(super) key: Option<PathBuf>,
    pub(super) subdomains: bool,
    pub(super) key_table: Option<String>,
    pub(super) signing_table: Option<String>,
    pub(super) canonicalization: (Canonicalization, Canonicalization),
    pub(super) fields: FieldChanges,
    /// By default, From for signatures and nothing for seals.
    pub(super) oversigned: Option<Names>,
    pub(super) min_rsa_bits: u32,
    pub(super) safe_keys: bool,
    pub(super) verify_chain: bool,
    pub(super) arc_internal: Option<String>,
    pub(super) filter: FilterSettings,
    pub(super) sign: SignSettings,
    pub(super) verify: VerifySettings,
    pub(super) dmarc: DmarcSettings,
    pub(super) policy: PolicySettings,
}

/// A list that may be empty on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names(pub(super) Vec<String>);

const FROM: &str = "From";

impl Default for Parts {
    fn default() -> Self {
        let relaxed = (Canonicalization::Relaxed, Canonicalization::Relaxed);
        Self {
            name: "waxseald".to_owned(),
            listen: vec![Socket::Inet("127.0.0.1".to_owned(), 8891)],
            roles: vec![Role::Sign, Role::Verify],
            domain: Vec::new(),
            selector: "default".to_owned(),
            key: None,
            subdomains: false,
            key_table: None,
            signing_table: None,
            canonicalization: relaxed,
            fields: FieldChanges::default(),
            oversigned: None,
            min_rsa_bits: 1024,
            safe_keys: true,
            verify_chain: true,
            arc_internal: None,
            filter: FilterSettings {
                authserv_id: "HOSTNAME".to_owned(),
                max_header: 262_144,
                ..FilterSettings::default()
            },
            sign: sign_defaults(),
            verify: VerifySettings {
                always_add: true,
                with_header_b: true,
                max_signatures: 10,
                min_rsa_bits: 1024,
                clock_drift: Duration::from_secs(300),
                must_be_signed: Vec::new(),
                neutral_atps: false,
                redirect_to: None,
            },
            dmarc: DmarcSettings::default(),
            policy: PolicySettings::default(),
        }
    }
}

/// The keys and fields here are replaced by those of the parts.
fn sign_defaults() -> SignSettings {
    SignSettings {
        keys: KeySettings::Tables { keys: String::new(), signing: String::new() },
        internal: None,
        external_ignore: None,
        exempt_domains: None,
        not_to: None,
        mtas: Vec::new(),
        macros: Vec::new(),
        sender_fields: Vec::new(),
        canonicalization: (Canonicalization::Relaxed, Canonicalization::Relaxed),
        fields: FieldChanges::default(),
        oversigned: Vec::new(),
        lifetime: None,
        body_length: false,
        copied_fields: false,
        request_reports: false,
        remove_old: false,
        all_matches: false,
        min_rsa_bits: 1024,
        safe_keys: true,
        logins: None,
        login_action: LoginAction::default(),
        publish_check: PublishCheck::default(),
        atps: None,
        atps_hash: AtpsHash::default(),
    }
}

impl Parts {
    /// The service; settings that its roles lack are added to the mistakes.
    pub(super) fn into_service(self, mistakes: &mut Mistakes) -> Service {
        let (name, sockets) = (self.name.clone(), self.listen.clone());
        if self.roles == [Role::Policy] {
            return Service { name, sockets, kind: Kind::Policy(Box::new(self.policy)) };
        }
        if self.roles.contains(&Role::Policy) || self.roles.is_empty() {
            mistakes
                .0
                .push("roles: use some of sign, verify, dmarc, arc and iprev, or policy alone".to_owned());
        }
        Service { name, sockets, kind: Kind::Milter(Box::new(self.filter(mistakes))) }
    }

    fn filter(self, mistakes: &mut Mistakes) -> FilterSettings {
        let has = |role| self.roles.contains(&role);
        let keys = self.keys();
        let (signs, seals) = (has(Role::Sign), has(Role::Arc));
        if signs && keys.is_none() {
            mistakes.0.push("domain and key are needed to sign, or key_table and signing_table".to_owned());
        }
        let seal = keys.as_ref().filter(|_| seals).and_then(|keys| self.seal(keys, mistakes));
        FilterSettings {
            sign: keys.filter(|_| signs).map(|keys| self.sign(keys)),
            verify: has(Role::Verify)
                .then(|| VerifySettings { min_rsa_bits: self.min_rsa_bits, ..self.verify.clone() }),
            dmarc: has(Role::Dmarc).then(|| self.dmarc.clone()),
            arc: seals.then(|| ArcSettings {
                verify: self.verify_chain,
                internal: self.arc_internal.clone(),
                seal,
            }),
            iprev: has(Role::Iprev),
            ..self.filter
        }
    }

    fn keys(&self) -> Option<KeySettings> {
        if let (Some(keys), Some(signing)) = (&self.key_table, &self.signing_table) {
            return Some(KeySettings::Tables { keys: keys.clone(), signing: signing.clone() });
        }
        let (domains, selector) = (self.domain.clone(), self.selector.clone());
        let file = self.key.clone().filter(|_| !domains.is_empty())?;
        Some(KeySettings::One { domains, selector, file, subdomains: self.subdomains })
    }

    fn sign(&self, keys: KeySettings) -> SignSettings {
        SignSettings {
            keys,
            canonicalization: self.canonicalization,
            fields: self.fields.clone(),
            oversigned: self.oversigned.clone().map_or_else(|| vec![FROM.to_owned()], |names| names.0),
            min_rsa_bits: self.min_rsa_bits,
            safe_keys: self.safe_keys,
            ..self.sign.clone()
        }
    }

    fn seal(&self, keys: &KeySettings, mistakes: &mut Mistakes) -> Option<SealSettings> {
        let KeySettings::One { domains, selector, file, .. } = keys else {
            mistakes.0.push("the role arc needs domain and key, no tables".to_owned());
            return None;
        };
        Some(SealSettings {
            domain: domains.first()?.clone(),
            selector: selector.clone(),
            file: file.clone(),
            canonicalization: self.canonicalization,
            fields: self.fields.only.clone().unwrap_or_default(),
            oversigned: self.oversigned.clone().map_or_else(Vec::new, |names| names.0),
            min_rsa_bits: self.min_rsa_bits,
            safe_keys: self.safe_keys,
        })
    }

    /// The parts from which this service is made.
    pub(super) fn of(service: &Service) -> Self {
        let mut parts =
            Self { name: service.name.clone(), listen: service.sockets.clone(), ..Self::default() };
        match &service.kind {
            Kind::Policy(policy) => {
                parts.roles = vec![Role::Policy];
                parts.policy = (**policy).clone();
            }
            Kind::Milter(filter) => parts.take(filter),
        }
        parts
    }

    fn take(&mut self, filter: &FilterSettings) {
        let FilterSettings { sign, verify, dmarc, arc, .. } = filter;
        let roles = [
            sign.as_ref().map(|_| Role::Sign),
            verify.as_ref().map(|_| Role::Verify),
            dmarc.as_ref().map(|_| Role::Dmarc),
            arc.as_ref().map(|_| Role::Arc),
            filter.iprev.then_some(Role::Iprev),
        ];
        self.roles = roles.into_iter().flatten().collect();
        if let Some(arc) = arc {
            self.verify_chain = arc.verify;
            self.arc_internal = arc.internal.clone();
            if let Some(seal) = &arc.seal {
                self.take_seal(seal);
            }
        }
        if let Some(verify) = verify {
            self.verify = verify.clone();
            self.min_rsa_bits = verify.min_rsa_bits;
        }
        if let Some(sign) = sign {
            self.take_sign(sign);
        }
        self.dmarc = dmarc.clone().unwrap_or_default();
        self.filter = FilterSettings { sign: None, verify: None, dmarc: None, arc: None, ..filter.clone() };
    }

    fn take_sign(&mut self, sign: &SignSettings) {
        match &sign.keys {
            KeySettings::One { domains, selector, file, subdomains } => {
                (self.domain, self.selector) = (domains.clone(), selector.clone());
                (self.key, self.subdomains) = (Some(file.clone()), *subdomains);
            }
            KeySettings::Tables { keys, signing } => {
                (self.key_table, self.signing_table) = (Some(keys.clone()), Some(signing.clone()));
            }
        }
        self.canonicalization = sign.canonicalization;
        self.fields = sign.fields.clone();
        self.oversigned = Some(Names(sign.oversigned.clone())).filter(|names| names.0 != [FROM]);
        (self.min_rsa_bits, self.safe_keys) = (sign.min_rsa_bits, sign.safe_keys);
        self.sign = sign.clone();
    }

    fn take_seal(&mut self, seal: &SealSettings) {
        (self.domain, self.selector) = (vec![seal.domain.clone()], seal.selector.clone());
        self.key = Some(seal.file.clone());
        self.canonicalization = seal.canonicalization;
        let only = Some(seal.fields.clone()).filter(|fields| !fields.is_empty());
        self.fields = FieldChanges { only, ..FieldChanges::default() };
        self.oversigned = Some(Names(seal.oversigned.clone())).filter(|names| !names.0.is_empty());
        (self.min_rsa_bits, self.safe_keys) = (seal.min_rsa_bits, seal.safe_keys);
    }
}
