//! Why a message has no clear author.

use crate::address::AddressFault;

/// Why a message has no author that all programs agree on. DMARC has to fail closed on each (RFC 9989 §11.5;
/// CVE-2019-16378, CVE-2021-34555 and the attacks of "Composition Kills", USENIX Security 2020).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidFrom(#[from] pub(super) FromFault);

impl InvalidFrom {
    /// A stable name for programs: `missing`, `several-fields`, `blank-before-colon`, `malformed-field`,
    /// `control-in-name`, `nul`, `bare-cr`, `no-address`, `empty-group`, `group`, `too-many-addresses`, `too-long`,
    /// `readers-differ`, `misleading-name` or `address`.
    pub fn id(&self) -> &'static str {
        match self.0 {
            FromFault::Missing => "missing",
            FromFault::SeveralFields { .. } => "several-fields",
            FromFault::BlankBeforeColon => "blank-before-colon",
            FromFault::MalformedField => "malformed-field",
            FromFault::ControlInName { .. } => "control-in-name",
            FromFault::Nul { .. } => "nul",
            FromFault::BareCr { .. } => "bare-cr",
            FromFault::NoAddress => "no-address",
            FromFault::EmptyGroup => "empty-group",
            FromFault::Group => "group",
            FromFault::TooManyAddresses { .. } => "too-many-addresses",
            FromFault::TooLong { .. } => "too-long",
            FromFault::ReadersDiffer { .. } => "readers-differ",
            FromFault::MisleadingName { .. } => "misleading-name",
            FromFault::Address(_) => "address",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FromFault {
    /// No From field.
    #[error("no From field")]
    Missing,
    /// More than one From field, and programs differ in which one they show (RFC 5322 §3.6 allows one).
    #[error("{count} From fields")]
    SeveralFields {
        /// How many.
        count: usize,
    },
    /// `From : ` with blanks before the colon (RFC 5322 §4.5, obsolete): some programs do not see such a field.
    #[error("blank before the colon of the From field")]
    BlankBeforeColon,
    /// A line that is not a header field but that a lenient program may read as From: with a NUL, blank, fold or 8-bit
    /// byte before, in or after the name.
    #[error("malformed line that looks like a From field")]
    MalformedField,
    /// A control byte in the name of a field. For some programs (Dovecot 2.3) a name ends at a NUL: they read
    /// `From\0x:` as From. RFC 5322 §2.2: "A field name MUST be composed of printable US-ASCII characters (i.e.,
    /// characters that have values between 33 and 126, inclusive), except colon."
    #[error("control character 0x{octet:02x} in a field name at offset {offset} of the header")]
    ControlInName {
        /// The byte.
        octet: u8,
        /// Where it stands in the header block.
        offset: usize,
    },
    /// A NUL in the header. Some programs (c-client, in Alpine and PHP) end a line at it, and may see a From field
    /// after it.
    #[error("NUL at offset {offset} of the header, where a line ends for some readers")]
    Nul {
        /// Where it stands in the header block.
        offset: usize,
    },
    /// A CR without LF where it matters that it ends a line for some programs (such as Python's `email`) and not for
    /// others: text that looks like a From field follows, or it makes an empty line, which ends the header, above From.
    #[error(
        "bare CR at offset {offset} of the header, where some readers see another From field or the end of the header"
    )]
    BareCr {
        /// Where it stands in the header block.
        offset: usize,
    },
    /// From holds no address, as in `From:` or `From: <>`.
    #[error("no address in From")]
    NoAddress,
    /// From holds a group (RFC 6854) without a mailbox, as in `From: undisclosed:;`.
    #[error("empty group in From")]
    EmptyGroup,
    /// From holds a group (RFC 6854) whose members are of several domains, or whose syntax is broken.
    #[error("group in From")]
    Group,
    /// More addresses than are read.
    #[error("more than {limit} addresses in From")]
    TooManyAddresses {
        /// The limit.
        limit: usize,
    },
    /// The value is too long.
    #[error("From is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// Programs in common use show different authors, so that some show another one than was authenticated.
    #[error("{one} shows {reads}, {another} shows {but}")]
    ReadersDiffer {
        /// A program and its version, or the RFC.
        one: &'static str,
        /// The domains that it shows, as printable ASCII.
        reads: String,
        /// Another program and its version, or the RFC.
        another: &'static str,
        /// The domains that it shows, as printable ASCII.
        but: String,
    },
    /// The display name shows an address of another domain, which local policy refuses: see
    /// [`Authors::domains_in_names`](crate::Authors::domains_in_names).
    #[error("a display name shows an address of {domain}")]
    MisleadingName {
        /// The domain, as printable ASCII.
        domain: String,
    },
    /// From holds no valid address, and no program finds one.
    #[error("From: {0}")]
    Address(AddressFault),
}

impl From<AddressFault> for FromFault {
    fn from(fault: AddressFault) -> Self {
        Self::Address(fault)
    }
}

impl FromFault {
    /// Whether programs interpret the bytes differently: some drop a control byte, for others it ends a word, a line or
    /// the header.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::MalformedField | Self::BareCr { .. } | Self::Nul { .. } | Self::ControlInName { .. } => {
                true
            }
            Self::Address(fault) => matches!(fault, AddressFault::Control { .. }),
            _ => false,
        }
    }
}
