//! The verdict as a Received-SPF field (RFC 7208 §9.1).

use crate::{Cause, Identity, Verdict};
use waxseal_authres::{ReceivedSpf, ReceivedSpfStyle, SpfResult};

impl Verdict {
    /// The Received-SPF field of RFC 7208 §9.1, with a comment and the pairs `identity`, `client-ip`, `helo`,
    /// `envelope-from` (unless HELO was checked; `"<>"` for a null reverse-path), `mechanism` (`default` when none
    /// matched), `problem` for errors, and `receiver`, the name of this host, if given.
    ///
    /// ```
    /// # use waxseal_dns::{Zone, drive_blocking};
    /// # use waxseal_spf::SpfCheck;
    /// # use std::time::SystemTime;
    /// let dns = Zone::new().with_txt("example.com", "v=spf1 ip4:192.0.2.1 -all")?;
    /// let check = SpfCheck::mail_from("192.0.2.1".parse()?, "myname@example.com", "foo.example.com", SystemTime::now());
    /// let field = drive_blocking(check, &dns).received_spf(Some("mybox.example.org"));
    /// assert_eq!(
    ///     field.to_string(),
    ///     "pass (mybox.example.org: domain of myname@example.com designates 192.0.2.1 as permitted sender) \
    ///      identity=mailfrom; client-ip=192.0.2.1; helo=foo.example.com; envelope-from=\"myname@example.com\"; \
    ///      mechanism=\"ip4:192.0.2.1\"; receiver=mybox.example.org"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn received_spf(&self, receiver: Option<&str>) -> ReceivedSpf {
        let field = ReceivedSpf::new(self.result())
            .with_comment(self.comment(receiver))
            .with_pair("identity", self.identity().as_str())
            .with_pair("client-ip", self.ip().to_string())
            .with_pair("helo", self.helo());
        let field = match self.identity() {
            // RFC 7208 §9.1: "at least "client-ip", "helo", and, if the "MAIL FROM" identity was checked,
            // "envelope-from"". For a null reverse-path that identity is postmaster at HELO (§2.4), but no such mailbox
            // was in the envelope: so the actual value is written, as a quoted-string. policyd-spf and its readers use
            // it without quotes.
            Identity::MailFrom if self.is_null_sender() => field.with_pair("envelope-from", "<>"),
            Identity::MailFrom => field.with_pair("envelope-from", self.sender()),
            Identity::Helo => field,
        };
        let field = match (self.result(), &self.cause) {
            (_, Cause::Matched(_, place)) => field.with_pair("mechanism", place.term()),
            (SpfResult::TempError | SpfResult::PermError, _) => field.with_pair("problem", self.reason()),
            (SpfResult::Neutral, _) => field.with_pair("mechanism", "default"),
            _ => field,
        };
        receiver.into_iter().fold(field, |field, name| field.with_pair("receiver", name))
    }

    /// The Received-SPF field exactly as policyd-spf (pypolicyd-spf 3.0.4) writes it, trailing blank included, for
    /// programs that search for its text. `sender` is the reverse-path of the transaction, which policyd-spf also
    /// writes for the HELO identity; `receiver` is the recipient, `<UNKNOWN>` if `None`, its default.
    ///
    /// ```
    /// # use waxseal_dns::{Zone, drive_blocking};
    /// # use waxseal_spf::SpfCheck;
    /// # use std::time::SystemTime;
    /// let dns = Zone::new().with_txt("example.com", "v=spf1 ip4:192.0.2.1 -all")?;
    /// let check = SpfCheck::mail_from("192.0.2.1".parse()?, "me@example.com", "foo.example.com", SystemTime::now());
    /// let field = drive_blocking(check, &dns).received_spf_of_policyd("me@example.com", None);
    /// assert_eq!(
    ///     field.to_field(),
    ///     "Received-SPF: Pass (mailfrom) identity=mailfrom; client-ip=192.0.2.1; helo=foo.example.com; \
    ///      envelope-from=me@example.com; receiver=<UNKNOWN> \r\n"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn received_spf_of_policyd(&self, sender: impl AsRef<[u8]>, receiver: Option<&str>) -> ReceivedSpf {
        let sender = sender.as_ref();
        // For a null reverse-path it checks only HELO.
        let identity = if self.is_null_sender() { Identity::Helo } else { self.identity() };
        ReceivedSpf::new(self.result())
            .with_style(ReceivedSpfStyle::PolicydSpf)
            .with_comment(match identity {
                Identity::MailFrom => identity.as_str().to_owned(),
                Identity::Helo => self.policyd_comment(),
            })
            .with_pair("identity", identity.as_str())
            .with_pair("client-ip", self.ip().to_string())
            .with_pair("helo", self.helo())
            .with_pair("envelope-from", if sender.is_empty() { b"<>" } else { sender })
            .with_pair("receiver", receiver.unwrap_or("<UNKNOWN>"))
    }

    fn comment(&self, receiver: Option<&str>) -> String {
        let sender = String::from_utf8_lossy(self.sender());
        let ip = self.ip();
        let text = match self.result() {
            SpfResult::Pass => format!("domain of {sender} designates {ip} as permitted sender"),
            SpfResult::Fail => format!("domain of {sender} does not designate {ip} as permitted sender"),
            SpfResult::SoftFail => format!("domain of {sender} discourages use of {ip} as sender"),
            SpfResult::Neutral => format!("{ip} is neither permitted nor denied by domain of {sender}"),
            SpfResult::TempError => format!("temporary error while checking domain of {sender}"),
            SpfResult::PermError => format!("permanent error while checking domain of {sender}"),
            SpfResult::None | SpfResult::Policy => format!("domain of {sender} publishes no SPF record"),
        };
        receiver.map(|name| format!("{name}: {text}")).unwrap_or(text)
    }

    /// The words of pyspf for each result.
    fn policyd_comment(&self) -> String {
        match self.result() {
            SpfResult::Pass | SpfResult::Policy => "sender SPF authorized".to_owned(),
            SpfResult::Fail => self.explanation().unwrap_or("SPF fail - not authorized").to_owned(),
            SpfResult::SoftFail => "domain owner discourages use of this host".to_owned(),
            SpfResult::Neutral => "access neither permitted nor denied".to_owned(),
            SpfResult::None => "no SPF record".to_owned(),
            SpfResult::TempError => format!("SPF Temporary Error: {}", self.reason()),
            SpfResult::PermError => format!("SPF Permanent Error: {}", self.reason()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::SpfCheck;
    use std::time::SystemTime;
    use waxseal_authres::ReceivedSpf;
    use waxseal_dns::{Zone, drive_blocking};

    #[test]
    fn helo_of_a_null_sender_as_policyd_spf_says_it() {
        let check =
            SpfCheck::mail_from("192.0.2.1".parse().unwrap(), "", "mail.example.org", SystemTime::UNIX_EPOCH);
        let verdict = drive_blocking(check, &Zone::new());
        assert_eq!(
            verdict.received_spf_of_policyd("", Some("example.net")).to_string(),
            "None (no SPF record) identity=helo; client-ip=192.0.2.1; helo=mail.example.org; envelope-from=<>; \
             receiver=example.net "
        );
    }

    /// RFC 7208 §9.1: "if the "MAIL FROM" identity was checked, "envelope-from"".
    #[test]
    fn a_null_reverse_path_has_an_envelope_from() {
        let shown = |check: SpfCheck| drive_blocking(check, &Zone::new()).received_spf(None).to_string();
        let ip = "192.0.2.1".parse().unwrap();
        let null = shown(SpfCheck::mail_from(ip, "", "mail.example.org", SystemTime::UNIX_EPOCH));
        assert_eq!(
            null,
            "none (domain of postmaster@mail.example.org publishes no SPF record) identity=mailfrom; \
             client-ip=192.0.2.1; helo=mail.example.org; envelope-from=\"<>\""
        );
        let read = ReceivedSpf::parse(null.as_bytes()).unwrap();
        assert!(read.pairs().any(|(key, value)| (key, value) == ("envelope-from", "<>")));
        // The identity HELO has no reverse-path.
        assert!(
            !shown(SpfCheck::helo(ip, "mail.example.org", SystemTime::UNIX_EPOCH)).contains("envelope-from")
        );
    }

    #[test]
    fn errors_name_the_problem_and_defaults_the_default() {
        let dns = Zone::new().with_txt("bad.example", "v=spf1 moo -all").unwrap();
        let dns = dns.with_txt("open.example", "v=spf1").unwrap();
        let shown = |sender: &str| {
            let check =
                SpfCheck::mail_from("2001:db8::1".parse().unwrap(), sender, "h", SystemTime::UNIX_EPOCH);
            drive_blocking(check, &dns).received_spf(None).to_string()
        };
        assert_eq!(
            shown("a@bad.example"),
            "permerror (permanent error while checking domain of a@bad.example) identity=mailfrom; \
             client-ip=\"2001:db8::1\"; helo=h; envelope-from=\"a@bad.example\"; \
             problem=\"SPF record of bad.example has a syntax error: unknown mechanism at offset 7 in moo\""
        );
        assert!(shown("a@open.example").ends_with("mechanism=default"));
    }
}
