//! The readers: which there are, and what each shows.

use base64::{Engine, prelude::BASE64_STANDARD};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::dovecot;
use crate::process::{ask, is_there};

/// With fewer readers the lab proves too little.
pub(crate) const ENOUGH: usize = 6;

/// What each way of reading shows of one message.
pub(crate) type Shown = BTreeMap<String, Vec<String>>;

/// A program that runs once, and the parsers that it asks.
struct Program {
    parsers: &'static [&'static str],
    command: fn() -> Command,
}

const AUTHORS: [Program; 7] = [
    Program {
        parsers: &["Python email compat32", "Python email default"],
        command: || script("/usr/bin/python3", "python.py", &["from"]),
    },
    Program {
        parsers: &["Perl Email::Address::XS", "Perl Mail::Address"],
        command: || script("/usr/bin/perl", "perl.pl", &["from"]),
    },
    Program { parsers: &["Ruby mail"], command: || script("/usr/bin/ruby", "ruby.rb", &[]) },
    Program { parsers: &["c-client (PHP imap)"], command: || script("/usr/bin/php", "php.php", &[]) },
    Program { parsers: &["GMime"], command: || script("/usr/bin/python3", "gmime.py", &[]) },
    Program { parsers: &["mailparser", "postal-mime"], command: npm },
    Program { parsers: &["mail-parser"], command: crates },
];

const RESULTS: [Program; 2] = [
    Program {
        parsers: &["Python email compat32 and authres", "Python email default and authres"],
        command: || script("/usr/bin/python3", "python.py", &["results"]),
    },
    Program { parsers: &["Perl Email::MIME"], command: || script("/usr/bin/perl", "perl.pl", &["results"]) },
];

fn script(program: &str, name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers").join(name)).args(args);
    command
}

fn npm() -> Command {
    let folder = std::env::var_os("WAXSEAL_NPM_READERS").unwrap_or_default();
    let mut command = script("node", "node.mjs", &[]);
    command.arg(PathBuf::from(folder));
    command
}

fn crates() -> Command {
    Command::new(std::env::var_os("WAXSEAL_CRATE_READERS").unwrap_or_default())
}

/// The parsers that are here, and the messages as each of them shows them.
pub(crate) struct Answers {
    pub(crate) parsers: Vec<&'static str>,
    pub(crate) shown: Vec<Shown>,
}

/// Whom each reader takes for the author: domains.
pub(crate) fn authors(messages: &[Vec<u8>]) -> Answers {
    let mut answers = run(&AUTHORS, messages);
    match dovecot::authors(messages) {
        Some(shown) => {
            answers.parsers.push(dovecot::NAME);
            for (all, domains) in answers.shown.iter_mut().zip(shown) {
                all.insert(dovecot::NAME.to_owned(), domains);
            }
        }
        None => println!("missing reader: {}", dovecot::NAME),
    }
    answers
}

/// What each reader believes about authentication: `id:` and an authserv-id, or `field:` and the name of another field.
pub(crate) fn results(messages: &[Vec<u8>]) -> Answers {
    run(&RESULTS, messages)
}

/// Runs the programs side by side.
fn run(programs: &[Program], messages: &[Vec<u8>]) -> Answers {
    let lines: Vec<String> = messages.iter().map(|message| BASE64_STANDARD.encode(message)).collect();
    let mut answers = Answers { parsers: Vec::new(), shown: vec![Shown::new(); messages.len()] };
    let said: Vec<Option<Vec<String>>> = std::thread::scope(|scope| {
        let ask = |program: &Program| {
            let mut command = (program.command)();
            is_there(&mut (program.command)()).then(|| ask(&mut command, &lines))
        };
        let running: Vec<_> = programs.iter().map(|program| scope.spawn(move || ask(program))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (program, said) in programs.iter().zip(said) {
        let Some(said) = said else {
            println!("missing reader: {}", program.parsers.join(", "));
            continue;
        };
        answers.parsers.extend(program.parsers);
        for (all, line) in answers.shown.iter_mut().zip(said) {
            all.extend(serde_json::from_str::<Shown>(&line).unwrap_or_else(|e| panic!("{e}: {line}")));
        }
    }
    answers
}
