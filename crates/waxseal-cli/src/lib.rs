//! The waxseal command: make keys, sign and verify mail, and say why
