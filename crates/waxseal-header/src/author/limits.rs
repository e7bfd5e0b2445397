/// [`Authors::MAX_ADDRESSES`](crate::Authors::MAX_ADDRESSES).
pub(super) const MAX_ADDRESSES: usize = 256;

/// How many domains are told of a message without a clear author, and of display names.
pub(super) const MAX_DOMAINS: usize = 8;
