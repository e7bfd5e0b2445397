//! How often a field may occur in a header (RFC 5322 §3.6).

use crate::settings::HeaderRules;
use waxseal::header::{Authors, Header};

/// Fields that must occur once.
const ONE: [&str; 2] = ["Date", "From"];
/// Fields that may occur once.
const AT_MOST_ONE: [&str; 9] =
    ["Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References", "Subject"];

impl HeaderRules {
    /// Which rule a header breaks.
    pub(crate) fn broken(self, header: &Header) -> Option<String> {
        if self == Self::Off {
            return None;
        }
        let count = |name: &str| header.fields().filter(|field| field.is(name)).count();
        let missing = ONE.iter().find(|name| count(name) == 0);
        if let Some(name) = missing {
            return Some(format!("no {name} field, and RFC 5322 wants one"));
        }
        let often =
            ONE.iter().chain(&AT_MOST_ONE).map(|name| (name, count(name))).find(|(_, count)| *count > 1);
        if let Some((name, count)) = often {
            return Some(format!("{count} {name} fields, and RFC 5322 allows one"));
        }
        let unclear = Authors::from_header(header).err().filter(|_| self == Self::RefuseWithoutAuthor)?;
        Some(format!("{unclear}: {}", unclear.cause()))
    }

    pub(crate) fn refuses(self) -> bool {
        matches!(self, Self::Refuse | Self::RefuseWithoutAuthor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(rules: HeaderRules, text: &str) -> Option<String> {
        rules.broken(&Header::parse(format!("{text}\r\n").as_bytes()).unwrap().0)
    }

    #[test]
    fn what_rfc_5322_section_3_6_allows_once_stands_once() {
        let date = "Date: Sat, 28 Nov 2026 12:00:00 +0000\r\n";
        let good = format!("{date}From: a@a.example\r\nsubject: x\r\nX: 1\r\nX: 2\r\n");
        assert_eq!(broken(HeaderRules::Refuse, &good), None);
        let found = broken(HeaderRules::Leave, "From: a@a.example\r\n");
        assert_eq!(found.as_deref(), Some("no Date field, and RFC 5322 wants one"));
        let found = broken(HeaderRules::Refuse, &format!("{good}Subject: y\r\n"));
        assert_eq!(found.as_deref(), Some("2 Subject fields, and RFC 5322 allows one"));
        assert_eq!(broken(HeaderRules::Off, "X: 1\r\n"), None);
        let nobody = format!("{date}From: nobody\r\n");
        assert_eq!(broken(HeaderRules::Refuse, &nobody), None);
        assert!(broken(HeaderRules::RefuseWithoutAuthor, &nobody).is_some());
    }
}
