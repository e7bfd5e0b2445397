//! Zones as JSON.

use super::Zone;
use crate::{
    Dnssec, DomainName, InvalidJson, LookupError, Question, RecordType,
    json::{error_word, name, read_records, seconds, shape, syntax},
};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

const OWNER: &str = "an object of TXT, A, AAAA, MX, PTR, CNAME, ERROR, SECURE and TTL";
const ERROR: &str = "TIMEOUT, SERVFAIL or MALFORMED";

impl Zone {
    /// Reads JSON of the shape
    ///
    /// ```json
    /// {
    ///   "example.org": {
    ///     "TXT": ["v=spf1 mx -all", ["one record", " of two strings"]],
    ///     "A": ["192.0.2.1"], "AAAA": ["2001:db8::1"], "MX": [[10, "mx.example.org"]],
    ///     "TTL": 300, "SECURE": true
    ///   },
    ///   "www.example.org": { "CNAME": ["example.org"] },
    ///   "1.2.0.192.in-addr.arpa": { "PTR": ["mx.example.org"] },
    ///   "slow.example.org": { "ERROR": "TIMEOUT" },
    ///   "half.example.org": { "TXT": ["v=spf1 a -all"], "A": "SERVFAIL" }
    /// }
    /// ```
    ///
    /// `ERROR` (`TIMEOUT`, `SERVFAIL` or `MALFORMED`) answers for the types that are not listed; such a word in place
    /// of a list stands for that type alone. A TXT string becomes its UTF-8 bytes, of any length; `{"hex": "…"}` stands
    /// for other bytes. `SPF`, `NS` and `SOA` are skipped. An empty object makes the name exist.
    ///
    /// # Errors
    /// [`InvalidJson`].
    pub fn from_json(text: &str) -> Result<Self, InvalidJson> {
        let (mut zone, mut wrong) = (Self::new(), None);
        let names = Names { zone: &mut zone, wrong: &mut wrong };
        let mut reader = serde_json::Deserializer::from_str(text);
        let read = names.deserialize(&mut reader).and_then(|()| reader.end());
        match (wrong, read) {
            (Some(wrong), _) => Err(wrong),
            (None, Err(error)) if error.is_data() => Err(shape("zone", "an object of names")),
            (None, Err(error)) => Err(syntax(&error)),
            (None, Ok(())) => Ok(zone),
        }
    }

    fn read_owner(&mut self, owner: &str, value: Value) -> Result<(), InvalidJson> {
        let Value::Object(values) = value else { return Err(shape(owner, OWNER)) };
        let name = name(owner)?;
        if values.is_empty() {
            self.insert_name(name.clone());
        }
        values.into_iter().try_for_each(|(key, value)| self.read_key(owner, &name, &key, value))
    }

    fn read_key(
        &mut self,
        text: &str,
        owner: &DomainName,
        key: &str,
        value: Value,
    ) -> Result<(), InvalidJson> {
        let at = &format!("{text}, {key}");
        let error = |value: &Value| value.as_str().and_then(error_word).ok_or_else(|| shape(at, ERROR));
        match key {
            "ERROR" => self.set_error(owner.clone(), error(&value)?),
            "TTL" => self.set_ttl(owner.clone(), seconds(at, &value)?),
            "SECURE" => match value.as_bool().ok_or_else(|| shape(at, "true or false"))? {
                true => self.set_dnssec(owner.clone(), Dnssec::Secure),
                false => self.set_dnssec(owner.clone(), Dnssec::Insecure),
            },
            "CNAME" => {
                let target = value.as_str().or_else(|| match value.as_array().map(Vec::as_slice) {
                    Some([target]) => target.as_str(),
                    _ => None,
                });
                let target = target.ok_or_else(|| shape(at, "one name"))?;
                let target = if target == "." { None } else { Some(name(target)?) };
                self.insert_cname(owner.clone(), target);
            }
            "SPF" | "NS" | "SOA" => self.insert_name(owner.clone()),
            _ => {
                // Exact: "txt" would be a mistake that hides a record.
                let kind = RecordType::ALL.into_iter().find(|kind| kind.as_str() == key);
                let kind = kind.ok_or_else(|| shape(at, OWNER))?;
                if value.is_string() {
                    let error: LookupError = error(&value)?;
                    self.set_error_for(Question::new(owner.clone(), kind), error);
                } else {
                    self.insert_all(owner.clone(), kind, read_records(at, kind, value)?);
                }
            }
        }
        Ok(())
    }
}

/// Reads one name after the other: a JSON tree of a large zone would take many times the memory of its text.
struct Names<'z> {
    zone: &'z mut Zone,
    wrong: &'z mut Option<InvalidJson>,
}

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of names")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some((owner, value)) = map.next_entry::<String, Value>()? {
            if let Err(wrong) = self.zone.read_owner(&owner, value) {
                *self.wrong = Some(wrong);
                return Err(M::Error::custom("not a zone"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Record, Reply};
    use bytes::Bytes;
    use std::time::Duration;

    fn ask(zone: &Zone, name: &str, kind: RecordType) -> Reply {
        zone.lookup(&Question::new(DomainName::lenient(name.as_bytes()).unwrap(), kind))
    }

    #[test]
    fn everything() {
        let zone = Zone::from_json(
            r#"{
            "Example.org.": {"TXT": ["a", ["b", "c"], {"hex": "00fF"}, "é"], "MX": [[10, "mx.example.org"], [0, "."]],
                "TTL": 300, "SECURE": true},
            "www.example.org": {"CNAME": ["example.org"]},
            "root.example.org": {"CNAME": ["."]}, "void.example.org": {"CNAME": "."},
            "1.2.0.192.in-addr.arpa": {"PTR": ["."]},
            "slow.example.org": {"ERROR": "TIMEOUT", "TXT": ["x"]},
            "half.example.org": {"A": "SERVFAIL", "TXT": ["x"]},
            "below.exists.example.org": {}
        }"#,
        )
        .unwrap();
        let texts =
            [&b"a"[..], b"bc", b"\x00\xff", "é".as_bytes()].map(|text| Record::Txt(Bytes::from_static(text)));
        let answer = Answer::new(texts).with_ttl(Duration::from_secs(300));
        assert_eq!(
            ask(&zone, "example.org", RecordType::Txt),
            Ok(answer.clone().with_dnssec(Dnssec::Secure))
        );
        assert_eq!(ask(&zone, "WWW.example.org", RecordType::Txt), Ok(answer));
        assert_eq!(ask(&zone, "slow.example.org", RecordType::A), Err(LookupError::Timeout));
        assert!(ask(&zone, "slow.example.org", RecordType::Txt).is_ok());
        assert_eq!(ask(&zone, "half.example.org", RecordType::A), Err(LookupError::ServerFailure));
        assert_eq!(ask(&zone, "half.example.org", RecordType::Mx), Ok(Answer::nodata()));
        assert_eq!(ask(&zone, "exists.example.org", RecordType::Mx), Ok(Answer::nodata()));
        assert_eq!(ask(&zone, "1.2.0.192.in-addr.arpa", RecordType::Ptr).unwrap().records.len(), 0);
        for alias_of_root in ["root.example.org", "void.example.org"] {
            assert_eq!(ask(&zone, alias_of_root, RecordType::A), Ok(Answer::nodata()));
        }
        assert_eq!(ask(&zone, "nope.example.org", RecordType::Mx), Ok(Answer::nxdomain()));
        let mx = ask(&zone, "example.org", RecordType::Mx).unwrap();
        assert_eq!(&*mx.records, &[Record::Mx(10, "mx.example.org".parse().ok()), Record::Mx(0, None)]);
    }

    #[test]
    fn spellings_of_one_name_are_one_name() {
        let zone = Zone::from_json(r#"{"a.example": {"TXT": ["1"]}, "A.Example.": {"TXT": ["2"]}}"#).unwrap();
        assert_eq!(ask(&zone, "a.example", RecordType::Txt).unwrap().records.len(), 2);
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| Zone::from_json(text).map(|_| ()).unwrap_err().to_string();
        assert_eq!(error("[]"), "zone: an object of names is expected");
        assert!(error(r#"{"a": []}"#).starts_with("a: an object of TXT"));
        assert!(error(r#"{"a": {"txt": ["x"]}}"#).starts_with("a, txt: an object of TXT"));
        assert!(error(r#"{"a": {"TXT": "v=spf1"}}"#).starts_with("a, TXT: TIMEOUT, SERVFAIL"));
        assert!(error(r#"{"a": {"A": ["1.2.3"]}}"#).starts_with("a, A: A: an IPv4"));
        assert!(error(r#"{"a": {"CNAME": ["b", "c"]}}"#).starts_with("a, CNAME: one name"));
        assert_eq!(error(r#"{"a..b": {}}"#), "`a..b` is not a domain name");
    }
}
