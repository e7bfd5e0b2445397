//! Servers that keep a check waiting: it ends with its time limit, with what came before, and its errors name the server.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "the helpers of tests are tests")]

mod common;

use common::{Asked, Out, Server, Transport, cname, coded, question, response, txt};
use hickory_proto::op::ResponseCode;
use std::{
    error::Error,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use waxseal_dns::{
    Answers, Check, DomainName, LookupError, LookupErrorKind, Pending, Question, Reply, ResolveBlocking,
    drive_blocking_within,
};
use waxseal_resolver::Stub;

const LIMIT: Duration = Duration::from_millis(600);
/// Generous: two cores, many tests. Without the limit all of this takes longer.
const AT_MOST: Duration = Duration::from_secs(6);

/// With the limits that it has unless told otherwise: 3 seconds, 2 attempts, 10 seconds for a lookup.
fn stub(server: &Server) -> Stub {
    Stub::new([server.address]).unwrap()
}

fn ask(names: &[&str]) -> Vec<Question> {
    names.iter().map(|name| question(name)).collect()
}

/// The verdicts of `check` with every resolver, each within the limit.
fn verdicts<C: Check + Clone>(server: &Server, check: &C) -> Vec<C::Output> {
    #[cfg_attr(
        not(any(feature = "cache", feature = "hickory")),
        expect(unused_mut, reason = "the stub is the only resolver then")
    )]
    let mut verdicts = vec![timed(|| drive_blocking_within(check.clone(), &stub(server), LIMIT))];
    #[cfg(feature = "cache")]
    {
        let cached = waxseal_resolver::Cached::new(stub(server));
        verdicts.push(timed(|| drive_blocking_within(check.clone(), &cached, LIMIT)));
    }
    #[cfg(feature = "hickory")]
    {
        use waxseal_dns::drive_within;
        let hickory = waxseal_resolver::Hickory::new([server.address]).unwrap();
        verdicts.push(timed(|| common::block_on(drive_within(check.clone(), &hickory, LIMIT))));
        #[cfg(feature = "cache")]
        {
            let cached = waxseal_resolver::Cached::new(hickory);
            verdicts.push(timed(|| common::block_on(drive_within(check.clone(), &cached, LIMIT))));
        }
    }
    verdicts
}

fn timed<T>(job: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = job();
    let took = begun.elapsed();
    assert!(took >= LIMIT - Duration::from_millis(20) && took < AT_MOST, "{took:?}");
    done
}

/// The first label says what becomes of a question: `fast`, `silent`, `drip`, `alias` (a slow one, endless), `slow`.
fn hostile(asked: &Asked) -> Vec<Out> {
    let name = asked.query.queries[0].name.to_string().to_lowercase();
    let pause = Out::Pause(Duration::from_millis(150));
    let (first, rest) = name.split_once('.').unwrap();
    match first {
        "fast" => txt(&asked.query, "x"),
        "slow" => [vec![pause], txt(&asked.query, "x")].into_iter().flatten().collect(),
        "alias" => {
            let mut message = response(&asked.query);
            let number: usize = rest.split('.').next().unwrap().parse().unwrap();
            message.add_answer(cname(&name, &format!("alias.{}.example.", number + 1), 60));
            vec![pause, Out::Message(message)]
        }
        "drip" if asked.transport == Transport::Udp => {
            let mut cut = response(&asked.query);
            cut.metadata.truncation = true;
            vec![Out::Message(cut)]
        }
        "drip" => (0..100).flat_map(|_| [Out::Raw(vec![1]), Out::Pause(Duration::from_millis(50))]).collect(),
        _ => Vec::new(),
    }
}

fn kinds(replies: &[Reply]) -> Vec<Result<usize, LookupErrorKind>> {
    let kind = |reply: &Reply| reply.as_ref().map(|answer| answer.records.len()).map_err(LookupError::kind);
    replies.iter().map(kind).collect()
}

#[test]
fn silent_dripping_and_slow_servers_are_cut_and_what_came_counts() {
    let server = Server::start(hostile);
    for hostile in ["silent.example", "drip.example"] {
        let check = ask(&["fast.a.example", hostile, "fast.b.example"]);
        for replies in verdicts(&server, &check) {
            assert_eq!(kinds(&replies), [Ok(1), Err(LookupErrorKind::Timeout), Ok(1)], "{hostile}");
        }
    }
}

#[test]
fn a_chain_of_slow_aliases_is_cut() {
    let queries = Arc::<AtomicUsize>::default();
    let count = queries.clone();
    let server = Server::start(move |asked| {
        count.fetch_add(1, Relaxed);
        hostile(asked)
    });
    let all = verdicts(&server, &ask(&["alias.0.example"]));
    assert!(all.iter().all(|replies| kinds(replies) == [Err(LookupErrorKind::Timeout)]), "{all:?}");
    // Four of 150 ms go into 600 ms, of the 17 that a chain may take.
    assert!(queries.load(Relaxed) <= 5 * all.len(), "{}", queries.load(Relaxed));
}

/// Goes from one name to the next for as long as there is an answer.
#[derive(Clone)]
struct Follow;

impl Check for Follow {
    type Output = (usize, Reply);
    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Self::Output, Pending> {
        let mut depth = 0;
        loop {
            let name: DomainName = format!("slow.x{depth}.example").parse().unwrap();
            match dns.ask(Question::txt(name))? {
                Ok(_) => depth += 1,
                failed => return Ok((depth, failed)),
            }
        }
    }
}

#[test]
fn slow_rounds_without_end_are_cut() {
    let server = Server::start(hostile);
    for (depth, last) in verdicts(&server, &Follow) {
        assert_eq!(last, Err(LookupError::Timeout));
        assert!((1..=4).contains(&depth), "{depth} rounds of 150 ms in 600");
    }
}

/// More questions than threads: those that no thread came to are time-outs, not asked after the deadline.
#[test]
fn questions_that_wait_for_a_thread_are_not_asked_after_the_deadline() {
    let queries = Arc::<AtomicUsize>::default();
    let count = queries.clone();
    let server = Server::start(move |asked| {
        count.fetch_add(1, Relaxed);
        hostile(asked)
    });
    let questions: Vec<_> = (0..50).map(|n| question(&format!("silent.x{n}.example"))).collect();
    let stub = stub(&server).with_concurrency(4);
    let replies = timed(|| drive_blocking_within(questions, &stub, LIMIT));
    assert_eq!(kinds(&replies), vec![Err(LookupErrorKind::Timeout); 50]);
    assert_eq!(queries.load(Relaxed), 4);
}

/// The error and all that is behind it.
fn chain(error: &LookupError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

fn errors(servers: &[SocketAddr], name: &str) -> Vec<String> {
    let q = question(name);
    let mut errors = vec![chain(&common::stub(servers.to_vec()).resolve_blocking(&q).unwrap_err())];
    #[cfg(feature = "hickory")]
    {
        let hickory = common::hickory(servers.to_vec());
        errors.push(chain(&common::block_on(waxseal_dns::Resolve::resolve(&hickory, &q)).unwrap_err()));
    }
    errors.dedup();
    errors
}

#[test]
fn errors_name_the_server_and_what_it_did() {
    let server = Server::start(|asked| {
        let name = asked.query.queries[0].name.to_string().to_lowercase();
        match name.split('.').next().unwrap() {
            "servfail" => coded(&asked.query, ResponseCode::ServFail),
            "refused" => coded(&asked.query, ResponseCode::Refused),
            "odd" => coded(&asked.query, ResponseCode::YXDomain),
            "loop" => {
                let mut message = response(&asked.query);
                message.add_answer(cname(&name, &name, 60));
                vec![Out::Message(message)]
            }
            "broken" => {
                let mut octets = common::texts(&asked.query, &[b"x"]).to_vec().unwrap();
                octets[6] = 0xff;
                let len = u16::try_from(octets.len()).unwrap().to_be_bytes();
                match asked.transport {
                    Transport::Udp => vec![Out::Raw(octets)],
                    Transport::Tcp => vec![Out::Raw([&len[..], &octets].concat())],
                }
            }
            _ => Vec::new(),
        }
    });
    let at = server.address;
    for (name, expected) in [
        ("servfail.example", format!("DNS server failure: {at} answered SERVFAIL")),
        ("refused.example", format!("DNS server failure: {at} answered REFUSED")),
        ("odd.example", format!("DNS server failure: {at} answered with the code 6")),
        ("loop.example", format!("DNS server failure: {at} led through more than 16 aliases")),
        ("broken.example", format!("malformed DNS answer: {at} sent an answer that cannot be read")),
        ("silent.example", format!("DNS lookup timed out: {at} did not answer in time")),
    ] {
        assert_eq!(errors(&[at], name), [expected], "{name}");
    }
    // Of several servers: all that were silent, or the one that failed.
    let silent = Server::start(|_| Vec::new());
    let both = [silent.address, at];
    let stub = |name: &str| chain(&common::stub(both).resolve_blocking(&question(name)).unwrap_err());
    assert_eq!(stub("servfail.example"), format!("DNS server failure: {at} answered SERVFAIL"));
    let expected = format!("DNS lookup timed out: {}, {at} did not answer in time", silent.address);
    assert_eq!(stub("silent.example"), expected);
}

#[test]
fn a_network_error_keeps_its_source() {
    let closed = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let error = common::stub([closed]).resolve_blocking(&question("example.org")).unwrap_err();
    assert_eq!(error.kind(), LookupErrorKind::Other, "{error:?}");
    let cause = error.source().unwrap();
    assert_eq!(cause.to_string(), format!("{closed} cannot be asked"));
    assert_eq!(
        cause.source().unwrap().downcast_ref::<std::io::Error>().unwrap().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
}

/// The cause stays in the cache with the error.
#[cfg(feature = "cache")]
#[test]
fn a_kept_failure_names_the_server() {
    let server = Server::start(|asked| coded(&asked.query, ResponseCode::ServFail));
    let dns = waxseal_resolver::Cached::new(stub(&server));
    let ask = || chain(&dns.resolve_blocking(&question("example.org")).unwrap_err());
    assert_eq!(ask(), ask());
    assert!(ask().contains(&server.address.to_string()), "{}", ask());
    let mut answers = Answers::new();
    answers.answer(question("example.org"), dns.resolve_blocking(&question("example.org")));
    let expected = format!("DNS server failure: {} answered SERVFAIL", server.address);
    assert_eq!(answers.to_string(), format!("example.org TXT: {expected}\n"));
}
