//! `waxseal demo`

use crate::lab::waxseal;

#[test]
fn the_demonstration_shows_what_it_says() {
    let done = waxseal(["demo"]);
    assert_eq!((done.code, &*done.err), (Some(0), ""), "{}", done.out);
    let count = |text: &str| done.out.matches(text).count();
    assert_eq!(count("DKIM-Signature: "), 2, "{}", done.out);
    assert_eq!(count("  pass d=example.org"), 2);
    assert_eq!(count("  fail d=example.org"), 4);
    assert_eq!(count("body hash does not match: signed "), 2);
    assert_eq!(count("\tdkim=pass "), 2);
}
