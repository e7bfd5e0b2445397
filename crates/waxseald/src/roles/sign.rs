//! Signing: whose mail, with which keys.

use super::{
    key_source::{Found, KeyName, KeySource},
    publish_check::Expected,
    sender_logins::SenderLogins,
};
use crate::{
    hosts::{Hosts, Words, data_set},
    keys::{KeyCache, KeyRules, KeyTrouble},
    lifecycle::Life,
    milter::client::Client,
    settings::{FieldChanges, KeySettings, LoginAction, PublishCheck, SignSettings},
};
use bytes::Bytes;
use std::{collections::HashSet, time::SystemTime};
use waxseal::{
    DomainName, PrivateKey, Selector, Signer,
    dkim::{DEFAULT_FIELDS, SignError, Signing},
    header::{Address, Authors, Header},
};
use waxseal_tables::DataSet;

/// The role, with its lists loaded.
#[derive(Debug)]
pub(crate) struct Sign {
    settings: SignSettings,
    internal: Hosts,
    external_ignore: Hosts,
    exempt: Words,
    not_to: Words,
    /// Domains of authors that name signers by RFC 6541.
    atps: Words,
    logins: Option<SenderLogins>,
    source: KeySource,
    keys: KeyCache,
}

/// What to do with a message.
#[derive(Debug)]
pub(crate) enum Decision {
    Sign {
        signers: Vec<Signer>,
        /// What DNS should show, for each signer, where that is looked at.
        expected: Vec<Option<Expected>>,
        /// Which entry of which table decided this.
        rule: String,
        /// Warnings about them.
        warnings: Vec<String>,
    },
    /// Why it is not signed; it may be checked.
    Leave(Vec<String>),
    /// Why it is neither signed nor checked.
    Exempt(String),
    /// Why it is rejected.
    Refuse(String),
    /// A key that should sign cannot.
    Trouble(KeyTrouble),
}

/// What a decision is based on.
pub(crate) struct Submission<'m> {
    pub(crate) client: &'m Client,
    pub(crate) header: &'m Header,
    pub(crate) recipients: &'m [Bytes],
    /// The value of a macro.
    pub(crate) macros: &'m dyn Fn(&str) -> Option<String>,
}

impl Sign {
    /// Loads what the settings name; oddities are added to the warnings.
    pub(crate) fn load(settings: &SignSettings, warnings: &mut Vec<String>) -> Result<Self, Vec<String>> {
        let mut mistakes = Vec::new();
        let internal = Some(settings.internal.as_deref().unwrap_or("127.0.0.1,::1"));
        let mut hosts = |option, spec: Option<&str>| {
            let loaded = spec.map(|spec| Hosts::load(option, spec, warnings));
            loaded.and_then(|loaded| loaded.map_err(|error| mistakes.push(error)).ok()).unwrap_or_default()
        };
        let internal = hosts("InternalHosts", internal);
        let external_ignore = hosts("ExternalIgnoreList", settings.external_ignore.as_deref());
        let mut words = |option, spec: Option<&str>| {
            let loaded = spec.map(|spec| Words::load(option, spec, warnings));
            loaded.and_then(|loaded| loaded.map_err(|error| mistakes.push(error)).ok()).unwrap_or_default()
        };
        let exempt = words("ExemptDomains", settings.exempt_domains.as_deref());
        let not_to = words("DontSignMailTo", settings.not_to.as_deref());
        let atps = words("ATPSDomains", settings.atps.as_deref());
        let logins = settings.logins.as_deref();
        let logins =
            logins.map(|table| SenderLogins::load(table, settings.login_action, warnings)).transpose();
        let logins = logins.map_err(|error| mistakes.push(error)).ok().flatten();
        mistakes.extend(try_out(settings).err());
        let source = KeySource::load(&settings.keys, settings.all_matches, warnings);
        match source.map_err(|error| mistakes.push(error)) {
            Ok(source) if mistakes.is_empty() => {
                let keys = KeyCache::default();
                Ok(Self {
                    settings: settings.clone(),
                    internal,
                    external_ignore,
                    exempt,
                    not_to,
                    atps,
                    logins,
                    source,
                    keys,
                })
            }
            _ => Err(mistakes),
        }
    }

    /// Macros that decide, in addition to those that are always requested.
    pub(crate) fn macros(&self) -> Vec<String> {
        let named = self.settings.macros.iter().map(|(name, _)| name.trim_matches(['{', '}']));
        named.map(|name| if name.len() == 1 { name.to_owned() } else { format!("{{{name}}}") }).collect()
    }

    pub(crate) fn wants_recipients(&self) -> bool {
        self.settings.not_to.is_some()
    }

    pub(crate) fn removes_old(&self) -> bool {
        self.settings.remove_old
    }

    /// Whether to sign the mail and for whom, or why not.
    pub(crate) fn decide(&self, submission: &Submission<'_>) -> Decision {
        let authors = match self.authors(submission.header) {
            Ok(authors) => authors,
            Err(reason) => return Decision::Leave(vec![reason]),
        };
        let Some(author) = authors.addresses().first() else {
            return Decision::Leave(vec!["From has no address".to_owned()]);
        };
        let objection = self.objection(submission, &authors);
        if let Some((LoginAction::Refuse, text)) = objection {
            return Decision::Refuse(text);
        }
        if self.exempt.contain(author.domain()) {
            return Decision::Exempt(format!("{} is in ExemptDomains", author.domain()));
        }
        self.decide_for(author, submission, objection)
    }

    fn decide_for(
        &self,
        author: &Address,
        submission: &Submission<'_>,
        objection: Option<(LoginAction, String)>,
    ) -> Decision {
        let mut reasons = self.origin(submission).err().unwrap_or_default();
        let (names, rule) = match self.source.find(author) {
            Found::Keys(names, rule) => (names, rule),
            Found::Broken(error) if reasons.is_empty() => {
                return Decision::Trouble(KeyTrouble::Unreadable(error));
            }
            Found::Nothing(reason) | Found::Broken(reason) => {
                reasons.push(reason);
                return Decision::Leave(reasons);
            }
        };
        if !reasons.is_empty() {
            reasons.extend(self.attempt(submission.client, author));
            return Decision::Leave(reasons);
        }
        if let Some(recipient) = submission.recipients.iter().find(|recipient| self.is_not_to(recipient)) {
            return Decision::Leave(vec![format!("{} is in DontSignMailTo", recipient.escape_ascii())]);
        }
        let warning = match objection {
            Some((LoginAction::Unsigned, text)) => return Decision::Leave(vec![text]),
            other => other.map(|(_, text)| text),
        };
        let keys = names.iter().map(|name| self.key(name, author)).collect::<Result<Vec<_>, _>>();
        match keys.and_then(that_sign) {
            Ok((keys, over)) => {
                let notes = keys.iter().filter_map(Key::note);
                let warnings = warning.into_iter().chain(over).chain(notes).collect();
                let (signers, expected) = keys.into_iter().map(|key| (key.signer, key.expected)).unzip();
                Decision::Sign { signers, expected, rule, warnings }
            }
            Err(trouble) => Decision::Trouble(trouble),
        }
    }

    /// What is logged of a client that may not send as the author, unless it is known for that.
    fn attempt(&self, client: &Client, author: &Address) -> Option<String> {
        let known = self.external_ignore.contain(&client.name, client.ip);
        (!known).then(|| format!("external host {} attempted to send as {}", client.shown(), author.domain()))
    }

    /// Why the login may not write as these authors.
    fn objection(&self, submission: &Submission<'_>, authors: &Authors) -> Option<(LoginAction, String)> {
        let logins = self.logins.as_ref()?;
        let login = SenderLogins::login(submission.macros)?;
        Some((logins.action, logins.objection(&login, authors)?))
    }

    pub(crate) fn publish_check(&self) -> PublishCheck {
        self.settings.publish_check
    }

    pub(crate) fn source(&self) -> &KeySource {
        &self.source
    }

    pub(crate) fn internal(&self) -> &Hosts {
        &self.internal
    }

    /// Whether the SigningTable is one of exact keys.
    pub(crate) fn has_exact_table(&self) -> bool {
        let KeySettings::Tables { signing, .. } = &self.settings.keys else { return false };
        data_set("SigningTable", signing).is_ok_and(|set| matches!(set, DataSet::File(_)))
    }

    fn is_not_to(&self, recipient: &[u8]) -> bool {
        let recipient = String::from_utf8_lossy(recipient);
        self.not_to.contain(recipient.trim_matches(['<', '>']))
    }

    pub(crate) fn key_rules(&self) -> KeyRules {
        KeyRules { safe: self.settings.safe_keys, min_rsa_bits: self.settings.min_rsa_bits }
    }

    /// The authors of a message, of From or of the first field of SenderHeaders that there is.
    fn authors(&self, header: &Header) -> Result<Authors, String> {
        let named = self.settings.sender_fields.iter().filter(|name| !name.eq_ignore_ascii_case("From"));
        let field = named.filter_map(|name| header.fields().find(|field| field.is(name))).next();
        let authors = match field {
            Some(field) => Authors::parse(field.value()),
            None => Authors::from_header(header),
        };
        authors.map_err(|unclear| format!("{unclear}: {}", unclear.cause()))
    }

    /// Why the mail counts as coming from this site, or why not.
    fn origin(&self, submission: &Submission<'_>) -> Result<String, Vec<String>> {
        let (client, macros) = (submission.client, submission.macros);
        if self.internal.contain(&client.name, client.ip) {
            return Ok(format!("{} internal", client.shown()));
        }
        let daemon = macros("{daemon_name}");
        if let Some(name) =
            daemon.filter(|name| self.settings.mtas.iter().any(|mta| mta.eq_ignore_ascii_case(name)))
        {
            return Ok(format!("MTA {name}"));
        }
        for (name, values) in &self.settings.macros {
            let value = macros(name);
            if let Some(value) = value.filter(|value| values.is_empty() || values.contains(value)) {
                return Ok(format!("macro {name}={value}"));
            }
        }
        match macros("{auth_type}") {
            Some(kind) => Ok(format!("authenticated by {kind}")),
            None => Err(vec![format!("{} not internal", client.shown()), "not authenticated".to_owned()]),
        }
    }

    /// A signer for a key, with the settings for all, and what DNS should show of it.
    fn key(&self, name: &KeyName, author: &Address) -> Result<Key, KeyTrouble> {
        let settings = &self.settings;
        let (key, life) = name.key(&self.keys, self.key_rules())?;
        let unusable = |error: SignError| KeyTrouble::Unreadable(error.to_string());
        let expected = match settings.publish_check {
            PublishCheck::Off => None,
            _ => Expected::new(&name.domain, &name.selector, key.public_key()),
        };
        let mut signer =
            configured(settings, name.domain.clone(), name.selector.clone(), key).map_err(unusable)?;
        if let Some(identity) = &name.identity {
            signer = signer.with_identity(identity);
        }
        // RFC 6541 §4.2: both tags, or none.
        let author = author.domain().to_ascii_lowercase();
        if self.atps.contain(&author) && name.domain.as_str() != author {
            signer = signer.with_tag("atps", &author).map_err(unusable)?;
            signer = signer.with_tag("atpsh", settings.atps_hash.as_str()).map_err(unusable)?;
        }
        Ok(Key { signer, expected, life })
    }
}

/// A signer with the settings for all keys.
fn configured(
    settings: &SignSettings,
    domain: DomainName,
    selector: Selector,
    key: PrivateKey,
) -> Result<Signer, SignError> {
    let (header, body) = settings.canonicalization;
    let mut signer = Signer::new(domain, selector, key)?
        .with_canonicalization(header, body)
        .with_fields(signed_fields(&settings.fields))
        .with_oversigned(settings.oversigned.iter().cloned())
        .with_body_length(settings.body_length)
        .with_copied_fields(settings.copied_fields);
    if let Some(lifetime) = settings.lifetime {
        signer = signer.with_lifetime(lifetime);
    }
    if settings.request_reports { signer.with_tag("r", "y") } else { Ok(signer) }
}

/// Signs a message with a key that nobody uses: what no message can be signed with is a mistake in the settings.
fn try_out(settings: &SignSettings) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let key = PrivateKey::from_ed25519_seed(&[1; 32]).map_err(|error| text(&error))?;
    let domain = DomainName::new("example.org").map_err(|error| text(&error))?;
    let selector: Selector = "s".parse().map_err(|error| text(&error))?;
    let signer = configured(settings, domain, selector, key).map_err(|error| text(&error))?;
    let message = Header::parse(b"From: joe@example.org\r\n\r\n").map_err(|error| text(&error))?;
    let signing = Signing::with_header(&[signer], message.0, SystemTime::now());
    signing.and_then(Signing::finish).map_err(|error| text(&error))?;
    field_names("OversignHeaders", &settings.oversigned)?;
    field_names("SignHeaders", &signed_fields(&settings.fields))?;
    field_names("SenderHeaders", &settings.sender_fields)
}

/// Names that no field has match nothing. Commas and equals signs come from lists on one line of a file, or from values.
pub(super) fn field_names(option: &str, names: &[String]) -> Result<(), String> {
    let is_name = |name: &String| name.bytes().all(|c| c.is_ascii_graphic() && !b":;,=".contains(&c));
    match names.iter().find(|name| !is_name(name)) {
        Some(name) => Err(format!("{option}: {name:?} is not a field name")),
        None => Ok(()),
    }
}

/// A key that the tables name for an author.
struct Key {
    signer: Signer,
    expected: Option<Expected>,
    life: Life,
}

impl Key {
    /// What is odd about its use.
    fn note(&self) -> Option<String> {
        let note = self.life.note()?;
        Some(format!("s={}, d={}: {note}", self.signer.selector(), self.signer.domain()))
    }
}

/// The tables say who signs. Of the keys of a domain only those sign that are active; where none is, all that receivers may accept do.
/// Also returns what is to be said of keys that no receiver accepts.
fn that_sign(mut keys: Vec<Key>) -> Result<(Vec<Key>, Vec<String>), KeyTrouble> {
    let over: Vec<_> = keys.iter().filter(|key| key.life.is_over()).filter_map(Key::note).collect();
    keys.retain(|key| !key.life.is_over());
    if keys.is_empty() {
        return Err(KeyTrouble::Unreadable(over.join("; ")));
    }
    let active = keys.iter().filter(|key| key.life.signs()).map(|key| key.signer.domain().clone());
    let active: HashSet<DomainName> = active.collect();
    keys.retain(|key| key.life.signs() || !active.contains(key.signer.domain()));
    Ok((keys, over))
}

/// Names of the fields to sign.
fn signed_fields(changes: &FieldChanges) -> Vec<String> {
    let default = || DEFAULT_FIELDS.iter().map(|name| (*name).to_owned()).collect();
    let mut names: Vec<String> = changes.only.clone().unwrap_or_else(default);
    names.extend(changes.added.iter().cloned());
    names.retain(|name| !changes.omitted.iter().any(|omitted| omitted.eq_ignore_ascii_case(name)));
    names
}
