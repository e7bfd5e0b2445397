//! Messages of three kinds, signed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use waxseal_explain::waxseal::{
    PrivateKey, Signer, Zone,
    dkim::{Canonicalization, KeyRecord},
};
use waxseal_test::keys;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Plain,
    Multipart,
    Japanese,
}

pub(crate) const SHAPES: [Shape; 3] = [Shape::Plain, Shape::Multipart, Shape::Japanese];

/// What the message is like before it is damaged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    /// Paragraphs of the text.
    pub(crate) extra: String,
    pub(crate) simple: bool,
    pub(crate) copies: bool,
    pub(crate) without_message_id: bool,
    pub(crate) trick: Trick,
    pub(crate) ed25519: bool,
    pub(crate) number: usize,
}

/// What is wrong with the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Trick {
    #[default]
    None,
    /// The key of the signature is published under another name.
    WrongSelector,
    /// There are the old and the new key.
    Rotated,
}

pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

pub(crate) fn crlf(text: &str) -> String {
    text.replace('\n', "\r\n")
}

pub(crate) fn unsigned(shape: Shape, wish: &Wish) -> Vec<u8> {
    let n = wish.number;
    let subject = match shape {
        Shape::Japanese => "=?utf-8?B?5pi86aOf44Gr44Gk44GE44Gm?=",
        _ => "lunch on Friday, and the plan for the rest of the week",
    };
    let id = if wish.without_message_id { String::new() } else { format!("Message-ID: <{n}@example.org>\n") };
    let head = format!(
        "Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\nFrom: Joe Doe <joe@example.org>\nTo: Ann <ann@example.com>, Bob <bob@example.com>\nSubject: {subject}\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n{id}MIME-Version: 1.0\n"
    );
    let text = match shape {
        Shape::Japanese => format!("こんにちは {n}。\n\n昼食は十二時からです。\n{}\n敬具\n", wish.extra),
        _ => format!("Hello {n},\n\nlunch is at noon, bring your own bread.\n{}\nYours, Joe\n", wish.extra),
    };
    let part = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n";
    let message = match shape {
        Shape::Multipart => format!(
            "{head}Content-Type: multipart/mixed; boundary=\"b0\"\n\n--b0\n{part}\n{text}\n--b0\nContent-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n{}\n--b0--\n",
            "JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRlci9G\n".repeat(6)
        ),
        _ => format!("{head}{part}\n{text}"),
    };
    crlf(&message).into_bytes()
}

pub(crate) fn key(ed25519: bool) -> PrivateKey {
    PrivateKey::from_pem(if ed25519 { keys::ED25519 } else { keys::RSA2048 }).unwrap()
}

const FIELDS: [&str; 11] = [
    "From",
    "From",
    "Reply-To",
    "Subject",
    "Subject",
    "To",
    "To",
    "Date",
    "Message-ID",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// The signed message, and DNS.
pub(crate) fn signed(shape: Shape, wish: &Wish) -> (Vec<u8>, Zone) {
    let key = key(wish.ed25519);
    let record = KeyRecord::new(key.public_key().clone()).to_string();
    let other = PrivateKey::from_pem(keys::RSA4096).unwrap();
    let other = KeyRecord::new(other.public_key().clone()).to_string();
    let form = if wish.simple { Canonicalization::Simple } else { Canonicalization::Relaxed };
    let signer = Signer::new("example.org", "2026a", key).unwrap();
    let signer =
        signer.with_canonicalization(form, form).with_field_list(FIELDS).with_copied_fields(wish.copies);
    let signed = signer.sign_message(&unsigned(shape, wish), now()).unwrap();
    let zone = Zone::new();
    let name = "2026a._domainkey.example.org";
    let zone = match wish.trick {
        Trick::None => zone.with_txt(name, record),
        Trick::WrongSelector => {
            zone.with_txt(name, other).and_then(|zone| zone.with_txt("dkim._domainkey.example.org", record))
        }
        Trick::Rotated => zone.with_txt(name, other).and_then(|zone| zone.with_txt(name, record)),
    };
    (signed, zone.unwrap())
}
