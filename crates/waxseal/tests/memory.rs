//! The memory of a check: the header and little more, however long the body is. `allocation_counter` puts itself in
//! the place of the allocator of this program, which is why the tests stand apart.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use allocation_counter::{AllocationInfo, measure};
use common::*;
use waxseal::{
    Authenticator, Report,
    arc::{self, Sealer},
    authres::DmarcResult,
    dns::{Zone, drive_blocking},
};

/// The most that may be held at a time above what the caller holds.
const LIMIT: u64 = 128 * 1024;

/// SPF takes five lookups.
fn zone() -> Zone {
    let dns = publish(dns(), "list.example", EVIL_IP, "v=DMARC1; p=none");
    let records = "a.bank.example. TXT \"v=spf1 include:b.bank.example include:c.bank.example \" \
         \"include:e.bank.example mx a:d.bank.example -all\"\n\
         b.bank.example. TXT \"v=spf1 ip4:198.51.100.0/24 ?all\"\n\
         c.bank.example. TXT \"v=spf1 ip4:203.0.113.0/24 ?all\"\n\
         e.bank.example. TXT \"v=spf1 ?all\"\n\
         a.bank.example. MX 10 mail.bank.example.\n\
         mail.bank.example. A 198.51.100.1\n\
         d.bank.example. A 192.0.2.1\n";
    let mut dns = dns;
    dns.merge(Zone::from_zone_file(records, None).unwrap());
    dns
}

fn everything() -> Authenticator {
    let sealer = Sealer::new(name("list.example"), "s", key("list.example")).unwrap();
    authenticator().with_arc(arc::Policy::default()).with_sealer(sealer)
}

/// A header of about 2 KiB, and so many lines of 64 octets.
fn message(lines: usize) -> Vec<u8> {
    let received = "Received: from a.example by b.example with ESMTPS id 0123456789;\r\n\tSun, 22 Nov 2026 07:00:00 +0000\r\n";
    let mut text = received.repeat(15);
    text.push_str("From: ceo@bank.example\r\nTo: joe@example.net\r\nSubject: figures\r\n\r\n");
    for line in 0..lines {
        text.push_str(&format!("{line:062}\r\n"));
    }
    signed("bank.example", text.as_bytes())
}

/// What a check takes; the report is kept, so that it counts too.
fn taken(check: impl FnOnce() -> Report) -> (AllocationInfo, Report) {
    let mut report = None;
    let info = measure(|| report = Some(check()));
    (info, report.unwrap())
}

#[test]
fn a_message_of_50_kib_takes_128_kib_at_most() {
    let (message, zone) = (message(800), zone());
    assert!(message.len() > 50 * 1024);
    let envelope = envelope(BANK_IP, "mail.bank.example", "ceo@a.bank.example");
    for authenticator in [authenticator(), everything()] {
        // The first check fills what is kept between messages.
        let first = authenticator.check_blocking(&envelope, &message, now(), &zone);
        assert_eq!(
            (first.dmarc().result(), first.spf().lookups()),
            (DmarcResult::Pass, 5),
            "{}",
            first.explain()
        );
        let (info, report) = taken(|| authenticator.check_blocking(&envelope, &message, now(), &zone));
        assert_eq!(report.explain(), first.explain());
        assert!(info.bytes_max <= LIMIT, "{info:?}");
        let (info, _) = taken(|| {
            drop((field_of(&report), report.explain(), report.evidence().to_json()));
            report.clone()
        });
        assert!(info.bytes_max <= LIMIT, "{info:?}");
    }
}

#[test]
fn a_body_of_50_megabytes_takes_no_more_than_one_of_50_kib() {
    let (message, zone) = (message(800), zone());
    let envelope = envelope(BANK_IP, "mail.bank.example", "ceo@a.bank.example");
    let everything = everything();
    let chunk = vec![b'x'; 8 * 1024];
    // Blanks and line ends are what canonicalization holds back.
    let blanks = b" \t\r\n".repeat(2 * 1024);
    let mut peaks = Vec::new();
    for times in [0, 3_200] {
        let (info, report) = taken(|| {
            let mut session = everything.begin(&envelope, now());
            message.chunks(1_000).for_each(|chunk| session.push(chunk));
            for _ in 0..times {
                session.push(&chunk);
                session.push(&blanks);
            }
            drive_blocking(session.finish(), &zone)
        });
        assert_eq!(report.dkim().is_pass(), times == 0, "{}", report.explain());
        assert!(info.bytes_max <= LIMIT, "{info:?}");
        peaks.push(info.bytes_max);
    }
    // The verdict on the signature differs by its cause.
    assert!(peaks[1] <= peaks[0] + 4 * 1024, "{peaks:?}");
}
