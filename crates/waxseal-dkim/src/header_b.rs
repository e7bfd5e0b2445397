//! `header.b`, which identifies the signature that a result is about (RFC 6008).

use crate::Verdict;
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};

/// What an entry has of `b=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeaderB {
    /// As many characters as it takes to tell the signature from the others.
    Start(String),
    /// Nothing, and why.
    Left(&'static str),
}

/// RFC 6008 §4: "at least the first eight characters of the digital signature".
const SHORTEST: usize = 8;

/// The length of a signature of 4096 bits. Forged signatures must not decide how long the field gets.
const LONGEST: usize = 684;

impl HeaderB {
    /// For a signature that is reported alone.
    pub(crate) fn alone(signature: &[u8]) -> Self {
        // Four characters are three bytes.
        let front = signature.get(..SHORTEST / 4 * 3).unwrap_or(signature);
        Self::Start(BASE64_STANDARD.encode(front))
    }

    /// For each verdict; `None` for those whose signature could not be read.
    ///
    /// RFC 6008 §4: the value "MUST be long enough to be unique among the results being reported". "If an evaluating
    /// agent observes that, despite the use of this disambiguating tag, unequal authentication results are offered
    /// about the same signature from the same trusted authserv-id, that agent SHOULD ignore all such results." So
    /// copying a good `b=` into a forged field must not get the good result ignored: it is the forged one that is
    /// reported without `b=`.
    pub(crate) fn all(verdicts: &[Verdict]) -> Vec<Option<Self>> {
        if let [only] = verdicts {
            return vec![only.signature().map(|signature| Self::alone(signature.signature()))];
        }
        let mut values: Vec<_> = verdicts.iter().enumerate().filter_map(Value::new).collect();
        values.sort_by(|a, b| a.text.cmp(&b.text));
        let copied: Vec<bool> = (0..values.len()).map(|at| is_copied(&values, at)).collect();
        let (copied, told) = split(values, copied);
        let mut all = vec![None; verdicts.len()];
        let mut set = |value: &Value<'_>, header_b| {
            if let Some(slot) = all.get_mut(value.index) {
                *slot = Some(header_b);
            }
        };
        for value in &copied {
            set(value, Self::Left("b= is that of another signature"));
        }
        for (at, value) in told.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|at| told.get(at));
            let shared = [before, told.get(at + 1)].into_iter().flatten().map(|other| value.shared(other));
            let length = shared.max().unwrap_or(0).saturating_add(1).max(SHORTEST);
            if length > LONGEST && !value.passed {
                set(value, Self::Left("b= begins as that of another signature"));
            } else {
                set(value, Self::Start(start(&value.text, value.bytes, length)));
            }
        }
        all
    }
}

/// A signature.
struct Value<'v> {
    index: usize,
    passed: bool,
    bytes: &'v [u8],
    /// Without padding, so that a prefix of a signature is a prefix of its text.
    text: String,
}

impl<'v> Value<'v> {
    fn new((index, verdict): (usize, &'v Verdict)) -> Option<Self> {
        let bytes = verdict.signature()?.signature();
        let text = BASE64_STANDARD_NO_PAD.encode(bytes);
        Some(Self { index, passed: verdict.is_pass(), bytes, text })
    }

    /// The length of their common prefix.
    fn shared(&self, other: &Self) -> usize {
        self.text.bytes().zip(other.text.bytes()).take_while(|(a, b)| a == b).count()
    }
}

/// Whether a signature that does not pass equals another one or is a prefix of one, which is then a neighbour in the
/// sorted list.
fn is_copied(values: &[Value<'_>], at: usize) -> bool {
    let Some(value) = values.get(at).filter(|value| !value.passed) else { return false };
    let before = at.checked_sub(1).and_then(|at| values.get(at));
    let after = values.get(at + 1);
    before.is_some_and(|before| before.text == value.text)
        || after.is_some_and(|after| after.text.starts_with(&value.text))
}

fn split<'v>(values: Vec<Value<'v>>, copied: Vec<bool>) -> (Vec<Value<'v>>, Vec<Value<'v>>) {
    let (copied, told): (Vec<_>, Vec<_>) = values.into_iter().zip(copied).partition(|(_, copied)| *copied);
    let values = |pairs: Vec<(Value<'v>, bool)>| pairs.into_iter().map(|(value, _)| value).collect();
    (values(copied), values(told))
}

/// The first characters. §4: "Where the total length of the digital signature is fewer than eight characters, the entire
/// signature MUST be included."
fn start(text: &str, bytes: &[u8], length: usize) -> String {
    match text.get(..length) {
        Some(start) if start.len() < text.len() => start.into(),
        _ => BASE64_STANDARD.encode(bytes),
    }
}
