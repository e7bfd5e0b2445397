//! Where DNS answers come from: the system's servers, given servers, or files.

use crate::{
    batch::BOM,
    exit::{Failure, chain},
    patience::wait_for,
};
use clap::Args;
use serde_json::value::RawValue;
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, Instant},
};
use waxseal::dns::{self, Cache, DomainName, Question, Reply, ResolveBlocking, Zone, drive_blocking_within};
use waxseal_resolver::{Cached, Stub, parse_server};

#[derive(Debug, Clone, Args)]
pub(crate) struct DnsArgs {
    /// Take DNS answers from this file and query no server: a zone file or JSON; may be repeated
    #[arg(long, value_name = "FILE", conflicts_with = "server")]
    zone: Vec<PathBuf>,
    /// The domain of relative names in zone files, such as those of key generators
    #[arg(long, value_name = "DOMAIN", requires = "zone")]
    origin: Option<DomainName>,
    /// Query this DNS server instead of those of /etc/resolv.conf; may be repeated
    #[arg(long, value_name = "IP[:PORT]", visible_alias = "dns", value_parser = parse_server)]
    server: Vec<SocketAddr>,
    /// How long a check may wait for DNS in total; queries without an answer by then are temporary errors. RFC 7208
    /// section 4.6.4 recommends at least 20
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = parse_timeout)]
    timeout: Duration,
}

fn parse_timeout(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|time| !time.is_zero()).ok_or("give a number of seconds above zero, such as 20 or 2.5")
}

/// An opened source of DNS answers.
pub(crate) enum Dns {
    Zone(Zone),
    Servers(Cached<Stub>),
}

impl DnsArgs {
    /// These files or, where there are none, these servers or, where there are none, those of the system.
    pub(crate) fn new(zone: Vec<PathBuf>, server: Vec<SocketAddr>) -> Self {
        Self { zone, origin: None, server, timeout: Duration::from_secs(20) }
    }

    pub(crate) fn open(&self) -> Result<Dns, Failure> {
        self.open_trusting(false)
    }

    /// [`DnsArgs::open`]; with `trust_ad`, the AD flag of the servers is trusted.
    pub(crate) fn open_trusting(&self, trust_ad: bool) -> Result<Dns, Failure> {
        if !self.zone.is_empty() {
            let mut zone = Zone::new();
            for path in &self.zone {
                zone.merge(self.read_zone(path)?);
            }
            return Ok(Dns::Zone(zone));
        }
        let stub =
            if self.server.is_empty() { Stub::system() } else { Stub::new(self.server.iter().copied()) };
        // Otherwise /etc/resolv.conf decides.
        let stub = stub.map(|stub| if trust_ad { stub.with_trusted_ad(true) } else { stub });
        let hint = "cannot set up DNS (name servers with --server, or answers from a file with --zone)";
        stub.map(|stub| Dns::Servers(Cached::new(stub))).map_err(|error| Failure::because(hint, &error))
    }

    /// Whether files or servers were given.
    pub(crate) fn is_given(&self) -> bool {
        !self.zone.is_empty() || !self.server.is_empty()
    }

    /// What was given, one by one: the files are one, and so is each server.
    pub(crate) fn each(&self) -> impl Iterator<Item = (String, Self)> {
        let files = (!self.zone.is_empty()).then(|| ("--zone".to_owned(), self.clone()));
        let server =
            |server: &SocketAddr| (server.to_string(), Self { server: vec![*server], ..self.clone() });
        files.into_iter().chain(self.server.iter().map(server))
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Drives `check` within the time that it may take.
    pub(crate) fn drive<C: dns::Check>(&self, check: C) -> Result<C::Output, Failure> {
        Ok(drive_blocking_within(check, &self.open()?, self.timeout))
    }

    fn read_zone(&self, path: &Path) -> Result<Zone, Failure> {
        let text = fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
        read_zone(&text, self.origin.as_ref())
            .map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    }
}

/// Reads a zone: JSON when it begins with a brace, else a zone file.
fn read_zone(text: &[u8], origin: Option<&DomainName>) -> Result<Zone, String> {
    let text = text.strip_prefix(BOM).unwrap_or(text);
    if text.trim_ascii_start().starts_with(b"{") {
        let text = std::str::from_utf8(text).map_err(|error| format!("not UTF-8: {error}"))?;
        return Zone::from_json(text).map_err(|error| chain(&error));
    }
    Zone::from_zone_file(text, origin).map_err(|error| match error.needs_origin() {
        true => chain(&error) + ", or --origin",
        false => chain(&error),
    })
}

/// The DNS of a batch: each line may bring a zone of its own; the DNS of the command line is opened when the first line
/// without one comes.
pub(crate) struct LineDns<'a> {
    args: &'a DnsArgs,
    opened: OnceLock<Result<Dns, String>>,
}

impl<'a> LineDns<'a> {
    pub(crate) fn new(args: &'a DnsArgs) -> Self {
        Self { args, opened: OnceLock::new() }
    }

    /// Drives `check` with the DNS of a line, within the time that it may take.
    pub(crate) fn drive<C: dns::Check>(
        &self,
        zone: Option<&RawValue>,
        check: C,
    ) -> Result<C::Output, String> {
        self.with(zone, |dns| drive_blocking_within(check, dns, self.args.timeout))
    }

    /// Calls `job` with the DNS of a line. Its zone is JSON, or a string with the text of a zone file.
    fn with<T>(
        &self,
        zone: Option<&RawValue>,
        job: impl FnOnce(&dyn ResolveBlocking) -> T,
    ) -> Result<T, String> {
        let Some(zone) = zone else {
            let open = || self.args.open().map_err(|failure| failure.to_string());
            return self.opened.get_or_init(open).as_ref().map(|dns| job(dns)).map_err(Clone::clone);
        };
        let zone = match serde_json::from_str::<String>(zone.get()) {
            Ok(text) => read_zone(text.as_bytes(), self.args.origin.as_ref()),
            Err(_) => Zone::from_json(zone.get()).map_err(|error| chain(&error)),
        };
        // An error that is about the zone as a whole names it already.
        let named =
            |error: String| if error.starts_with("zone: ") { error } else { format!("zone: {error}") };
        zone.map(|zone| job(&zone)).map_err(named)
    }
}

impl ResolveBlocking for Dns {
    fn resolve_blocking(&self, q: &Question) -> Reply {
        match self {
            Self::Zone(zone) => zone.resolve_blocking(q),
            Self::Servers(servers) => wait_for(std::slice::from_ref(q), || servers.resolve_blocking(q)),
        }
    }

    fn resolve_all_blocking(&self, qs: &[Question], deadline: Option<Instant>) -> Vec<Reply> {
        match self {
            Self::Zone(zone) => zone.resolve_all_blocking(qs, deadline),
            Self::Servers(servers) => wait_for(qs, || servers.resolve_all_blocking(qs, deadline)),
        }
    }

    fn cache(&self) -> Option<&dyn Cache> {
        match self {
            Self::Zone(zone) => zone.cache(),
            Self::Servers(servers) => servers.cache(),
        }
    }
}
