//! Against a real authoritative server: NSD on a free port of 127.0.0.1.
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests are tests")]

mod common;

use common::{ask, question, stub};
use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};
use waxseal_dns::{
    Answer, Answers, Check, DomainName, LookupError, Pending, Question, Record, RecordType, Reply,
    ResolveBlocking, Zone, drive_blocking,
};

const ZONE: &str = r#"$ORIGIN alpha.example.
$TTL 600
@       SOA ns hostmaster ( 1 3600 600 86400 120 )
@       NS ns
ns      A 127.0.0.1
@       TXT "v=spf1 mx " "-all"
@       60 TXT "second"
@       MX 10 mx
@       MX 20 mx.beta.example.
null    MX 0 .
mx      A 192.0.2.1
mx      A 192.0.2.2
mx      AAAA 2001:db8::1
www     CNAME mx
away    30 CNAME mx.beta.example.
lost    CNAME nowhere
loop    CNAME pool
pool    CNAME loop
*.wild  TXT "any"
2026a._domainkey TXT ( "v=DKIM1; k=ed25519; "
        "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" )
octets  TXT "\000\255 \"\\"
a+b._spf TXT "odd"
"#;
use waxseal_test::tool_is_missing;

const OTHER: &str = r#"$ORIGIN beta.example.
$TTL 600
@       SOA ns hostmaster ( 1 3600 600 86400 60 )
@       NS ns
ns      A 127.0.0.1
mx      A 192.0.2.9
"#;

const REVERSE: &str = r#"$ORIGIN 2.0.192.in-addr.arpa.
$TTL 600
@       SOA ns.alpha.example. hostmaster.alpha.example. ( 1 3600 600 86400 60 )
@       NS ns.alpha.example.
1       PTR mx.alpha.example.
"#;

/// A running NSD, stopped by its own process id; its folder goes too.
struct Nsd {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Drop for Nsd {
    fn drop(&mut self) {
        // The child is in the foreground and has no children of its own left after a TERM; kill is enough for a test.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn find_nsd() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join("nsd")).find(|program| program.is_file())
}

/// `None` when NSD is not installed, which `WAXSEAL_REQUIRE_TOOLS=1` forbids.
fn start(test: &str) -> Option<Nsd> {
    let Some(program) = find_nsd() else {
        tool_is_missing("nsd");
        return None;
    };
    let folder = env::temp_dir().join(format!("waxseal-nsd-{test}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let long = format!("long TXT {}\n", format!("\"{}\" ", "x".repeat(250)).repeat(20));
    fs::write(folder.join("alpha"), format!("{ZONE}{long}")).unwrap();
    fs::write(folder.join("beta"), OTHER).unwrap();
    fs::write(folder.join("reverse"), REVERSE).unwrap();
    for _ in 0..5 {
        let address = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        fs::write(folder.join("nsd.conf"), config(&folder, address)).unwrap();
        let log = fs::File::create(folder.join("out")).unwrap();
        let child = Command::new(&program)
            .args(["-d", "-c"])
            .arg(folder.join("nsd.conf"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let nsd = Nsd { child, folder: folder.clone(), address };
        if answers(address) {
            return Some(nsd);
        }
        let log = fs::read_to_string(folder.join("out")).unwrap_or_default();
        println!("nsd did not answer on {address}: {log}");
        // Keeps the folder for the next try.
        let mut nsd = nsd;
        nsd.folder = folder.join("none");
    }
    panic!("nsd does not start");
}

fn config(folder: &Path, address: SocketAddr) -> String {
    let folder = folder.display();
    let zone = |name: &str, file: &str| format!("zone:\n name: {name}\n zonefile: \"{folder}/{file}\"\n");
    format!(
        "server:\n server-count: 1\n ip-address: {}@{}\n username: \"\"\n chroot: \"\"\n zonesdir: \"{folder}\"\n \
         database: \"\"\n pidfile: \"{folder}/pid\"\n logfile: \"{folder}/log\"\n xfrdfile: \"{folder}/xfrd\"\n \
         zonelistfile: \"{folder}/zonelist\"\n xfrdir: \"{folder}\"\nremote-control:\n control-enable: no\n{}{}{}",
        address.ip(),
        address.port(),
        zone("alpha.example", "alpha"),
        zone("beta.example", "beta"),
        zone("2.0.192.in-addr.arpa", "reverse"),
    )
}

fn answers(address: SocketAddr) -> bool {
    (0..50).any(|_| {
        thread::sleep(Duration::from_millis(100));
        let ready = stub([address]).with_attempts(1).resolve_blocking(&question("alpha.example"));
        ready.is_ok()
    })
}

fn ttl(reply: Reply, seconds: u64) -> Reply {
    reply.map(|answer| answer.with_ttl(Duration::from_secs(seconds)))
}

#[test]
fn every_type_and_every_kind_of_no() {
    let Some(nsd) = start("types") else { return };
    let get = |name: &str, kind| {
        ask(&[nsd.address], &Question::new(DomainName::lenient(name.as_bytes()).unwrap(), kind))
    };
    let text = |text: &[u8]| Ok(Answer::new([Record::Txt(text.to_vec().into())]));
    let host = |name: &str| Some(DomainName::new(name).unwrap());

    let mut spf = get("Alpha.Example", RecordType::Txt).unwrap();
    let mut records = spf.records.to_vec();
    records.sort_by_key(ToString::to_string);
    spf.records = records.into();
    let both = ["second", "v=spf1 mx -all"].map(|text| Record::Txt(text.into()));
    assert_eq!(spf.records[..], both);
    let dkim = b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    assert_eq!(get("2026a._domainkey.alpha.example", RecordType::Txt), ttl(text(dkim), 600));
    assert_eq!(get("octets.alpha.example", RecordType::Txt), ttl(text(b"\x00\xff \"\\"), 600));
    assert_eq!(get("a+b._spf.alpha.example", RecordType::Txt), ttl(text(b"odd"), 600));
    assert_eq!(get("x.y.wild.alpha.example", RecordType::Txt), ttl(text(b"any"), 600));
    // 5,000 octets: only TCP carries them.
    assert_eq!(get("long.alpha.example", RecordType::Txt), ttl(text(&[b'x'; 5_000]), 600));

    let mut mx = get("alpha.example", RecordType::Mx).unwrap().records.to_vec();
    mx.sort_by_key(ToString::to_string);
    assert_eq!(mx, [Record::Mx(10, host("mx.alpha.example")), Record::Mx(20, host("mx.beta.example"))]);
    assert_eq!(&get("null.alpha.example", RecordType::Mx).unwrap().records[..], &[Record::Mx(0, None)]);
    let v6 = Record::Aaaa("2001:db8::1".parse().unwrap());
    assert_eq!(get("www.alpha.example", RecordType::Aaaa), ttl(Ok(Answer::new([v6])), 600));
    assert_eq!(get("mx.alpha.example", RecordType::A).unwrap().records.len(), 2);
    let ptr = ask(&[nsd.address], &Question::ptr("192.0.2.1".parse().unwrap())).unwrap();
    assert_eq!(&ptr.records[..], &[Record::Ptr(DomainName::new("mx.alpha.example").unwrap())]);

    // Across zones, where the server leaves the rest to us; the shorter time of the alias counts.
    let away = Record::A("192.0.2.9".parse().unwrap());
    assert_eq!(get("away.alpha.example", RecordType::A), ttl(Ok(Answer::new([away])), 30));

    assert_eq!(get("nope.alpha.example", RecordType::Txt), ttl(Ok(Answer::nxdomain()), 120));
    assert_eq!(get("lost.alpha.example", RecordType::A), ttl(Ok(Answer::nodata()), 120));
    assert_eq!(get("mx.alpha.example", RecordType::Txt), ttl(Ok(Answer::nodata()), 120));
    assert_eq!(get("_domainkey.alpha.example", RecordType::Txt), ttl(Ok(Answer::nodata()), 120));
    assert_eq!(get("loop.alpha.example", RecordType::A), Err(LookupError::ServerFailure));
    // Not its zone: REFUSED.
    assert_eq!(get("example.org", RecordType::Txt), Err(LookupError::ServerFailure));
}

/// The in-memory zone answers like NSD does.
#[test]
fn the_zone_of_waxseal_dns_agrees() {
    let Some(nsd) = start("agrees") else { return };
    let mut zone = Zone::from_zone_file(ZONE, None).unwrap();
    zone.merge(Zone::from_zone_file(OTHER, None).unwrap());
    let dns = stub([nsd.address]);
    let names = [
        "alpha.example",
        "null.alpha.example",
        "mx.alpha.example",
        "www.alpha.example",
        "away.alpha.example",
        "lost.alpha.example",
        "loop.alpha.example",
        "wild.alpha.example",
        "x.wild.alpha.example",
        "_domainkey.alpha.example",
        "2026a._domainkey.alpha.example",
        "x.2026a._domainkey.alpha.example",
        "octets.alpha.example",
        "a+b._spf.alpha.example",
        "nope.alpha.example",
        "mx.beta.example",
    ];
    for name in names {
        for kind in RecordType::ALL {
            let question = Question::new(DomainName::lenient(name.as_bytes()).unwrap(), kind);
            let sorted = |reply: Reply| {
                reply.map(|answer| {
                    let mut records = answer.records.to_vec();
                    records.sort_by_key(ToString::to_string);
                    (answer.existence, records)
                })
            };
            assert_eq!(sorted(zone.lookup(&question)), sorted(dns.resolve_blocking(&question)), "{question}");
        }
    }
}

/// Looks the addresses of all mail exchangers up.
struct Exchangers(DomainName);

impl Check for Exchangers {
    type Output = usize;
    fn run(&mut self, dns: &mut Answers<'_>) -> Result<usize, Pending> {
        let Ok(answer) = dns.ask(Question::mx(self.0.clone()))? else { return Ok(0) };
        let hosts = answer.records.iter().filter_map(|record| match record {
            Record::Mx(_, host) => host.clone(),
            _ => None,
        });
        let replies = dns.ask_all(hosts.map(Question::a))?;
        Ok(replies.iter().flatten().map(|answer| answer.records.len()).sum())
    }
}

#[test]
fn a_check_from_end_to_end() {
    let Some(nsd) = start("check") else { return };
    let domain = DomainName::new("alpha.example").unwrap();
    assert_eq!(drive_blocking(Exchangers(domain.clone()), &stub([nsd.address])), 3);
    #[cfg(all(feature = "hickory", feature = "cache"))]
    {
        use waxseal_dns::{Resolve, drive};
        let dns = waxseal_resolver::Cached::new(common::hickory([nsd.address]));
        assert_eq!(common::block_on(drive(Exchangers(domain.clone()), &dns)), 3);
        assert!(dns.cached(&Question::mx(domain)).is_some());
    }
}
