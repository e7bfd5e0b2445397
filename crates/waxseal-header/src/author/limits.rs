/// How many addresses of a From field are read.
pub(super) const MAX_ADDRESSES: usize = 256;

/// How many bytes of From fields are read.
pub(super) const MAX_BYTES: usize = 32_768;

/// How many domains are named of a message without a clear author, and of display names.
pub(super) const MAX_DOMAINS: usize = 8;
