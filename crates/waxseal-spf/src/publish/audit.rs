//! A domain's record and everything that it refers to.

use super::{
    Finding, Problem,
    lint::{lint_terms, syntax_finding},
};
use crate::{
    Limits, SpfCheck,
    macros::Letters,
    record::{DomainSpec, Mechanism, Record, Term},
    select::{self, Selected},
};
use bytes::Bytes;
use std::{cmp::Reverse, ops::Range, time::SystemTime};
use waxseal_dns::{Answer, Answers, Check, DomainName, Pending, Question, Record as Data, RecordType};

/// Checks a domain's SPF record and everything that it refers to, for its publisher. A [`Check`], driven like
/// [`SpfCheck`].
///
/// Unlike an evaluation, it follows every term, and so determines the worst case. Each record is also checked by
/// [`lint`](super::lint()).
///
/// ```
/// use waxseal_dns::{Zone, drive_blocking};
/// use waxseal_spf::publish::Audit;
///
/// let dns = Zone::new()
///     .with_txt("example.org", "v=spf1 a:gone.example.org include:_spf.example.net ~all")?
///     .with_txt("_spf.example.net", "v=spf1 mx ip4:192.0.2.0/24 -all")?
///     .with_mx("_spf.example.net", 10, "mx.example.net")?
///     .with_address("mx.example.net", "192.0.2.1".parse()?)?;
/// let report = drive_blocking(Audit::new("example.org".parse()?), &dns);
/// assert_eq!((report.lookups(), report.void_lookups_ip4(), report.void_lookups_ip6()), (3, 1, 2));
/// let shown: Vec<String> = report.findings().iter().map(ToString::to_string).collect();
/// assert_eq!(shown[0], "warning: example.org: a:gone.example.org: finds no record of type A and AAAA, \
///     a void lookup of which 2 are allowed: remove the name or publish it");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Audit {
    domain: DomainName,
    max_queries: usize,
}

impl Audit {
    /// An audit of `domain`.
    pub fn new(domain: DomainName) -> Self {
        Self { domain, max_queries: 200 }
    }

    /// The most DNS queries. Default 200; terms beyond that are not followed.
    #[must_use]
    pub fn with_max_queries(mut self, queries: usize) -> Self {
        self.max_queries = queries;
        self
    }
}

/// What an [`Audit`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    findings: Vec<Finding>,
    records: Vec<(DomainName, Bytes)>,
    lookups: usize,
    void4: usize,
    void6: usize,
}

impl AuditReport {
    /// The problems: errors first, then warnings, then notes, each in the order of evaluation.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The records found, each once, in the order of evaluation; the spans of [`findings`](Self::findings) refer to
    /// them.
    pub fn records(&self) -> impl Iterator<Item = (&DomainName, &[u8])> {
        self.records.iter().map(|(domain, text)| (domain, &**text))
    }

    /// Terms with lookups in the worst case, when nothing matches before the end (RFC 7208 §4.6.4); plus one when any
    /// of them contains `%{p}`, as [`Limits::with_max_terms`](crate::Limits::with_max_terms) counts.
    pub fn lookups(&self) -> usize {
        self.lookups
    }

    /// Void lookups for an IPv4 client in the worst case, as far as they do not depend on the message.
    pub fn void_lookups_ip4(&self) -> usize {
        self.void4
    }

    /// Void lookups for an IPv6 client in the worst case, as far as they do not depend on the message.
    pub fn void_lookups_ip6(&self) -> usize {
        self.void6
    }
}

impl Check for Audit {
    type Output = AuditReport;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<AuditReport, Pending> {
        let report =
            AuditReport { findings: Vec::new(), records: Vec::new(), lookups: 0, void4: 0, void6: 0 };
        let mut walk =
            Walk { dns, left: self.max_queries, pending: false, validated: false, path: Vec::new(), report };
        let missing = walk.record(&self.domain);
        walk.report.findings.extend(missing);
        if walk.pending {
            return Err(Pending);
        }
        let mut report = walk.report;
        if let Some(problem) = Problem::of_lookups(report.lookups) {
            report.findings.push(Finding::from(problem).with_domain(&self.domain));
        }
        for (ip_version, count) in [(4, report.void4), (6, report.void6)] {
            if count > usize::from(Limits::RFC.void_lookups) {
                let problem = Problem::TooManyVoidLookups { ip_version, count };
                report.findings.push(Finding::from(problem).with_domain(&self.domain));
            }
        }
        report.findings.sort_by_key(|finding| Reverse(finding.severity()));
        Ok(report)
    }
}

/// One run. Missing answers do not end it: whatever does not depend on them is asked in the same round.
struct Walk<'d, 'r> {
    dns: &'d mut Answers<'r>,
    left: usize,
    pending: bool,
    /// Whether a `%{p}` was counted: its names are looked up once in a check.
    validated: bool,
    /// The domains between the first record and this one.
    path: Vec<DomainName>,
    report: AuditReport,
}

/// A record whose terms are followed.
struct Published<'a> {
    domain: &'a DomainName,
    text: &'a [u8],
    terms: &'a [(Range<usize>, Term)],
    first_time: bool,
}

impl Walk<'_, '_> {
    /// The record of `domain` and everything that it refers to, or why there is none.
    fn record(&mut self, domain: &DomainName) -> Option<Finding> {
        let answer = match self.ask(domain, RecordType::Txt)? {
            Ok(answer) => answer,
            Err(problem) => return Some(Finding::from(problem).with_domain(domain)),
        };
        self.near_misses(domain, &answer);
        let problem = match Selected::among(&answer.records) {
            Selected::One(text) => return self.text(domain, text, &answer),
            Selected::None => Problem::NoRecord,
            Selected::Several(count) => Problem::SeveralRecords(count),
        };
        Some(Finding::from(problem).with_domain(domain))
    }

    fn text(&mut self, domain: &DomainName, text: &Bytes, answer: &Answer) -> Option<Finding> {
        // An include may occur twice; its problems are reported once.
        let first_time = !self.report.records.iter().any(|(known, _)| known == domain);
        if first_time {
            self.report.records.push((domain.clone(), text.clone()));
        }
        let terms = match Record::parse_with_spans(text) {
            Ok(terms) => terms,
            Err(error) => return Some(syntax_finding(error, text).with_domain(domain)),
        };
        if first_time {
            // RFC 7208 §3.4: "the combined length of the DNS name and the text of all the records of a given type".
            let size = |record: &Data| if let Data::Txt(text) = record { text.len() } else { 0 };
            let bytes = domain.as_str().len() + answer.records.iter().map(size).sum::<usize>();
            let findings = lint_terms(text, &terms, bytes).into_iter();
            self.report.findings.extend(findings.map(|finding| finding.with_domain(domain)));
        }
        self.path.push(domain.clone());
        self.terms(&Published { domain, text, terms: &terms, first_time });
        self.path.pop();
        None
    }

    /// Also when there is a record: correcting the text would make a second one.
    fn near_misses(&mut self, domain: &DomainName, answer: &Answer) {
        for near_miss in select::near_misses(&answer.records) {
            let finding = Finding::from(Problem::NearMiss(near_miss)).with_domain(domain);
            // The same domain may be included twice.
            if !self.report.findings.contains(&finding) {
                self.report.findings.push(finding);
            }
        }
    }

    fn terms(&mut self, record: &Published<'_>) {
        let is_all = |term: &Term| matches!(term, Term::Directive(_, Mechanism::All));
        let has_all = record.terms.iter().any(|(_, term)| is_all(term));
        for (span, term) in record.terms.iter().take_while(|(_, term)| !is_all(term)) {
            let problem = match term {
                Term::Directive(_, mechanism) if mechanism.causes_lookup() => {
                    self.mechanism(record.domain, mechanism)
                }
                _ => None,
            };
            self.report(problem, span, record);
        }
        // Wherever it is, it is evaluated last.
        for (span, term) in record.terms {
            if let (Term::Redirect(spec), false) = (term, has_all) {
                self.count_term(Some(spec));
                let problem = self.follow(record.domain, spec);
                self.report(problem, span, record);
            }
        }
    }

    fn report(&mut self, problem: Option<Problem>, span: &Range<usize>, record: &Published<'_>) {
        let finding = |problem| Finding::from(problem).with_domain(record.domain);
        let finding = problem.map(|problem| finding(problem).with_span(record.text, span.clone()));
        self.report.findings.extend(finding.filter(|_| record.first_time));
    }

    fn mechanism(&mut self, domain: &DomainName, mechanism: &Mechanism) -> Option<Problem> {
        self.count_term(mechanism.domain_spec());
        let target = match mechanism {
            Mechanism::Include(spec) => return self.follow(domain, spec),
            // Its result depends on the client.
            Mechanism::Ptr(_) => return None,
            other => match other.domain_spec().map(|spec| target_name(spec, domain)) {
                None => domain.clone(),
                Some(Ok(target)) => target,
                Some(Err(problem)) => return Some(problem),
            },
        };
        match mechanism {
            Mechanism::Exists(_) => match self.ask(&target, RecordType::A)? {
                Ok(answer) => self.void(answer.is_void(), answer.is_void(), "A"),
                Err(problem) => Some(problem),
            },
            Mechanism::Mx(..) => self.mx(&target),
            _ => self.addresses(&target),
        }
    }

    /// RFC 7208 §4.6.4, the PTR lookup of `%{p}` included.
    fn count_term(&mut self, spec: Option<&DomainSpec>) {
        self.report.lookups += 1;
        if !self.validated && spec.is_some_and(|spec| spec.letters().any_of(Letters::VALIDATED)) {
            self.validated = true;
            self.report.lookups += 1;
        }
    }

    /// Void for one kind of client or for both.
    fn void(&mut self, ip4: bool, ip6: bool, kinds: &str) -> Option<Problem> {
        self.report.void4 += usize::from(ip4);
        self.report.void6 += usize::from(ip6);
        // A host without IPv6 is not a mistake in itself; many of them are, as the sum shows.
        (ip4 && ip6).then(|| Problem::Void(kinds.to_owned()))
    }

    fn addresses(&mut self, host: &DomainName) -> Option<Problem> {
        let (ip4, ip6) = (self.ask(host, RecordType::A), self.ask(host, RecordType::Aaaa));
        match (ip4?, ip6?) {
            (Ok(ip4), Ok(ip6)) => self.void(ip4.is_void(), ip6.is_void(), "A and AAAA"),
            (Err(problem), _) | (_, Err(problem)) => Some(problem),
        }
    }

    fn mx(&mut self, target: &DomainName) -> Option<Problem> {
        let answer = match self.ask(target, RecordType::Mx)? {
            Ok(answer) => answer,
            Err(problem) => return Some(problem),
        };
        if answer.is_void() {
            return self.void(true, true, "MX");
        }
        if answer.records.len() > Limits::RFC.mx_names.into() {
            return Some(Problem::TooManyMxNames(answer.records.len()));
        }
        let mut problem = None;
        for record in answer.records.iter() {
            if let Data::Mx(_, Some(host)) = record {
                // All hosts are looked up, whatever the results of those before.
                let found = self.addresses(host);
                problem = problem.or(found);
            }
        }
        problem
    }

    /// An `include` or `redirect`.
    fn follow(&mut self, domain: &DomainName, spec: &DomainSpec) -> Option<Problem> {
        let target = match target_name(spec, domain) {
            Ok(target) => target,
            Err(problem) => return Some(problem),
        };
        if self.path.contains(&target) {
            return Some(Problem::Loop(target));
        }
        match self.record(&target) {
            Some(finding) if finding.id() == "no-record" => Some(Problem::TargetWithoutRecord(target)),
            Some(finding) => {
                self.report.findings.push(finding);
                None
            }
            None if is_foreign(&target, self.path.first()) => Some(Problem::ForeignInclude(target)),
            None => None,
        }
    }

    /// `None` when the answer is missing, or the limit of queries is reached.
    fn ask(&mut self, name: &DomainName, kind: RecordType) -> Option<Result<Answer, Problem>> {
        self.left = self.left.checked_sub(1)?;
        match self.dns.ask(Question::new(name.clone(), kind)) {
            Ok(Ok(answer)) => Some(Ok(answer)),
            Ok(Err(error)) => Some(Err(Problem::lookup_failed(name, kind, &error))),
            Err(Pending) => {
                self.pending = true;
                None
            }
        }
    }
}

/// The name that a term looks up, if it does not depend on the message.
pub(crate) fn target_name(spec: &DomainSpec, domain: &DomainName) -> Result<DomainName, Problem> {
    if !spec.letters().only(Letters::DOMAIN) {
        return Err(Problem::DependsOnMessage);
    }
    // Only the value of the domain is used.
    let anyone = SpfCheck::helo(std::net::Ipv4Addr::UNSPECIFIED.into(), "", SystemTime::UNIX_EPOCH);
    anyone.expand(spec, domain, None).map_err(|_| Problem::InvalidTarget)
}

/// Neither within the first domain nor next to it, below a common parent of two labels or more.
fn is_foreign(target: &DomainName, first: Option<&DomainName>) -> bool {
    first.is_some_and(|first| {
        let common = target.labels().rev().zip(first.labels().rev()).take_while(|(a, b)| a == b).count();
        common < 2.min(first.label_count())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal_dns::{LookupError, Zone, drive_blocking, lint::Severity};

    fn audit(dns: &Zone) -> AuditReport {
        drive_blocking(Audit::new("example.org".parse().unwrap()), dns)
    }

    fn shown(report: &AuditReport) -> Vec<String> {
        let finding = |finding: &Finding| {
            format!("{} {} {}", finding.domain().unwrap(), finding.excerpt().unwrap_or("-"), finding.id())
        };
        report.findings().iter().map(finding).collect()
    }

    fn zone(records: &[(&str, &str)]) -> Zone {
        records.iter().fold(Zone::new(), |dns, (name, text)| dns.with_txt(name, text).unwrap())
    }

    #[test]
    fn the_worst_case_counts_every_occurrence() {
        let dns = zone(&[
            ("example.org", "v=spf1 include:a.example include:a.example mx:m.example redirect=b.example"),
            ("a.example", "v=spf1 exists:%{i}.x.example include:c.example ptr -all a"),
            ("b.example", "v=spf1 ip4:192.0.2.0/24 -all"),
            ("c.example", "v=spf1 ip4:192.0.2.1 ~all"),
        ]);
        let report = audit(&dns);
        assert_eq!(report.lookups(), 2 * (1 + 3) + 1 + 1);
        assert_eq!((report.void_lookups_ip4(), report.void_lookups_ip6()), (1, 1));
        assert_eq!(report.records().count(), 4);
        assert_eq!(report.findings()[0].severity(), Severity::Warning);
        assert_eq!(
            shown(&report),
            [
                "example.org include:a.example duplicate",
                "a.example ptr ptr",
                "a.example a behind-all",
                "example.org mx:m.example void",
                "a.example exists:%{i}.x.example depends-on-message",
                "a.example include:c.example foreign-include",
                "example.org include:a.example foreign-include",
                "example.org include:a.example foreign-include",
                "example.org redirect=b.example foreign-include",
            ]
        );
    }

    #[test]
    fn broken_targets() {
        let dns = zone(&[
            (
                "example.org",
                "v=spf1 include:none.example.org include:two.example.org include:bad.example.org include:a..example.org \
                 include:loop.example.org a:slow.example.org include:%{d} -all",
            ),
            ("two.example.org", "v=spf1 -all"),
            ("two.example.org", "v=spf1 -all"),
            ("bad.example.org", "v=spf1 moo"),
            ("loop.example.org", "v=spf1 include:example.org -all"),
        ])
        .with_error("slow.example.org", LookupError::Timeout)
        .unwrap();
        let report = audit(&dns);
        assert_eq!(
            shown(&report),
            [
                "example.org include:none.example.org target-without-record",
                "two.example.org - several-records",
                "bad.example.org moo syntax",
                "example.org include:a..example.org invalid-target",
                "loop.example.org include:example.org loop",
                "example.org a:slow.example.org lookup-failed",
                "example.org include:%{d} loop",
            ]
        );
    }

    #[test]
    fn texts_that_are_nearly_records_are_shown() {
        let dns = zone(&[
            ("example.org", "v=spf1 include:a.example.org include:a.example.org -all"),
            ("example.org", "v=spf1; ip4:192.0.2.1; -all"),
            ("example.org", "v=DMARC1; p=none"),
            ("a.example.org", "\"v=spf1 -all\""),
            ("a.example.org", " v=spf1 -all"),
        ]);
        let report = audit(&dns);
        assert_eq!(
            shown(&report),
            [
                "example.org include:a.example.org target-without-record",
                "example.org include:a.example.org target-without-record",
                "example.org - near-miss",
                "example.org include:a.example.org duplicate",
                "a.example.org - near-miss",
                "a.example.org - near-miss",
            ]
        );
        let texts: Vec<_> = report.findings().iter().map(ToString::to_string).collect();
        assert_eq!(
            texts[4],
            "warning: a.example.org: not an SPF record, receivers ignore it: \\\"v=spf1 -all\\\": remove the quotes, \
             which only zone files need"
        );
        let nearly = audit(&zone(&[("example.org", "v=spf1\tmx -all")]));
        assert_eq!(shown(&nearly), ["example.org - no-record", "example.org - near-miss"]);
    }

    #[test]
    fn limits_of_receivers() {
        let includes: String = (0..11).map(|n| format!("a:h{n}.example.org ")).collect();
        let report = audit(&zone(&[("example.org", &format!("v=spf1 {includes}-all"))]));
        let ids: Vec<_> = report.findings().iter().map(|finding| finding.id()).collect();
        assert_eq!(ids[..3], ["too-many-lookups", "too-many-void-lookups", "too-many-void-lookups"]);
        assert_eq!(report.lookups(), 11);
    }

    #[test]
    fn nothing_there() {
        assert_eq!(shown(&audit(&Zone::new())), ["example.org - no-record"]);
        let failing = Zone::new().with_error("example.org", LookupError::ServerFailure).unwrap();
        assert_eq!(shown(&audit(&failing)), ["example.org - lookup-failed"]);
    }

    /// A tree of includes that doubles at every level ends at the cap of queries.
    #[test]
    fn a_tree_without_end() {
        let mut dns = zone(&[("example.org", "v=spf1 include:a0.example.org include:b0.example.org -all")]);
        for n in 0..40 {
            for side in ["a", "b"] {
                let text =
                    format!("v=spf1 include:a{m}.example.org include:b{m}.example.org -all", m = n + 1);
                dns = dns.with_txt(&format!("{side}{n}.example.org"), text).unwrap();
            }
        }
        assert!(audit(&dns).lookups() > 100);
    }

    #[test]
    fn questions_of_one_level_are_asked_together() {
        let dns = zone(&[
            ("example.org", "v=spf1 include:a.example include:b.example a mx -all"),
            ("a.example", "v=spf1 a -all"),
            ("b.example", "v=spf1 a -all"),
        ]);
        let mut check = Audit::new("example.org".parse().unwrap());
        let mut answers = Answers::new();
        while check.run(&mut answers).is_err() {
            for question in answers.take_wanted() {
                let reply = dns.lookup(&question);
                answers.answer(question, reply);
            }
        }
        assert_eq!(answers.rounds(), 3);
    }
}
