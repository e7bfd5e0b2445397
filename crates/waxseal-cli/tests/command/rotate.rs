//! `waxseal key rotate`

use crate::lab::{Done, names, waxseal};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use waxseal_crypto::PrivateKey;
use waxseal_test::keys::{RSA2048, RSA4096};

const DAY: u64 = 86_400;
/// 2026-11-28.
const START: u64 = 1_795_824_000;

/// A folder with the key `old` of example.org, its tables, and a zone.
struct House {
    dir: TempDir,
    zone: std::cell::RefCell<Value>,
}

impl House {
    fn new() -> Self {
        let house = Self { dir: tempfile::tempdir().unwrap(), zone: json!({}).into() };
        fs::create_dir(house.path("keys")).unwrap();
        fs::write(house.path("keys/old.private"), RSA2048).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(house.path("keys/old.private"), fs::Permissions::from_mode(0o640)).unwrap();
        }
        house.publish("old", &record(RSA2048));
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn arg(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn publish(&self, selector: &str, record: &str) {
        self.publish_at(&format!("{selector}._domainkey.example.org"), record);
    }

    fn publish_at(&self, name: &str, record: &str) {
        self.zone.borrow_mut()[name] = json!({ "TXT": [record] });
        fs::write(self.path("zone.json"), self.zone.borrow().to_string()).unwrap();
    }

    /// `key rotate` so many days after the start.
    fn rotate(&self, day: u64, more: &[&str]) -> Done {
        let (zone, now) = (self.arg("zone.json"), (START + day * DAY).to_string());
        let args = ["key", "rotate", "-d", "example.org", "--zone", &zone, "--now", &now];
        waxseal(args.iter().chain(more))
    }

    fn state(&self, key: &str) -> String {
        let text = self.read(&format!("keys/{key}.private.state"));
        text.lines().find_map(|line| line.strip_prefix("state=")).unwrap().to_owned()
    }

    /// The record that is to be published.
    fn new_record(&self, key: &str) -> String {
        record(&fs::read(self.path(&format!("keys/{key}.private"))).unwrap())
    }
}

fn record(pem: &[u8]) -> String {
    format!("v=DKIM1; k=rsa; p={}", PrivateKey::from_bytes(pem).unwrap().public_key().dns_p())
}

/// The tables of a house, and the commands that read them.
struct Tables {
    house: House,
    key_table: String,
    signing_table: String,
}

impl Tables {
    fn new() -> Self {
        let house = House::new();
        let key = house.arg("keys/old.private");
        let key_table = format!(
            "# ours\nold._domainkey.example.org\texample.org:old:{key} # the first\nother example.net:x:{key}\n"
        );
        let signing_table = "*@example.net other\n*@example.org\told._domainkey.example.org # all\n\
             news@example.org old._domainkey.example.org:i@example.org\n";
        fs::write(house.path("KeyTable"), key_table).unwrap();
        fs::write(house.path("SigningTable"), signing_table).unwrap();
        let (key_table, signing_table) =
            (house.arg("KeyTable"), format!("refile:{}", house.arg("SigningTable")));
        Self { house, key_table, signing_table }
    }

    fn args(&self) -> [&str; 4] {
        ["--key-table", &self.key_table, "--signing-table", &self.signing_table]
    }

    fn rotate(&self, day: u64, more: &[&str]) -> Done {
        self.house.rotate(day, &[&self.args()[..], more].concat())
    }

    fn texts(&self) -> (String, String) {
        (self.house.read("KeyTable"), self.house.read("SigningTable"))
    }
}

#[test]
fn a_key_lives_from_pending_to_revoked() {
    let tables = Tables::new();
    nothing_signs_with_what_is_not_published(&tables);
    let added = the_published_key_signs(&tables);
    the_old_key_is_revoked(&tables, &added);

    // Half a year later it begins again.
    let next = tables.rotate(182, &["--json"]);
    let next: Value = serde_json::from_str(&next.out).unwrap();
    let states: Vec<_> =
        next["keys"].as_array().unwrap().iter().map(|key| (&key["selector"], &key["state"])).collect();
    assert_eq!(
        states,
        [
            (&json!("old"), &json!("revoked")),
            (&json!("20261128"), &json!("active")),
            (&json!("20270529"), &json!("pending"))
        ]
    );
    assert_eq!(next["publish"][0]["name"], "20270529._domainkey.example.org");
}

fn nothing_signs_with_what_is_not_published(tables: &Tables) {
    let (house, before) = (&tables.house, tables.texts());
    let made = tables.rotate(0, &["--force"]);
    assert_eq!(made.code, Some(75), "{made:?}");
    let new = house.new_record("20261128");
    assert!(
        made.out.contains(&format!("publish as TXT record of 20261128._domainkey.example.org:\n{new}\n")),
        "{}",
        made.out
    );
    assert!(made.out.contains("--zone: no record yet"), "{}", made.out);
    assert_eq!((tables.texts(), &*house.state("20261128")), (before, "pending"));

    let again = tables.rotate(1, &[]);
    assert_eq!(
        (again.code, names(&house.path("keys")).len()),
        (Some(75), 4),
        "no other key is made: {again:?}"
    );
}

/// Returns the line that was added to the KeyTable.
fn the_published_key_signs(tables: &Tables) -> String {
    let (house, before) = (&tables.house, tables.texts());
    house.publish("20261128", &house.new_record("20261128"));
    let switched = tables.rotate(1, &[]);
    assert_eq!(switched.code, Some(0), "{switched:?}");
    assert!(switched.out.contains("done: 20261128 signs from now on\n"), "{}", switched.out);
    assert!(
        switched.out.contains("old no longer signs: its record can be removed on 2026-12-06\n"),
        "{}",
        switched.out
    );
    let folder = house.arg("keys");
    let added = format!("20261128._domainkey.example.org example.org:20261128:{folder}/20261128.private\n");
    let expected = before.0.replace("other ", &format!("{added}other "));
    assert_eq!(tables.texts(), (expected, before.1.replace("old._domainkey", "20261128._domainkey")));
    assert_eq!((&*house.state("20261128"), &*house.state("old")), ("active", "retired"));
    added
}

fn the_old_key_is_revoked(tables: &Tables, added: &str) {
    let house = &tables.house;
    let idle = tables.rotate(7, &[]);
    assert_eq!(idle.code, Some(0), "{idle:?}");
    assert!(idle.out.contains("next: a new key on 2027-05-28 (--force makes one now)\n"), "{}", idle.out);

    let due = tables.rotate(8, &[]);
    assert_eq!(due.code, Some(75), "{due:?}");
    assert!(
        due.out.contains("publish as TXT record of old._domainkey.example.org:\nv=DKIM1; p=\n"),
        "{}",
        due.out
    );
    house.publish("old", "v=DKIM1; p=");
    let revoked = tables.rotate(9, &[]);
    assert_eq!(revoked.code, Some(0), "{revoked:?}");
    assert_eq!(house.state("old"), "revoked");
    let key = house.arg("keys/old.private");
    assert_eq!(tables.texts().0, format!("# ours\n{added}other example.net:x:{key}\n"));
    assert_eq!(fs::read(house.path("keys/old.private")).unwrap(), RSA2048, "a private key is never deleted");
    let check = ["key", "check", "--json", "--zone", &house.arg("zone.json")];
    let check: Value = serde_json::from_str(&waxseal(check.iter().chain(&tables.args())).out).unwrap();
    assert_eq!(check["keys"][0]["findings"], json!([]), "{check}");
}

/// Files as in the how-tos of old: one key, named in opendkim.conf, in a KeyTable, or by a link.
#[test]
fn whatever_names_the_key_is_changed() {
    let conf =
        "Mode sv\nselector\told # name\nKeyFile  @/keys/old.private\n# Selector none\nDomain example.org\n";
    let table =
        "default example.org:old:@/keys/old.private:rsa-sha256\nsecond example.org:old:@/keys/old.private\n";
    for (option, text, expected) in [
        ("--config", conf, conf.replacen("old", "n", 1).replace("old.", "n.")),
        ("--key-table", table, table.replace("old", "n")),
    ] {
        let house = House::new();
        let fill = |text: &str| text.replace('@', house.arg("").trim_end_matches('/'));
        fs::write(house.path("file"), fill(text)).unwrap();
        let args = [option, &house.arg("file"), "--selector", "n"];
        assert_eq!(house.rotate(0, &[&args[..], &["--force"]].concat()).code, Some(75));
        house.publish("n", &house.new_record("n"));
        let done = house.rotate(0, &args);
        assert_eq!(done.code, Some(0), "{option}: {done:?}");
        assert_eq!(house.read("file"), fill(&expected));
        assert_eq!((&*house.state("n"), &*house.state("old")), ("active", "retired"));
    }
}

#[test]
#[cfg(unix)]
fn a_link_leads_to_the_new_key_and_files_keep_owner_and_mode() {
    use std::os::unix::fs::{MetadataExt, symlink};
    let house = House::new();
    symlink("keys/old.private", house.path("current.private")).unwrap();
    let args = ["--link", &house.arg("current.private"), "--selector", "n"];
    assert_eq!(house.rotate(0, &[&args[..], &["--force"]].concat()).code, Some(75));
    house.publish("n", &house.new_record("n"));
    let done = house.rotate(0, &args);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.out.contains(&format!("next: sign with -s n -k {}\n", house.arg("keys/n.private"))),
        "{}",
        done.out
    );
    let link = fs::read_link(house.path("current.private")).unwrap();
    assert_eq!(link, fs::canonicalize(house.path("keys/n.private")).unwrap());
    let mode = |name: &str| fs::metadata(house.path(name)).unwrap().mode() & 0o777;
    assert_eq!((mode("keys/n.private"), mode("keys/n.private.state") & 0o022), (0o640, 0));
    let is_temporary = |name: &String| name.contains("waxseal-");
    assert!(!names(&house.path("keys")).iter().chain(&names(house.dir.path())).any(is_temporary));
}

/// The customer has s1._domainkey CNAME s1.customer.dkim.example.net, and the same for s2, and never changes them again.
#[test]
fn two_names_take_turns_where_others_run_dns() {
    let house = House::new();
    fs::rename(house.path("keys/old.private"), house.path("keys/s1.private")).unwrap();
    std::os::unix::fs::symlink("keys/s1.private", house.path("current")).unwrap();
    let args = [
        "--link",
        &house.arg("current"),
        "--cname",
        "s1=s1.customer.dkim.example.net.",
        "--cname",
        "s2=s2.customer.dkim.example.net",
        "--keys",
        &house.arg("keys"),
    ];
    house.publish_at("s1.customer.dkim.example.net", &record(RSA2048));
    house.publish("s1", &record(RSA2048));
    let made = house.rotate(0, &[&args[..], &["--force"]].concat());
    assert_eq!(made.code, Some(75), "{made:?}");
    let new = house.new_record("s2-20261128");
    assert!(
        made.out.contains(&format!("publish as TXT record of s2.customer.dkim.example.net:\n{new}\n")),
        "{}",
        made.out
    );
    house.publish_at("s2.customer.dkim.example.net", &new);
    let alias = house.rotate(0, &args);
    assert!(
        alias.code == Some(75)
            && alias
                .out
                .contains("by the alias s2._domainkey.example.org CNAME s2.customer.dkim.example.net"),
        "{alias:?}"
    );
    house.publish("s2", &new);
    let held = house.rotate(0, &args);
    assert!(
        held.code == Some(75) && held.out.contains("when resolvers have forgotten its last key"),
        "{held:?}"
    );
    assert_eq!(house.rotate(1, &args).code, Some(0));
    assert_eq!(house.state("s2-20261128"), "active");
    let busy = house.rotate(2, &[&args[..], &["--force"]].concat());
    assert!(
        busy.code == Some(0)
            && busy
                .out
                .contains("a new key as s1, whose last one is retired and keeps the name until 2026-12-06"),
        "{busy:?}"
    );
}

#[test]
fn what_fails_says_why_and_loses_nothing() {
    let house = House::new();
    let keys = house.arg("keys");
    let all = || names(&house.path("keys"));
    let fails = |day, args: &[&str], says: &str| {
        let before = all();
        let done = house.rotate(day, args);
        assert_eq!(done.code, Some(2), "{args:?}: {done:?}");
        assert!(done.err.contains(says), "{args:?}: {}", done.err);
        assert_eq!(all(), before, "{args:?}");
    };
    fails(0, &[], "give --keys DIR, the folder of the keys, or what they sign for");
    fails(0, &["--keys", &keys, "--cname", "a=b.example"], "give --cname twice");
    fails(0, &["--keys", &house.arg("gone")], "cannot read ");
    fails(0, &["--keys", &keys, "--selector", "old"], "keys are never overwritten");
    fails(0, &["--keys", &keys, "-a", "ed25519", "-b", "2048"], "only one size");
    fails(0, &["--link", &house.arg("gone")], "cannot read the link ");
    fails(0, &["--key-table", &house.arg("gone")], "could not be read");
    fails(0, &["--key-table", "csl:a=example.org:s:/x"], "only tables that are files are changed");
    fails(0, &["--config", &house.arg("zone.json")], "no line `Selector`: give --key-table");
    fs::write(house.path("KeyTable"), format!("a example.net:s:{keys}/old.private\n")).unwrap();
    fails(
        0,
        &["--key-table", &house.arg("KeyTable")],
        "no rsa key in a file signs for example.org: make the first one with `waxseal key new`",
    );
    fs::write(house.path("keys/other.private"), RSA4096).unwrap();
    fs::write(
        house.path("KeyTable"),
        format!("a example.org:s:{keys}/old.private\nb example.org:t:{keys}/other.private\n"),
    )
    .unwrap();
    fails(
        0,
        &["--key-table", &house.arg("KeyTable")],
        "2 rsa keys sign for example.org, and it is not clear which one is to be replaced",
    );
    fs::write(house.path("keys/old.private.state"), "state=aktiv\n").unwrap();
    fails(0, &["--keys", &keys], "\"aktiv\" is not a state");
    fs::write(
        house.path("keys/old.private.state"),
        "state=active\ndomain=example.org\nselector=old\nfingerprint=sha256:x\n",
    )
    .unwrap();
    fails(0, &["--keys", &keys], "holds another key than ");
    fs::write(house.path("keys/old.private.state"), "state=retired\ndomain=example.org\nselector=old\n")
        .unwrap();
    fs::write(house.path("KeyTable"), format!("a example.org:old:{keys}/old.private\n")).unwrap();
    fails(0, &["--key-table", &house.arg("KeyTable")], "signs, but is retired by ");
    #[cfg(target_os = "linux")]
    fails(0, &["--keys", "/proc/self"], "cannot write to /proc/self: ");
}

#[test]
fn a_name_server_that_is_not_there_is_named() {
    let house = House::new();
    let keys = house.arg("keys");
    fs::write(house.path("tsig"), "hmac-sha256:update:c2VjcmV0c2VjcmV0\n").unwrap();
    for (tsig, says) in [
        (
            "tsig",
            "cannot send the update to 127.0.0.1:1: Connection refused (os error 111): --update takes the primary server of the zone",
        ),
        (
            "keys/old.private",
            "not a TSIG key: write key \"NAME\" { algorithm hmac-sha256; secret \"BASE64\"; };",
        ),
        ("gone", "cannot read "),
    ] {
        let done = house.rotate(0, &["--keys", &keys, "--update", "127.0.0.1:1", "--tsig", &house.arg(tsig)]);
        assert!(done.code == Some(2) && done.err.contains(says), "{done:?}");
        let secret = String::from_utf8(RSA2048.into()).unwrap();
        assert!(!done.err.contains("c2Vj") && !done.err.contains(secret.lines().nth(3).unwrap()));
    }
    for (text, says) in [
        ("hmac-md5:update:c2VjcmV0\n", "the algorithm is not hmac-sha256, hmac-sha384 or hmac-sha512"),
        ("hmac-sha256:update:!\n", "the secret is not base64"),
        ("hmac-sha256:a..b:c2VjcmV0\n", "the name of the key is not a domain name"),
    ] {
        fs::write(house.path("tsig"), text).unwrap();
        let done =
            house.rotate(0, &["--keys", &keys, "--update", "127.0.0.1:1", "--tsig", &house.arg("tsig")]);
        assert!(done.code == Some(2) && done.err.contains(says) && !done.err.contains("c2Vj"), "{done:?}");
    }
    // The key that was made waits for better times; other servers than those of the zone are asked by --server.
    assert_eq!(house.state("20261128"), "pending");
    let silent = waxseal([
        "key",
        "rotate",
        "-d",
        "example.org",
        "--keys",
        &keys,
        "--server",
        "127.0.0.1:1",
        "--timeout",
        "1",
    ]);
    assert_eq!(silent.code, Some(75), "{silent:?}");
    assert!(silent.out.contains("next: 127.0.0.1:1: DNS lookup "), "{}", silent.out);
}

#[test]
#[cfg(unix)]
fn a_reload_that_fails_is_run_again() {
    let house = House::new();
    fs::write(house.path("conf"), format!("Selector old\nKeyFile {}\n", house.arg("keys/old.private")))
        .unwrap();
    let flag = house.arg("works");
    let reload = format!("test -e {flag} && echo once >>{flag}");
    let args = ["--config", &house.arg("conf"), "--selector", "n", "--reload", &reload];
    assert_eq!(house.rotate(0, &[&args[..], &["--force"]].concat()).code, Some(75));
    house.publish("n", &house.new_record("n"));
    let failed = house.rotate(0, &args);
    assert_eq!(failed.code, Some(2), "{failed:?}");
    assert!(failed.err.contains("the tables are switched, but `test -e "), "{}", failed.err);
    assert_eq!(house.state("n"), "published");
    fs::write(&flag, "").unwrap();
    let done = house.rotate(0, &args);
    assert_eq!(
        (done.code, &*house.state("n"), &*house.state("old")),
        (Some(0), "active", "retired"),
        "{done:?}"
    );
    assert_eq!(house.rotate(0, &args).code, Some(0));
    assert_eq!(house.read("works"), "once\n");
}

#[test]
#[cfg(target_os = "linux")]
fn one_rotation_at_a_time() {
    use std::{
        io::{BufRead, BufReader},
        process::{Command, Stdio},
    };
    let house = House::new();
    let keys: &Path = &house.path("keys");
    let mut other = Command::new("flock")
        .arg(keys)
        .args(["sh", "-c", "echo; cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    BufReader::new(other.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    let done = house.rotate(0, &["--keys", &house.arg("keys")]);
    drop(other.stdin.take());
    other.wait().unwrap();
    assert_eq!((done.code, names(keys).len()), (Some(2), 1), "{done:?}");
    assert!(done.err.contains("another `waxseal key rotate` is running"), "{}", done.err);
}
