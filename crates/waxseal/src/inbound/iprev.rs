//! `iprev`: does a name of the client's address lead back to the address? (RFC 8601 §3)

use std::{fmt, net::IpAddr};
use waxseal_authres::{Entry, IprevResult, Ptype};
use waxseal_dns::{Answers, Check, DomainName, LookupError, Pending, Question, Record, Reply};

/// The reverse DNS check of a client's address.
///
/// ```
/// use waxseal::{IprevCheck, dns::{Zone, drive_blocking}};
/// let dns = Zone::from_zone_file(
///     "1.2.0.192.in-addr.arpa. PTR mail.example.org.\nmail.example.org. A 192.0.2.1\n",
///     None,
/// )?;
/// let verdict = drive_blocking(IprevCheck::new("192.0.2.1".parse()?), &dns);
/// assert_eq!(verdict.entry().to_string(), "iprev=pass (mail.example.org) policy.iprev=192.0.2.1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct IprevCheck {
    ip: IpAddr,
}

impl IprevCheck {
    /// How many names of an address are looked up: 10, as for the mechanism `ptr` of SPF (RFC 7208 §4.6.4). The others
    /// are skipped.
    pub const MAX_NAMES: usize = 10;

    /// A check of this address; an IPv4-mapped one counts as IPv4.
    pub fn new(ip: IpAddr) -> Self {
        Self { ip: ip.to_canonical() }
    }

    fn addresses_of(&self, name: DomainName) -> Question {
        match self.ip {
            IpAddr::V4(_) => Question::a(name),
            IpAddr::V6(_) => Question::aaaa(name),
        }
    }

    fn leads_back(&self, reply: &Reply) -> bool {
        let same = |record: &Record| match (record, self.ip) {
            (Record::A(address), IpAddr::V4(ip)) => *address == ip,
            (Record::Aaaa(address), IpAddr::V6(ip)) => *address == ip,
            _ => false,
        };
        reply.as_ref().is_ok_and(|answer| answer.records.iter().any(same))
    }

    fn judge(&self, dns: &mut Answers<'_>) -> Result<Result<DomainName, IprevCause>, Pending> {
        let question = Question::ptr(self.ip);
        let answer = match dns.ask(question.clone())? {
            Ok(answer) => answer,
            Err(source) => return Ok(Err(IprevCause::Lookup(question, source))),
        };
        let names = answer.records.iter().filter_map(|record| match record {
            Record::Ptr(name) => Some(name.clone()),
            _ => None,
        });
        let names: Vec<_> = names.take(Self::MAX_NAMES).collect();
        let Some(first) = names.first() else { return Ok(Err(IprevCause::NoName)) };
        let replies = dns.ask_all(names.iter().cloned().map(|name| self.addresses_of(name)))?;
        if let Some((name, _)) = names.iter().zip(&replies).find(|(_, reply)| self.leads_back(reply)) {
            return Ok(Ok(name.clone()));
        }
        let failed = names.iter().zip(replies).find_map(|(name, reply)| Some((name, reply.err()?)));
        Ok(Err(match failed {
            Some((name, source)) => IprevCause::Lookup(self.addresses_of(name.clone()), source),
            None => IprevCause::Mismatch(first.clone(), names.len()),
        }))
    }
}

impl Check for IprevCheck {
    type Output = IprevVerdict;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<IprevVerdict, Pending> {
        let outcome = self.judge(dns)?;
        Ok(IprevVerdict { ip: self.ip, outcome })
    }
}

/// Why `iprev` did not pass. `Display` is one line of ASCII without quotes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IprevCause {
    /// The address has no name.
    #[error("the address has no name")]
    NoName,
    /// No name of the address has the address: the first name, and how many were looked up.
    #[error("{} does not have the address{}", shown(.0), others(*.1))]
    Mismatch(DomainName, usize),
    /// A lookup failed that the result depends on.
    #[error("lookup of {} {} failed", shown(&.0.name), .0.kind)]
    Lookup(Question, #[source] LookupError),
}

fn shown(name: &DomainName) -> String {
    name.as_str().replace(['"', '\\'], "?")
}

fn others(names: usize) -> String {
    match names.saturating_sub(1) {
        0 => String::new(),
        1 => ", nor does one more name".to_owned(),
        others => format!(", nor do {others} more names"),
    }
}

impl IprevCause {
    /// The result of RFC 8601 §2.7.3 that goes with the cause.
    pub const fn result(&self) -> IprevResult {
        match self {
            // "The DNS evaluation could not be completed because no PTR data are published for the connecting IP address".
            Self::NoName => IprevResult::PermError,
            // "the "reverse" and "forward" lookups each produced results, but they were not in agreement, or the "forward"
            // query completed but produced no result".
            Self::Mismatch(..) => IprevResult::Fail,
            // "some error that is likely transient in nature, such as a temporary DNS error".
            Self::Lookup(..) => IprevResult::TempError,
        }
    }
}

/// The outcome of [`IprevCheck`]. `Display` is one line for a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IprevVerdict {
    ip: IpAddr,
    outcome: Result<DomainName, IprevCause>,
}

impl IprevVerdict {
    /// The result word of RFC 8601 §2.7.3.
    #[doc(alias = "word")]
    pub fn result(&self) -> IprevResult {
        self.outcome.as_ref().map_or_else(IprevCause::result, |_| IprevResult::Pass)
    }

    /// Whether a name of the address leads back to it.
    pub fn is_pass(&self) -> bool {
        self.outcome.is_ok()
    }

    /// The address of the client.
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// The name that leads back to the address: the verified name of the client. `None` unless the result is pass.
    pub fn name(&self) -> Option<&DomainName> {
        self.outcome.as_ref().ok()
    }

    /// Why it did not pass; `None` when it did.
    pub fn cause(&self) -> Option<&IprevCause> {
        self.outcome.as_ref().err()
    }

    /// One line of ASCII without quotes: the verified name, or why there is none, with the error of the resolver.
    pub fn reason(&self) -> String {
        match &self.outcome {
            Ok(name) => name.to_string(),
            Err(cause) => waxseal_authres::reason(cause),
        }
    }

    /// A page of ASCII for people: the address and the result.
    pub fn explain(&self) -> String {
        let about = format!("reverse DNS of {}: {}\n", self.ip, self.result());
        match &self.outcome {
            Ok(name) => format!("{about}{name} is a name of the address, and has the address\n"),
            Err(_) => format!("{about}{}\n", self.reason()),
        }
    }

    /// The verdict as one JSON object on one line: `{"result", "name", "reason"}`.
    #[cfg(feature = "json")]
    pub fn to_json(&self) -> String {
        waxseal_dns::to_json(self)
    }

    /// The entry for an Authentication-Results field, with the verified name as a comment.
    pub fn entry(&self) -> Entry {
        let entry = Entry::iprev(self.result());
        let entry = match &self.outcome {
            Ok(name) => entry.with_comment(name.as_str()),
            Err(_) => entry.with_reason(self.reason()),
        };
        entry.with_property(Ptype::Policy, "iprev", self.ip.to_string())
    }
}

/// `iprev=pass policy.iprev=192.0.2.1 (mail.example.org)`
impl fmt::Display for IprevVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "iprev={} policy.iprev={} ({})", self.result(), self.ip, self.reason())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal_dns::{Answer, drive_blocking};

    fn name(text: &str) -> DomainName {
        DomainName::lenient(text.as_bytes()).unwrap()
    }

    /// What comes out for 192.0.2.1 when it has these names; each answers as given.
    fn judge(ip: &str, names: &[(&str, Reply)]) -> String {
        let dns = |question: &Question| match names.iter().find(|(known, _)| question.name == name(known)) {
            Some((_, reply)) => reply.clone(),
            None => {
                assert_eq!(question, &Question::ptr(IpAddr::from([192, 0, 2, 1])));
                let names: Vec<_> = names.iter().map(|(known, _)| Record::Ptr(name(known))).collect();
                Ok(Answer::new(names))
            }
        };
        let line = drive_blocking(IprevCheck::new(ip.parse().unwrap()), &dns).to_string();
        line.replace(" policy.iprev=192.0.2.1", "")
    }

    fn has(last: u8) -> Reply {
        Ok(Answer::new([Record::A([192, 0, 2, last].into())]))
    }

    #[test]
    fn one_name_that_leads_back_is_enough_whatever_becomes_of_the_others() {
        let failed = || Err(LookupError::Timeout);
        let names = [("a.example", has(2)), ("b.example", failed()), ("c.example", has(1))];
        assert_eq!(judge("192.0.2.1", &names), "iprev=pass (c.example)");
        assert_eq!(judge("::ffff:192.0.2.1", &names), "iprev=pass (c.example)");
        // Without it, a lookup that failed may have been the one.
        assert_eq!(
            judge("192.0.2.1", &names[..2]),
            "iprev=temperror (lookup of b.example A failed: DNS lookup timed out)"
        );
        assert_eq!(judge("192.0.2.1", &names[..1]), "iprev=fail (a.example does not have the address)");
        let names = [("a\"b.example", has(2)), ("c.example", Ok(Answer::nxdomain()))];
        assert_eq!(
            judge("192.0.2.1", &names),
            "iprev=fail (a?b.example does not have the address, nor does one more name)"
        );
        assert_eq!(judge("192.0.2.1", &[]), "iprev=permerror (the address has no name)");
    }

    #[test]
    fn ten_names_are_looked_up() {
        let texts: Vec<_> = (0..12).map(|n| format!("n{n}.example")).collect();
        let names = |good: usize| -> Vec<(&str, Reply)> {
            let reply = |n| if n == good { has(1) } else { has(2) };
            texts.iter().enumerate().map(|(n, text)| (text.as_str(), reply(n))).collect()
        };
        assert_eq!(judge("192.0.2.1", &names(9)), "iprev=pass (n9.example)");
        let missed = "iprev=fail (n0.example does not have the address, nor do 9 more names)";
        assert_eq!(judge("192.0.2.1", &names(10)), missed);
    }

    #[test]
    fn a_failed_lookup_says_why_without_leaving_its_place() {
        let of = |error: LookupError| {
            drive_blocking(IprevCheck::new(IpAddr::from([192, 0, 2, 1])), &move |_: &Question| {
                Err(error.clone())
            })
        };
        let timeout = of(LookupError::Timeout);
        assert_eq!(
            timeout.to_string(),
            "iprev=temperror policy.iprev=192.0.2.1 (lookup of 1.2.0.192.in-addr.arpa PTR failed: DNS lookup timed out)"
        );
        let hostile = of(LookupError::other("no \"route\"\r\nto h\u{f6}st"));
        assert_eq!(
            hostile.reason(),
            "lookup of 1.2.0.192.in-addr.arpa PTR failed: DNS lookup failed: no ?route???to h?st"
        );
        assert!(hostile.entry().to_string().contains(&format!("reason=\"{}\"", hostile.reason())));
    }
}
