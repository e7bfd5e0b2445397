//! Signature algorithms and keys of DKIM and ARC over pluggable crypto providers
