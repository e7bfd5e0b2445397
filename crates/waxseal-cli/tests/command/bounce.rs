//! `waxseal bounce`

use crate::lab::{Lab, feed, waxseal};
use serde_json::{Value, json};

fn bounces(text: &str) -> Value {
    let done = feed(["bounce", "--json"], text.as_bytes());
    let row: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{done:?}"));
    row["bounces"].clone()
}

/// The texts that receivers write, and the rules that they are about.
const KNOWN: &[(&str, &str)] = &[
    (
        "550-5.7.26 This mail has been blocked because the sender is unauthenticated.\r\n550-5.7.26 Gmail requires all senders \
         to authenticate with either SPF or DKIM.\r\n550-5.7.26 Authentication results:\r\n550-5.7.26 DKIM = did not \
         pass\r\n550-5.7.26 SPF [example.org] with ip: [192.0.2.1] = did not pass\r\n550 5.7.26 - gsmtp",
        "gmail-unauthenticated",
    ),
    (
        "550-5.7.26 Unauthenticated email from example.org is not accepted due to 550-5.7.26 domain's DMARC policy.",
        "gmail-dmarc-policy",
    ),
    (
        "421-4.7.27 Your email has been rate limited because SPF authentication didn't pass. Gmail requires",
        "gmail-spf",
    ),
    (
        "550 5.7.30 Your email has been blocked because DKIM didn't pass. Gmail requires DKIM - gsmtp",
        "gmail-dkim",
    ),
    (
        "421-4.7.32 From: header isn't aligned with either SPF or DKIM organizational domain. - gsmtp",
        "gmail-alignment",
    ),
    ("421-4.7.40 the sending domain doesn't have a DMARC record. support.google.com", "gmail-no-dmarc"),
    (
        "550-5.7.25 [192.0.2.1] The IP address sending this message does not have a PTR record. gsmtp",
        "gmail-ptr",
    ),
    ("550-5.7.29 not sent over a TLS connection. Gmail requires TLS", "gmail-tls"),
    (
        "421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your DKIM domain",
        "gmail-rate",
    ),
    ("550-5.7.1 Our system has detected that this message is likely unsolicited mail. gsmtp", "gmail-spam"),
    (
        "550 5.7.515 Access denied, sending domain example.org does not meet the required authentication level. Spf= Pass , \
         Dkim= Fail , DMARC= Pass",
        "microsoft-authentication-level",
    ),
    (
        "550 5.7.509 Access denied, sending domain example.org does not pass DMARC verification",
        "microsoft-dmarc-reject",
    ),
    (
        "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. part of their network is on our block list (S3140)",
        "microsoft-block-list",
    ),
    (
        "554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes",
        "yahoo-policy",
    ),
    ("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred - 4.16.55.1", "yahoo-complaints"),
    (
        "554 5.7.1 [CS01] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137",
        "apple-policy",
    ),
    (
        "421 4.7.1 Messages to joe@icloud.com deferred due to excessive volume. Try again later - https://support.apple.com/en-us/HT204137",
        "apple-rate",
    ),
    ("550 5.7.1 Your message was rejected due to example.org's DMARC policy.", "dmarc-policy"),
    (
        "550 5.7.1 Your email was rejected due to having a domain present in the Spamhaus DBL -- see https://www.spamhaus.org/dbl/",
        "domain-block-list",
    ),
    ("554 5.7.0 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1", "proofpoint-reputation"),
    (
        "450 4.7.1 Client host rejected: Service refuse. Veuillez essayer plus tard. service refused, please try later. LPN027_503",
        "laposte",
    ),
    ("550 5.7.1 Message rejected by the DMARC policy of example.org. LPN007_517", "laposte-dmarc"),
    ("450 4.1.8 Emetteur invalide. Invalid Sender. LPN007_405", "laposte-sender"),
    ("550 5.5.0 Service refuse, voir https://postmaster.laposte.net", "laposte"),
    (
        "550 <joe@gmx.example>: Reject due to SPF policy. The originating IP of the message is not permitted by the domain owner",
        "gmx-spf",
    ),
    (
        "554-gmx.net (mxgmx104) Nemesis ESMTP Service not available 554-No SMTP service 554-IP address is block listed. 554 For \
         explanation visit https://postmaster.gmx.net/en/case?c=r0201&i=ip&v=198.51.100.42",
        "gmx-block-list",
    ),
    (
        "554-web.de (mxweb011) Nemesis ESMTP Service not available 554-No SMTP service 554-Bad DNS PTR resource record.",
        "gmx-ptr",
    ),
    (
        "554 Transaction failed 554 Reject due to policy restrictions. 554 For explanation visit https://postmaster.gmx.net",
        "gmx",
    ),
    (
        "550 SPF Sender Invalid - envelope rejected - https://community.mimecast.com/docs/DOC-1369#550",
        "mimecast-spf",
    ),
    ("550 DKIM Sender Invalid - envelope rejected", "mimecast-dkim"),
    ("550 DMARC Sender Invalid - envelope rejected", "mimecast-dmarc"),
    ("550 Rejected by header based Anti-Spoofing policy: joe@example.org", "mimecast-anti-spoofing"),
    ("550 5.7.1 rejected by DMARC policy for example.org", "dmarc-policy"),
    ("550 5.7.23 Message rejected due to: SPF fail - not authorized.", "spf-fail"),
    ("550 5.7.24 SPF permerror", "spf-error"),
    ("450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]", "ptr"),
    ("550 5.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]", "ptr"),
    ("550 5.7.20 No passing DKIM signature found", "dkim-fail"),
    ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "block-list"),
];

#[test]
fn each_text_is_told_from_the_others() {
    for (text, id) in KNOWN {
        let found = bounces(text);
        assert_eq!(found[0]["rule"]["id"], *id, "{text}: {found}");
        assert_eq!(found.as_array().unwrap().len(), 1, "{text}");
        assert!(!found[0]["rule"]["next"].as_array().unwrap().is_empty());
    }
}

#[test]
fn domains_addresses_and_results_are_taken_from_the_text() {
    let gmail = &bounces(KNOWN[0].0)[0];
    assert_eq!(
        (&gmail["code"], &gmail["status"], &gmail["temporary"]),
        (&json!(550), &json!("5.7.26"), &json!(false))
    );
    assert_eq!((&gmail["domain"], &gmail["ip"]), (&json!("example.org"), &json!("192.0.2.1")));
    assert_eq!(gmail["results"], json!({ "spf": "fail", "dkim": "fail" }));
    assert_eq!(
        gmail["rule"]["next"][0],
        "waxseal spf check --ip 192.0.2.1 --mail-from postmaster@example.org --trace"
    );
    assert!(!gmail["text"].as_str().unwrap().contains("550"), "{gmail}");
    let microsoft = &bounces(KNOWN[10].0)[0];
    assert_eq!(microsoft["results"], json!({ "spf": "pass", "dkim": "fail", "dmarc": "pass" }));
    assert_eq!(microsoft["domain"], "example.org");
    assert_eq!(bounces("421 4.7.0 [TSS04] Messages from 192.0.2.1 - 4.16.55.1")[0]["temporary"], true);
}

#[test]
fn bounce_messages_and_log_lines_are_read() {
    let report = "From: MAILER-DAEMON\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\n\
         It failed.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n\
         Final-Recipient: rfc822; a@example.net\r\nAction: failed\r\nStatus: 5.7.26\r\nDiagnostic-Code: smtp; 550-5.7.26 \
         Unauthenticated email from example.org is\r\n    not accepted due to domain's DMARC policy. gsmtp\r\n\r\n\
         Final-Recipient: rfc822; b@example.net\r\nDiagnostic-Code: smtp;550 5.1.1 no such user\r\n--b--\r\n";
    let found = bounces(report);
    assert_eq!(found.as_array().unwrap().len(), 2, "{found}");
    assert_eq!(
        (&found[0]["rule"]["id"], &found[0]["domain"]),
        (&json!("gmail-dmarc-policy"), &json!("example.org"))
    );
    assert_eq!(
        (&found[1]["rule"], &found[1]["status"], &found[1]["code"]),
        (&Value::Null, &json!("5.1.1"), &json!(550))
    );
    let file = Lab::get().file("bounce.eml", report);
    let done = waxseal(["bounce", &file]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.out.contains("550 5.1.1: no rule is known for this text\n"), "{}", done.out);
    let line = "Nov 28 04:00:00 mx postfix/smtp[1]: 4F: to=<a@example.net>, relay=mx.example.net[192.0.2.9]:25, dsn=5.7.23, \
         status=bounced (host mx.example.net[192.0.2.9] said: 550 5.7.23 Message rejected due to: SPF fail from \
         joe@example.org (in reply to RCPT TO command))\n";
    let found = bounces(&line.repeat(3));
    assert_eq!(found.as_array().unwrap().len(), 1, "the same text once: {found}");
    assert_eq!(
        (&found[0]["rule"]["id"], &found[0]["domain"], &found[0]["ip"]),
        (&json!("spf-fail"), &json!("example.org"), &Value::Null)
    );
}

#[test]
fn words_are_taken_as_they_are_given() {
    let done = waxseal(["bounce", "550", "5.7.1", "rejected by DMARC policy for example.org"]);
    assert_eq!((done.code, &*done.err), (Some(0), ""));
    assert!(
        done.out.starts_with("550 5.7.1: many receivers\n  rejected by DMARC policy for example.org\n"),
        "{}",
        done.out
    );
    assert!(done.out.contains("          waxseal dmarc lint example.org\n"), "{}", done.out);
    let unknown = waxseal(["bounce", "452 4.2.2 mailbox full"]);
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.out.starts_with("452 4.2.2 (temporary: the sender tries again): no rule is known"),
        "{}",
        unknown.out
    );
    for empty in ["", " \r\n"] {
        let done = feed(["bounce"], empty.as_bytes());
        assert_eq!((done.code, &*done.out), (Some(2), ""));
        assert!(done.err.contains("there is no text"), "{}", done.err);
    }
}

/// A domain is put into a command line that people paste.
#[test]
fn hostile_texts_do_no_harm() {
    for text in [
        "550 5.7.26 gmail authenticate from $(reboot).example.org",
        "550 5.7.1 DMARC for \u{1b}[31m.example.org",
    ] {
        let done = waxseal(["bounce", text]);
        let next = done.out.split_once("next:").unwrap().1;
        assert!(!next.contains("reboot") && !done.out.contains('\u{1b}'), "{}", done.out);
    }
    let long = format!("550 {}", "dkim [".repeat(200_000));
    assert!(feed(["bounce"], long.as_bytes()).code.is_some());
}
