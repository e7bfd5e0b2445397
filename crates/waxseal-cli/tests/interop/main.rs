//! Proof by others: the matrix of signers and verifiers.
//!
//! Round trips prove that code agrees with itself. Here dkimpy, Mail::DKIM and OpenDKIM verify what waxseal signs,
//! and waxseal verifies what they sign: every message of a corpus of odd ones, in all four canonicalizations,
//! intact and tampered with, with the exact outcome expected of each.
//!
//! The inbound check as a whole stands beside OpenDMARC and authheaders, and its ARC sets beside those of dkimpy. DMARC by
//! RFC 9989 stands beside mailauth, an npm package, if `WAXSEAL_MAILAUTH` names its folder.
//!
//! Filters on `waxseal-milter` stand under Postfix and under `miltertest`.
//!
//! Mail of every shape that is signed with the defaults goes through Postfix and past mailing lists as recorded; what
//! Postfix breaks is explained.
//!
//! Runs only with `WAXSEAL_INTEROP=1`, and then every missing tool is a failure. Debian packages: `iproute2
//! knot libmail-dkim-perl miltertest nsd opendkim opendkim-tools opendmarc openssl postfix procps python3-authheaders python3-authres
//! python3-dkim python3-nacl python3-spf util-linux`.
//! `opendkim-testmsg` and `opendmarc` need private network and mount namespaces; where the system grants none, they are
//! left out with a remark, or are a failure too with `WAXSEAL_REQUIRE_TOOLS=1`.

#[cfg(test)]
mod alone;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod dmarc;
#[cfg(test)]
mod dns_update;
#[cfg(test)]
mod expected;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod filter;
#[cfg(test)]
mod inbound;
#[cfg(test)]
mod inbound_cases;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod milter;
#[cfg(test)]
mod old_tools;
#[cfg(test)]
mod ours;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod random_signing;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod results;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod spf;

/// Whether the tests that need other people's tools are to run; says so if not.
#[cfg(test)]
fn wanted() -> bool {
    let wanted = std::env::var_os("WAXSEAL_INTEROP").is_some_and(|value| value == "1");
    if !wanted {
        println!("skipped: set WAXSEAL_INTEROP=1 to check against dkimpy, Mail::DKIM and OpenDKIM");
    }
    wanted
}
