//! The blocking stub resolver.

use crate::{
    SetupError,
    exchange::exchange,
    failure::Failure,
    message::{Chain, dnssec, is_answer, query},
    server::{Fault, SystemConfig},
};
use hickory_proto::op::{Message, ResponseCode};
use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};
use waxseal_dns::{LookupError, LookupErrorKind, Question, Reply, ResolveBlocking};

/// A blocking stub resolver over the sockets of the standard library: it asks the given recursive servers, and needs no
/// runtime. Cloning is cheap and shares the configuration.
///
/// - UDP with EDNS (1232 bytes), TCP when the answer is truncated; servers without EDNS are asked without it.
/// - Every query has a random id, a fresh random source port and random upper and lower case; replies from elsewhere or to another question are ignored (RFC 5452).
/// - CNAME chains are followed, in the answer and beyond, for 16 aliases; more is a loop and a server failure.
/// - The questions of one round are asked in parallel threads ([`ResolveBlocking::resolve_all_blocking`]).
/// - It caches nothing: put `Cached` in front where lookups repeat.
///
/// | limit | default | |
/// |---|---|---|
/// | wait for one server, one attempt | 3 s | [`Stub::with_timeout`] |
/// | attempts per server | 2 | [`Stub::with_attempts`] |
/// | one lookup in all, with every server, attempt and alias | 10 s | [`Stub::with_lookup_timeout`] |
/// | threads of one round | 16 | [`Stub::with_concurrency`] |
/// | bytes of one answer | 65,535 | DNS over TCP allows no more |
///
/// After SERVFAIL, REFUSED or a broken response, a server is not asked again for that lookup, but the next one is. When
/// none has an answer, a server failure is reported in preference to a malformed answer, that in preference to a
/// network error, and a time-out only when nothing else happened. The source of the error names the server and what
/// happened.
///
/// A check with a time limit ([`drive_blocking_within`](waxseal_dns::drive_blocking_within)) aborts a lookup under way,
/// even before the limits above.
///
/// ```no_run
/// use waxseal_dns::{Question, ResolveBlocking};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let dns = waxseal_resolver::Stub::system()?;
/// let answer = dns.resolve_blocking(&Question::txt("example.org".parse()?))?;
/// println!("{answer}");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Stub {
    config: Arc<Config>,
    /// The server that the next lookup starts with when servers take turns.
    turn: Arc<AtomicUsize>,
}

#[derive(Debug, Clone)]
struct Config {
    servers: Vec<SocketAddr>,
    timeout: Duration,
    attempts: u32,
    lookup_timeout: Duration,
    concurrency: usize,
    rotate: bool,
    trust_ad: bool,
}

impl Stub {
    /// Asks these servers, the first one first.
    ///
    /// # Errors
    /// [`SetupError`] when there is none.
    ///
    /// ```
    /// use waxseal_resolver::{Stub, parse_server};
    /// # fn main() -> Result<(), waxseal_resolver::SetupError> {
    /// let dns = Stub::new([parse_server("127.0.0.1:5354")?])?;
    /// # Ok(()) }
    /// ```
    pub fn new(servers: impl IntoIterator<Item = SocketAddr>) -> Result<Self, SetupError> {
        let servers: Vec<_> = servers.into_iter().collect();
        if servers.is_empty() {
            return Err(Fault::NoServer.into());
        }
        let config = Config {
            servers,
            timeout: Duration::from_secs(3),
            attempts: 2,
            lookup_timeout: Duration::from_secs(10),
            concurrency: 16,
            rotate: false,
            trust_ad: false,
        };
        Ok(Self { config: Arc::new(config), turn: Arc::default() })
    }

    /// Asks the servers of `/etc/resolv.conf`; see [`Stub::from_resolv_conf`].
    ///
    /// # Errors
    /// [`SetupError`] when there is no such file, as on Windows: name servers explicitly there.
    pub fn system() -> Result<Self, SetupError> {
        SystemConfig::read().and_then(Self::with_system)
    }

    /// Reads the text of a resolv.conf(5): `nameserver` and the options `timeout`, `attempts`, `rotate` and `trust-ad`.
    /// Unknown lines are ignored; without a `nameserver` line the server is 127.0.0.1. Search lists do not matter, as
    /// all names are complete.
    ///
    /// # Errors
    /// None today.
    pub fn from_resolv_conf(text: &str) -> Result<Self, SetupError> {
        Self::with_system(SystemConfig::parse(text))
    }

    fn with_system(system: SystemConfig) -> Result<Self, SetupError> {
        let mut stub = Self::new(system.servers)?;
        let config = stub.config();
        config.timeout = system.timeout.unwrap_or(config.timeout);
        config.attempts = system.attempts.unwrap_or(config.attempts);
        (config.rotate, config.trust_ad) = (system.rotate, system.trust_ad);
        Ok(stub)
    }

    /// How long to wait for one server in one attempt; 3 seconds by default.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.config().timeout = timeout;
        self
    }

    /// How often a silent server is asked; 2 by default, at least 1.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.config().attempts = attempts.max(1);
        self
    }

    /// How long one lookup may take in total; 10 seconds by default.
    #[must_use]
    pub fn with_lookup_timeout(mut self, timeout: Duration) -> Self {
        self.config().lookup_timeout = timeout;
        self
    }

    /// How many questions are asked at once; 16 by default, 1 for no threads.
    #[must_use]
    pub fn with_concurrency(mut self, questions: usize) -> Self {
        self.config().concurrency = questions;
        self
    }

    /// Lets the servers take turns, instead of always beginning with the first.
    #[must_use]
    pub fn with_rotation(mut self, rotate: bool) -> Self {
        self.config().rotate = rotate;
        self
    }

    /// Takes the AD bit of the servers for [`Dnssec::Secure`](waxseal_dns::Dnssec::Secure), and its absence for
    /// [`Dnssec::Insecure`](waxseal_dns::Dnssec::Insecure). Correct only when the servers validate and the network to
    /// them is trusted, as with a server on this machine (RFC 4035 §4.9.3). Off by default: then every answer is
    /// [`Dnssec::Indeterminate`](waxseal_dns::Dnssec::Indeterminate).
    #[must_use]
    pub fn with_trusted_ad(mut self, trust: bool) -> Self {
        self.config().trust_ad = trust;
        self
    }

    /// The servers, in the order given.
    pub fn servers(&self) -> &[SocketAddr] {
        &self.config.servers
    }

    fn config(&mut self) -> &mut Config {
        Arc::make_mut(&mut self.config)
    }

    /// The lookup ends at `deadline`, if that is before its own limit.
    fn lookup(&self, q: &Question, deadline: Option<Instant>) -> Reply {
        let own = Instant::now().checked_add(self.config.lookup_timeout);
        let deadline = deadline.into_iter().chain(own).min();
        let mut chain = Chain::new(q)?;
        loop {
            let (server, message) = self.ask_servers(&chain, deadline)?;
            let dnssec = dnssec(self.config.trust_ad, message.metadata.authentic_data);
            let followed = chain.follow(&message, dnssec);
            if let Some(answer) = followed.map_err(|failure| failure.of(&[server]))? {
                return Ok(answer);
            }
        }
    }

    /// The first answer of any server. Silent servers are asked again, those that failed are not.
    fn ask_servers(
        &self,
        chain: &Chain,
        deadline: Option<Instant>,
    ) -> Result<(SocketAddr, Message), LookupError> {
        let config = &*self.config;
        let turn = if config.rotate { self.turn.fetch_add(1, Relaxed) % config.servers.len() } else { 0 };
        let mut servers: Vec<_> =
            config.servers.iter().cycle().skip(turn).take(config.servers.len()).collect();
        let mut worst: Option<(SocketAddr, Failure)> = None;
        for _ in 0..config.attempts {
            let mut silent = Vec::new();
            for server in servers {
                let until = Instant::now().checked_add(config.timeout).into_iter().chain(deadline).min();
                let failure = match self.ask_server(*server, chain, until) {
                    Ok(message) => return Ok((*server, message)),
                    Err(failure) => failure,
                };
                if matches!(failure, Failure::NoAnswer) {
                    silent.push(server);
                } else if worst.as_ref().is_none_or(|(_, worst)| telling(&failure) > telling(worst)) {
                    worst = Some((*server, failure));
                }
            }
            servers = silent;
        }
        Err(match worst {
            Some((server, failure)) => failure.of(&[server]),
            None => Failure::NoAnswer.of(&config.servers),
        })
    }

    /// A server without EDNS answers FORMERR (RFC 6891 §7) or, if older, NOTIMP (RFC 2671 §5.3), and one that does not
    /// know the version BADVERS (RFC 6891 §6.1.3); these are asked again without EDNS.
    fn ask_server(
        &self,
        server: SocketAddr,
        chain: &Chain,
        until: Option<Instant>,
    ) -> Result<Message, Failure> {
        let mut name = chain.name.clone();
        name.randomize_label_case();
        let query = |edns| query(&name, chain.kind, self.config.trust_ad, edns);
        let mut message = exchange(&query(true), server, until)?;
        let code = message.metadata.response_code;
        if matches!(code, ResponseCode::FormErr | ResponseCode::NotImp | ResponseCode::BADVERS) {
            message = exchange(&query(false), server, until)?;
        }
        let code = message.metadata.response_code;
        if is_answer(code) { Ok(message) } else { Err(Failure::Code(code)) }
    }

    fn lookup_all(&self, qs: &[Question], deadline: Option<Instant>) -> Vec<Reply> {
        let threads = qs.len().min(self.config.concurrency);
        if threads <= 1 {
            return qs.iter().map(|q| self.lookup(q, deadline)).collect();
        }
        let replies: Vec<OnceLock<Reply>> = qs.iter().map(|_| OnceLock::new()).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some((q, reply)) = next_of(&next, qs, &replies) {
                reply.get_or_init(|| self.lookup(q, deadline));
            }
        };
        thread::scope(|scope| {
            // This thread works, too; when no more threads can be started, the present ones do all the work.
            let more = || thread::Builder::new().spawn_scoped(scope, work);
            let _spawned = (1..threads).map_while(|_| more().ok()).count();
            work();
        });
        replies.into_iter().map(|reply| reply.into_inner().unwrap_or(Err(LookupError::Timeout))).collect()
    }
}

/// Which of several failures is worth reporting.
fn telling(failure: &Failure) -> u8 {
    match failure.kind() {
        LookupErrorKind::Timeout => 0,
        LookupErrorKind::Other => 1,
        LookupErrorKind::Malformed => 2,
        LookupErrorKind::ServerFailure => 3,
    }
}

impl ResolveBlocking for Stub {
    fn resolve_blocking(&self, q: &Question) -> Reply {
        self.lookup(q, None)
    }

    fn resolve_all_blocking(&self, qs: &[Question], deadline: Option<Instant>) -> Vec<Reply> {
        self.lookup_all(qs, deadline)
    }
}

fn next_of<'a>(
    next: &AtomicUsize,
    qs: &'a [Question],
    replies: &'a [OnceLock<Reply>],
) -> Option<(&'a Question, &'a OnceLock<Reply>)> {
    let index = next.fetch_add(1, Relaxed);
    Some((qs.get(index)?, replies.get(index)?))
}
