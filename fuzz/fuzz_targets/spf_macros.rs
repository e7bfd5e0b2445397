//! SPF macros: a name or an error, within the limits of DNS.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::{net::IpAddr, time::SystemTime};
use waxseal_dns::DomainName;
use waxseal_spf::{DomainSpec, SpfCheck};

fuzz_target!(|input: (&str, [u8; 16], bool, &[u8], &[u8], Option<&str>)| {
    let (spec, ip, six, sender, helo, validated) = input;
    let ip = if six { IpAddr::from(ip) } else { IpAddr::from([ip[0], ip[1], ip[2], ip[3]]) };
    let domain: DomainName = "example.org".parse().expect("a name");
    let validated = validated.and_then(|name| DomainName::new(name).ok());
    let check = SpfCheck::mail_from(ip, sender, helo, SystemTime::UNIX_EPOCH);
    for text in [spec.to_owned(), format!("%{{{spec}}}.example.org"), format!("%{{l}}.{spec}%{{d}}")] {
        let Ok(spec) = text.parse::<DomainSpec>() else { continue };
        if let Ok(name) = check.expand(&spec, &domain, validated.as_ref()) {
            assert!(name.as_str().len() <= 253);
            assert_eq!(check.expand(&spec, &domain, validated.as_ref()), Ok(name));
        }
    }
});
