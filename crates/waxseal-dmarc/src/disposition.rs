//! What to do with a message.

waxseal_header::words! {
    /// What to do with the message according to DMARC alone, ordered from mildest to strictest.
    ///
    /// ```
    /// # use waxseal_dmarc::{Disposition, DmarcCheck, Identifiers};
    /// # use waxseal_dns::{LookupError, Zone, drive_blocking};
    /// # let dns = Zone::new().with_error("_dmarc.bank.example", LookupError::ServerFailure)?;
    /// # let verdict = drive_blocking(DmarcCheck::new(Identifiers::new("bank.example".parse()?)), &dns);
    /// let reply = match verdict.disposition() {
    ///     Disposition::None => "250 2.0.0 Ok".to_owned(),
    ///     Disposition::Quarantine => "250 2.0.0 Ok".to_owned(), // into the spam folder
    ///     Disposition::Defer => format!("451 4.7.1 {}", verdict.reason()),
    ///     Disposition::Reject => format!("550 5.7.1 {}", verdict.reason()),
    /// };
    /// assert_eq!(reply, "451 4.7.1 lookup of _dmarc.bank.example TXT failed: DNS server failure");
    /// # Ok::<(), waxseal_dns::InvalidDomainName>(())
    /// ```
    ///
    /// The words are those of aggregate reports (RFC 9990), except for `defer`, which is not reported.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Disposition {
        /// Nothing.
        None = "none",
        /// Treat the message as suspicious.
        Quarantine = "quarantine",
        /// The message cannot be judged now, since DNS failed: answer with a 4yz reply such as 451 4.7.1, on every
        /// attempt until the sender gives up. So honest mail waits until DNS answers, and a forger who picks a name
        /// that always fails gains nothing. RFC 9989 §7.2: "If a Mail Receiver elects to defer delivery due to the
        /// inability to retrieve or apply DMARC policy, this is best done with a 4xy SMTP reply code."
        ///
        /// Callers that cannot do so, such as filters behind the queue, set
        /// [`LocalPolicy::with_undeferrable`](crate::LocalPolicy::with_undeferrable), and then never get this
        /// disposition.
        Defer = "defer",
        /// Refuse the message.
        Reject = "reject",
    }
}
