//! Identical questions in flight are looked up once.

use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};
use waxseal_dns::{Question, Reply};

/// The lookups under way.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<Question, Arc<Flight>>>);

/// One lookup under way, and who waits for it.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    state: Mutex<State>,
    landed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    end: Option<End>,
    wakers: Vec<Waker>,
}

/// How a lookup ended.
#[derive(Debug, Clone)]
enum End {
    Reply(Reply),
    /// Whoever made it was dropped: someone else must.
    Abandoned,
}

/// A place on a flight.
pub(crate) enum Seat<'f> {
    /// First with this question: look it up and [`Lead::land`].
    Lead(Lead<'f>),
    /// Someone is looking it up already.
    Passenger(Arc<Flight>),
}

/// The duty to look a question up. Dropping it without a reply wakes the others to try themselves.
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
    /// Waits for the reply, blocking; `None` when the lookup was abandoned.
    pub(crate) fn wait_blocking(&self) -> Option<Reply> {
        let state = lock(&self.state);
        let waited = self.landed.wait_while(state, |state| state.end.is_none());
        reply(&waited.unwrap_or_else(PoisonError::into_inner).end)
    }

    /// Waits for the reply; `None` when the lookup was abandoned.
    pub(crate) async fn wait(&self) -> Option<Reply> {
        poll_fn(|cx| {
            let mut state = lock(&self.state);
            if state.end.is_some() {
                return Poll::Ready(reply(&state.end));
            }
            if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.wakers.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    fn end(&self, end: End) {
        let mut state = lock(&self.state);
        state.end.get_or_insert(end);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.landed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
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

fn reply(end: &Option<End>) -> Option<Reply> {
    match end {
        Some(End::Reply(reply)) => Some(reply.clone()),
        Some(End::Abandoned) | None => None,
    }
}

/// A panic elsewhere leaves these states whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
