//! What programs for mailing lists do, all of it at once: texts in the manner of each.

use super::{
    explain, kinds,
    messages::{Shape, Wish, crlf, signed},
};
use waxseal_explain::Kind;

struct List {
    name: &'static str,
    footer: &'static str,
    from: &'static str,
    fields: &'static str,
}

const REPLY_TO: &str = "Reply-To: Joe Doe <joe@example.org>\n";

const LISTS: [List; 5] = [
    List {
        name: "Mailman 2",
        footer: "_______________________________________________\nFood mailing list\nFood@lists.example.net\n\
            https://lists.example.net/mailman/listinfo/food\n",
        from: "Joe Doe via Food <food@lists.example.net>",
        fields: REPLY_TO,
    },
    List {
        name: "Mailman 3",
        footer: "_______________________________________________\nfood mailing list -- food@lists.example.net\n\
            To unsubscribe send an email to food-leave@lists.example.net\n",
        from: "Joe Doe via food <food@lists.example.net>",
        fields: REPLY_TO,
    },
    List {
        name: "Google Groups",
        footer: "\n-- \nYou received this message because you are subscribed to the Google Groups \"Food\" group.\n\
            To unsubscribe from this group and stop receiving emails from it, send an email to food+unsubscribe@lists.example.net.\n\
            To view this discussion visit https://lists.example.net/d/msgid/food/1%40example.org.\n",
        from: "'Joe Doe' via Food <food@lists.example.net>",
        fields: "X-Original-From: Joe Doe <joe@example.org>\nReply-To: Joe Doe <joe@example.org>\n",
    },
    List {
        name: "Groups.io",
        footer: "\n\n-=-=-=-=-=-=-=-=-=-=-=-\nGroups.io Links: You receive all messages sent to this group.\n\
            View/Reply Online (#123): https://lists.example.net/g/food/message/123\n\
            Unsubscribe: https://lists.example.net/g/food/unsub [ann@example.com]\n-=-=-=-=-=-=-=-=-=-=-=-\n\n",
        from: "\"Joe Doe via lists.example.net\" <joe=example.org@lists.example.net>",
        fields: REPLY_TO,
    },
    List {
        name: "LISTSERV",
        footer: "\n########################################################################\n\n\
            To unsubscribe from the FOOD list, click the following link:\nhttps://lists.example.net/SCRIPTS/WA.EXE?SUBED1=FOOD\n",
        from: "Joe Doe <00000a1b2c3d-dmarc-request@LISTS.EXAMPLE.NET>",
        fields: REPLY_TO,
    },
];

fn through(list: &List, message: &str, tag: &str) -> String {
    let from = format!("\r\nFrom: {}\r\n{}", list.from, crlf(list.fields).trim_end());
    let message = message.replacen("\r\nFrom: Joe Doe <joe@example.org>", &from, 1);
    message.replacen("\r\nSubject: ", &format!("\r\nSubject: {tag}"), 1) + &crlf(list.footer)
}

#[test]
fn footer_and_munging_of_each_list_are_proved() {
    for list in &LISTS {
        for shape in [Shape::Plain, Shape::Japanese] {
            for tag in ["", "[Food] "] {
                let (message, zone) = signed(shape, &Wish::default());
                let message = through(list, std::str::from_utf8(&message).unwrap(), tag);
                let why = explain(message.as_bytes(), &zone);
                let mut found = kinds(&why);
                found.sort();
                let mut expected = vec![Kind::ListFooter, Kind::FromRewritten];
                if !tag.is_empty() {
                    expected.push(Kind::SubjectTag);
                }
                expected.sort();
                assert_eq!(found, expected, "{} {shape:?} {tag}: {}", list.name, why.explain());
                assert!(
                    why.diagnoses().all(|diagnosis| diagnosis.is_proved()),
                    "{}: {}",
                    list.name,
                    why.explain()
                );
                let body = why.signatures()[0].body_difference().unwrap();
                assert!(
                    body.rows().iter().all(|row| row.signed().is_none() || !row.is_changed()),
                    "{}",
                    list.name
                );
                let header = why.signatures()[0].header_difference().unwrap();
                let from = header.rows().iter().find(|row| row.is_changed()).unwrap();
                assert_eq!(from.signed(), Some(&b"from:Joe Doe <joe@example.org>"[..]), "{}", list.name);
            }
        }
    }
}
