//! The life of the process: bind, drop privileges, serve, reload settings, exit.

use crate::{
    config::Files,
    filter::Filter,
    http,
    listener::{Handler, Listener},
    log,
    metrics::metrics,
    panics, policy,
    privileges::{self, Identity},
    reaper, reports,
    resolver::resolver,
    roles::spf::SpfPolicy,
    settings::{Kind, LogTo, Process, Settings, Socket},
    sockets::{Bound, Passed, SocketFile, make_folder},
    stream::Limits,
    workers::Workers,
};
use arc_swap::ArcSwap;
use std::{
    fs, io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::signal::unix::{SignalKind, signal};
use waxseal::crypto::default_provider;

/// Why the daemon does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DaemonError {
    /// The settings are wrong: EX_CONFIG.
    #[error("{0}")]
    Settings(String),
    /// EX_NOUSER, EX_NOPERM.
    #[error(transparent)]
    Privileges(#[from] privileges::PrivilegeError),
    /// A socket is not free: EX_UNAVAILABLE.
    #[error("{socket}: {error}")]
    Bind { socket: Socket, error: io::Error },
    /// A socket does not answer: EX_UNAVAILABLE.
    #[error("{socket}: no answer: {error}")]
    Silent { socket: Socket, error: io::Error },
    /// EX_OSERR.
    #[error("{what}: {error}")]
    System { what: &'static str, error: io::Error },
}

impl DaemonError {
    /// The code of sysexits(3).
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) => 78,
            Self::Privileges(_) => 77,
            Self::Bind { .. } | Self::Silent { .. } => 69,
            Self::System { .. } => 71,
        }
    }
}

/// What serves a service.
struct Running {
    handler: Handler,
    listeners: Vec<Bound>,
}

/// A service with all files that it names loaded.
pub(crate) enum Loaded {
    Milter(Box<Filter>),
    Policy(Box<SpfPolicy>),
}

/// Runs until a signal ends it.
pub(crate) fn run(files: &Files) -> Result<(), DaemonError> {
    let settings = files.load().map_err(|mistakes| DaemonError::Settings(mistakes.to_string()))?;
    log::start(&settings.process.log).map_err(DaemonError::Settings)?;
    panics::log();
    settings.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let identity = settings.process.user.as_deref().map(Identity::find).transpose()?;
    privileges::set_mask(&settings.process);
    if let Some(deaf) = settings.services.iter().find(|service| service.sockets.is_empty()) {
        let text = format!(
            "{}: where does it listen? Give --policy-socket, or run `waxseald policy FILE`",
            deaf.name
        );
        return Err(DaemonError::Settings(text));
    }
    let (bound, watched) = bind(&settings, identity.as_ref())?;
    let pid_files = write_pid_files(&settings.process, identity.as_ref());
    privileges::drop(&settings.process, identity.as_ref())?;
    let mut warnings = Vec::new();
    let filters = load(&settings, &mut warnings).map_err(DaemonError::Settings)?;
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let made: Vec<_> = bound.iter().flatten().filter_map(Bound::file).collect();
    let running = bound.into_iter().zip(filters).map(|(listeners, loaded)| {
        let handler = match loaded {
            Loaded::Milter(filter) => Handler::Milter(Arc::new(ArcSwap::from_pointee(*filter))),
            Loaded::Policy(policy) => Handler::Policy(Arc::new(ArcSwap::from_pointee(*policy))),
        };
        Running { handler, listeners }
    });
    metrics().settings_read(true, false);
    // All but the connections, which have threads of their own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| DaemonError::System { what: "runtime", error })?;
    let served = runtime.block_on(serve(files, &settings, running.collect(), watched));
    // A blocked thread does not delay the exit.
    runtime.shutdown_background();
    made.iter().for_each(SocketFile::remove);
    for path in pid_files {
        _ = fs::remove_file(path);
    }
    served
}

/// Binds all sockets, those of each service together, and the one for metrics.
fn bind(
    settings: &Settings,
    identity: Option<&Identity>,
) -> Result<(Vec<Vec<Bound>>, Option<Bound>), DaemonError> {
    let mut passed = Passed::from_env();
    let mut new = |socket: &Socket| {
        let bound = Bound::new(socket, identity, &mut passed);
        bound.map_err(|error| DaemonError::Bind { socket: socket.clone(), error })
    };
    let mut bound = Vec::new();
    for service in &settings.services {
        bound.push(service.sockets.iter().map(&mut new).collect::<Result<Vec<_>, _>>()?);
    }
    let watched =
        settings.process.metrics.map(|address| Socket::Inet(address.ip().to_string(), address.port()));
    let watched = watched.as_ref().map(&mut new).transpose()?;
    passed.left().for_each(|socket| {
        tracing::warn!("{socket}: handed over by the service manager, but no setting names it");
    });
    Ok((bound, watched))
}

/// Loads all filters; errors are reported together.
pub(crate) fn load(settings: &Settings, warnings: &mut Vec<String>) -> Result<Vec<Loaded>, String> {
    let host = host_name();
    let (mut loaded, mut mistakes) = (Vec::new(), Vec::new());
    for service in &settings.services {
        let mut odd = Vec::new();
        let result = match &service.kind {
            Kind::Milter(filter) => Filter::load(&service.name, filter, &host).map(|filter| {
                odd.clone_from(&filter.warnings);
                Loaded::Milter(Box::new(filter))
            }),
            Kind::Policy(policy) => {
                SpfPolicy::load(policy, &host, &mut odd).map(|policy| Loaded::Policy(Box::new(policy)))
            }
        };
        let named = |text: String| format!("{}: {text}", service.name);
        warnings.extend(odd.into_iter().map(named));
        match result {
            Ok(service) => loaded.push(service),
            Err(errors) => mistakes.extend(errors.into_iter().map(named)),
        }
    }
    if mistakes.is_empty() { Ok(loaded) } else { Err(mistakes.join("\n")) }
}

fn host_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.unwrap_or_else(|| "localhost".to_owned())
}

async fn serve(
    files: &Files,
    settings: &Settings,
    running: Vec<Running>,
    watched: Option<Bound>,
) -> Result<(), DaemonError> {
    let system = |what| move |error| DaemonError::System { what, error };
    let dns = resolver(&settings.dns).map_err(|error| DaemonError::Settings(format!("DNS: {error}")))?;
    let limits = Limits { negotiation: Duration::from_secs(10), command: Duration::from_secs(600) };
    let workers = Arc::new(Workers::start().map_err(system("threads"))?);
    let (mut handlers, mut taking) = (Vec::new(), Vec::new());
    for service in running {
        for listener in service.listeners {
            let listener = listener.registered().map_err(system("socket"))?;
            let (handler, dns, workers) = (service.handler.clone(), dns.clone(), workers.clone());
            taking.push(tokio::spawn(listener.serve(handler, dns, limits, workers)));
        }
        if let Handler::Milter(filters) = service.handler.clone() {
            tokio::spawn(reports::run(move || filters.load().reports.clone()));
        }
        handlers.push(service.handler);
    }
    if let Some(Listener::Tcp(listener)) =
        watched.map(Bound::registered).transpose().map_err(system("socket"))?
    {
        tokio::spawn(http::serve(listener));
    }
    tokio::spawn(reaper::take_orphans());
    announce(settings);
    until_ended(files, &handlers).await?;
    _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("waxseald terminating");
    taking.iter().for_each(tokio::task::JoinHandle::abort);
    end_messages().await;
    Ok(())
}

/// Answers signals, and the service manager's watchdog, until one says that it is over.
async fn until_ended(files: &Files, handlers: &[Handler]) -> Result<(), DaemonError> {
    let system = |error| DaemonError::System { what: "signals", error };
    let mut terminate = signal(SignalKind::terminate()).map_err(system)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(system)?;
    let mut user = signal(SignalKind::user_defined1()).map_err(system)?;
    // Half the interval of the watchdog; without a watchdog, any interval will do.
    let watchdog = sd_notify::watchdog_enabled().map_or(Duration::from_secs(60), |time| time / 2);
    let mut alive = tokio::time::interval(watchdog.max(Duration::from_millis(10)));
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => guarded_reload(files, handlers).await,
            _ = user.recv() => guarded_reload(files, handlers).await,
            _ = alive.tick() => {
                _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
            }
        }
    }
    Ok(())
}

/// Notifies the service manager that the daemon is ready.
fn announce(settings: &Settings) {
    let crypto = default_provider().map_or("no provider", |provider| provider.name());
    for service in &settings.services {
        let sockets: Vec<_> = service.sockets.iter().map(ToString::to_string).collect();
        tracing::info!(
            "waxseald {} starting: {} on {}; cryptography by {crypto}",
            env!("CARGO_PKG_VERSION"),
            service.name,
            sockets.join(", ")
        );
    }
    _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
}

/// Waits for messages under way, for less than a second: containers are killed soon after they are asked to end.
async fn end_messages() {
    const PATIENCE: Duration = Duration::from_millis(800);
    let start = Instant::now();
    while !metrics().is_idle() && start.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Reloads the settings; errors in them do not stop the daemon. Connections are accepted meanwhile.
async fn guarded_reload(files: &Files, handlers: &[Handler]) {
    let (files, handlers) = (files.clone(), handlers.to_vec());
    let read = tokio::task::spawn_blocking(move || panics::caught(|| reload(&files, &handlers))).await;
    let why = match read {
        Ok(Ok(read)) => return metrics().settings_read(read, true),
        Ok(Err(panicked)) => panicked.to_string(),
        Err(error) => error.to_string(),
    };
    tracing::error!("settings were not read anew, the old ones hold: {why}");
    metrics().settings_read(false, true);
}

/// Applies new settings to new messages, all or none. Returns whether they could be loaded.
fn reload(files: &Files, handlers: &[Handler]) -> bool {
    let loaded = files.load().map_err(|mistakes| mistakes.to_string()).and_then(|settings| {
        let mut warnings = settings.warnings.clone();
        let loaded = load(&settings, &mut warnings);
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        loaded
    });
    match loaded {
        Ok(loaded) if fits(&loaded, handlers) => {
            for (handler, loaded) in handlers.iter().zip(loaded) {
                match (handler, loaded) {
                    (Handler::Milter(slot), Loaded::Milter(filter)) => slot.store(Arc::new(*filter)),
                    (Handler::Policy(slot), Loaded::Policy(policy)) => slot.store(Arc::new(*policy)),
                    _ => {}
                }
            }
            tracing::info!("settings were read anew; sockets, user and log stay as they were");
            return true;
        }
        Ok(_) => {
            tracing::error!("settings were not read anew: other services than at the start need a restart");
        }
        Err(mistakes) => {
            for mistake in mistakes.lines() {
                tracing::error!("settings were not read anew, the old ones hold: {mistake}");
            }
        }
    }
    false
}

/// Whether the services are those with which the daemon started.
fn fits(loaded: &[Loaded], handlers: &[Handler]) -> bool {
    let same = |(loaded, handler): (&Loaded, &Handler)| {
        matches!(loaded, Loaded::Milter(_)) == matches!(handler, Handler::Milter(_))
    };
    loaded.len() == handlers.len() && loaded.iter().zip(handlers).all(same)
}

/// A process writes its id only once it has its sockets, so it never replaces the id of a running one.
fn write_pid_files(process: &Process, identity: Option<&Identity>) -> Vec<PathBuf> {
    let mut written = Vec::new();
    for path in &process.pid_files {
        let made = make_folder(path, identity);
        if let Err(error) = made.and_then(|()| fs::write(path, format!("{}\n", std::process::id()))) {
            tracing::warn!("PidFile {}: {error}", path.display());
            continue;
        }
        if let Some(identity) = identity.filter(|_| nix::unistd::geteuid().is_root()) {
            _ = std::os::unix::fs::chown(path, Some(identity.uid()), Some(identity.gid()));
        }
        written.push(path.clone());
    }
    written
}

/// Answers policy requests from stdin on stdout, as `spawn` of Postfix expects.
pub(crate) fn serve_policy(files: &Files) -> Result<(), DaemonError> {
    let settings = files.load().map_err(|mistakes| DaemonError::Settings(mistakes.to_string()))?;
    log::start(&LogTo::Syslog { facility: "mail".to_owned(), name: "policyd-spf".to_owned() })
        .map_err(DaemonError::Settings)?;
    panics::log();
    let mut warnings = settings.warnings.clone();
    let loaded = load(&settings, &mut warnings).map_err(DaemonError::Settings)?;
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let system = |what| move |error| DaemonError::System { what, error };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();

    runtime.map_err(system("runtime"))?.block_on(async {
        let dns = resolver(&settings.dns).map_err(|error| DaemonError::Settings(format!("DNS: {error}")))?;
        for service in &loaded {
            if let Loaded::Policy(policy) = service {
                let served = policy::serve_stdio(policy, &dns).await;
                served.map_err(|error| system("stdin")(io::Error::other(error)))?;
            }
        }
        Ok(())
    })
}
