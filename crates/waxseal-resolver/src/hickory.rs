//! The asynchronous resolver.

use crate::{
    SetupError,
    failure::Failure,
    message::{Chain, UDP_PAYLOAD, dnssec, seconds},
    server::{Fault, SystemConfig},
};
use hickory_resolver::{
    NameServerPool, PoolContext, TlsConfig,
    config::{ConnectionConfig, NameServerConfig, ResolverOpts, ServerOrderingStrategy},
    net::{DnsError, DnsHandle, NetError, RetryDnsHandle, runtime::TokioRuntimeProvider, xfer::FirstAnswer},
    proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Message, Query, ResponseCode},
};
use std::{fmt, io::ErrorKind, net::SocketAddr, sync::Arc, time::Duration};
use waxseal_dns::{Answer, Dnssec, Question, Reply, Resolve};

/// An asynchronous resolver on tokio, by hickory: it asks the given recursive servers, keeps their connections, and
/// prefers those that answer fast. Cloning is cheap and shares the connections.
///
/// It behaves like [`Stub`](crate::Stub): EDNS (1232 bytes), TCP when the answer is truncated, random ids, ports and
/// case, CNAME chains of 16 aliases. It caches nothing: put `Cached` in front, which also answers inline.
///
/// | limit | default | |
/// |---|---|---|
/// | one attempt, all servers | 3 s | [`Hickory::with_timeout`] |
/// | attempts | 2 | [`Hickory::with_attempts`] |
/// | one lookup in all, with every attempt and alias | 10 s | [`Hickory::with_lookup_timeout`] |
///
/// The source of an error names the servers and what happened.
///
/// Lookups must run within a tokio runtime that has time and I/O enabled. Drivers use its timer to end a check on time
/// ([`Resolve::sleep`]).
///
/// ```no_run
/// use std::sync::Arc;
/// use waxseal_dns::{DynResolve, Question, Resolve};
/// use waxseal_resolver::{Cached, Hickory};
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let dns = Cached::new(Hickory::system()?);
/// let answer = dns.resolve(&Question::txt("example.org".parse()?)).await?;
/// println!("{answer}");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Hickory {
    handle: Handle,
    config: Config,
}

type Handle = RetryDnsHandle<NameServerPool<TokioRuntimeProvider>>;

#[derive(Debug, Clone)]
struct Config {
    servers: Vec<SocketAddr>,
    timeout: Duration,
    attempts: u32,
    lookup_timeout: Duration,
    rotate: bool,
    trust_ad: bool,
}

/// The result of one question.
enum Found {
    Message(Message),
    /// hickory turns negative answers into errors, and this turns them back.
    Nothing(Answer, Option<Duration>),
}

impl Hickory {
    /// Asks these servers over UDP and TCP.
    ///
    /// # Errors
    /// [`SetupError`] when there is none, or when hickory refuses them.
    pub fn new(servers: impl IntoIterator<Item = SocketAddr>) -> Result<Self, SetupError> {
        let servers: Vec<_> = servers.into_iter().collect();
        if servers.is_empty() {
            return Err(Fault::NoServer.into());
        }
        Self::build(Config {
            servers,
            timeout: Duration::from_secs(3),
            attempts: 2,
            lookup_timeout: Duration::from_secs(10),
            rotate: false,
            trust_ad: false,
        })
    }

    /// Asks the servers of `/etc/resolv.conf`; see [`Hickory::from_resolv_conf`].
    ///
    /// # Errors
    /// [`SetupError`] when there is no such file, as on Windows: name servers explicitly there.
    pub fn system() -> Result<Self, SetupError> {
        SystemConfig::read().and_then(Self::with_system)
    }

    /// Reads the text of a resolv.conf(5): `nameserver` and the options `timeout`, `attempts`, `rotate` and `trust-ad`.
    ///
    /// # Errors
    /// [`SetupError`] when hickory refuses.
    pub fn from_resolv_conf(text: &str) -> Result<Self, SetupError> {
        Self::with_system(SystemConfig::parse(text))
    }

    fn with_system(system: SystemConfig) -> Result<Self, SetupError> {
        let mut config = Self::new(system.servers)?.config;
        config.timeout = system.timeout.unwrap_or(config.timeout);
        config.attempts = system.attempts.unwrap_or(config.attempts);
        (config.rotate, config.trust_ad) = (system.rotate, system.trust_ad);
        Self::build(config)
    }

    /// How long one attempt may take; 3 seconds by default.
    ///
    /// # Errors
    /// [`SetupError`] when hickory refuses, here and below.
    pub fn with_timeout(self, timeout: Duration) -> Result<Self, SetupError> {
        Self::build(Config { timeout, ..self.config })
    }

    /// How often a question is sent; 2 by default, at least 1.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn with_attempts(self, attempts: u32) -> Result<Self, SetupError> {
        Self::build(Config { attempts: attempts.max(1), ..self.config })
    }

    /// How long one lookup may take in total; 10 seconds by default.
    #[must_use]
    pub fn with_lookup_timeout(mut self, timeout: Duration) -> Self {
        self.config.lookup_timeout = timeout;
        self
    }

    /// Takes the AD bit of the servers for [`Dnssec::Secure`], and its absence for [`Dnssec::Insecure`]. Correct only
    /// when the servers validate and the network to them is trusted, as with a server on this machine (RFC 4035
    /// §4.9.3). Off by default: then every answer is [`Dnssec::Indeterminate`].
    #[must_use]
    pub fn with_trusted_ad(mut self, trust: bool) -> Self {
        self.config.trust_ad = trust;
        self
    }

    /// The servers, in the order given.
    pub fn servers(&self) -> &[SocketAddr] {
        &self.config.servers
    }

    fn build(config: Config) -> Result<Self, SetupError> {
        let mut options = ResolverOpts::default();
        options.timeout = config.timeout;
        options.case_randomization = true;
        options.edns_payload_len = UDP_PAYLOAD;
        options.num_concurrent_reqs = 1;
        if config.rotate {
            options.server_ordering_strategy = ServerOrderingStrategy::RoundRobin;
        }
        let tls = TlsConfig::new().map_err(|error| Fault::Resolver(Arc::new(error)))?;
        let servers = config.servers.iter().map(name_server);
        let context = Arc::new(PoolContext::new(options, tls));
        let pool = NameServerPool::from_config(servers, context, TokioRuntimeProvider::default());
        let retries = usize::try_from(config.attempts.saturating_sub(1)).unwrap_or_default();
        Ok(Self { handle: RetryDnsHandle::new(pool, retries), config })
    }

    async fn lookup(&self, q: &Question) -> Reply {
        let mut chain = Chain::new(q)?;
        let failed = |failure: Failure| failure.of(&self.config.servers);
        loop {
            match self.ask(&chain).await.map_err(failed)? {
                Found::Nothing(answer, ttl) => return Ok(chain.end(answer, ttl, Dnssec::Indeterminate)),
                Found::Message(message) => {
                    let dnssec = dnssec(self.config.trust_ad, message.metadata.authentic_data);
                    if let Some(answer) = chain.follow(&message, dnssec).map_err(failed)? {
                        return Ok(answer);
                    }
                }
            }
        }
    }

    /// A server without EDNS answers FORMERR (RFC 6891 §7) or, if older, NOTIMP (RFC 2671 §5.3), and one that does not
    /// know the version BADVERS (RFC 6891 §6.1.3); these are asked again without EDNS.
    async fn ask(&self, chain: &Chain) -> Result<Found, Failure> {
        let response = match self.send(chain, true).await {
            Err(NetError::Dns(DnsError::ResponseCode(
                ResponseCode::FormErr | ResponseCode::NotImp | ResponseCode::BADVERS,
            ))) => self.send(chain, false).await,
            response => response,
        };
        response.map_or_else(without_message, |response| Ok(Found::Message(response.into_message())))
    }

    async fn send(&self, chain: &Chain, edns: bool) -> Result<DnsResponse, NetError> {
        let mut options = DnsRequestOptions::default();
        options.use_edns = edns;
        options.edns_payload_len = UDP_PAYLOAD;
        options.case_randomization = true;
        let mut request = DnsRequest::from_query(Query::query(chain.name.clone(), chain.kind), options);
        // RFC 6840 §5.7: AD in a query means that the client understands it in the response.
        request.metadata.authentic_data = self.config.trust_ad;
        self.handle.send(request).first_answer().await
    }
}

impl Resolve for Hickory {
    async fn resolve(&self, q: &Question) -> Reply {
        let lookup = tokio::time::timeout(self.config.lookup_timeout, self.lookup(q));
        lookup.await.unwrap_or_else(|_| Err(Failure::NoAnswer.of(&self.config.servers)))
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl fmt::Debug for Hickory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hickory").field("config", &self.config).finish_non_exhaustive()
    }
}

fn name_server(server: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    NameServerConfig::new(server.ip(), true, connections.into())
}

fn without_message(error: NetError) -> Result<Found, Failure> {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            let ttl = none.negative_ttl.map(seconds);
            match none.response_code {
                ResponseCode::NXDomain => Ok(Found::Nothing(Answer::nxdomain(), ttl)),
                // Name servers and no SOA record: a referral, which is not followed.
                ResponseCode::NoError if none.ns.is_some() && none.soa.is_none() => Err(Failure::Referral),
                ResponseCode::NoError => Ok(Found::Nothing(Answer::nodata(), ttl)),
                code => Err(Failure::Code(code)),
            }
        }
        NetError::Dns(DnsError::ResponseCode(code)) => Err(Failure::Code(code)),
        NetError::Timeout => Err(Failure::NoAnswer),
        NetError::Io(error) if error.kind() == ErrorKind::TimedOut => Err(Failure::NoAnswer),
        NetError::Proto(_) | NetError::Truncated | NetError::ForeignClassRecord { .. } => {
            Err(Failure::Unreadable)
        }
        error => Err(Failure::Unreachable(error.into())),
    }
}
