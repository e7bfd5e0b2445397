//! What can be wrong with a record.

use crate::{Limits, printable::Printable, select::NearMiss, syntax_error::SyntaxError};
use std::error::Error;
use waxseal_dns::{
    DomainName, RecordType,
    lint::{Finding, Severity},
};

/// RFC 7208 §3.4: "under 450 octets", the name included.
pub(crate) const MAX_BYTES: usize = 450;

/// What can be wrong with a record, or is notable about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// The record cannot be read (RFC 7208 §4.6).
    #[error("every receiver returns permerror: {}", .0.kind())]
    Syntax(SyntaxError),
    /// The text does not begin with `v=spf1` and a space or its end, so it is not an SPF record (§4.5). With advice.
    #[error("not an SPF record, receivers ignore it: {0}")]
    NotARecord(&'static str),
    /// A text at the domain that was meant as an SPF record, but is not one (§4.5).
    #[error("not an SPF record, receivers ignore it: {0}")]
    NearMiss(NearMiss),
    /// No record, or no such domain (§4.5).
    #[error("no SPF record is published")]
    NoRecord,
    /// More than one record (§4.5).
    #[error("{0} SPF records, and every receiver returns permerror: publish one")]
    SeveralRecords(usize),
    /// A lookup failed, so nothing is known: the question, and why there is no answer.
    #[error("lookup of {0}, and every receiver returns temperror while it does")]
    LookupFailed(String),
    /// `include` or `redirect` leads to no record (§5.2, §6.1).
    #[error("the target {0} publishes no SPF record, and receivers return permerror: remove the term")]
    TargetWithoutRecord(DomainName),
    /// The target is not a domain name.
    #[error("the target is not a domain name: correct the term")]
    InvalidTarget,
    /// A record that leads back to itself.
    #[error("the target {0} leads back here, and receivers return permerror: remove the term")]
    Loop(DomainName),
    /// More terms with lookups than the ten of §4.6.4, in the worst case.
    #[error(
        "{0} terms with lookups in the worst case, and receivers return permerror above {limit}: remove or flatten some",
        limit = Limits::RFC.terms
    )]
    TooManyLookups(usize),
    /// More void lookups than the two of §4.6.4, for IPv4 clients or for IPv6 clients.
    #[error(
        "{count} void lookups for IPv{ip_version} clients, and receivers return permerror above {limit}: remove dead names",
        limit = Limits::RFC.void_lookups
    )]
    TooManyVoidLookups {
        /// 4 or 6.
        ip_version: u8,
        /// How many.
        count: usize,
    },
    /// More than ten mail exchangers (§4.6.4).
    #[error(
        "{0} mail exchangers, and receivers return permerror above {limit}: list networks instead",
        limit = Limits::RFC.mx_names
    )]
    TooManyMxNames(usize),
    /// `+all`.
    #[error("anyone on the Internet passes: use -all or ~all")]
    PassAll,
    /// A network of every address.
    #[error("every address passes: name the networks that send")]
    EveryAddress,
    /// `?all`.
    #[error("does not restrict other senders: use -all or ~all")]
    NeutralAll,
    /// Neither `all` nor `redirect` (§4.7).
    #[error("no all and no redirect, which means ?all: end the record with -all or ~all")]
    MissingAll,
    /// Directives after `all` (§5.1).
    #[error("comes after all and is never evaluated: move or remove it")]
    BehindAll,
    /// `redirect` together with `all` (§5.1).
    #[error("is ignored because the record has an all: remove one of the two")]
    IgnoredRedirect,
    /// `ptr` or `%{p}` (§5.5).
    #[error("ptr should not be published: it is slow and many receivers skip it; list networks instead")]
    Ptr,
    /// A network larger than that of a single organization.
    #[error("a network of 2^{0} addresses, clouds and their other customers included: name smaller ones")]
    HugeNetwork(u8),
    /// The same directive twice.
    #[error("appears twice: remove one")]
    Duplicate,
    /// A network inside another one of the same record.
    #[error("is part of {0}: remove one")]
    Overlap(String),
    /// Host bits after the prefix.
    #[error("has bits behind the prefix, which do not count")]
    HostBits,
    /// Name and record are longer than the 450 bytes of §3.4.
    #[error(
        "{0} bytes with the name, more than the {MAX_BYTES} that fit everywhere: shorten or split the record"
    )]
    TooLong(usize),
    /// A lookup that finds nothing, for IPv4 clients, IPv6 clients or both.
    #[error(
        "finds no record of type {0}, a void lookup of which {limit} are allowed: remove the name or publish it",
        limit = Limits::RFC.void_lookups
    )]
    Void(String),
    /// Mail of all customers of that operator passes (CERT VU#244112).
    #[error("lets every customer of {0} send for this domain unless it keeps them apart (CERT VU#244112)")]
    ForeignInclude(DomainName),
    /// What the term leads to depends on the message, so it was not followed.
    #[error("depends on the message and was not followed")]
    DependsOnMessage,
    /// The domain has a character that host names do not have, which the grammar of macros allows (§7.1).
    #[error("no host name has {0:?} in it, so nothing will be found: write a term for each domain")]
    NoHostName(char),
    /// A macro reads the sender or HELO (§7.3).
    #[error("depends on the sender, so that verdicts cannot be shared between messages")]
    DependsOnSender,
    /// The name of a mechanism with `=`, which makes it a modifier that receivers ignore (§6).
    #[error("receivers take it for an unknown modifier and ignore it, for a mechanism takes a colon")]
    EqualsForColon,
    /// `v=spf1` a second time, as where two records were joined (§4.5).
    #[error(
        "appears twice, and receivers ignore the second one: join the terms of both records behind one v=spf1"
    )]
    SecondVersion,
    /// A modifier that RFC 7208 does not define and receivers ignore (§6).
    #[error("an unknown modifier, which receivers ignore")]
    UnknownModifier,
}

impl Problem {
    /// [`Problem::TooManyLookups`], if there are too many.
    pub(crate) fn of_lookups(lookups: usize) -> Option<Self> {
        (lookups > usize::from(Limits::RFC.terms)).then_some(Self::TooManyLookups(lookups))
    }

    pub(crate) fn lookup_failed(name: &DomainName, kind: RecordType, error: &(dyn Error + 'static)) -> Self {
        let (name, why) = (Printable(name.as_str().as_bytes()), waxseal_authres::reason(error));
        Self::LookupFailed(format!("{name} {kind} failed ({why})"))
    }
}

impl From<Problem> for Finding {
    fn from(problem: Problem) -> Self {
        Self::new(problem.id(), problem.severity(), problem)
    }
}

impl Problem {
    fn severity(&self) -> Severity {
        match self {
            Self::Syntax(_)
            | Self::NotARecord(_)
            | Self::NoRecord
            | Self::SeveralRecords(_)
            | Self::LookupFailed(_)
            | Self::TargetWithoutRecord(_)
            | Self::InvalidTarget
            | Self::Loop(_)
            | Self::TooManyLookups(_)
            | Self::TooManyVoidLookups { .. }
            | Self::TooManyMxNames(_)
            | Self::PassAll
            | Self::EveryAddress
            | Self::EqualsForColon
            | Self::SecondVersion => Severity::Error,
            Self::NearMiss(_)
            | Self::NeutralAll
            | Self::MissingAll
            | Self::BehindAll
            | Self::IgnoredRedirect
            | Self::Ptr
            | Self::HugeNetwork(_)
            | Self::Duplicate
            | Self::HostBits
            | Self::TooLong(_)
            | Self::NoHostName(_)
            | Self::Void(_) => Severity::Warning,
            Self::Overlap(_)
            | Self::ForeignInclude(_)
            | Self::DependsOnMessage
            | Self::DependsOnSender
            | Self::UnknownModifier => Severity::Note,
        }
    }

    fn id(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "syntax",
            Self::NotARecord(_) => "not-a-record",
            Self::NearMiss(_) => "near-miss",
            Self::NoRecord => "no-record",
            Self::SeveralRecords(_) => "several-records",
            Self::LookupFailed(_) => "lookup-failed",
            Self::TargetWithoutRecord(_) => "target-without-record",
            Self::InvalidTarget => "invalid-target",
            Self::Loop(_) => "loop",
            Self::TooManyLookups(_) => "too-many-lookups",
            Self::TooManyVoidLookups { .. } => "too-many-void-lookups",
            Self::TooManyMxNames(_) => "too-many-mx-names",
            Self::PassAll => "pass-all",
            Self::EveryAddress => "every-address",
            Self::NeutralAll => "neutral-all",
            Self::MissingAll => "missing-all",
            Self::BehindAll => "behind-all",
            Self::IgnoredRedirect => "ignored-redirect",
            Self::Ptr => "ptr",
            Self::HugeNetwork(_) => "huge-network",
            Self::Duplicate => "duplicate",
            Self::Overlap(_) => "overlap",
            Self::HostBits => "host-bits",
            Self::TooLong(_) => "too-long",
            Self::Void(_) => "void",
            Self::ForeignInclude(_) => "foreign-include",
            Self::DependsOnMessage => "depends-on-message",
            Self::NoHostName(_) => "no-host-name",
            Self::DependsOnSender => "depends-on-sender",
            Self::EqualsForColon => "equals-for-colon",
            Self::SecondVersion => "second-version",
            Self::UnknownModifier => "unknown-modifier",
        }
    }
}
