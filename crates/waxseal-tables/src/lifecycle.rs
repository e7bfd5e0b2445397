use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The history of a key: the text of a small file next to it.
///
/// Lines are `name=value`, dates in seconds of Unix time. Lines that this version does not know are kept. A key without
/// such a file counts as active.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use waxseal_tables::{KeyState, Lifecycle};
/// let mut life: Lifecycle = "state=published\npublished=1764313600\nticket=4711\n".parse()?;
/// life.advance(KeyState::Active, UNIX_EPOCH + Duration::from_secs(1_764_400_000))?;
/// assert_eq!(life.to_string(), "state=active\npublished=1764313600\nticket=4711\nactive=1764400000\n");
/// assert!(life.state().signs());
/// assert_eq!(Lifecycle::path("/etc/opendkim/keys/s1.private"), "/etc/opendkim/keys/s1.private.state");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    state: KeyState,
    lines: Vec<String>,
}

/// The state of a key, in the order of its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyState {
    /// Made; its record is not in DNS yet.
    Pending,
    /// Its record is in DNS; nothing is signed with it yet.
    Published,
    /// It signs.
    Active,
    /// It does not sign any more; its record stays while signed messages are in transit.
    Retired,
    /// Its record is revoked or removed.
    Revoked,
}

/// Why the text of a lifecycle file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLifecycle {
    /// No line `state=`.
    #[error("no line state=: write state=active for a key that signs")]
    NoState,
    /// A name or value that occurs twice would be ambiguous.
    #[error("line {0}: the name is on an earlier line already")]
    Duplicate(usize),
    /// A word that is no state.
    #[error("line {line}: \"{word}\" is not a state: pending, published, active, retired or revoked")]
    UnknownState {
        /// The number of the line, from 1.
        line: usize,
        /// The word.
        word: String,
    },
    /// A date that is no number of seconds.
    #[error("line {0}: the date is not a number of seconds since 1970")]
    Date(usize),
    /// More than 65,536 bytes.
    #[error("the file has over 65536 bytes: not a lifecycle file")]
    TooLong,
}

/// A key does not go back in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is {from} already and cannot become {to}: make a new key")]
pub struct InvalidTransition {
    /// What the key is.
    pub from: KeyState,
    /// What it was to become.
    pub to: KeyState,
}

const STATES: [KeyState; 5] =
    [KeyState::Pending, KeyState::Published, KeyState::Active, KeyState::Retired, KeyState::Revoked];
const MAX_BYTES: usize = 65_536;

impl Lifecycle {
    /// The lifecycle of a key that is in this state since `now`.
    pub fn new(state: KeyState, now: SystemTime) -> Self {
        let mut life = Self { state, lines: Vec::new() };
        life.set("state", state.as_str());
        life.set(state.as_str(), &seconds(now).to_string());
        life
    }

    /// With the fingerprint of the key, `sha256:…`, so that a file that was swapped is noticed.
    #[must_use]
    pub fn with_fingerprint(mut self, fingerprint: &str) -> Self {
        self.set("fingerprint", &on_one_line(fingerprint));
        self
    }

    /// With the selector and the domain that the key signs with: in a folder of many keys the file tells whose it is.
    #[must_use]
    pub fn with_name(mut self, selector: &str, domain: &str) -> Self {
        self.set("selector", &on_one_line(selector));
        self.set("domain", &on_one_line(domain));
        self
    }

    /// Where the file of a key is.
    pub fn path(key: &str) -> String {
        format!("{key}.state")
    }

    /// Where the key is in its life.
    pub fn state(&self) -> KeyState {
        self.state
    }

    /// Since when the key is, or was, in a state, if recorded.
    pub fn since(&self, state: KeyState) -> Option<SystemTime> {
        let seconds = self.get(state.as_str())?.parse().ok()?;
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    }

    /// The fingerprint of the key.
    pub fn fingerprint(&self) -> Option<&str> {
        self.get("fingerprint")
    }

    /// The selector of the key, `s=`.
    pub fn selector(&self) -> Option<&str> {
        self.get("selector")
    }

    /// The domain that the key signs for, `d=`.
    pub fn domain(&self) -> Option<&str> {
        self.get("domain")
    }

    /// Puts the key into a later state and records the time. States may be skipped.
    ///
    /// # Errors
    /// The key is in this state or a later one.
    pub fn advance(&mut self, state: KeyState, now: SystemTime) -> Result<(), InvalidTransition> {
        if state <= self.state {
            return Err(InvalidTransition { from: self.state, to: state });
        }
        self.state = state;
        self.set("state", state.as_str());
        self.set(state.as_str(), &seconds(now).to_string());
        Ok(())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.lines
            .iter()
            .find_map(|line| split(line).filter(|(found, _)| *found == name).map(|(_, value)| value))
    }

    fn set(&mut self, name: &str, value: &str) {
        let written = format!("{name}={value}");
        match self.lines.iter_mut().find(|line| split(line).is_some_and(|(found, _)| found == name)) {
            Some(line) => *line = written,
            None => self.lines.push(written),
        }
    }
}

impl FromStr for Lifecycle {
    type Err = InvalidLifecycle;

    fn from_str(text: &str) -> Result<Self, InvalidLifecycle> {
        if text.len() > MAX_BYTES {
            return Err(InvalidLifecycle::TooLong);
        }
        let lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
        let mut state = None;
        let mut dated = Vec::new();
        for (number, line) in (1..).zip(&lines) {
            let Some((name, value)) = split(line) else { continue };
            if name == "state" {
                let unknown = || InvalidLifecycle::UnknownState { line: number, word: value.into() };
                let read = STATES.into_iter().find(|state| state.as_str() == value).ok_or_else(unknown)?;
                if state.replace(read).is_some() {
                    return Err(InvalidLifecycle::Duplicate(number));
                }
            } else if let Some(known) = STATES.into_iter().find(|state| state.as_str() == name) {
                let seconds: Result<u64, _> = value.parse();
                let date =
                    seconds.ok().and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
                date.ok_or(InvalidLifecycle::Date(number))?;
                if dated.contains(&known) {
                    return Err(InvalidLifecycle::Duplicate(number));
                }
                dated.push(known);
            }
        }
        Ok(Self { state: state.ok_or(InvalidLifecycle::NoState)?, lines })
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl KeyState {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Published => "published",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }

    /// Whether a key in this state signs.
    pub fn signs(self) -> bool {
        self == Self::Active
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A line end would make another line.
fn on_one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// Name and value of a line that is no comment.
fn split(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    if name.trim_start().starts_with('#') { None } else { Some((name.trim(), value.trim())) }
}

/// Before 1970 nobody made keys.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
