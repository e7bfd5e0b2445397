/// The most addresses read in a From field.
pub(super) const MAX_ADDRESSES: usize = 256;

/// The most bytes read in From fields.
pub(super) const MAX_BYTES: usize = 32_768;

/// The most domains reported for a message without a clear author, and for display names.
pub(super) const MAX_DOMAINS: usize = 8;
