//! Authentication-Results and Received-SPF: no value leaves its place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxseal_authres::{
    AuthenticationResults, DkimResult, Entry, Ptype, ReceivedSpf, ReceivedSpfStyle, SpfResult,
};
use waxseal_fuzz::assert_is_one_field;

type Property<'a> = (u8, &'a str, &'a [u8]);

fuzz_target!(|input: (&[u8], Vec<(Option<&[u8]>, Option<&[u8]>, Vec<Property<'_>>)>)| {
    let (id, entries) = input;
    let mut results = AuthenticationResults::new(id);
    let mut received = ReceivedSpf::new(SpfResult::Fail).with_comment(id);
    for (reason, comment, properties) in &entries {
        let mut entry = Entry::dkim(DkimResult::Pass);
        if let Some(reason) = reason {
            entry = entry.with_reason(reason);
        }
        if let Some(comment) = comment {
            entry = entry.with_comment(comment);
        }
        for (ptype, name, value) in properties {
            let known = [Ptype::Smtp, Ptype::Header, Ptype::Body, Ptype::Policy];
            let known = known.get(usize::from(ptype % 5)).copied().map(std::borrow::Cow::from);
            let ptype = known.unwrap_or_else(|| name.to_string().into());
            entry = entry.with_property(ptype, name.to_string(), value);
            received = received.with_pair(name.to_string(), value);
        }
        results = results.with_entry(entry);
    }
    let field = results.to_field();
    assert_is_one_field(&field);
    let bare = outside(field.split_once(':').expect("a name").1);
    assert_eq!(bare.matches(';').count(), entries.len().max(1), "{field}");
    assert_eq!(bare.matches("dkim=pass").count(), entries.len(), "{field}");
    assert!(!results.to_string().contains(['\r', '\n']));
    let field = received.to_field();
    assert_is_one_field(&field);
    outside(field.split_once(':').expect("a name").1);
    // One line, however long.
    let line = received.with_style(ReceivedSpfStyle::PolicydSpf).to_field();
    let line = line.strip_suffix("\r\n").expect("the field ends in CRLF");
    assert!(line.bytes().all(|c| matches!(c, b' '..=b'~')), "{line}");
    outside(line.split_once(':').expect("a name").1);
});

/// What stands outside of quoted strings and comments, all of which are closed.
fn outside(value: &str) -> String {
    let (mut bare, mut quoted, mut depth, mut octets) = (String::new(), false, 0, value.chars());
    while let Some(c) = octets.next() {
        match c {
            '\\' if quoted || depth > 0 => assert!(octets.next().is_some()),
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => {
                assert!(depth > 0, "{value}");
                depth -= 1;
            }
            c if !quoted && depth == 0 => bare.push(c),
            _ => {}
        }
    }
    assert!(!quoted && depth == 0, "{value}");
    bare
}
