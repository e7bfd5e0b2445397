//! Whole messages, checked by waxseal and by dkimpy and pyspf (Debian: python3-dkim, python3-spf, python3-authres,
//! python3-nacl): signed and sealed by ours and by theirs, over several hops, damaged on the way, from hosts that SPF
//! knows and does not know. Each difference has a reason that stands here, or it fails the test.
//!
//! Runs only with `WAXSEAL_INTEROP=1`. `WAXSEAL_WHOLE_MESSAGES` is the number of messages, 5,000 if not set.

#[cfg(test)]
mod compare;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod message;
#[cfg(test)]
mod peer;
#[cfg(test)]
#[path = "../../../waxseal-test/src/random.rs"]
#[expect(unreachable_pub, reason = "it is of a library; here it gets further methods")]
mod random;
#[cfg(test)]
mod reasons;
#[cfg(test)]
mod route;
#[cfg(test)]
mod zone;
