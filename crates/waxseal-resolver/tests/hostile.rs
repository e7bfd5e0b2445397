//! Servers that are broken, slow or hostile.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::{
    Asked, Out, Server, Transport, ask, cname, coded, name, question, response, soa, stub, texts, txt,
};
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{RData, Record as WireRecord, rdata},
};
use std::{
    collections::HashSet,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use waxseal_dns::{Answer, Dnssec, LookupError, Question, Record, Reply, ResolveBlocking};

/// TXT answers with the time to live of `texts`.
fn answer(texts: &[&[u8]]) -> Reply {
    let records: Vec<_> = texts.iter().map(|text| Record::Txt(text.to_vec().into())).collect();
    Ok(Answer::new(records).with_ttl(Duration::from_secs(300)))
}

fn ask_one(server: &Server, text: &str) -> Reply {
    ask(&[server.address], &question(text))
}

#[test]
fn a_plain_answer() {
    let server = Server::start(|asked| txt(&asked.query, "v=spf1 -all"));
    assert_eq!(ask_one(&server, "example.org"), answer(&[b"v=spf1 -all"]));
}

#[test]
fn what_is_cut_off_comes_over_tcp() {
    let long = vec![b'x'; 64_000];
    let text = long.clone();
    let server = Server::start(move |asked| match asked.transport {
        Transport::Udp => {
            let mut cut = response(&asked.query);
            cut.metadata.truncation = true;
            vec![Out::Message(cut)]
        }
        Transport::Tcp => vec![Out::Message(texts(&asked.query, &[&text]))],
    });
    assert_eq!(ask_one(&server, "example.org"), answer(&[&long]));
}

#[test]
fn cut_off_in_the_middle_of_a_record() {
    let server = Server::start(|asked| match asked.transport {
        Transport::Udp => {
            let mut octets = texts(&asked.query, &[&[b'x'; 200]]).to_vec().unwrap();
            octets[2] |= 0x02;
            octets.truncate(100);
            vec![Out::Raw(octets)]
        }
        Transport::Tcp => txt(&asked.query, "whole"),
    });
    // Stub only: hickory waits for a datagram that it can read.
    assert_eq!(server.stub().resolve_blocking(&question("example.org")), answer(&[b"whole"]));
}

#[test]
fn cut_off_over_tcp_too() {
    let server = Server::start(|asked| {
        let mut cut = response(&asked.query);
        cut.metadata.truncation = true;
        vec![Out::Message(cut)]
    });
    assert_eq!(ask_one(&server, "example.org"), Err(LookupError::Malformed));
}

#[test]
fn other_ids_and_other_questions_are_not_looked_at() {
    let server = Server::start(|asked| {
        let mut wrong_id = texts(&asked.query, &[b"forged"]);
        wrong_id.metadata.id ^= 1;
        let mut wrong_name = texts(&asked.query, &[b"forged"]);
        wrong_name.queries[0].name = name("example.com.");
        let mut wrong_type = texts(&asked.query, &[b"forged"]);
        wrong_type.queries[0].query_type = hickory_proto::rr::RecordType::A;
        let mut no_question = texts(&asked.query, &[b"forged"]);
        no_question.queries.clear();
        let query_again = asked.query.clone();
        let mut out: Vec<_> =
            [wrong_id, wrong_name, wrong_type, no_question, query_again].map(Out::Message).into();
        out.extend([Out::Raw(Vec::new()), Out::Raw(vec![0; 5])]);
        out.extend(txt(&asked.query, "true"));
        out
    });
    assert_eq!(server.stub().resolve_blocking(&question("example.org")), answer(&[b"true"]));
}

#[test]
fn datagrams_from_elsewhere_are_not_heard() {
    let server = Server::start(|asked| {
        let elsewhere = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let forged = texts(&asked.query, &[b"forged"]).to_vec().unwrap();
        // The target's socket is connected, so this one may be refused; either way nobody hears it.
        let _ = elsewhere.send_to(&forged, asked.from);
        [vec![Out::Pause(Duration::from_millis(30))], txt(&asked.query, "true")]
            .into_iter()
            .flatten()
            .collect()
    });
    assert_eq!(ask_one(&server, "example.org"), answer(&[b"true"]));
}

#[test]
fn only_forged_answers_are_a_timeout() {
    let server = Server::start(|asked| {
        let mut wrong_id = texts(&asked.query, &[b"forged"]);
        wrong_id.metadata.id ^= 0x8000;
        vec![Out::Message(wrong_id)]
    });
    assert_eq!(server.stub().resolve_blocking(&question("example.org")), Err(LookupError::Timeout));
}

#[test]
fn silence_is_a_timeout_within_the_limits() {
    let server = Server::start(|_| Vec::new());
    let start = Instant::now();
    assert_eq!(ask_one(&server, "example.org"), Err(LookupError::Timeout));
    assert!(start.elapsed() >= Duration::from_millis(800));
    let stub =
        server.stub().with_timeout(Duration::from_secs(60)).with_lookup_timeout(Duration::from_millis(100));
    let start = Instant::now();
    assert_eq!(stub.resolve_blocking(&question("example.org")), Err(LookupError::Timeout));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_dribbling_tcp_server_does_not_hold_us() {
    let server = Server::start(|asked| match asked.transport {
        Transport::Udp => {
            let mut cut = response(&asked.query);
            cut.metadata.truncation = true;
            vec![Out::Message(cut)]
        }
        Transport::Tcp => {
            let dribble = (0..100).flat_map(|_| [Out::Raw(vec![1]), Out::Pause(Duration::from_millis(50))]);
            dribble.collect()
        }
    });
    let start = Instant::now();
    assert_eq!(server.stub().resolve_blocking(&question("example.org")), Err(LookupError::Timeout));
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[test]
fn failures_stay_apart() {
    for code in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::NotAuth] {
        let server = Server::start(move |asked| coded(&asked.query, code));
        assert_eq!(ask_one(&server, "example.org"), Err(LookupError::ServerFailure), "{code}");
    }
    let closed = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let refused = stub([closed]).resolve_blocking(&question("example.org"));
    assert!(matches!(refused, Err(LookupError::Other(_) | LookupError::Timeout)), "{refused:?}");
}

#[test]
fn nxdomain_and_nodata_stay_apart_with_the_ttl_of_the_soa() {
    let server = Server::start(|asked| {
        let mut message = response(&asked.query);
        let asked = message.queries[0].name.to_string().to_lowercase();
        if asked.starts_with("gone") {
            message.metadata.response_code = ResponseCode::NXDomain;
        }
        match asked.split('.').nth(1) {
            Some("soa") => drop(message.add_authority(soa("example.", 60, 3_600))),
            Some("minimum") => drop(message.add_authority(soa("example.", 3_600, 30))),
            Some("huge") => drop(message.add_authority(soa("example.", u32::MAX, u32::MAX))),
            _ => {}
        }
        vec![Out::Message(message)]
    });
    let ttl = |answer: Answer, seconds| Ok(answer.with_ttl(Duration::from_secs(seconds)));
    assert_eq!(ask_one(&server, "gone.soa.example"), ttl(Answer::nxdomain(), 60));
    assert_eq!(ask_one(&server, "here.soa.example"), ttl(Answer::nodata(), 60));
    assert_eq!(ask_one(&server, "gone.minimum.example"), ttl(Answer::nxdomain(), 30));
    assert_eq!(ask_one(&server, "gone.none.example"), Ok(Answer::nxdomain()));
    assert_eq!(ask_one(&server, "here.none.example"), Ok(Answer::nodata()));
    // RFC 2181 §8: the most significant bit makes it zero.
    assert_eq!(server.stub().resolve_blocking(&question("gone.huge.example")), ttl(Answer::nxdomain(), 0));
}

#[test]
fn a_referral_is_a_server_failure() {
    let server = Server::start(|asked| {
        let mut message = response(&asked.query);
        message.metadata.recursion_available = false;
        let delegate = rdata::NS(name("ns.example."));
        message.add_authority(WireRecord::from_rdata(name("example."), 60, RData::NS(delegate)));
        vec![Out::Message(message)]
    });
    assert_eq!(ask_one(&server, "a.example"), Err(LookupError::ServerFailure));
}

#[test]
fn aliases_within_and_across_answers() {
    let queries = Arc::<AtomicUsize>::default();
    let count = queries.clone();
    let server = Server::start(move |asked| {
        count.fetch_add(1, Relaxed);
        let mut message = response(&asked.query);
        match message.queries[0].name.to_string().to_lowercase().as_str() {
            "whole.example." => {
                message.add_answer(cname("whole.example.", "mid.example.", 600));
                message.add_answer(cname("mid.example.", "end.example.", 20));
                let text = texts(&asked.query, &[b"x"]).answers.remove(0).data;
                message.add_answer(WireRecord::from_rdata(name("END.example."), 300, text));
            }
            "part.example." => drop(message.add_answer(cname("part.example.", "next.example.", 20))),
            "next.example." => return txt(&asked.query, "y"),
            "gone.example." => {
                message.add_answer(cname("gone.example.", "nowhere.example.", 20));
                message.add_authority(soa("example.", 60, 60));
                message.metadata.response_code = ResponseCode::NXDomain;
            }
            // The last of the chain is another server's.
            "away.example." => drop(message.add_answer(cname("away.example.", "lost.example.", 20))),
            "lost.example." => {
                message.add_authority(soa("example.", 60, 60));
                message.metadata.response_code = ResponseCode::NXDomain;
            }
            "root.example." => drop(message.add_answer(cname("root.example.", ".", 20))),
            "." => drop(message.add_authority(soa(".", 60, 60))),
            "empty.example." => {
                message.add_answer(cname("empty.example.", "void.example.", 600));
                message.add_authority(soa("example.", 60, 60));
            }
            _ => message.metadata.response_code = ResponseCode::ServFail,
        }
        vec![Out::Message(message)]
    });
    let shortened = |reply: Reply, ttl| reply.map(|answer| answer.with_ttl(Duration::from_secs(ttl)));
    assert_eq!(ask_one(&server, "whole.example"), shortened(answer(&[b"x"]), 20));
    assert_eq!(ask_one(&server, "part.example"), shortened(answer(&[b"y"]), 20));
    // RFC 8020 §2: the last of the chain does not exist, the name asked about does.
    assert_eq!(ask_one(&server, "gone.example"), shortened(Ok(Answer::nodata()), 20));
    assert_eq!(ask_one(&server, "away.example"), shortened(Ok(Answer::nodata()), 20));
    assert_eq!(ask_one(&server, "root.example"), shortened(Ok(Answer::nodata()), 20));
    assert_eq!(ask_one(&server, "empty.example"), shortened(Ok(Answer::nodata()), 60));
    let resolvers = if cfg!(feature = "hickory") { 2 } else { 1 };
    assert_eq!(queries.load(Relaxed), 9 * resolvers);
}

#[test]
fn alias_loops_end() {
    let server = Server::start(|asked| {
        let mut message = response(&asked.query);
        let asked = message.queries[0].name.to_string().to_lowercase();
        match asked.split('.').next().and_then(|label| label.strip_prefix('n')) {
            // Every answer points on.
            Some(n) => {
                let next = n.parse::<u32>().unwrap() + 1;
                message.add_answer(cname(&asked, &format!("n{next}.example."), 60));
            }
            // Both ends in one answer.
            None => {
                message.add_answer(cname("loop.example.", "pool.example.", 60));
                message.add_answer(cname("pool.example.", "loop.example.", 60));
            }
        }
        vec![Out::Message(message)]
    });
    assert_eq!(ask_one(&server, "loop.example"), Err(LookupError::ServerFailure));
    assert_eq!(ask_one(&server, "n0.example"), Err(LookupError::ServerFailure));
}

/// One response with the last record's octets changed by `spoil`, over both transports.
fn spoilt(spoil: impl Fn(&mut Vec<u8>) + Send + Sync + Clone + 'static) -> Reply {
    let server = Server::start(move |asked| {
        let mut octets = texts(&asked.query, &[b"0123456789"]).to_vec().unwrap();
        spoil(&mut octets);
        let len = u16::try_from(octets.len()).unwrap().to_be_bytes();
        match asked.transport {
            Transport::Udp => vec![Out::Raw(octets)],
            Transport::Tcp => vec![Out::Raw([&len[..], &octets].concat())],
        }
    });
    ask_one(&server, "example.org")
}

#[test]
fn lying_lengths_are_malformed() {
    // ... TYPE CLASS TTL RDLENGTH(2) strlen(1) "0123456789"
    let set = |from_end: usize, value: u8| {
        move |octets: &mut Vec<u8>| {
            let at = octets.len() - from_end;
            octets[at] = value;
        }
    };
    assert_eq!(spoilt(set(12, 200)), Err(LookupError::Malformed), "RDLENGTH beyond the end");
    assert_eq!(spoilt(set(13, 255)), Err(LookupError::Malformed), "RDLENGTH far beyond the end");
    assert_eq!(spoilt(set(12, 5)), Err(LookupError::Malformed), "RDLENGTH shorter than the string");
    assert_eq!(spoilt(set(11, 255)), Err(LookupError::Malformed), "string longer than RDLENGTH");
    assert_eq!(spoilt(|octets| octets.truncate(30)), Err(LookupError::Malformed), "the end is missing");
    assert_eq!(spoilt(|octets| octets[6] = 0xff), Err(LookupError::Malformed), "65,281 answers announced");
    // The owner name points at itself.
    let pointer_loop = |octets: &mut Vec<u8>| {
        let at = octets.len() - 23;
        octets[at] = 0xc0;
        octets[at + 1] = u8::try_from(at).unwrap();
    };
    assert_eq!(spoilt(pointer_loop), Err(LookupError::Malformed), "compression loop");
    assert_eq!(spoilt(|_| {}), answer(&[b"0123456789"]), "the unspoilt one");
}

#[test]
fn any_octets_after_the_id_are_an_error_or_an_answer() {
    let seed = AtomicUsize::new(1);
    let server = Server::start(move |asked| {
        let mut octets = texts(&asked.query, &[b"0123456789", b"x"]).to_vec().unwrap();
        // A different octet each time, everything but the id.
        let n = seed.fetch_add(1, Relaxed);
        let at = 2 + n % (octets.len() - 2);
        octets[at] = octets[at].wrapping_add(u8::try_from(1 + n / 100 % 255).unwrap());
        vec![Out::Raw(octets)]
    });
    let stub = server.stub().with_timeout(Duration::from_millis(5)).with_attempts(1);
    let questions = vec![question("example.org"); 400];
    let replies = stub.resolve_all_blocking(&questions, None);
    assert!(replies.iter().any(Result::is_ok));
    assert!(replies.contains(&Err(LookupError::Malformed)));
}

#[test]
fn tcp_that_ends_early_is_malformed() {
    let server = Server::start(|asked| match asked.transport {
        Transport::Udp => {
            let mut cut = response(&asked.query);
            cut.metadata.truncation = true;
            vec![Out::Message(cut)]
        }
        Transport::Tcp => vec![Out::Raw(vec![0xff, 0xff, 1, 2, 3]), Out::Close],
    });
    assert_eq!(server.stub().resolve_blocking(&question("example.org")), Err(LookupError::Malformed));
}

#[test]
fn a_server_that_loses_the_case_is_asked_over_tcp() {
    let over_tcp = Arc::<AtomicUsize>::default();
    let count = over_tcp.clone();
    let server = Server::start(move |asked| {
        count.fetch_add(usize::from(asked.transport == Transport::Tcp), Relaxed);
        let mut message = texts(&asked.query, &[b"x"]);
        message.queries[0].name = message.queries[0].name.to_lowercase();
        vec![Out::Message(message)]
    });
    let long = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz.example";
    assert_eq!(ask_one(&server, long), answer(&[b"x"]));
    assert!(over_tcp.load(Relaxed) > 0);
}

#[test]
fn a_server_without_edns_is_asked_without() {
    let server = Server::start(|asked| match asked.query.edns {
        Some(_) => coded(&asked.query, ResponseCode::FormErr),
        None => txt(&asked.query, "old"),
    });
    assert_eq!(ask_one(&server, "example.org"), answer(&[b"old"]));
}

#[test]
fn edns_says_1232() {
    let server = Server::start(|asked| {
        let size = asked.query.edns.as_ref().map_or(0, |edns| edns.max_payload());
        txt(&asked.query, &size.to_string())
    });
    assert_eq!(ask_one(&server, "example.org"), answer(&[b"1232"]));
}

#[test]
fn the_next_server_is_asked() {
    let good = Server::start(|asked| txt(&asked.query, "good"));
    let silent = Server::start(|_| Vec::new());
    let failing = Server::start(|asked| coded(&asked.query, ResponseCode::ServFail));
    let servers =
        |first: &Server| stub([first.address, good.address]).with_timeout(Duration::from_millis(300));
    for first in [&silent, &failing] {
        assert_eq!(servers(first).resolve_blocking(&question("example.org")), answer(&[b"good"]));
    }
    // Of several failures the most telling is reported.
    let none = stub([failing.address, silent.address]);
    assert_eq!(none.resolve_blocking(&question("example.org")), Err(LookupError::ServerFailure));
}

#[test]
fn a_lost_datagram_is_sent_again() {
    let queries = AtomicUsize::new(0);
    let server = Server::start(move |asked| match queries.fetch_add(1, Relaxed) % 2 {
        0 => Vec::new(),
        _ => txt(&asked.query, "second"),
    });
    assert_eq!(server.stub().resolve_blocking(&question("example.org")), answer(&[b"second"]));
}

#[test]
fn servers_take_turns_when_asked_to() {
    let servers = ["a", "b"].map(|text| Server::start(move |asked| txt(&asked.query, text)));
    let stub = stub(servers.iter().map(|server| server.address)).with_rotation(true);
    let replies: Vec<_> = (0..4).map(|_| stub.resolve_blocking(&question("example.org"))).collect();
    assert_eq!(replies, [b"a", b"b", b"a", b"b"].map(|text| answer(&[text])));
}

#[test]
fn ids_ports_and_case_are_fresh() {
    let seen = Arc::<Mutex<Vec<(u16, u16, String)>>>::default();
    let record = seen.clone();
    let server = Server::start(move |asked| {
        let name = asked.query.queries[0].name.to_string();
        record.lock().unwrap().push((asked.query.metadata.id, asked.from.port(), name));
        txt(&asked.query, "x")
    });
    let stub = server.stub();
    for _ in 0..30 {
        assert!(stub.resolve_blocking(&question("a-long-name-with-letters.example")).is_ok());
    }
    let seen = seen.lock().unwrap();
    assert!(seen.iter().map(|(id, ..)| id).collect::<HashSet<_>>().len() > 25);
    assert!(seen.iter().map(|(_, port, _)| port).collect::<HashSet<_>>().len() > 25);
    assert!(seen.iter().map(|(.., name)| name).collect::<HashSet<_>>().len() > 25);
}

#[test]
fn the_ad_bit_counts_only_when_trusted() {
    let server = Server::start(|asked| {
        let mut message = texts(&asked.query, &[b"x"]);
        message.metadata.authentic_data = asked.query.metadata.authentic_data;
        vec![Out::Message(message)]
    });
    let state =
        |stub: waxseal_resolver::Stub| stub.resolve_blocking(&question("example.org")).unwrap().dnssec;
    assert_eq!(state(server.stub()), Dnssec::Indeterminate);
    assert_eq!(state(server.stub().with_trusted_ad(true)), Dnssec::Secure);
    #[cfg(feature = "hickory")]
    {
        let dns = common::hickory([server.address]).with_trusted_ad(true);
        let answer = common::block_on(waxseal_dns::Resolve::resolve(&dns, &question("example.org"))).unwrap();
        assert_eq!(answer.dnssec, Dnssec::Secure);
    }
    let lying = Server::start(|asked| {
        let mut message = texts(&asked.query, &[b"x"]);
        message.metadata.authentic_data = true;
        vec![Out::Message(message)]
    });
    assert_eq!(state(lying.stub()), Dnssec::Indeterminate);
    // A server that validates and does not set the bit has found nothing that protects the answer.
    let plain = Server::start(|asked| vec![Out::Message(texts(&asked.query, &[b"x"]))]);
    assert_eq!(state(plain.stub()), Dnssec::Indeterminate);
    assert_eq!(state(plain.stub().with_trusted_ad(true)), Dnssec::Insecure);
}

#[test]
fn names_with_odd_octets_survive_escaped() {
    let server = Server::start(|asked| {
        let mut message = response(&asked.query);
        let owner = message.queries[0].name.clone();
        for labels in
            [&[&b"a b"[..], b"c\\.d", b"e\xff\n"][..], &[&[0; 63][..], &[0; 63], &[0; 63]], &[b"plain"]]
        {
            let target = hickory_proto::rr::Name::from_labels(labels.iter().copied()).unwrap();
            message.add_answer(WireRecord::from_rdata(owner.clone(), 60, RData::PTR(rdata::PTR(target))));
        }
        vec![Out::Message(message)]
    });
    let ptr = Question::ptr(Ipv4Addr::new(192, 0, 2, 1).into());
    let answer = ask(&[server.address], &ptr).unwrap();
    let names = answer.records.iter().map(|record| match record {
        Record::Ptr(name) => name.as_str(),
        other => panic!("{other}"),
    });
    // The second would be longer than a name can be.
    assert_eq!(names.collect::<Vec<_>>(), ["a b.c\\092\\046d.e\\255\\010", "plain"]);
    // Zone-file text: what the name holds is escaped once more.
    assert_eq!(answer.records[0].to_string(), r"a\032b.c\\092\\046d.e\\255\\010.");
}

#[test]
fn questions_of_a_round_are_asked_at_once() {
    let server = Server::start(|asked| {
        let name = asked.query.queries[0].name.to_string().to_lowercase();
        [vec![Out::Pause(Duration::from_millis(150))], txt(&asked.query, &name)]
            .into_iter()
            .flatten()
            .collect()
    });
    let questions: Vec<_> = (0..20).map(|n| question(&format!("n{n}.example"))).collect();
    let stub = server.stub().with_timeout(Duration::from_secs(3));
    let start = Instant::now();
    let replies = stub.resolve_all_blocking(&questions, None);
    assert!(start.elapsed() < Duration::from_millis(1_500), "{:?}", start.elapsed());
    for (n, reply) in replies.into_iter().enumerate() {
        assert_eq!(reply, answer(&[format!("n{n}.example.").as_bytes()]));
    }
    let start = Instant::now();
    stub.with_concurrency(0).resolve_all_blocking(&questions[..2], None);
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[test]
fn records_of_other_names_types_and_classes_are_not_the_answer() {
    let server = Server::start(|asked: &Asked| {
        let mut message: Message = texts(&asked.query, &[b"mine"]);
        let text = message.answers[0].data.clone();
        message.add_answer(WireRecord::from_rdata(name("other.example."), 1, text));
        let address = RData::A(rdata::A(Ipv4Addr::LOCALHOST));
        message.add_answer(WireRecord::from_rdata(message.queries[0].name.clone(), 1, address));
        vec![Out::Message(message)]
    });
    assert_eq!(ask_one(&server, "example.org"), answer(&[b"mine"]));
}

#[test]
fn addresses_of_servers_are_needed() {
    let none: [SocketAddr; 0] = [];
    assert!(
        matches!(waxseal_resolver::Stub::new(none), Err(error) if error.to_string() == "no DNS server given")
    );
}
