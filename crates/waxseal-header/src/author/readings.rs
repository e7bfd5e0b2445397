//! How programs in common use read the value of a From field.
//!
//! A *reading* is one whole parser with the settings that a named program and version uses, never a free combination of
//! switches. Each is a function here, named with its programs, and was compared with what they show on random values.

mod c_client;
mod cursor;
mod dovecot;
mod gmime;
mod mail_address;
mod mail_parser;
mod nodemailer;
mod nodemailer_10;
mod python_policy;
mod python_utils;
mod shown;

#[cfg(test)]
pub(super) use cursor::count_steps;
pub(super) use shown::{Shown, another_domain};

/// One program, or several that share a parser.
pub(super) struct Reading {
    /// The programs.
    pub(super) programs: &'static str,
    /// Reads a value.
    pub(super) read: fn(&[u8]) -> Shown,
}

/// All readings except that of RFC 5322 itself ([`mailbox_list`](super::mailbox_list)).
pub(super) const READINGS: &[Reading] = &[
    Reading { programs: "Dovecot 2.3, Perl Email::Address::XS", read: dovecot::read },
    Reading { programs: "c-client (Alpine, PHP imap)", read: c_client::read },
    Reading { programs: "Python email.utils", read: python_utils::read },
    Reading {
        programs: "Python email.utils of mail stored with LF",
        read: python_utils::read_stored_with_lf,
    },
    Reading { programs: "Python email.policy.default", read: python_policy::read },
    Reading { programs: "GMime 3.2", read: gmime::read },
    Reading { programs: "Perl Mail::Address 2.21", read: mail_address::read },
    Reading { programs: "mail-parser 0.11", read: mail_parser::read },
    Reading { programs: "nodemailer 6.9, mailparser 3.7", read: nodemailer::read_6 },
    Reading { programs: "nodemailer 10.6, mailparser with it", read: nodemailer_10::read },
    Reading { programs: "postal-mime 2.4", read: nodemailer::read_postal_mime_2 },
    Reading { programs: "postal-mime 4", read: nodemailer::read_postal_mime },
];
