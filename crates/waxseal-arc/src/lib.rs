//! ARC (RFC 8617): chain validation and sealing, streaming, any resolver
