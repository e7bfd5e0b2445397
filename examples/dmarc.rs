//! DMARC alone, fed with results of anyone's DKIM and SPF: the verdict and the path to it.
//! `cargo run -p waxseal-examples --example dmarc -- example.com` asks the name servers of this machine which policy applies to
//! the domain; without an argument a zone in memory answers.

use std::error::Error;
use waxseal::{
    authres::{DkimResult, SpfResult},
    dmarc::{Disposition, DmarcCheck, Identifiers, LocalPolicy},
    dns::{ResolveBlocking, Zone, drive_blocking},
};

const ZONE: &str = r#"
_dmarc.example.org.      TXT "v=DMARC1; p=reject; sp=quarantine; np=reject; adkim=s"
news.example.org.        A 192.0.2.1
"#;

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(domain) = std::env::args().nth(1) {
        print(Identifiers::new(domain.parse()?), &waxseal::Stub::system()?);
        return Ok(());
    }
    let zone = Zone::from_zone_file(ZONE, None)?;
    let author = || "news.example.org".parse().map(Identifiers::new);

    println!("--- SPF passed for another host of the same organization: relaxed alignment");
    print(author()?.with_spf("bounce.example.org".parse()?, SpfResult::Pass), &zone);

    println!("--- DKIM passed for the domain above: the record wants the very same domain");
    print(author()?.with_dkim("example.org".parse()?, DkimResult::Pass), &zone);

    println!("--- the author's domain does not exist");
    print(Identifiers::new("nowhere.example.org".parse()?), &zone);
    Ok(())
}

fn print(input: Identifiers, dns: &impl ResolveBlocking) {
    // RFC 9989 forbids to reject for p=reject alone; this receiver has decided to do it all the same.
    let local = LocalPolicy::default().with_reject_on_reject(true);
    let verdict = drive_blocking(DmarcCheck::new(input).with_local_policy(local), dns);
    println!("{}\n{}", verdict.entry(), verdict.explain());
    if verdict.disposition() == Disposition::Reject {
        println!("(reject, because this receiver is told to: RFC 9989 alone would have it quarantined)\n");
    }
}
