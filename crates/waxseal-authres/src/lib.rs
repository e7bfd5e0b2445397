//! Authentication-Results (RFC 8601): result words, entries and safe formatting
