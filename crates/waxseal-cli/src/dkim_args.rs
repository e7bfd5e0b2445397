//! The policy of those who verify DKIM signatures.

use clap::{Args, ValueEnum};
use waxseal::{
    dkim::{BodyLengthPolicy, Policy, SigningDomains, Verifier},
    dmarc::BuiltInSuffixes,
};

#[derive(Debug, Args)]
pub(crate) struct DkimArgs {
    /// Accept rsa-sha1, which RFC 8301 forbids; for old archives
    #[arg(long)]
    allow_rsa_sha1: bool,
    /// Accept RSA keys of at least this many bits; 1024 is the minimum
    #[arg(long, value_name = "BITS", default_value_t = 1024)]
    min_rsa_bits: u32,
    /// What to do with l=, a signature over only the first part of the body
    #[arg(long, value_enum, default_value_t)]
    body_length: BodyLength,
    /// Refuse every l=, signatures by public suffixes such as co.uk, and those that do not cover a second From, Subject
    /// or the like
    #[arg(long)]
    strict: bool,
    /// Accept signatures by a domain of one label, such as localhost; for test networks
    #[arg(long)]
    single_label_domains: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum BodyLength {
    /// Pass as long as nothing was added after it
    #[default]
    RefuseAdditions,
    /// Never pass
    Refuse,
    /// Pass whatever was added; for old archives
    Accept,
}

impl DkimArgs {
    pub(crate) fn verifier(&self) -> Verifier {
        let body_length = match self.body_length {
            _ if self.strict => BodyLengthPolicy::Refuse,
            BodyLength::RefuseAdditions => BodyLengthPolicy::RefuseAdditions,
            BodyLength::Refuse => BodyLengthPolicy::Refuse,
            BodyLength::Accept => BodyLengthPolicy::Accept,
        };
        let policy = Policy::default()
            .with_rsa_sha1(self.allow_rsa_sha1)
            .with_min_rsa_bits(self.min_rsa_bits)
            .with_body_length(body_length)
            .with_unsigned_additions_refused(self.strict);
        let domains = SigningDomains::default().with_single_label(self.single_label_domains);
        let domains = if self.strict {
            domains.with_refused(|domain| BuiltInSuffixes.is_public_suffix(domain))
        } else {
            domains
        };
        let policy = policy.with_signing_domains(domains);
        Verifier::with_provider(policy, waxseal::crypto::ring::PROVIDER)
    }
}
