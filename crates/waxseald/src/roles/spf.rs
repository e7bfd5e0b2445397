//! SPF for the policy protocol, as in policyd-spf.

use super::{
    spf_exemptions::Exemptions,
    spf_recipients::{self, Recipients},
};
use crate::{
    policy::{Answer, Request},
    settings::{PolicyField, PolicySettings, Reject},
};
use std::time::SystemTime;
use waxseal::{
    authres::{AuthenticationResults, Entry, ResultsStyle, SpfResult},
    dns::{Check, Resolve, drive},
    spf::{Limits, SpfCheck, Verdict},
};

/// The role, with its lists loaded.
#[derive(Debug)]
pub(crate) struct SpfPolicy {
    settings: PolicySettings,
    exemptions: Exemptions,
    host: String,
    recipients: Recipients,
}

/// Which identity a verdict is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Helo,
    MailFrom,
}

impl SpfPolicy {
    pub(crate) fn load(
        settings: &PolicySettings,
        host: &str,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Vec<String>> {
        let exemptions = Exemptions::load(settings, warnings)?;
        let recipients = settings.per_recipient.as_deref();
        let recipients = recipients.map(|path| spf_recipients::load(path, settings, host, warnings));
        let recipients = recipients.transpose()?.unwrap_or_default();
        let mut settings = settings.clone();
        if settings.timeout.is_zero() {
            // policyd-spf's 0 is no limit, and RFC 7208 wants at least 20 seconds.
            settings.timeout = PolicySettings::default().timeout;
        }
        Ok(Self { settings, exemptions, host: host.to_owned(), recipients })
    }

    /// The policy for a recipient, and its name: empty for that of all who have no other.
    pub(crate) fn for_recipient(&self, address: &str) -> (&str, &Self) {
        let own = match self.recipients.is_empty() {
            true => None,
            false => self.recipients.get_key_value(&address.to_ascii_lowercase()),
        };
        own.map_or(("", self), |(name, policy)| (name.as_str(), policy))
    }

    #[cfg(test)]
    pub(super) fn settings(&self) -> &PolicySettings {
        &self.settings
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, request: &Request, dns: &(impl Resolve + ?Sized)) -> Answer {
        let settings = &self.settings;
        let Some(ip) = settings.prospective.or_else(|| request.client()) else { return Answer::Dunno };
        let (sender, helo) = (request.get("sender"), request.get("helo_name"));
        if let Some(why) = self.exemptions.reason(ip, helo, dns).await {
            return self.passed_over(request, why);
        }
        if sender.is_empty() && helo.is_empty() {
            return Answer::Dunno;
        }
        let domain = sender.rsplit_once('@').map_or("unknown", |(_, domain)| domain);
        let helo = if helo.is_empty() { domain } else { helo };
        let now = SystemTime::now();
        let (mut of_helo, mut of_mail_from) = (None, None);
        if settings.helo != Reject::NoCheck {
            let verdict = self.check(SpfCheck::helo(ip, helo, now), dns).await;
            if let Some(refusal) = self.refusal(&verdict, Of::Helo, request) {
                return refusal;
            }
            of_helo = Some(verdict);
        }
        if !sender.is_empty() && settings.mail_from != Reject::NoCheck {
            of_mail_from = Some(self.check(SpfCheck::mail_from(ip, sender, helo, now), dns).await);
        }
        if let Some(restriction) = self.restriction(of_helo.as_ref(), of_mail_from.as_ref()) {
            return restriction;
        }
        let refused = of_mail_from.as_ref().and_then(|verdict| self.refusal(verdict, Of::MailFrom, request));
        if let Some(refusal) = refused {
            return refusal;
        }
        let is_known = |verdict: &Verdict| verdict.result() != SpfResult::None;
        // A HELO that says something says more than a domain without a record.
        let found = match (of_helo, of_mail_from) {
            (Some(helo), Some(mail_from)) if is_known(&helo) && !is_known(&mail_from) => Some(helo),
            (helo, mail_from) => mail_from.or(helo),
        };
        found.map_or(Answer::Dunno, |verdict| self.field(&verdict, request))
    }

    /// What Postfix does with a pass, by the name of one of its restrictions.
    fn restriction(&self, helo: Option<&Verdict>, mail_from: Option<&Verdict>) -> Option<Answer> {
        let settings = &self.settings;
        let of = |verdict: Option<&Verdict>, name: &Option<String>| {
            name.clone().filter(|_| settings.enforce && verdict.is_some_and(Verdict::is_pass))
        };
        let name = of(mail_from, &settings.mail_from_pass).or_else(|| of(helo, &settings.helo_pass))?;
        Some(Answer::Restriction(name))
    }

    async fn check(&self, check: SpfCheck, dns: &(impl Resolve + ?Sized)) -> Verdict {
        let limits = Limits::default().with_max_void_lookups(self.settings.max_void_lookups);
        let check = check.with_limits(limits).with_receiver(self.host.clone());
        drive(Timed(check, self.settings.timeout), dns).await
    }

    /// The reply, if the result is one for which mail is rejected or deferred.
    fn refusal(&self, verdict: &Verdict, of: Of, request: &Request) -> Option<Answer> {
        let settings = &self.settings;
        let sender = request.get("sender");
        let named = match of {
            Of::Helo => request.get("helo_name"),
            Of::MailFrom => sender.rsplit_once('@').map_or("", |(_, domain)| domain),
        };
        let is_strict = settings.not_pass_domains.iter().any(|domain| domain.eq_ignore_ascii_case(named));
        let reject = if of == Of::Helo { settings.helo } else { settings.mail_from };
        let reject = if is_strict { Reject::NotPass } else { reject };
        if reject == Reject::Null && !sender.is_empty() || !settings.enforce {
            return None;
        }
        let (result, errors_count) = (verdict.result(), reject != Reject::Never);
        let is_rejected = match result {
            SpfResult::Fail => errors_count,
            SpfResult::SoftFail => matches!(reject, Reject::NotPass | Reject::SoftFail),
            SpfResult::Neutral => reject == Reject::NotPass,
            SpfResult::PermError => settings.reject_permerror && errors_count,
            _ => false,
        };
        let sends_some = settings.no_mail && verdict.record().is_none_or(|record| record != b"v=spf1 -all");
        if is_rejected && !sends_some {
            let codes = if result == SpfResult::PermError { "550 5.7.24" } else { "550 5.7.23" };
            let text = if settings.enhanced_codes { codes } else { "550" };
            return Some(Answer::Refuse(format!("{text} {}", self.reason("rejected", verdict))));
        }
        let is_deferred = result == SpfResult::TempError && settings.defer_temperror && errors_count;
        let text = if settings.enhanced_codes { "defer_if_permit 4.7.24" } else { "defer_if_permit" };
        is_deferred.then(|| Answer::Refuse(format!("{text} {}", self.reason("deferred", verdict))))
    }

    fn reason(&self, what: &str, verdict: &Verdict) -> String {
        let spf = match verdict.result() {
            SpfResult::Fail => "SPF fail - not authorized",
            SpfResult::SoftFail => "domain owner discourages use of this host",
            SpfResult::Neutral => "access neither permitted nor denied",
            SpfResult::PermError => "SPF Permanent Error",
            _ => "SPF Temporary Error",
        };
        let template = self.settings.reason_message.replace("{rejectdefer}", what).replace("{spf}", spf);
        // The page that policyd-spf names is gone.
        template.replace("Please see {url}", "{url}").replace("{url}", &verdict.reason())
    }

    fn receiver<'r>(&self, request: &'r Request) -> &'r str {
        let recipient = request.get("recipient");
        match recipient.rsplit_once('@') {
            _ if self.settings.hide_receiver || recipient.is_empty() => "<UNKNOWN>",
            Some((_, domain)) => domain,
            None => recipient,
        }
    }

    fn field(&self, verdict: &Verdict, request: &Request) -> Answer {
        let receiver = self.receiver(request);
        match &self.settings.field {
            // Nobody sends it yet.
            _ if self.settings.prospective.is_some() => Answer::Dunno,
            PolicyField::Nothing => Answer::Dunno,
            PolicyField::ReceivedSpf => {
                let field = verdict.received_spf_of_policyd(request.get("sender"), Some(receiver));
                Answer::Prepend(one_line(&field.to_field()))
            }
            PolicyField::AuthenticationResults(_) => self.results(verdict.entry()),
        }
    }

    fn results(&self, entry: Entry) -> Answer {
        let PolicyField::AuthenticationResults(id) = &self.settings.field else { return Answer::Dunno };
        let id = if id == "HOSTNAME" { &self.host } else { id };
        let results = AuthenticationResults::new(id).with_entry(entry).with_style(ResultsStyle::PolicydSpf);
        Answer::Prepend(one_line(&results.to_field()))
    }

    fn passed_over(&self, request: &Request, why: &str) -> Answer {
        let known = |name| Some(request.get(name)).filter(|value| !value.is_empty()).unwrap_or("<UNKNOWN>");
        let (client, helo, sender) = (known("client_address"), known("helo_name"), known("sender"));
        let receiver = self.receiver(request);
        match self.settings.field {
            PolicyField::ReceivedSpf => Answer::Prepend(format!(
                "X-Comment: {why} - client-ip={client}; helo={helo}; envelope-from={sender}; receiver={receiver} "
            )),
            _ => Answer::Dunno,
        }
    }
}

/// A check that takes no longer than the settings allow.
struct Timed(SpfCheck, std::time::Duration);

impl Check for Timed {
    type Output = Verdict;

    fn run(&mut self, dns: &mut waxseal::dns::Answers<'_>) -> Result<Verdict, waxseal::dns::Pending> {
        self.0.run(dns)
    }

    fn time_limit(&self) -> Option<std::time::Duration> {
        Some(self.1)
    }
}

/// A field without its line end, unfolded, as an answer must be.
fn one_line(field: &str) -> String {
    field.trim_end_matches(['\r', '\n']).replace(['\r', '\n'], "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal::{Zone, dns::Question};

    fn answer(settings: PolicySettings, ip: &str, helo: &str, sender: &str) -> String {
        let zone = Zone::new()
            .with_txt("a.example", "v=spf1 ip4:192.0.2.1 -all")
            .and_then(|zone| zone.with_txt("none.example", "v=spf1 -all"))
            .and_then(|zone| zone.with_txt("helo.example", "v=spf1 ip4:192.0.2.1 -all"))
            .unwrap();
        let policy = SpfPolicy::load(&settings, "mx.example", &mut Vec::new()).unwrap();
        let text =
            format!("client_address={ip}\nhelo_name={helo}\nsender={sender}\nrecipient=u@mx.example\n");
        let dns = waxseal::dns::async_resolver_fn(async |q: Question| zone.lookup(&q));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(policy.answer(&Request::parse(text.as_bytes()), &dns)).line().trim_end().to_owned()
    }

    fn settings() -> PolicySettings {
        PolicySettings::default()
    }

    #[test]
    fn a_pass_leads_to_the_restriction_that_is_named() {
        let both = || PolicySettings {
            helo_pass: Some("helo_passed".to_owned()),
            mail_from_pass: Some("mfrom_passed".to_owned()),
            ..settings()
        };
        assert_eq!(answer(both(), "192.0.2.1", "helo.example", "joe@a.example"), "action=mfrom_passed");
        assert_eq!(answer(both(), "192.0.2.1", "helo.example", ""), "action=helo_passed");
        // A HELO that passed counts before a MAIL FROM that failed, as with policyd-spf.
        assert_eq!(answer(both(), "192.0.2.1", "helo.example", "joe@none.example"), "action=helo_passed");
        assert!(answer(both(), "203.0.113.9", "x.example", "joe@a.example").starts_with("action=550 5.7.23"));
        let testing = PolicySettings { enforce: false, ..both() };
        assert!(answer(testing, "192.0.2.1", "helo.example", "joe@a.example").starts_with("action=prepend"));
    }

    #[test]
    fn no_mail_rejects_for_domains_that_send_none() {
        let strict = || PolicySettings { no_mail: true, ..settings() };
        assert!(answer(strict(), "203.0.113.9", "x", "joe@none.example").starts_with("action=550 5.7.23"));
        let said = answer(strict(), "203.0.113.9", "x", "joe@a.example");
        assert!(said.starts_with("action=prepend Received-SPF: Fail (mailfrom)"), "{said}");
    }

    #[test]
    fn test_only_adds_the_field_and_rejects_nothing() {
        let testing = PolicySettings { enforce: false, ..settings() };
        assert_eq!(
            answer(testing, "203.0.113.9", "x", "joe@a.example"),
            "action=prepend Received-SPF: Fail (mailfrom) identity=mailfrom; client-ip=203.0.113.9; helo=x; \
             envelope-from=joe@a.example; receiver=mx.example"
        );
    }

    #[test]
    fn a_prospective_address_stands_in_for_the_client() {
        let of = |ip: &str| PolicySettings {
            prospective: Some(ip.parse().unwrap()),
            helo: Reject::NoCheck,
            ..settings()
        };
        assert_eq!(answer(of("192.0.2.1"), "127.0.0.1", "x", "joe@a.example"), "action=dunno");
        assert!(
            answer(of("203.0.113.9"), "127.0.0.1", "x", "joe@a.example").starts_with("action=550 5.7.23")
        );
    }
}
