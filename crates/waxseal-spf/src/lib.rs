//! SPF (RFC 7208): record parser, check_host, macros and a trace that explains every verdict
