//! Other people's messages with the verdicts that they expect, from the folder `WAXSEAL_CONFORMANCE`
//! (`../shared/conformance` beside the workspace unless set). Without the folder nothing is checked and the output says
//! so; with `WAXSEAL_REQUIRE_CONFORMANCE=1` that is a failure.
//!
//! Where a suite is wrong, `expected_failures.txt` names the case and the sentence of the RFC that says so. A case that
//! stands there and passes is a failure too.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of tests are tests, and a suite that cannot be read is a failure"
)]

use serde_json::Value;
use std::{
    fs,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use waxseal_crypto::{KeyMaterial, PrivateKey, rust_crypto};
use waxseal_dkim::{
    BodyLengthPolicy, Canonicalization, Policy, Selector, Signature, Signer, Verdict, Verdicts, Verifier,
};
use waxseal_dns::{DomainName, Zone};
use waxseal_header::{TagList, line_ends::to_crlf};
use waxseal_test::{Ledger, suite};

/// A suite that may be run, and the function that runs it.
type Suite = (&'static str, fn(&mut Run<'_>));

const SUITES: [Suite; 7] = [
    ("dkim-opendkim", opendkim),
    ("dkim-dkimpy", dkimpy),
    ("dkim-go-msgauth", go_msgauth),
    ("dkim-james-jdkim", james_jdkim),
    ("dkim-mimekit", mimekit),
    ("dkim-stalwart", stalwart),
    ("rfc-examples", rfc_examples),
];

#[test]
fn every_suite() {
    let mut ledger = Ledger::new(include_str!("expected_failures.txt"), " ");
    for (name, run_suite) in SUITES {
        let Some(folder) = suite(name) else {
            ledger.skip(&format!("{name}/"));
            continue;
        };
        let mut run = Run { name, folder, ledger: &mut ledger, passed: 0, failed: 0 };
        run_suite(&mut run);
        println!("{name}: {} cases, {} as the suite expects", run.passed + run.failed, run.passed);
        assert!(run.passed > 0, "{name} has no case");
    }
    let cases = ledger.close().unwrap_or_else(|problems| panic!("{problems}"));
    println!("{cases} cases");
}

/// One suite being run.
struct Run<'l> {
    name: &'static str,
    folder: PathBuf,
    ledger: &'l mut Ledger,
    passed: usize,
    failed: usize,
}

impl Run<'_> {
    fn read(&self, file: &str) -> Vec<u8> {
        let path = self.folder.join(file);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn text(&self, file: &str) -> String {
        String::from_utf8(self.read(file)).unwrap()
    }

    fn zone(&self, file: &str) -> Zone {
        Zone::from_json(&self.text(file)).unwrap_or_else(|error| panic!("{}/{file}: {error}", self.name))
    }

    fn cases(&self, file: &str) -> Vec<Value> {
        serde_json::from_str::<Value>(&self.text(file)).unwrap().as_array().unwrap().clone()
    }

    fn case(&mut self, name: &str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(_) => self.failed += 1,
        }
        self.ledger.enter(format!("{}/{name}", self.name), outcome);
    }

    /// A case that expects these words, one for each signature.
    fn list(&mut self, case: &Value, zone: &Zone, verifier: &Verifier) {
        let file = file(case);
        let expected: Vec<_> =
            case["dkim"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        let verdicts = verifier.verify_blocking(&self.read(file), now(case), zone);
        let words: Vec<_> = verdicts.iter().map(|verdict| verdict.result().as_str()).collect();
        self.case(file, same(&words, &expected, &verdicts));
    }

    /// A case of a suite that knows but pass and fail: fail is everything that is no pass.
    fn overall(&mut self, case: &Value, expected: &str, zone: &Zone, verifier: &Verifier) {
        let file = file(case);
        let verdicts = verifier.verify_blocking(&self.read(file), now(case), zone);
        let word = if verdicts.is_pass() { "pass" } else { "fail" };
        self.case(file, same(&word, &expected, &verdicts));
    }
}

fn file(case: &Value) -> &str {
    case["file"].as_str().unwrap()
}

fn same<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T, verdicts: &Verdicts) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let verdicts: Vec<_> = verdicts.iter().map(Verdict::to_string).collect();
    Err(format!("expected {expected:?}, found {found:?}: {}", verdicts.join(" / ")))
}

/// The clock of a case; late 2026 where any will do.
fn now(case: &Value) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(case["now"].as_u64().unwrap_or(1_795_000_000))
}

fn rfc_examples(run: &mut Run<'_>) {
    let zone = run.zone("zone.json");
    for case in run.cases("dkim-cases.json") {
        run.list(&case, &zone, &Verifier::new(Default::default()).unwrap());
    }
}

fn mimekit(run: &mut Run<'_>) {
    let zone = run.zone("zone.json");
    for case in run.cases("cases.json") {
        run.list(&case, &zone, &Verifier::new(Default::default()).unwrap());
    }
}

fn go_msgauth(run: &mut Run<'_>) {
    let zone = run.zone("zone.json");
    for case in run.cases("cases.json") {
        run.list(&case, &zone, &Verifier::new(Default::default()).unwrap());
    }
}

fn james_jdkim(run: &mut Run<'_>) {
    let zone = run.zone("zone.json");
    for case in run.cases("cases.json") {
        run.overall(&case, case["dkim_overall"].as_str().unwrap(), &zone, &old_verifier());
    }
}

fn stalwart(run: &mut Run<'_>) {
    let zone = run.zone("zone.json");
    // The clock of the suite stands five hours before one message was signed: its peer does not look at t=.
    let policy = Policy::default().with_clock_tolerance(Duration::from_secs(6 * 3600));
    let verifier = Verifier::new(policy).unwrap();
    for case in run.cases("cases.json") {
        let verdicts = verifier.verify_blocking(&run.read(file(&case)), now(&case), &zone);
        let pass = match (case["dkim_last"].as_str(), case["dkim_any"].as_str()) {
            (Some("pass"), None) => verdicts.as_slice().last().is_some_and(Verdict::is_pass),
            (None, Some("pass")) => verdicts.is_pass(),
            other => panic!("an expectation that is not known: {other:?}"),
        };
        run.case(file(&case), same(&pass, &true, &verdicts));
    }
}

/// For messages from before RFC 8301.
fn old_policy() -> Policy {
    Policy::default().with_rsa_sha1(true)
}

fn old_verifier() -> Verifier {
    Verifier::new(old_policy()).unwrap()
}

fn opendkim(run: &mut Run<'_>) {
    let zone = run.zone("zone.json");
    let key = PrivateKey::from_material(
        KeyMaterial::from_pem(run.read("keys/rsa1024.private.pem")).unwrap(),
        rust_crypto::PROVIDER,
    )
    .unwrap();
    for case in run.cases("cases.json") {
        opendkim_verify(run, &case, &zone);
        if case["mode"] == "sign" {
            let name = file(&case).replace("messages/", "unsigned/");
            let outcome = opendkim_sign(run, &case, &key);
            run.case(&name, outcome);
        }
    }
}

fn opendkim_verify(run: &mut Run<'_>, case: &Value, zone: &Zone) {
    let mut policy = old_policy();
    if case["flags"].as_array().unwrap().contains(&"SIGNLEN".into()) {
        policy = policy.with_body_length(BodyLengthPolicy::Accept);
    }
    if case["options"].as_array().unwrap().contains(&"MUSTBESIGNED".into()) {
        // What the message of this case has and does not sign.
        policy = policy.with_required_fields(["Cc"]);
    }
    let now = match file(case) {
        // Signed to expire ten seconds after the fixed clock of the suite.
        "messages/test50.eml" => UNIX_EPOCH + Duration::from_secs(1_172_620_950),
        _ => now(case),
    };
    let verdicts = Verifier::new(policy).unwrap().verify_blocking(&run.read(file(case)), now, zone);
    let expected = case["dkim"].as_str().unwrap();
    run.case(file(case), same(&verdicts.result().as_str(), &expected, &verdicts));
}

/// With the same tags, OpenDKIM and we write the same field to the octet. A signature with rsa-sha1 is not made here
/// (RFC 8301 §3.1): of these, the tags that do not depend on the hash are compared.
fn opendkim_sign(run: &Run<'_>, case: &Value, key: &PrivateKey) -> Result<(), String> {
    let sign = &case["sign"];
    let expected = sign["expected_header_value"].as_str().unwrap();
    let tags = TagList::parse(expected.as_bytes()).unwrap();
    let tag = |name: &str| tags.get(name).map(|value| String::from_utf8(value.to_vec()).unwrap());
    let message = run.read(case["unsigned_file"].as_str().unwrap());
    let names: Vec<String> = tag("h").unwrap().split(':').map(|name| name.trim().into()).collect();
    let (domain, selector) = (domain(&sign["domain"]), selector(&sign["selector"]));
    let signer = Signer::with_provider(domain, selector, key.clone(), rust_crypto::PROVIDER);
    let mut signer =
        signer.unwrap().with_canonicalization(form(&sign["hc"]), form(&sign["bc"])).with_field_list(names);
    if let Some(identity) = tag("i") {
        signer = signer.with_identity(&identity);
    }
    let time = tag("t").unwrap().parse::<u64>().unwrap();
    if let Some(expiration) = tag("x") {
        signer = signer.with_lifetime(Duration::from_secs(expiration.parse::<u64>().unwrap() - time));
    }
    let field = signer
        .sign(&message, UNIX_EPOCH + Duration::from_secs(time))
        .map_err(|error| format!("not signed: {error}"))?;
    let found = field.strip_prefix("DKIM-Signature: ").and_then(|field| field.strip_suffix("\r\n")).unwrap();
    if sign["alg"] == "rsasha256" {
        return if found == expected { Ok(()) } else { Err(format!("expected\n{expected}\nfound\n{found}")) };
    }
    let found_tags = TagList::parse(found.as_bytes()).unwrap();
    // Extension tags and the report request of RFC 6651 have no place here.
    let skipped = ["a", "b", "bh", "foo", "r"];
    let common = |tags: &TagList<'_>| -> Vec<(String, Vec<u8>)> {
        let common = tags.tags().filter(|tag| !skipped.contains(&tag.name()));
        common.map(|tag| (tag.name().into(), without_blanks(tag.value()))).collect()
    };
    let (found, expected) = (common(&found_tags), common(&tags));
    if found == expected { Ok(()) } else { Err(format!("expected {expected:?}, found {found:?}")) }
}

fn without_blanks(value: &[u8]) -> Vec<u8> {
    value.iter().copied().filter(|c| !c.is_ascii_whitespace()).collect()
}

fn domain(value: &Value) -> DomainName {
    value.as_str().unwrap().parse().unwrap()
}

fn selector(value: &Value) -> Selector {
    value.as_str().unwrap().parse().unwrap()
}

fn form(value: &Value) -> Canonicalization {
    Canonicalization::from_name(value.as_str().unwrap().as_bytes()).unwrap()
}

fn dkimpy(run: &mut Run<'_>) {
    for case in run.cases("cases.json") {
        let zone = run.zone(&format!("zones/{}.json", case["zone"].as_str().unwrap()));
        match case["dkim"].as_str() {
            None => run.list(&case, &zone, &Verifier::new(Default::default()).unwrap()),
            Some(expected) => {
                run.overall(&case, expected, &zone, &Verifier::new(Default::default()).unwrap())
            }
        }
    }
    dkimpy_round_trips(run);
    dkimpy_key_records(run);
}

const DKIMPY_UNSIGNED: [&str; 5] =
    ["ed25519test.msg", "message.mbox", "rfc6376.msg", "test.message", "test_extra.message"];

/// Every message of upstream, signed with every pair of canonicalizations and every key, verifies again with the key
/// record of upstream.
fn dkimpy_round_trips(run: &mut Run<'_>) {
    let keys = [
        ("2048_testkey.key", run.text("keys/2048_testkey_wo_markers.pub.txt")),
        ("2048_testkey.key", run.text("keys/2048_testkey_wo_markers.pub.rsa.txt")),
        ("1024_testkey.key", run.text("keys/1024_testkey_wo_markers.pub.txt")),
        ("1024_testkey.key", run.text("keys/1024_testkey_wo_markers.pub.rsa.txt")),
        ("test.private", run.text("keys/test.txt")),
        ("ed25519test.key", run.text("keys/ed25519test.dns")),
    ];
    for (number, (key_file, record)) in keys.iter().enumerate() {
        let key = PrivateKey::from_material(
            KeyMaterial::from_bytes(run.read(&format!("keys/{key_file}"))).unwrap(),
            rust_crypto::PROVIDER,
        );
        let signer = Signer::new("example.com", "test", key.unwrap()).unwrap();
        for file in DKIMPY_UNSIGNED {
            let message = to_crlf(&run.read(&format!("unsigned/{file}"))).into_owned();
            for pair in pairs() {
                let signer = signer.clone().with_canonicalization(pair.0, pair.1);
                let outcome = round_trip(&signer, &message, record);
                run.case(&format!("unsigned/{file}:{number}:{}/{}", pair.0, pair.1), outcome);
            }
        }
    }
}

fn pairs() -> Vec<(Canonicalization, Canonicalization)> {
    let both = [Canonicalization::Simple, Canonicalization::Relaxed];
    both.into_iter().flat_map(|header| both.map(|body| (header, body))).collect()
}

fn round_trip(signer: &Signer, message: &[u8], record: &str) -> Result<(), String> {
    let now = now(&Value::Null);
    let field = signer.sign(message, now).map_err(|error| error.to_string())?;
    let value = field.split_once(':').unwrap().1;
    Signature::parse(value.trim_end()).map_err(|error| error.to_string())?;
    let zone = Zone::new().with_txt("test._domainkey.example.com", record.trim()).unwrap();
    let signed = [field.as_bytes(), message].concat();
    let verdicts = Verifier::new(Default::default()).unwrap().verify_blocking(&signed, now, &zone);
    same(&verdicts.is_pass(), &true, &verdicts)
}

/// The key records that upstream makes to be refused.
fn dkimpy_key_records(run: &mut Run<'_>) {
    let key = PrivateKey::from_material(
        KeyMaterial::from_pem(run.read("keys/test.private")).unwrap(),
        rust_crypto::PROVIDER,
    )
    .unwrap();
    let signer = Signer::new("example.com", "test", key).unwrap();
    let message = to_crlf(&run.read("unsigned/test.message")).into_owned();
    for file in ["badk.txt", "badversion.txt", "test_bad.txt", "test_tlsrpt.txt"] {
        let outcome = match round_trip(&signer, &message, &run.text(&format!("keys/{file}"))) {
            Err(refused) if refused.contains("dkim=permerror") => Ok(()),
            other => Err(format!("expected permerror, found {other:?}")),
        };
        run.case(&format!("keys/{file}"), outcome);
    }
}
