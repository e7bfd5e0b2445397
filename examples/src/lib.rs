//! What the examples share: a message, throwaway keys, and a zone that publishes them. Run one with
//! `cargo run -p waxseal-examples --example sign`.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};
use waxseal::{
    crypto::{KeySpec, PrivateKey, rust_crypto},
    dkim::KeyRecord,
    dns::{InvalidDomainName, Zone},
};

/// A message as it goes over SMTP: lines end in CRLF.
pub const MESSAGE: &[u8] = b"From: Ada <ada@example.org>\r\n\
    To: Grace <grace@example.net>\r\n\
    Subject: Lunch\r\n\
    Date: Mon, 01 Jun 2026 09:30:00 +0200\r\n\
    Message-ID: <4711@example.org>\r\n\
    \r\n\
    Is noon fine with you?\r\n";

/// A fresh key. Real programs read theirs: `PrivateKey::from_pem(&std::fs::read("2026a.private")?)?`, made by
/// `waxseal keygen`.
///
/// # Errors
/// When the system has no randomness.
pub fn fresh_key(spec: KeySpec) -> Result<PrivateKey, waxseal::crypto::KeyError> {
    let key = PrivateKey::generate(spec, rust_crypto::PROVIDER)?;
    // ring signs with it from here on.
    PrivateKey::from_pem(key.to_pem().as_str().as_bytes())
}

/// A zone in memory that publishes the key at `<selector>._domainkey.example.org`.
///
/// # Errors
/// When `selector` makes no domain name.
pub fn publish(zone: Zone, selector: &str, key: &PrivateKey) -> Result<Zone, InvalidDomainName> {
    let record = KeyRecord::new(key.public_key().clone());
    zone.with_txt(&format!("{selector}._domainkey.example.org"), record.to_string())
}

/// Sends packets to a milter as a mail server does, and returns what it asks for before its reply.
///
/// # Errors
/// Those of the connection.
pub fn ask_milter(mut stream: &TcpStream, packets: &[(u8, &[u8])]) -> io::Result<Vec<String>> {
    for (code, data) in packets {
        let length = u32::try_from(data.len() + 1).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], &[*code], data].concat())?;
    }
    let mut changes = Vec::new();
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut packet = vec![0; usize::try_from(u32::from_be_bytes(length)).map_err(io::Error::other)?];
        stream.read_exact(&mut packet)?;
        match packet.first() {
            // SMFIR_INSHEADER, SMFIR_CHGHEADER, SMFIR_QUARANTINE
            Some(b'i' | b'm' | b'q') => changes.push(String::from_utf8_lossy(&packet).into_owned()),
            _ => return Ok(changes),
        }
    }
}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
