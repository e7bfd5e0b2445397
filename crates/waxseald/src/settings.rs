//! The settings of the daemon, whichever file they come from.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};
use waxseal::{authres::ResultsStyle, dkim::Canonicalization};

/// All settings of a process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) process: Process,
    pub(crate) dns: Dns,
    pub(crate) services: Vec<Service>,
    pub(crate) warnings: Vec<String>,
}

/// Settings of the process as a whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Process {
    pub(crate) user: Option<String>,
    pub(crate) umask: Option<Mask>,
    pub(crate) root: Option<PathBuf>,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) pid_files: Vec<PathBuf>,
    pub(crate) log: LogTo,
    /// Where numbers and health are served.
    pub(crate) metrics: Option<SocketAddr>,
}

/// The umask for new files and sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mask(pub(crate) u32);

/// Where log lines go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum LogTo {
    #[default]
    Stderr,
    /// One JSON object per line, on stderr.
    Json,
    Syslog {
        facility: String,
        name: String,
    },
}

/// Which servers to ask.
#[derive(Debug, Clone)]
pub(crate) struct Dns {
    /// Those of resolv.conf when empty.
    pub(crate) servers: Vec<SocketAddr>,
    /// How long one lookup may take in total.
    pub(crate) timeout: Duration,
}

impl Default for Dns {
    fn default() -> Self {
        Self { servers: Vec::new(), timeout: Duration::from_secs(20) }
    }
}

/// A service: its sockets, and what it does for clients.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    /// The file that describes it, for the log.
    pub(crate) name: String,
    pub(crate) sockets: Vec<Socket>,
    pub(crate) kind: Kind,
}

/// The protocol of a socket.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Milter(Box<FilterSettings>),
    /// The policy protocol of Postfix.
    Policy(Box<PolicySettings>),
}

/// Where a service listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Socket {
    Inet(String, u16),
    Unix(PathBuf),
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(host, port) => write!(f, "inet:{port}@{host}"),
            Self::Unix(path) => write!(f, "local:{}", path.display()),
        }
    }
}

/// Failure reports, and how they are sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReportSettings {
    /// Of DKIM signatures that ask for them (RFC 6651).
    pub(crate) dkim: bool,
    /// Of DMARC (RFC 9991).
    pub(crate) dmarc: bool,
    /// Also where the policy is none.
    pub(crate) on_none: bool,
    /// What stands in From.
    pub(crate) from: Option<String>,
    pub(crate) bcc: Vec<String>,
    pub(crate) delivery: Delivery,
    /// Where they wait.
    pub(crate) spool: Option<PathBuf>,
}

/// Who takes mail of the daemon itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// A command for the shell that reads a message.
    Command(String),
    /// A mail server.
    Smtp(String),
}

impl Default for Delivery {
    fn default() -> Self {
        Self::Command("/usr/sbin/sendmail -t -f ''".to_owned())
    }
}

/// What a milter does with mail.
#[derive(Debug, Clone, Default)]
pub(crate) struct FilterSettings {
    pub(crate) authserv_id: String,
    pub(crate) with_job_id: bool,
    /// Names beside the authserv-id whose Authentication-Results are removed.
    pub(crate) remove_from: Vec<String>,
    pub(crate) remove_all: bool,
    pub(crate) keep_results: bool,
    /// How Authentication-Results are written.
    pub(crate) style: ResultsStyle,
    /// `DKIM-Filter`, and what it says.
    pub(crate) software: Option<(&'static str, String)>,
    /// Clients whose mail is ignored.
    pub(crate) peers: Option<String>,
    pub(crate) max_header: u32,
    pub(crate) sign: Option<SignSettings>,
    pub(crate) verify: Option<VerifySettings>,
    pub(crate) dmarc: Option<DmarcSettings>,
    pub(crate) arc: Option<ArcSettings>,
    /// Whether reverse DNS of the client is checked.
    pub(crate) iprev: bool,
    pub(crate) actions: Actions,
    pub(crate) reports: ReportSettings,
    pub(crate) header_rules: HeaderRules,
    /// Bare CR and LF count as line ends.
    pub(crate) fix_line_ends: bool,
}

/// What becomes of mail that breaks the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum HeaderRules {
    /// Nothing is looked at.
    #[default]
    Off,
    /// It is neither signed nor checked: StrictHeaders.
    Leave,
    /// It is rejected: RequiredHeaders.
    Refuse,
    /// It is rejected, also without a clear author: RequiredHeaders of OpenDMARC.
    RefuseWithoutAuthor,
}

/// What to do in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Accept,
    Discard,
    Quarantine,
    Reject,
    TempFail,
}

/// The options `On-…`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Actions {
    pub(crate) bad_signature: Action,
    pub(crate) no_signature: Action,
    pub(crate) key_not_found: Action,
    pub(crate) dns_error: Action,
    pub(crate) internal_error: Action,
    pub(crate) security: Action,
    pub(crate) signature_error: Action,
}

impl Default for Actions {
    fn default() -> Self {
        Self {
            bad_signature: Action::Accept,
            no_signature: Action::Accept,
            key_not_found: Action::Accept,
            dns_error: Action::TempFail,
            internal_error: Action::TempFail,
            security: Action::TempFail,
            signature_error: Action::Reject,
        }
    }
}

/// Whose mail is signed with which keys, and how.
#[derive(Debug, Clone)]
pub(crate) struct SignSettings {
    pub(crate) keys: KeySettings,
    /// `None`: only this host.
    pub(crate) internal: Option<String>,
    pub(crate) external_ignore: Option<String>,
    pub(crate) exempt_domains: Option<String>,
    pub(crate) not_to: Option<String>,
    /// Names of `{daemon_name}` whose mail is internal.
    pub(crate) mtas: Vec<String>,
    /// Macros that make mail internal, with the values that do so (none: any value).
    pub(crate) macros: Vec<(String, Vec<String>)>,
    pub(crate) sender_fields: Vec<String>,
    pub(crate) canonicalization: (Canonicalization, Canonicalization),
    pub(crate) fields: FieldChanges,
    pub(crate) oversigned: Vec<String>,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) body_length: bool,
    pub(crate) copied_fields: bool,
    pub(crate) request_reports: bool,
    pub(crate) remove_old: bool,
    pub(crate) all_matches: bool,
    pub(crate) min_rsa_bits: u32,
    pub(crate) safe_keys: bool,
    /// Who may write as whom.
    pub(crate) logins: Option<String>,
    pub(crate) login_action: LoginAction,
    pub(crate) publish_check: PublishCheck,
    /// Domains of authors that let others sign for them by RFC 6541.
    pub(crate) atps: Option<String>,
    pub(crate) atps_hash: AtpsHash,
}

/// What becomes of mail whose author is not one of the login's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LoginAction {
    #[default]
    Warn,
    Unsigned,
    Refuse,
}

/// Whether the published key is looked at before a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum PublishCheck {
    #[default]
    Off,
    Warn,
    /// A key that DNS does not show does not sign.
    Require,
    /// Nor one of which DNS says nothing for now.
    Strict,
}

/// How the name of the signer is written in DNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum AtpsHash {
    Plain,
    #[default]
    Sha256,
}

impl AtpsHash {
    /// `none` or `sha256`; `sha1` is not used any more.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "none" => Some(Self::Plain),
            "sha256" => Some(Self::Sha256),
            _ => None,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "none",
            Self::Sha256 => "sha256",
        }
    }
}

/// Where the keys are.
#[derive(Debug, Clone)]
pub(crate) enum KeySettings {
    One { domains: Vec<String>, selector: String, file: PathBuf, subdomains: bool },
    Tables { keys: String, signing: String },
}

/// How the list of signed fields differs from the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldChanges {
    /// Instead of the default.
    pub(crate) only: Option<Vec<String>>,
    pub(crate) added: Vec<String>,
    pub(crate) omitted: Vec<String>,
}

impl FieldChanges {
    /// `*,+autocrypt,-date`: words with a sign change the default list, words without are the list.
    pub(crate) fn from_words(words: Vec<String>) -> Self {
        let mut changes = Self::default();
        for word in words {
            match word.split_at_checked(1) {
                Some(("+", name)) => changes.added.push(name.to_owned()),
                Some(("-", name)) => changes.omitted.push(name.to_owned()),
                _ if word == "*" => {}
                _ => changes.only.get_or_insert_default().push(word),
            }
        }
        changes
    }
}

/// How signatures are judged, and which results are written.
#[derive(Debug, Clone)]
pub(crate) struct VerifySettings {
    pub(crate) always_add: bool,
    pub(crate) with_header_b: bool,
    pub(crate) max_signatures: usize,
    pub(crate) min_rsa_bits: u32,
    pub(crate) clock_drift: Duration,
    pub(crate) must_be_signed: Vec<String>,
    /// Whether `dkim-atps=neutral` is written where no signature speaks of RFC 6541, as OpenDKIM does.
    pub(crate) neutral_atps: bool,
    /// Who gets mail with signatures that failed.
    pub(crate) redirect_to: Option<String>,
}

/// DMARC.
#[derive(Debug, Clone, Default)]
pub(crate) struct DmarcSettings {
    /// Whether `p=reject` rejects.
    pub(crate) reject: bool,
    /// Whether `p=quarantine` goes to the hold queue.
    pub(crate) hold: bool,
    pub(crate) ignore_hosts: Option<String>,
    pub(crate) ignore_authenticated: bool,
    pub(crate) ignore_domains: Vec<String>,
    pub(crate) several_authors_rejected: bool,
    /// Whose ARC sets are trusted.
    pub(crate) trusted_sealers: Vec<String>,
    /// Clients whose mail is accepted whatever the policy says.
    pub(crate) override_hosts: Option<String>,
    /// Domains of authors, and the policy in place of theirs.
    pub(crate) override_domains: Option<String>,
    /// Results of other programs that count.
    pub(crate) trust: TrustSettings,
    pub(crate) history: Option<PathBuf>,
    /// Also domains without a record.
    pub(crate) records_all: bool,
    /// Mail to these is not recorded.
    pub(crate) unrecorded_recipients: Vec<String>,
    /// The text of a rejection, with `%s` for the domain.
    pub(crate) reject_text: Option<String>,
    /// Who gets a copy of what fails.
    pub(crate) copy_to: Option<String>,
}

/// DMARC by what other programs of the site wrote into the header, where they are named or Received-SPF counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustSettings {
    /// Whose Authentication-Results count; the own authserv-id when empty.
    pub(crate) ids: Vec<String>,
    /// Whether the topmost Received-SPF counts.
    pub(crate) received_spf: bool,
    /// Whether results of SPF count for nothing.
    pub(crate) ignores_spf: bool,
    /// Whether SPF is checked here where the header says nothing of it; where only own names are trusted it is, unless told not
    /// to.
    pub(crate) self_validate: Option<bool>,
}

/// ARC.
#[derive(Debug, Clone)]
pub(crate) struct ArcSettings {
    pub(crate) verify: bool,
    /// Clients whose results in the header are sealed as they are.
    pub(crate) internal: Option<String>,
    pub(crate) seal: Option<SealSettings>,
}

/// The key for seals, and how to seal.
#[derive(Debug, Clone)]
pub(crate) struct SealSettings {
    pub(crate) domain: String,
    pub(crate) selector: String,
    pub(crate) file: PathBuf,
    pub(crate) canonicalization: (Canonicalization, Canonicalization),
    pub(crate) fields: Vec<String>,
    pub(crate) oversigned: Vec<String>,
    pub(crate) min_rsa_bits: u32,
    pub(crate) safe_keys: bool,
}

/// Results of SPF for which mail is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reject {
    /// Fail, softfail and neutral.
    NotPass,
    SoftFail,
    Fail,
    /// Fail of HELO, only for the null sender.
    Null,
    Never,
    NoCheck,
}

/// The field that the policy service adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PolicyField {
    ReceivedSpf,
    /// With the authserv-id.
    AuthenticationResults(String),
    Nothing,
}

/// Clients that are not checked with SPF, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exempt {
    /// By the SPF records of these.
    pub(crate) domains: Vec<String>,
    /// By HELO.
    pub(crate) helo: Vec<String>,
    /// By names in reverse DNS below these.
    pub(crate) ptr: Vec<String>,
    /// How long one lookup may take.
    pub(crate) timeout: Duration,
}

/// SPF for the policy protocol, as in policyd-spf.
#[derive(Debug, Clone)]
pub(crate) struct PolicySettings {
    /// If false, mail gets the field but is never rejected.
    pub(crate) enforce: bool,
    pub(crate) helo: Reject,
    pub(crate) mail_from: Reject,
    pub(crate) reject_permerror: bool,
    pub(crate) defer_temperror: bool,
    pub(crate) skip: String,
    pub(crate) whitelist: Option<String>,
    pub(crate) exempt: Exempt,
    /// Whether mail is rejected for domains alone that send none.
    pub(crate) no_mail: bool,
    /// The restriction of Postfix that a pass of HELO leads to.
    pub(crate) helo_pass: Option<String>,
    pub(crate) mail_from_pass: Option<String>,
    /// The address from which mail will be sent, in place of that of the client.
    pub(crate) prospective: Option<IpAddr>,
    pub(crate) not_pass_domains: Vec<String>,
    pub(crate) field: PolicyField,
    pub(crate) hide_receiver: bool,
    pub(crate) enhanced_codes: bool,
    pub(crate) timeout: Duration,
    pub(crate) max_void_lookups: u16,
    pub(crate) reason_message: String,
    /// The file with settings of single recipients.
    pub(crate) per_recipient: Option<PathBuf>,
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            enforce: true,
            helo: Reject::Fail,
            mail_from: Reject::Fail,
            reject_permerror: false,
            defer_temperror: false,
            skip: "127.0.0.0/8,::ffff:127.0.0.0/104,::1".to_owned(),
            whitelist: None,
            exempt: Exempt::default(),
            no_mail: false,
            helo_pass: None,
            mail_from_pass: None,
            prospective: None,
            not_pass_domains: Vec::new(),
            field: PolicyField::ReceivedSpf,
            hide_receiver: false,
            enhanced_codes: true,
            timeout: Duration::from_secs(20),
            max_void_lookups: 2,
            reason_message: "Message {rejectdefer} due to: {spf}. {url}".to_owned(),
            per_recipient: None,
        }
    }
}
