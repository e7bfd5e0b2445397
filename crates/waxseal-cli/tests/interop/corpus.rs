//! Odd messages, all legal enough to be signed: CRLF line ends, a From field of the signing domain, a Subject.

/// One message of the corpus.
pub(crate) struct Message {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// The lines that every message starts with, except where the header itself is what is odd.
const START: &str = "From: Bob <bob@alpha.example>\r\nTo: alice@beta.example\r\n\
                     Date: Thu, 01 Jan 2026 12:00:00 +0000\r\nMessage-ID: <1@alpha.example>\r\n";

/// Every message, simplest first.
pub(crate) fn messages() -> Vec<Message> {
    let mut all = header_oddities();
    all.extend(body_oddities());
    all
}

fn message(name: &'static str, header: &str, body: impl AsRef<[u8]>) -> Message {
    Message { name, bytes: [START.as_bytes(), header.as_bytes(), b"\r\n", body.as_ref()].concat() }
}

fn header_oddities() -> Vec<Message> {
    let hello = "Hello,\r\n\r\nhow are you?\r\n";
    let references: String =
        (0..60).map(|i| format!("\r\n <{i}.{}@alpha.example>", "x".repeat(40))).collect();
    let mut raw_latin1 = message("header-latin1", "Subject: caf@ con leche\r\n", hello);
    // ISO 8859-1, as old clients send it without encoding.
    raw_latin1.bytes.iter_mut().rev().filter(|b| **b == b'@').take(1).for_each(|b| *b = 0xe9);
    vec![
        message("plain", "Subject: Dinner tonight\r\n", hello),
        message(
            "header-folded",
            "Subject: a  subject \t with\r\n\tfolding,   \r\n  blanks \r\n and a tab\t\r\nCc: a@beta.example,\r\n b@beta.example,\r\n\tc@beta.example\r\n",
            hello,
        ),
        message(
            "header-utf8",
            "Subject: Grüße aus Köln – 北京\r\nReply-To: \"Zoë\" <zoe@alpha.example>\r\n",
            hello,
        ),
        raw_latin1,
        message("header-empty-value", "Subject:\r\nReply-To: \r\nCc:   \r\n", hello),
        message(
            "header-no-space",
            "Subject:no space after the colon\r\nReply-To:\tbob@alpha.example \t\r\n",
            hello,
        ),
        message(
            "header-space-before-colon",
            "Subject: Blanks\r\nReply-To : bob@alpha.example\r\nCc \t: c@beta.example\r\n",
            hello,
        ),
        message(
            "header-mixed-case",
            "SUBJECT: Shouting\r\nmime-version: 1.0\r\ncOnTent-TyPe: text/plain\r\n",
            hello,
        ),
        message(
            "header-repeated",
            "Resent-From: c@alpha.example\r\nResent-Date: Fri, 02 Jan 2026 12:00:00 +0000\r\nResent-From: d@alpha.example\r\nResent-Date: Fri, 02 Jan 2026 11:00:00 +0000\r\nReceived: from a by b; 1\r\nReceived: from b by c; 2\r\nSubject: Resent twice\r\nComments: one\r\nComments: two\r\n",
            hello,
        ),
        message("header-long", &format!("Subject: Long thread\r\nReferences:{references}\r\n"), hello),
        message(
            "header-signed-before",
            "Subject: Second hop\r\nDKIM-Filter: Other v1\r\nX-Google-DKIM-Signature: v=1; a=rsa-sha256; b=AAAA\r\nList-Id: <l.beta.example>\r\nList-Unsubscribe: <https://beta.example/u?=1;2>\r\n",
            hello,
        ),
        message(
            "header-colons",
            "Subject: a:b::c ; d=e; b=f\r\nIn-Reply-To: <b=1;bh=2@alpha.example>\r\n",
            hello,
        ),
        // Wherever the copies of a verbose signer are folded, one of these stands there.
        message("header-signature-like", &format!("Subject: {}x\r\n", "b=c;".repeat(60)), hello),
    ]
}

fn body_oddities() -> Vec<Message> {
    let subject = "Subject: Odd body\r\n";
    let mime =
        "Subject: Report attached\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b1\"\r\n";
    let base64 = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAx\r\n".repeat(1_500);
    let multipart = format!(
        "preamble\r\n--b1\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n--b1\r\nContent-Type: application/pdf\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{base64}--b1--\r\n"
    );
    vec![
        message("body-empty", subject, ""),
        message("body-blank-lines", subject, "\r\n\r\n\r\n"),
        message("body-trailing-blanks", subject, "a line  \r\nanother\t \r\n \t \r\nlast\t\r\n"),
        message("body-trailing-lines", subject, "text\r\n\r\n\r\n\r\n"),
        message("body-blank-tail", subject, "text\r\n \r\n\t\r\n  \t \r\n"),
        message("body-no-final-crlf", subject, "text without an end"),
        message(
            "body-inner-blanks",
            subject,
            "a  b\t\tc \t d\r\n  indented\r\n\ttabbed\r\n\r\n\r\nafter blank lines\r\n",
        ),
        message("body-dots", subject, ".\r\n..\r\n.dot\r\nFrom here on\r\n>From there\r\n"),
        message("body-long-line", subject, format!("{}\r\n{}\r\n", "x".repeat(990), "word ".repeat(190))),
        message("body-8bit", subject, b"Gr\xc3\xbc\xc3\x9fe\r\nlatin \xe9\xe8\xff\r\n\x80\x81\r\n"),
        message("body-controls", subject, b"bell \x07 form feed \x0c escape \x1b[0m vertical \x0b\r\n"),
        message(
            "body-header-like",
            subject,
            "Subject: not a header\r\nDKIM-Signature: v=1; b=\r\n\r\nbody\r\n",
        ),
        message("body-multipart", mime, multipart),
    ]
}

#[test]
fn the_corpus_is_what_it_says() {
    let all = messages();
    assert_eq!(all.len(), 26);
    for message in &all {
        let text = String::from_utf8_lossy(&message.bytes);
        let (header, _) = text.split_once("\r\n\r\n").expect("an end of the header");
        assert!(header.to_ascii_lowercase().contains("\r\nsubject:"), "{}", message.name);
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{}", message.name);
    }
}
