//! How fast waxseal is, and how much memory it takes, compared to what the crypto library takes alone.
//!
//! # The table
//!
//! ```text
//! cargo build --release -p waxseal-cli                                   # for the last line
//! cargo run --release -p waxseal-benches --bin table
//! cargo run --release --ignore-rust-version --manifest-path benches/peers/Cargo.toml   # mail-auth, in the same run
//! ```
//!
//! A ratio of 1.00 is the [floor](mod@floor): SHA-256 of the canonical body and one operation of ring, of the same run. Read the
//! ratios, not the microseconds: [timing] says how they are made to hold on a machine that is busy with other things.
//! The column `bare aws-lc-rs` is the floor with that library, so what is between it and the column `aws-lc-rs` is ours.
//!
//! The peers are a package of their own, with its own lock file. They need newer compilers than waxseal does
//! (`--ignore-rust-version` builds them with an older one) and licences that it does not admit.
//!
//! # The criterion benches
//!
//! `cargo bench -p waxseal-benches` runs all, `--bench canonicalize` one, `--bench verify -- "1 MB"` those with that in
//! their name. The clock of these is the time of day, so they want an idle machine; they are for comparing two versions
//! of one function. In `canonicalize`, "no hash" stands for a [hash that is free](free_hash): what is left is the
//! canonicalizer.
//!
//! # Dependencies and the cold build
//!
//! ```text
//! cargo tree -p waxseal-dkim -e normal,build --prefix none | sed 's/ (\*)$//' | sort -u | wc -l
//! cargo tree -p waxseal-dkim -e normal,build --prefix none --no-default-features --features ring | sed 's/ (\*)$//' | sort -u | wc -l
//! time CARGO_TARGET_DIR=$(mktemp -d) cargo build --release -p waxseal-dkim
//! ```
//!
//! The first counts all crates of the default features, waxseal's own among them, the second those without `idna`. Run
//! `cargo fetch` before the third, so that it does not time the network.
//!
//! # Where the time goes
//!
//! `valgrind --tool=callgrind` on a loop around one of the [jobs] shows it to the instruction; take the difference of
//! two runs with different counts, lest making the keys and messages counts too. Valgrind does not know the SHA
//! instructions of recent processors, so SHA-256 looks ten times as heavy there as it is.

pub mod chain;
pub mod corpus;
pub mod floor;
pub mod free_hash;
pub mod inbound;
pub mod jobs;
pub mod lab;
pub mod mails;
pub mod spf;
pub mod timing;

/// Whatever went wrong: a bench that cannot run says so and ends.
pub type Error = Box<dyn std::error::Error>;
