//! `waxseal demo`

use crate::lab::waxseal;

#[test]
fn the_demonstration_shows_what_it_says() {
    let done = waxseal(["demo"]);
    assert_eq!((done.code, &*done.err), (Some(0), ""), "{}", done.out);
    let steps: Vec<_> = ["1. ", "2. ", "3. ", "4. "]
        .map(|step| done.out.find(&format!("\n{step}")).unwrap_or_default())
        .into_iter()
        .chain([done.out.len()])
        .collect();
    let expected = [
        (
            "lists.example.com",
            "deliver",
            "pass",
            ["dkim=pass header.d=example.org header.s=2026e", "arc=none"],
        ),
        (
            "mx.example.net",
            "quarantine",
            "fail",
            ["dkim=fail header.d=example.org header.s=2026e (body hash", "arc=pass i=1"],
        ),
        (
            "mx.example.net",
            "deliver",
            "fail",
            ["disposition none in place of quarantine: a trusted", "arc=pass i=1"],
        ),
        ("mx.example.net", "quarantine", "fail", ["dkim=fail header.d=lists.example.com", "arc=fail i=1"]),
    ];
    for (step, (authserv_id, disposition, dmarc, lines)) in steps.windows(2).zip(expected) {
        let text = &done.out[step[0]..step[1]];
        assert!(text.contains(&format!("\nAuthentication-Results: {authserv_id};\n")), "{text}");
        assert!(text.contains(&format!("\nmessage  {disposition} ")), "{text}");
        assert!(text.contains(&format!("\ndmarc={dmarc} (")), "{text}");
        assert!(lines.iter().all(|line| text.contains(&format!("\n{line}"))), "{text}");
    }
    // The same each time.
    assert_eq!(waxseal(["demo"]).out, done.out);
}
