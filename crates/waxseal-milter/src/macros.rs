//! Macros: what the mail server knows about a connection and a message, by name.

use bytes::Bytes;

/// When macros are sent: before the command of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The client connects.
    Connect,
    /// HELO or EHLO.
    Helo,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The end of the header.
    EndOfHeader,
    /// The end of the message.
    EndOfMessage,
}

impl Stage {
    const ALL: [Self; 7] = [
        Self::Connect,
        Self::Helo,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::EndOfHeader,
        Self::EndOfMessage,
    ];

    /// The number by which a filter names the stage (`SMFIM_*`).
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::Connect => 0,
            Self::Helo => 1,
            Self::Mail => 2,
            Self::Rcpt => 3,
            Self::Data => 4,
            Self::EndOfMessage => 5,
            Self::EndOfHeader => 6,
        }
    }

    pub(crate) const fn of_command(code: u8) -> Option<Self> {
        Some(match code {
            b'C' => Self::Connect,
            b'H' => Self::Helo,
            b'M' => Self::Mail,
            b'R' => Self::Rcpt,
            b'T' => Self::Data,
            b'N' => Self::EndOfHeader,
            b'E' => Self::EndOfMessage,
            _ => return None,
        })
    }

    const fn is_of_message(self) -> bool {
        !matches!(self, Self::Connect | Self::Helo)
    }
}

/// The macros that are known now, by stage.
#[derive(Debug, Default)]
pub(crate) struct Macros {
    stages: [Vec<(Bytes, Bytes)>; 7],
}

impl Macros {
    /// Replaces the macros of a stage.
    pub(crate) fn set(&mut self, stage: Stage, pairs: Vec<(Bytes, Bytes)>) {
        for (known, slot) in Stage::ALL.iter().zip(&mut self.stages) {
            if *known == stage {
                *slot = pairs;
                return;
            }
        }
    }

    /// Returns the value that was sent last: that of the latest stage that has the name.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        let name = without_braces(name.as_bytes());
        let known = self.stages.iter().rev().flatten();
        known.filter(|(known, _)| without_braces(known) == name).map(|(_, value)| &value[..]).next()
    }

    /// Forgets the macros of the message.
    pub(crate) fn end_message(&mut self) {
        for (stage, slot) in Stage::ALL.iter().zip(&mut self.stages) {
            if stage.is_of_message() {
                slot.clear();
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.stages.iter_mut().for_each(Vec::clear);
    }
}

/// `{client_addr}` and `client_addr`, `i` and `{i}` are one macro.
fn without_braces(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"{").and_then(|name| name.strip_suffix(b"}")).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&'static str, &'static str)]) -> Vec<(Bytes, Bytes)> {
        list.iter()
            .map(|(name, value)| (Bytes::from_static(name.as_bytes()), Bytes::from_static(value.as_bytes())))
            .collect()
    }

    #[test]
    fn the_latest_stage_speaks_and_a_message_ends_its_own() {
        let mut macros = Macros::default();
        macros.set(Stage::Connect, pairs(&[("{client_addr}", "192.0.2.1"), ("j", "mx.example.org")]));
        macros.set(Stage::Mail, pairs(&[("i", "A1"), ("j", "other.example.org")]));
        assert_eq!(macros.get("client_addr"), Some(&b"192.0.2.1"[..]));
        assert_eq!(macros.get("{i}"), Some(&b"A1"[..]));
        assert_eq!(macros.get("j"), Some(&b"other.example.org"[..]));
        macros.end_message();
        assert_eq!(macros.get("i"), None);
        assert_eq!(macros.get("j"), Some(&b"mx.example.org"[..]));
        macros.clear();
        assert_eq!(macros.get("j"), None);
    }
}
