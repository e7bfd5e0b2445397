#!/usr/bin/python3
"""Options of the old files that do something beside signing and checking, under real Postfix.

Run from the root of the repository, as root: crates/waxseald/tests/postfix/options.py [WORD that cases begin with]
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import HEADER, fields, own_namespace, run_cases, send, wait_for

CASES = []


def case(function):
    CASES.append(function)
    return function


DMARC = """AuthservID mx.beta.example
RejectFailures true
HistoryFile {E}/run/history
IgnoreMailTo unrecorded@beta.example
FailureReports true
FailureReportsBcc postmaster@beta.example
ReportCommand cat >>{E}/run/reports
ReportSpool {E}/run/spool
OverrideHosts 198.51.100.0/24
Socket inet:8961@127.0.0.1
"""
# Stands in for DBI: prints what would go into the database.
DBI = """package DBI;
our $errstr = ''; our $last = 0;
sub connect { return bless {}, 'DBI' }
sub prepare { my ($self, $query) = @_; $query =~ s/\\s+/ /g; return bless { query => $query }, 'DBI::st' }
sub errstr { return '' }
sub disconnect { return 1 }
package DBI::st;
sub execute {
    my ($self, @values) = @_;
    $self->{row} = $self->{query} =~ /LAST_INSERT_ID/ ? [$DBI::last] : undef;
    $DBI::last++ if $self->{query} =~ /INSERT/;
    print join('|', $self->{query}, map { defined $_ ? $_ : 'undef' } @values), "\\n" if $self->{query} =~ /INSERT|UPDATE/;
    return 1;
}
sub fetchrow_arrayref { my $self = shift; my $row = $self->{row}; $self->{row} = undef; return $row }
sub finish { return 1 }
1;
"""
STRANGER = "ADDR=203.0.113.9 NAME=evil.example"
FORGED = {"sender": "eve@beta.example", "helo": "evil.example"}


@case
def records_for_opendmarc_import(bench):
    bench.publish({"alpha.example": '_report._domainkey TXT "ra=dkim"\n'})
    bench.waxseald("history", "--opendmarc", bench.write("history.conf", DMARC))
    bench.postfix("H", 2560, "mynetworks = 203.0.113.250\nrelay_domains = beta.example\nsmtpd_milters = inet:127.0.0.1:8961\n")
    good = send(2560, HEADER + b"Subject: good\r\n\r\nhi\r\n", xclient="ADDR=192.0.2.10 NAME=c.alpha.example")
    assert good.startswith("250"), good
    bad = send(2560, HEADER + b"Subject: bad\r\n\r\nhi\r\n", xclient=STRANGER, **FORGED)
    assert bad == "550 5.7.1 rejected by DMARC policy for alpha.example", bad
    send(2560, HEADER + b"Subject: no record\r\n\r\nhi\r\n", to="unrecorded@beta.example", xclient="ADDR=192.0.2.10 NAME=c.alpha.example")
    bench.wait_mail(2)
    with open(bench.path("run/history")) as file:
        records = file.read()
    assert records.count("job ") == 2 and records.endswith("action 0\n"), records
    os.makedirs(bench.path("perl/DBD"), exist_ok=True)
    bench.write("perl/DBI.pm", DBI)
    bench.write("perl/DBD/mysql.pm", "package DBD::mysql;\n1;\n")
    imported = bench.run("env", f"PERL5LIB={bench.path('perl')}", "opendmarc-import", f"--input={bench.path('run/history')}")
    assert b"unknown key" not in imported.stderr, imported.stderr
    rows = imported.stdout.decode().splitlines()
    messages = [row.split("|")[1:] for row in rows if "INSERT INTO messages" in row]
    assert len(messages) == 2, rows
    # date, jobid, reporter, policy, disp, ip, env_domain, from_domain, policy_domain, spf, align_spf, align_dkim, sigcount, arc, arc_policy
    assert [message[i] for message in messages[:1] for i in (3, 4, 9, 10, 11, 12)] == ["15", "2", "0", "4", "5", "0"], messages
    assert [message[i] for message in messages[1:] for i in (3, 4, 9, 10, 11, 12)] == ["16", "0", "6", "5", "5", "0"], messages
    assert any(row.endswith("|114|114|114|0|100|" + row.split("|")[-1]) for row in rows if "SET adkim" in row), rows
    assert any("repuri" in row and "|mailto:dmarc@alpha.example|" in row for row in rows), rows


@case
def a_full_disk_hurts_no_mail(bench):
    text = DMARC.replace("{E}/run/history", "/dev/full").replace("8961", "8962").replace("FailureReports true", "FailureReports false")
    bench.waxseald("full", "--opendmarc", bench.write("full.conf", text))
    bench.postfix("U", 2561, "mynetworks = 203.0.113.250\nrelay_domains = beta.example\nsmtpd_milters = inet:127.0.0.1:8962\n")
    reply = send(2561, HEADER + b"Subject: full\r\n\r\nhi\r\n", xclient="ADDR=192.0.2.10 NAME=c.alpha.example")
    assert reply.startswith("250"), reply
    [mail] = bench.wait_mail()
    assert "dmarc=pass" in "\n".join(fields(mail, "Authentication-Results")), mail
    wait_for(lambda: "HistoryFile /dev/full: No space left on device" in bench.log("full"), "the error")


@case
def a_failure_is_reported_and_the_report_survives_until_it_is_taken(bench):
    reports = lambda: open(bench.path("run/reports"), "rb").read() if os.path.exists(bench.path("run/reports")) else b""
    wait_for(lambda: reports().endswith(b"--\n"), "the report")
    report = reports().decode()
    for line in ("To: postmaster@beta.example", "Auto-Submitted: auto-generated", "Feedback-Type: auth-failure", "Auth-Failure: dmarc",
                 "Reported-Domain: alpha.example", "Source-IP: 203.0.113.9", "Delivery-Result: reject", "Identity-Alignment: dkim, spf",
                 "Content-Type: text/rfc822-headers", "Subject: bad"):
        assert f"\n{line}\n" in report, (line, report)
    assert "\nhi\n" not in report, "no body"
    assert not os.listdir(bench.path("run/spool")), "sent and removed"


@case
def a_host_overrides_the_policy(bench):
    reply = send(2560, HEADER + b"Subject: relayed\r\n\r\nhi\r\n", xclient="ADDR=198.51.100.7 NAME=relay.example", **FORGED)
    assert reply.startswith("250"), reply
    bench.wait_mail()
    wait_for(lambda: 'override="relay.example [198.51.100.7] is in OverrideHosts, in place of reject"' in bench.log("history"), "reason")


@case
def results_of_the_border_count(bench):
    text = "AuthservID inner.example\nTrustedAuthservIDs border.example\nRejectFailures true\nIgnoreHosts 127.0.0.2\nSocket inet:8963@127.0.0.1\n"
    bench.waxseald("inner", "--opendmarc", bench.write("inner.conf", text))
    bench.postfix("I", 2562, "mynetworks = 127.0.0.0/8\nsmtpd_milters = inet:127.0.0.1:8963\n")
    results = b"Authentication-Results: border.example; %s\r\n"
    for said, expected in (
        (b"dkim=pass header.d=alpha.example", "250"),
        (b"spf=pass smtp.mailfrom=bob@alpha.example", "250"),
        (b"spf=pass smtp.helo=alpha.example", "550"),
        (b"dkim=pass header.d=\"alpha.example(.evil.example\"", "550"),
    ):
        reply = send(2562, results % said + HEADER + b"Subject: border\r\n\r\nhi\r\n")
        assert reply.startswith(expected), (said, reply)
    reply = send(2562, results.replace(b"border", b"other") % b"dkim=pass header.d=alpha.example" + HEADER + b"Subject: other\r\n\r\nhi\r\n")
    assert reply.startswith("550"), reply
    bench.wait_mail(2)
    assert 'trusted="border.example dkim=1"' in bench.log("inner"), bench.log("inner")


SIGN = """Mode s
KeyTable {E}/run/options-keys
SigningTable refile:{E}/run/options-signing
MultipleSignatures yes
PublishCheck require
SenderLogins refile:{E}/run/options-logins
SenderLoginsAction refuse
DontSignMailTo list@beta.example
Socket inet:8964@127.0.0.1
"""


@case
def two_keys_exclusions_logins_and_only_what_dns_shows(bench):
    bench.run("openssl", "genpkey", "-algorithm", "ed25519", "-out", bench.path("keys/alpha.example/ed.private"))
    der = bench.run("openssl", "pkey", "-in", bench.path("keys/alpha.example/ed.private"), "-pubout", "-outform", "DER").stdout
    import base64
    bench.publish({"alpha.example": f'ed._domainkey TXT "v=DKIM1; k=ed25519; p={base64.b64encode(der[-32:]).decode()}"\n'})
    bench.write("run/options-keys", "rsa alpha.example:s2026:{E}/keys/alpha.example/s2026.private\n"
                "ed alpha.example:ed:{E}/keys/alpha.example/ed.private\nwrong alpha.example:s2026:{E}/keys/gamma.example/s2026.private\n")
    bench.write("run/options-signing", "!*@not.alpha.example -\nold@alpha.example wrong\n*@alpha.example rsa\n*@alpha.example ed\n*@*.alpha.example rsa\n")
    bench.write("run/options-logins", "bob@alpha.example bob\n*@alpha.example ann\n")
    bench.waxseald("options", "-x", bench.write("options.conf", SIGN))
    bench.postfix("X", 2563, "mynetworks = 127.0.0.0/8\nsmtpd_milters = inet:127.0.0.1:8964\n")
    letter = lambda author: HEADER.replace(b"bob@alpha.example", author) + b"Subject: x\r\n\r\nhi\r\n"
    signatures = lambda: fields(bench.wait_mail()[0], "DKIM-Signature")
    send(2563, letter(b"bob@alpha.example"))
    algorithms = sorted("ed25519" in signature for signature in signatures())
    assert algorithms == [False, True], algorithms
    send(2563, letter(b"bob@sub.alpha.example"))
    assert len(signatures()) == 1
    send(2563, letter(b"bob@not.alpha.example"))
    assert signatures() == []
    send(2563, letter(b"bob@alpha.example"), to="list@beta.example")
    assert signatures() == []
    send(2563, letter(b"old@alpha.example"))
    assert len(signatures()) == 2
    log = bench.log("options")
    for words in ("list@beta.example> is in DontSignMailTo", 'warning="DNS has another key at s2026._domainkey.alpha.example"'):
        assert words in log, (words, log)
    ask = lambda author, login: bench.run(bench.waxseald_path, "would-sign", "-x", bench.path("options.conf"), "--from", author, "--auth", login, check=False)
    assert ask("bob@alpha.example", "bob").returncode == 0
    assert b"refused: login 'bob' may not write as eve@alpha.example (SenderLogins)" in ask("eve@alpha.example", "bob").stdout


@case
def what_will_break_a_signature_is_named(bench):
    body = b"x" * 1200 + b"\r\n\xe9\r\n"
    send(2563, HEADER + b"Subject: long\r\n\r\n" + body)
    assert len(fields(bench.wait_mail()[0], "DKIM-Signature")) == 2
    line = bench.log("options").splitlines()[-1]
    for words in ("line 1 of the body (offset", "has 1200 bytes", "bytes above 127"):
        assert words in line and "warning=" in line, (words, line)


@case
def a_signature_that_failed_is_reported_and_its_message_redirected(bench):
    text = "Mode v\nAuthservID mx.beta.example\nRedirectFailuresTo abuse@beta.example\nSendReports yes\nMTACommand {E}/run/sendmail\n" \
        "ReportSpool {E}/run/dkim-spool\nSocket inet:8965@127.0.0.1\n"
    path = bench.write("run/sendmail", f"#!/bin/sh\ncat >>{bench.path('run/dkim-reports')}\n")
    os.chmod(path, 0o755)
    bench.waxseald("redirect", "-x", bench.write("redirect.conf", text))
    bench.postfix("R", 2564, "mynetworks = 127.0.0.0/8\nsmtpd_milters = inet:127.0.0.1:8965\n")
    signer = "Mode s\nDomain alpha.example\nSelector s2026\nKeyFile {E}/keys/alpha.example/s2026.private\nRequestReports yes\nSocket inet:8966@127.0.0.1\n"
    bench.waxseald("asking", "-x", bench.write("asking.conf", signer))
    bench.postfix("Q", 2565, "mynetworks = 127.0.0.0/8\nsmtpd_milters = inet:127.0.0.1:8966\n")
    send(2565, HEADER + b"Subject: to be changed\r\n\r\nhi\r\n")
    [mail] = bench.wait_mail()
    send(2564, mail.replace(b"\r\nhi\r\n", b"\r\nho\r\n"))
    [changed] = bench.wait_mail()
    assert fields(changed, "Original-Recipient") == ["rfc822;alice@beta.example"], changed
    read = lambda: open(bench.path("run/dkim-reports")).read() if os.path.exists(bench.path("run/dkim-reports")) else ""
    wait_for(lambda: read().endswith("--\n"), "the report")
    for line in ("To: dkim@alpha.example", "Auth-Failure: bodyhash", "DKIM-Domain: alpha.example", "DKIM-Selector: s2026"):
        assert f"\n{line}\n" in read(), (line, read())


if __name__ == "__main__":
    own_namespace()
    run_cases(CASES, sys.argv[1] if len(sys.argv) > 1 else "")
