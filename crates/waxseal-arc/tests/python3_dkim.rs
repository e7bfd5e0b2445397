//! Side by side with dkimpy (Debian: python3-dkim and python3-authres): each verifies what the other has sealed.
//!
//! With `WAXSEAL_INTEROP=1` or `WAXSEAL_REQUIRE_TOOLS=1` a missing dkimpy is a failure; otherwise nothing is tested and
//! the output says so.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::{MESSAGE, RSA, base64, now, replaced, results, verify};
use serde_json::{Value, json};
use std::{
    io::Write,
    process::{Command, Stdio},
};
use waxseal_arc::{ArcResult, Sealer};
use waxseal_dkim::{Canonicalization, KeyRecord};
use waxseal_test::tool_is_missing;

/// Reads one task a line and answers with one line.
const SCRIPT: &str = r#"
import base64, json, sys, dkim
setup = json.loads(sys.stdin.readline())
record = setup['record'].encode()
for line in sys.stdin:
    task = json.loads(line)
    message = base64.b64decode(task['message'])
    if task['do'] == 'verify':
        cv, sets, reason = dkim.arc_verify(message, dnsfunc=lambda name, timeout=5: record)
        print(json.dumps({'cv': (cv or b'').decode(), 'sets': len(sets), 'reason': str(reason)}))
    else:
        headers = [h.encode() for h in task['headers']]
        lines = dkim.arc_sign(message, b'rsa', task['domain'].encode(), setup['key'].encode(), task['id'].encode(),
                              include_headers=headers, timestamp=task['time'])
        print(json.dumps({'fields': base64.b64encode(b''.join(lines)).decode()}))
"#;

/// dkimpy's answers to some tasks; `None` when it is not installed.
fn dkimpy(tasks: &[Value]) -> Option<Vec<Value>> {
    let python = "/usr/bin/python3";
    let probe = Command::new(python).args(["-c", "import dkim, authres"]).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        tool_is_missing("python3-dkim or python3-authres");
        return None;
    }
    let record = KeyRecord::new(RSA.public_key().clone()).to_string();
    let setup = json!({ "record": record, "key": RSA.to_pem().as_str() });
    let mut child = Command::new(python)
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: String = [&setup].into_iter().chain(tasks).map(|task| format!("{task}\n")).collect();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<_> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), tasks.len());
    Some(answers)
}

fn verify_task(message: &[u8]) -> Value {
    json!({ "do": "verify", "message": base64(message) })
}

fn seal(message: &[u8], forms: (Canonicalization, Canonicalization)) -> Vec<u8> {
    let chain = verify(message);
    let sealer =
        Sealer::new("waxseal.example", "rsa", RSA.clone()).unwrap().with_canonicalization(forms.0, forms.1);
    let set = sealer.seal(message, &chain, &results("waxseal.example", &chain), now()).unwrap();
    [set.fields().as_bytes(), message].concat()
}

/// What dkimpy makes of the message: with a field that says what was found of the chain, which it wants there once.
fn dkimpy_seal(message: &[u8]) -> Option<Vec<u8>> {
    let chain = verify(message);
    let id = format!("dkimpy{}.example", chain.sets().len());
    let field = format!(
        "Authentication-Results: {id}; arc={}; spf=pass smtp.mailfrom=a@b.example\r\n",
        chain.result()
    );
    let message = [field.as_bytes(), message].concat();
    let task = json!({
        "do": "seal", "message": base64(&message), "domain": "dkimpy.example", "id": id,
        "headers": ["from", "to", "subject", "date"], "time": 1_700_000_000,
    });
    let answer = dkimpy(&[task])?.remove(0);
    use ::base64::{Engine, prelude::BASE64_STANDARD};
    let fields = BASE64_STANDARD.decode(answer.get("fields").and_then(Value::as_str).unwrap()).unwrap();
    assert!(!fields.is_empty(), "dkimpy did not seal");
    Some([fields, message].concat())
}

#[test]
fn dkimpy_verifies_what_we_seal() {
    use Canonicalization::{Relaxed, Simple};
    let long = [
        &b"Subject: a subject that is folded\r\n\tover  two lines \r\nReferences: <a@b>\r\n <c@d>\r\n\t<e@f>\r\n"[..],
        b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r\nDKIM-Signature: v=1; x=y\r\n\r\n",
        &b"Trailing blanks \t \r\n\r\n  two  blanks\r\n.\r\n\r\n\r\n".repeat(50)[..],
    ]
    .concat();
    let mut expected = Vec::new();
    for message in [MESSAGE, &long, b"From: a@b.example\r\n\r\n"] {
        for forms in [(Simple, Simple), (Simple, Relaxed), (Relaxed, Simple), (Relaxed, Relaxed)] {
            let mut sealed = message.to_vec();
            for sets in 1..=3 {
                sealed = seal(&sealed, forms);
                expected.push((sealed.clone(), "pass", sets));
            }
            let changed = [&sealed[..], b"One more line.\r\n"].concat();
            expected.push((changed.clone(), "fail", 3));
            // A chain that has ended: dkimpy gives no status.
            expected.push((seal(&changed, forms), "", 4));
        }
    }
    let tasks: Vec<_> = expected.iter().map(|(message, ..)| verify_task(message)).collect();
    let Some(answers) = dkimpy(&tasks) else { return };
    for ((message, cv, sets), answer) in expected.iter().zip(answers) {
        let message = String::from_utf8_lossy(message);
        assert_eq!(
            (answer["cv"].as_str(), answer["sets"].as_u64()),
            (Some(*cv), Some(*sets)),
            "{answer}: {message}"
        );
    }
}

#[test]
fn we_verify_what_dkimpy_seals() {
    let mut message = MESSAGE.to_vec();
    for sets in 1..=3 {
        let Some(sealed) = dkimpy_seal(&message) else { return };
        message = sealed;
        let chain = verify(&message);
        assert_eq!(
            (chain.result(), chain.oldest_pass(), chain.sets().len()),
            (ArcResult::Pass, Some(0), sets),
            "{chain}"
        );
    }
    let changed = replaced(&message, "Hi.", "Bye.");
    assert_eq!(verify(&changed).result(), ArcResult::Fail);
    let Some(ended) = dkimpy_seal(&changed) else { return };
    assert!(verify(&ended).has_ended());
}

#[test]
fn both_in_one_chain() {
    let mut message = MESSAGE.to_vec();
    for _ in 0..3 {
        message = seal(&message, (Canonicalization::Relaxed, Canonicalization::Relaxed));
        let Some(sealed) = dkimpy_seal(&message) else { return };
        message = sealed;
    }
    let chain = verify(&message);
    assert_eq!(
        (chain.result(), chain.oldest_pass(), chain.sets().len()),
        (ArcResult::Pass, Some(0), 6),
        "{chain}"
    );
    let Some(answers) = dkimpy(&[verify_task(&message)]) else { return };
    let answer = answers.first().unwrap();
    assert_eq!((answer["cv"].as_str(), answer["sets"].as_u64()), (Some("pass"), Some(6)), "{answer}");
}
