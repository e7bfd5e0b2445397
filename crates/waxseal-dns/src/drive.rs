//! Drivers: run a check, look up what it wants, run it again.

use crate::{Answers, Check, Question, Resolve, ResolveBlocking};

const MAX_ROUNDS: usize = 64;

/// Drives `check` with an asynchronous resolver.
pub async fn drive<C: Check>(mut check: C, resolver: &(impl Resolve + ?Sized)) -> C::Output {
    let inline = |q: &Question| resolver.cached(q);
    let mut dns = Answers::with_inline(&inline);
    let mut rounds = 0;
    loop {
        if let Ok(output) = check.run(&mut dns) {
            return output;
        }
        rounds += 1;
        if rounds >= MAX_ROUNDS {
            dns.give_up();
        }
        for q in dns.take_wanted() {
            let reply = resolver.resolve(&q).await;
            dns.answer(q, reply);
        }
    }
}

/// Drives `check` with a blocking resolver.
pub fn drive_blocking<C: Check>(mut check: C, resolver: &(impl ResolveBlocking + ?Sized)) -> C::Output {
    let mut dns = Answers::new();
    let mut rounds = 0;
    loop {
        if let Ok(output) = check.run(&mut dns) {
            return output;
        }
        rounds += 1;
        if rounds >= MAX_ROUNDS {
            dns.give_up();
        }
        for q in dns.take_wanted() {
            let reply = resolver.resolve_blocking(&q);
            dns.answer(q, reply);
        }
    }
}
