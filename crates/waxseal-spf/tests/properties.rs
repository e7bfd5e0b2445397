//! What holds for any record, any answers and any order of them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "the helpers of tests are tests")]

use proptest::{collection::vec, option, prelude::*, sample::select};
use std::{net::IpAddr, sync::LazyLock, time::SystemTime};
use waxseal_authres::SpfResult;
use waxseal_dns::{
    Answer, Answers, Check, DomainName, LookupError, Question, Record as Data, RecordType, Reply, Zone,
    drive_blocking,
};
use waxseal_spf::{
    DomainSpec, DualCidrLength, Limits, Mechanism, Modifier, Network, Qualifier, Record, RecordCache,
    SpfCheck, Term, Verdict,
    publish::{Flatten, Flattened},
};

fn spec() -> impl Strategy<Value = DomainSpec> {
    let pieces = vec(
        select(
            &[
                "a", "example", ".", "-", "%{d}", "%{ir}", "%{L2r+-}", "%{p}", "%%", "%_", "%-", "x/y",
                "_spf", "1", "!",
            ][..],
        ),
        0..6,
    );
    let end = select(&[".com", ".a-1", ".org.", "%{o}", "%{S3r.,}", "%%", ".museum"][..]);
    (pieces, end).prop_map(|(pieces, end)| (pieces.concat() + end).parse().unwrap())
}

fn mechanism() -> impl Strategy<Value = Mechanism> {
    let cidr = || (0..=32_u8, 0..=128_u8).prop_map(|(four, six)| DualCidrLength::new(four, six));
    let cidr = || prop_oneof![Just(DualCidrLength::default()), cidr()];
    prop_oneof![
        Just(Mechanism::All),
        spec().prop_map(Mechanism::Include),
        (option::of(spec()), cidr()).prop_map(|(spec, cidr)| Mechanism::A(spec, cidr)),
        (option::of(spec()), cidr()).prop_map(|(spec, cidr)| Mechanism::Mx(spec, cidr)),
        option::of(spec()).prop_map(Mechanism::Ptr),
        (any::<[u8; 4]>(), 0..=32_u8).prop_map(|(ip, length)| Mechanism::Ip(Network::new(ip, length))),
        (any::<[u16; 8]>(), 0..=128_u8).prop_map(|(ip, length)| Mechanism::Ip(Network::new(ip, length))),
        spec().prop_map(Mechanism::Exists),
    ]
}

fn term() -> impl Strategy<Value = Term> {
    let qualifier = select(&[Qualifier::Pass, Qualifier::Fail, Qualifier::SoftFail, Qualifier::Neutral][..]);
    let modifier =
        (select(&["ra", "rp", "rr", "x-a.b_c"][..]), select(&["", "all", "e:f", "%{d}", "a=b/c"][..]));
    prop_oneof![
        8 => (qualifier, mechanism()).prop_map(|(qualifier, mechanism)| Term::Directive(qualifier, mechanism)),
        1 => spec().prop_map(Term::Redirect),
        1 => spec().prop_map(Term::Exp),
        1 => modifier.prop_map(|(name, value)| Term::Unknown(Modifier::new(name, value).unwrap())),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    vec(term(), 0..9).prop_map(|terms| terms.into_iter().fold(Record::new(), Record::with_term))
}

/// Text near the grammar: most of it broken in one place or another.
fn near_record() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        12 => select(
            &[
                " ", "a", "mx", "ip4:", "ip6:", "include:", "exists:", "ptr", "all", "redirect=", "exp=", "x=", "%{d}", "%{p}", "%{",
                "}", "%", "r", ":", "/", "//", "24", "128", "0", "192.0.2.1", "2001:db8::1", "n0.example", "n1.example.", "-", "~", "?",
                "+", "=", ".", "v=spf1",
            ][..]
        )
        .prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 1..3),
    ];
    vec(piece, 0..14).prop_map(|pieces| [&b"v=spf1 "[..], &pieces.concat()].concat())
}

/// What a small world of DNS says: names n0.example to n3.example, and whatever else is asked.
fn world() -> impl Strategy<Value = Vec<Reply>> {
    let name = || {
        select(&["n0.example", "n1.example", "n2.example", "n3.example"][..])
            .prop_map(|name| name.parse::<DomainName>().unwrap())
    };
    let data = prop_oneof![
        (0..3_u8).prop_map(|n| Data::A([192, 0, 2, n].into())),
        (0..3_u16).prop_map(|n| Data::Aaaa([0x2001, 0xdb8, 0, 0, 0, 0, 0, n].into())),
        (0..3_u16, option::of(name())).prop_map(|(preference, host)| Data::Mx(preference, host)),
        name().prop_map(Data::Ptr),
        near_record().prop_map(|text| Data::Txt(text.into())),
        record().prop_map(|record| Data::Txt(record.to_string().into())),
        vec(any::<u8>(), 0..40).prop_map(|octets| Data::Txt(octets.into())),
    ];
    let reply = prop_oneof![
        12 => vec(data, 0..5).prop_map(|records| Ok(Answer::new(records))),
        1 => Just(Ok(Answer::nxdomain())),
        1 => Just(Err(LookupError::Timeout)),
        1 => Just(Err(LookupError::ServerFailure)),
    ];
    vec(reply, 1..12)
}

/// The same question has the same reply. Records of the type asked for come first; half of the time, alone.
fn answer(world: &[Reply], q: &Question) -> Reply {
    let sum =
        q.name.as_str().bytes().fold(q.kind as usize, |sum, c| sum.wrapping_mul(31).wrapping_add(c.into()));
    let mut reply = world[sum % world.len()].clone();
    if let Ok(answer) = &mut reply {
        let right = answer.records.iter().filter(|data| data.kind() == q.kind).cloned();
        if sum & 1 == 0 {
            answer.records = right.collect();
        } else if q.kind == RecordType::Txt {
            answer.records = right.take(1).collect();
        }
    }
    reply
}

static RECORDS: LazyLock<RecordCache> = LazyLock::new(RecordCache::default);

fn client() -> impl Strategy<Value = IpAddr> {
    select(&["192.0.2.1", "192.0.2.2", "2001:db8::1", "::ffff:192.0.2.1"][..])
        .prop_map(|ip| ip.parse().unwrap())
}

fn check(ip: IpAddr, sender: &[u8], helo: &[u8]) -> SpfCheck {
    SpfCheck::mail_from(ip, sender, helo, SystemTime::UNIX_EPOCH)
}

/// Answers one open question at a time, chosen by `order`.
fn shuffled(mut check: SpfCheck, world: &[Reply], order: &[usize]) -> Verdict {
    let mut dns = Answers::new();
    let mut open = Vec::new();
    let mut order = order.iter().cycle();
    loop {
        if let Ok(verdict) = check.run(&mut dns) {
            return verdict;
        }
        open.extend(dns.take_wanted());
        assert!(!open.is_empty(), "pending without a question");
        let question = open.swap_remove(order.next().unwrap() % open.len());
        let reply = answer(world, &question);
        dns.answer(question, reply);
    }
}

fn all_of(verdict: &Verdict) -> String {
    let counts = (verdict.lookups(), verdict.void_lookups(), verdict.queries(), verdict.depends_on_sender());
    format!(
        "{} {} {:?} {:?} {:?}",
        verdict.result(),
        verdict.reason(),
        verdict.explanation(),
        verdict.ttl(),
        counts
    )
}

/// A world of records that mostly can be flattened, and hosts.
fn flat_world() -> impl Strategy<Value = Zone> {
    let target = || prop_oneof![8 => select(&["n0.example", "n1.example", "n2.example", "n3.example"][..]), 1 => select(&["%{d}", "%{i}.%{d}", "%{l}.n1.example"][..])];
    let address = || (0..3_u8, 0..8_u8).prop_map(|(c, d)| format!("192.0.{c}.{d}"));
    let cidr = || select(&["", "", "/30", "/24", "//64"][..]);
    let mechanism = prop_oneof![
        6 => (address(), select(&["", "/31", "/29", "/24"][..])).prop_map(|(address, length)| format!("ip4:{address}{length}")),
        2 => (0..2_u8, 0..3_u8).prop_map(|(c, d)| format!("ip6:2001:db8:{c}::{d}")),
        3 => target().prop_map(|target| format!("include:{target}")),
        1 => (target(), cidr()).prop_map(|(target, cidr)| format!("a:{target}{cidr}")),
        1 => cidr().prop_map(|cidr| format!("a{cidr}")),
        1 => (target(), cidr()).prop_map(|(target, cidr)| format!("mx:{target}{cidr}")),
        1 => target().prop_map(|target| format!("exists:{target}")),
    ];
    let directive = (select(&["", "", "", "", "", "-", "?"][..]), mechanism)
        .prop_map(|(sign, text)| format!(" {sign}{text}"));
    let end = prop_oneof![
        3 => select(&[" -all", " ~all", " ?all", ""][..]).prop_map(str::to_owned),
        1 => target().prop_map(|target| format!(" redirect={target}")),
    ];
    let text = (vec(directive, 0..6), end)
        .prop_map(|(directives, end)| format!("v=spf1{}{end}", directives.concat()));
    let host = (vec(address(), 0..3), option::of(0..3_u8), vec(target(), 0..2));
    vec((text, host), 4).prop_map(|nodes| {
        let mut dns = Zone::new();
        for (n, (text, (ip4, ip6, exchangers))) in nodes.into_iter().enumerate() {
            let name = format!("n{n}.example");
            dns = dns.with_txt(&name, text).unwrap();
            for ip in ip4
                .iter()
                .map(|ip| ip.parse().unwrap())
                .chain(ip6.map(|d| format!("2001:db8:1::{d}").parse().unwrap()))
            {
                dns = dns.with_address(&name, ip).unwrap();
            }
            for host in exchangers.iter().filter(|host| host.ends_with(".example") && !host.contains('%')) {
                dns = dns.with_mx(&name, 10, host).unwrap();
            }
        }
        dns
    })
}

/// The zone of the flattened records, and of `dns` for all else.
fn over(dns: &Zone, flattened: &Flattened) -> impl Fn(&Question) -> Reply {
    let (dns, records) = (dns.clone(), flattened.records().to_vec());
    move |q: &Question| match records.iter().find(|(name, _)| *name == q.name && q.kind == RecordType::Txt) {
        Some((_, record)) => Ok(Answer::new([Data::Txt(record.to_string().into())])),
        None => dns.lookup(q),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_written_reads_back(record in record()) {
        prop_assert_eq!(Record::parse(record.to_string().as_bytes()), Ok(record));
    }

    #[test]
    fn what_is_read_is_written_and_reads_back(text in near_record()) {
        match Record::parse(&text) {
            Ok(record) => {
                let written = record.to_string();
                prop_assert_eq!(&Record::parse(written.as_bytes()).unwrap(), &record);
                prop_assert_eq!(Record::parse(written.as_bytes()).unwrap().to_string(), written);
            }
            Err(error) => {
                let at = text.get(error.offset()..).unwrap();
                prop_assert!(at.starts_with(error.term()), "{error}");
                prop_assert!(error.to_string().bytes().all(|c| (b' '..=b'~').contains(&c) && c != b'"'));
            }
        }
    }

    #[test]
    fn any_octets_are_read_without_panic(octets in vec(any::<u8>(), 0..200)) {
        let _ = Record::parse(&octets);
        let _ = Record::parse(&[b"v=spf1 ", octets.as_slice()].concat());
    }

    #[test]
    fn expanded_names_fit(spec in spec(), sender in vec(any::<u8>(), 0..600), ip in client()) {
        let check = check(ip, &sender, &sender);
        if let Ok(name) = check.expand(&spec, &"n0.example".parse().unwrap(), None) {
            prop_assert!(name.as_str().len() <= 253);
        }
    }

    #[test]
    fn verdicts_do_not_depend_on_the_order_of_answers(
        world in world(),
        ip in client(),
        sender in prop_oneof![
            9 => select(&["a@n0.example", "b-c+d@n1.example", "", "n2.example"][..]).prop_map(|text| text.as_bytes().to_vec()),
            1 => vec(any::<u8>(), 0..30),
        ],
        order in vec(any::<usize>(), 1..20),
    ) {
        let resolver = |q: &Question| answer(&world, q);
        let verdict = drive_blocking(check(ip, &sender, b"n3.example"), &resolver);
        prop_assert_eq!(all_of(&shuffled(check(ip, &sender, b"n3.example"), &world, &order)), all_of(&verdict));
        let ahead = shuffled(check(ip, &sender, b"n3.example").with_prefetch(true), &world, &order);
        prop_assert_eq!(all_of(&ahead), all_of(&verdict));
        // Nor does a cache of parsed records that has seen other records at the same names.
        let cached = || drive_blocking(check(ip, &sender, b"n3.example").with_record_cache(&RECORDS), &resolver);
        prop_assert_eq!(cached(), verdict.clone());
        prop_assert_eq!(cached(), verdict.clone());
        // A trace changes nothing, and two of them are the same.
        let traced = || shuffled(check(ip, &sender, b"n3.example").with_trace(true), &world, &order);
        let (first, second) = (traced(), drive_blocking(check(ip, &sender, b"n3.example").with_trace(true), &resolver));
        prop_assert_eq!(all_of(&first), all_of(&verdict));
        prop_assert_eq!(first.trace(), second.trace());
        if let Some(trace) = first.trace() {
            let first = trace.to_string().lines().next().unwrap().to_owned();
            let word = format!(": {}", verdict.result());
            prop_assert!(first.ends_with(&word), "{}", first);
            #[cfg(feature = "json")]
            {
                let json: serde_json::Value = serde_json::from_str(&trace.to_json()).unwrap();
                prop_assert_eq!(json["result"].as_str(), Some(verdict.result().as_str()));
            }
            prop_assert!(trace.to_string().is_ascii());
        }
        prop_assert!(verdict.queries() <= 100 && verdict.lookups() <= 10);
        prop_assert!(verdict.reason().bytes().all(|c| (b' '..=b'~').contains(&c) && c != b'"'));
        prop_assert!(verdict.received_spf(Some("mx.example")).to_field().is_ascii());
    }
    #[test]
    fn flattened_records_judge_alike(dns in flat_world(), max_bytes in select(&[90_usize, 450][..])) {
        let domain: DomainName = "n0.example".parse().unwrap();
        let flatten = Flatten::new(domain.clone()).with_max_bytes(max_bytes);
        let Ok(flattened) = drive_blocking(flatten.clone(), &dns) else { return Ok(()) };
        prop_assert_eq!(&drive_blocking(flatten, &dns.clone().cold()), &Ok(flattened.clone()));
        let flat = over(&dns, &flattened);
        let ip4 = (0..3).flat_map(|c| (0..9).map(move |d| format!("192.0.{c}.{d}")));
        for ip in ip4.chain((0..3).map(|d| format!("2001:db8:1::{d}"))) {
            let check = |limits: Limits| check(ip.parse().unwrap(), b"a@n0.example", b"h.example").with_limits(limits);
            let lax = Limits::default().with_max_void_lookups(99).with_max_terms(32);
            let before = drive_blocking(check(lax), &dns);
            if before.result() != SpfResult::PermError {
                prop_assert_eq!(drive_blocking(check(lax), &flat).result(), before.result(), "{} {:?}", ip, flattened);
            }
        }
    }
}
