//! The evaluation of a message (RFC 9989 §5.3) as a pure check over DNS answers.

use crate::{
    Alignment, AuthorVerdict, Cause, Disposition, DomainPolicy, Identifier, LocalPolicy, MethodResult,
    PolicyTag, PublicSuffixList, Record, Scope, Step, Verdict,
    align::{self, Match},
    discover::{self, OrganizationalDomain, OrganizationalRule, Walk},
    record::Requested,
    unclear::Unclear,
    verdict::Applied,
};
use std::cmp::Reverse;
use waxseal_authres::{DkimResult, DmarcResult, SpfResult};
use waxseal_dns::{Answers, Check, DomainName, Existence, LookupError, Pending, Question};
use waxseal_header::{Authors, Header, HeaderError, UnclearAuthor};

/// The input of DMARC: the authors of a message, and the results of DKIM and SPF, whoever produced them.
///
/// ```
/// use waxseal_authres::{DkimResult, SpfResult};
/// use waxseal_dmarc::Identifiers;
/// use waxseal_header::Header;
///
/// let (header, _) = Header::parse(b"From: News <news@example.org>\r\n\r\n")?;
/// let identifiers = Identifiers::from_header(&header)
///     .with_dkim("example.org".parse()?, DkimResult::Pass) // d= of one signature
///     .with_spf("bounce.example.org".parse()?, SpfResult::Pass); // of MAIL FROM
/// # let _ = identifiers;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Identifiers {
    authors: Result<Vec<DomainName>, Box<Unclear>>,
    /// Domains of addresses in display names, and the resulting error if the policy refuses them.
    misleading: Option<Box<(Vec<String>, Unclear)>>,
    results: Vec<(DomainName, MethodResult)>,
}

impl Identifiers {
    /// A message by one author.
    pub fn new(author: DomainName) -> Self {
        Self::with_authors([author])
    }

    /// A message by the authors in its From field, as read by [`Authors`]. A message without a clear author is not an
    /// error here, but gets a verdict that fails closed: permerror, with the strictest policy of the domains that
    /// programs may show ([`LocalPolicy::with_invalid_from`] if there is none).
    pub fn from_header(header: &Header) -> Self {
        Self::by(Authors::from_header(header))
    }

    /// The same for the value of the only From field, when the rest of the header is not available.
    ///
    /// ```
    /// use waxseal_dmarc::{DmarcCheck, Identifiers};
    /// use waxseal_dns::{Zone, drive_blocking};
    /// let evaluation = DmarcCheck::new(Identifiers::from_value(b"ceo@bank.example\r\nFrom: u@evil.example"));
    /// let verdict = drive_blocking(evaluation, &Zone::new());
    /// assert_eq!(verdict.to_string(), "dmarc=permerror (no clear author: From: control character 0x0a at offset 17)");
    /// ```
    pub fn from_value(value: &[u8]) -> Self {
        Self::by(Authors::parse(value))
    }

    fn by(authors: Result<Authors, UnclearAuthor>) -> Self {
        let authors = match authors {
            Ok(authors) => authors,
            Err(unclear) => return Self::without_author(unclear.into()),
        };
        let domains = authors.addresses().iter().map(|address| author_domain(address.domain()));
        let input = match domains.collect::<Result<Vec<_>, _>>() {
            Ok(domains) => Self::with_authors(domains),
            Err(cause) => {
                let unclear = authors.domains().fold(Unclear::from(cause), Unclear::with_domain);
                return Self::without_author(unclear);
            }
        };
        let names = authors.domains_in_names().to_vec();
        let misleading = authors.without_misleading_names().err();
        let misleading = misleading.map(|unclear| Box::new((names, unclear.into())));
        Self { misleading, ..input }
    }

    /// A message whose header was refused, for programs that use a [`Splitter`](waxseal_header::Splitter): its author
    /// is unknown, and the verdict fails closed.
    pub fn without_header(error: HeaderError) -> Self {
        Self::without_author(Cause::Header(error).into())
    }

    fn without_author(unclear: Unclear) -> Self {
        Self { authors: Err(Box::new(unclear)), misleading: None, results: Vec::new() }
    }

    /// A message by several authors; duplicates count once.
    pub fn with_authors(authors: impl IntoIterator<Item = DomainName>) -> Self {
        let mut distinct = Vec::new();
        for author in authors {
            if !distinct.contains(&author) {
                distinct.push(author);
            }
        }
        if distinct.is_empty() {
            return Self::without_author(Cause::NoAuthor.into());
        }
        Self { authors: Ok(distinct), misleading: None, results: Vec::new() }
    }

    /// Adds the result of one DKIM signature; `domain` is its `d=`. Add every signature separately; none affects
    /// another.
    pub fn with_dkim(mut self, domain: DomainName, result: DkimResult) -> Self {
        self.results.push((domain, MethodResult::Dkim(result)));
        self
    }

    /// Sets the result of SPF for the MAIL FROM identity; `domain` is the domain of MAIL FROM. Never pass a result
    /// about HELO (RFC 9989 §4.4.2: "DMARC relies solely on SPF validation of the MAIL FROM identity"; CVE-2019-20790):
    /// the one exception is [`Identifiers::with_spf_of_null_sender`].
    pub fn with_spf(mut self, domain: DomainName, result: SpfResult) -> Self {
        self.results.retain(|(_, result)| matches!(result, MethodResult::Dkim(_)));
        self.with_further_spf(domain, result)
    }

    /// Adds the result of SPF for one more MAIL FROM identity. A message in transit has one, so
    /// [`Identifiers::with_spf`] is enough; a report of RFC 7489 about several messages may name several. Each is
    /// judged separately, like signatures.
    pub fn with_further_spf(mut self, domain: DomainName, result: SpfResult) -> Self {
        self.results.push((domain, MethodResult::Spf(result)));
        self
    }

    /// Sets the result of SPF when MAIL FROM was the null reverse-path `<>`: then the MAIL FROM identity is `postmaster@` HELO
    /// (RFC 7208 §2.4), and `helo` is the domain.
    pub fn with_spf_of_null_sender(self, helo: DomainName, result: SpfResult) -> Self {
        self.with_spf(helo, result)
    }

    /// DKIM before SPF.
    fn identifiers(&self) -> impl Iterator<Item = (&DomainName, MethodResult)> {
        let of = |dkim: bool| {
            let wanted = move |(_, result): &&(_, _)| matches!(result, MethodResult::Dkim(_)) == dkim;
            self.results.iter().filter(wanted).map(|(domain, result)| (domain, *result))
        };
        of(true).chain(of(false))
    }
}

pub(crate) fn author_domain(domain: &str) -> Result<DomainName, Cause> {
    // RFC 9989 §5.3.1: "If the domain is a U-label, the domain MUST be converted to an A-label"
    DomainName::new(domain).map_err(|source| Cause::InvalidAuthor(domain.to_ascii_lowercase(), source))
}

/// The DMARC check of a message (RFC 9989 §5.3), for a driver such as [`drive_blocking`](waxseal_dns::drive_blocking).
///
/// ```
/// use waxseal_authres::{DkimResult, SpfResult};
/// use waxseal_dmarc::{DmarcCheck, Identifiers};
/// use waxseal_dns::{Zone, drive_blocking};
///
/// let dns = Zone::new().with_txt("_dmarc.example.org", "v=DMARC1; p=reject; sp=quarantine")?;
/// let input = Identifiers::new("news.example.org".parse()?)
///     .with_dkim("example.net".parse()?, DkimResult::Pass)
///     .with_spf("bounce.example.org".parse()?, SpfResult::Pass);
/// let verdict = drive_blocking(DmarcCheck::new(input), &dns);
/// assert_eq!(
///     verdict.to_string(),
///     "dmarc=pass header.from=news.example.org (spf identifier bounce.example.org is aligned)"
/// );
/// assert_eq!(
///     verdict.entry().to_string(),
///     "dmarc=pass (p=quarantine dis=none) header.from=news.example.org policy.dmarc=quarantine"
/// );
/// # Ok::<(), waxseal_dns::InvalidDomainName>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct DmarcCheck {
    input: Identifiers,
    pub(crate) local: LocalPolicy,
}

impl DmarcCheck {
    /// A check with the default [`LocalPolicy`].
    pub fn new(identifiers: Identifiers) -> Self {
        Self { input: identifiers, local: LocalPolicy::default() }
    }

    /// Sets the local policy.
    pub fn with_local_policy(self, local: LocalPolicy) -> Self {
        Self { local, ..self }
    }
}

impl Check for DmarcCheck {
    type Output = Verdict;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Verdict, Pending> {
        let limit = self.local.max_authors;
        let authors = match (&self.input.authors, &self.input.misleading) {
            (Ok(_), Some(misleading)) if self.local.misleading_name_refused => {
                return self.unclear(dns, &misleading.1);
            }
            (Ok(authors), _) if authors.len() > limit => {
                return self.unclear(dns, &Unclear::too_many(authors, limit));
            }
            (Ok(authors), _) => authors,
            (Err(unclear), _) => return self.unclear(dns, unclear),
        };
        // All authors ask their questions before a missing answer ends the run.
        let (mut verdicts, mut missing) = (Vec::with_capacity(authors.len()), None);
        for author in authors {
            match self.author(dns, author) {
                Ok(verdict) => verdicts.push(verdict),
                Err(pending) => missing = Some(pending),
            }
        }
        missing.map_or_else(|| Ok(self.verdict(verdicts)), Err)
    }
}

/// Whether the Author Domain exists, or the question that failed.
type Existing = Result<Existence, (Question, LookupError)>;

/// How the identifiers of an author are compared.
struct Author<'e> {
    domain: &'e DomainName,
    record: &'e Record,
    suffixes: Option<&'e dyn PublicSuffixList>,
}

impl DmarcCheck {
    fn verdict(&self, authors: Vec<AuthorVerdict>) -> Verdict {
        // §11.5: "apply the most strict policy selected among the checks that fail". An undecided author may have a
        // stricter policy than a check that fails.
        let severity = |author: &AuthorVerdict| {
            let asked = match self.local.can_defer() {
                true => self.disposition_if_failed(author),
                // Nothing is retried later.
                false => self.disposition(author),
            };
            let word = match author.result() {
                DmarcResult::Pass => 0,
                DmarcResult::None => 1,
                DmarcResult::Fail if asked == Disposition::None => 2,
                DmarcResult::TempError => 3,
                _ => 4,
            };
            (asked, word, author.evaluated_policy())
        };
        let worst =
            authors.iter().enumerate().max_by_key(|(index, author)| (severity(author), Reverse(*index)));
        let decisive = worst.map_or(0, |(index, _)| index);
        let disposition = worst.map_or(Disposition::None, |(_, author)| self.disposition(author));
        let cause = worst.map_or(Cause::NoAuthor, |(_, author)| author.cause.clone());
        let domains_in_names =
            self.input.misleading.as_ref().map(|misleading| misleading.0.clone()).unwrap_or_default();
        Verdict { decisive, authors, domains_in_names, ..Verdict::without_author(cause, disposition) }
    }

    fn disposition(&self, author: &AuthorVerdict) -> Disposition {
        match author.result() {
            DmarcResult::TempError if !author.is_aligned() => {
                self.local.disposition_for_now(author.evaluated_policy())
            }
            _ => self.disposition_if_failed(author),
        }
    }

    /// The disposition of the message if this author's check fails, for authors whose check did or still may.
    fn disposition_if_failed(&self, author: &AuthorVerdict) -> Disposition {
        match (author.result(), author.evaluated_policy()) {
            (DmarcResult::Fail, Some(policy)) => self.local.disposition(policy),
            // Whatever the record, an identifier that equals the Author Domain is aligned.
            (DmarcResult::TempError, _) if author.is_aligned() => Disposition::None,
            (DmarcResult::TempError, policy) => {
                self.local.disposition(policy.unwrap_or(DomainPolicy::Reject))
            }
            _ => Disposition::None,
        }
    }

    fn suffixes(&self) -> Option<&dyn PublicSuffixList> {
        self.local.suffixes.as_deref()
    }

    pub(crate) fn author(
        &self,
        dns: &mut Answers<'_>,
        domain: &DomainName,
    ) -> Result<AuthorVerdict, Pending> {
        let mut verdict = AuthorVerdict::without_policy(domain, self.discover(dns, domain)?);
        let applied = self
            .policy_step(&verdict.walk)
            .and_then(|step| Some((step.record()?.clone(), step.domain.clone())));
        let Some((record, record_at)) = applied else {
            verdict.organization = self.organization(&verdict.walk);
            verdict.identifiers = match verdict.walk.error() {
                Some(failed) => self.without_record(domain, failed),
                None => self.not_needed(),
            };
            return Ok(verdict);
        };
        let author = Author { domain, record: &record, suffixes: self.suffixes() };
        // Existence and alignment are looked up together.
        let existence = existence(dns, &author, &record_at, &verdict.walk);
        let compared = self.identifiers(dns, &author, &mut verdict);
        let existence = existence?;
        compared?;
        verdict.exists = match &existence {
            Some(Ok(existence)) => Some(*existence == Existence::Exists),
            _ => None,
        };
        let requested = match &existence {
            Some(Err(_)) => author.strictest(),
            _ => author.requested(author.scope(&record_at, verdict.exists)),
        };
        verdict.cause = match requested {
            Err(tag) => Cause::NoPolicy(record_at.clone(), tag),
            Ok(_) => cause(&verdict, existence),
        };
        let requested = requested.ok();
        let evaluated = requested.map(|requested| author.evaluated(requested.policy));
        verdict.applied = Some(Applied { record, record_at, requested, evaluated });
        Ok(verdict)
    }

    /// The names that may have the record: as few as needed.
    fn discover(&self, dns: &mut Answers<'_>, domain: &DomainName) -> Result<Walk, Pending> {
        let first = discover::step(dns, self.local.records(), domain)?;
        let own = first.record().is_some();
        let Some(list) = self.suffixes() else {
            return if own && !self.local.always_walk {
                Ok(discover::only(first))
            } else {
                discover::finish(dns, self.local.records(), first)
            };
        };
        // RFC 7489 §6.6.3: "If the set is now empty, the Mail Receiver MUST query the DNS for a DMARC TXT record at the DNS
        // domain matching the Organizational Domain"; "If the remaining set contains multiple records ... policy discovery
        // terminates".
        let empty = matches!(first.found(), crate::Found::Nothing(_) | crate::Found::NameTooLong);
        let mut walk = discover::only(first);
        let organization = list.organizational_domain(domain);
        if empty && organization != *domain {
            walk.steps.push(discover::step(dns, self.local.records(), &organization)?);
        }
        Ok(walk)
    }

    fn policy_step<'w>(&self, walk: &'w Walk) -> Option<&'w Step> {
        match self.suffixes() {
            None => walk.policy_step(),
            Some(_) => walk.steps().iter().find(|step| step.record().is_some()),
        }
    }

    fn organization(&self, walk: &Walk) -> Option<OrganizationalDomain> {
        match self.suffixes() {
            None => walk.organizational_domain(),
            Some(list) => Some(OrganizationalDomain {
                domain: list.organizational_domain(walk.start()),
                rule: OrganizationalRule::SuffixList,
            }),
        }
    }

    fn not_needed(&self) -> Vec<Identifier> {
        self.input
            .identifiers()
            .map(|(domain, result)| Identifier::new(domain, result, Match::NotNeeded, None))
            .collect()
    }

    /// The alignment of the identifiers when it is not known which record applies to the author.
    fn without_record(&self, author: &DomainName, failed: (Question, &LookupError)) -> Vec<Identifier> {
        let (question, error) = failed;
        let unknown = || Match::Failed { question: question.clone(), error: error.clone() };
        self.input
            .identifiers()
            .map(|(domain, result)| {
                let known = align::compare(author, domain, result, Alignment::Relaxed);
                Identifier::new(domain, result, known.unwrap_or_else(unknown), None)
            })
            .collect()
    }

    /// Compares every identifier with the author, and finds the Organizational Domain of the author if needed.
    fn identifiers(
        &self,
        dns: &mut Answers<'_>,
        author: &Author<'_>,
        verdict: &mut AuthorVerdict,
    ) -> Result<(), Pending> {
        if author.requested(Scope::Domain).is_err() {
            verdict.organization = self.local.always_walk.then(|| self.organization(&verdict.walk)).flatten();
            verdict.identifiers = self.not_needed();
            return Ok(());
        }
        let compare = |domain, result| align::compare(author.domain, domain, result, author.mode(result));
        let needed = self.input.identifiers().any(|(domain, result)| compare(domain, result).is_none());
        self.find_organization(dns, author, verdict, needed)?;
        let mut walks = Walks::new(self.local.max_identifiers);
        // All identifiers ask their questions before a missing answer ends the run.
        let compared: Vec<_> = self
            .input
            .identifiers()
            .map(|(domain, result)| {
                let (match_, walk) = match compare(domain, result) {
                    Some(known) => (known, None),
                    None if author.takes_walk(verdict, domain) && !walks.admit(result) => {
                        (Match::OverLimit { limit: walks.limit }, None)
                    }
                    None => self.compare_organizations(dns, verdict, domain)?,
                };
                Ok(Identifier::new(domain, result, match_, walk))
            })
            .collect();
        verdict.identifiers = compared.into_iter().collect::<Result<_, Pending>>()?;
        Ok(())
    }

    /// The Organizational Domain of the author, when an identifier needs it, the policy requests it, or it is known
    /// already.
    fn find_organization(
        &self,
        dns: &mut Answers<'_>,
        author: &Author<'_>,
        verdict: &mut AuthorVerdict,
        needed: bool,
    ) -> Result<(), Pending> {
        if needed && author.suffixes.is_none() && verdict.walk.steps().len() == 1 {
            let own = verdict.walk.steps.remove(0);
            verdict.walk = discover::finish(dns, self.local.records(), own)?;
        }
        let walked = needed || self.local.always_walk || verdict.walk.steps().len() > 1;
        verdict.organization = walked.then(|| self.organization(&verdict.walk)).flatten();
        Ok(())
    }

    fn compare_organizations(
        &self,
        dns: &mut Answers<'_>,
        verdict: &AuthorVerdict,
        domain: &DomainName,
    ) -> Result<(Match, Option<Walk>), Pending> {
        match (&verdict.organization, verdict.walk.error()) {
            (Some(organization), _) => align::compare_organizations(dns, organization, domain, &self.local),
            (None, Some((question, error))) => Ok((Match::Failed { question, error: error.clone() }, None)),
            (None, None) => Ok((Match::Outside(None), None)),
        }
    }
}

/// Counts the tree walks of identifiers. The limit is per method, so that a flood of signatures does not displace SPF,
/// and counts only identifiers that cost lookups, so that no number of invalid signatures displaces a good one.
struct Walks {
    limit: usize,
    dkim: usize,
    spf: usize,
}

impl Walks {
    fn new(limit: usize) -> Self {
        Self { limit, dkim: 0, spf: 0 }
    }

    /// Whether one more is allowed for this method.
    fn admit(&mut self, result: MethodResult) -> bool {
        let made = match result {
            MethodResult::Dkim(_) => &mut self.dkim,
            MethodResult::Spf(_) => &mut self.spf,
        };
        *made += 1;
        *made <= self.limit
    }
}

impl Author<'_> {
    /// The requested policy, or the tag for which the record has no effect.
    fn requested(&self, scope: Scope) -> Result<Requested, PolicyTag> {
        match self.suffixes {
            None => self.record.select(scope),
            Some(_) => self.record.select_7489(scope),
        }
    }

    /// Which tag holds the policy, depending on the domain of the record and whether the author exists.
    fn scope(&self, record_at: &DomainName, exists: Option<bool>) -> Scope {
        match exists {
            _ if record_at == self.domain => Scope::Domain,
            Some(false) => Scope::NonExistent,
            _ => Scope::Subdomain,
        }
    }

    /// The policy when it is unknown whether the author exists.
    fn strictest(&self) -> Result<Requested, PolicyTag> {
        let (subdomain, other) = (self.requested(Scope::Subdomain)?, self.requested(Scope::NonExistent)?);
        Ok(if other.policy > subdomain.policy { other } else { subdomain })
    }

    /// The policy after `t=`, or `pct=0` of RFC 7489.
    fn evaluated(&self, policy: DomainPolicy) -> DomainPolicy {
        if self.is_lowered() { policy.lowered() } else { policy }
    }

    fn mode(&self, result: MethodResult) -> Alignment {
        match result {
            MethodResult::Dkim(_) => self.record.dkim_alignment(),
            MethodResult::Spf(_) => self.record.spf_alignment(),
        }
    }

    /// Whether `domain` needs a tree walk: RFC 9989 §4.10.2, unless it is outside the author's organization anyway.
    fn takes_walk(&self, verdict: &AuthorVerdict, domain: &DomainName) -> bool {
        let within = |organization: &OrganizationalDomain| domain.is_within(&organization.domain);
        self.suffixes.is_none() && verdict.organization.as_ref().is_some_and(within)
    }

    /// RFC 9989 §4.7: `t=y` asks for "one level below the specified policy". RFC 7489 §6.6.4: mail that `pct=` spares
    /// is treated "as though the "quarantine" policy applies" in place of reject, and gets "local message classification
    /// as normal" in place of quarantine.
    fn is_lowered(&self) -> bool {
        match self.suffixes {
            None => self.record.is_testing(),
            Some(_) => self.record.percentage() == Some(0),
        }
    }
}

/// Whether the Author Domain exists, if it matters. RFC 9989 §3.2.13: it does not if "the response code received for a
/// query for a domain name is NXDOMAIN"; any type of query tells. A dangling alias exists, see [`Existence`]: the code
/// is about its target (RFC 8020 §2), and "if any RR exists for a domain, then the domain exists" (RFC 9989 §A.4).
fn existence(
    dns: &mut Answers<'_>,
    author: &Author<'_>,
    record_at: &DomainName,
    walk: &Walk,
) -> Result<Option<Existing>, Pending> {
    let policy = |scope| author.requested(scope).ok().map(|requested| requested.policy);
    if record_at == author.domain || policy(Scope::Subdomain) == policy(Scope::NonExistent) {
        return Ok(None);
    }
    // RFC 8020: where a name exists, so do those above it.
    let below = walk.steps().first().map(Step::found);
    if matches!(below, Some(crate::Found::Nothing(Existence::Exists) | crate::Found::Several(_))) {
        return Ok(Some(Ok(Existence::Exists)));
    }
    let question = Question::a(author.domain.clone());
    let reply = dns.ask(question.clone())?;
    Ok(Some(reply.map(|answer| answer.existence).map_err(|error| (question, error))))
}

/// The cause for an author to whom a policy applies.
fn cause(verdict: &AuthorVerdict, existence: Option<Existing>) -> Cause {
    let identifiers = &verdict.identifiers;
    if let Some(Identifier { domain, result, .. }) = identifiers.iter().find(|id| id.is_aligned()) {
        return Cause::Aligned(domain.clone(), *result);
    }
    if let Some(id) = identifiers.iter().find(|id| id.is_undecided()) {
        return match &id.match_ {
            Match::Failed { question, error } => Cause::Lookup(question.clone(), error.clone()),
            _ => Cause::Undecided(id.domain.clone(), id.result),
        };
    }
    if let Some(Err((question, source))) = existence {
        return Cause::Lookup(question, source);
    }
    match identifiers.iter().any(|id| id.result.is_pass()) {
        true => Cause::NotAligned(verdict.domain.clone()),
        false => Cause::NotAuthenticated,
    }
}
