//! Where we differ from dkimpy and pyspf, and why.

use waxseal::dkim::Cause;
use waxseal::header::Field;

use crate::compare::{Checked, Difference};

/// A reason, and whether it applies to a difference.
pub(crate) struct Reason {
    pub(crate) text: &'static str,
    pub(crate) fits: fn(&Difference, &Checked) -> bool,
}

/// The first that fits is the reason.
pub(crate) const REASONS: &[Reason] = &[
    // RFC 7208 §5.1: "Any "redirect" modifier (Section 6.1) MUST be ignored when there is an "all" mechanism in the record".
    // pyspf counts it among the ten terms with lookups.
    Reason {
        text: "RFC 7208 §5.1: a redirect beside all",
        fits: |difference, checked| {
            matches!(difference.method, "spf" | "helo")
                && difference.theirs == "permerror"
                && has_redirect_beside_all(checked)
        },
    },
    // dkimpy takes no message of which one line is no header field; with a blank before the colon it is one (RFC 5322 §4.5).
    Reason {
        text: "dkimpy: a malformed line makes the whole message unreadable",
        fits: |difference, checked| {
            (difference.theirs.contains("unreadable") || difference.theirs == "error")
                && checked.report.header().is_ok_and(|header| header.fields().any(is_odd))
        },
    },
    // RFC 6376 §2.10: base64string = ALPHADIGITPS *([FWS] ALPHADIGITPS) [ [FWS] "=" [ [FWS] "=" ] ]
    Reason {
        text: "RFC 6376 §2.10: one equals sign at the end of base64 where two would fill up",
        fits: |difference, checked| {
            matches!(difference.method, "dkim" | "arc")
                && difference.ours == "pass"
                && checked.theirs.to_string().contains("is not valid base64")
                && lacks_equals_sign(checked)
        },
    },
    // Neither passes. dkimpy looks at the length of b= before it looks at the body, and raises what its decoder raises.
    Reason {
        text: "dkimpy: base64 that is none is told before all else",
        fits: |difference, checked| {
            let theirs = checked.theirs[difference.method].to_string();
            matches!(&difference.ours[..], "body" | "fail")
                && matches!(&difference.theirs[..], "fail" | "error")
                && (theirs.contains("is not valid base64") || theirs.contains("Incorrect padding"))
        },
    },
    // dkimpy adds one From to each h=, so that a second one breaks the signature. Here DMARC looks after that.
    Reason {
        text: "RFC 6376 §5.4.2: a second From that h= does not name",
        fits: |difference, checked| {
            difference.ours == "pass" && difference.theirs == "fail" && count(checked, "from") > 1
        },
    },
    Reason {
        text: "RFC 6376 §3.5: l= larger than the body",
        fits: |difference, checked| matches!(cause(difference, checked), Some(Cause::BodyTooShort { .. })),
    },
    Reason {
        text: "RFC 6376 §8.2: text added behind l=",
        fits: |difference, checked| {
            difference.theirs == "pass"
                && matches!(cause(difference, checked), Some(Cause::BodyAdditions { .. }))
        },
    },
    // RFC 6376 §3.5, x=: "Signatures MAY be considered invalid if the verification time at the Verifier is past the
    // expiration date." dkimpy allows ten hours for clocks that go wrong.
    Reason {
        text: "RFC 6376 §3.5: x= has passed, or t= is yet to come, by less than ten hours",
        fits: |difference, checked| match cause(difference, checked) {
            Some(Cause::Expired(time, now) | Cause::SignedInFuture(time, now)) => {
                time.abs_diff(*now) < 36_000
            }
            _ => false,
        },
    },
    // RFC 6376 §3.6.1, t=s: "Any DKIM-Signature header fields using the "i=" tag MUST have the same domain value on the
    // right-hand side of the "@" in the "i=" tag and the value of the "d=" tag." dkimpy looks at neither.
    Reason {
        text: "RFC 6376 §3.6.1: h= and t=s of the key record",
        fits: |difference, checked| {
            matches!(cause(difference, checked), Some(Cause::HashNotAllowed(..) | Cause::StrictIdentity))
        },
    },
    // RFC 6376 §6.1.1: "any inconsistency or unexpected values MUST cause the header field to be completely ignored". dkimpy
    // looks at fewer of them, and at the body first.
    Reason {
        text: "RFC 6376 §6.1.1: a malformed DKIM-Signature",
        fits: |difference, checked| {
            difference.theirs == "body" && matches!(cause(difference, checked), Some(Cause::Signature(_)))
        },
    },
    // dkimpy takes blanks at the end of a line away only where a CRLF follows.
    Reason {
        text: "RFC 6376 §3.4.4: \"Ignore all whitespace at the end of lines\", also of the last one",
        fits: |difference, checked| {
            let blank_at_end = checked.message.ends_with(b" ") || checked.message.ends_with(b"\t");
            let of_body = [&difference.ours, &difference.theirs].into_iter().any(|word| word == "body");
            blank_at_end && (difference.method == "arc" || of_body)
        },
    },
    // RFC 8617 §5.1.1: "supplied to the hash function in increasing instance order". dkimpy takes them as they stand.
    Reason {
        text: "RFC 8617 §5.1.1: fields of ARC that stand in another order than they were added",
        fits: |difference, checked| {
            difference.method == "arc" && difference.theirs == "fail" && is_out_of_order(checked)
        },
    },
    // RFC 8617 §4.1.2 has the syntax of DKIM-Signature, where white space before a tag may be missing (RFC 6376 §3.2).
    Reason {
        text: "RFC 8617 §4.1.2: i= of ARC-Message-Signature without a blank before it",
        fits: |difference, checked| {
            difference.theirs == "error"
                && checked.theirs["arc"][1].as_str().is_some_and(|reason| reason.starts_with("IndexError"))
        },
    },
    // RFC 8617 §5.2 step 2: "If the Chain Validation Status of the highest instance value ARC Set is "fail", then the Chain
    // Validation Status is "fail"". dkimpy says nothing of such a chain.
    Reason {
        text: "RFC 8617 §5.2: a chain that has ended is one that failed",
        fits: |difference, _| difference.ours == "fail" && difference.theirs == "ended",
    },
];

fn is_odd(field: Field<'_>) -> bool {
    field.is_malformed() || field.raw().get(field.name().len()) != Some(&b':')
}

/// Whether base64 of a signature ends with fewer equals signs than its length wants.
fn lacks_equals_sign(checked: &Checked) -> bool {
    let Ok(header) = checked.report.header() else { return false };
    let signatures = header.fields().filter(|field| {
        ["dkim-signature", "arc-seal", "arc-message-signature"].iter().any(|name| field.is(name))
    });
    let mut tags = signatures.flat_map(|field| {
        let text = String::from_utf8_lossy(field.value()).replace(char::is_whitespace, "");
        text.split(';').map(str::to_owned).collect::<Vec<_>>()
    });
    tags.any(|tag| {
        let value = tag.strip_prefix("b=").or(tag.strip_prefix("bh="));
        value.is_some_and(|value| value.len() % 4 != 0)
    })
}

/// Whether the instances of any field of ARC do not fall from top to bottom.
fn is_out_of_order(checked: &Checked) -> bool {
    let Ok(header) = checked.report.header() else { return false };
    ["arc-seal", "arc-message-signature", "arc-authentication-results"].into_iter().any(|name| {
        let instances = header.fields().filter(|field| field.is(name)).map(|field| instance(field.value()));
        !instances.is_sorted_by(|above, below| above > below)
    })
}

fn instance(value: &[u8]) -> Option<u32> {
    let text = String::from_utf8_lossy(value);
    let digits = text.split("i=").nth(1)?.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn has_redirect_beside_all(checked: &Checked) -> bool {
    let texts = checked.sending.hosts.values().filter_map(|types| types["TXT"].as_array()).flatten();
    let mut terms = texts.filter_map(|text| text.as_str()).map(|text| text.split(' '));
    terms.any(|terms| {
        let is_all = |term: &str| term.trim_start_matches(['+', '-', '~', '?']) == "all";
        terms.clone().any(is_all) && terms.clone().any(|term| term.starts_with("redirect="))
    })
}

/// Why the signature in question does not pass with us.
fn cause<'c>(difference: &Difference, checked: &'c Checked) -> Option<&'c Cause> {
    (difference.method == "dkim")
        .then(|| checked.report.dkim().as_slice().get(difference.index)?.cause())
        .flatten()
}

fn count(checked: &Checked, name: &str) -> usize {
    checked.report.header().map_or(0, |header| header.fields().filter(|field| field.is(name)).count())
}
