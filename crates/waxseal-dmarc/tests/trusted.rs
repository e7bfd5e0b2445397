//! DMARC from the results of other programs: what counts, and what a sender could slip in.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use waxseal_authres::{AuthservIds, DmarcResult, ReceivedSpf};
use waxseal_dmarc::{Cause, DmarcCheck, Identifiers, Verdict};
use waxseal_dns::{Zone, drive_blocking};
use waxseal_header::Header;

fn judge(identifiers: Identifiers) -> Verdict {
    let dns = Zone::new().with_txt("_dmarc.bank.example", "v=DMARC1; p=reject; adkim=s; aspf=s").unwrap();
    drive_blocking(DmarcCheck::new(identifiers), &dns)
}

/// What stands behind `mx.example.net;` in the site's own field, on a message by the bank.
fn by_results(results: &str, mail_from: &str) -> Verdict {
    let text = format!("Authentication-Results: mx.example.net; {results}\r\nFrom: ceo@bank.example\r\n\r\n");
    let (header, _) = Header::parse(text.as_bytes()).unwrap();
    let ids = AuthservIds::new(["mx.example.net"]);
    let trusted = ids.trusted(&header, header.len());
    judge(Identifiers::from_header(&header).with_trusted_results(trusted, mail_from.as_bytes()))
}

fn by_received_spf(value: &str, mail_from: &str) -> Verdict {
    let field = ReceivedSpf::parse(value.as_bytes()).unwrap();
    let author = Identifiers::new("bank.example".parse().unwrap());
    judge(author.with_trusted_received_spf(&field, mail_from.as_bytes()))
}

#[track_caller]
fn assert_pass(verdict: &Verdict) {
    assert_eq!(verdict.result(), DmarcResult::Pass, "{}", verdict.explain());
}

/// Nothing was authenticated, or nothing that is aligned.
#[track_caller]
fn assert_fail(verdict: &Verdict) {
    assert!(
        matches!(verdict.cause(), Some(Cause::NotAuthenticated | Cause::NotAligned(_))),
        "{}",
        verdict.explain()
    );
}

#[test]
fn own_results_count() {
    assert_pass(&by_results("dkim=pass header.d=bank.example", "<u@other.example>"));
    assert_pass(&by_results("dkim=fail header.d=bank.example; dkim=pass header.d=BANK.example", "<>"));
    for named in ["bank.example", "ceo@bank.example", "@bank.example", "\"ceo@bank.example\""] {
        assert_pass(&by_results(&format!("spf=pass smtp.mailfrom={named}"), "<ceo@bank.example>"));
    }
    assert_fail(&by_results(
        "dkim=fail header.d=bank.example; spf=softfail smtp.mailfrom=bank.example",
        "ceo@bank.example",
    ));
    assert_eq!(
        by_results("spf=temperror smtp.mailfrom=bank.example", "ceo@bank.example").result(),
        DmarcResult::TempError
    );
}

#[test]
fn a_stranger_s_results_do_not_count() {
    let (header, _) = Header::parse(
        b"Authentication-Results: mx.evil.example; dkim=pass header.d=bank.example\r\nFrom: ceo@bank.example\r\n\r\n",
    )
    .unwrap();
    let ids = AuthservIds::new(["mx.example.net"]);
    let trusted = ids.trusted(&header, header.len());
    assert_fail(&judge(Identifiers::from_header(&header).with_trusted_results(trusted, b"ceo@bank.example")));
}

/// OpenDMARC behind policyd-spf took a pass of HELO for one of MAIL FROM.
#[test]
fn cve_2019_20790_a_pass_of_helo_is_none_of_mail_from() {
    for results in [
        "spf=pass smtp.helo=evil.example",
        "spf=pass smtp.helo=bank.example",
        "spf=pass smtp.helo=bank.example; spf=fail smtp.mailfrom=bank.example",
        "spf=pass",
        // Of another message's sender, or a MAIL FROM that is not the one of the envelope.
        "spf=pass smtp.mailfrom=evil.example",
    ] {
        assert_fail(&by_results(results, "ceo@bank.example"));
    }
    assert_fail(&by_results("spf=pass smtp.mailfrom=bank.example", "u@evil.example"));
    for field in [
        "Pass (helo) identity=helo; client-ip=192.0.2.66; helo=evil.example; envelope-from=ceo@bank.example",
        "Pass (helo) identity=helo; helo=bank.example; envelope-from=ceo@bank.example",
        "Pass (no identity) helo=evil.example; envelope-from=ceo@bank.example",
        "Pass (mailfrom) identity=mailfrom; helo=bank.example",
        "Pass (mailfrom) identity=mailfrom; envelope-from=u@evil.example; helo=bank.example",
        "Pass identity=mailfrom; envelope-from=u@evil.example; envelope-from=ceo@bank.example",
        "Fail (mailfrom) identity=mailfrom; envelope-from=ceo@bank.example",
    ] {
        assert_fail(&by_received_spf(field, "ceo@bank.example"));
    }
    assert_pass(&by_received_spf(
        "Pass identity=mailfrom; envelope-from=ceo@bank.example",
        "ceo@bank.example",
    ));
}

/// OpenDMARC read a domain up to a parenthesis or another character that a sender had put there.
#[test]
fn cve_2020_12272_a_name_with_anything_behind_it_is_nobody_s() {
    for named in [
        "\"bank.example(.evil.example\"",
        "\"u@bank.example(.evil.example\"",
        "\"bank.example\\\".evil.example\"",
        "\"bank.example evil.example\"",
        "\"bank.example,evil.example\"",
        "\"bank.example;evil.example\"",
        "\"bank.example\\\\.evil.example\"",
        "\"ceo@bank.example@evil.example\"",
        "bank.example.",
        "-bank.example",
    ] {
        assert_fail(&by_results(&format!("dkim=pass header.d={named}"), "<>"));
        for mail_from in
            ["u@evil.example", "\"u@bank.example(\"@evil.example", "<>", "u@bank.example(.evil.example"]
        {
            assert_fail(&by_results(&format!("spf=pass smtp.mailfrom={named}"), mail_from));
        }
    }
    // What stands in a comment or in another part of the entry is no name either.
    for results in [
        "dkim=pass (header.d=bank.example) header.d=evil.example",
        "dkim=pass reason=\"header.d=bank.example\" header.d=evil.example",
        "dkim=pass header.i=@bank.example header.d=evil.example",
        "dkim=pass header.i=@bank.example",
        "dkim=pass header.d=bank.example header.d=evil.example",
        "dkim=pass policy.d=bank.example",
        "spf=pass smtp.mailfrom=evil.example smtp.mailfrom=bank.example",
    ] {
        assert_fail(&by_results(results, "u@evil.example"));
        assert_fail(&by_results(results, "ceo@bank.example"));
    }
}

#[test]
fn a_null_reverse_path_has_the_identity_of_helo() {
    for results in ["spf=pass smtp.helo=bank.example", "spf=pass smtp.mailfrom=postmaster@bank.example"] {
        assert_pass(&by_results(results, "<>"));
        assert_pass(&by_results(results, ""));
    }
    for field in [
        "Pass identity=helo; helo=bank.example; envelope-from=<>",
        "Pass identity=mailfrom; helo=bank.example; envelope-from=\"\"",
    ] {
        assert_pass(&by_received_spf(field, "<>"));
        assert_fail(&by_received_spf(field, "u@evil.example"));
    }
    assert_fail(&by_received_spf(
        "Pass identity=mailfrom; helo=bank.example; envelope-from=u@evil.example",
        "<>",
    ));
}

#[test]
fn the_first_result_of_spf_counts() {
    let two = "spf=fail smtp.mailfrom=bank.example; spf=pass smtp.mailfrom=bank.example";
    assert_fail(&by_results(two, "ceo@bank.example"));
}
