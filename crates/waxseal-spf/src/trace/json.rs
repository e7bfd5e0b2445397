//! The trace as JSON.

use super::{LookupTrace, Outcome, RecordTrace, TermTrace, Trace};
use serde_json::{Map, Value, json};
use waxseal_dns::Answers;

impl Trace {
    /// The tree as one JSON object, on one line: `domain depth lookup record result terms`; a term has `term offset
    /// target outcome result explanation lookups record`; a lookup is what
    /// [`Answers::to_json`](waxseal_dns::Answers::to_json) writes for it, and `void`. Non-ASCII bytes of a record are
    /// written as `\xNN`.
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub fn to_json(&self) -> String {
        record(&self.root).to_string()
    }
}

fn record(of: &RecordTrace) -> Value {
    let mut object = Map::new();
    object.insert("domain".into(), json!(of.domain.as_str()));
    object.insert("depth".into(), json!(of.depth));
    if let Some(of) = &of.lookup {
        object.extend(lookup(of).map(|lookup| ("lookup".into(), lookup)));
    }
    if let Some(text) = &of.text {
        object.insert("record".into(), json!(text.escape_ascii().to_string()));
    }
    object.insert("result".into(), json!(of.result.as_str()));
    object.insert("terms".into(), of.terms.iter().map(term).collect());
    Value::Object(object)
}

fn term(of: &TermTrace) -> Value {
    let mut object = Map::new();
    object.insert("term".into(), json!(of.text.escape_ascii().to_string()));
    object.insert("offset".into(), json!(of.offset));
    if let Some(target) = &of.target {
        object.insert("target".into(), json!(target.as_str()));
    }
    let (outcome, result) = match &of.outcome {
        Outcome::NotEvaluated => ("not-evaluated", None),
        Outcome::NoMatch => ("no-match", None),
        Outcome::Match(result) => ("match", Some(result)),
        Outcome::Followed => ("followed", None),
        Outcome::Explained(_) => ("explained", None),
        Outcome::Error(result) => ("error", Some(result)),
    };
    object.insert("outcome".into(), json!(outcome));
    object.extend(result.map(|result| ("result".into(), json!(result.as_str()))));
    if let Outcome::Explained(Some(text)) = &of.outcome {
        object.insert("explanation".into(), json!(text));
    }
    object.insert("lookups".into(), of.lookups.iter().filter_map(lookup).collect());
    if let Some(inside) = &of.inside {
        object.insert("record".into(), record(inside));
    }
    Value::Object(object)
}

/// Question and reply in the JSON of waxseal-dns.
fn lookup(of: &LookupTrace) -> Option<Value> {
    let answers = Answers::from_iter([(of.question.clone(), of.reply.clone())]);
    let spelled: Vec<Map<String, Value>> = serde_json::from_str(&answers.to_json()).ok()?;
    let mut lookup = spelled.into_iter().next()?;
    lookup.insert("void".into(), json!(of.void));
    Some(Value::Object(lookup))
}
