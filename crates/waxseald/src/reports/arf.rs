//! The message: a text for people, fields for machines, and the header that was judged (RFC 5965, RFC 6591).

use super::complaint::{Complaint, FOLD, Incident, line, random};
use crate::roles::history::Done;
use std::{
    fmt::Write,
    time::{SystemTime, UNIX_EPOCH},
};
use waxseal::header::Header;

/// The sender of reports.
#[derive(Debug)]
pub(crate) struct Letterhead {
    pub(crate) from: String,
    /// The name of this machine.
    pub(crate) host: String,
    /// Addresses of the site that get a copy.
    pub(crate) bcc: String,
}

impl Letterhead {
    /// The whole message with LF line ends, as `sendmail` expects.
    pub(super) fn message(&self, complaint: &Complaint, incident: &Incident, header: &Header) -> Vec<u8> {
        let boundary = format!("=_{:016x}", random());
        let Complaint { method, domain, .. } = complaint;
        let (to, bcc) = match complaint.to.is_empty() {
            true => (self.bcc.clone(), None),
            false => (complaint.to.join(", "), Some(&self.bcc).filter(|bcc| !bcc.is_empty())),
        };
        let (date, id) = (date_time(incident.received), line(&incident.id));
        let mut text = format!("From: {}\nTo: {to}\n", self.from);
        if let Some(bcc) = bcc {
            _ = writeln!(text, "Bcc: {bcc}");
        }
        // RFC 3834 §5: nobody answers to it.
        _ = write!(
            text,
            "Date: {date}\nMessage-ID: <{:016x}.{id}@{host}>\nSubject: {method} failure report for {domain}, job {id}\n\
             Auto-Submitted: auto-generated\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report;\n\
             \tboundary=\"{boundary}\"\n\n--{boundary}\nContent-Type: text/plain\n\n\
             A message in the name of {domain} that {host} received from\n{client}\non {date} did not pass {method}.\n\n\
             --{boundary}\nContent-Type: message/feedback-report\n\n",
            random(),
            host = self.host,
            client = line(&incident.client),
        );
        for (name, value) in self.common(incident).into_iter().chain(complaint.fields.iter().cloned()) {
            let lines: Vec<_> = value.split(FOLD).map(line).collect();
            _ = writeln!(text, "{name}: {}", lines.join("\n\t"));
        }
        _ = write!(
            text,
            "\n--{boundary}\nContent-Type: text/rfc822-headers\nContent-Transfer-Encoding: 8bit\n\n"
        );
        let mut message = text.into_bytes();
        // The header as received, except for bytes that some programs take for a line end.
        message.extend(header.as_bytes().iter().filter(|c| !matches!(c, b'\r' | b'\0')));
        message.extend_from_slice(format!("\n--{boundary}--\n").as_bytes());
        message
    }

    /// The fields of every report.
    fn common(&self, incident: &Incident) -> Vec<(&'static str, String)> {
        let envelope = incident.report.envelope();
        let path = String::from_utf8_lossy(envelope.mail_from()).into_owned();
        let mut fields = vec![
            ("Feedback-Type", "auth-failure".to_owned()),
            ("Version", "1".to_owned()),
            ("User-Agent", concat!("waxseald/", env!("CARGO_PKG_VERSION")).to_owned()),
            ("Original-Envelope-Id", incident.id.clone()),
            ("Original-Mail-From", format!("<{}>", path.trim_matches(['<', '>']))),
            ("Arrival-Date", date_time(incident.received)),
            ("Reporting-MTA", format!("dns; {}", self.host)),
        ];
        fields.extend(envelope.ip().map(|ip| ("Source-IP", ip.to_string())));
        let result = match incident.done {
            Done::Accepted => "delivered",
            Done::Rejected => "reject",
            Done::Quarantined => "policy",
            Done::Deferred => "other",
        };
        fields.push(("Delivery-Result", result.to_owned()));
        fields
    }
}

/// RFC 5322 §3.3, in UTC.
pub(super) fn date_time(at: SystemTime) -> String {
    // HTTP writes the same, but for the zone, and knows no time before 1970.
    httpdate::fmt_http_date(at.max(UNIX_EPOCH)).replace("GMT", "+0000")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use waxseal::header::parse_date_time;

    #[test]
    fn dates_are_those_that_are_read_back() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (951_827_696, "Tue, 29 Feb 2000 12:34:56 +0000"),
            (1_795_867_200, "Sat, 28 Nov 2026 12:00:00 +0000"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 +0000"),
        ] {
            let at = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(date_time(at), text);
            assert_eq!(parse_date_time(text.as_bytes()).ok(), Some(at), "{text}");
        }
    }
}
