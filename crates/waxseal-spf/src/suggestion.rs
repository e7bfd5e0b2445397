//! Suggestions for invalid terms.

use crate::{
    Record, SyntaxError,
    syntax_error::{MAX_SHOWN, SyntaxErrorKind},
};
use std::net::IpAddr;
use waxseal_dns::lint::nearest;

impl SyntaxError {
    /// The suggestion: a valid term that is similar.
    pub fn suggestion(&self) -> Option<String> {
        let term = std::str::from_utf8(self.term()).ok()?;
        let body = term.trim_start_matches(['+', '-', '~', '?']);
        let qualifier = term.get(..term.len() - body.len()).filter(|signs| signs.len() <= 1)?;
        let end = body.find([':', '=', '/']).unwrap_or(body.len());
        let (name, rest) = body.split_at_checked(end)?;
        let meant = match self.kind() {
            SyntaxErrorKind::UnknownMechanism if rest.starts_with(':') && is_modifier(name) => {
                format!("{name}={}", rest.get(1..)?)
            }
            SyntaxErrorKind::UnknownMechanism => {
                let word = name.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
                format!("{qualifier}{}{rest}", nearest(word, MECHANISMS)?)
            }
            SyntaxErrorKind::ModifierName => format!("{qualifier}{name}:{}", rest.get(1..)?),
            SyntaxErrorKind::Ip4Network | SyntaxErrorKind::Ip6Network | SyntaxErrorKind::TopLabel => {
                let value = rest.strip_prefix(':')?;
                match value.split('/').next()?.parse().ok()? {
                    IpAddr::V4(_) => format!("{qualifier}ip4:{value}"),
                    IpAddr::V6(_) => format!("{qualifier}ip6:{value}"),
                }
            }
            _ => return None,
        };
        let is_better =
            self.term().len() < MAX_SHOWN && Record::parse(format!("v=spf1 {meant}").as_bytes()).is_ok();
        is_better.then_some(meant)
    }
}

fn is_modifier(name: &str) -> bool {
    name.eq_ignore_ascii_case("redirect") || name.eq_ignore_ascii_case("exp")
}

/// The names of all mechanisms.
pub(crate) const MECHANISMS: &[&str] = &["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"];
