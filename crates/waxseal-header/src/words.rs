//! Enums whose variants are words of a protocol.

/// Declares an enum of words: with `as_str()` and `Display`, and, where `read` follows the braces, with
/// `from_name(&[u8])`, which reads a word in any letter case (RFC 5234 §2.3).
///
/// ```
/// waxseal_header::words! {
///     /// One of the two algorithms of `c=`.
///     #[derive(Debug, Clone, Copy, PartialEq, Eq)]
///     pub enum Canonicalization {
///         /// Almost no change.
///         Simple = "simple",
///         /// White space may change.
///         Relaxed = "relaxed",
///     } read
/// }
///
/// assert_eq!(Canonicalization::Simple.as_str(), "simple");
/// assert_eq!(format!("{:>8}", Canonicalization::Relaxed), " relaxed");
/// assert_eq!(Canonicalization::from_name(b"Relaxed"), Some(Canonicalization::Relaxed));
/// assert_eq!(Canonicalization::from_name(b"strict"), None);
/// ```
#[macro_export]
macro_rules! words {
    (@read $($variant:ident)+) => {
        /// The value of this name, in any letter case (RFC 5234 §2.3).
        pub fn from_name(name: &[u8]) -> Option<Self> {
            let all = [$(Self::$variant),+];
            all.into_iter().find(|known| name.eq_ignore_ascii_case(known.as_str().as_bytes()))
        }
    };
    (@ $($variant:ident)+) => {};
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$of_variant:meta])* $variant:ident = $word:literal,)+
    } $($read:ident)?) => {
        $(#[$meta])*
        $vis enum $name {
            $($(#[$of_variant])* $variant,)+
        }

        impl $name {
            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            $crate::words! { @$($read)? $($variant)+ }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
