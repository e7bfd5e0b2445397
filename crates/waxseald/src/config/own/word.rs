//! Converts TOML values to values of settings and back.

use super::{
    super::value::{self, Invalid},
    parts::{Names, Role},
};
use crate::settings::{
    Action, AtpsHash, Delivery, FieldChanges, HeaderRules, LogTo, LoginAction, Mask, PolicyField,
    PublishCheck, Reject, Socket,
};
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use toml::Value;
use waxseal::{authres::ResultsStyle, dkim::Canonicalization};

/// Reads a value, and writes one that reads back the same.
pub(super) trait Word: Sized {
    fn read(value: &Value) -> Result<Self, Invalid>;

    /// `None` is not written.
    fn write(&self) -> Option<Value>;
}

fn text(value: &Value) -> Result<&str, Invalid> {
    value.as_str().ok_or_else(|| format!("{value}: use a text in quotes"))
}

/// Writes a text.
fn say(text: impl Into<String>) -> Option<Value> {
    Some(Value::String(text.into()))
}

impl Word for String {
    fn read(value: &Value) -> Result<Self, Invalid> {
        text(value).map(str::to_owned)
    }

    fn write(&self) -> Option<Value> {
        say(self)
    }
}

impl Word for PathBuf {
    fn read(value: &Value) -> Result<Self, Invalid> {
        text(value).map(Self::from)
    }

    fn write(&self) -> Option<Value> {
        say(self.display().to_string())
    }
}

impl Word for bool {
    fn read(value: &Value) -> Result<Self, Invalid> {
        value.as_bool().ok_or_else(|| format!("{value}: use true or false"))
    }

    fn write(&self) -> Option<Value> {
        Some(Value::Boolean(*self))
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Word for $number {
            fn read(value: &Value) -> Result<Self, Invalid> {
                let number = value.as_integer().and_then(|number| Self::try_from(number).ok());
                number.ok_or_else(|| format!("{value}: use a number from 0 to {}", Self::MAX))
            }

            fn write(&self) -> Option<Value> {
                i64::try_from(*self).ok().map(Value::Integer)
            }
        }
    )*};
}
numbers!(u16, u32, u64, usize);

impl Word for Duration {
    fn read(value: &Value) -> Result<Self, Invalid> {
        u64::read(value).map(Self::from_secs)
    }

    fn write(&self) -> Option<Value> {
        self.as_secs().write()
    }
}

impl<W: Word> Word for Option<W> {
    fn read(value: &Value) -> Result<Self, Invalid> {
        // A list of hosts or domains may stand where a data set is named.
        match value {
            Value::Array(_) => W::read(&Value::String(Vec::<String>::read(value)?.join(","))).map(Some),
            _ => W::read(value).map(Some),
        }
    }

    fn write(&self) -> Option<Value> {
        self.as_ref().and_then(W::write)
    }
}

/// What a list may contain.
pub(super) trait Item: Sized {
    fn parse(text: &str) -> Result<Self, Invalid>;

    /// A list in one text.
    fn parse_all(text: &str) -> Result<Vec<Self>, Invalid> {
        value::words(text).iter().map(|word| Self::parse(word)).collect()
    }

    fn show(&self) -> String;
}

impl<I: Item> Word for Vec<I> {
    fn read(value: &Value) -> Result<Self, Invalid> {
        match value {
            Value::Array(items) => items.iter().map(|item| I::parse(text(item)?)).collect(),
            _ => I::parse_all(text(value)?),
        }
    }

    fn write(&self) -> Option<Value> {
        Some(Value::Array(self.iter().map(|item| Value::String(item.show())).collect()))
    }
}

impl Item for String {
    fn parse(text: &str) -> Result<Self, Invalid> {
        Ok(text.to_owned())
    }

    fn parse_all(text: &str) -> Result<Vec<Self>, Invalid> {
        if value::is_data_set(text) { value::data_set(text) } else { Ok(value::words(text)) }
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl Item for PathBuf {
    fn parse(text: &str) -> Result<Self, Invalid> {
        Ok(Self::from(text))
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl Item for Socket {
    fn parse(text: &str) -> Result<Self, Invalid> {
        value::socket(text)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Word for SocketAddr {
    fn read(value: &Value) -> Result<Self, Invalid> {
        let text = text(value)?;
        text.parse().map_err(|_| format!("{text:?}: use ADDRESS:PORT, such as 127.0.0.1:9115"))
    }

    fn write(&self) -> Option<Value> {
        say(self.to_string())
    }
}

impl Item for SocketAddr {
    fn parse(text: &str) -> Result<Self, Invalid> {
        value::server(text)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// `{auth_type}`, or `daemon_name=ORIGINATING|OTHER`.
impl Item for (String, Vec<String>) {
    fn parse(text: &str) -> Result<Self, Invalid> {
        Ok(value::macro_value(text))
    }

    fn show(&self) -> String {
        if self.1.is_empty() { self.0.clone() } else { format!("{}={}", self.0, self.1.join("|")) }
    }
}

impl Word for (Canonicalization, Canonicalization) {
    fn read(value: &Value) -> Result<Self, Invalid> {
        value::canonicalization(text(value)?)
    }

    fn write(&self) -> Option<Value> {
        say(format!("{}/{}", self.0.as_str(), self.1.as_str()))
    }
}

impl Word for FieldChanges {
    fn read(value: &Value) -> Result<Self, Invalid> {
        Ok(Self::from_words(Vec::<String>::read(value)?))
    }

    fn write(&self) -> Option<Value> {
        let only = self.only.iter().flatten().cloned();
        let (added, omitted) = (self.added.iter().map(|name| format!("+{name}")), &self.omitted);
        let words: Vec<String> =
            only.chain(added).chain(omitted.iter().map(|name| format!("-{name}"))).collect();
        words.write()
    }
}

/// Enumerations, each value with its word.
macro_rules! words {
    ($($type:ty: $read:path, [$($name:literal => $value:pat),*];)*) => {$(
        impl Word for $type {
            fn read(value: &Value) -> Result<Self, Invalid> {
                $read(text(value)?)
            }

            fn write(&self) -> Option<Value> {
                match self {
                    $($value => say($name),)*
                }
            }
        }
    )*};
}
words! {
    Action: value::action, ["accept" => Self::Accept, "discard" => Self::Discard, "quarantine" => Self::Quarantine,
        "reject" => Self::Reject, "tempfail" => Self::TempFail];
    Reject: value::reject, ["not_pass" => Self::NotPass, "softfail" => Self::SoftFail, "fail" => Self::Fail,
        "null" => Self::Null, "never" => Self::Never, "no_check" => Self::NoCheck];
    LoginAction: value::login_action, ["warn" => Self::Warn, "unsigned" => Self::Unsigned, "refuse" => Self::Refuse];
    PublishCheck: value::publish_check, ["off" => Self::Off, "warn" => Self::Warn, "require" => Self::Require,
        "strict" => Self::Strict];
    AtpsHash: value::atps_hash, ["none" => Self::Plain, "sha256" => Self::Sha256];
    HeaderRules: value::header_rules, ["off" => Self::Off, "leave" => Self::Leave, "refuse" => Self::Refuse,
        "refuse_without_author" => Self::RefuseWithoutAuthor];
}

impl Word for Delivery {
    fn read(value: &Value) -> Result<Self, Invalid> {
        Ok(value::delivery(text(value)?))
    }

    fn write(&self) -> Option<Value> {
        match self {
            Self::Command(command) => say(command),
            Self::Smtp(server) => say(format!("smtp://{server}")),
        }
    }
}

impl Word for std::net::IpAddr {
    fn read(value: &Value) -> Result<Self, Invalid> {
        let text = text(value)?;
        text.parse().map_err(|_| format!("{text:?}: use an address"))
    }

    fn write(&self) -> Option<Value> {
        say(self.to_string())
    }
}

impl Word for ResultsStyle {
    fn read(value: &Value) -> Result<Self, Invalid> {
        value::results_style(text(value)?)
    }

    fn write(&self) -> Option<Value> {
        match self {
            Self::OpenDkim => say("opendkim"),
            Self::PolicydSpf => say("policyd_spf"),
            _ => say("folded"),
        }
    }
}

impl Word for PolicyField {
    fn read(value: &Value) -> Result<Self, Invalid> {
        match text(value)? {
            "received_spf" => Ok(Self::ReceivedSpf),
            "none" => Ok(Self::Nothing),
            text => match text.strip_prefix("authentication_results ") {
                Some(id) => Ok(Self::AuthenticationResults(id.trim().to_owned())),
                None => Err(format!("{text:?}: use received_spf, none, or authentication_results ID")),
            },
        }
    }

    fn write(&self) -> Option<Value> {
        match self {
            Self::ReceivedSpf => say("received_spf"),
            Self::Nothing => say("none"),
            Self::AuthenticationResults(id) => say(format!("authentication_results {id}")),
        }
    }
}

/// The field that names the software; its text follows from its name.
impl Word for (&'static str, String) {
    fn read(value: &Value) -> Result<Self, Invalid> {
        let name = text(value)?;
        value::software(name).ok_or_else(|| format!("{name:?}: use DKIM-Filter, DMARC-Filter or ARC-Filter"))
    }

    fn write(&self) -> Option<Value> {
        say(self.0)
    }
}

impl Word for Names {
    fn read(value: &Value) -> Result<Self, Invalid> {
        Vec::read(value).map(Self)
    }

    fn write(&self) -> Option<Value> {
        self.0.write()
    }
}

impl Item for Role {
    fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "sign" => Ok(Self::Sign),
            "verify" => Ok(Self::Verify),
            "dmarc" => Ok(Self::Dmarc),
            "arc" => Ok(Self::Arc),
            "iprev" => Ok(Self::Iprev),
            "policy" => Ok(Self::Policy),
            _ => Err(format!("{text:?}: use sign, verify, dmarc, arc, iprev or policy")),
        }
    }

    fn show(&self) -> String {
        let name = match self {
            Self::Sign => "sign",
            Self::Verify => "verify",
            Self::Dmarc => "dmarc",
            Self::Arc => "arc",
            Self::Iprev => "iprev",
            Self::Policy => "policy",
        };
        name.to_owned()
    }
}

impl Word for LogTo {
    fn read(value: &Value) -> Result<Self, Invalid> {
        let text = text(value)?;
        let mut words = text.split(':');
        match (words.next(), words.next(), words.next()) {
            (Some("stderr"), None, _) => Ok(Self::Stderr),
            (Some("json"), None, _) => Ok(Self::Json),
            (Some("syslog"), facility, name) => Ok(Self::Syslog {
                facility: facility.unwrap_or("mail").to_owned(),
                name: name.unwrap_or("waxseald").to_owned(),
            }),
            _ => Err(format!("{text:?}: use stderr, json, syslog or syslog:FACILITY:NAME")),
        }
    }

    fn write(&self) -> Option<Value> {
        match self {
            Self::Stderr => say("stderr"),
            Self::Json => say("json"),
            Self::Syslog { facility, name } => say(format!("syslog:{facility}:{name}")),
        }
    }
}

/// `"007"`, always octal.
impl Word for Mask {
    fn read(value: &Value) -> Result<Self, Invalid> {
        value::umask(text(value)?).map(Self)
    }

    fn write(&self) -> Option<Value> {
        say(format!("{:03o}", self.0))
    }
}
