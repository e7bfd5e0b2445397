//! Reports as data: the object that `waxseal check --json` prints. The guide page `json` has the schema.

use super::{Envelope, IprevVerdict, Method, Report};
use serde::{Serialize, Serializer, ser::SerializeStruct};

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let forwarder = self.trusted_forwarder().map(ToString::to_string);
        let distrust: Vec<_> = self.distrust().iter().map(|cause| waxseal_authres::reason(cause)).collect();
        let results = self.authentication_results().to_string();
        let mut object = serializer.serialize_struct("Report", 10)?;
        object.serialize_field("dkim", self.dkim())?;
        object.serialize_field("arc", &self.arc())?;
        match self.has(Method::Spf) {
            true => object.serialize_field("spf", self.spf())?,
            false => object.serialize_field("spf", &Unchecked { spf: true, reason: self.unchecked() })?,
        }
        object.serialize_field("spf_helo", &self.spf_helo())?;
        object.serialize_field("dmarc", self.dmarc())?;
        match self.iprev() {
            Some(iprev) => object.serialize_field("iprev", iprev)?,
            None => object.serialize_field("iprev", &Unchecked { spf: false, reason: self.unchecked() })?,
        }
        object.serialize_field("disposition", self.disposition().as_str())?;
        match &forwarder {
            Some(forwarder) => object.serialize_field("trusted_forwarder", forwarder)?,
            None => object.skip_field("trusted_forwarder")?,
        }
        match distrust.is_empty() {
            true => object.skip_field("distrust")?,
            false => object.serialize_field("distrust", &distrust)?,
        }
        object.serialize_field("authentication_results", &results)?;
        object.end()
    }
}

impl Report {
    fn unchecked(&self) -> String {
        match self.envelope().missing() {
            Some(why) => format!("no envelope: {why}"),
            None if self.envelope().ip().is_some() => "not checked".to_owned(),
            None if *self.envelope() == Envelope::unknown() => "no envelope".to_owned(),
            None => "the client has no address".to_owned(),
        }
    }
}

/// `{"result", "name", "reason"}`
impl Serialize for IprevVerdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("IprevVerdict", 3)?;
        object.serialize_field("result", self.result().as_str())?;
        object.serialize_field("name", &self.name().map(|name| name.as_str()))?;
        object.serialize_field("reason", &self.cause().map(|_| self.reason()))?;
        object.end()
    }
}

/// In place of a verdict of SPF or iprev that was not checked.
struct Unchecked {
    spf: bool,
    reason: String,
}

impl Serialize for Unchecked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let none = None::<&str>;
        let mut object = serializer.serialize_struct("Unchecked", if self.spf { 6 } else { 3 })?;
        object.serialize_field("result", &none)?;
        if self.spf {
            object.serialize_field("identity", &none)?;
            object.serialize_field("domain", &none)?;
            object.serialize_field("reason", &self.reason)?;
            object.serialize_field("lookups", &0)?;
            object.serialize_field("void_lookups", &0)?;
        } else {
            object.serialize_field("name", &none)?;
            object.serialize_field("reason", &self.reason)?;
        }
        object.end()
    }
}
