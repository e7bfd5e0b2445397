//! The reply of a receiver, found in a bounce message, a log line or alone.

use std::net::IpAddr;
use waxseal::dns::DomainName;

/// Longer input is cut: the reply of a receiver is short, and stands before the returned message.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// Replies looked at in one input.
const MAX_REPLIES: usize = 100;

/// The reply of a receiver.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// On one line, without the codes that begin each of its lines.
    pub(super) text: String,
    /// The code of SMTP, such as 550.
    pub(super) code: Option<u16>,
    /// The enhanced status code, such as 5.7.26.
    pub(super) status: Option<String>,
    /// The first domain that it is about.
    pub(super) domain: Option<DomainName>,
    /// The first address that it names.
    pub(super) ip: Option<IpAddr>,
    /// Results that it names, such as `("dkim", "fail")`.
    pub(super) results: Vec<(&'static str, String)>,
}

/// The replies in `text`, each once: those of Diagnostic-Code fields (RFC 3464), else what follows `said:` in log lines,
/// else all of it.
pub(super) fn replies(text: &str) -> Vec<Reply> {
    let mut raw = diagnostic_codes(text);
    if raw.is_empty() {
        let said = |line: &str| line.split_once(" said: ").map(|(_, said)| said.to_owned());
        raw = text.lines().filter_map(said).collect();
    }
    if raw.is_empty() {
        raw.push(text.to_owned());
    }
    let mut replies: Vec<Reply> = Vec::new();
    for text in raw.iter().take(MAX_REPLIES) {
        let reply = Reply::new(text);
        if !reply.text.is_empty() && !replies.contains(&reply) {
            replies.push(reply);
        }
    }
    replies
}

/// The values of Diagnostic-Code fields, unfolded.
fn diagnostic_codes(text: &str) -> Vec<String> {
    const NAME: &str = "diagnostic-code:";
    let mut found: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let start = line.get(..NAME.len()).is_some_and(|start| start.eq_ignore_ascii_case(NAME));
        let folded = inside && line.starts_with([' ', '\t']);
        match found.last_mut() {
            Some(value) if folded => value.push_str(line),
            _ if start => found.push(line.get(NAME.len()..).unwrap_or_default().to_owned()),
            _ => {}
        }
        inside = start || folded;
    }
    found
}

impl Reply {
    fn new(raw: &str) -> Self {
        let (mut code, mut status, mut words) = (None, None, Vec::new());
        for word in raw.split_whitespace() {
            let mut rest = word.strip_prefix("smtp;").unwrap_or(word);
            // A line of a reply begins with `550-5.7.26`, `550 5.7.26` or `550-`; others write `550;` and `#5.7.1`.
            if let Some((found, behind)) = split_code(rest) {
                code = code.or(Some(found));
                rest = behind;
            }
            let bare = rest.trim_matches(['#', '(', ')', ':', ',', '-']);
            if is_status(bare) {
                status.get_or_insert_with(|| bare.to_owned());
                continue;
            }
            if !rest.is_empty() {
                words.push(rest);
            }
        }
        let domain = words.windows(2).find_map(|pair| about(pair.first()?, pair.get(1)?));
        let ip = words.iter().find_map(|word| address(word));
        let text = words.join(" ");
        let results = results(&text.to_ascii_lowercase());
        Self { code, status, domain, ip, results, text }
    }

    /// Whether the sender is to try again.
    pub(super) fn is_temporary(&self) -> bool {
        match self.code {
            Some(code) => code < 500,
            None => self.status.as_ref().is_some_and(|status| status.starts_with('4')),
        }
    }
}

/// The code of SMTP at the start of a word, and what is behind it.
fn split_code(word: &str) -> Option<(u16, &str)> {
    let (digits, rest) = word.split_at_checked(3)?;
    let is_code = digits.starts_with(['4', '5']) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let rest = match rest.strip_prefix(['-', ';', ':']) {
        Some(rest) => rest,
        None if rest.is_empty() => rest,
        None => return None,
    };
    is_code.then(|| digits.parse().ok()).flatten().map(|code| (code, rest))
}

/// Whether it is an enhanced status code (RFC 3463 §2) of a failure.
fn is_status(word: &str) -> bool {
    let mut parts = word.split('.');
    let number = |part: Option<&str>| {
        part.is_some_and(|part| {
            (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    matches!(parts.next(), Some("4" | "5"))
        && number(parts.next())
        && number(parts.next())
        && parts.next().is_none()
}

const BRACKETS: [char; 14] = ['[', ']', '(', ')', '<', '>', '"', '\'', ',', ';', ':', '.', '!', '?'];

/// The domain in `word`, when the word before it announces one.
fn about(before: &str, word: &str) -> Option<DomainName> {
    const BEFORE: [&str; 8] = ["domain", "from", "for", "spf", "domain:", "from:", "sender", "of"];
    if !BEFORE.iter().any(|known| before.eq_ignore_ascii_case(known)) {
        return None;
    }
    let word = word.trim_matches(BRACKETS);
    // Possessive, as in "example.org's".
    let word = word.strip_suffix("'s").unwrap_or(word);
    let domain = word.rsplit_once('@').map_or(word, |(_, domain)| domain);
    let is_name = domain.contains('.') && domain.parse::<IpAddr>().is_err();
    is_name.then(|| DomainName::mail_domain(domain).ok()).flatten()
}

fn address(word: &str) -> Option<IpAddr> {
    let bare = word.trim_matches(['[', ']', '(', ')', '<', '>', '"', '\'', ',', ';', '.']);
    bare.strip_prefix("IPv6:").unwrap_or(bare).parse().ok().or_else(|| bare.strip_prefix("ip=")?.parse().ok())
}

/// `Spf= Pass , Dkim= Fail`, and `DKIM = did not pass`; `text` is in lower case.
fn results(text: &str) -> Vec<(&'static str, String)> {
    let result = |method: &'static str| {
        text.match_indices(method).find_map(|(at, _)| {
            let behind = text.get(at + method.len()..)?.trim_start();
            // Gmail names the domain and the address in between: `SPF [example.org] with ip: [192.0.2.1] = did not pass`.
            let behind = match behind.strip_prefix('[') {
                Some(inner) => {
                    let equals = inner.bytes().take(400).position(|byte| byte == b'=')?;
                    inner.get(equals + 1..)?
                }
                None => behind.strip_prefix('=')?,
            };
            let word: String =
                behind.trim_start().chars().take_while(char::is_ascii_alphabetic).take(20).collect();
            match &*word {
                "" => None,
                "did" => Some("fail".to_owned()),
                _ => Some(word),
            }
        })
    };
    ["spf", "dkim", "dmarc"].into_iter().filter_map(|method| Some((method, result(method)?))).collect()
}
