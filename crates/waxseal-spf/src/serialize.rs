//! The verdict as data: the object that `waxseal check --json` prints for SPF.

use crate::Verdict;
use serde::{Serialize, Serializer, ser::SerializeStruct};

#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Verdict", 6)?;
        object.serialize_field("result", self.result().as_str())?;
        object.serialize_field("identity", self.identity().as_str())?;
        object.serialize_field("domain", &self.domain().map(|domain| domain.as_str()))?;
        object.serialize_field("reason", &self.reason())?;
        object.serialize_field("lookups", &self.lookups())?;
        object.serialize_field("void_lookups", &self.void_lookups())?;
        object.end()
    }
}
