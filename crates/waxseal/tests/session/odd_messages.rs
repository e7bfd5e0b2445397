//! Header blocks that parsers make different things of.

use super::*;

/// Pieces of header blocks that parsers make different things of, with whole fields among them.
fn odd_header() -> impl Strategy<Value = Vec<u8>> {
    let signature = String::from_utf8(signer("evil.example").sign(PLAIN, now()).unwrap().into_bytes());
    let pieces = [
        "From: u@evil.example",
        "From: Bank <ceo@bank.example>",
        "From : ceo@bank.example",
        "from:",
        "Subject: x",
        "X",
        ":",
        " ",
        "\t",
        "\r",
        "\n",
        "\r\n",
        "\r\n",
        "\r\n ",
        "\n\t",
        "\0",
        "\u{b}",
        "\u{feff}",
        "\"",
        "(",
        ")",
        "<",
        ">",
        ",",
        "@",
        "=?utf-8?q?ceo=40bank.example?=",
        "\u{fc}",
        "From u@evil.example",
        ">From: ceo@bank.example",
        "--b",
        "\r\n\r\n",
        "\n\n",
    ];
    let pieces: Vec<String> = pieces.map(String::from).into_iter().chain(signature).collect();
    let piece = proptest::sample::select(pieces).prop_map(String::into_bytes);
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// The octets may make no sense, but they make the same in every way that they may come. `check_by` replays the evidence.
    #[test]
    fn odd_messages_are_judged_the_same_whole_in_pieces_and_replayed(
        front in odd_header(), back in odd_header(), cuts in proptest::collection::vec(1usize..40, 0..12),
    ) {
        let message = [&front[..], b"\r\nFrom: u@evil.example\r\n", &back].concat();
        let all = all();
        let expected = whole(&all, &message);
        let mut session = all.begin(&sender(), now());
        let mut rest = &message[..];
        for cut in cuts {
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            session.push(chunk);
            rest = after;
        }
        session.push(rest);
        prop_assert_eq!(told(&finished(session)), told(&expected));
        by_field_is_the_same(&all, &message, &expected)?;
    }
}

/// Fields are handed over one by one as far as a field can be; one that can not makes a header that is refused, which never passes.
fn by_field_is_the_same(all: &Authenticator, message: &[u8], expected: &Report) -> Result<(), TestCaseError> {
    let Ok((header, body)) = Header::parse(message) else { return Ok(()) };
    let mut session = all.begin(&sender(), now());
    for field in header.fields() {
        session.field(field.name(), field.value(), Space::Kept).unwrap();
    }
    session.end_header();
    session.body(body);
    let report = finished(session);
    // Who hands over fields does not say how the line between header and body ended, which a sealer alone asks for.
    if report.header().is_ok_and(|handed| handed.as_bytes() == header.as_bytes()) {
        prop_assert_eq!(field_of(&report), field_of(expected));
        prop_assert_eq!(report.explain(), expected.explain());
    }
    let lost = report.disposition() == Disposition::None && expected.disposition() != Disposition::None;
    prop_assert!(!lost, "{}\n{}", report.explain(), expected.explain());
    Ok(())
}
