//! The terms that need DNS (RFC 7208 §5, §6).

use super::{Evaluation, Fault, Found, Frame, Stop, Ttl};
use crate::{
    macros::{self, Letters},
    parse::{Name, Spec, same_bits4, same_bits6},
    plan::{MAX_LITERAL, Planned},
    record::Qualifier,
};
use std::{borrow::Cow, net::IpAddr, time::Duration};
use waxseal_dns::{Answer, DomainName, InvalidDomainName, Record, RecordType};

/// The name that a term refers to: that of its plan, of its record, or one made for it.
type Target<'t> = Cow<'t, DomainName>;

impl Evaluation<'_, '_, '_> {
    /// RFC 7208 §5.2
    pub(super) fn include(&mut self, term: &Planned, frame: &Frame<'_>) -> Result<bool, Stop> {
        self.count_term(frame.depth)?;
        let Some(target) = self.target(term, frame)? else { return Ok(false) };
        let target = target.map_err(Fault::InvalidTarget)?;
        match self.check_host(&target, frame.depth + 1, true)? {
            Found::Match(Qualifier::Pass) => Ok(true),
            Found::Match(_) | Found::NoMatch => Ok(false),
            Found::NoRecord(_) => Err(Fault::NoRecord.into()),
        }
    }

    /// RFC 7208 §6.1
    pub(super) fn redirect(&mut self, term: &Planned, frame: &Frame<'_>) -> Result<Found, Stop> {
        self.count_term(frame.depth)?;
        // "if the <target-name> is malformed, the result is a "permerror" rather than "none"."
        let target = self.target(term, frame)?.ok_or(Fault::LocalPartNotAscii)?;
        let target = target.map_err(Fault::InvalidTarget)?;
        match self.check_host(&target, frame.depth + 1, frame.included)? {
            Found::NoRecord(_) => Err(Fault::NoRecord.into()),
            found => Ok(found),
        }
    }

    /// RFC 7208 §5.3
    pub(super) fn a(&mut self, term: &Planned, frame: &Frame<'_>) -> Result<bool, Stop> {
        self.count_term(frame.depth)?;
        let Some(target) = self.host_target(term, frame)? else { return Ok(false) };
        let answer = self.ask_for_term(&target, self.address_kind())?;
        Ok(self.any_address(&answer, term.ip4, term.ip6))
    }

    /// RFC 7208 §5.4. Hosts are checked in the order of preference, then of names, whatever the order of the answer.
    pub(super) fn mx(&mut self, term: &Planned, frame: &Frame<'_>) -> Result<bool, Stop> {
        self.count_term(frame.depth)?;
        let Some(target) = self.host_target(term, frame)? else { return Ok(false) };
        let answer = self.ask_for_term(&target, RecordType::Mx)?;
        let count = answer.records.len();
        if count > usize::from(self.check.limits.mx_names) {
            return Err(Fault::TooManyMxNames(count).into());
        }
        // Most domains have one.
        if let [Record::Mx(_, host)] = &*answer.records {
            let Some(host) = host else { return Ok(false) };
            let answer = self.ask_for_term(host, self.address_kind())?;
            return Ok(self.any_address(&answer, term.ip4, term.ip6));
        }
        let host = |record: &Record| match record {
            Record::Mx(preference, Some(host)) => Some((*preference, host.clone())),
            _ => None,
        };
        let mut hosts: Vec<_> = answer.records.iter().filter_map(host).collect();
        hosts.sort();
        let hosts: Vec<_> = hosts.into_iter().map(|(_, host)| host).collect();
        for (host, reply) in hosts.iter().zip(self.ask_addresses(&hosts)?) {
            let answer = self.accept(host, self.address_kind(), reply)?;
            if answer.is_void() {
                self.count_void(host)?;
            }
            if self.any_address(&answer, term.ip4, term.ip6) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// RFC 7208 §5.5. Only names within the target are validated: others cannot match.
    pub(super) fn ptr(&mut self, term: &Planned, frame: &Frame<'_>) -> Result<bool, Stop> {
        self.count_term(frame.depth)?;
        let Some(target) = self.host_target(term, frame)? else { return Ok(false) };
        let mut names = self.client_names()?;
        names.retain(|name| name.is_within(&target));
        Ok(!self.validate(names)?.is_empty())
    }

    /// RFC 7208 §5.7: "a DNS A RR lookup (even when the connection type is IPv6)"
    pub(super) fn exists(&mut self, term: &Planned, frame: &Frame<'_>) -> Result<bool, Stop> {
        self.count_term(frame.depth)?;
        let Some(target) = self.host_target(term, frame)? else { return Ok(false) };
        let answer = self.ask_for_term(&target, RecordType::A)?;
        Ok(answer.records.iter().any(|record| matches!(record, Record::A(_))))
    }

    /// RFC 7208 §6.2: whatever goes wrong, "proceed as if no "exp" modifier was given".
    pub(super) fn explain(&mut self, term: &Planned, frame: &Frame<'_>) -> Result<Option<String>, Stop> {
        match self.published_explanation(term, frame) {
            Err(Stop::Pending) => Err(Stop::Pending),
            Err(_) => Ok(None),
            Ok(text) => Ok(text),
        }
    }

    fn published_explanation(&mut self, term: &Planned, frame: &Frame<'_>) -> Result<Option<String>, Stop> {
        let Some(target) = self.host_target(term, frame)? else { return Ok(None) };
        let answer = self.ask(&target, RecordType::Txt)?;
        let [Record::Txt(text)] = &*answer.records else { return Ok(None) };
        let Ok(found) = macros::scan(text, true) else { return Ok(None) };
        let validated = self.validated_name(found.letters, term, frame)?;
        let values = self.check.values(frame.domain, validated.as_ref());
        let limit = usize::from(self.check.limits.explanation_bytes);
        Ok(macros::expand_text(text, &values, limit, &mut self.macro_budget).ok())
    }

    /// The `<target-name>` of a term that does not match if the name is invalid.
    ///
    /// RFC 7208 §4.8: "Some implementations choose to treat such errors as not-match and therefore ignore such names".
    fn host_target<'t>(&mut self, term: &'t Planned, frame: &Frame<'t>) -> Result<Option<Target<'t>>, Stop> {
        match term.spec() {
            None => Ok(Some(Cow::Borrowed(frame.domain))),
            Some(_) => Ok(self.target(term, frame)?.and_then(Result::ok)),
        }
    }

    /// The `<target-name>` (RFC 7208 §4.8). RFC 8616 §4: with a non-ASCII local-part, "terms that include %{s} or %{l} do
    /// not match anything": `None`.
    fn target<'t>(
        &mut self,
        term: &'t Planned,
        frame: &Frame<'_>,
    ) -> Result<Option<Result<Target<'t>, InvalidDomainName>>, Stop> {
        if let Some(name) = &term.target {
            if let Some(trace) = &mut self.trace {
                trace.target(name);
            }
            return Ok(Some(Ok(Cow::Borrowed(name))));
        }
        let Spec { letters, .. } = term.spec().unwrap_or_default();
        let text = term.spec().unwrap_or_default().of(frame.record);
        self.letters.insert(letters);
        if letters.any_of(Letters::LOCAL_PART) && !self.check.envelope.ascii_local_part {
            return Ok(None);
        }
        let name = if letters.is_literal() && text.len() <= MAX_LITERAL {
            DomainName::lenient(text)
        } else {
            let validated = self.validated_name(letters, term, frame)?;
            let values = self.check.values(frame.domain, validated.as_ref());
            let expanded = macros::expand_name(text, &values, &mut self.macro_budget);
            expanded.map_err(|_| Fault::TooManyMacroBytes)?
        };
        if let (Some(trace), Ok(name)) = (&mut self.trace, &name) {
            trace.target(name);
        }
        Ok(Some(name.map(Cow::Owned)))
    }

    /// The value of the macro `p`, if it is needed (RFC 7208 §7.3).
    fn validated_name(
        &mut self,
        letters: Letters,
        term: &Planned,
        frame: &Frame<'_>,
    ) -> Result<Option<DomainName>, Stop> {
        if !letters.any_of(Letters::VALIDATED) {
            return Ok(None);
        }
        let domain = frame.domain;
        let names = match self.validated.take() {
            Some(names) => names,
            None => {
                // RFC 7208 §4.6.4: "When evaluating the "ptr" mechanism or the %{p} macro, the number of "PTR" resource
                // records queried is included in the overall limit of 10 mechanisms/modifiers that cause DNS lookups".
                // They are queried once. "[T]he "exp" modifier only causes a lookup at a later time", including those
                // of its macros.
                if term.name != Name::Exp {
                    self.count_term(frame.depth)?;
                }
                let names = self.client_names()?;
                self.validate(names)?
            }
        };
        // "If the <domain> is present in the list of validated domains, it SHOULD be used. Otherwise, if a subdomain of the
        // <domain> is present, it SHOULD be used. Otherwise, any name from the list can be used."
        let exact = names.iter().find(|name| *name == domain);
        let name =
            exact.or_else(|| names.iter().find(|name| name.is_within(domain))).or(names.first()).cloned();
        self.validated = Some(names);
        Ok(name)
    }

    /// The names of the client's address, up to the limit (RFC 7208 §5.5).
    fn client_names(&mut self) -> Result<Vec<DomainName>, Stop> {
        let reverse = DomainName::reverse(self.check.envelope.ip);
        let answer = match self.ask_for_term(&reverse, RecordType::Ptr) {
            Ok(answer) => answer,
            // "If a DNS error occurs while doing the PTR RR lookup, then this mechanism fails to match."
            Err(Stop::Fault(fault)) if matches!(*fault, Fault::Lookup(..)) => {
                self.ttl = Ttl::Smallest(Duration::ZERO);
                return Ok(Vec::new());
            }
            Err(stop) => return Err(stop),
        };
        let name = |record: &Record| if let Record::Ptr(name) = record { Some(name.clone()) } else { None };
        // RFC 7208 §4.6.4: "all records other than the first 10 MUST be ignored"
        Ok(answer.records.iter().filter_map(name).take(self.check.limits.ptr_names.into()).collect())
    }

    /// The names that lead back to the client.
    fn validate(&mut self, mut names: Vec<DomainName>) -> Result<Vec<DomainName>, Stop> {
        let mut replies = self.ask_addresses(&names)?.into_iter();
        names.retain(|name| {
            // "If a DNS error occurs while doing an A RR lookup, then that domain name is skipped".
            let accepted = replies.next().map(|reply| self.accept(name, self.address_kind(), reply));
            match accepted {
                Some(Ok(answer)) => self.any_address(&answer, 32, 128),
                _ => {
                    self.ttl = Ttl::Smallest(Duration::ZERO);
                    false
                }
            }
        });
        Ok(names)
    }

    pub(super) fn address_kind(&self) -> RecordType {
        // RFC 7208 §5: "when <ip> is an IPv4, "A" records are fetched; when <ip> is an IPv6 address, "AAAA" records"
        if self.check.envelope.ip.is_ipv4() { RecordType::A } else { RecordType::Aaaa }
    }

    /// Whether an address of the answer matches the client in the first `ip4` or `ip6` bits.
    fn any_address(&self, answer: &Answer, ip4: u32, ip6: u32) -> bool {
        answer.records.iter().any(|record| match (record, self.check.envelope.ip) {
            (Record::A(address), IpAddr::V4(ip)) => same_bits4(address.to_bits(), ip.to_bits(), ip4),
            (Record::Aaaa(address), IpAddr::V6(ip)) => same_bits6(address.to_bits(), ip.to_bits(), ip6),
            _ => false,
        })
    }
}
