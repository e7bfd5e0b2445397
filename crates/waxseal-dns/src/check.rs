//! A check: ask what is not known yet, then be run again.

use crate::Answers;

/// The run ended early because answers are missing; [`Answers::take_wanted`] names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending;

/// A pure function of the DNS answers so far.
pub trait Check {
    /// The verdict.
    type Output;
    /// Runs on what is known; `Err(Pending)` when more answers are wanted.
    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Self::Output, Pending>;
}
