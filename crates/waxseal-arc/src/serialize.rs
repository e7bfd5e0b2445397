//! The verdict as data: the object that `waxseal check --json` prints for ARC.

use crate::Chain;
use serde::{Serialize, Serializer, ser::SerializeMap};

/// An object: `result`, `reason`, `oldest_pass`, `sets` (how many); where it is not empty also `unsigned_additions`.
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for Chain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("result", self.result().as_str())?;
        object.serialize_entry("reason", &self.reason())?;
        object.serialize_entry("oldest_pass", &self.oldest_pass())?;
        object.serialize_entry("sets", &self.sets().len())?;
        if !self.unsigned_additions().is_empty() {
            object.serialize_entry("unsigned_additions", self.unsigned_additions())?;
        }
        object.end()
    }
}
