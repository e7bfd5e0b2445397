use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
};

use crate::{
    data_set::{DataSet, Form, Source},
    glob::Glob,
    lines::{Content, Row},
    network::{self, Network},
    problem::{InvalidTable, MAX_PATTERNS, Problem, ProblemKind, Problems},
};

/// A list of hosts: `InternalHosts`, `PeerList`, `ExternalIgnoreList`.
///
/// Entries are addresses (with or without brackets), networks (`192.0.2.0/24`, `2001:db8::/32`), host names, and
/// `.domain` for the hosts of a domain. `!` before an entry excludes it. The most specific entry decides; of two equal
/// ones, the exclusion.
///
/// ```
/// use waxseal_tables::{Form, HostList};
/// let hosts = HostList::from_bytes(Form::File, b"192.0.2.0/24\n!192.0.2.9\n.example.org\n")?;
/// assert!(hosts.contains(None, "192.0.2.1".parse().ok()));
/// assert!(!hosts.contains(None, "192.0.2.9".parse().ok()));
/// let found = hosts.lookup(Some("mail.example.org"), None).unwrap();
/// assert_eq!((found.is_included(), found.text(), found.line()), (true, ".example.org", 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct HostList {
    entries: Vec<(Box<str>, usize)>,
    networks: HashMap<(Network, bool), usize>,
    /// The lengths of prefixes that occur, with the family, the longest first.
    lengths: Vec<(bool, u8)>,
    names: HashMap<Box<str>, usize>,
    globs: Vec<(Glob, usize)>,
    problems: Problems,
}

/// The entry of a [`HostList`] that decides about a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostEntry<'a> {
    text: &'a str,
    line: usize,
    included: bool,
}

/// The longest name of a host that is looked up.
const MAX_NAME: usize = 255;

impl HostList {
    /// Reads the list that an option names.
    ///
    /// # Errors
    /// It cannot be read, or exceeds the limits of this crate.
    pub fn load(set: &DataSet, source: &dyn Source) -> Result<Self, InvalidTable> {
        Self::new(&Content::read(set, source)?)
    }

    /// Reads the text of a list.
    ///
    /// # Errors
    /// It exceeds the limits of this crate.
    pub fn from_bytes(form: Form, text: &[u8]) -> Result<Self, InvalidTable> {
        Self::new(&Content::Text(form, text.into()))
    }

    /// Whether the host is in the list, by name or by address.
    pub fn contains(&self, name: Option<&str>, address: Option<IpAddr>) -> bool {
        self.lookup(name, address).is_some_and(|entry| entry.included)
    }

    /// The entry that decides about a host: that of its name if it includes, else that of its address. As in OpenDKIM,
    /// excluding the name does not keep an entry for the address from including the host.
    pub fn lookup(&self, name: Option<&str>, address: Option<IpAddr>) -> Option<HostEntry<'_>> {
        let by_name = name.and_then(|name| self.lookup_name(name));
        if by_name.is_some_and(|entry| entry.included) {
            return by_name;
        }
        address.and_then(|address| self.lookup_address(address)).or(by_name)
    }

    /// The entry that decides about an address. An IPv4-mapped address is then looked up as IPv4.
    pub fn lookup_address(&self, address: IpAddr) -> Option<HostEntry<'_>> {
        let text = address.to_string();
        let found = self.exact_address(address);
        let found = found.or_else(|| self.by_glob(&text)).or_else(|| self.by_glob(&format!("[{text}]")));
        let found = found.or_else(|| self.by_network(address));
        let canonical = address.to_canonical();
        found.or_else(|| if canonical == address { None } else { self.lookup_address(canonical) })
    }

    /// The entry that decides about a name: the name itself, then each `.parent`.
    pub fn lookup_name(&self, name: &str) -> Option<HostEntry<'_>> {
        let name = name.to_ascii_lowercase();
        if name.is_empty() || name.len() > MAX_NAME {
            return None;
        }
        let parents = name.match_indices('.').map(|(dot, _)| dot).filter(|dot| *dot > 0);
        std::iter::once(0).chain(parents).find_map(|start| {
            let name = name.get(start..)?;
            let excluding = format!("!{name}");
            let exact = |key: &str| self.names.get(key).copied();
            let excluded = exact(&excluding)
                .or_else(|| self.glob(&excluding))
                .and_then(|number| self.entry(number, false));
            excluded.or_else(|| {
                exact(name).or_else(|| self.glob(name)).and_then(|number| self.entry(number, true))
            })
        })
    }

    /// All entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = HostEntry<'_>> {
        self.entries.iter().map(|(text, line)| HostEntry {
            text,
            line: *line,
            included: !text.starts_with('!'),
        })
    }

    /// Misleading lines.
    pub fn problems(&self) -> &[Problem] {
        self.problems.as_slice()
    }

    fn new(content: &Content) -> Result<Self, InvalidTable> {
        let mut list = Self {
            entries: Vec::new(),
            networks: HashMap::new(),
            lengths: Vec::new(),
            names: HashMap::new(),
            globs: Vec::new(),
            problems: Problems::default(),
        };
        let mut problems = Problems::default();
        let is_refile = content.has_patterns();
        let mut over = None;
        content.rows(&mut problems, |row| {
            if list.globs.len() < MAX_PATTERNS {
                list.push(row, is_refile)
            } else {
                over = over.or(Some(row.line))
            }
        })?;
        if let Some(line) = over {
            return Err(InvalidTable::TooManyPatterns(line));
        }
        problems.extend(list.problems.as_slice().to_vec());
        list.problems = problems;
        let lengths: BTreeSet<_> =
            list.networks.keys().filter_map(|(network, _)| network.family_and_length()).collect();
        list.lengths = lengths.into_iter().rev().collect();
        Ok(list)
    }

    fn push(&mut self, row: Row<'_>, is_refile: bool) {
        let number = self.entries.len();
        let text = row.key.to_ascii_lowercase();
        let excludes = text.starts_with('!');
        let host = text.trim_start_matches('!');
        if let Some(glob) = Glob::new(&text).filter(|_| is_refile) {
            if text.starts_with('*') {
                let better =
                    host.strip_prefix('*').filter(|rest| rest.starts_with('.') && !rest.contains('*'));
                let better = better.unwrap_or("networks, names and .domain without *");
                self.problems.push(row.line, ProblemKind::Excludes(row.key.into(), better.into()));
            }
            self.globs.push((glob, number));
        } else {
            match network::read(host) {
                Some(Ok(network)) => drop(self.networks.entry((network, excludes)).or_insert(number)),
                Some(Err(network)) => {
                    let network = if excludes { format!("!{network}") } else { network };
                    self.problems.push(row.line, ProblemKind::HostBits { text: row.key.into(), network });
                }
                None if host.contains('*') => {
                    self.problems.push(row.line, ProblemKind::PatternInFile(row.key.into()))
                }
                None if !is_name(host) => {
                    self.problems.push(row.line, ProblemKind::NotAHost(row.key.into()));
                }
                None => drop(self.names.entry(text.as_str().into()).or_insert(number)),
            }
        }
        self.entries.push((row.key.into(), row.line));
    }

    fn exact_address(&self, address: IpAddr) -> Option<HostEntry<'_>> {
        self.network(Network::Host(address))
    }

    fn by_network(&self, address: IpAddr) -> Option<HostEntry<'_>> {
        let lengths = self.lengths.iter().filter(|(is_ipv6, _)| *is_ipv6 == address.is_ipv6());
        lengths
            .filter_map(|(_, length)| Network::around(address, *length))
            .find_map(|network| self.network(network))
    }

    fn network(&self, network: Network) -> Option<HostEntry<'_>> {
        let get = |excludes| {
            self.networks.get(&(network, excludes)).and_then(|number| self.entry(*number, !excludes))
        };
        get(true).or_else(|| get(false))
    }

    fn by_glob(&self, text: &str) -> Option<HostEntry<'_>> {
        let excluded = self.glob(&format!("!{text}")).and_then(|number| self.entry(number, false));
        excluded.or_else(|| self.glob(text).and_then(|number| self.entry(number, true)))
    }

    fn glob(&self, text: &str) -> Option<usize> {
        self.globs.iter().find(|(glob, _)| glob.matches(text)).map(|(_, number)| *number)
    }

    fn entry(&self, number: usize, included: bool) -> Option<HostEntry<'_>> {
        self.entries.get(number).map(|(text, line)| HostEntry { text, line: *line, included })
    }
}

impl<'a> HostEntry<'a> {
    /// The entry as written.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The number of its line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Whether it includes what it matches, rather than excluding it.
    pub fn is_included(&self) -> bool {
        self.included
    }
}

/// No host name has a numeric last label: that is a mistyped address.
fn is_name(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    !host.contains(['/', ':', '[', '@', '!']) && !last.bytes().all(|byte| byte.is_ascii_digit())
}
