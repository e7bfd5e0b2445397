use super::*;
use proptest::prelude::*;
use waxseal_crypto::default_provider;

fn sha256(octets: &[u8]) -> Digest {
    let mut hasher = default_provider().unwrap().hasher(HashAlgorithm::Sha256);
    hasher.update(octets);
    hasher.finish()
}

/// The canonical body by the letter of RFC 6376 §3.4.3 and §3.4.4.
fn slow(form: Canonicalization, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    if form == Canonicalization::Relaxed {
        let text: String = body.iter().map(|c| *c as char).collect();
        let lines = text.split("\r\n").map(|line| {
            let mut out = String::new();
            for c in line.replace('\t', " ").trim_end_matches(' ').chars() {
                if c != ' ' || !out.ends_with(' ') {
                    out.push(c);
                }
            }
            out
        });
        body = lines.collect::<Vec<_>>().join("\r\n").chars().map(|c| c as u8).collect();
    }
    while let Some(front) = body.strip_suffix(b"\r\n") {
        body = front.to_vec();
    }
    if form == Canonicalization::Simple || !body.is_empty() {
        body.extend_from_slice(b"\r\n");
    }
    body
}

fn sha256_of(canonicalization: Canonicalization, length: Option<u64>) -> BodyForm {
    BodyForm { canonicalization, hash: HashAlgorithm::Sha256, length }
}

fn check(body: &[u8], cuts: &[usize], length: Option<u64>) {
    for form in [Canonicalization::Simple, Canonicalization::Relaxed] {
        let mut hasher = BodyHasher::new(default_provider().unwrap());
        let wanted = sha256_of(form, length);
        hasher.want(wanted);
        hasher.want(wanted);
        assert_eq!(hasher.forms().collect::<Vec<_>>(), [wanted]);
        let mut last = 0;
        for cut in cuts.iter().copied().chain([body.len()]) {
            let cut = cut.clamp(last, body.len());
            hasher.push(&body[last..cut]);
            last = cut;
        }
        let hashes = hasher.finish();
        let expected = slow(form, body);
        let cut = length.map_or(expected.len(), |length| (length as usize).min(expected.len()));
        let found = hashes.get(&wanted).unwrap();
        assert_eq!(found.length(), expected.len() as u64, "{form} {} {cuts:?}", body.escape_ascii());
        assert_eq!(*found.digest(), sha256(&expected[..cut]), "{form} {} {cuts:?}", body.escape_ascii());
    }
}

#[test]
fn rfc6376_3_4_examples() {
    assert_eq!(slow(Canonicalization::Relaxed, b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n");
    assert_eq!(slow(Canonicalization::Simple, b" C \r\nD \t E\r\n\r\n\r\n"), b" C \r\nD \t E\r\n");
    assert_eq!(slow(Canonicalization::Relaxed, b""), b"");
    assert_eq!(slow(Canonicalization::Simple, b""), b"\r\n");
    for body in [
        &b""[..],
        b"\r\n",
        b" ",
        b" \r\n\t\r\n",
        b"\r",
        b"x\r",
        b"x \r",
        b"x\n",
        b"x \n y",
        b" C \r\nD \t E\r\n\r\n",
    ] {
        check(body, &[], None);
    }
}

/// RFC 6376 §3.4.3 and §3.4.4 give the hashes of an empty body.
#[test]
fn rfc6376_empty_body_hashes() {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let mut hasher = BodyHasher::new(default_provider().unwrap());
    let expected = [
        (Canonicalization::Simple, HashAlgorithm::Sha256, "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="),
        (Canonicalization::Simple, HashAlgorithm::Sha1, "uoq1oCgLlTqpdDX/iUbLy7J1Wic="),
        (Canonicalization::Relaxed, HashAlgorithm::Sha256, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        (Canonicalization::Relaxed, HashAlgorithm::Sha1, "2jmj7l5rSw0yVb/vlWAYkK/YBwk="),
    ];
    let expected = expected
        .map(|(canonicalization, hash, digest)| (BodyForm { canonicalization, hash, length: None }, digest));
    expected.iter().for_each(|(form, _)| hasher.want(*form));
    let hashes = hasher.finish();
    for (form, digest) in expected {
        assert_eq!(BASE64_STANDARD.encode(hashes.get(&form).unwrap().digest()), digest, "{form:?}");
    }
    assert_eq!(hashes.get(&sha256_of(Canonicalization::Simple, Some(1))), None);
    assert_eq!(hashes.iter().copied().collect::<BodyHashes>(), hashes);
}

#[test]
fn long_clean_text_and_changes_at_block_edges() {
    for at in [0, 1, 62, 63, 64, 65, 510, 511, 512, 513, 1023, 1024, 16382, 16383, 16384, 16385] {
        for change in [
            "\t",
            "  ",
            " \r\n",
            " \t \r\n",
            " \r",
            "\r\n ",
            "\n",
            " ",
            "\r\n         ",
            "       \t       \r\n",
        ] {
            let mut body = vec![b'x'; at];
            body.extend_from_slice(change.as_bytes());
            body.extend_from_slice(&[b'y'; 700]);
            check(&body, &[], None);
            check(&body, &[at, at + 1], None);
        }
    }
}

/// Many lengths at the edges of what is read, gathered and hashed in one go, at and behind the end, in both forms and for two
/// hash algorithms at once: each is what a hash of its own gives.
#[test]
fn lengths_at_the_edges_of_pieces_are_those_of_hashes_of_their_own() {
    let lines = b"base64+base64+base64+base64\r\n".repeat(150);
    let blank = [&b"a \t b  \r\n".repeat(300)[..], &b"\r\n".repeat(2100), b"x"].concat();
    let long = [&[b'x'; 2047][..], b"\r\n", &[b'y'; 4096], b" \t", &[b'z'; 2048]].concat();
    for body in [&lines[..], &blank, &long, &[&long[..], &blank, &lines].concat(), b"", b"\r\n \r\n"] {
        for chunk in [1021, 4096, body.len().max(1)] {
            check_many_lengths(body, chunk);
        }
    }
}

fn check_many_lengths(body: &[u8], chunk: usize) {
    let forms = [Canonicalization::Simple, Canonicalization::Relaxed];
    let algorithms = [HashAlgorithm::Sha256, HashAlgorithm::Sha1];
    let edges = [STEP / 2, STEP, 2 * STEP].into_iter().chain(forms.map(|form| slow(form, body).len()));
    let edges = edges.flat_map(|edge| (edge.saturating_sub(2)..edge + 3).rev());
    let lengths: Vec<_> =
        edges.chain([0, 1]).map(|length| Some(length as u64)).chain([None, Some(u64::MAX)]).collect();
    let mut hasher = BodyHasher::new(default_provider().unwrap());
    let mut wanted = Vec::new();
    for length in lengths {
        for (form, algorithm) in
            forms.into_iter().flat_map(|form| algorithms.map(|algorithm| (form, algorithm)))
        {
            let form = BodyForm { canonicalization: form, hash: algorithm, length };
            hasher.want(form);
            wanted.push(form);
        }
    }
    body.chunks(chunk).for_each(|chunk| hasher.push(chunk));
    let hashes = hasher.finish();
    for form in wanted {
        let expected = slow(form.canonicalization, body);
        let cut = form.length.map_or(expected.len(), |length| expected.len().min(length as usize));
        let mut own = default_provider().unwrap().hasher(form.hash);
        own.update(&expected[..cut]);
        let found = hashes.get(&form).unwrap();
        assert_eq!(*found.digest(), own.finish(), "{form:?}, chunks of {chunk}");
        assert_eq!(found.length(), expected.len() as u64);
    }
}

proptest! {
    /// Lengths that are taken on the way are those of hashes of their own.
    #[test]
    fn many_lengths_share_one_hash(
        body in "([xy ]|\t|\r|\n|\r\n|  ){0,40}",
        lengths in proptest::collection::vec(proptest::option::of(0u64..30), 1..9),
        cut in 0usize..40,
    ) {
        for form in [Canonicalization::Simple, Canonicalization::Relaxed] {
            let mut hasher = BodyHasher::new(default_provider().unwrap());
            lengths.iter().for_each(|length| hasher.want(sha256_of(form, *length)));
            let forms: Vec<_> = hasher.forms().collect();
            let body = body.as_bytes();
            let cut = cut.min(body.len());
            hasher.push(&body[..cut]);
            hasher.push(&body[cut..]);
            let hashes = hasher.finish();
            let expected = slow(form, body);
            for length in &lengths {
                let cut = length.map_or(expected.len(), |length| (length as usize).min(expected.len()));
                prop_assert_eq!(*hashes.get(&sha256_of(form, *length)).unwrap().digest(), sha256(&expected[..cut]));
                prop_assert!(forms.contains(&sha256_of(form, *length)));
            }
        }
    }

    #[test]
    fn every_chunking_gives_the_same(
        body in "([xy ]|\t|\r|\n|\r\n|  ){0,40}",
        cuts in proptest::collection::vec(0usize..60, 0..5),
        length in proptest::option::of(0u64..30),
    ) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        check(body.as_bytes(), &cuts, length);
    }

    #[test]
    fn long_bodies_too(
        parts in proptest::collection::vec(("[a-z]{1,90}( [a-z]{1,9}){0,20}", "([ \t]{0,3}\r\n){0,3}|[ \t]{1,20}"), 0..40),
        cut in 0usize..3000,
    ) {
        let body: String = parts.into_iter().map(|(text, white)| text + &white).collect();
        check(body.as_bytes(), &[cut], None);
    }
}
