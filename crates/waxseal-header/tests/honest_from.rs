//! From fields as honest mail has them: every reader in common use finds the same domain in them, and so does this crate.

use waxseal_header::{Authors, Header};

/// The author's domain of each is b.example.
const FIELDS: &[&str] = &[
    // Plain.
    "a@b.example",
    "<a@b.example>",
    "Ann Author <a@b.example>",
    "\"Ann Author\" <a@b.example>",
    "\"Author, Ann\" <a@b.example>",
    "Ann Q. Author <a@b.example>",
    "Ann O'Author <a@b.example>",
    "a@b.example (Ann Author)",
    "Ann Author <a@B.EXAMPLE>",
    "Ann Author<a@b.example>",
    "Ann <a.b+c=d@b.example>",
    "Ann\r\n\t<a@b.example>",
    "\"Ann\"\r\n <a@b.example>",
    "  Ann   Author   <a@b.example>  ",
    "'Ann Author' <a@b.example>",
    "\"'Ann Author'\" <a@b.example>",
    "\"Ann \\\"the pen\\\" Author\" <a@b.example>",
    "\"\" <a@b.example>",
    "Ann (at work) <a@b.example>",
    "Ann <a@b.example> (at work)",
    "a_b-c@b.example",
    "1234567890@b.example",
    // What mailing lists and relays make of a name.
    "\"ann@author.example via List\" <list@b.example>",
    "'Ann Author' via List <list@b.example>",
    "\"Ann Author via List\" <list@b.example>",
    "Ann Author via List <list@b.example>",
    "Ann Author (via List) <list@b.example>",
    "\"Ann Author (ann@author.example)\" <list@b.example>",
    "Ann Author <ann=author.example@b.example>",
    "\"ann@author.example\" <list-bounces+ann=author.example@b.example>",
    "\"[List] Ann Author\" <list@b.example>",
    "[List] Ann Author <list@b.example>",
    "\"Ann <ann@author.example>\" <list@b.example>",
    // Tickets, calendars, machines.
    "[Ticket #1234] Help Desk <help@b.example>",
    "\"Help Desk [#1234]\" <help@b.example>",
    "Help Desk; Tier 2 <help@b.example>",
    "JIRA (ABC-123) <jira@b.example>",
    "Ann Author (Calendar) <calendar@b.example>",
    "Ann Author | Sales <a@b.example>",
    "Ann Author / Sales <a@b.example>",
    "Sales & Service <a@b.example>",
    "Cron Daemon <root@b.example>",
    "MAILER-DAEMON@b.example (Mail Delivery System)",
    "no-reply@b.example",
    "\"24/7: Support\" <a@b.example>",
    "Shop.example <a@b.example>",
    "B.Example <a@b.example>",
    "Re: Shop <a@b.example>",
    "Mail From:<a@b.example>",
    "Foo, Inc. <a@b.example>",
    "Foo, Bar & Baz, LLC <a@b.example>",
    "Author, Ann <a@b.example>",
    "Ann \\ Author <a@b.example>",
    "Ann <a@b.example (home)>",
    "Ann < a@b.example >",
    "100% Ann! <a@b.example>",
    "$ale <a@b.example>",
    "*** Ann *** <a@b.example>",
    // At signs in names.
    "Dinner @ Eight <a@b.example>",
    "\"Dinner @ Eight\" <a@b.example>",
    "Ann @home <a@b.example>",
    "Ann@Work <a@b.example>",
    "\"@ann\" <a@b.example>",
    "@ann <a@b.example>",
    "\"ann@author.example\" <a@b.example>",
    "a@b.example <a@b.example>",
    "\"a@b.example\" <a@b.example>",
    // Encoded names.
    "=?utf-8?q?Ann_Author?= <a@b.example>",
    "=?UTF-8?Q?J=C3=B6rg?= <a@b.example>",
    "=?utf-8?B?SsO2cmc=?= <a@b.example>",
    "\"=?utf-8?q?Ann?=\" <a@b.example>",
    "=?iso-8859-1?q?J=F6rg?= Author <a@b.example>",
    "=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_Author?= <a@b.example>",
    "=?utf-8?q?J=C3=B6rg?=\r\n =?utf-8?q?_Author?= <a@b.example>",
    "=?utf-8?q?ann=40author=2Eexample_via_List?= <list@b.example>",
    "=?utf-8?b?5pel5pys6Kqe?= <a@b.example>",
    "=?iso-2022-jp?B?GyRCRnxLXDhsGyhC?= <a@b.example>",
    "=?koi8-r?B?8NLJ18XU?= <a@b.example>",
    "=?utf-8?q?Foo=2C_Inc=2E?= <a@b.example>",
    // Names in UTF-8 (RFC 6532).
    "Jörg Müller <a@b.example>",
    "日本語 <a@b.example>",
    "\"日本語\" <a@b.example>",
    "Анна Автор <a@b.example>",
    "Ελένη <a@b.example>",
    "أنا <a@b.example>",
    "Ann ✉ <a@b.example>",
    "株式会社、例 <a@b.example>",
    "jörg@b.example",
    // Groups (RFC 6854) and lists.
    "Team: a@b.example;",
    "Team: Ann <a@b.example>, Ben <b@b.example>;",
    "\"The Team\": Ann <a@b.example>;",
    "a@b.example, c@b.example",
    "Ann <a@b.example>, \"Ben\" <b@b.example>",
];

#[test]
fn the_author_of_honest_mail_is_clear() {
    assert!(FIELDS.len() >= 90);
    for value in FIELDS {
        for line_end in ["\r\n", "\n"] {
            let value = value.replace("\r\n", line_end);
            let message =
                format!("Received: x{line_end}From: {value}{line_end}Subject: x{line_end}{line_end}Hi.");
            let (header, _) = Header::parse(message.as_bytes()).unwrap();
            let authors = Authors::from_header(&header);
            let authors = authors.unwrap_or_else(|unclear| panic!("{value:?}: {}", unclear.cause()));
            assert_eq!(authors.domains().collect::<Vec<_>>(), ["b.example"], "{value:?}");
        }
    }
}

/// Mail without a From field of this shape: names of header fields may look like it.
#[test]
fn fields_beside_from_are_no_from() {
    for field in
        ["X-From: c@d.example", "From-Line: c@d.example", "Sender: c@d.example", "Resent-From: c@d.example"]
    {
        let message = format!("{field}\r\nFrom: a@b.example\r\n{field}\r\n\r\nHi.");
        let (header, _) = Header::parse(message.as_bytes()).unwrap();
        let domains: Vec<_> = Authors::from_header(&header).unwrap().domains().collect();
        assert_eq!(domains, ["b.example"], "{field}");
    }
}
