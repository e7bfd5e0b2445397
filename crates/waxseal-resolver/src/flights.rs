//! Makes identical blocking lookups once. Each is made by a thread that does nothing else in the meantime, so it ends.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};
use waxseal_dns::{Question, Reply};

/// The lookups under way.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<Question, Arc<Flight>>>);

/// One lookup under way.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    end: Mutex<Option<End>>,
    landed: Condvar,
}

/// How a lookup ended.
#[derive(Debug, Clone)]
enum End {
    Reply(Reply),
    /// It was abandoned: someone else must make it.
    Abandoned,
}

/// The role of a caller in a lookup.
pub(crate) enum Seat<'f> {
    /// First with this question: look it up, then call [`Lead::land`].
    Lead(Lead<'f>),
    /// Someone is looking it up already.
    Passenger(Arc<Flight>),
}

/// The duty to look up a question. Dropping it without a reply wakes the others, who try themselves.
pub(crate) struct Lead<'f> {
    flights: &'f Flights,
    flight: Arc<Flight>,
    question: Question,
}

impl Flights {
    pub(crate) fn board(&self, question: &Question) -> Seat<'_> {
        let mut flights = lock(&self.0);
        if let Some(flight) = flights.get(question) {
            return Seat::Passenger(Arc::clone(flight));
        }
        let flight = Arc::<Flight>::default();
        flights.insert(question.clone(), Arc::clone(&flight));
        Seat::Lead(Lead { flights: self, flight, question: question.clone() })
    }
}

impl Flight {
    /// Waits for the reply; `None` when the lookup was abandoned, or is still under way at `deadline`.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Option<Reply> {
        let mut end = lock(&self.end);
        while end.is_none() {
            end = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => self.landed.wait(end).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return None,
                Some(left) => self.landed.wait_timeout(end, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        match &*end {
            Some(End::Reply(reply)) => Some(reply.clone()),
            Some(End::Abandoned) | None => None,
        }
    }

    fn end(&self, end: End) {
        lock(&self.end).get_or_insert(end);
        self.landed.notify_all();
    }
}

impl Lead<'_> {
    pub(crate) fn land(self, reply: Reply) {
        self.flight.end(End::Reply(reply));
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        lock(&self.flights.0).remove(&self.question);
        self.flight.end(End::Abandoned);
    }
}

/// A panic elsewhere leaves these states consistent.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
