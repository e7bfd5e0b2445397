//! Where a key is in its life, by the file that `waxseal key rotate` keeps beside it.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};
use waxseal::crypto::{PublicKey, default_provider};
use waxseal_tables::{KeyState, Lifecycle};

/// What the file beside a key says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Life {
    /// That the key signs; so does a key without such a file.
    Active,
    /// That it does not, and the words for it.
    Inactive(KeyState, String),
    /// It says nothing about the key, and why. The key counts as active: no mail goes unsigned because of this file.
    Unclear(String),
}

impl Life {
    /// Reads the file of a key.
    pub(crate) fn of(path: &Path, key: &PublicKey) -> Self {
        let file = Lifecycle::path(&path.display().to_string());
        let text = match read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::Active,
            Err(error) => return Self::Unclear(format!("{file}: {error}")),
        };
        let life: Lifecycle = match text.parse() {
            Ok(life) => life,
            Err(error) => return Self::Unclear(format!("{file}: {error}")),
        };
        let state = life.state();
        if state.signs() {
            return Self::Active;
        }
        // Without a provider of cryptography nothing signs, so there is nothing to compare.
        let own = default_provider().ok().map(|provider| provider.fingerprint(key));
        if life.fingerprint().zip(own).is_some_and(|(known, own)| own != known) {
            return Self::Unclear(format!("{file} is about another key: remove it, or put that key back"));
        }
        let since = life.since(state).map(|at| format!(" since {}", httpdate::fmt_http_date(at)));
        Self::Inactive(state, format!("the key is {state}{} by {file}", since.unwrap_or_default()))
    }

    /// Whether nothing says that the key is not to sign.
    pub(crate) fn signs(&self) -> bool {
        !matches!(self, Self::Inactive(..))
    }

    /// Whether no receiver accepts the key any longer.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::Inactive(KeyState::Revoked, _))
    }

    /// What is to be said of a key that signs all the same.
    pub(crate) fn note(&self) -> Option<&str> {
        match self {
            Self::Active => None,
            Self::Inactive(_, text) | Self::Unclear(text) => Some(text),
        }
    }
}

/// The text of a file, if it is one of those that the parser takes.
fn read(file: &str) -> io::Result<String> {
    const MAX: u64 = 65_537;
    let mut text = String::new();
    File::open(file)?.take(MAX).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use waxseal::PrivateKey;

    fn life(text: Option<&str>) -> Life {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k.private");
        if let Some(text) = text {
            fs::write(folder.path().join("k.private.state"), text).unwrap();
        }
        Life::of(&path, PrivateKey::from_ed25519_seed(&[7; 32]).unwrap().public_key())
    }

    #[test]
    fn a_state_is_told_with_its_date_and_its_file() {
        assert_eq!(life(None), Life::Active);
        assert_eq!(life(Some("state=active\n")), Life::Active);
        let retired = life(Some("state=retired\nretired=1764313600\n"));
        assert!(!retired.signs() && !retired.is_over());
        let note = retired.note().unwrap();
        assert!(note.starts_with("the key is retired since Fri, 28 Nov 2025 07:06:40 GMT by /"), "{note}");
        assert!(note.ends_with("k.private.state"), "{note}");
        assert!(life(Some("state=revoked\n")).is_over());
    }

    #[test]
    fn a_file_that_says_nothing_of_the_key_keeps_it_from_nothing() {
        let long = format!("state=retired\n{}", "#".repeat(70_000));
        for (text, why) in [
            ("state=gone\n", "\"gone\" is not a state"),
            ("", "no line state="),
            (&long, "not a lifecycle file"),
            ("state=retired\nfingerprint=sha256:AAAA\n", "is about another key"),
        ] {
            let life = life(Some(text));
            assert!(life.signs() && life.note().unwrap().contains(why), "{text:.40}: {life:?}");
        }
        let key = PrivateKey::from_ed25519_seed(&[7; 32]).unwrap();
        let own = default_provider().unwrap().fingerprint(key.public_key());
        assert!(!life(Some(&format!("state=retired\nfingerprint={own}\n"))).signs());
    }
}
