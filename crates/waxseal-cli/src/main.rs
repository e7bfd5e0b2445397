//! The `waxseal` command: check incoming mail, make keys, sign and verify, check SPF and DMARC alone, and explain why.
//!
//! Exit codes are those of [`exit::Exit`].

mod audit;
mod authres;
mod authserv_id;
mod batch;
mod bounce;
mod check;
mod client_address;
mod date;
mod demo;
mod dkim;
mod dkim_args;
mod dmarc;
mod dns_args;
mod eml_b64;
mod exit;
#[cfg(feature = "explain")]
mod explain;
#[cfg(feature = "generate")]
mod generate;
mod hint;
mod html;
mod input;
mod interrupt;
mod json;
mod key;
mod key_file;
mod key_name;
mod key_record_args;
mod key_record_text;
mod keygen;
mod lint;
mod new_file;
mod opendkim;
mod patience;
mod sign;
mod spf;
mod terminal;
mod time;
mod txt;
mod verify;
mod verify_batch;
mod watched;
mod whole_file;
mod why;

use clap::{Parser, Subcommand};
use exit::{Exit, Failure};
use std::process::ExitCode;
use terminal::Color;

/// Check incoming mail, make DKIM keys, sign and verify, check SPF and DMARC alone, and explain why.
#[derive(Debug, Parser)]
#[command(
    name = "waxseal",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done, or pass; 1 not pass; 2 wrong usage, or something could not be read or written; \
                  75 a DNS server did not answer, try again later."
)]
struct Cli {
    /// When to use colours: auto, always or never
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        hide_possible_values = true
    )]
    color: Color,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(Box<check::Check>),
    #[cfg(feature = "explain")]
    Explain(Box<explain::Explain>),
    Key(Box<key::Key>),
    Keygen(keygen::Keygen),
    Sign(Box<sign::Sign>),
    Verify(Box<verify::Verify>),
    Dkim(dkim::Dkim),
    Spf(spf::Spf),
    Dmarc(dmarc::Dmarc),
    Authres(authres::Authres),
    Audit(audit::Audit),
    Bounce(bounce::Bounce),
    Why(why::Why),
    Demo(demo::Demo),
    #[cfg(feature = "generate")]
    Completions(generate::Completions),
    #[cfg(feature = "generate")]
    Man(generate::Man),
}

fn main() -> ExitCode {
    if let Some(done) = opendkim::run(std::env::args_os()) {
        return done;
    }
    let Cli { color, verb } = Cli::parse();
    color.set();
    let done = run(verb);
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}

fn run(verb: Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::Check(check) => check.run(),
        #[cfg(feature = "explain")]
        Verb::Explain(explain) => explain.run(),
        Verb::Key(key) => key.run(),
        Verb::Keygen(keygen) => keygen.run(),
        Verb::Sign(sign) => sign.run(),
        Verb::Verify(verify) => verify.run(),
        Verb::Dkim(dkim) => dkim.run(),
        Verb::Spf(spf) => spf.run(),
        Verb::Dmarc(dmarc) => dmarc.run(),
        Verb::Authres(authres) => authres.run(),
        Verb::Audit(audit) => audit.run(),
        Verb::Bounce(bounce) => bounce.run(),
        Verb::Why(why) => why.run(),
        Verb::Demo(demo) => demo.run(),
        #[cfg(feature = "generate")]
        Verb::Completions(completions) => completions.run(),
        #[cfg(feature = "generate")]
        Verb::Man(man) => man.run(),
    }
}
