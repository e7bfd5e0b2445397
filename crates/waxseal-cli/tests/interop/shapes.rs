//! Mail as people and programs send it, and what mailing lists add to it on the way.

/// Messages of each shape, by what is special about it; each may go through a relay and a mailing list.
pub(crate) fn shapes() -> Vec<(&'static str, String)> {
    let full = "From: Bob <bob@alpha.example>\r\nTo: alice@beta.example\r\nSubject: Dinner\r\n\
                Date: Thu, 01 Jan 2026 12:00:00 +0000\r\nMessage-ID: <1@alpha.example>\r\n";
    let mime = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n";
    let hello = "\r\nHello,\r\n\r\n.how are you?\r\n";
    let fields = |more: &str| format!("{full}{more}{hello}");
    let html = "\r\n--x\r\nContent-Type: text/plain\r\n\r\nHi.\r\n--x\r\nContent-Type: text/html\r\n\
                Content-Transfer-Encoding: quoted-printable\r\n\r\n<p style=3D\"a\">Hi.</p>\r\n--x--\r\n";
    let calendar = "\r\nQkVHSU46VkNBTEVOREFSDQpNRVRIT0Q6UkVRVUVTVA0KRU5EOlZDQUxFTkRBUg0K\r\n";
    vec![
        ("plain", fields("")),
        (
            "without MIME, Date and Message-ID",
            format!("From: bob@alpha.example\r\nTo: a@beta.example\r\nSubject: x\r\n{hello}"),
        ),
        ("From alone", format!("From: bob@alpha.example\r\n{hello}")),
        (
            "Bcc for the server",
            format!("From: bob@alpha.example\r\nBcc: a@beta.example\r\nSubject: x\r\n{hello}"),
        ),
        ("Cc alone", format!("From: bob@alpha.example\r\nCc: a@beta.example\r\nSubject: x\r\n{hello}")),
        ("MIME", fields(&format!("{mime}Content-Transfer-Encoding: 7bit\r\n"))),
        (
            "HTML",
            format!("{full}MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=x\r\n{html}"),
        ),
        (
            "calendar",
            format!(
                "{full}MIME-Version: 1.0\r\nContent-Type: text/calendar; method=REQUEST; name=a.ics\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n{calendar}"
            ),
        ),
        ("8-bit body", format!("{full}{mime}Content-Transfer-Encoding: 8bit\r\n\r\nGr\u{fc}\u{df}e\r\n")),
        ("8-bit header", format!("{full}Reply-To: \"Zo\u{eb}\" <zoe@alpha.example>\r\n{hello}")),
        (
            "reply",
            fields("In-Reply-To: <0@beta.example>\r\nReferences: <0@beta.example>\r\n <00@beta.example>\r\n"),
        ),
        (
            "receipt",
            fields("Disposition-Notification-To: bob@alpha.example\r\nMail-Followup-To: b@alpha.example\r\n"),
        ),
        ("Autocrypt", fields("Autocrypt: addr=bob@alpha.example; keydata=\r\n mDMEAAAA\r\n")),
        (
            "folds and blanks",
            fields(
                "Cc: a@beta.example,\r\n  b@beta.example ,\r\n\tc@beta.example \t\r\nReply-To:\r\n <b@alpha.example>\r\n",
            ),
        ),
        ("Sender", fields("Sender: office@alpha.example\r\n")),
        ("no body", full.to_owned()),
    ]
}

/// Mail that names a mailing list itself: newsletters, and what a list sends on in its own name.
pub(crate) fn list_shapes() -> Vec<(&'static str, String)> {
    let full = "From: News <news@alpha.example>\r\nTo: alice@beta.example\r\nSubject: News\r\n\
                Date: Thu, 01 Jan 2026 12:00:00 +0000\r\nMessage-ID: <2@alpha.example>\r\n";
    let unsubscribe = "List-Unsubscribe: <https://alpha.example/u?i=1>, <mailto:leave@alpha.example>\r\n\
                       List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
    let list = "List-Id: <l.alpha.example>\r\nList-Help: <mailto:h@alpha.example>\r\nList-Post: NO\r\n\
                List-Owner: <mailto:o@alpha.example>\r\nList-Archive: <https://alpha.example/>\r\nSender: l@alpha.example\r\n";
    let resent = "Resent-From: c@alpha.example\r\nResent-Sender: d@alpha.example\r\nResent-To: a@beta.example\r\n\
                  Resent-Date: Fri, 02 Jan 2026 12:00:00 +0000\r\nResent-Message-ID: <3@alpha.example>\r\n";
    let body = "\r\nNews.\r\n";
    vec![
        ("newsletter", format!("{full}{unsubscribe}{body}")),
        ("mailing list", format!("{list}{unsubscribe}{full}{body}")),
        ("resent", format!("{resent}{full}{body}")),
    ]
}

/// What software of mailing lists adds to mail that it passes on unchanged otherwise, as found in archives: the name, whether
/// the fields go below those of the message, and the fields.
pub(crate) const LISTS: [(&str, bool, &str); 5] = [
    (
        "Mailman 3",
        true,
        "Message-ID-Hash: ABC\r\nX-MailFrom: bob@alpha.example\r\nX-Mailman-Rule-Misses: dmarc-mitigation\r\n\
         X-Mailman-Version: 3.3.8\r\nPrecedence: list\r\nList-Id: A list <l.gamma.example>\r\n\
         Archived-At: <https://gamma.example/ABC/>\r\nList-Archive: <https://gamma.example/>\r\n\
         List-Help: <mailto:l-request@gamma.example?subject=help>\r\nList-Owner: <mailto:l-owner@gamma.example>\r\n\
         List-Post: <mailto:l@gamma.example>\r\nList-Subscribe: <mailto:l-join@gamma.example>\r\n\
         List-Unsubscribe: <mailto:l-leave@gamma.example>\r\n",
    ),
    (
        "Mailman 2",
        true,
        "X-BeenThere: l@gamma.example\r\nX-Mailman-Version: 2.1.39\r\nPrecedence: list\r\nList-Id: A list\r\n\
         \t<l.gamma.example>\r\nList-Unsubscribe: <https://gamma.example/options/l>,\r\n\
         \t<mailto:l-request@gamma.example?subject=unsubscribe>\r\nErrors-To: l-bounces@gamma.example\r\n\
         Sender: \"l\" <l-bounces@gamma.example>\r\n",
    ),
    (
        "Sympa",
        true,
        "X-Loop: l@gamma.example\r\nX-Sequence: 7\r\nErrors-to: l-owner@gamma.example\r\nPrecedence: list\r\n\
         Sender: l-request@gamma.example\r\nX-no-archive: yes\r\nList-Id: <l.gamma.example>\r\n\
         List-Unsubscribe: <mailto:sympa@gamma.example?subject=unsubscribe%20l>\r\n\
         List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
    ),
    (
        "ezmlm",
        false,
        "Mailing-List: contact l-help@gamma.example; run by ezmlm\r\nPrecedence: bulk\r\nX-No-Archive: yes\r\n\
         List-Post: <mailto:l@gamma.example>\r\nList-Help: <mailto:l-help@gamma.example>\r\n\
         Delivered-To: mailing list l@gamma.example\r\nReceived: (qmail 1 invoked by uid 2); 1 Jan 2026 12:00:01 -0000\r\n",
    ),
    (
        "Google Groups",
        false,
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=gamma.example; s=x; h=from:sender;\r\n        bh=AAAA; b=BBBB\r\n\
         X-Original-Sender: bob@alpha.example\r\nPrecedence: list\r\nMailing-list: list l@gamma.example; contact o@gamma.example\r\n\
         List-ID: <l.gamma.example>\r\nX-Google-Group-Id: 1\r\nSender: l@gamma.example\r\n",
    ),
];
