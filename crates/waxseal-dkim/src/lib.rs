//! DKIM signing and verification (RFC 6376, 8301, 8463, 8616): streaming, no DNS, no runtime, any resolver
