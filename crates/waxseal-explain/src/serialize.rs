//! Explanations as data.

use crate::{Diagnosis, Difference, ExplainedSignature, Explanation, Row, explanation::Hashes};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// `{"report", "signatures", "unchecked_fields", "attached"}`
impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Explanation", 4)?;
        object.serialize_field("report", self.report())?;
        object.serialize_field("signatures", self.signatures())?;
        object.serialize_field("unchecked_fields", self.unchecked_fields())?;
        object.serialize_field("attached", self.attached())?;
        object.end()
    }
}

/// `{"field", "i", "d", "s", "result", "reason", "canonical_header", "header_hash", "body_hash", "header_difference",
/// "body_difference", "made_by_key", "diagnoses", "advice", "notes"}`
impl Serialize for ExplainedSignature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("ExplainedSignature", 15)?;
        object.serialize_field("field", self.field())?;
        object.serialize_field("i", &self.instance())?;
        object.serialize_field("d", &self.signature().map(|signature| signature.domain().as_str()))?;
        object.serialize_field("s", &self.signature().map(|signature| signature.selector().as_str()))?;
        object.serialize_field("result", self.result().as_str())?;
        object.serialize_field("reason", &self.reason())?;
        object.serialize_field("canonical_header", &String::from_utf8_lossy(self.canonical_header()))?;
        object.serialize_field("header_hash", self.header_hash())?;
        object.serialize_field("body_hash", self.body_hash())?;
        object.serialize_field("header_difference", &self.header_difference())?;
        object.serialize_field("body_difference", &self.body_difference())?;
        object.serialize_field("made_by_key", &self.is_made_by_key())?;
        object.serialize_field("diagnoses", self.diagnoses())?;
        object.serialize_field("advice", &self.advice())?;
        object.serialize_field("notes", self.notes())?;
        object.end()
    }
}

/// `{"found", "expected"}` in base64.
impl Serialize for Hashes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Hashes", 2)?;
        object.serialize_field("found", &BASE64_STANDARD.encode(self.found()))?;
        object.serialize_field("expected", &self.expected().map(|hash| BASE64_STANDARD.encode(hash)))?;
        object.end()
    }
}

/// `{"rows", "is_cut"}`
impl Serialize for Difference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Difference", 2)?;
        object.serialize_field("rows", self.rows())?;
        object.serialize_field("is_cut", &self.is_cut())?;
        object.end()
    }
}

/// `{"signed", "found", "is_apart"}`
impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Row", 3)?;
        object.serialize_field("signed", &self.signed().map(String::from_utf8_lossy))?;
        object.serialize_field("found", &self.found().map(String::from_utf8_lossy))?;
        object.serialize_field("is_apart", &self.is_apart())?;
        object.end()
    }
}

/// `{"id", "certainty", "reason", "advice", "offset", "line", "field"}`
impl Serialize for Diagnosis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let place = self.place();
        let mut object = serializer.serialize_struct("Diagnosis", 7)?;
        object.serialize_field("id", self.kind().as_str())?;
        object.serialize_field("certainty", self.certainty.as_str())?;
        object.serialize_field("reason", &self.reason())?;
        object.serialize_field("advice", self.advice())?;
        object.serialize_field("offset", &place.map(|place| place.offset()))?;
        object.serialize_field("line", &place.map(|place| place.line()))?;
        object.serialize_field("field", &place.and_then(|place| place.field()))?;
        object.end()
    }
}

#[cfg(feature = "json")]
impl Explanation {
    /// The explanation as one JSON object on one line.
    pub fn to_json(&self) -> String {
        waxseal::dns::to_json(self)
    }
}
