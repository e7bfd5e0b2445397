//! The result words of each method, as registered with IANA.

use std::fmt;
use std::str::FromStr;

/// The result words of one method; to be implemented for methods that this crate does not know.
pub trait ResultWord: FromStr {
    /// The method these words belong to, as written left of the `=`.
    const METHOD: &'static str;
}

/// Declares one result enum: the IANA registry is the contract, so every enum is exhaustive.
macro_rules! result_words {
    ($(#[$meta:meta])* $name:ident, $method:literal, $where:literal, { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$vmeta])* $variant,)+
        }

        impl $name {
            /// Every word, in the order of the RFC.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word as it stands in the field, in lower case.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl ResultWord for $name {
            const METHOD: &'static str = $method;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownResult;

            /// Reads a result word in any letter case.
            fn from_str(word: &str) -> Result<Self, UnknownResult> {
                Self::ALL.iter().copied().find(|known| known.as_str().eq_ignore_ascii_case(word)).ok_or_else(|| {
                    UnknownResult { method: $method, section: $where, known: &[$($word,)+], word: word.to_owned() }
                })
            }
        }
    };
}

result_words! {
    /// Results of DKIM (RFC 8601 §2.7.1).
    ///
    /// ```
    /// use waxseal_authres::DkimResult;
    /// assert_eq!(DkimResult::TempError.as_str(), "temperror");
    /// assert_eq!("Pass".parse(), Ok(DkimResult::Pass));
    /// assert!("hardfail".parse::<DkimResult>().is_err());
    /// ```
    DkimResult, "dkim", "RFC 8601 §2.7.1", {
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
        /// No verdict for now, such as a key server that did not answer; a later attempt may give one.
        TempError = "temperror",
        /// No verdict and none to come, such as a missing required tag or key.
        PermError = "permerror",
    }
}

result_words! {
    /// Results of SPF (RFC 7208 §2.6, RFC 8601 §2.7.2).
    ///
    /// `check_host()` itself never gives [`SpfResult::Policy`]: RFC 8601 adds it for receivers that overrule a pass.
    SpfResult, "spf", "RFC 8601 §2.7.2", {
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
        /// A transient error, mostly of DNS; a later attempt may give a verdict.
        TempError = "temperror",
        /// The published records could not be interpreted.
        PermError = "permerror",
    }
}

result_words! {
    /// Results of DMARC (RFC 9989 §9.2).
    DmarcResult, "dmarc", "RFC 9989 §9.2", {
        /// No DMARC Policy Record exists for the Author Domain.
        None = "none",
        /// A DMARC Policy Record exists, and an Authenticated Identifier is aligned with the Author Domain.
        Pass = "pass",
        /// A DMARC Policy Record exists, and no Authenticated Identifier is aligned with the Author Domain.
        Fail = "fail",
        /// A transient error, mostly of DNS.
        TempError = "temperror",
        /// An error that a later attempt will meet again, such as a record that cannot be read.
        PermError = "permerror",
    }
}

result_words! {
    /// Results of ARC chain validation (RFC 8617 §10.1).
    ArcResult, "arc", "RFC 8617 §10.1", {
        /// The message carries no ARC set.
        None = "none",
        /// The chain validates.
        Pass = "pass",
        /// The chain does not validate.
        Fail = "fail",
    }
}

result_words! {
    /// Results of the reverse DNS check (RFC 8601 §2.7.3 and §3).
    IprevResult, "iprev", "RFC 8601 §2.7.3", {
        /// A name of the client's address leads back to that address.
        Pass = "pass",
        /// No name of the client's address leads back to it.
        Fail = "fail",
        /// A transient DNS error.
        TempError = "temperror",
        /// An error that a later attempt will meet again, such as no PTR record.
        PermError = "permerror",
    }
}

/// A word that is no result of its method.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{}\" is no result word of {method} ({section}); use one of: {}", .word.escape_default(), .known.join(", "))]
pub struct UnknownResult {
    method: &'static str,
    section: &'static str,
    known: &'static [&'static str],
    word: String,
}

impl UnknownResult {
    /// The word that was not understood, as given.
    pub fn word(&self) -> &str {
        &self.word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_registry() {
        fn words<T: Copy + fmt::Display>(all: &[T]) -> String {
            all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        }
        assert_eq!(words(DkimResult::ALL), "none pass fail policy neutral temperror permerror");
        assert_eq!(words(SpfResult::ALL), "none neutral pass fail softfail policy temperror permerror");
        assert_eq!(words(DmarcResult::ALL), "none pass fail temperror permerror");
        assert_eq!(words(ArcResult::ALL), "none pass fail");
        assert_eq!(words(IprevResult::ALL), "pass fail temperror permerror");
    }

    #[test]
    fn every_word_reads_back_in_any_case() {
        for word in SpfResult::ALL {
            assert_eq!(word.as_str().parse(), Ok(*word));
            assert_eq!(word.as_str().to_ascii_uppercase().parse(), Ok(*word));
        }
    }

    #[test]
    fn an_unknown_word_names_the_known_ones() {
        let error = "hard\r\nfail".parse::<ArcResult>().unwrap_err();
        assert_eq!(error.word(), "hard\r\nfail");
        assert_eq!(
            error.to_string(),
            "\"hard\\r\\nfail\" is no result word of arc (RFC 8617 §10.1); use one of: none, pass, fail"
        );
    }
}
