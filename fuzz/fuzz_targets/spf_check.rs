//! `check_host()` with whatever the DNS may say: bounded work, a verdict, and the same one from a trace.
#![no_main]

use libfuzzer_sys::{arbitrary::Arbitrary, fuzz_target};
use std::{net::IpAddr, time::SystemTime};
use waxseal_authres::AuthenticationResults;
use waxseal_dns::{Answers, Check, Question, drive_with_blocking};
use waxseal_fuzz::{Replies, assert_is_one_field};
use waxseal_spf::SpfCheck;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    ip: [u8; 16],
    six: bool,
    is_helo: bool,
    sender: &'a [u8],
    helo: &'a [u8],
    replies: Replies<'a>,
    terms: Vec<(u8, &'a str)>,
}

const TERMS: [&str; 16] = [
    "include:a.example",
    "include:b.example",
    "redirect=a.example",
    "a",
    "mx",
    "ptr",
    "exists:%{ir}.example",
    "exp=c.example",
    "ip4:192.0.2.0/24",
    "ip6:2001:db8::/32",
    "-all",
    "~all",
    "a:%{l}.%{o}/24//64",
    "mx:%{h}",
    "?include:%{d2}",
    "",
];

fuzz_target!(|input: Input<'_>| {
    let [a, b, c, d, ..] = input.ip;
    let ip = if input.six { IpAddr::from(input.ip) } else { IpAddr::from([a, b, c, d]) };
    let check = match input.is_helo {
        true => SpfCheck::helo(ip, input.helo, SystemTime::UNIX_EPOCH),
        false => SpfCheck::mail_from(ip, input.sender, input.helo, SystemTime::UNIX_EPOCH),
    };
    // Half of the names publish a record made of good terms and the fuzzer's own.
    let record = input.terms.iter().fold(String::from("v=spf1"), |record, (number, own)| {
        format!("{record} {}{own}", TERMS[usize::from(*number) % TERMS.len()])
    });
    let dns = |q: &Question| match q.kind == waxseal_dns::RecordType::Txt && q.name.as_str().len() % 2 == 0 {
        true => Ok(waxseal_dns::Answer::new([waxseal_dns::Record::Txt(record.clone().into())])),
        false => input.replies.reply(q),
    };
    let mut answers = Answers::new();
    let verdict = drive_with_blocking(check.clone(), &mut answers, &dns, None);
    assert!(answers.known().len() <= 200, "{answers}");
    let again = check.clone().with_trace(true).run(&mut answers).expect("all answers are there");
    assert_eq!((again.result(), again.reason()), (verdict.result(), verdict.reason()));
    let field = AuthenticationResults::new("mx.example.net").with_entry(verdict.entry()).to_field();
    assert_is_one_field(&field);
});
