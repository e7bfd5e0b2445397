//! `waxseal explain`

use crate::lab::{Done, Lab, MESSAGE, feed, waxseal, words};
use serde_json::{Value, json};

/// The message of the demonstration, which came over a mailing list.
fn explain(args: &str) -> Done {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/src/demo/");
    let (zone, message) = (format!("{demo}zone"), format!("{demo}relayed.eml"));
    waxseal(["explain", "--zone", &zone, &message].into_iter().chain(words(args)))
}

#[test]
fn what_a_list_did_is_named() {
    let done = explain("");
    assert_eq!((done.code, &*done.err), (Some(0), ""), "{}", done.out);
    assert!(
        done.out.contains("list-footer (proved): a mailing list appended a footer or a part: "),
        "{}",
        done.out
    );
    assert!(done.out.contains("subject-tag (proved): a tag was put into Subject: "), "{}", done.out);
}

#[test]
fn json_has_the_diagnoses() {
    let done = explain("--json");
    let row: Value = serde_json::from_str(&done.out).unwrap();
    let signatures = row["signatures"].as_array().unwrap();
    let diagnoses: Vec<_> = signatures.iter().flat_map(|one| one["diagnoses"].as_array().unwrap()).collect();
    let ids: Vec<_> = diagnoses.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"list-footer") && ids.contains(&"subject-tag"), "{ids:?}");
    assert!(
        diagnoses.iter().all(|one| one["certainty"] == "proved" && one["line"].is_u64()),
        "{diagnoses:?}"
    );
}

#[test]
fn what_cannot_be_read_is_said() {
    let missing = waxseal(["explain", "no-such-file.eml"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.err.starts_with("error: cannot read no-such-file.eml: "), "{}", missing.err);
    let empty = waxseal(["explain"]);
    assert_eq!(empty.code, Some(2));
    assert!(empty.err.contains("standard input is empty"), "{}", empty.err);
}

#[test]
fn a_page_shows_what_was_changed() {
    let done = explain("--html -");
    assert_eq!((done.code, &*done.err), (Some(0), ""));
    for text in [
        "<title>",
        "A tag was put into Subject: [minutes]",
        "<b>Changed before this point</b>",
        "<div class=\"cut\">",
        "<mark>[minutes] </mark>",
        "sealed by lists.example.com",
        "_dmarc.<b>example.org</b>",
    ] {
        let text = text.replace("<mark>[minutes] </mark>", "<mark><bdi>[minutes] </bdi></mark>");
        assert!(done.out.contains(&text), "{text}: {}", done.out);
    }
    assert!(done.out.ends_with("</html>\n"));
}

#[test]
fn a_page_is_a_new_file() {
    let file = Lab::get().arg("why.html");
    let first = explain(&format!("--html {file}"));
    assert_eq!((first.code, &*first.err), (Some(0), ""));
    assert!(first.out.contains("subject-tag (proved)"), "the text is printed as well: {}", first.out);
    let page = std::fs::read_to_string(&file).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600,
            "it has parts of a letter"
        );
    }
    let second = explain(&format!("--html {file}"));
    assert_eq!(second.code, Some(2));
    assert_eq!(
        second.err,
        format!("error: {file} already exists; --html makes a new file: name another one\n")
    );
    let lost = explain("--html no-such-folder/why.html");
    assert_eq!(lost.code, Some(2));
    assert!(lost.err.starts_with("error: cannot write no-such-folder/why.html: "), "{}", lost.err);
}

/// The page of a message from standard input, without DNS.
fn page(message: &str) -> String {
    let done = feed(["explain", "--html", "-", "--zone", &Lab::get().arg("zone")], message.as_bytes());
    assert_eq!(done.code, Some(1), "{}", done.err);
    done.out
}

/// Tags and attributes of a page, without what is text.
fn tags(page: &str) -> Vec<&str> {
    page.split('<').skip(1).filter_map(|rest| rest.split('>').next()).collect()
}

#[test]
fn a_stranger_writes_no_markup() {
    let evil =
        "</title><script>alert(1)</script><img src=//e.example onerror='a'>\u{202e}\u{2066}\u{200b}\"'&";
    let message = format!(
        "From: {evil} <joe@example.org>\r\nSubject: {evil}\r\nDate: {evil}\r\nReceived: from {evil} by {evil} with {evil}; {evil}\r\n\
         DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=rsa; h=From:{evil}; bh=AAAA; b=AAAA; z={evil}\r\n\
         ARC-Seal: i=1; cv=none; {evil}\r\nARC-Message-Signature: i=1; {evil}\r\nARC-Authentication-Results: i=1; {evil}\r\n\r\n{evil}\r\n"
    );
    let page = page(&message);
    assert!(page.contains("Found: <b>a signature that cannot be read</b>"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)") && page.contains("<i>U+202E</i>"), "{page}");
    assert!(page.contains("default-src 'none'"), "{page}");
    for mark in ['\u{202e}', '\u{2066}', '\u{200b}'] {
        assert!(!page.contains(mark), "{mark:?}");
    }
    let known = [
        "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "main", "div", "svg", "path", "circle",
        "h1", "h2", "h3", "p", "br", "span", "bdi", "i", "ul", "ol", "li", "b", "section", "dl", "dt", "dd",
        "code", "pre", "details", "summary", "footer",
    ];
    for tag in tags(&page) {
        let name = tag.trim_start_matches('/').split(' ').next().unwrap().trim();
        assert!(known.contains(&name), "<{tag}>");
        assert!(!tag.contains("evil") && !tag.contains("onerror") && !tag.contains("e.example"), "<{tag}>");
    }
}

#[test]
fn a_page_stays_small() {
    let field = |name: &str, length: usize| format!("{name}: {}\r\n", "<&\"'\u{202e}é ".repeat(length / 10));
    let trace =
        "Received: from a.example ([192.0.2.1]) by b.example with ESMTP; Mon, 01 Jun 2026 07:30:05 +0000\r\n";
    let large = [
        ("a header of 1 MB", field("Subject", 1_000_000) + "\r\nHi.\r\n"),
        (
            "a long name",
            format!("Received: from a by {} with ESMTP; x\r\nFrom: joe@example.org\r\n\r\n", "w".repeat(900)),
        ),
        ("900 Received fields", trace.repeat(900) + "From: joe@example.org\r\n\r\nHi.\r\n"),
        (
            "fields of 200 KB",
            field("Subject", 60_000) + &field("From", 60_000) + &field("Date", 60_000) + "\r\nHi.\r\n",
        ),
        ("a body of 1 MB", format!("From: joe@example.org\r\n\r\n{}", "<&\r\n".repeat(250_000))),
        (
            "990 signatures",
            "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=rsa; h=From; bh=AAAA; b=AAAA\r\n"
                .repeat(990)
                + "From: a@b.example\r\n\r\n",
        ),
    ];
    for (what, message) in large {
        let page = page(&message);
        assert!(page.len() < 200_000, "{what}: {}", page.len());
        assert!(page.ends_with("</html>\n"), "{what}");
        assert!(!page.contains(&"w".repeat(121)), "{what}: names are cut");
    }
}

#[test]
fn evidence_stands_for_dns() {
    let lab = Lab::get();
    let (case, demo) = (lab.arg("explain-case.json"), concat!(env!("CARGO_MANIFEST_DIR"), "/src/demo/"));
    let (zone, message) = (format!("{demo}zone"), format!("{demo}relayed.eml"));
    let kept = waxseal(["check", "--zone", &zone, "--save-evidence", &case, &message].into_iter().chain(
        words("--ip 198.51.100.7 --helo lists.example.com --mail-from minutes-bounces@lists.example.com"),
    ));
    assert_eq!(kept.err, "", "{}", kept.out);
    let done = waxseal(["explain", "--evidence", &case, &message]);
    assert_eq!((done.code, &*done.err), (Some(0), ""), "{}", done.out);
    for text in ["spf=pass smtp.mailfrom=lists.example.com", "subject-tag (proved)", "list-footer (proved)"] {
        assert!(done.out.contains(text), "{text}: {}", done.out);
    }
    let wrong = waxseal(["explain", "--evidence", &message, &message]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.err);
    assert!(wrong.err.starts_with(&format!("error: {message}: ")), "{}", wrong.err);
}

/// Signed with the key `ed`, but the signature names `rsa`, or the key record of `ed` has been replaced.
#[test]
fn the_key_is_looked_for_elsewhere_or_that_is_said() {
    let lab = Lab::get();
    let key = lab.arg("ed.private");
    let sign = ["sign", "-d", "example.org", "-s", "next", "-k", &key];
    let signed = feed(sign, MESSAGE.as_bytes()).out;
    let message = lab.file("wrong-selector.eml", &signed);
    let zone = std::fs::read_to_string(lab.path("zone")).unwrap();
    // Another key is published at the selector that is named.
    let other = zone.lines().filter(|line| !line.starts_with("$ORIGIN")).collect::<Vec<_>>().join("\n");
    let other = other.replace("ed._domainkey", "gone._domainkey").replace("rsa._domainkey", "old._domainkey");
    let next =
        "next._domainkey IN TXT \"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n";
    let whole = lab.file("wrong-selector.zone", format!("{zone}\n{next}"));
    let found = waxseal(["explain", "--zone", &whole, "--selector", "ed", &message]);
    assert!(
        found.out.contains("wrong-selector (proved): the key of another selector made the signature: the key at ed._domainkey.example.org made it"),
        "{}", found.out
    );
    let elsewhere = lab.file("elsewhere.zone", format!("$ORIGIN example.org.\n{other}\n{next}"));
    let lost = waxseal(["explain", "--zone", &elsewhere, "--selector", "ed", &message]);
    assert!(lost.out.contains("none of the usual changes explains it"), "{}", lost.out);
    let case = lab.arg("wrong-selector.json");
    let kept = waxseal(["check", "--zone", &whole, "--save-evidence", &case, &message]);
    assert_eq!(kept.err, "");
    let note = "the keys of other selectors could not be looked up: one of them may have made the signature";
    let replayed = waxseal(["explain", "--evidence", &case, "--selector", "ed", &message]);
    assert!(replayed.out.contains(note) && !replayed.out.contains("wrong-selector ("), "{}", replayed.out);
    assert!(!lost.out.contains(note) && !found.out.contains(note), "{}", lost.out);
}

#[test]
fn one_of_two_keys_at_a_name_is_told() {
    let lab = Lab::get();
    let zone = std::fs::read_to_string(lab.path("zone")).unwrap();
    let second =
        "ed._domainkey IN TXT \"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n";
    let zone = lab.file("rotated.zone", format!("{zone}\n{second}"));
    let message = lab.file("rotated.eml", lab.signed("ed"));
    let done = waxseal(["explain", "--zone", &zone, &message]);
    assert!(done.out.contains("key-rotated (proved): another key than the one that counts made the signature: one of 2 keys at ed._domainkey.example.org made it"), "{}", done.out);
}

#[test]
fn the_message_tells_who_sent_it() {
    let done = explain("--envelope-from-header --now received");
    assert_eq!((done.code, &*done.err), (Some(0), ""), "{}", done.out);
    assert!(done.out.contains("spf=pass smtp.mailfrom=lists.example.com"), "{}", done.out);
    assert!(!done.out.contains("SPF was not checked"), "{}", done.out);
    let without = explain("");
    assert!(without.out.ends_with("\nSPF was not checked: --ip, --helo and --mail-from say who sent the message, --envelope-from-header reads it from there\n"), "{}", without.out);
    let zone = Lab::get().arg("zone");
    let undated = feed(["explain", "--zone", &zone, "--now", "received"], MESSAGE.as_bytes());
    assert!(undated.err.starts_with("note: verified as of now: "), "{}", undated.err);
    assert_eq!(explain("--ip 192.0.2.1").code, Some(2), "the envelope is given as a whole");
}

#[test]
fn the_next_step_is_named_also_where_nothing_happened_in_transit() {
    let lab = Lab::get();
    let zone = std::fs::read_to_string(lab.path("zone")).unwrap();
    let zone = zone.lines().filter(|line| !line.starts_with("$ORIGIN")).collect::<Vec<_>>().join("\n");
    let odd = zone.replace("ed._domainkey", "ed2._domainkey").replace("rsa._domainkey", "rsa2._domainkey");
    let odd =
        odd + "\nbad._domainkey IN TXT \"v=DKIM1; k=ed25519; p=!\"\nold._domainkey IN TXT \"v=DKIM1; p=\"\n";
    let odd = lab.file("odd.zone", format!("$ORIGIN example.org.\n{odd}"));
    let signed = lab.signed("ed");
    let named = |selector: &str| signed.replace("s=ed;", &format!("s={selector};"));
    let slow = json!({ "ed._domainkey.example.org": { "ERROR": "TIMEOUT" } });
    let slow = lab.file("slow-key.json", slow.to_string());
    let forged = signed.replace("Hi.", "Pay me.");
    let own = lab.arg("zone");
    for (message, zone, expected) in [
        (
            named("ed"),
            &odd,
            "publish the key record at the name of the key, or let the signer name the selector that has one",
        ),
        (signed.clone(), &slow, "a DNS server did not answer: try again later"),
        (
            named("bad"),
            &odd,
            "it is not the message but the key record: waxseal dkim lint shows what is wrong with it",
        ),
        (
            named("old"),
            &odd,
            "the key was revoked, so what it signed counts no more: sign with another selector",
        ),
        (
            signed.replace("DKIM-Signature: v=1;", "DKIM-Signature: v=2;"),
            &own,
            "the signature itself is malformed: the signer has to fix it",
        ),
        (
            forged,
            &own,
            "compare the message with a copy of the sender's: something unusual changed it on the way, or it is forged",
        ),
    ] {
        let done = feed(["explain", "--zone", zone, "-"], message.as_bytes());
        assert_eq!(done.code, Some(1), "{}", done.err);
        assert!(done.out.contains(&format!("\n    {expected}\n")), "{expected}: {}", done.out);
        if *zone == slow {
            assert!(done.out.contains("temperror (key lookup failed: DNS lookup timed out)"), "{}", done.out);
            assert!(
                done.out.contains("\n  the key record is at ed._domainkey.example.org\n"),
                "{}",
                done.out
            );
        }
        let is_changed = message.contains("Pay me.");
        assert_eq!(done.out.contains("none of the usual changes explains it"), is_changed, "{}", done.out);
        let json = feed(["explain", "--zone", zone, "--json", "-"], message.as_bytes());
        let row: Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!(row["signatures"][0]["advice"], expected);
    }
}
