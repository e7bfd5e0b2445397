//! Five how-tos from the web, step by step up to the start of the daemon, with these tools under the names of OpenDKIM's, as they
//! print it, below a folder of its own. Where a how-to goes wrong, the command says what is wrong.

use crate::lab::{Done, command, waxseal, words};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// The machine of somebody who follows a how-to: `/etc` is a folder here.
struct Machine {
    root: TempDir,
    /// What is published by and by.
    zone: Value,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { root: tempfile::tempdir().unwrap(), zone: json!({}) };
        fs::create_dir_all(machine.path("/etc/opendkim/keys")).unwrap();
        machine
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    /// `/etc` in a line is that of the machine.
    fn there(&self, text: &str) -> String {
        text.replace("/etc/", &format!("{}/etc/", self.root.path().display()))
    }

    /// What is typed into an editor.
    fn vi(&self, path: &str, text: &str) {
        fs::write(self.path(path), self.there(text)).unwrap();
    }

    fn mkdir(&self, path: &str) {
        fs::create_dir(self.path(path)).unwrap();
    }

    /// Runs a command line of a how-to in a folder.
    fn run_in(&self, folder: &str, line: &str) -> Done {
        let line = self.there(line);
        command(words(&line)).current_dir(self.path(folder)).output().unwrap().into()
    }

    fn runs(&self, folder: &str, line: &str) {
        let done = self.run_in(folder, line);
        assert_eq!((done.code, &*done.out), (Some(0), ""), "{line}: {}", done.err);
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// What stands between the brackets, without quotes and line breaks: how providers want it.
    fn record(&self, path: &str) -> String {
        let text = self.read(path);
        text.split('"').skip(1).step_by(2).collect()
    }

    fn publish(&mut self, name: &str, text: &str) {
        self.zone[name] = json!({ "TXT": [text] });
        fs::write(self.path("/zone.json"), self.zone.to_string()).unwrap();
    }

    fn with_zone(&self, line: &str) -> Done {
        self.run_in("/", &format!("{line} --zone {}", self.path("/zone.json").display()))
    }

    fn check(&self) -> Done {
        self.with_zone("key check --config /etc/opendkim.conf")
    }

    fn mode(&self, path: &str) -> u32 {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(self.path(path)).unwrap().permissions().mode() & 0o777
    }
}

/// Mode, tables and hosts of EPEL's file with the lines that the how-to changes; `Selector default` stands there already.
#[test]
#[cfg(unix)]
fn gmail_asks_for_dkim_centos_7_and_rocky_9() {
    let bounce = "host gmail-smtp-in.l.google.com[192.0.2.9] said: 550-5.7.26 This message does not pass authentication checks (SPF and \
                  DKIM both 550-5.7.26 do not pass). SPF check for [gmail.com] does not pass with ip: 550-5.7.26 [192.0.2.1].To best protect \
                  our users from spam, the message has 550-5.7.26 been blocked. Please visit 550-5.7.26 \
                  https://support.google.com/mail/answer/81126#authentication for more 550 5.7.26 information. - gsmtp";
    let why = waxseal(["bounce", bounce]);
    assert_eq!(why.code, Some(0), "{}", why.out);
    assert!(why.out.starts_with("550 5.7.26: Gmail\n"), "{}", why.out);

    let mut machine = Machine::new();
    machine.mkdir("/etc/opendkim/keys/exsample.jp");
    machine.runs("/etc/opendkim/keys", "opendkim-genkey -D ./exsample.jp -d exsample.jp");
    assert_eq!(machine.mode("/etc/opendkim/keys/exsample.jp/default.private"), 0o600);
    machine.vi(
        "/etc/opendkim.conf",
        "Mode    sv\n# Sign と Verify 両方行うので sv\nSoftwareHeader  no\nDomain  exsample.jp\n# 該当ドメイン名\nSelector default\n\
         KeyFile /etc/opendkim/keys/exsample.jp/default.private\nKeyTable        refile:/etc/opendkim/KeyTable\n\
         SigningTable    refile:/etc/opendkim/SigningTable\nExternalIgnoreList      refile:/etc/opendkim/TrustedHosts\n",
    );
    machine.vi(
        "/etc/opendkim/KeyTable",
        "default._domainkey.exsample.jp exsample.jp:default:/etc/opendkim/keys/exsample.jp/default.private\n",
    );
    machine.vi("/etc/opendkim/SigningTable", "*@exsample.jp default._domainkey.exsample.jp\n");
    machine.vi("/etc/opendkim/TrustedHosts", "127.0.0.1\n::1\n");
    machine.publish(
        "default._domainkey.exsample.jp",
        &machine.record("/etc/opendkim/keys/exsample.jp/default.txt"),
    );
    let test = machine.with_zone(
        "opendkim-testkey -x /etc/opendkim.conf -d exsample.jp -k /etc/opendkim/keys/exsample.jp/default.private -vvv",
    );
    assert_eq!((test.code, &*test.out), (Some(0), "opendkim-testkey: key OK\n"), "{}", test.err);
    assert!(
        test.err.contains("opendkim-testkey: checking key 'default._domainkey.exsample.jp'\n"),
        "{}",
        test.err
    );
    let check = machine.check();
    assert_eq!(check.code, Some(0), "{}", check.out);
    assert!(
        check.out.contains("the published key is that of the private key: no problems found"),
        "{}",
        check.out
    );
    for note in ["KeyFile is not used, since there is a KeyTable", "no InternalHosts: mail from 127.0.0.1"] {
        assert!(check.out.contains(&format!("note: {note}")), "{}", check.out);
    }
    let dmarc = waxseal(["dmarc", "lint", "v=DMARC1; p=none;"]);
    assert!(
        dmarc.code == Some(1) && dmarc.out.contains("no valid rua=: nobody reports who sends mail"),
        "{}",
        dmarc.out
    );
}

#[test]
#[cfg(unix)]
fn opendkim_on_centos_6_with_two_domains() {
    let mut machine = Machine::new();
    machine.vi(
        "/etc/opendkim.conf",
        "PidFile /var/run/opendkim/opendkim.pid\nMode sv\nSyslog yes\nSyslogSuccess yes\nLogWhy yes\nUserID opendkim:opendkim\n\
         Socket inet:8891@localhost\nUmask 002\n#Statistics /var/spool/opendkim/stats.dat\nCanonicalization relaxed/relaxed\n\
         Domain sample.com, hogehoge.jp\nSelector default\nMinimumKeyBits 1024\n#KeyFile /etc/opendkim/keys/default.private\n\
         KeyTable refile:/etc/opendkim/KeyTable\nSigningTable refile:/etc/opendkim/SigningTable\n\
         ExternalIgnoreList refile:/etc/opendkim/TrustedHosts\nInternalHosts refile:/etc/opendkim/TrustedHosts\n",
    );
    let (mut keys, mut signing) = (String::new(), String::new());
    for domain in ["sample.com", "hogehoge.jp"] {
        let folder = format!("/etc/opendkim/keys/{domain}");
        machine.mkdir(&folder);
        machine.runs(&folder, &format!("opendkim-genkey -d {domain} -s dkimselector"));
        let name = format!("dkimselector._domainkey.{domain}");
        keys += &format!("{name} {domain}:dkimselector:{folder}/dkimselector.private\n");
        signing += &format!("*@{domain} {name}\n");
        machine.publish(&name, &machine.record(&format!("{folder}/dkimselector.txt")));
        machine.publish(&format!("_adsp._domainkey.{domain}"), "dkim=unknown");
    }
    machine.vi("/etc/opendkim/KeyTable", &keys);
    machine.vi("/etc/opendkim/SigningTable", &signing);
    machine.vi("/etc/opendkim/TrustedHosts", "127.0.0.1\n::1\n");
    let check = machine.check();
    assert_eq!((check.code, &*check.err), (Some(0), ""), "{}", check.out);
    assert!(check.out.ends_with("2 keys checked, 0 with problems\n"), "{}", check.out);
    let adsp = machine.with_zone("audit --selector dkimselector --json sample.com");
    assert!(adsp.out.contains("ADSP"), "{}", adsp.out);
    // "The version that wrote ;=rsa": receivers say neutral (bad format).
    let name = "dkimselector._domainkey.sample.com";
    let good = machine.record("/etc/opendkim/keys/sample.com/dkimselector.txt");
    machine.publish(name, &good.replace("; k=rsa", ";=rsa"));
    let check = machine.check();
    assert_eq!(check.code, Some(1), "{}", check.out);
    assert!(check.out.contains("it holds the right key, but verifiers can not read it"), "{}", check.out);
}

#[test]
#[cfg(unix)]
fn a_mail_server_at_home_whose_how_to_has_three_faults() {
    let mut machine = Machine::new();
    machine.mkdir("/etc/opendkim/keys/example.tech-mmmm.com");
    machine.runs(
        "/",
        "opendkim-genkey -D /etc/opendkim/keys/example.tech-mmmm.com/ -d example.tech-mmmm.com -s myselector -b 2048",
    );
    machine.vi(
        "/etc/opendkim.conf",
        "Mode sv # vからsvに変更\nSocket inet:8891@localhost # アンコメント\n#Socket local:/run/opendkim/opendkim.sock # コメントアウト\n\
         Selector myselector # defaultから変更\nKeyTable /etc/opendkim/KeyTable # アンコメント\n\
         SigningTable refile:/etc/opendkim/SigningTable # アンコメント\nExternalIgnoreList refile:/etc/opendkim/TrustedHosts # アンコメント\n\
         InternalHosts refile:/etc/opendkim/TrustedHosts # アンコメント\n",
    );
    let name = "myselector._domainkey.example.tech-mmmm.com";
    machine.vi(
        "/etc/opendkim/KeyTable",
        &format!("{name} example.tech-mmmm.com:myselector:/etc/opendkim/keys/myselector.private\n"),
    );
    machine.vi("/etc/opendkim/SigningTable", &format!("*@example.tech-mmmm.com {name}\n"));
    machine.vi("/etc/opendkim/TrustedHosts", "0.0.0.0/0\n");
    machine.publish(name, &machine.record("/etc/opendkim/keys/example.tech-mmmm.com/myselector.txt"));
    let check = machine.check();
    assert_eq!(check.code, Some(1));
    // Two of its faults: the folder of the domain is missing in the KeyTable, and the whole world is internal.
    let hint = machine.there("No such file or directory (os error 2); there is one at /etc/opendkim/keys/example.tech-mmmm.com/myselector.private");
    assert!(check.out.contains(&hint), "{}", check.out);
    assert!(
        check
            .out
            .contains("error: InternalHosts: every host on earth is internal: mail of strangers is signed"),
        "{}",
        check.out
    );
    machine.vi(
        "/etc/opendkim/KeyTable",
        &format!("{name} example.tech-mmmm.com:myselector:/etc/opendkim/keys/example.tech-mmmm.com/myselector.private\n"),
    );
    machine.vi("/etc/opendkim/TrustedHosts", "127.0.0.1\n192.168.0.0/16\n");
    let check = machine.check();
    assert_eq!((check.code, &*check.err), (Some(0), ""), "{}", check.out);
    // The third: the key that it shows after -b 2048 (887 and 328 bytes, MIGf) has 1024 bits.
    machine.runs("/etc/opendkim/keys", "opendkim-genkey -d example.tech-mmmm.com -s small -b 1024");
    let record = machine.record("/etc/opendkim/keys/small.txt");
    assert!(record.contains("p=MIGf"), "{record}");
    machine.publish("small._domainkey.example.tech-mmmm.com", &record);
    let small =
        machine.with_zone("key check -d example.tech-mmmm.com -s small /etc/opendkim/keys/small.private");
    assert!(small.err.contains("1024 bits: 2048 are advised"), "{small:?}");
    for record in [
        "v=spf1 +ip4:192.0.2.1 -all",
        "v=DMARC1; p=none; rua=mailto:dmarc-report@example.tech-mmmm.com; ruf=mailto:dmarc-report@example.tech-mmmm.com;",
    ] {
        let lint = waxseal([if record.starts_with("v=spf1") { "spf" } else { "dmarc" }, "lint", record]);
        assert_eq!(lint.code, Some(0), "{}", lint.out);
    }
}

#[test]
#[cfg(unix)]
fn almalinux_9_and_a_form_that_takes_no_quotes() {
    let mut machine = Machine::new();
    machine.runs("/", "opendkim-genkey -b 2048 -D /etc/opendkim/keys/ -d f-labs.jp -s f-labs.jp.20250701");
    machine.vi(
        "/etc/opendkim.conf",
        "Mode    sv\nSocket  inet:8891@localhost\n#Socket local:/run/opendkim/opendkim.sock\nKeyTable        /etc/opendkim/KeyTable\n\
         SigningTable  refile:/etc/opendkim/SigningTable\n",
    );
    machine.vi("/etc/opendkim/SigningTable", "*@f-labs.jp f-labs.jp.20250701._domainkey.f-labs.jp\n");
    machine.vi(
        "/etc/opendkim/KeyTable",
        "f-labs.jp.20250701._domainkey.f-labs.jp f-labs.jp:f-labs.jp.20250701:/etc/opendkim/keys/f-labs.jp.20250701.private\n",
    );
    let name = "f-labs.jp.20250701._domainkey.f-labs.jp";
    let text = machine.read("/etc/opendkim/keys/f-labs.jp.20250701.txt");
    let record = machine.record("/etc/opendkim/keys/f-labs.jp.20250701.txt");
    // What cost hours: the quotes were pasted, and then the whole name into a field that adds the domain.
    let pasted = text.split_once("( ").unwrap().1.split_once(" )").unwrap().0;
    machine.publish(name, pasted);
    let check = machine.check();
    assert!(
        check.code == Some(1)
            && check.out.contains("it holds the right key, but verifiers can not read it: publish what"),
        "{}",
        check.out
    );
    machine.zone = json!({});
    machine.publish(&format!("{name}.f-labs.jp"), &record);
    let check = machine.check();
    let advice = "the web form adds the domain itself: enter f-labs.jp.20250701._domainkey as the name";
    assert!(check.code == Some(1) && check.out.contains(advice), "{}", check.out);
    // The forms that are wanted are printed.
    let show = machine.run_in("/", "key show -d f-labs.jp -s f-labs.jp.20250701 --hash sha256 --print line /etc/opendkim/keys/f-labs.jp.20250701.private");
    assert_eq!(show.out.trim_end(), record);
    machine.publish(name, &record.replace("; ", ";"));
    let check = machine.check();
    assert_eq!((check.code, &*check.err), (Some(0), ""), "{}", check.out);
}

#[test]
#[cfg(unix)]
fn centos_8_with_a_wildcard_among_the_trusted_hosts() {
    let mut machine = Machine::new();
    machine.vi(
        "/etc/opendkim.conf",
        "Mode sv\nSendReports yes\nReportAddress \"Example.com Postmaster\" <postmaster@your-domain.com>\n\
         # KeyFile /etc/opendkim/keys/default.private\nKeyTable /etc/opendkim/KeyTable\nSigningTable refile:/etc/opendkim/SigningTable\n\
         ExternalIgnoreList refile:/etc/opendkim/TrustedHosts\nInternalHosts refile:/etc/opendkim/TrustedHosts\n",
    );
    machine.vi("/etc/opendkim/SigningTable", "*@your-domain.com 20200308._domainkey.your-domain.com\n");
    machine.vi(
        "/etc/opendkim/KeyTable",
        "20200308._domainkey.your-domain.com your-domain.com:20200308:/etc/opendkim/keys/your-domain.com/20200308.private\n",
    );
    machine.vi("/etc/opendkim/TrustedHosts", "127.0.0.1\n::1\n\n*.your-domain.com\n");
    machine.mkdir("/etc/opendkim/keys/your-domain.com");
    let made = machine.run_in(
        "/",
        "opendkim-genkey -b 2048 -d your-domain.com -D /etc/opendkim/keys/your-domain.com -s 20200308 -v",
    );
    assert_eq!(made.code, Some(0), "{made:?}");
    for line in [
        "generating private key",
        "private key written to 20200308.private",
        "DNS TXT record written to 20200308.txt",
    ] {
        assert!(made.err.contains(&format!("opendkim-genkey: {line}\n")), "{}", made.err);
    }
    machine.publish(
        "20200308._domainkey.your-domain.com",
        &machine.record("/etc/opendkim/keys/your-domain.com/20200308.txt"),
    );
    let test =
        machine.with_zone("opendkim-testkey -x /etc/opendkim.conf -d your-domain.com -s 20200308 -vvv");
    assert_eq!((test.code, &*test.out), (Some(0), "opendkim-testkey: key OK\n"), "{}", test.err);
    // "Do not panic": no DNSSEC.
    assert!(test.err.ends_with("opendkim-testkey: key not secure\n"), "{}", test.err);
    let check = machine.check();
    assert_eq!(check.code, Some(1));
    let fault = "InternalHosts, line 4: \"*.your-domain.com\" starts with *, so it matches its own negation and excludes what it names";
    assert!(check.out.contains(fault), "{}", check.out);
    machine.vi("/etc/opendkim/TrustedHosts", "127.0.0.1\n::1\n\n.your-domain.com\n");
    let check = machine.check();
    assert_eq!((check.code, &*check.err), (Some(0), ""), "{}", check.out);
    let spf = waxseal(["spf", "lint", "v=spf1 mx ~all"]);
    assert_eq!(spf.code, Some(0), "{}", spf.out);
}
