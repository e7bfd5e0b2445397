//! Sets of actions and of steps.

use std::{
    fmt,
    ops::{BitAnd, BitOr},
};

macro_rules! flags {
    ($(#[$doc:meta])* $set:ident { $($(#[$flag_doc:meta])* $flag:ident = $bits:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
        pub struct $set(u32);

        impl $set {
            /// No flag.
            pub const NONE: Self = Self(0);
            $($(#[$flag_doc])* pub const $flag: Self = Self($bits);)*

            pub(crate) const fn from_bits(bits: u32) -> Self {
                Self(bits)
            }

            pub(crate) const fn bits(self) -> u32 {
                self.0
            }

            pub(crate) const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// Whether all flags of `other` are in the set.
            #[must_use]
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }
        }

        impl BitAnd for $set {
            type Output = Self;

            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }

        impl BitOr for $set {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        /// The names of the flags with `|` between them.
        impl fmt::Display for $set {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut rest = self.0;
                let mut separator = "";
                for (name, bits) in [$((stringify!($flag), $bits)),*] {
                    if rest & bits != 0 {
                        write!(f, "{separator}{name}")?;
                        separator = " | ";
                        rest &= !bits;
                    }
                }
                match (rest, separator) {
                    (0, "") => f.write_str("NONE"),
                    (0, _) => Ok(()),
                    _ => write!(f, "{separator}{rest:#x}"),
                }
            }
        }

        impl fmt::Debug for $set {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($set), "({})"), self)
            }
        }
    };
}

flags! {
    /// What a filter may do to a message at its end (`SMFIF_*`). Each action must be negotiated; the mail server
    /// refuses others.
    Actions {
        /// Adds and inserts header fields (`SMFIF_ADDHDRS`).
        ADD_HEADERS = 0x001,
        /// Replaces the body (`SMFIF_CHGBODY`).
        REPLACE_BODY = 0x002,
        /// Adds recipients (`SMFIF_ADDRCPT`).
        ADD_RECIPIENTS = 0x004,
        /// Removes recipients (`SMFIF_DELRCPT`).
        REMOVE_RECIPIENTS = 0x008,
        /// Changes and removes header fields (`SMFIF_CHGHDRS`).
        CHANGE_HEADERS = 0x010,
        /// Puts the message into the quarantine of the mail server (`SMFIF_QUARANTINE`).
        QUARANTINE = 0x020,
        /// Changes the envelope sender (`SMFIF_CHGFROM`).
        CHANGE_SENDER = 0x040,
        /// Adds recipients with ESMTP parameters (`SMFIF_ADDRCPT_PAR`).
        ADD_RECIPIENTS_WITH_PARAMETERS = 0x080,
        /// Names the macros that the mail server is to send (`SMFIF_SETSYMLIST`).
        SET_MACROS = 0x100,
    }
}

flags! {
    /// Steps to skip, and steps that get no reply (`SMFIP_*`). Those that the mail server does not offer are not used.
    Steps {
        /// The connection is not reported (`SMFIP_NOCONNECT`).
        NO_CONNECT = 0x0000_0001,
        /// HELO and EHLO are not reported (`SMFIP_NOHELO`).
        NO_HELO = 0x0000_0002,
        /// MAIL is not reported (`SMFIP_NOMAIL`).
        NO_MAIL = 0x0000_0004,
        /// RCPT is not reported (`SMFIP_NORCPT`).
        NO_RCPT = 0x0000_0008,
        /// The body is not reported (`SMFIP_NOBODY`).
        NO_BODY = 0x0000_0010,
        /// Header fields are not reported (`SMFIP_NOHDRS`).
        NO_HEADERS = 0x0000_0020,
        /// The end of the header is not reported (`SMFIP_NOEOH`).
        NO_END_OF_HEADER = 0x0000_0040,
        /// Header fields get no reply (`SMFIP_NR_HDR`).
        NO_REPLY_HEADER = 0x0000_0080,
        /// Unknown SMTP commands are not reported (`SMFIP_NOUNKNOWN`).
        NO_UNKNOWN = 0x0000_0100,
        /// DATA is not reported (`SMFIP_NODATA`).
        NO_DATA = 0x0000_0200,
        /// The filter may skip the rest of the body (`SMFIP_SKIP`).
        SKIP = 0x0000_0400,
        /// Recipients that the mail server rejected are reported, too (`SMFIP_RCPT_REJ`).
        REJECTED_RCPT = 0x0000_0800,
        /// The connection gets no reply (`SMFIP_NR_CONN`).
        NO_REPLY_CONNECT = 0x0000_1000,
        /// HELO and EHLO get no reply (`SMFIP_NR_HELO`).
        NO_REPLY_HELO = 0x0000_2000,
        /// MAIL gets no reply (`SMFIP_NR_MAIL`).
        NO_REPLY_MAIL = 0x0000_4000,
        /// RCPT gets no reply (`SMFIP_NR_RCPT`).
        NO_REPLY_RCPT = 0x0000_8000,
        /// DATA gets no reply (`SMFIP_NR_DATA`).
        NO_REPLY_DATA = 0x0001_0000,
        /// Unknown SMTP commands get no reply (`SMFIP_NR_UNKN`).
        NO_REPLY_UNKNOWN = 0x0002_0000,
        /// The end of the header gets no reply (`SMFIP_NR_EOH`).
        NO_REPLY_END_OF_HEADER = 0x0004_0000,
        /// Chunks of the body get no reply (`SMFIP_NR_BODY`).
        NO_REPLY_BODY = 0x0008_0000,
        /// Values of header fields keep the space after the colon, in both directions (`SMFIP_HDR_LEADSPC`).
        LEADING_SPACE = 0x0010_0000,
        /// Chunks of the body have up to 256 KiB - 1 (`SMFIP_MDS_256K`).
        CHUNKS_OF_256_KIB = 0x1000_0000,
        /// Chunks of the body have up to 1 MiB - 1 (`SMFIP_MDS_1M`).
        CHUNKS_OF_1_MIB = 0x2000_0000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_named() {
        assert_eq!(Steps::NONE.to_string(), "NONE");
        assert_eq!((Steps::NO_RCPT | Steps::SKIP).to_string(), "NO_RCPT | SKIP");
        assert_eq!(format!("{:?}", Actions::from_bits(0x8000_0001)), "Actions(ADD_HEADERS | 0x80000000)");
    }
}
