//! The DMARC Policy Record as data (RFC 9989 §4.7).

use crate::{ReportUri, parse};
use std::fmt;

/// A DMARC Policy Record.
///
/// A bad tag does not affect others: RFC 9989 §4.8 wants syntax errors after `v=` "discarded in favor of default values
/// (if any) or ignored outright". But a bad `p=`, `sp=` or `np=` disables the whole record (§4.10.1,
/// [`Record::requested`]). The published text is kept ([`Record::published`]), and [`lint`](crate::publish::lint())
/// finds problems in it. `Display` writes the record in a normal form; parsing that returns an equal record.
///
/// ```
/// use waxseal_dmarc::{Alignment, DomainPolicy, Record, Scope};
///
/// let record = Record::parse(b"v=DMARC1; p=Reject; sp=quarantine; adkim=x; rua=mailto:d@example.org;")?;
/// assert_eq!(record.policy(), Some(DomainPolicy::Reject));
/// assert_eq!(record.dkim_alignment(), Alignment::Relaxed);
/// assert_eq!(record.requested(Scope::Subdomain), Some(DomainPolicy::Quarantine));
/// assert_eq!(record.to_string(), "v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@example.org");
/// # Ok::<(), waxseal_dmarc::InvalidRecord>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Record {
    pub(crate) p: PolicyValue,
    pub(crate) sp: PolicyValue,
    pub(crate) np: PolicyValue,
    pub(crate) psd: Psd,
    pub(crate) testing: bool,
    pub(crate) adkim: Alignment,
    pub(crate) aspf: Alignment,
    pub(crate) rua: Vec<ReportUri>,
    pub(crate) ruf: Vec<ReportUri>,
    pub(crate) fo: FailureOptions,
    pub(crate) pct: Option<u8>,
    /// The text that was parsed.
    pub(crate) text: Text,
}

/// The text of a record. Two records are equal when their meaning is the same, whatever their text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text(pub(crate) Box<[u8]>);

impl PartialEq for Text {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Text {}

waxseal_header::words! {
    /// What a Domain Owner asks receivers to do with mail that fails (`p=`, `sp=`, `np=`): the Domain Owner Assessment
    /// Policy of RFC 9989 §3.2.8. Ordered from mildest to strictest.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum DomainPolicy {
        /// No action is requested.
        None = "none",
        /// Such mail is suspicious.
        Quarantine = "quarantine",
        /// Such mail is not from the domain.
        Reject = "reject",
    } read
}

impl DomainPolicy {
    /// One level lower, as requested by `t=y` (RFC 9989 §4.7).
    pub(crate) const fn lowered(self) -> Self {
        match self {
            Self::Reject => Self::Quarantine,
            Self::Quarantine | Self::None => Self::None,
        }
    }
}

waxseal_header::words! {
    /// How closely an identifier has to match the Author Domain (`adkim=`, `aspf=`; RFC 9989 §3.2.10).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub enum Alignment {
        /// The same Organizational Domain.
        #[default]
        Relaxed = "r",
        /// The same domain.
        Strict = "s",
    }
}

waxseal_header::words! {
    /// `psd=`: whether the domain is a Public Suffix Domain.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub enum Psd {
        /// `y`: it is; the domain below it is an Organizational Domain.
        Yes = "y",
        /// `n`: it is not, and is the Organizational Domain of itself and the domains below.
        No = "n",
        /// `u`, or nothing: the tree walk decides.
        #[default]
        Unknown = "u",
    }
}

/// `fo=`: when the Domain Owner wants failure reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FailureOptions {
    /// `1` instead of `0`: when any mechanism lacks an aligned pass, not only when all do.
    pub any: bool,
    /// `d`: when a DKIM signature fails, aligned or not.
    pub dkim: bool,
    /// `s`: when SPF fails, aligned or not.
    pub spf: bool,
    /// `d` or `s` without `0` or `1`: only those are requested.
    pub only: bool,
}

impl FailureOptions {
    /// Whether this is the default, `0`.
    pub(crate) fn is_default(self) -> bool {
        self == Self::default()
    }
}

impl fmt::Display for FailureOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = if self.any { "1" } else { "0" };
        let parts = [(!self.only, base), (self.dkim, "d"), (self.spf, "s")];
        let mut written = parts.iter().filter(|(present, _)| *present).map(|(_, part)| *part);
        f.write_str(written.next().unwrap_or("0"))?;
        written.try_for_each(|part| write!(f, ":{part}"))
    }
}

/// The value of `p=`, `sp=` or `np=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum PolicyValue {
    #[default]
    Absent,
    Invalid,
    Is(DomainPolicy),
}

impl PolicyValue {
    fn get(self) -> Option<DomainPolicy> {
        match self {
            Self::Is(policy) => Some(policy),
            Self::Absent | Self::Invalid => None,
        }
    }
}

/// The relation of the Author Domain to the domain of the record, which decides which tag holds the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// It is that domain: `p=`.
    Domain,
    /// It is below and exists: `sp=`, else `p=`.
    Subdomain,
    /// It is below and does not exist: `np=`, else `sp=`, else `p=`.
    NonExistent,
}

/// A policy before `t=`, and the tag that it comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Requested {
    pub(crate) policy: DomainPolicy,
    pub(crate) tag: PolicyTag,
}

/// The tag that a policy was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PolicyTag {
    /// `p=`
    P,
    /// `sp=`
    Sp,
    /// `np=`
    Np,
    /// None: a policy tag is missing or invalid, and `p=none` is assumed (RFC 9989 §4.10.1).
    Assumed,
}

impl PolicyTag {
    /// The name of the tag; `p` for [`PolicyTag::Assumed`].
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P | Self::Assumed => "p",
            Self::Sp => "sp",
            Self::Np => "np",
        }
    }
}

/// The text does not begin with `v=DMARC1`, so it is not a DMARC record (RFC 9989 §4.7: "If the tag is not the first in
/// the list, the tag is absent, or the value is not "DMARC1", then the entire record MUST be ignored").
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a DMARC record: it does not begin with v=DMARC1 and a semicolon")]
#[non_exhaustive]
pub struct InvalidRecord;

impl Record {
    /// The most tags read.
    pub(crate) const MAX_TAGS: usize = 64;
    /// The most addresses read in each of `rua=` and `ruf=`.
    pub(crate) const MAX_REPORT_URIS: usize = 64;

    /// Parses the text of a TXT record, its strings joined: at most 64 tags, and 64 addresses in each of `rua=` and
    /// `ruf=`.
    ///
    /// # Errors
    /// [`InvalidRecord`] when it does not begin with `v=DMARC1` in exactly this case. Nothing else is an error.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidRecord> {
        parse::record(text)
    }

    /// `p=`, if there is a valid one.
    pub fn policy(&self) -> Option<DomainPolicy> {
        self.p.get()
    }

    /// `sp=`, if there is a valid one.
    pub fn subdomain_policy(&self) -> Option<DomainPolicy> {
        self.sp.get()
    }

    /// `np=`, if there is a valid one.
    pub fn nonexistent_policy(&self) -> Option<DomainPolicy> {
        self.np.get()
    }

    /// `psd=`
    pub fn psd(&self) -> Psd {
        self.psd
    }

    /// `t=y`: the policy is being tested and is to be applied one level lower.
    pub fn is_testing(&self) -> bool {
        self.testing
    }

    /// `adkim=`
    pub fn dkim_alignment(&self) -> Alignment {
        self.adkim
    }

    /// `aspf=`
    pub fn spf_alignment(&self) -> Alignment {
        self.aspf
    }

    /// The valid addresses of `rua=`: where aggregate reports go.
    pub fn aggregate_reports(&self) -> &[ReportUri] {
        &self.rua
    }

    /// The valid addresses of `ruf=`: where failure reports go, unless [`is_ruf_ignored`](Self::is_ruf_ignored).
    pub fn failure_reports(&self) -> &[ReportUri] {
        &self.ruf
    }

    /// Whether `ruf=` does not count, since the record is that of a Public Suffix Domain. RFC 9991 §2: "Report generators
    /// MUST NOT consider "ruf" tags in DMARC Policy Records that have a "psd=y" tag, unless there are specific agreements
    /// between the interested parties."
    pub fn is_ruf_ignored(&self) -> bool {
        self.psd == Psd::Yes
    }

    /// `fo=`; to be ignored without [`failure_reports`](Self::failure_reports).
    pub fn failure_options(&self) -> FailureOptions {
        self.fo
    }

    /// `pct=` of RFC 7489, if it is a number up to 100. RFC 9989 ignores it.
    pub fn percentage(&self) -> Option<u8> {
        self.pct
    }

    /// The text that was parsed, in the syntax of zone files without quotes (RFC 1035 §5.1: `\DDD` for bytes that are
    /// not visible).
    pub fn published(&self) -> String {
        let shown = |octet: &u8| match octet {
            b'\\' => "\\\\".to_owned(),
            b' '..=b'~' => char::from(*octet).to_string(),
            octet => format!("\\{octet:03}"),
        };
        self.text.0.iter().map(shown).collect()
    }

    /// The tag for which no policy of the record counts: `p=` if it is missing or not valid, or else `sp=` or `np=` if that
    /// is not valid; see [`Record::requested`].
    pub fn invalid_policy(&self) -> Option<PolicyTag> {
        self.valid_policy(self.np).err()
    }

    /// The policy for an Author Domain in `scope`, before `t=`. `None` means no DMARC processing.
    ///
    /// RFC 9989 §4.10.1: "If a retrieved DMARC Policy Record does not contain a valid "p" tag, or contains an "sp" or "np"
    /// tag that is not valid, then:"
    ///
    /// - "If a "rua" tag is present and contains at least one syntactically valid reporting URI, the Mail Receiver MUST act
    ///   as if a record containing "p=none" was retrieved and continue processing."
    /// - "Otherwise, the Mail Receiver applies no DMARC processing to this message."
    pub fn requested(&self, scope: Scope) -> Option<DomainPolicy> {
        self.select(scope).ok().map(|requested| requested.policy)
    }

    /// [`Record::requested`], or the tag at fault.
    pub(crate) fn select(&self, scope: Scope) -> Result<Requested, PolicyTag> {
        self.select_among(scope, self.np)
    }

    /// The same by RFC 7489, where `np=` is an unknown tag.
    pub(crate) fn select_7489(&self, scope: Scope) -> Result<Requested, PolicyTag> {
        self.select_among(scope, PolicyValue::Absent)
    }

    fn select_among(&self, scope: Scope, np: PolicyValue) -> Result<Requested, PolicyTag> {
        let p = match self.valid_policy(np) {
            Ok(p) => p,
            Err(_) if !self.rua.is_empty() => {
                return Ok(Requested { policy: DomainPolicy::None, tag: PolicyTag::Assumed });
            }
            Err(tag) => return Err(tag),
        };
        let np = np.get().map(|policy| Requested { policy, tag: PolicyTag::Np });
        let sp = self.sp.get().map(|policy| Requested { policy, tag: PolicyTag::Sp });
        let p = Requested { policy: p, tag: PolicyTag::P };
        Ok(match scope {
            Scope::Domain => p,
            Scope::Subdomain => sp.unwrap_or(p),
            Scope::NonExistent => np.or(sp).unwrap_or(p),
        })
    }

    /// `p=`, if all policies are valid.
    fn valid_policy(&self, np: PolicyValue) -> Result<DomainPolicy, PolicyTag> {
        let p = self.p.get().ok_or(PolicyTag::P)?;
        match (self.sp, np) {
            (PolicyValue::Invalid, _) => Err(PolicyTag::Sp),
            (_, PolicyValue::Invalid) => Err(PolicyTag::Np),
            _ => Ok(p),
        }
    }
}

/// The normal form: everything that differs from the defaults, in a fixed order. When a policy is invalid, all are left
/// out, which means the same (see [`Record::requested`]).
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v=DMARC1")?;
        let policies = [("p", self.p), ("sp", self.sp), ("np", self.np)];
        if policies.iter().all(|(_, value)| *value != PolicyValue::Invalid) {
            for (tag, value) in policies {
                value.get().map_or(Ok(()), |policy| write!(f, "; {tag}={policy}"))?;
            }
        }
        if self.psd != Psd::default() {
            write!(f, "; psd={}", self.psd)?;
        }
        if self.testing {
            f.write_str("; t=y")?;
        }
        for (tag, alignment) in [("adkim", self.adkim), ("aspf", self.aspf)] {
            if alignment != Alignment::default() {
                write!(f, "; {tag}={alignment}")?;
            }
        }
        if let Some(pct) = self.pct {
            write!(f, "; pct={pct}")?;
        }
        for (tag, uris) in [("rua", &self.rua), ("ruf", &self.ruf)] {
            for (index, uri) in uris.iter().enumerate() {
                if index == 0 { write!(f, "; {tag}={uri}")? } else { write!(f, ",{uri}")? }
            }
        }
        if !self.fo.is_default() {
            write!(f, "; fo={}", self.fo)?;
        }
        Ok(())
    }
}
