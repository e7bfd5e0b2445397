//! Verifies without any resolver trait, blocking or async: the check says what it wants to know, and the program, with
//! an event loop of its own, finds it out.

use std::{collections::VecDeque, error::Error, time::SystemTime};
use waxseal::{
    crypto::KeySpec,
    dkim::{DkimCheck, Policy, Signer, Verdicts, Verifier, sign_all},
    dns::{Answers, Check, Question, Reply, Zone},
};
use waxseal_examples::{MESSAGE, fresh_key, publish};

/// Stands for a program's own network: queries go out, replies come in later and in any order.
struct Network {
    zone: Zone,
    in_flight: VecDeque<Question>,
}

impl Network {
    fn send(&mut self, question: Question) {
        println!("-> {question}");
        self.in_flight.push_back(question);
    }

    fn receive(&mut self) -> Option<(Question, Reply)> {
        let question = self.in_flight.pop_back()?;
        let reply = self.zone.lookup(&question);
        println!("<- {question}");
        Some((question, reply))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (first, second) = (fresh_key(KeySpec::Ed25519)?, fresh_key(KeySpec::Ed25519)?);
    let zone = publish(publish(Zone::new(), "a", &first)?, "b", &second)?;
    let signers = [Signer::new("example.org", "a", first)?, Signer::new("example.org", "b", second)?];
    let message = [sign_all(&signers, MESSAGE, SystemTime::now())?.as_bytes(), MESSAGE].concat();

    let mut network = Network { zone, in_flight: VecDeque::new() };
    let check = Verifier::new(Policy::default())?.check(&message, SystemTime::now());
    for verdict in drive(check, &mut network) {
        println!("{verdict}");
    }
    Ok(())
}

/// 1. Run the check. 2. When answers are missing, send the questions. 3. Record what comes in. 4. Again.
fn drive(mut check: DkimCheck, network: &mut Network) -> Verdicts {
    let mut answers = Answers::new();
    loop {
        if let Ok(verdicts) = check.run(&mut answers) {
            return verdicts;
        }
        answers.take_wanted().into_iter().for_each(|question| network.send(question));
        match network.receive() {
            Some((question, reply)) => answers.answer(question, reply),
            // Nothing will come any more: what is open is a time-out, and the next run ends.
            None => answers.give_up(),
        }
    }
}
