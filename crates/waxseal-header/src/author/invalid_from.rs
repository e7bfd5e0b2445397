//! Why a message has no clear author.

use crate::address::AddressFault;

/// Why a message has no author that every reader would agree on. DMARC has to fail closed on each
/// (RFC 9989 §11.5; CVE-2019-16378, CVE-2021-34555 and the attacks of "Composition Kills", USENIX Security 2020).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidFrom(#[from] pub(super) FromFault);

impl InvalidFrom {
    /// A name for programs, which stays the same between versions: `missing`, `several-fields`, `blank-before-colon`,
    /// `malformed-field`, `control-in-name`, `nul`, `bare-cr`, `no-address`, `empty-group`, `group`, `too-many-addresses`,
    /// `too-long`, `readers-differ`, `misleading-name` or `address`.
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
    /// More than one From field; readers differ in which one they show (RFC 5322 §3.6 allows one).
    #[error("{count} From fields")]
    SeveralFields {
        /// How many.
        count: usize,
    },
    /// `From : ` with blanks before the colon (RFC 5322 §4.5, obsolete): some readers do not see such a field.
    #[error("blank before the colon of the From field")]
    BlankBeforeColon,
    /// A line that is no header field but that a lenient reader may take for From: a NUL, blank, fold or 8-bit byte
    /// before, in or behind the name.
    #[error("malformed line that looks like a From field")]
    MalformedField,
    /// A control byte in the name of a field. For some readers (Dovecot 2.3) a name ends at a NUL: they take `From\0x:` for
    /// From. RFC 5322 §2.2: "A field name MUST be composed of printable US-ASCII characters (i.e., characters that have values
    /// between 33 and 126, inclusive), except colon."
    #[error("control character 0x{octet:02x} in a field name at offset {offset} of the header")]
    ControlInName {
        /// The byte.
        octet: u8,
        /// Where it stands in the header block.
        offset: usize,
    },
    /// A NUL in the header. Some readers (c-client, in Alpine and PHP) end a line at it, and what stands behind it can be a
    /// From field to them.
    #[error("NUL at offset {offset} of the header, where a line ends for some readers")]
    Nul {
        /// Where it stands in the header block.
        offset: usize,
    },
    /// A CR without LF, which ends a line for some readers (Python's `email` among them) and for others not, where it matters:
    /// text that looks like a From field stands behind it, or it makes an empty line, the end of the header, above From.
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
    /// From holds a group (RFC 6854) whose members are of several domains, or whose syntax is not that of a group.
    #[error("group in From")]
    Group,
    /// More addresses than are read.
    #[error("more than {limit} addresses in From")]
    TooManyAddresses {
        /// The limit.
        limit: usize,
    },
    /// More bytes than are read.
    #[error("From is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// Programs in common use show different authors, so that one of them shows another than was authenticated.
    #[error("{one} shows {reads}, {another} shows {but}")]
    ReadersDiffer {
        /// A program and its version, or the RFC.
        one: &'static str,
        /// The domains that it shows, as printable ASCII.
        reads: String,
        /// Another one.
        another: &'static str,
        /// The domains that it shows, as printable ASCII.
        but: String,
    },
    /// The display name shows an address of another domain, and local policy wants that it does not: see
    /// [`Authors::domains_in_names`](crate::Authors::domains_in_names).
    #[error("a display name shows an address of {domain}")]
    MisleadingName {
        /// The domain, as printable ASCII.
        domain: String,
    },
    /// What stands there is no address, and no reader finds one.
    #[error("From: {0}")]
    Address(AddressFault),
}

impl From<AddressFault> for FromFault {
    fn from(fault: AddressFault) -> Self {
        Self::Address(fault)
    }
}

impl FromFault {
    /// Whether programs differ in what they make of the bytes: some drop a control byte, for some it ends a word, a line or
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
