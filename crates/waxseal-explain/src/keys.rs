//! The keys that may have made a signature.

use crate::{diagnosis::Kind, head::Head, header_search::Target};
use waxseal::{
    crypto::{Provider, PublicKey},
    dkim::{KeyRecord, Selector, Signature},
    dns::{Question, Record, Reply},
};

/// Selectors that many sites use.
pub(crate) const COMMON: [&str; 12] = [
    "default",
    "dkim",
    "mail",
    "selector1",
    "selector2",
    "s1",
    "s2",
    "k1",
    "google",
    "key1",
    "email",
    "smtp",
];

/// Every key that is published there, even if the records contradict each other.
pub(crate) fn keys(reply: &Reply) -> Vec<PublicKey> {
    let records = reply.iter().flat_map(|answer| answer.records.iter());
    let keys = records.filter_map(|record| match record {
        Record::Txt(text) => KeyRecord::parse(text).ok()?.public_key().cloned(),
        _ => None,
    });
    keys.take(MAX_KEYS).collect()
}

/// Whether there is a record of a key that was revoked.
pub(crate) fn is_revoked(reply: &Reply) -> bool {
    let mut records = reply.iter().flat_map(|answer| answer.records.iter());
    records.any(|record| match record {
        Record::Txt(text) => KeyRecord::parse(text).is_ok_and(|record| record.is_revoked()),
        _ => false,
    })
}

/// Keys at one name that are looked at.
const MAX_KEYS: usize = 4;

/// The questions for the other keys of the domain.
pub(crate) fn questions(signature: &Signature, selectors: &[Selector]) -> Vec<Question> {
    let names = selectors.iter().filter(|selector| *selector != signature.selector());
    names.filter_map(|selector| selector.key_name(signature.domain()).ok().map(Question::txt)).collect()
}

/// The key that made a signature, and what is wrong with that.
pub(crate) struct Maker {
    pub(crate) target: Option<Target>,
    pub(crate) finding: Option<(Kind, String)>,
}

/// Finds the key that made the signature: `own` are those at its name, `others` elsewhere in its domain.
pub(crate) fn maker(
    (signature, head): (&Signature, &Head),
    own: &[PublicKey],
    is_revoked: bool,
    others: &[(Question, Vec<PublicKey>)],
    provider: &dyn Provider,
) -> Maker {
    let made = |key: &PublicKey| {
        let target = Target::new(key, signature)?;
        (matches!(target, Target::Digest(_)) || target.fits(head, provider)).then_some(target)
    };
    if let Some(target) = own.iter().find_map(made) {
        let finding = (own.len() > 1).then(|| {
            (Kind::KeyRotated, format!("one of {} keys at {} made it", own.len(), signature.key_name()))
        });
        return Maker { target: Some(target), finding };
    }
    for (question, keys) in others {
        if let Some(target) = keys.iter().find_map(made) {
            let detail =
                format!("the key at {} made it, not the one at {}", question.name, signature.key_name());
            let kind = if is_revoked { Kind::KeyRotated } else { Kind::WrongSelector };
            return Maker { target: Some(target), finding: Some((kind, detail)) };
        }
    }
    // Ed25519 does not reveal who made a signature, only whether it matches.
    Maker { target: own.first().and_then(|key| Target::new(key, signature)), finding: None }
}
