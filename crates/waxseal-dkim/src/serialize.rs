//! Verdicts as data: the objects that `waxseal check --json` prints for DKIM.

use crate::{Selector, Verdict, Verdicts};
use serde::{Serialize, Serializer, ser::SerializeMap};
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
