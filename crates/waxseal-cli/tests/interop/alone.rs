//! What asks the name servers of the system alone, in a private network where NSD is one: OpenDKIM's tools, and `waxseal key rotate`.

use crate::lab::{Keys, Lab, command, private_namespace, run, script};
use std::{fs, path::Path};

/// Runs each line of shell and returns its exit code, and what it printed and said; nothing where the system grants no namespaces.
fn alone(lab: &Lab, lines: &[String]) -> Vec<(String, String, String)> {
    let Some(flag) = private_namespace() else {
        assert!(std::env::var_os("WAXSEAL_REQUIRE_TOOLS").is_none(), "no private namespaces here");
        println!("skipped: no private namespaces here");
        return Vec::new();
    };
    let folder = lab.folder("alone");
    let file = |number: usize, name: &str| folder.join(format!("{number}.{name}"));
    let line = |(number, line): (usize, &String)| {
        let [out, err, code] = ["out", "err", "code"].map(|name| file(number, name).display().to_string());
        format!("code=0; {line} >{out} 2>{err} </dev/null || code=$?; echo $code >{code}\n")
    };
    fs::write(folder.join("script"), lines.iter().enumerate().map(line).collect::<String>()).unwrap();
    let mut call = command("unshare", [flag, "sh"]);
    run(call
        .arg(script("alone.sh"))
        .arg(lab.path("nsd53.conf"))
        .arg(lab.path("resolv.conf"))
        .arg(folder.join("script")));
    let read = |number: usize, name: &str| fs::read_to_string(file(number, name)).unwrap();
    (0..lines.len())
        .map(|number| (read(number, "code").trim().to_owned(), read(number, "out"), read(number, "err")))
        .collect()
}

/// Records beside those of the lab.
fn zone(keys: &Keys<'_>) -> Vec<(&'static str, String)> {
    let record = keys.record("rsa");
    let (start, end) = record.split_at(200);
    let text = format!(
        "$ORIGIN keys.example.\n$TTL 60\n@ SOA ns hostmaster 1 3600 900 604800 60\n@ NS ns\nns A 127.0.0.1\n\
         good._domainkey TXT \"{start}\" \"{end}\"\nalias._domainkey CNAME good._domainkey\n\
         revoked._domainkey TXT \"v=DKIM1; k=rsa; p=\"\nbad._domainkey TXT \"v=DKIM1; =rsa; p=MII\"\n\
         two._domainkey TXT \"v=DKIM1; p=\"\ntwo._domainkey TXT \"v=DKIM1; p=x\"\n"
    );
    vec![("keys.example", text)]
}

/// What differs is wanted: an exit code other than 0 where a key of a table fails, refiles that are read, a syntax error that says where.
#[test]
fn testkey_says_what_debians_says() {
    if !crate::wanted() {
        return;
    }
    let lab = Lab::with_zones(zone);
    let path = |name: &str| lab.path(name).display().to_string();
    let (good, other) = (path("rsa.private"), path("rsa4096.private"));
    // Debian's tool asks by libunbound, which does not read resolv.conf.
    let unbound = "server:\n do-not-query-localhost: no\n module-config: \"iterator\"\n do-ip6: no\nforward-zone:\n name: \".\"\n forward-addr: 127.0.0.1@53\n";
    fs::write(lab.path("unbound.conf"), unbound).unwrap();
    let resolver = format!("ResolverConfiguration {}\n", path("unbound.conf"));
    fs::write(lab.path("empty.conf"), &resolver).unwrap();
    let table =
        format!("a keys.example:good:{good}\nb keys.example:good:{other}\nc keys.example:gone:{good}\n");
    fs::write(lab.path("KeyTable"), table).unwrap();
    fs::write(lab.path("table.conf"), format!("{resolver}KeyTable {}\n", path("KeyTable"))).unwrap();
    let (empty, tables) = (path("empty.conf"), path("table.conf"));
    let cases = [
        format!("-x {empty} -d keys.example -s good -k {good}"),
        format!("-x {empty} -d keys.example -s good -k {good} -vvv"),
        format!("-x {empty} -d keys.example -s good -v"),
        format!("-x {empty} -d keys.example -s alias -k {good} -vv"),
        format!("-x {empty} -d keys.example -s good -k {other}"),
        format!("-x {empty} -d keys.example -s gone -k {good}"),
        format!("-x {empty} -d keys.example -s revoked"),
        format!("-x {empty} -d keys.example -s two"),
        format!("-x {empty} -d keys.example -s bad"),
        format!("-x {tables} -v"),
    ];
    let waxseal = env!("CARGO_BIN_EXE_waxseal");
    let lines: Vec<String> = cases
        .iter()
        .flat_map(|case| [format!("opendkim-testkey {case}"), format!("{waxseal} opendkim-testkey {case}")])
        .collect();
    let done = alone(&lab, &lines);
    let mut different = Vec::new();
    for (case, pair) in cases.iter().zip(done.chunks(2)) {
        let [theirs, ours] = pair else { panic!("{case}") };
        if case.ends_with("-s bad") {
            assert_eq!((&*theirs.0, &*ours.0), ("69", "69"), "{pair:?}");
            assert!(
                [theirs, ours]
                    .iter()
                    .all(|said| said.2.starts_with("opendkim-testkey: syntax error in key data")),
                "{pair:?}"
            );
        } else if case.ends_with("table.conf -v") {
            assert_eq!((&*theirs.0, &*ours.0, &*theirs.1), ("0", "69", &*ours.1), "{pair:?}");
        } else {
            different.extend((ours != theirs).then(|| format!("{case}\n{theirs:?}\n{ours:?}")));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// Without --server every authoritative server has to show the record; they are found by the resolver of the system.
#[test]
fn rotate_asks_the_servers_of_the_zone() {
    if !crate::wanted() {
        return;
    }
    let lab = Lab::start();
    let keys = lab.folder("keys");
    for (name, selector) in [("shown", "wr"), ("hidden", "nowhere")] {
        let folder = keys.join(name);
        fs::create_dir(&folder).unwrap();
        fs::copy(lab.key("wr"), folder.join("key.private")).unwrap();
        let life = format!("state=pending\npending=1\nselector={selector}\ndomain=alpha.example\n");
        fs::write(folder.join("key.private.state"), life).unwrap();
    }
    let waxseal = env!("CARGO_BIN_EXE_waxseal");
    let line = |name: &str| {
        format!("{waxseal} key rotate -d alpha.example --keys {}", Path::join(&keys, name).display())
    };
    let done = alone(&lab, &[line("shown"), line("hidden")]);
    let [shown, hidden] = &done[..] else { return };
    assert_eq!((&*shown.0, &*shown.2), ("0", ""), "{shown:?}");
    assert!(shown.1.contains("done: DNS shows the key wr\n"), "{shown:?}");
    assert_eq!((&*hidden.0, &*hidden.2), ("75", ""), "{hidden:?}");
    assert!(hidden.1.contains("next: ns.alpha.example (127.0.0.1): no record yet\n"), "{hidden:?}");
}
