//! What DNS has said so far.

use crate::{LookupError, Pending, Question, Reply};
use std::fmt;

type Inline<'r> = &'r (dyn Fn(&Question) -> Option<Reply> + Sync);

/// The answers so far, in the order in which they became known, and the questions still open.
#[derive(Default)]
pub struct Answers<'r> {
    known: Vec<(Question, Reply)>,
    wanted: Vec<Question>,
    inline: Option<Inline<'r>>,
    given_up: bool,
}

impl<'r> Answers<'r> {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Like [`Answers::new`]; `inline` is asked first and answers at once what a cache already holds.
    pub fn with_inline(inline: Inline<'r>) -> Self {
        Self { inline: Some(inline), ..Self::default() }
    }

    /// The reply to `q`, or a note that it is wanted.
    pub fn ask(&mut self, q: Question) -> Result<Reply, Pending> {
        if let Some((_, reply)) = self.known.iter().find(|(known, _)| *known == q) {
            return Ok(reply.clone());
        }
        if let Some(reply) = self.inline.and_then(|inline| inline(&q)) {
            self.known.push((q, reply.clone()));
            return Ok(reply);
        }
        if self.given_up {
            return Ok(Err(LookupError::Timeout));
        }
        if !self.wanted.contains(&q) {
            self.wanted.push(q);
        }
        Err(Pending)
    }

    /// All replies, or a note of every one that is missing.
    pub fn ask_all(&mut self, qs: impl IntoIterator<Item = Question>) -> Result<Vec<Reply>, Pending> {
        let replies: Vec<_> = qs.into_iter().map(|q| self.ask(q)).collect();
        replies.into_iter().collect()
    }

    /// The questions noted since the last call.
    pub fn take_wanted(&mut self) -> Vec<Question> {
        std::mem::take(&mut self.wanted)
    }

    /// Records a reply.
    pub fn answer(&mut self, q: Question, reply: Reply) {
        self.known.push((q, reply));
    }

    /// From now on every unknown question is a [`LookupError::Timeout`].
    pub fn give_up(&mut self) {
        self.given_up = true;
    }
}

impl fmt::Debug for Answers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("known", &self.known).field("wanted", &self.wanted).finish_non_exhaustive()
    }
}
