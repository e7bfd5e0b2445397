//! SPF for the policy protocol, as policyd-spf does it.

use crate::{
    hosts::Hosts,
    policy::{Answer, Request},
    resolver::Dns,
    settings::{PolicyField, PolicySettings, Reject},
};
use std::time::SystemTime;
use waxseal::{
    authres::{AuthenticationResults, Entry, ResultsStyle, SpfResult},
    dns::{Check, drive},
    spf::{Limits, SpfCheck, Verdict},
};

/// The role, with its lists loaded.
#[derive(Debug)]
pub(crate) struct SpfPolicy {
    settings: PolicySettings,
    skip: Hosts,
    whitelist: Hosts,
    host: String,
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
        let mut hosts = |option, spec: &str| match spec {
            "" => Ok(Hosts::default()),
            spec => Hosts::load(option, &format!("csl:{spec}"), warnings).map_err(|error| vec![error]),
        };
        let skip = hosts("skip_addresses", &settings.skip)?;
        let whitelist = hosts("Whitelist", settings.whitelist.as_deref().unwrap_or_default())?;
        Ok(Self { settings: settings.clone(), skip, whitelist, host: host.to_owned() })
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, request: &Request, dns: &Dns) -> Answer {
        let Some(ip) = request.client() else { return Answer::Dunno };
        let settings = &self.settings;
        if self.skip.contain("", Some(ip)) {
            return self.passed_over(request, "SPF check N/A for local connections");
        }
        if self.whitelist.contain("", Some(ip)) {
            return self.passed_over(request, "SPF skipped for whitelisted relay");
        }
        let (sender, helo) = (request.get("sender"), request.get("helo_name"));
        if settings.helo_whitelist.iter().any(|known| known.eq_ignore_ascii_case(helo)) {
            return self.passed_over(request, "SPF skipped for whitelisted HELO");
        }
        if sender.is_empty() && helo.is_empty() {
            return Answer::Dunno;
        }
        let domain = sender.rsplit_once('@').map_or("unknown", |(_, domain)| domain);
        let helo = if helo.is_empty() { domain } else { helo };
        let now = SystemTime::now();
        let mut found = None;
        if settings.helo != Reject::NoCheck {
            let verdict = self.check(SpfCheck::helo(ip, helo, now), dns).await;
            if let Some(refusal) = self.refusal(&verdict, Of::Helo, request) {
                return refusal;
            }
            found = Some(verdict);
        }
        if !sender.is_empty() && settings.mail_from != Reject::NoCheck {
            let verdict = self.check(SpfCheck::mail_from(ip, sender, helo, now), dns).await;
            if let Some(refusal) = self.refusal(&verdict, Of::MailFrom, request) {
                return refusal;
            }
            let is_known = |verdict: &Verdict| verdict.result() != SpfResult::None;
            // A HELO that says something says more than a domain without a record.
            if is_known(&verdict) || !found.as_ref().is_some_and(is_known) {
                found = Some(verdict);
            }
        }
        found.map_or(Answer::Dunno, |verdict| self.field(&verdict, request))
    }

    async fn check(&self, check: SpfCheck, dns: &Dns) -> Verdict {
        let limits = Limits::default().with_max_void_lookups(self.settings.max_void_lookups);
        let check = check.with_limits(limits).with_receiver(self.host.clone());
        drive(Timed(check, self.settings.timeout), &**dns).await
    }

    /// The reply, when the result is one for which mail is rejected or deferred.
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
        if is_rejected {
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

/// A check that waits no longer than the settings say.
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

/// A field without its end, on one line, as an answer has to be.
fn one_line(field: &str) -> String {
    field.trim_end_matches(['\r', '\n']).replace(['\r', '\n'], "")
}
