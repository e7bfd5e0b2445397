//! Verdicts as data: the object that `waxseal check --json` prints for DMARC.

use crate::{AuthorVerdict, DomainPolicy, Verdict};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};

/// Result, policy, domains and disposition; the object of `waxseal check --json`. `shown` and `domains_in_names` are
/// left out when empty.
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("result", self.result().as_str())?;
        policies(self.author(), &mut object)?;
        object.serialize_entry("disposition", self.disposition().as_str())?;
        domains(self.author(), &mut object)?;
        object.serialize_entry("reason", &self.reason())?;
        if !self.shown().is_empty() {
            object.serialize_entry("shown", &Shown(self.shown()))?;
        }
        if !self.domains_in_names().is_empty() {
            object.serialize_entry("domains_in_names", self.domains_in_names())?;
        }
        object.end()
    }
}

/// The same object for one author, without the parts that belong to the message.
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for AuthorVerdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("result", self.result().as_str())?;
        policies(Some(self), &mut object)?;
        domains(Some(self), &mut object)?;
        object.serialize_entry("reason", &waxseal_authres::reason(self.cause()))?;
        object.end()
    }
}

fn policies<M: SerializeMap>(author: Option<&AuthorVerdict>, object: &mut M) -> Result<(), M::Error> {
    let word = |policy: Option<DomainPolicy>| policy.map(DomainPolicy::as_str);
    object.serialize_entry("policy", &word(author.and_then(AuthorVerdict::policy)))?;
    object.serialize_entry("evaluated_policy", &word(author.and_then(AuthorVerdict::evaluated_policy)))
}

fn domains<M: SerializeMap>(author: Option<&AuthorVerdict>, object: &mut M) -> Result<(), M::Error> {
    let organization = author.and_then(AuthorVerdict::organizational_domain);
    object.serialize_entry("org_domain", &organization.map(|domain| domain.as_str()))?;
    let record_at = author.and_then(AuthorVerdict::record_at);
    object.serialize_entry("record_at", &record_at.map(|domain| domain.as_str()))?;
    object.serialize_entry("spf_aligned", &author.is_some_and(AuthorVerdict::spf_aligned))?;
    object.serialize_entry("dkim_aligned", &author.is_some_and(AuthorVerdict::dkim_aligned))
}

struct Shown<'v>(&'v [AuthorVerdict]);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        self.0.iter().try_for_each(|author| list.serialize_element(&ShownAuthor(author)))?;
        list.end()
    }
}

struct ShownAuthor<'v>(&'v AuthorVerdict);

impl Serialize for ShownAuthor<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(3))?;
        object.serialize_entry("domain", self.0.domain().as_str())?;
        policies(Some(self.0), &mut object)?;
        object.end()
    }
}
