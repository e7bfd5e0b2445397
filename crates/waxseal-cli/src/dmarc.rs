//! `waxseal dmarc`: is the domain in From authenticated?

use crate::exit::{Exit, Failure};
use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize;
use waxseal::{
    Disposition,
    dmarc::{BuiltInSuffixes, LocalPolicy},
};

mod check;
mod identifiers;
mod lint;
mod row;
mod step;

/// Evaluate DMARC (RFC 9989) with the policy discovery, and check published records
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Dmarc {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(Box<check::Check>),
    Lint(lint::Lint),
}

impl Dmarc {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        match &self.verb {
            Verb::Check(check) => check.run(),
            Verb::Lint(lint) => lint.run(),
        }
    }
}

/// How Organizational Domains are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// By a tree walk in DNS
    #[default]
    Rfc9989,
    /// By the built-in public suffix list; np, psd and t are unknown tags
    Rfc7489,
}

impl Mode {
    /// The Organizational Domain is always determined, as people want to know it.
    pub(crate) fn local_policy(self) -> LocalPolicy {
        let local = LocalPolicy::default().with_organizational_domain(true);
        match self {
            Self::Rfc9989 => local,
            Self::Rfc7489 => local.with_public_suffix_list(BuiltInSuffixes),
        }
    }
}

/// What the receiver decides for itself.
#[derive(Debug, Args)]
pub(crate) struct LocalPolicyArgs {
    /// How DMARC finds Organizational Domains
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// Reject mail that fails under p=reject (by default it is quarantined, as RFC 9989 §7.4 forbids rejecting for that
    /// alone)
    #[arg(long)]
    reject_on_reject: bool,
    /// The disposition when DNS failed and the sender cannot be asked to try again; never stricter than for mail that fails
    #[arg(long, value_name = "DISPOSITION", default_value = "defer")]
    undeferrable: DispositionArg,
    /// The disposition when the author is not clear and no domain that mail readers may display has a policy
    #[arg(long, value_name = "DISPOSITION", default_value = "quarantine", value_parser = invalid_from)]
    invalid_from: DispositionArg,
    /// Treat an author as not clear whose display name contains an address of another domain; legitimate mail does so, too
    #[arg(long)]
    refuse_misleading_names: bool,
}

/// An unclear author does not become clear later, so such mail is never deferred.
fn invalid_from(text: &str) -> Result<DispositionArg, String> {
    match DispositionArg::from_str(text, false) {
        Ok(chosen) if chosen != DispositionArg::Defer => Ok(chosen),
        _ => Err("none, quarantine or reject".to_owned()),
    }
}

impl LocalPolicyArgs {
    pub(crate) fn local_policy(&self) -> LocalPolicy {
        self.local_policy_by(None)
    }

    /// By another mode, if one is given.
    fn local_policy_by(&self, mode: Option<Mode>) -> LocalPolicy {
        mode.unwrap_or(self.mode)
            .local_policy()
            .with_reject_on_reject(self.reject_on_reject)
            .with_undeferrable(self.undeferrable.into())
            .with_invalid_from(self.invalid_from.into())
            .with_misleading_name_refused(self.refuse_misleading_names)
    }
}

/// A [`Disposition`] to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DispositionArg {
    None,
    Quarantine,
    Defer,
    Reject,
}

impl From<DispositionArg> for Disposition {
    fn from(chosen: DispositionArg) -> Self {
        match chosen {
            DispositionArg::None => Self::None,
            DispositionArg::Quarantine => Self::Quarantine,
            DispositionArg::Defer => Self::Defer,
            DispositionArg::Reject => Self::Reject,
        }
    }
}
