//! What the inbound check is asked, what it has to say, and where others say something else, with the reason for each.

/// The client that SPF of the senders lets send, and one that it does not.
pub(crate) const GOOD: &str = "192.0.2.1";
pub(crate) const BAD: &str = "198.51.100.7";
/// The client of the forger and of the list, which their own SPF lets send.
pub(crate) const EVIL: &str = "192.0.2.66";

/// Domains with the key of the laboratory, SPF for one client, and records at `_dmarc`.
pub(crate) const DOMAINS: [(&str, &str, &[&str]); 15] = [
    ("reject.example", GOOD, &["v=DMARC1; p=reject"]),
    ("quarantine.example", GOOD, &["v=DMARC1; p=quarantine"]),
    ("none.example", GOOD, &["v=DMARC1; p=none"]),
    ("silent.example", GOOD, &[]),
    ("strict.example", GOOD, &["v=DMARC1; p=reject; adkim=s; aspf=s"]),
    ("mail.strict.example", GOOD, &[]),
    ("family.example", GOOD, &["v=DMARC1; p=none; sp=reject; np=quarantine"]),
    ("mail.family.example", GOOD, &[]),
    ("testing.example", GOOD, &["v=DMARC1; p=reject; t=y"]),
    ("legacy.example", GOOD, &["v=DMARC1; p=reject; pct=0"]),
    ("twice.example", GOOD, &["v=DMARC1; p=reject", "v=DMARC1; p=none"]),
    ("odd.example", GOOD, &["v=DMARC1; p=reject; adkim=x; unknown=1"]),
    ("middle.tree.example", GOOD, &["v=DMARC1; p=none"]),
    ("evil.example", EVIL, &["v=DMARC1; p=none"]),
    ("list.example", EVIL, &["v=DMARC1; p=none"]),
];

/// More of the zone: the top of a tree, and a name that only HELO uses.
pub(crate) const MORE: &str = "_dmarc.tree IN TXT \"v=DMARC1; p=reject\"\n\
     a.b.middle.tree IN A 192.0.2.1\n\
     helo.reject IN TXT \"v=spf1 +all\"\n";

/// What is done to a message before it is checked.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// Signed for a domain.
    Sign(&'static str),
    /// Signed by the key of the laboratory with a selector that has none.
    SignWithoutKey(&'static str),
    /// This field is put on top.
    PutOnTop(&'static str),
    /// A line is added to the body, as by a list with a footer.
    Footer,
    /// Sealed by the list with dkimpy, over what waxseal found.
    Seal,
}

use Step::{Footer, PutOnTop, Seal, Sign, SignWithoutKey};

/// Everyone whose words are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// OpenDKIM, which finds `dkim`.
    OpenDkim,
    /// OpenDMARC behind OpenDKIM, with its own SPF: `spf`, `dmarc` and `disposition`.
    OpenDmarc,
    /// OpenDMARC that reads our Authentication-Results: `dmarc` and `disposition`.
    OpenDmarcOnOurs,
    /// authheaders: `spf`, `dkim`, `arc` and `dmarc`.
    AuthHeaders,
}

use Peer::{AuthHeaders, OpenDkim, OpenDmarc, OpenDmarcOnOurs};

/// Peer, what about, what it says in place of what we say, and why.
pub(crate) type Difference = (Peer, &'static str, &'static str, &'static str);

pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Fields in front of the usual ones.
    pub(crate) from: &'static str,
    pub(crate) steps: &'static [Step],
    /// Client, HELO, MAIL FROM.
    pub(crate) envelope: (&'static str, &'static str, &'static str),
    /// `spf`, `dkim`, `arc`, `dmarc` and disposition, with p=reject taken by its word.
    pub(crate) ours: [&'static str; 5],
    pub(crate) differences: &'static [Difference],
}

/// Differences of every message: `theirs for ours`.
pub(crate) const HABITS: &[Difference] =
    &[(AuthHeaders, "dkim", "fail for none", "a message without a signature fails")];

const ONE_SIGNATURE: &str = "looks at the first signature alone";
const STRICT: &str =
    "cuts the identifier down to its organizational domain before it compares, in strict mode too";
const NO_NP: &str = "RFC 7489 has no np=, so sp= counts";
const BOUNCE: &str = "reads smtp.mailfrom alone, and a bounce has smtp.helo";
const SEVERAL: &str = "does not judge mail by several authors, and lets it through";
const CRASH_SEVERAL: &str =
    "cuts the local-part of MAIL FROM off once more for the second author, and ends with an exception";
const FIRST_FROM: &str = "takes the first From field, and its policy";
const LAST_ADDRESS: &str = "takes the address in angle brackets alone; readers may show what stands in front";
const NO_T: &str = "RFC 7489 has no t=";
const PCT: &str = "RFC 7489 has pct=, which RFC 9989 removed";
const FIRST_RECORD: &str =
    "takes one of two records, where RFC 7489 section 6.6.3 and RFC 9989 section 4.10 take none";
const WHOLE_RECORD: &str =
    "one bad value spoils the record; RFC 9989 section 4.8 takes the default in its place";

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "dkim-aligned",
        from: "From: joe@reject.example",
        steps: &[Sign("reject.example")],
        envelope: (EVIL, "evil.example", "bounces@evil.example"),
        ours: ["pass", "pass", "none", "pass", "none"],
        differences: &[],
    },
    Case {
        name: "spf-only",
        from: "From: joe@reject.example",
        steps: &[],
        envelope: (GOOD, "reject.example", "joe@reject.example"),
        ours: ["pass", "none", "none", "pass", "none"],
        differences: &[],
    },
    Case {
        name: "unaligned",
        from: "From: joe@reject.example",
        steps: &[Sign("evil.example")],
        envelope: (EVIL, "evil.example", "u@evil.example"),
        ours: ["pass", "pass", "none", "fail", "reject"],
        differences: &[],
    },
    Case {
        name: "forged-reject",
        from: "From: joe@reject.example",
        steps: &[],
        envelope: (BAD, "evil.example", "joe@reject.example"),
        ours: ["fail", "none", "none", "fail", "reject"],
        differences: &[],
    },
    Case {
        name: "forged-quarantine",
        from: "From: joe@quarantine.example",
        steps: &[],
        envelope: (BAD, "evil.example", "joe@quarantine.example"),
        ours: ["fail", "none", "none", "fail", "quarantine"],
        differences: &[],
    },
    Case {
        name: "forged-none",
        from: "From: joe@none.example",
        steps: &[],
        envelope: (BAD, "evil.example", "joe@none.example"),
        ours: ["fail", "none", "none", "fail", "none"],
        differences: &[],
    },
    Case {
        name: "no-record",
        from: "From: joe@silent.example",
        steps: &[Sign("silent.example")],
        envelope: (GOOD, "silent.example", "joe@silent.example"),
        ours: ["pass", "pass", "none", "none", "none"],
        differences: &[],
    },
    Case {
        name: "subdomain",
        from: "From: joe@mail.family.example",
        steps: &[],
        envelope: (BAD, "evil.example", "joe@mail.family.example"),
        ours: ["fail", "none", "none", "fail", "reject"],
        differences: &[],
    },
    Case {
        name: "subdomain-that-does-not-exist",
        from: "From: joe@nothing.family.example",
        steps: &[],
        envelope: (BAD, "evil.example", "u@evil.example"),
        ours: ["fail", "none", "none", "fail", "quarantine"],
        differences: &[
            (OpenDmarc, "disposition", "reject", NO_NP),
            (OpenDmarcOnOurs, "disposition", "reject", NO_NP),
        ],
    },
    Case {
        name: "relaxed",
        from: "From: joe@mail.family.example",
        steps: &[Sign("family.example")],
        envelope: (BAD, "evil.example", "u@silent.example"),
        ours: ["fail", "pass", "none", "pass", "none"],
        differences: &[],
    },
    Case {
        name: "strict",
        from: "From: joe@strict.example",
        steps: &[Sign("mail.strict.example")],
        envelope: (GOOD, "evil.example", "u@mail.strict.example"),
        ours: ["pass", "pass", "none", "fail", "reject"],
        differences: &[
            (OpenDmarc, "disposition", "none", STRICT),
            (OpenDmarcOnOurs, "disposition", "none", STRICT),
            (OpenDmarc, "dmarc", "pass", STRICT),
            (OpenDmarcOnOurs, "dmarc", "pass", STRICT),
        ],
    },
    Case {
        name: "broken-body",
        from: "From: joe@reject.example",
        steps: &[Sign("reject.example"), Footer],
        envelope: (EVIL, "list.example", "bounces@list.example"),
        ours: ["pass", "fail", "none", "fail", "reject"],
        differences: &[],
    },
    Case {
        name: "two-signatures",
        from: "From: joe@reject.example",
        steps: &[Sign("evil.example"), Sign("reject.example")],
        envelope: (BAD, "evil.example", "u@silent.example"),
        ours: ["fail", "pass,pass", "none", "pass", "none"],
        differences: &[(AuthHeaders, "dkim", "pass", ONE_SIGNATURE)],
    },
    Case {
        name: "two-signatures-theirs-first",
        from: "From: joe@reject.example",
        steps: &[Sign("reject.example"), Sign("evil.example")],
        envelope: (BAD, "evil.example", "u@silent.example"),
        ours: ["fail", "pass,pass", "none", "pass", "none"],
        differences: &[
            (AuthHeaders, "dkim", "pass", ONE_SIGNATURE),
            (AuthHeaders, "dmarc", "fail", ONE_SIGNATURE),
        ],
    },
    Case {
        name: "a-signature-without-key-and-a-good-one",
        from: "From: joe@reject.example",
        steps: &[Sign("reject.example"), SignWithoutKey("reject.example")],
        envelope: (BAD, "evil.example", "u@silent.example"),
        ours: ["fail", "permerror,pass", "none", "pass", "none"],
        differences: &[
            (AuthHeaders, "dkim", "fail", ONE_SIGNATURE),
            (AuthHeaders, "dmarc", "fail", ONE_SIGNATURE),
            (OpenDkim, "dkim", "fail,pass", "a key that does not exist is a failure like any other"),
        ],
    },
    Case {
        name: "list",
        from: "From: joe@reject.example",
        steps: &[Sign("reject.example"), Seal],
        envelope: (EVIL, "list.example", "bounces@list.example"),
        ours: ["pass", "pass", "pass", "pass", "none"],
        differences: &[],
    },
    Case {
        name: "list-with-footer",
        from: "From: joe@reject.example",
        steps: &[Sign("reject.example"), Footer, Seal],
        envelope: (EVIL, "list.example", "bounces@list.example"),
        ours: ["pass", "fail", "pass", "fail", "reject"],
        differences: &[],
    },
    Case {
        name: "two-lists",
        from: "From: joe@reject.example",
        steps: &[Sign("reject.example"), Seal, Seal],
        envelope: (EVIL, "list.example", "bounces@list.example"),
        ours: ["pass", "pass", "pass", "pass", "none"],
        differences: &[],
    },
    Case {
        name: "footer-behind-the-seal",
        from: "From: joe@reject.example",
        steps: &[Sign("reject.example"), Seal, Footer],
        envelope: (EVIL, "list.example", "bounces@list.example"),
        ours: ["pass", "fail", "fail", "fail", "reject"],
        differences: &[],
    },
    Case {
        name: "bounce",
        from: "From: mailer-daemon@reject.example",
        steps: &[],
        envelope: (GOOD, "reject.example", ""),
        ours: ["pass", "none", "none", "pass", "none"],
        differences: &[
            (AuthHeaders, "*", "TypeError", "ends with an exception when MAIL FROM is null"),
            (OpenDmarcOnOurs, "disposition", "reject", BOUNCE),
            (OpenDmarcOnOurs, "dmarc", "fail", BOUNCE),
        ],
    },
    Case {
        name: "helo-is-not-mail-from",
        from: "From: joe@reject.example",
        steps: &[],
        envelope: (BAD, "helo.reject.example", "u@nowhere.example"),
        ours: ["none", "none", "none", "fail", "reject"],
        differences: &[],
    },
    Case {
        name: "two-authors",
        from: "From: joe@reject.example, u@evil.example",
        steps: &[Sign("evil.example")],
        envelope: (EVIL, "evil.example", "u@evil.example"),
        ours: ["pass", "pass", "none", "fail", "reject"],
        differences: &[
            (AuthHeaders, "*", "IndexError", CRASH_SEVERAL),
            (OpenDmarc, "disposition", "none", SEVERAL),
            (OpenDmarcOnOurs, "disposition", "none", SEVERAL),
            (OpenDmarc, "dmarc", "", SEVERAL),
            (OpenDmarcOnOurs, "dmarc", "", SEVERAL),
        ],
    },
    Case {
        name: "two-from-fields",
        from: "From: u@evil.example",
        steps: &[Sign("evil.example"), PutOnTop("From: joe@reject.example\r\n")],
        envelope: (EVIL, "evil.example", "u@evil.example"),
        ours: ["pass", "pass", "none", "permerror", "reject"],
        differences: &[
            (AuthHeaders, "*", "IndexError", CRASH_SEVERAL),
            (OpenDmarc, "dmarc", "fail", FIRST_FROM),
            (OpenDmarcOnOurs, "dmarc", "fail", FIRST_FROM),
        ],
    },
    Case {
        name: "two-addresses-in-one",
        from: "From: joe@reject.example <u@evil.example>",
        steps: &[Sign("evil.example")],
        envelope: (EVIL, "evil.example", "u@evil.example"),
        ours: ["pass", "pass", "none", "permerror", "reject"],
        differences: &[
            (AuthHeaders, "*", "IndexError", CRASH_SEVERAL),
            (OpenDmarc, "disposition", "none", LAST_ADDRESS),
            (OpenDmarcOnOurs, "disposition", "none", LAST_ADDRESS),
            (OpenDmarc, "dmarc", "pass", LAST_ADDRESS),
            (OpenDmarcOnOurs, "dmarc", "pass", LAST_ADDRESS),
        ],
    },
    Case {
        name: "testing",
        from: "From: joe@testing.example",
        steps: &[],
        envelope: (BAD, "evil.example", "u@silent.example"),
        ours: ["fail", "none", "none", "fail", "quarantine"],
        differences: &[
            (OpenDmarc, "disposition", "reject", NO_T),
            (OpenDmarcOnOurs, "disposition", "reject", NO_T),
        ],
    },
    Case {
        name: "pct-0",
        from: "From: joe@legacy.example",
        steps: &[],
        envelope: (BAD, "evil.example", "u@silent.example"),
        ours: ["fail", "none", "none", "fail", "reject"],
        differences: &[
            (OpenDmarc, "disposition", "none", PCT),
            (OpenDmarcOnOurs, "disposition", "none", PCT),
        ],
    },
    Case {
        name: "two-records",
        from: "From: joe@twice.example",
        steps: &[],
        envelope: (BAD, "evil.example", "u@silent.example"),
        ours: ["fail", "none", "none", "none", "none"],
        differences: &[
            (OpenDmarc, "disposition", "reject", FIRST_RECORD),
            (OpenDmarcOnOurs, "disposition", "reject", FIRST_RECORD),
            (OpenDmarc, "dmarc", "fail", FIRST_RECORD),
            (OpenDmarcOnOurs, "dmarc", "fail", FIRST_RECORD),
        ],
    },
    Case {
        name: "one-bad-tag",
        from: "From: joe@odd.example",
        steps: &[],
        envelope: (BAD, "evil.example", "u@silent.example"),
        ours: ["fail", "none", "none", "fail", "reject"],
        differences: &[
            (OpenDmarc, "disposition", "none", WHOLE_RECORD),
            (OpenDmarcOnOurs, "disposition", "none", WHOLE_RECORD),
            (OpenDmarc, "dmarc", "permerror", WHOLE_RECORD),
            (OpenDmarcOnOurs, "dmarc", "permerror", WHOLE_RECORD),
        ],
    },
    Case {
        name: "middle-of-a-tree",
        from: "From: joe@a.b.middle.tree.example",
        steps: &[],
        envelope: (BAD, "evil.example", "u@silent.example"),
        ours: ["fail", "none", "none", "fail", "reject"],
        differences: &[],
    },
];
