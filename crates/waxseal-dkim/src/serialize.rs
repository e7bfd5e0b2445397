//! Verdicts as data: the objects that `waxseal check --json` prints for DKIM.

use crate::{Selector, Verdict, Verdicts};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};
use std::fmt;
use waxseal_authres::reason;

/// An object: `d`, `s`, `a`, `i`, `result`, `reason`; where they are not empty also `unsigned_additions` and
/// `ignored_records`.
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("d", &self.domain().map(|domain| domain.as_str()))?;
        object.serialize_entry("s", &self.selector().map(Selector::as_str))?;
        object.serialize_entry("a", &self.algorithm().map(|algorithm| algorithm.as_str()))?;
        object.serialize_entry("i", &self.identity())?;
        object.serialize_entry("result", self.result().as_str())?;
        object.serialize_entry("reason", &self.reason())?;
        if !self.unsigned_additions().is_empty() {
            object.serialize_entry("unsigned_additions", self.unsigned_additions())?;
        }
        if !self.ignored_records().is_empty() {
            let reasons: Vec<_> = self.ignored_records().iter().map(|cause| reason(cause)).collect();
            object.serialize_entry("ignored_records", &reasons)?;
        }
        object.end()
    }
}

/// The list of the verdicts.
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for Verdicts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(SelectorVisitor)
    }
}

struct SelectorVisitor;

impl de::Visitor<'_> for SelectorVisitor {
    type Value = Selector;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a selector")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Selector, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(feature = "json")]
impl Verdict {
    /// The verdict as one JSON object on one line: `{"d", "s", "a", "i", "result", "reason"}`, and `unsigned_additions` and
    /// `ignored_records` where there are any.
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

#[cfg(feature = "json")]
impl Verdicts {
    /// The [verdicts](Verdict::to_json) as one JSON list on one line.
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}
