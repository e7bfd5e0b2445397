//! E-mail authentication in one crate: DKIM, SPF, DMARC and ARC
