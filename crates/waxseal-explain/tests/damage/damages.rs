//! What programs on the way do to mail, done on purpose. Shares nothing with the code that undoes it.

use super::messages::{Shape, Trick, Wish};
use base64::{Engine, prelude::BASE64_STANDARD};
use waxseal_explain::Kind;

pub(crate) struct Damage {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) wish: fn() -> Wish,
    pub(crate) apply: fn(Shape, &str) -> String,
}

fn extra(text: &str) -> Wish {
    Wish { extra: text.into(), ..Wish::default() }
}

fn split(message: &str) -> (&str, &str) {
    message.split_once("\r\n\r\n").unwrap()
}

fn body(message: &str, change: impl Fn(&str) -> String) -> String {
    let (head, body) = split(message);
    format!("{head}\r\n\r\n{}", change(body))
}

fn head(message: &str, change: impl Fn(&str) -> String) -> String {
    let (head, body) = split(message);
    format!("{}\r\n\r\n{body}", change(&format!("{head}\r\n")).trim_end())
}

/// Changes the text and its part's (or the message's) Content fields.
fn text(
    shape: Shape,
    message: &str,
    change: impl Fn(&str) -> String,
    field: impl Fn(&str) -> String,
) -> String {
    match shape {
        Shape::Multipart => {
            let (front, rest) = message.split_once("--b0\r\nContent-Type: text/plain").unwrap();
            let (fields, rest) = rest.split_once("\r\n\r\n").unwrap();
            let (text, back) = rest.split_once("\r\n--b0").unwrap();
            let fields = field(&format!("Content-Type: text/plain{fields}"));
            format!("{front}--b0\r\n{fields}\r\n\r\n{}\r\n--b0{back}", change(text))
        }
        _ => body(&head(message, field), change),
    }
}

fn quoted_printable(text: &str) -> String {
    let mut out = String::new();
    for line in text.split_inclusive("\r\n") {
        let (line, end) = line.strip_suffix("\r\n").map_or((line, ""), |line| (line, "\r\n"));
        let mut column = 0;
        for byte in line.bytes() {
            let code = if (33..=126).contains(&byte) && byte != b'=' || byte == b' ' {
                char::from(byte).to_string()
            } else {
                format!("={byte:02X}")
            };
            if column + code.len() > 75 {
                out.push_str("=\r\n");
                column = 0;
            }
            column += code.len();
            out.push_str(&code);
        }
        out.push_str(end);
    }
    out
}

fn base64(text: &str) -> String {
    let code = BASE64_STANDARD.encode(text);
    let lines: Vec<_> = code.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join("\r\n") + "\r\n"
}

const LIST: &str = "\r\n_______________________________________________\r\nFood mailing list\r\nfood@lists.example.net\r\nhttps://lists.example.net/food\r\n";

pub(crate) const DAMAGES: &[Damage] = &[
    Damage {
        name: "footer of a list",
        kind: Kind::ListFooter,
        wish: Wish::default,
        apply: |shape, message| {
            match shape {
            Shape::Multipart => message.replace(
                "\r\n--b0--\r\n",
                &format!("\r\n--b0\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\nContent-Disposition: inline\r\n{LIST}\r\n--b0--\r\n"),
            ),
            _ => format!("{message}{LIST}"),
        }
        },
    },
    Damage {
        name: "tag in Subject",
        kind: Kind::SubjectTag,
        wish: Wish::default,
        apply: |_, message| message.replacen("\r\nSubject: ", "\r\nSubject: [food] ", 1),
    },
    Damage {
        name: "From rewritten",
        kind: Kind::FromRewritten,
        wish: Wish::default,
        apply: |_, message| {
            message.replacen(
                "\r\nFrom: Joe Doe <joe@example.org>",
                "\r\nFrom: Joe Doe via Food <food@lists.example.net>\r\nReply-To: Joe Doe <joe@example.org>",
                1,
            )
        },
    },
    Damage {
        name: "trailing blanks removed",
        kind: Kind::TrailingBlanks,
        wish: || Wish { simple: true, ..extra("-- \nJoe\n") },
        apply: |_, message| body(message, |body| body.replace("-- \r\n", "--\r\n")),
    },
    Damage {
        name: "trailing blanks added",
        kind: Kind::TrailingBlanks,
        wish: || Wish { simple: true, ..Wish::default() },
        apply: |_, message| {
            body(message, |body| body.replace(",\r\n", ", \r\n").replace("。\r\n", "。\t\r\n"))
        },
    },
    Damage {
        name: "empty line in front",
        kind: Kind::EmptyLines,
        wish: Wish::default,
        apply: |_, message| body(message, |body| format!("\r\n{body}")),
    },
    Damage {
        name: "line ends",
        kind: Kind::LineEnds,
        wish: Wish::default,
        apply: |_, message| message.replace("\r\n", "\n"),
    },
    Damage {
        name: "dot doubled",
        kind: Kind::DotDoubled,
        wish: || extra(".profile is the file,\n.bashrc another one.\n"),
        apply: |_, message| body(message, |body| body.replace("\r\n.", "\r\n..")),
    },
    Damage {
        name: "dot lost",
        kind: Kind::DotLost,
        wish: || extra("...and so on.\n"),
        apply: |_, message| body(message, |body| body.replace("\r\n.", "\r\n")),
    },
    Damage {
        name: "only dot lost",
        kind: Kind::DotLost,
        wish: || extra(".profile is the file.\n"),
        apply: |_, message| body(message, |body| body.replace("\r\n.", "\r\n")),
    },
    Damage {
        name: "long line broken",
        kind: Kind::LongLine,
        wish: || extra(&format!("{}\n", "a long line of words ".repeat(110))),
        apply: |_, message| {
            body(message, |body| {
                let mut out = String::new();
                for line in body.split_inclusive("\r\n") {
                    let mut rest = line;
                    while rest.trim_end().len() > 998 {
                        let (front, back) = rest.split_at(998);
                        out.push_str(front);
                        out.push_str("\r\n ");
                        rest = back;
                    }
                    out.push_str(rest);
                }
                out
            })
        },
    },
    Damage {
        name: "8-bit to quoted-printable",
        kind: Kind::QuotedPrintable,
        wish: || {
            extra("Grüße aus Köln, und noch eine lange Zeile mit Umlauten: äöüÄÖÜß, die umbrochen wird.\n")
        },
        apply: |shape, message| {
            text(shape, message, quoted_printable, |field| {
                field.replace("Encoding: 8bit", "Encoding: quoted-printable")
            })
        },
    },
    Damage {
        name: "8-bit to base64",
        kind: Kind::Base64,
        wish: || extra("Grüße aus Köln\n"),
        apply: |shape, message| {
            text(shape, message, base64, |field| field.replace("Encoding: 8bit", "Encoding: base64"))
        },
    },
    Damage {
        name: "character set",
        kind: Kind::Charset,
        wish: || extra("値段は五百円です。\n"),
        apply: |shape, message| {
            let convert = |text: &str| {
                let (bytes, ..) = encoding_rs::ISO_2022_JP.encode(text);
                String::from_utf8(bytes.into_owned()).unwrap()
            };
            let fields = |field: &str| {
                field.replace("utf-8\r\n", "ISO-2022-JP\r\n").replace("Encoding: 8bit", "Encoding: 7bit")
            };
            // The text has no 8-bit byte any more, so the rest of the test can go on with strings.
            match shape {
                Shape::Multipart => {
                    text(shape, message, convert, |field| field.replace("utf-8", "ISO-2022-JP"))
                }
                _ => text(shape, message, convert, fields),
            }
        },
    },
    Damage {
        name: "blank as =20",
        kind: Kind::EncodedBlank,
        wish: || extra("text that flows \nover two lines\n"),
        apply: |_, message| body(message, |body| body.replace(" \r\n", "=20\r\n")),
    },
    Damage {
        name: "header refolded",
        kind: Kind::Refolded,
        wish: || Wish { simple: true, ..Wish::default() },
        apply: |_, message| message.replacen("<ann@example.com>, Bob", "<ann@example.com>,\r\n\tBob", 1),
    },
    Damage {
        name: "relaxed would pass",
        kind: Kind::RelaxedWouldPass,
        wish: || Wish { simple: true, ..Wish::default() },
        apply: |_, message| message.replacen("<ann@example.com>, Bob", "<ann@example.com>,\r\n Bob", 1),
    },
    Damage {
        name: "text that l= would leave out",
        kind: Kind::AppendedText,
        wish: Wish::default,
        apply: |_, message| format!("{message}This message was scanned by example.net.\r\n"),
    },
    Damage {
        name: "Message-ID added",
        kind: Kind::AddedAfterSigning,
        wish: || Wish { without_message_id: true, ..Wish::default() },
        apply: |_, message| {
            message.replacen("\r\nDate: ", "\r\nMessage-ID: <1@relay.example.net>\r\nDate: ", 1)
        },
    },
    Damage {
        name: "links rewritten",
        kind: Kind::LinksRewritten,
        wish: || extra("See https://example.org/menu?day=5&lang=de for more, or https://example.org/.\n"),
        apply: |_, message| {
            body(message, |body| {
                body.replace(
                    "https://example.org/menu?day=5&lang=de",
                    "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fexample.org%2Fmenu%3Fday%3D5%26lang%3Dde&data=05%7C02&sdata=abc%3D&reserved=0",
                )
            })
        },
    },
    Damage {
        name: "byte order mark",
        kind: Kind::ByteOrderMark,
        wish: Wish::default,
        apply: |_, message| body(message, |body| format!("\u{feff}{body}")),
    },
    Damage {
        name: "Reply-To added",
        kind: Kind::OversignedField,
        wish: Wish::default,
        apply: |_, message| {
            message.replacen("\r\nDate: ", "\r\nReply-To: food@lists.example.net\r\nDate: ", 1)
        },
    },
    Damage {
        name: "wrong selector",
        kind: Kind::WrongSelector,
        wish: || Wish { trick: Trick::WrongSelector, ..Wish::default() },
        apply: |_, message| message.into(),
    },
    Damage {
        name: "key rotated",
        kind: Kind::KeyRotated,
        wish: || Wish { trick: Trick::Rotated, ..Wish::default() },
        apply: |_, message| message.into(),
    },
    Damage {
        name: "field differs from z=",
        kind: Kind::CopiedField,
        wish: || Wish { copies: true, ..Wish::default() },
        apply: |_, message| {
            message.replacen(
                "\r\nTo: Ann <ann@example.com>, Bob <bob@example.com>",
                "\r\nTo: all@example.com",
                1,
            )
        },
    },
    Damage {
        name: "From quoted",
        kind: Kind::QuotedFrom,
        wish: || extra("From now on we meet on Fridays.\n"),
        apply: |_, message| body(message, |body| body.replace("\r\nFrom ", "\r\n>From ")),
    },
];
