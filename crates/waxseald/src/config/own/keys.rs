//! Every key of waxseald.toml: its name, what it does, and its place in the settings. `convert` uses the same list.

use super::{super::value::Invalid, parts::Parts, word::Word};
use crate::settings::Settings;
use toml::Value;

/// A key of settings of type `S`.
pub(super) struct Key<S> {
    pub(super) name: &'static str,
    /// A description for `convert` and the README.
    pub(super) what: &'static str,
    pub(super) read: fn(&mut S, &Value) -> Result<(), Invalid>,
    /// `None` if it is not set.
    pub(super) write: fn(&S) -> Option<Value>,
}

macro_rules! keys {
    ($($name:literal, $what:literal => $($place:ident).+;)*) => {
        &[$(Key {
            name: $name,
            what: $what,
            read: |settings, value| {
                settings.$($place).+ = Word::read(value)?;
                Ok(())
            },
            write: |settings| Word::write(&settings.$($place).+),
        }),*]
    };
}

/// Settings of the process; they come before all services.
pub(super) const OF_PROCESS: &[Key<Settings>] = keys! {
    "user", "the user to run as, or user:group" => process.user;
    "umask", "the umask for sockets and files, octal" => process.umask;
    "pid_file", "where the process id is written" => process.pid_files;
    "chroot", "the root folder, after the sockets are bound" => process.root;
    "base_dir", "the working directory" => process.folder;
    "log", "\"stderr\", \"json\" (on stderr) or \"syslog\", which is also syslog:FACILITY:NAME" => process.log;
    "metrics", "the ADDRESS:PORT that serves /metrics and /healthz over HTTP" => process.metrics;
    "dns", "servers to ask instead of those in resolv.conf" => dns.servers;
    "dns_timeout", "how many seconds one check may wait for DNS" => dns.timeout;
};

/// Settings of a service; above all services, they are the defaults of all.
pub(super) const OF_SERVICE: &[Key<Parts>] = keys! {
    "name", "the word at the start of log lines" => name;
    "listen", "sockets: inet:PORT@HOST, inet6:PORT@HOST, local:/PATH" => listen;
    "roles", "what it does: any of sign, verify, dmarc, arc, iprev; or policy alone" => roles;
    "domain", "the domains that sign with this key" => domain;
    "selector", "the selector of the key" => selector;
    "key", "the file of the key" => key;
    "subdomains", "whether mail of subdomains is signed as well" => subdomains;
    "key_table", "OpenDKIM's KeyTable, instead of a single key" => key_table;
    "signing_table", "OpenDKIM's SigningTable, instead of a single key" => signing_table;
    "all_matches", "whether all matching entries sign, not only the first" => sign.all_matches;
    "internal_hosts", "whose mail is signed without authentication" => sign.internal;
    "external_ignore", "external hosts that may send as the domains without a log entry" => sign.external_ignore;
    "exempt_domains", "authors whose mail is neither signed nor checked" => sign.exempt_domains;
    "not_signed_to", "recipients whose mail is not signed" => sign.not_to;
    "mtas", "values of the macro daemon_name that make mail internal" => sign.mtas;
    "macros", "macros that make mail internal: NAME, or NAME=VALUE|VALUE" => sign.macros;
    "sender_fields", "fields that name the author, tried before From" => sign.sender_fields;
    "canonicalization", "of header and body, in signatures and seals" => canonicalization;
    "signed_fields", "the fields to sign, or +NAME and -NAME to change the default list" => fields;
    "oversigned", "fields that cannot be added to a signed message" => oversigned;
    "signature_lifetime", "seconds until a signature expires (x=)" => sign.lifetime;
    "body_length", "whether the length of the body is signed (l=)" => sign.body_length;
    "copied_fields", "whether signed fields are copied into the signature (z=)" => sign.copied_fields;
    "request_reports", "whether receivers are asked for reports (r=y)" => sign.request_reports;
    "remove_old_signatures", "whether existing signatures are removed when signing" => sign.remove_old;
    "sender_logins", "who may send as whom: an address or @DOMAIN, and logins" => sign.logins;
    "sender_logins_action", "what to do with mail that a login sends as somebody else: warn, unsigned or refuse" => sign.login_action;
    "publish_check", "whether keys that are not in DNS may sign: off, warn, require or strict" => sign.publish_check;
    "atps_domains", "authors who let others sign for them (RFC 6541)" => sign.atps;
    "atps_hash", "how their DNS names the signer: sha256 or none" => sign.atps_hash;
    "min_rsa_bits", "the shortest RSA key that may sign or verify" => min_rsa_bits;
    "safe_keys", "whether keys are refused that others can read or replace" => safe_keys;
    "authserv_id", "the name under which results are written; forged results with it are removed" => filter.authserv_id;
    "authserv_id_with_job", "whether the queue id is appended to it" => filter.with_job_id;
    "remove_results_of", "further names whose results are removed" => filter.remove_from;
    "remove_all_results", "whether all results are removed" => filter.remove_all;
    "keep_results", "whether no results are removed" => filter.keep_results;
    "results_style", "how results are written: folded, opendkim (one line per entry) or policyd_spf (one line)" => filter.style;
    "software_field", "a field to add that names the software: DKIM-Filter, DMARC-Filter, ARC-Filter" => filter.software;
    "peers", "clients whose mail is ignored" => filter.peers;
    "max_header", "the largest header, in bytes; a larger one is rejected" => filter.max_header;
    "header_rules", "what to do with mail with missing or repeated fields (RFC 5322): off, leave, refuse or refuse_without_author" => filter.header_rules;
    "fix_line_ends", "whether bare CR and LF are signed and verified as line ends" => filter.fix_line_ends;
    "always_add_results", "whether results are added to messages without signature" => verify.always_add;
    "header_b", "whether results have header.b" => verify.with_header_b;
    "max_signatures", "how many signatures of a message are verified" => verify.max_signatures;
    "clock_drift", "by how many seconds clocks may differ" => verify.clock_drift;
    "must_be_signed", "fields that a signature must cover" => verify.must_be_signed;
    "neutral_atps", "whether dkim-atps=neutral is written, as in OpenDKIM" => verify.neutral_atps;
    "redirect_failures_to", "the recipient to whom mail with failed signatures is redirected" => verify.redirect_to;
    "on_bad_signature", "accept, discard, quarantine, reject or tempfail" => filter.actions.bad_signature;
    "on_no_signature", "the same, for mail without signature" => filter.actions.no_signature;
    "on_key_not_found", "the same, for a key that is not in DNS" => filter.actions.key_not_found;
    "on_dns_error", "the same, when a DNS lookup fails" => filter.actions.dns_error;
    "on_internal_error", "the same, when the signing key cannot be read" => filter.actions.internal_error;
    "on_security", "the same, when the signing key is not safe" => filter.actions.security;
    "on_signature_error", "the same, when signing fails" => filter.actions.signature_error;
    "reject_failures", "whether mail that fails DMARC p=reject is rejected" => dmarc.reject;
    "hold_quarantined", "whether mail that fails DMARC p=quarantine goes to the hold queue" => dmarc.hold;
    "dmarc_ignored_hosts", "clients whose mail is exempt from DMARC" => dmarc.ignore_hosts;
    "dmarc_ignores_authenticated", "whether mail of authenticated clients is exempt from DMARC" => dmarc.ignore_authenticated;
    "dmarc_ignored_domains", "authors whose mail is exempt from DMARC" => dmarc.ignore_domains;
    "reject_several_authors", "whether mail with addresses of several domains in From is rejected" => dmarc.several_authors_rejected;
    "trusted_sealers", "domains whose ARC seals override a DMARC failure" => dmarc.trusted_sealers;
    "override_hosts", "clients whose DMARC failures are accepted" => dmarc.override_hosts;
    "override_domains", "authors, with none, quarantine or reject to apply instead of their policy" => dmarc.override_domains;
    "trusted_results_of", "programs of the site whose DKIM and SPF results count for DMARC" => dmarc.trust.ids;
    "trusts_received_spf", "whether the topmost Received-SPF counts" => dmarc.trust.received_spf;
    "ignores_spf_results", "whether their SPF results are ignored" => dmarc.trust.ignores_spf;
    "checks_spf_itself", "whether SPF is checked here if the header has no result" => dmarc.trust.self_validate;
    "history_file", "the file for opendmarc-import" => dmarc.history;
    "history_of_all", "whether it includes domains without a record" => dmarc.records_all;
    "history_ignores_recipients", "recipients whose mail is left out of it" => dmarc.unrecorded_recipients;
    "reject_text", "the text of a DMARC rejection; %s stands for the domain" => dmarc.reject_text;
    "copy_failures_to", "who gets a copy of mail that fails DMARC" => dmarc.copy_to;
    "dkim_reports", "whether failure reports are sent to signers that request them (RFC 6651)" => filter.reports.dkim;
    "dmarc_reports", "whether failure reports are sent to domains that request them (RFC 9991)" => filter.reports.dmarc;
    "dmarc_reports_on_none", "whether also to those whose policy is none" => filter.reports.on_none;
    "report_from", "the From address of failure reports" => filter.reports.from;
    "report_bcc", "who gets a copy of failure reports" => filter.reports.bcc;
    "report_command", "a command that takes the message on stdin, or smtp://HOST:PORT" => filter.reports.delivery;
    "report_spool", "the folder in which reports wait" => filter.reports.spool;
    "arc_internal_hosts", "clients whose results in the header are sealed unchanged" => arc_internal;
    "verify_chain", "whether the ARC result is written" => verify_chain;
    "spf_enforce", "whether the policy service rejects at all" => policy.enforce;
    "spf_helo", "when HELO is rejected: not_pass, softfail, fail, null, never or no_check" => policy.helo;
    "spf_mail_from", "the same, for MAIL FROM" => policy.mail_from;
    "spf_reject_permerror", "whether permerror rejects" => policy.reject_permerror;
    "spf_defer_temperror", "whether temperror defers" => policy.defer_temperror;
    "spf_skip", "clients that are not checked with SPF" => policy.skip;
    "spf_whitelist", "relays that are not checked with SPF" => policy.whitelist;
    "spf_helo_whitelist", "HELO names that are not checked with SPF" => policy.exempt.helo;
    "spf_domain_whitelist", "domains whose SPF records name clients that are not checked with SPF" => policy.exempt.domains;
    "spf_ptr_whitelist", "domains whose hosts are not checked with SPF, by reverse DNS" => policy.exempt.ptr;
    "spf_whitelist_timeout", "how many seconds a lookup for these may take" => policy.exempt.timeout;
    "spf_no_mail", "whether mail is rejected only for domains that send none" => policy.no_mail;
    "spf_helo_pass", "a Postfix restriction for mail whose HELO passes" => policy.helo_pass;
    "spf_mail_from_pass", "the same, for MAIL FROM" => policy.mail_from_pass;
    "spf_prospective", "the address from which mail will be sent, instead of the client" => policy.prospective;
    "spf_not_pass_domains", "domains whose mail is rejected unless SPF passes" => policy.not_pass_domains;
    "spf_field", "received_spf, none, or authentication_results ID" => policy.field;
    "spf_hide_receiver", "whether receiver= is <UNKNOWN>" => policy.hide_receiver;
    "spf_enhanced_codes", "whether replies have enhanced status codes" => policy.enhanced_codes;
    "spf_timeout", "how many seconds a check may take" => policy.timeout;
    "spf_max_void_lookups", "lookups without an answer before permerror" => policy.max_void_lookups;
    "spf_per_recipient", "a file with settings of single recipients, as policyd-spf's Per_User" => policy.per_recipient;
    "spf_reason_message", "the text of rejections, with {rejectdefer}, {spf} and {url}" => policy.reason_message;
};
