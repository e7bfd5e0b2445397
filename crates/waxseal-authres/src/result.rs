//! The result words of each method, as registered with IANA.

use waxseal_header::words;

/// The result words of a method: [`DkimResult`], [`SpfResult`], [`DmarcResult`], [`ArcResult`] and [`IprevResult`].
pub trait ResultWord: Read {}

/// Only this crate can add methods.
#[expect(unnameable_types, reason = "a sealed trait")]
pub trait Read: Sized {
    /// The result, if this method (as written before the `=`) has this word, in any case.
    fn read(method: &str, word: &str) -> Option<Self>;
}

/// The IANA registry is the contract, so every enum is exhaustive.
macro_rules! read {
    ($($name:ident = $method:literal,)+) => {
        $(impl ResultWord for $name {}

        impl Read for $name {
            fn read(method: &str, word: &str) -> Option<Self> {
                if method.eq_ignore_ascii_case($method) { Self::from_name(word.as_bytes()) } else { None }
            }
        })+
    };
}

read! {
    DkimResult = "dkim",
    SpfResult = "spf",
    DmarcResult = "dmarc",
    ArcResult = "arc",
    IprevResult = "iprev",
}

words! {
    /// Results of DKIM (RFC 8601 §2.7.1).
    ///
    /// ```
    /// use waxseal_authres::DkimResult;
    /// assert_eq!(DkimResult::TempError.as_str(), "temperror");
    /// assert_eq!(DkimResult::from_name(b"Pass"), Some(DkimResult::Pass));
    /// assert_eq!(DkimResult::from_name(b"hardfail"), None);
    /// ```
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum DkimResult {
        /// The message was not signed.
        None = "none",
        /// A signature was acceptable and verified.
        Pass = "pass",
        /// A signature was acceptable, but did not verify.
        Fail = "fail",
        /// A signature verified or could have, but local policy does not accept it.
        Policy = "policy",
        /// A signature could not be processed, for example because of its syntax.
        Neutral = "neutral",
        /// A temporary error, such as a DNS server that did not answer; a later attempt may succeed.
        TempError = "temperror",
        /// A permanent error, such as a missing required tag or key.
        PermError = "permerror",
    } read
}

words! {
    /// Results of SPF (RFC 7208 §2.6, RFC 8601 §2.7.2).
    ///
    /// `check_host()` itself never returns [`SpfResult::Policy`]: RFC 8601 adds it for receivers that override a pass.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum SpfResult {
        /// No domain name to check, or the domain publishes no SPF record.
        None = "none",
        /// The domain asserts nothing about this client.
        Neutral = "neutral",
        /// The client may send mail with this identity.
        Pass = "pass",
        /// The client may not send mail with this identity.
        Fail = "fail",
        /// The client probably may not send mail with this identity.
        SoftFail = "softfail",
        /// A pass that local policy does not accept.
        Policy = "policy",
        /// A transient error, usually of DNS; a later attempt may succeed.
        TempError = "temperror",
        /// The published records could not be interpreted.
        PermError = "permerror",
    } read
}

words! {
    /// Results of DMARC (RFC 9989 §9.2).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum DmarcResult {
        /// No DMARC Policy Record exists for the Author Domain.
        None = "none",
        /// A DMARC Policy Record exists, and an Authenticated Identifier is aligned with the Author Domain.
        Pass = "pass",
        /// A DMARC Policy Record exists, and no Authenticated Identifier is aligned with the Author Domain.
        Fail = "fail",
        /// A transient error, usually of DNS.
        TempError = "temperror",
        /// A permanent error, such as an unreadable record.
        PermError = "permerror",
    } read
}

words! {
    /// Results of ARC chain validation (RFC 8617 §10.1).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum ArcResult {
        /// The message carries no ARC set.
        None = "none",
        /// The chain validates.
        Pass = "pass",
        /// The chain does not validate.
        Fail = "fail",
    } read
}

words! {
    /// Results of the reverse DNS check (RFC 8601 §2.7.3 and §3).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum IprevResult {
        /// A name of the client's address leads back to that address.
        Pass = "pass",
        /// No name of the client's address leads back to it.
        Fail = "fail",
        /// A transient DNS error.
        TempError = "temperror",
        /// A permanent error, such as a missing PTR record.
        PermError = "permerror",
    } read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_registry() {
        fn known<R: ResultWord>(method: &str, words: &str) -> bool {
            words.split(' ').all(|word| {
                let (word, shouted) = (R::read(method, word), R::read(method, &word.to_ascii_uppercase()));
                word.is_some() && shouted.is_some()
            })
        }
        assert!(known::<DkimResult>("dkim", "none pass fail policy neutral temperror permerror"));
        assert!(known::<SpfResult>("SPF", "none neutral pass fail softfail policy temperror permerror"));
        assert!(known::<DmarcResult>("dmarc", "none pass fail temperror permerror"));
        assert!(known::<ArcResult>("arc", "none pass fail"));
        assert!(known::<IprevResult>("iprev", "pass fail temperror permerror"));
    }

    #[test]
    fn a_word_of_another_method_is_none() {
        assert_eq!(ArcResult::read("arc", "policy"), None);
        assert_eq!(SpfResult::read("dkim", "pass"), None);
        assert_eq!(DkimResult::read("dkim", "hard\r\nfail"), None);
    }
}
