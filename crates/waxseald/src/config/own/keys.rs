//! Every key of waxseald.toml: its name, what it does, and where it stands in the settings. `convert` writes by the same list.

use super::{super::value::Invalid, parts::Parts, word::Word};
use crate::settings::Settings;
use toml::Value;

/// A key of settings of type `S`.
pub(super) struct Key<S> {
    pub(super) name: &'static str,
    /// A line for `convert` and for the README.
    pub(super) what: &'static str,
    pub(super) read: fn(&mut S, &Value) -> Result<(), Invalid>,
    /// `None` where it is not set.
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

/// The process: these stand once, above all services.
pub(super) const OF_PROCESS: &[Key<Settings>] = keys! {
    "user", "the user to become, or user:group" => process.user;
    "umask", "the mask of sockets and files, octal" => process.umask;
    "pid_file", "where the number of the process is written" => process.pid_files;
    "chroot", "the root folder, after the sockets are bound" => process.root;
    "base_dir", "the folder that the process goes to" => process.folder;
    "log", "\"stderr\", \"json\" (on stderr) or \"syslog\", which is also syslog:FACILITY:NAME" => process.log;
    "metrics", "ADDRESS:PORT where /metrics and /healthz are served by HTTP" => process.metrics;
    "dns", "servers to ask in place of those in resolv.conf" => dns.servers;
    "dns_timeout", "seconds that one check may wait for DNS" => dns.timeout;
};

/// One service; above all services, they are the defaults of all.
pub(super) const OF_SERVICE: &[Key<Parts>] = keys! {
    "name", "the word with which lines of the log begin" => name;
    "listen", "sockets: inet:PORT@HOST, inet6:PORT@HOST, local:/PATH" => listen;
    "roles", "what it does: sign, verify, dmarc, arc in one pass; or policy alone" => roles;
    "domain", "the domains that sign with the one key" => domain;
    "selector", "the selector of the one key" => selector;
    "key", "the file of the one key" => key;
    "subdomains", "whether sub-domains are signed for with it" => subdomains;
    "key_table", "OpenDKIM's KeyTable, in place of one key" => key_table;
    "signing_table", "OpenDKIM's SigningTable, in place of one key" => signing_table;
    "all_matches", "whether all entries that match sign, not the first alone" => sign.all_matches;
    "internal_hosts", "whose mail is signed without authentication" => sign.internal;
    "external_ignore", "who may send as the domains without a note in the log" => sign.external_ignore;
    "exempt_domains", "authors whose mail is neither signed nor checked" => sign.exempt_domains;
    "not_signed_to", "recipients whose mail is not signed" => sign.not_to;
    "mtas", "values of the macro daemon_name that make mail internal" => sign.mtas;
    "macros", "macros that make mail internal: NAME, or NAME=VALUE|VALUE" => sign.macros;
    "sender_fields", "fields in which the author is looked for before From" => sign.sender_fields;
    "canonicalization", "of header and body of signatures and seals" => canonicalization;
    "signed_fields", "the fields to sign, or +NAME and -NAME beside the default ones" => fields;
    "oversigned", "fields that nobody can add to a signed message" => oversigned;
    "signature_lifetime", "seconds until a signature expires (x=)" => sign.lifetime;
    "body_length", "whether the length of the body is signed (l=)" => sign.body_length;
    "copied_fields", "whether signed fields are copied into the signature (z=)" => sign.copied_fields;
    "request_reports", "whether receivers are asked for reports (r=y)" => sign.request_reports;
    "remove_old_signatures", "whether signatures of others are removed when signing" => sign.remove_old;
    "sender_logins", "who may write as whom: an address or @DOMAIN, and logins" => sign.logins;
    "sender_logins_action", "warn, unsigned or refuse: what becomes of mail of a login as somebody else" => sign.login_action;
    "publish_check", "off, warn, require or strict: whether a key that DNS does not show signs" => sign.publish_check;
    "atps_domains", "authors who let others sign for them (RFC 6541)" => sign.atps;
    "atps_hash", "sha256 or none: how their DNS names the signer" => sign.atps_hash;
    "min_rsa_bits", "the shortest RSA key to sign with and to accept" => min_rsa_bits;
    "safe_keys", "whether a key that others can read or replace is refused" => safe_keys;
    "authserv_id", "in whose name results are written; forged ones in it go" => filter.authserv_id;
    "authserv_id_with_job", "whether the queue id stands behind it" => filter.with_job_id;
    "remove_results_of", "further names whose results are removed" => filter.remove_from;
    "remove_all_results", "whether results of everybody are removed" => filter.remove_all;
    "keep_results", "whether no results are removed" => filter.keep_results;
    "results_style", "folded, opendkim (a line an entry) or policyd_spf (one line): how results are written" => filter.style;
    "software_field", "a field that names the software: DKIM-Filter, DMARC-Filter, ARC-Filter" => filter.software;
    "peers", "whose mail is not looked at" => filter.peers;
    "max_header", "the largest header, in bytes; a larger one is rejected" => filter.max_header;
    "header_rules", "off, leave, refuse or refuse_without_author: mail with fields missing or repeated (RFC 5322)" => filter.header_rules;
    "fix_line_ends", "whether bare CR and LF are signed and verified as line ends" => filter.fix_line_ends;
    "always_add_results", "whether a message without signature has a field that says so" => verify.always_add;
    "header_b", "whether header.b stands in results" => verify.with_header_b;
    "max_signatures", "how many signatures of a message are verified" => verify.max_signatures;
    "clock_drift", "seconds by which clocks may differ" => verify.clock_drift;
    "must_be_signed", "fields that a signature has to cover" => verify.must_be_signed;
    "neutral_atps", "whether dkim-atps=neutral is written, as OpenDKIM does" => verify.neutral_atps;
    "redirect_failures_to", "who gets mail with signatures that failed" => verify.redirect_to;
    "on_bad_signature", "accept, discard, quarantine, reject or tempfail" => filter.actions.bad_signature;
    "on_no_signature", "the same, for mail without signature" => filter.actions.no_signature;
    "on_key_not_found", "the same, where DNS has no key" => filter.actions.key_not_found;
    "on_dns_error", "the same, where DNS fails" => filter.actions.dns_error;
    "on_internal_error", "the same, where a key that should sign cannot be read" => filter.actions.internal_error;
    "on_security", "the same, where a key that should sign is not safe" => filter.actions.security;
    "on_signature_error", "the same, where signing fails" => filter.actions.signature_error;
    "reject_failures", "whether p=reject of DMARC rejects" => dmarc.reject;
    "hold_quarantined", "whether p=quarantine goes to the hold queue" => dmarc.hold;
    "dmarc_ignored_hosts", "clients whose mail DMARC passes over" => dmarc.ignore_hosts;
    "dmarc_ignores_authenticated", "whether DMARC passes over mail of authenticated clients" => dmarc.ignore_authenticated;
    "dmarc_ignored_domains", "authors whose mail DMARC passes over" => dmarc.ignore_domains;
    "reject_several_authors", "whether From with several addresses is rejected" => dmarc.several_authors_rejected;
    "trusted_sealers", "whose ARC seals lift a failure of DMARC" => dmarc.trusted_sealers;
    "override_hosts", "clients whose failures of DMARC are accepted" => dmarc.override_hosts;
    "override_domains", "authors, and none, quarantine or reject in place of their policy" => dmarc.override_domains;
    "trusted_results_of", "programs of the site whose results of DKIM and SPF count for DMARC" => dmarc.trust.ids;
    "trusts_received_spf", "whether the topmost Received-SPF counts" => dmarc.trust.received_spf;
    "ignores_spf_results", "whether their results of SPF do not count" => dmarc.trust.ignores_spf;
    "checks_spf_itself", "whether SPF is checked here where the header says nothing" => dmarc.trust.self_validate;
    "history_file", "the file for opendmarc-import" => dmarc.history;
    "history_of_all", "whether domains without a record stand in it" => dmarc.records_all;
    "history_ignores_recipients", "recipients whose mail does not stand in it" => dmarc.unrecorded_recipients;
    "reject_text", "the text of a rejection by DMARC, %s is the domain" => dmarc.reject_text;
    "copy_failures_to", "who gets a copy of mail that fails DMARC" => dmarc.copy_to;
    "dkim_reports", "whether signers who ask for failure reports get them (RFC 6651)" => filter.reports.dkim;
    "dmarc_reports", "whether domains who ask for failure reports get them (RFC 9991)" => filter.reports.dmarc;
    "dmarc_reports_on_none", "also those whose policy is none" => filter.reports.on_none;
    "report_from", "From of failure reports" => filter.reports.from;
    "report_bcc", "who gets a copy of failure reports" => filter.reports.bcc;
    "report_command", "a command that reads a message, or smtp://HOST:PORT" => filter.reports.delivery;
    "report_spool", "the folder in which reports wait" => filter.reports.spool;
    "arc_internal_hosts", "clients whose results in the header are sealed as they are" => arc_internal;
    "verify_chain", "whether the result of ARC is written" => verify_chain;
    "spf_enforce", "whether the policy service rejects at all" => policy.enforce;
    "spf_helo", "not_pass, softfail, fail, null, never or no_check: when HELO is rejected" => policy.helo;
    "spf_mail_from", "the same, for MAIL FROM" => policy.mail_from;
    "spf_reject_permerror", "whether permerror rejects" => policy.reject_permerror;
    "spf_defer_temperror", "whether temperror defers" => policy.defer_temperror;
    "spf_skip", "clients that SPF is not asked for" => policy.skip;
    "spf_whitelist", "relays that SPF is not asked for" => policy.whitelist;
    "spf_helo_whitelist", "HELO names that SPF is not asked for" => policy.exempt.helo;
    "spf_domain_whitelist", "domains whose SPF records name clients that SPF is not asked for" => policy.exempt.domains;
    "spf_ptr_whitelist", "domains below which clients are that SPF is not asked for, by reverse DNS" => policy.exempt.ptr;
    "spf_whitelist_timeout", "seconds that a look at one of these may take" => policy.exempt.timeout;
    "spf_no_mail", "whether mail is rejected for domains alone that send none" => policy.no_mail;
    "spf_helo_pass", "a restriction of Postfix for mail whose HELO passes" => policy.helo_pass;
    "spf_mail_from_pass", "the same, for MAIL FROM" => policy.mail_from_pass;
    "spf_prospective", "the address from which mail will be sent, in place of the client" => policy.prospective;
    "spf_not_pass_domains", "domains of which all but pass is rejected" => policy.not_pass_domains;
    "spf_field", "received_spf, none, or authentication_results ID" => policy.field;
    "spf_hide_receiver", "whether receiver= is <UNKNOWN>" => policy.hide_receiver;
    "spf_enhanced_codes", "whether replies have enhanced status codes" => policy.enhanced_codes;
    "spf_timeout", "seconds that a check may take" => policy.timeout;
    "spf_max_void_lookups", "lookups without an answer until permerror" => policy.max_void_lookups;
    "spf_reason_message", "the text of refusals, with {rejectdefer}, {spf} and {url}" => policy.reason_message;
};
