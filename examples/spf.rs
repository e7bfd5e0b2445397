//! Checks SPF with a trace: who may send mail for a domain, and which term of which record says so.
//! `cargo run -p waxseal-examples --example spf -- 192.0.2.1 joe@example.com mail.example.com` asks the name servers of this
//! machine; without arguments a zone in memory answers.

use std::{error::Error, net::IpAddr, time::SystemTime};
use waxseal::{
    dns::{ResolveBlocking, Zone, drive_blocking},
    spf::SpfCheck,
};

const ZONE: &str = r#"
$ORIGIN example.org.
@     TXT "v=spf1 mx include:_spf.example.net exists:%{i}._allow.example.org -all"
@     MX 10 mail
mail  A 192.0.2.25
_spf.example.net. TXT "v=spf1 ip4:198.51.100.0/24 ip6:2001:db8::/32 ~all"
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [ip, sender, helo] => print(ip.parse()?, sender, helo, &waxseal::Stub::system()?),
        _ => {
            let zone = Zone::from_zone_file(ZONE, None)?;
            print("2001:db8::25".parse()?, "joe@example.org", "mail.example.net", &zone);
            print("203.0.113.9".parse()?, "joe@example.org", "pc.example.com", &zone);
        }
    }
    Ok(())
}

fn print(ip: IpAddr, sender: &str, helo: &str, dns: &impl ResolveBlocking) {
    let verdict =
        drive_blocking(SpfCheck::mail_from(ip, sender, helo, SystemTime::now()).with_trace(true), dns);
    println!("{verdict}");
    println!("{}", verdict.entry());
    if let Some(trace) = verdict.trace() {
        println!("{trace}");
    }
}
