//! A check asks for what is not known yet, and is run again.

use crate::{Answers, DEFAULT_TIME_LIMIT, Question, Reply};
use std::time::Duration;

/// The run ended early because answers are missing; [`Answers::take_wanted`] returns the questions. [`Answers::ask`]
/// returns it, and `?` propagates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending;

/// A pure function of the DNS answers so far: ordinary code, recursive where the protocol is, that asks questions and,
/// when an answer is missing, returns with `?` and is run again from the start.
///
/// Rules for an implementation:
///
/// - The same answers give the same questions and the same verdict: no clock (the time is an input), no randomness,
///   nothing asked in the order of a hash map. `run` may keep what it computed, but must not depend on how often it
///   was called.
/// - `Err(Pending)` means that this run missed an answer: return it only when [`Answers::ask`] did. After
///   [`Answers::give_up`] nothing is missing any more, so every run ends in a verdict. A check that keeps
///   returning `Pending` for any other reason keeps its driver running forever.
/// - Ask together what can be asked together ([`Answers::ask_all`]): the questions of one run are looked up
///   concurrently.
/// - Ask everything before doing expensive work, so that it is done once.
///
/// ```
/// use waxseal_dns::{Answers, Check, DomainName, Pending, Question, Record, Zone, drive_blocking};
///
/// /// Follows `next=` from text record to text record.
/// struct Follow(DomainName);
///
/// impl Check for Follow {
///     type Output = Vec<DomainName>;
///     fn run(&mut self, dns: &mut Answers<'_>) -> Result<Vec<DomainName>, Pending> {
///         let mut path = vec![self.0.clone()];
///         while let Some(name) = path.last().filter(|_| path.len() < 10) {
///             let Ok(answer) = dns.ask(Question::txt(name.clone()))? else { break };
///             let Some(Record::Txt(text)) = answer.records.first() else { break };
///             let Some(next) = text.strip_prefix(b"next=") else { break };
///             path.extend(DomainName::lenient(next).ok());
///         }
///         Ok(path)
///     }
/// }
///
/// # fn main() -> Result<(), waxseal_dns::InvalidDomainName> {
/// let zone = Zone::new().with_txt("a.example", "next=b.example")?.with_txt("b.example", "end")?;
/// let path = drive_blocking(Follow("a.example".parse()?), &zone);
/// assert_eq!(path, ["a.example".parse()?, "b.example".parse()?]);
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a check",
    label = "not a `Check`",
    note = "a driver takes a check first and the resolver second; `Vec<Question>` is a check, too"
)]
pub trait Check {
    /// The verdict.
    type Output;
    /// Runs on the known answers.
    ///
    /// # Errors
    /// [`Pending`] when more answers are wanted.
    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Self::Output, Pending>;

    /// How long [`drive`](crate::drive()) and [`drive_blocking`](crate::drive_blocking) may wait for answers in all:
    /// [`DEFAULT_TIME_LIMIT`] by default, `None` for no limit. It is a setting, not part of the verdict: drivers with a
    /// deadline ignore it.
    fn time_limit(&self) -> Option<Duration> {
        Some(DEFAULT_TIME_LIMIT)
    }
}

/// Asks all of them together and returns the replies in the order of the questions. Useful for looking up what a check
/// will ask while the rest of the message arrives:
///
/// ```
/// use waxseal_dns::{Answers, Question, Zone, drive_with_blocking};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let zone = Zone::new().with_txt("example.org", "v=spf1 -all")?;
/// let keys = vec![Question::txt("example.org".parse()?)];
/// let mut dns = Answers::new();
/// let replies = drive_with_blocking(keys, &mut dns, &zone, None); // or drive_with(…).await
/// assert!(replies[0].is_ok());
/// assert_eq!(dns.known().len(), 1); // which the next check begins with
/// # Ok(()) }
/// ```
impl Check for Vec<Question> {
    type Output = Vec<Reply>;
    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Self::Output, Pending> {
        dns.ask_all(self.iter().cloned())
    }
}
