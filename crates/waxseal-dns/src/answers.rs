//! The DNS answers so far.

use crate::{Cache, LookupError, Pending, Question, Reply, time_limit::TimeLimit};
use std::{fmt, time::Duration};

/// The answers so far, in the order in which they arrived, and the open questions.
///
/// It is also the trace of a check: [`Answers::known`] and `Display` show every lookup and its result, and with the
/// feature `json` it can be saved, and the check replayed offline with the same verdict.
///
/// The first reply to a question is final. A later one changes nothing, so every run of a check sees what earlier runs
/// saw.
///
/// ```
/// use waxseal_dns::{Answer, Answers, DomainName, Pending, Question};
/// # fn main() -> Result<(), waxseal_dns::InvalidDomainName> {
/// let question = Question::txt("example.org".parse()?);
/// let mut dns = Answers::new();
/// assert_eq!(dns.ask(question.clone()), Err(Pending));
/// assert_eq!(dns.take_wanted(), [question.clone()]);
///
/// dns.answer(question.clone(), Ok(Answer::nxdomain()));
/// dns.answer(question.clone(), Ok(Answer::nodata())); // too late
/// assert_eq!(dns.ask(question), Ok(Ok(Answer::nxdomain())));
/// assert_eq!(dns.to_string(), "example.org TXT: NXDOMAIN\n");
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct Answers<'r> {
    pub(crate) state: State,
    /// The replies that the resolver of a driver has cached.
    cache: Option<&'r dyn Cache>,
}

/// Enough for the lookups of most messages.
const USUAL: usize = 12;

/// Everything but the borrowed cache, so that a driver can lend one. Lists instead of maps: a message needs tens of
/// lookups, and comparing names is faster than hashing them.
#[derive(Debug)]
pub(crate) struct State {
    known: Vec<(Question, Reply)>,
    wanted: Vec<Question>,
    in_flight: Vec<Question>,
    given_up: bool,
    rounds: usize,
    limit: usize,
    pub(crate) time: TimeLimit,
}

impl Default for State {
    fn default() -> Self {
        Self {
            known: Vec::new(),
            wanted: Vec::new(),
            in_flight: Vec::new(),
            given_up: false,
            rounds: 0,
            limit: Answers::DEFAULT_LIMIT,
            time: TimeLimit::default(),
        }
    }
}

/// More distinct questions than [`Answers::with_limit`] allows; the source of a [`LookupError::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {limit} DNS questions")]
struct TooManyQuestions {
    limit: usize,
}

impl Answers<'_> {
    /// How many distinct questions may be asked by default: 1,000; see [`Answers::with_limit`]. Checks have tighter
    /// limits of their own (SPF 100, DKIM 10); this one applies to any check.
    const DEFAULT_LIMIT: usize = 1_000;

    /// The reply to `q`; if it is missing, the question is recorded as wanted.
    ///
    /// # Errors
    /// [`Pending`] when the reply is not known yet. A failed lookup is not an error here but the `Err` of the
    /// [`Reply`]; a question over the limit is [`LookupError::Other`].
    pub fn ask(&mut self, q: Question) -> Result<Reply, Pending> {
        let state = &mut self.state;
        // Types first: a check asks one name for several.
        let same = |known: &Question| known.kind == q.kind && known.name == q.name;
        if let Some((_, reply)) = state.known.iter().find(|(known, _)| same(known)) {
            return Ok(reply.clone());
        }
        if state.wanted.contains(&q) || state.in_flight.contains(&q) {
            if !state.given_up {
                return Err(Pending);
            }
        } else if state.known.len() + state.wanted.len() + state.in_flight.len() >= state.limit {
            return Ok(Err(LookupError::other(TooManyQuestions { limit: state.limit })));
        }
        let reply = match self.cache.and_then(|cache| cache.get(&q)) {
            Some(reply) => reply,
            None if state.given_up => Err(LookupError::Timeout),
            None => {
                state.wanted.push(q);
                return Err(Pending);
            }
        };
        Ok(state.learn(q, reply))
    }

    /// All replies in the order of the questions. All missing ones are recorded as wanted, so that they can be looked
    /// up together.
    ///
    /// # Errors
    /// [`Pending`] when at least one reply is not known yet.
    pub fn ask_all(&mut self, qs: impl IntoIterator<Item = Question>) -> Result<Vec<Reply>, Pending> {
        let mut missing = None;
        let mut replies = Vec::new();
        for q in qs {
            match self.ask(q) {
                Ok(reply) => replies.push(reply),
                Err(pending) => missing = Some(pending),
            }
        }
        missing.map_or(Ok(replies), Err)
    }

    /// The questions recorded since the last call, in the order asked. They are in flight from now on, and not returned
    /// again until they are answered.
    pub fn take_wanted(&mut self) -> Vec<Question> {
        let wanted = std::mem::take(&mut self.state.wanted);
        self.state.rounds += usize::from(!wanted.is_empty());
        self.state.in_flight.extend_from_slice(&wanted);
        wanted
    }

    /// The questions that were taken but not answered yet.
    pub fn in_flight(&self) -> &[Question] {
        &self.state.in_flight
    }

    /// How often [`Answers::take_wanted`] returned something to look up.
    pub fn rounds(&self) -> usize {
        self.state.rounds
    }

    /// Records a reply, asked for or not. The first reply to a question stays; later ones are ignored. Records of
    /// another type than asked for are dropped, as are all records of an NXDOMAIN.
    pub fn answer(&mut self, q: Question, reply: Reply) {
        if !self.state.known.iter().any(|(known, _)| *known == q) {
            _ = self.state.learn(q, reply);
        }
    }

    /// From now on every question without a reply is a [`LookupError::Timeout`], and [`Answers::ask`] never returns
    /// [`Pending`] again.
    pub fn give_up(&mut self) {
        self.state.given_up = true;
    }

    /// Whether [`Answers::give_up`] was called.
    pub fn has_given_up(&self) -> bool {
        self.state.given_up
    }

    /// Forgets every [`LookupError::Timeout`] and that it [has given up](Self::has_given_up), so that these questions
    /// are asked again. The time [waited](Self::waited) is kept.
    #[must_use]
    pub fn without_timeouts(mut self) -> Self {
        self.state.known.retain(|(_, reply)| *reply != Err(LookupError::Timeout));
        self.state.given_up = false;
        self
    }

    /// The questions with a reply, in the order in which the replies arrived: the trace.
    pub fn known(&self) -> impl ExactSizeIterator<Item = (&Question, &Reply)> + DoubleEndedIterator {
        self.state.known.iter().map(|(q, reply)| (q, reply))
    }

    /// Allows `limit` distinct questions instead of 1,000; [`Answers::answer`] is not limited.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.state.limit = limit;
        self
    }

    /// Limits how long all drivers that use these answers wait in total; by default, only the limit of the driver
    /// applies. For checks that belong to one message:
    ///
    /// ```
    /// use std::{future::pending, time::Duration};
    /// use waxseal_dns::{Answers, Check, Resolve, drive_with};
    /// # async fn both<A: Check, B: Check>(dkim: A, dmarc: B, resolver: impl Resolve) -> B::Output {
    /// let mut dns = Answers::new().with_time_limit(Duration::from_secs(20));
    /// drive_with(dkim, &mut dns, &resolver, pending()).await; // may take all of it
    /// drive_with(dmarc, &mut dns, &resolver, pending()).await // has what is left
    /// # }
    /// ```
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.state.time = TimeLimit::new(limit);
        self
    }

    /// How long drivers have waited for these answers; measured only with [`Answers::with_time_limit`], else zero.
    pub fn waited(&self) -> Duration {
        self.state.time.waited()
    }

    /// The known answers, without the cache that a driver lends.
    pub fn into_owned(self) -> Answers<'static> {
        Answers { state: self.state, cache: None }
    }
}

impl<'r> Answers<'r> {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lends a cache, which is asked first. It is asked about each question until it has an answer, and then never
    /// again.
    pub(crate) fn lent(state: State, cache: Option<&'r dyn Cache>) -> Self {
        Self { state, cache }
    }
}

impl State {
    /// From now on, only the driver answers: questions that others left in flight are wanted again when asked again.
    pub(crate) fn forget_in_flight(&mut self) {
        self.in_flight.clear();
        self.wanted.clear();
    }

    #[inline]
    fn learn(&mut self, q: Question, mut reply: Reply) -> Reply {
        if !(self.wanted.is_empty() && self.in_flight.is_empty()) {
            self.close(&q);
        }
        if self.known.capacity() == 0 {
            self.known = Vec::with_capacity(USUAL);
        }
        if let Ok(answer) = &mut reply {
            answer.fit(q.kind);
        }
        self.known.push((q, reply.clone()));
        reply
    }

    fn close(&mut self, q: &Question) {
        self.wanted.retain(|open| open != q);
        self.in_flight.retain(|open| open != q);
    }
}

/// [`Answers::answer`] for each.
impl Extend<(Question, Reply)> for Answers<'_> {
    fn extend<I: IntoIterator<Item = (Question, Reply)>>(&mut self, replies: I) {
        replies.into_iter().for_each(|(q, reply)| self.answer(q, reply));
    }
}

/// Starts with these replies, recorded as by [`Answers::answer`].
impl FromIterator<(Question, Reply)> for Answers<'_> {
    fn from_iter<I: IntoIterator<Item = (Question, Reply)>>(replies: I) -> Self {
        let mut dns = Self::new();
        dns.extend(replies);
        dns
    }
}

/// One line per lookup: the question, a colon and the result; then the open questions.
impl fmt::Display for Answers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (q, reply) in self.known() {
            match reply {
                Ok(answer) => writeln!(f, "{q}: {answer}")?,
                Err(error) => match error.causes() {
                    Some(causes) => writeln!(f, "{q}: {error}: {causes}")?,
                    None => writeln!(f, "{q}: {error}")?,
                },
            }
        }
        self.state
            .wanted
            .iter()
            .chain(&self.state.in_flight)
            .try_for_each(|q| writeln!(f, "{q}: not known yet"))
    }
}

impl fmt::Debug for Answers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("state", &self.state).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Answer;

    fn q(name: &str) -> Question {
        Question::txt(name.parse().unwrap())
    }

    #[test]
    fn a_question_is_wanted_once() {
        let mut dns = Answers::new();
        assert_eq!(dns.ask_all([q("a"), q("b"), q("a")]), Err(Pending));
        assert_eq!(dns.take_wanted(), [q("a"), q("b")]);
        assert_eq!(dns.ask_all([q("a"), q("c")]), Err(Pending));
        assert_eq!(dns.take_wanted(), [q("c")]);
        assert_eq!(dns.in_flight(), [q("a"), q("b"), q("c")]);
        assert_eq!(dns.rounds(), 2);
        dns.answer(q("b"), Ok(Answer::nodata()));
        assert_eq!(dns.in_flight(), [q("a"), q("c")]);
        assert!(dns.take_wanted().is_empty());
        assert_eq!(dns.rounds(), 2);
    }

    #[test]
    fn an_answer_before_the_question_is_taken() {
        let mut dns = Answers::new();
        assert_eq!(dns.ask(q("a")), Err(Pending));
        dns.answer(q("a"), Ok(Answer::nodata()));
        assert!(dns.take_wanted().is_empty());
        assert_eq!(dns.ask(q("a")), Ok(Ok(Answer::nodata())));
    }

    #[test]
    fn after_giving_up_nothing_is_pending_and_nothing_changes() {
        let mut dns = Answers::new();
        assert_eq!(dns.ask_all([q("a"), q("b")]), Err(Pending));
        dns.take_wanted();
        dns.answer(q("b"), Ok(Answer::nodata()));
        dns.give_up();
        assert_eq!(dns.ask(q("a")), Ok(Err(LookupError::Timeout)));
        assert_eq!(dns.ask(q("b")), Ok(Ok(Answer::nodata())));
        dns.answer(q("a"), Ok(Answer::nodata()));
        assert_eq!(dns.ask(q("a")), Ok(Err(LookupError::Timeout)));
        assert_eq!(dns.to_string(), "b TXT: NODATA\na TXT: DNS lookup timed out\n");
    }

    struct Inline<F>(F);

    impl<F: Fn(&Question) -> Option<Reply> + Sync> Cache for Inline<F> {
        fn get(&self, q: &Question) -> Option<Reply> {
            (self.0)(q)
        }
    }

    /// Whatever a resolver hands over, a check sees what a resolver may hand over.
    #[test]
    fn records_of_another_type_are_dropped() {
        use crate::{Existence, Record, RecordType};
        let text = || Record::Txt("x".into());
        let address = || Record::A([192, 0, 2, 1].into());
        let mixed = || Ok(Answer::new([text(), address(), text()]));
        let cache = Inline(|_: &Question| Some(mixed()));
        let mut dns = Answers::lent(State::default(), Some(&cache));
        assert_eq!(dns.ask(q("a")), Ok(Ok(Answer::new([text(), text()]))));
        assert_eq!(dns.ask(q("a")), Ok(Ok(Answer::new([text(), text()]))));
        let addresses = Question::new("a".parse().unwrap(), RecordType::A);
        dns.answer(addresses.clone(), mixed());
        assert_eq!(dns.ask(addresses), Ok(Ok(Answer::new([address()]))));
        dns.answer(q("b"), Ok(Answer { existence: Existence::NxDomain, ..Answer::new([text()]) }));
        assert_eq!(dns.ask(q("b")), Ok(Ok(Answer::nxdomain())));
    }

    #[test]
    fn inline_answers_are_recorded_and_stay() {
        use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
        let calls = AtomicUsize::new(0);
        let cache = Inline(|asked: &Question| {
            calls.fetch_add(1, Relaxed);
            (*asked == q("a")).then(|| Ok(Answer::nxdomain()))
        });
        let mut dns = Answers::lent(State::default(), Some(&cache));
        for _ in 0..3 {
            assert_eq!(dns.ask(q("a")), Ok(Ok(Answer::nxdomain())));
        }
        assert_eq!(dns.ask(q("b")), Err(Pending));
        assert_eq!(calls.load(Relaxed), 2);
        assert_eq!(dns.known().len(), 1);
    }

    #[test]
    fn questions_are_bounded() {
        let mut dns = Answers::new().with_limit(2);
        assert_eq!(dns.ask_all([q("a"), q("b")]), Err(Pending));
        let refused = dns.ask(q("c")).unwrap().unwrap_err();
        assert_eq!(refused, LookupError::other(TooManyQuestions { limit: 2 }));
        assert_eq!(dns.take_wanted(), [q("a"), q("b")]);
        assert_eq!(dns.ask(q("a")), Err(Pending));
    }
}
