//! Files that are not quite a message: what is odd about them is named.

use crate::{
    lab::{Lab, feed, waxseal},
    post::{Post, letter},
};

/// `verify` and `check` of the same file, with its name.
fn both(name: &str, text: impl AsRef<[u8]>) -> [(Option<i32>, String, String); 2] {
    let file = Lab::get().file(name, text);
    let zone = Lab::get().arg("zone");
    [waxseal(Lab::get().verify(&[&file])), waxseal(["check", "--zone", &zone, &file])]
        .map(|done| (done.code, done.out, done.err.replace(&file, "FILE")))
}

#[test]
fn what_stands_in_front_of_the_header_is_named() {
    let signed = Lab::get().signed("ed");
    for (name, front, remark) in [
        ("bom.eml", &b"\xEF\xBB\xBF"[..], "note: FILE begins with a byte order mark (EF BB BF)"),
        ("empty.eml", b"\r\n", "note: FILE begins with an empty line, so its header is empty"),
        ("empty-lf.eml", b"\n", "note: FILE begins with an empty line, so its header is empty"),
        ("utf16.eml", b"\xFF\xFE", "note: FILE begins with the byte order mark of UTF-16"),
        ("mbox.eml", b"From joe Thu Jan  1 00:00:00 1970\r\n", "note: FILE begins as an mbox file does"),
    ] {
        for (_, _, err) in both(name, [front, signed.as_bytes()].concat()) {
            assert!(err.starts_with(remark), "{name}: {err}");
        }
    }
    let json = waxseal(Lab::get().verify(&["--json", &Lab::get().file("json.eml", format!("\r\n{signed}"))]));
    assert!(json.err.contains("begins with an empty line") && json.out.contains(r#""dkim":[]"#), "{json:?}");
    for (code, _, err) in both("plain.eml", &signed) {
        assert_eq!((code, &*err), (Some(0), ""));
    }
}

/// The body of a message with CRLF line ends, in which a calendar has LF alone.
fn mixed(signed: &str) -> String {
    signed.replacen("Hi.\r\n\r\nJoe", "Hi.\n\nJoe", 1)
}

#[test]
fn bare_line_ends_are_blamed_where_they_are_to_blame() {
    let signed = Lab::get().signed("ed");
    let line = mixed(&signed).split_inclusive('\n').position(|line| !line.ends_with("\r\n")).unwrap() + 1;
    let [verify, check] = both("mixed.eml", mixed(&signed));
    let passes =
        format!("ith CRLF where line {line} ends in LF alone, by --line-ends repair, the signature passes");
    assert!(verify.1.contains(&passes) && !verify.1.contains("footer"), "{}", verify.1);
    assert!(check.2.contains(&passes), "{}", check.2);
    let repaired =
        Lab::get().verify(&["--line-ends", "repair", &Lab::get().file("mixed.eml", mixed(&signed))]);
    assert_eq!(waxseal(repaired).code, Some(0));
    // A pipe cannot be read twice.
    let piped = feed(Lab::get().verify(&[]), mixed(&signed).as_bytes());
    let advice = format!("  Where line {line} ends in LF alone, --line-ends repair reads CRLF.\n");
    assert!(piped.out.contains(&advice) && piped.out.contains("footer"), "{}", piped.out);
    // A CR in a file whose lines end in LF.
    let cr = signed.replace("\r\n", "\n").replacen("Hi.\n\nJoe", "Hi.\r\rJoe", 1);
    let [verify, check] = both("cr.eml", cr);
    assert!(verify.1.contains("ends in CR alone, by --line-ends repair, the"), "{}", verify.1);
    assert!(check.2.contains("ends in CR alone, by --line-ends repair, the"), "{}", check.2);
}

#[test]
fn bare_line_ends_are_not_blamed_for_what_others_did() {
    let changed = mixed(&Lab::get().signed("ed")).replace("Joe\r\n", "Joe\r\n-- \r\nfooter\r\n");
    let [verify, check] = both("footer.eml", changed);
    assert!(verify.1.contains("by a footer") && !verify.1.contains(" ends in "), "{}", verify.1);
    assert!(!check.2.contains(" ends in "), "{}", check.2);
    // Signed as it is, it passes as it is.
    let post = Post::get();
    let keep = letter("From: joe@example.org\r\n");
    let done = feed(post.stored(&[]), post.signed("example.org", &keep).as_bytes());
    assert_eq!((done.code, &*done.err), (Some(0), ""));
}

#[test]
fn a_selector_that_is_the_name_of_a_record_is_told() {
    let signed = Lab::get().signed("ed");
    for s in ["ed._domainkey", "ed._domainkey.example.org"] {
        let done = feed(Lab::get().verify(&[]), signed.replace("s=ed;", &format!("s={s};")).as_bytes());
        assert_eq!(done.code, Some(1));
        assert!(
            done.out.contains("s= must be only the selector: _domainkey and the domain are added"),
            "{s}: {}",
            done.out
        );
    }
}

#[test]
fn nothing_is_not_a_message() {
    for verb in ["verify", "check --zone /dev/null"] {
        let done = feed(crate::lab::words(verb), b"");
        assert_eq!(done.code, Some(1), "{verb}: {done:?}");
        assert_eq!(done.err, "note: (standard input) is empty: a message is expected\n", "{verb}");
    }
    let sign = feed(Lab::get().sign("ed", &[]), b"");
    assert_eq!((sign.code, &*sign.out), (Some(2), ""));
    assert_eq!(sign.err, "error: standard input is empty: a message is expected\n");
    let dir = Lab::get().path("PlainFolder");
    std::fs::create_dir_all(&dir).unwrap();
    let done = waxseal(["check", "--zone", "/dev/null", dir.to_str().unwrap()]);
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("check --maildir is for folders with new/ and cur/"), "{}", done.err);
}
