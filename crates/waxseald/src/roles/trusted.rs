//! DMARC behind a border relay: the results of DKIM and SPF that other programs of the site wrote into the header.

use crate::settings::TrustSettings;
use waxseal::{
    AuthservIds,
    authres::{DkimResult, ParsedReceivedSpf, ReceivedSpf, SpfResult},
    dmarc::Identifiers,
    header::Header,
};

/// Whose results count.
#[derive(Debug)]
pub(crate) struct Trusted {
    ids: AuthservIds,
    received_spf: bool,
    ignores_spf: bool,
    self_validate: bool,
}

/// What the header of a message says.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) identifiers: Identifiers,
    /// Whether SPF is checked here nevertheless.
    pub(crate) checks_spf: bool,
    /// For the log.
    pub(crate) shown: String,
}

impl Trusted {
    /// `authserv_id` and `host` are the names of this host. `None` if no program is named and everything is checked here.
    pub(crate) fn new(settings: &TrustSettings, authserv_id: &str, host: &str) -> Option<Self> {
        if settings.ids.is_empty() && !settings.received_spf {
            return None;
        }
        let named = settings.ids.iter().map(|id| if id == "HOSTNAME" { host } else { id.as_str() });
        let ids: Vec<_> = named.collect();
        // Behind a border relay, the client is the relay: where its address may send for a domain, all mail would pass.
        let is_own = |id: &&str| id.eq_ignore_ascii_case(authserv_id) || id.eq_ignore_ascii_case(host);
        let self_validate = settings.self_validate.unwrap_or_else(|| ids.iter().all(is_own));
        Some(Self {
            ids: AuthservIds::new(if ids.is_empty() { vec![authserv_id] } else { ids }),
            received_spf: settings.received_spf,
            ignores_spf: settings.ignores_spf,
            self_validate,
        })
    }

    /// Reads the header. `Identifiers::with_trusted_results` describes which results count.
    pub(crate) fn read(&self, header: &Header, mail_from: &[u8]) -> Told {
        let trusted: Vec<_> = self.ids.trusted(header, header.len()).collect();
        let dkim = trusted.iter().map(|results| results.results_of::<DkimResult>().count()).sum::<usize>();
        let has_spf = trusted.iter().any(|results| results.results_of::<SpfResult>().next().is_some());
        let names: Vec<_> = trusted.iter().filter_map(|results| results.authserv_id()).collect();
        let mut shown =
            format!("{} dkim={dkim}", if names.is_empty() { "-".to_owned() } else { names.join(",") });
        let received = received_spf(header).filter(|_| self.received_spf && !self.ignores_spf && !has_spf);
        let is_known = !self.ignores_spf && (has_spf || received.is_some());
        // No result of SPF names a path that is none.
        let path = if self.ignores_spf { b"@" } else { mail_from };
        let mut identifiers =
            Identifiers::from_header(header).with_trusted_results(trusted.iter().cloned(), path);
        if let Some(field) = received {
            shown.push_str(" Received-SPF");
            identifiers = identifiers.with_trusted_received_spf(&field, mail_from);
        }
        Told { identifiers, checks_spf: !is_known && self.self_validate, shown }
    }
}

/// The topmost field, which is the site's own if its policy service adds one to every message.
fn received_spf(header: &Header) -> Option<ParsedReceivedSpf<'_>> {
    let field = header.fields().find(|field| field.is("Received-SPF"))?;
    ReceivedSpf::parse(field.value()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal::{
        Zone,
        dmarc::{DmarcCheck, Verdict},
        dns::drive_blocking,
    };

    fn settings() -> TrustSettings {
        TrustSettings {
            ids: vec!["border.example".to_owned()],
            received_spf: true,
            ignores_spf: false,
            self_validate: None,
        }
    }

    fn judge(settings: &TrustSettings, fields: &str, mail_from: &str) -> (Verdict, Told) {
        let text = format!("{fields}From: joe@a.example\r\n\r\n");
        let header = Header::parse(text.as_bytes()).unwrap().0;
        let told =
            Trusted::new(settings, "mx.example", "host.example").unwrap().read(&header, mail_from.as_bytes());
        let dns = Zone::new().with_txt("_dmarc.a.example", "v=DMARC1; p=reject").unwrap();
        (drive_blocking(DmarcCheck::new(told.identifiers.clone()), &dns), told)
    }

    #[test]
    fn results_of_the_border_count_and_those_of_others_do_not() {
        let by = |id| format!("Authentication-Results: {id}; dkim=pass header.d=a.example\r\n");
        let (verdict, told) = judge(&settings(), &by("border.example"), "x@b.example");
        assert!(verdict.is_pass() && verdict.dkim_aligned() && !told.checks_spf, "{verdict}");
        assert_eq!(told.shown, "border.example dkim=1");
        assert!(!judge(&settings(), &by("evil.example"), "x@b.example").0.is_pass());
        assert!(!judge(&settings(), &by("mx.example"), "x@b.example").0.is_pass());
        let own = TrustSettings { ids: Vec::new(), ..settings() };
        assert!(judge(&own, &by("mx.example"), "x@b.example").0.is_pass());
        let named = TrustSettings { ids: vec!["HOSTNAME".to_owned()], ..settings() };
        assert!(judge(&named, &by("host.example"), "x@b.example").0.is_pass());
    }

    #[test]
    fn spf_of_helo_is_none_of_mail_from_cve_2019_20790() {
        let results = "Authentication-Results: border.example; spf=pass smtp.helo=a.example\r\n";
        assert!(!judge(&settings(), results, "x@b.example").0.is_pass());
        let received =
            "Received-SPF: Pass (helo) identity=helo; helo=a.example; envelope-from=x@b.example\r\n";
        assert!(!judge(&settings(), received, "x@b.example").0.is_pass());
        let results = "Authentication-Results: border.example; spf=pass smtp.mailfrom=x@a.example\r\n";
        assert!(judge(&settings(), results, "x@a.example").0.spf_aligned());
        assert!(!judge(&settings(), results, "x@b.example").0.is_pass(), "of another path");
    }

    #[test]
    fn a_name_inside_a_text_is_nobodys_cve_2020_12272() {
        for value in ["\"a.example(.evil.example\"", "a.example(.evil.example)", "evil.example(a.example)"] {
            let results =
                format!("Authentication-Results: border.example; spf=pass smtp.mailfrom={value}\r\n");
            assert!(!judge(&settings(), &results, "x@evil.example").0.is_pass(), "{value}");
        }
        let results =
            "Authentication-Results: border.example; dkim=pass header.d=evil.example header.d=a.example\r\n";
        assert!(!judge(&settings(), results, "x@evil.example").0.is_pass());
    }

    #[test]
    fn received_spf_counts_on_request_and_only_the_topmost() {
        let field = |result, of| {
            format!(
                "Received-SPF: {result} (mailfrom) identity=mailfrom; helo=h.example; envelope-from=x@{of}\r\n"
            )
        };
        let (verdict, told) = judge(&settings(), &field("Pass", "a.example"), "x@a.example");
        assert!(verdict.spf_aligned());
        assert_eq!(told.shown, "- dkim=0 Received-SPF");
        let two = field("Fail", "a.example") + &field("Pass", "a.example");
        assert!(!judge(&settings(), &two, "x@a.example").0.is_pass());
        let without = TrustSettings { received_spf: false, ..settings() };
        assert!(!judge(&without, &field("Pass", "a.example"), "x@a.example").0.is_pass());
    }

    #[test]
    fn spf_is_checked_here_where_the_header_says_nothing_or_is_ignored() {
        let validating = TrustSettings { self_validate: Some(true), ..settings() };
        assert!(judge(&validating, "", "x@a.example").1.checks_spf);
        assert!(!judge(&settings(), "", "x@a.example").1.checks_spf, "behind a relay");
        let own = |text: &str| TrustSettings { ids: vec![text.to_owned()], ..settings() };
        assert!(judge(&own("MX.example"), "", "x@a.example").1.checks_spf, "on this host");
        assert!(judge(&own("HOSTNAME"), "", "x@a.example").1.checks_spf);
        let never = TrustSettings { self_validate: Some(false), ..own("mx.example") };
        assert!(!judge(&never, "", "x@a.example").1.checks_spf);
        let results = "Authentication-Results: border.example; spf=pass smtp.mailfrom=x@a.example\r\n";
        assert!(!judge(&validating, results, "x@a.example").1.checks_spf);
        let ignoring = TrustSettings { ignores_spf: true, ..validating };
        let (verdict, told) = judge(&ignoring, results, "x@a.example");
        assert!(told.checks_spf && !verdict.is_pass(), "{verdict}");
        assert!(!judge(&ignoring, results, "").0.is_pass());
    }
}
