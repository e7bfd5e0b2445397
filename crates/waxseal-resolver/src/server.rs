//! The servers to ask: explicit addresses or resolv.conf.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

/// The port of DNS (RFC 1035 §4.2).
const PORT: u16 = 53;
/// The place of resolv.conf(5).
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Why a resolver cannot be set up: no server is given, a text is not the address of one, the system's configuration
/// cannot be read, or the resolver library refuses it.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub struct SetupError(#[from] pub(crate) Fault);

#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Fault {
    /// No server was given.
    #[error("no DNS server given")]
    NoServer,
    /// Not an address of a server.
    #[error("`{0}` is not the address of a DNS server: an IP address with or without `:port` is meant")]
    Server(String),
    /// The system's configuration cannot be read. Name servers explicitly.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What happened.
        #[source]
        cause: Arc<io::Error>,
    },
    /// The resolver library refused the configuration.
    #[cfg(feature = "hickory")]
    #[error("cannot set up the resolver")]
    Resolver(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

/// Reads the address of a DNS server: `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353`; the port is
/// 53 unless given.
///
/// # Errors
/// [`SetupError`]; host names are not looked up.
///
/// ```
/// let server = waxseal_resolver::parse_server("127.0.0.1:5354").unwrap();
/// assert_eq!(server.port(), 5354);
/// assert_eq!(waxseal_resolver::parse_server("::1").unwrap().to_string(), "[::1]:53");
/// ```
pub fn parse_server(text: &str) -> Result<SocketAddr, SetupError> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    text.parse()
        .or_else(|_| bracketed.unwrap_or(text).parse::<IpAddr>().map(|ip| SocketAddr::new(ip, PORT)))
        .map_err(|_| Fault::Server(text.escape_debug().to_string()).into())
}

/// The settings of resolv.conf(5) that matter for complete names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SystemConfig {
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) attempts: Option<u32>,
    pub(crate) rotate: bool,
    pub(crate) trust_ad: bool,
}

impl SystemConfig {
    pub(crate) fn read() -> Result<Self, SetupError> {
        std::fs::read(RESOLV_CONF)
            .map(|text| Self::parse(&String::from_utf8_lossy(&text)))
            .map_err(|cause| Fault::Read { path: RESOLV_CONF.into(), cause: Arc::new(cause) }.into())
    }

    /// Like the C library: unknown lines and options are ignored, values are capped, and without a readable
    /// `nameserver` line the server is 127.0.0.1.
    pub(crate) fn parse(text: &str) -> Self {
        let mut config =
            Self { servers: Vec::new(), timeout: None, attempts: None, rotate: false, trust_ad: false };
        for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => {
                    config.servers.extend(words.next().and_then(|word| parse_server(word).ok()))
                }
                Some("options") => words.for_each(|option| config.option(option)),
                _ => {}
            }
        }
        if config.servers.is_empty() {
            config.servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT));
        }
        config
    }

    fn option(&mut self, option: &str) {
        let number = |value: &str, cap: u32| value.parse::<u32>().ok().map(|number| number.clamp(1, cap));
        match option.split_once(':') {
            Some(("timeout", value)) => {
                self.timeout =
                    number(value, 30).map(|seconds| Duration::from_secs(seconds.into())).or(self.timeout);
            }
            Some(("attempts", value)) => self.attempts = number(value, 5).or(self.attempts),
            None if option == "rotate" => self.rotate = true,
            None if option == "trust-ad" => self.trust_ad = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers() {
        for (text, address) in [
            ("192.0.2.1", "192.0.2.1:53"),
            ("192.0.2.1:5353", "192.0.2.1:5353"),
            ("2001:db8::1", "[2001:db8::1]:53"),
            ("[2001:db8::1]", "[2001:db8::1]:53"),
            ("[2001:db8::1]:5353", "[2001:db8::1]:5353"),
        ] {
            assert_eq!(parse_server(text).unwrap().to_string(), address);
        }
        for text in ["", "localhost", "192.0.2.1:", "192.0.2.1:99999", "[::1", "192.0.2.1 ", "192.0.2"] {
            assert!(matches!(parse_server(text), Err(SetupError(Fault::Server(_)))), "{text}");
        }
    }

    #[test]
    fn resolv_conf() {
        let config = SystemConfig::parse(
            "# nameserver 192.0.2.9\n; x\nsearch example.org\nnameserver 192.0.2.1\nnameserver\t2001:db8::1 \n\
             nameserver fe80::1%nosuch\noptions timeout:2 attempts:99 rotate ndots:5 edns0\noptions trust-ad timeout:x\n",
        );
        let servers = ["192.0.2.1:53", "[2001:db8::1]:53"].map(|server| server.parse().unwrap());
        let timeout = Some(Duration::from_secs(2));
        let expected = SystemConfig {
            servers: servers.to_vec(),
            timeout,
            attempts: Some(5),
            rotate: true,
            trust_ad: true,
        };
        assert_eq!(config, expected);
        assert_eq!(SystemConfig::parse("").servers, ["127.0.0.1:53".parse().unwrap()]);
        assert_eq!(SystemConfig::parse("options timeout:0").timeout, Some(Duration::from_secs(1)));
    }
}
