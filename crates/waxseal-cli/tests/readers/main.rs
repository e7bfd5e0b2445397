//! The reader lab: programs that people read their mail with, asked whom they show as the author.
//!
//! DMARC may pass for a domain only if no parser in common use reads another domain out of the header block. Here random
//! header blocks, and honest ones, are checked by waxseal and shown to the parsers of Dovecot, Python, Perl, Ruby, PHP,
//! GMime, npm and Rust; and forged Authentication-Results that [`waxseal::authres::AuthservIds`] leaves are shown to those
//! that read such fields.
//!
//! Runs only with `WAXSEAL_INTEROP=1`. A reader that is missing is named; with `WAXSEAL_REQUIRE_TOOLS=1` fewer than
//! [six](readers::ENOUGH) are a failure. `WAXSEAL_READER_VARIANTS` is the number of random messages, 3,000 if not set.
//! Debian packages: `dovecot-imapd gir1.2-gmime-3.0 libemail-address-xs-perl libemail-mime-perl libmailtools-perl php-imap
//! python3-authres python3-gi ruby-mail`. The folder with npm's `mailparser`, an older one, and `postal-mime` is named by
//! `WAXSEAL_NPM_READERS`, the program of benches/readers by `WAXSEAL_CRATE_READERS`.

#[cfg(test)]
mod authors;
#[cfg(test)]
mod dovecot;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod honest;
#[cfg(test)]
mod process;
#[cfg(test)]
#[path = "../../../waxseal-test/src/random.rs"]
#[expect(unreachable_pub, reason = "it is of a library; here it gets further methods")]
mod random;
#[cfg(test)]
mod readers;
#[cfg(test)]
mod results;
#[cfg(test)]
mod values;

/// Whether the tests that need other people's tools are to run; says so if not.
#[cfg(test)]
fn wanted() -> bool {
    let wanted = std::env::var_os("WAXSEAL_INTEROP").is_some_and(|value| value == "1");
    if !wanted {
        println!("skipped: set WAXSEAL_INTEROP=1 to ask other programs what they read");
    }
    wanted
}

/// The first of many lines.
#[cfg(test)]
fn shortened(lines: &[String]) -> String {
    lines.iter().take(60).cloned().collect()
}
