//! Names as strings, for configuration files and reports.

use crate::DomainName;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};
use std::fmt;

/// As [`DomainName::as_str`].
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for DomainName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// As [`DomainName::new`].
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl<'de> Deserialize<'de> for DomainName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Name)
    }
}

struct Name;

impl Visitor<'_> for Name {
    type Value = DomainName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a domain name")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<DomainName, E> {
        DomainName::new(text).map_err(E::custom)
    }
}

#[cfg(all(test, feature = "json"))]
mod tests {
    use crate::DomainName;

    #[test]
    fn names_are_strings() {
        let names: Vec<DomainName> = serde_json::from_str(r#"["_dmarc.Example.ORG."]"#).unwrap();
        assert_eq!(serde_json::to_string(&names).unwrap(), r#"["_dmarc.example.org"]"#);
        let error = serde_json::from_str::<DomainName>(r#""a..b""#).unwrap_err();
        assert!(error.to_string().starts_with("domain name has an empty label"), "{error}");
    }
}
