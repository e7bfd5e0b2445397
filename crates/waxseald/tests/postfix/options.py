#!/usr/bin/python3
"""Options of the old files that do something beside signing and checking, under real Postfix.

Run from the root of the repository, as root: crates/waxseald/tests/postfix/options.py [WORD that cases begin with]
"""

import base64
import hashlib
import os
import smtplib
import sys
import time

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

SPF_ZONES = {
    "soft.example": '@ TXT "v=spf1 ~all"\n',
    "neutral.example": '@ TXT "v=spf1 ?all"\n',
    "broken.example": '@ TXT "v=spf1 all:all:"\n',
    "relay.example": '@ TXT "v=spf1 ip4:198.51.100.5 -all"\nmail A 198.51.100.5\n',
    "100.51.198.in-addr.arpa": "5 PTR mail.relay.example.\n",
}
OWN, RELAY = "ADDR=192.0.2.10 NAME=c.alpha.example", "ADDR=198.51.100.5 NAME=mail.relay.example"
FIELD, NOTE, REFUSED = "Received-SPF", "X-Comment", "550 5.7.23 <alice@beta.example>: Recipient address rejected: Message rejected due to: "
# Options of policyd-spf.conf; for each client, HELO and sender: the reply, or a field with its words, or None where there is none.
SPF_OPTIONS = [
    ("TestOnly = 0", [(STRANGER, "evil.example", "eve@alpha.example", (FIELD, "Fail (mailfrom) identity=mailfrom; client-ip=203.0.113.9"))]),
    ("defaultSeedOnly = 0", [(STRANGER, "gamma.example", "eve@evil.example", (FIELD, "Fail"))]),
    ("HELO_reject = Fail", [
        (STRANGER, "gamma.example", "eve@evil.example", REFUSED + "SPF fail - not authorized"),
        (STRANGER, "soft.example", "eve@evil.example", (FIELD, "identity=helo; client-ip=203.0.113.9; helo=soft.example"))]),
    ("HELO_reject = Softfail", [
        (STRANGER, "soft.example", "eve@evil.example", REFUSED + "domain owner discourages use of this host"),
        (STRANGER, "neutral.example", "eve@evil.example", (FIELD, "Neutral"))]),
    ("HELO_reject = SPF_Not_Pass", [(STRANGER, "neutral.example", "eve@evil.example", REFUSED + "access neither permitted nor denied")]),
    ("HELO_reject = Null", [
        (STRANGER, "gamma.example", "eve@evil.example", (FIELD, "Fail")),
        (STRANGER, "gamma.example", "", REFUSED + "SPF fail - not authorized")]),
    ("HELO_reject = False", [(STRANGER, "gamma.example", "", (FIELD, "envelope-from=<>"))]),
    ("HELO_reject = No_Check", [
        (STRANGER, "gamma.example", "eve@evil.example", (FIELD, "None (mailfrom) identity=mailfrom")),
        (STRANGER, "gamma.example", "", (FIELD, None))]),
    ("Mail_From_reject = Softfail", [(STRANGER, "evil.example", "eve@soft.example", REFUSED + "domain owner discourages")]),
    ("Mail_From_reject = SPF_Not_Pass", [
        (STRANGER, "evil.example", "eve@neutral.example", REFUSED + "access neither permitted nor denied"),
        (STRANGER, "evil.example", "eve@evil.example", (FIELD, "None"))]),
    ("Mail_From_reject = False", [(STRANGER, "evil.example", "eve@gamma.example", (FIELD, "Fail (mailfrom)"))]),
    ("Mail_From_reject = No_Check", [(STRANGER, "evil.example", "eve@gamma.example", (FIELD, "identity=helo"))]),
    ("Reject_Not_Pass_Domains = soft.example,bank.example", [
        (STRANGER, "evil.example", "eve@soft.example", REFUSED + "domain owner discourages"),
        (STRANGER, "evil.example", "eve@neutral.example", (FIELD, "Neutral"))]),
    ("No_Mail = True", [
        (STRANGER, "evil.example", "eve@gamma.example", REFUSED + "SPF fail"),
        (STRANGER, "evil.example", "eve@alpha.example", (FIELD, "Fail"))]),
    ("PermError_reject = True", [
        (STRANGER, "evil.example", "eve@broken.example", REFUSED.replace(".23", ".24") + "SPF Permanent Error")]),
    ("PermError_reject = False", [(STRANGER, "evil.example", "eve@broken.example", (FIELD, "Permerror"))]),
    # The name server refuses to answer for this zone.
    ("TempError_Defer = True", [
        (STRANGER, "evil.example", "eve@temp.invalid", "450 4.7.24 <alice@beta.example>: Recipient address rejected: Message deferred due to: ")]),
    ("TempError_Defer = False", [(STRANGER, "evil.example", "eve@temp.invalid", (FIELD, "Temperror"))]),
    ("Prospective = 192.0.2.10\nHELO_reject = No_Check", [(None, "evil.example", "bob@alpha.example", (FIELD, None))]),
    ("Prospective = 203.0.113.9\nHELO_reject = No_Check", [(None, "evil.example", "bob@alpha.example", REFUSED + "SPF fail")]),
    ("skip_addresses = 203.0.113.0/24", [
        (STRANGER, "gamma.example", "eve@gamma.example", (NOTE, "SPF check N/A for local connections - client-ip=203.0.113.9; helo=gamma.example")),
        (None, "gamma.example", "eve@gamma.example", REFUSED + "SPF fail")]),
    ("Whitelist = 203.0.113.8/31,198.51.100.5", [
        (STRANGER, "gamma.example", "eve@gamma.example", (NOTE, "SPF skipped for whitelisted relay - client-ip=203.0.113.9")),
        (RELAY, "gamma.example", "eve@gamma.example", (NOTE, "SPF skipped for whitelisted relay - "))]),
    ("HELO_Whitelist = mail.relay.example", [
        (RELAY, "mail.relay.example", "eve@gamma.example", (NOTE, "SPF skipped for whitelisted HELO domain - ")),
        (STRANGER, "mail.relay.example", "eve@gamma.example", REFUSED + "SPF fail")]),
    ("Domain_Whitelist = relay.example", [
        (RELAY, "evil.example", "eve@gamma.example", (NOTE, "SPF skipped for whitelisted relay domain - ")),
        (STRANGER, "evil.example", "eve@gamma.example", REFUSED + "SPF fail")]),
    ("Domain_Whitelist_PTR = relay.example\nWhitelist_Lookup_Time = 5", [
        (RELAY, "evil.example", "eve@gamma.example", (NOTE, "SPF skipped for PTR whitelisted relay domain - ")),
        (STRANGER, "evil.example", "eve@gamma.example", REFUSED + "SPF fail")]),
    ("Authserv_Id = mx.beta.example\nHeader_Type = AR", [
        (OWN, "c.alpha.example", "bob@alpha.example", ("Authentication-Results", "mx.beta.example; spf=pass")),
        (OWN, "c.alpha.example", "bob@alpha.example", (FIELD, None))]),
    ("Header_Type = None", [(OWN, "c.alpha.example", "bob@alpha.example", (FIELD, None))]),
    ("Hide_Receiver = Yes", [(OWN, "c.alpha.example", "bob@alpha.example", (FIELD, "receiver=<UNKNOWN>"))]),
    ("SPF_Enhanced_Status_Codes = No", [
        (STRANGER, "gamma.example", "eve@evil.example", "550 5.7.1 <alice@beta.example>: Recipient address rejected: Message rejected due to: ")]),
    ("Reason_Message = Not taken ({rejectdefer}): {spf}", [
        (STRANGER, "gamma.example", "eve@evil.example", "550 5.7.23 <alice@beta.example>: Recipient address rejected: Not taken (rejected): SPF fail")]),
    ("HELO_pass_restriction = reject", [
        (OWN, "c.alpha.example", "eve@evil.example", "554 5.7.1 <alice@beta.example>: Recipient address rejected: Access denied"),
        (STRANGER, "evil.example", "eve@evil.example", (FIELD, "None"))]),
    ("Mail_From_pass_restriction = reject", [(OWN, "evil.example", "bob@alpha.example", "554 5.7.1 ")]),
]


@case
def each_option_of_policyd_spf(bench):
    bench.publish(SPF_ZONES)
    services = []
    for index, (text, _) in enumerate(SPF_OPTIONS):
        listen = f"inet:{8700 + index}@127.0.0.1"
        bench.waxseald(f"spf{index}", "--policyd-spf", bench.write(f"spf{index}.conf", text + "\n"), "--policy-socket", listen)
        services.append((2700 + index, [f"smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{8700 + index}"]))
    bench.postfix("P", 2699, "mynetworks = 203.0.113.250\nrelay_domains = beta.example\n", services=services)
    wrong = []
    for index, (text, messages) in enumerate(SPF_OPTIONS):
        for client, helo, sender, expected in messages:
            reply = send(2700 + index, HEADER + b"Subject: spf\r\n\r\nhi\r\n", sender=sender, xclient=client, helo=helo)
            [mail] = bench.wait_mail() if reply.startswith("250") else [b""]
            if isinstance(expected, str):
                found, is_right = reply, reply.startswith(expected)
            else:
                name, words = expected
                found = fields(mail, name)
                is_right = reply.startswith("250") and (found == [] if words is None else len(found) == 1 and words in found[0])
            if not is_right:
                wrong.append((text, client, helo, sender, expected, reply, found))
    assert not wrong, "\n".join(map(str, wrong))


@case
def recipients_with_settings_of_their_own(bench):
    bench.write("run/users", "lax@beta.example,TestOnly=0\nstrict@beta.example,Mail_From_reject=Softfail|Reason_Message=Strict: {spf}\n")
    listen = "inet:8790@127.0.0.1"
    bench.waxseald("users", "--policyd-spf", bench.write("users.conf", "Per_User = text,{E}/run/users\n"), "--policy-socket", listen)
    bench.postfix("Z", 2790, "mynetworks = 203.0.113.250\nrelay_domains = beta.example\n"
                  "smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:8790\n")

    def recipients(sender, *names):
        with smtplib.SMTP("127.0.0.1", 2790, timeout=60, local_hostname="evil.example") as client:
            client.ehlo()
            client.docmd("XCLIENT", STRANGER)
            client.ehlo()
            client.docmd("MAIL", f"FROM:<{sender}>")
            codes = [client.docmd("RCPT", f"TO:<{name}@beta.example>")[0] for name in names]
            if 250 in codes:
                client.docmd("DATA")
                client.send(HEADER + b"Subject: users\r\n\r\nhi\r\n.\r\n")
                assert client.getreply()[0] == 250
            return codes

    assert recipients("eve@gamma.example", "ann", "LAX", "strict", "bob") == [550, 250, 550, 550]
    [mail] = bench.wait_mail()
    assert len(fields(mail, FIELD)) == 1 and fields(mail, FIELD)[0].startswith("Fail"), mail
    # Whoever comes first brings the field, and it comes once.
    assert recipients("eve@soft.example", "strict", "ann", "lax", "bob") == [550, 250, 250, 250]
    [mail] = bench.wait_mail()
    assert len(fields(mail, FIELD)) == 1 and fields(mail, FIELD)[0].startswith("Softfail"), mail
    assert "550 5.7.23 Strict: domain owner discourages" in bench.log("users"), bench.log("users")


KEY = "Domain alpha.example\nSelector s2026\nKeyFile {E}/keys/alpha.example/s2026.private\n"
TWICE = HEADER + b"Subject: one\r\nSubject: two\r\n\r\nhi\r\n"
LETTER = HEADER + b"Subject: plain\r\n\r\nhi\r\n"
# Bare CR, which Postfix passes on as it is where it is told to.
AS_IT_CAME = "cleanup_replace_stray_cr_lf = no\n"
BARE = HEADER + b"Subject: bare\r\n\r\na\rb\r\n"
SIGNED = "DKIM-Signature"
# Options of opendkim.conf; for each message: the reply, or a field with its words, or None where there is none.
DKIM_OPTIONS = [
    ("Mode s\n" + KEY, [(LETTER, (SIGNED, "d=alpha.example")), (TWICE, (SIGNED, "d=alpha.example")), (BARE, (SIGNED, None))]),
    ("Mode s\nFixCRLF yes\n" + KEY, [(BARE, (SIGNED, "d=alpha.example"))]),
    ("Mode s\nStrictHeaders yes\n" + KEY, [(TWICE, (SIGNED, None)), (LETTER, (SIGNED, "d=alpha.example"))]),
    ("Mode s\nRequiredHeaders yes\n" + KEY, [(TWICE, "550 5.6.0 2 Subject fields"), (LETTER, (SIGNED, "d=alpha.example"))]),
    ("Mode s\nRequiredHeaders yes\nIgnoreMalformedMail yes\n" + KEY, [(TWICE, (SIGNED, None))]),
    ("Mode v\nStrictHeaders yes\nAlwaysAddARHeader yes\n", [(TWICE, ("Authentication-Results", None)), (LETTER, ("Authentication-Results", "dkim=none"))]),
    ("Mode v\nOn-NoSignature reject\n", [(LETTER, "550 5.7.1 no signature data")]),
    ("Mode v\nMaximumHeaders 200\n", [(HEADER + b"X: " + b"y" * 300 + b"\r\n\r\nhi\r\n", "550 5.6.0 header cannot be read")]),
]


@case
def each_option_of_opendkim(bench):
    services = []
    for index, (text, _) in enumerate(DKIM_OPTIONS):
        text += f"AuthservID mx.beta.example\nSocket inet:{8800 + index}@127.0.0.1\n"
        bench.waxseald(f"dkim{index}", "-x", bench.write(f"dkim{index}.conf", text))
        services.append((2800 + index, [f"smtpd_milters = inet:127.0.0.1:{8800 + index}"]))
    bench.postfix("D", 2799, "mynetworks = 127.0.0.0/8\n" + AS_IT_CAME, services=services)
    for index, (text, messages) in enumerate(DKIM_OPTIONS):
        for message, expected in messages:
            reply = send(2800 + index, message)
            if isinstance(expected, str):
                assert reply.startswith(expected), (text, reply)
                continue
            [mail] = bench.wait_mail()
            (name, words), found = expected, fields(mail, expected[0])
            assert found == [] if words is None else len(found) == 1 and words in found[0], (text, found, mail)


@case
def line_ends_are_fixed_for_who_signs_and_for_who_verifies(bench):
    """A signature with FixCRLF is one of the message with whole line ends: who does not fix them sees another body."""
    send(2801, BARE)
    [mail] = bench.wait_mail()
    for port, fix, result in ((8811, "yes", "dkim=pass"), (8812, "no", "dkim=fail")):
        text = f"Mode v\nAuthservID mx.beta.example\nFixCRLF {fix}\nSocket inet:{port}@127.0.0.1\n"
        bench.waxseald(f"fix{fix}", "-x", bench.write(f"fix{fix}.conf", text))
        bench.postfix(f"G{fix}", port - 6000, f"mynetworks = 127.0.0.0/8\nsmtpd_milters = inet:127.0.0.1:{port}\n" + AS_IT_CAME)
        send(port - 6000, mail)
        [checked] = bench.wait_mail()
        assert result in fields(checked, "Authentication-Results")[0], (fix, checked)


@case
def others_sign_for_a_domain_that_says_so(bench):
    """RFC 6541: gamma.example signs for alpha.example, which names it in DNS; and for beta.example, which does not."""
    # opendkim-atpszone of Debian 12 writes the first 32 characters alone, which nobody asks for.
    label = base64.b32encode(hashlib.sha256(b"gamma.example").digest()).decode().rstrip("=")
    bench.publish({"alpha.example": f'{label}._atps TXT "v=ATPS1; d=gamma.example"\n'})
    bench.write("run/atps-keys", "g gamma.example:s2026:{E}/keys/gamma.example/s2026.private\n")
    bench.write("run/atps-signing", "*@alpha.example g\n*@beta.example g\n")
    signs = "Mode s\nKeyTable {E}/run/atps-keys\nSigningTable refile:{E}/run/atps-signing\nATPSDomains alpha.example,beta.example\n"
    bench.waxseald("atps", "-x", bench.write("atps.conf", signs + "Socket inet:8820@127.0.0.1\n"))
    bench.waxseald("atps-v", "-x", bench.write("atps-v.conf", "Mode v\nAuthservID mx.beta.example\nSocket inet:8821@127.0.0.1\n"))
    bench.postfix("T", 2820, "mynetworks = 127.0.0.0/8\nsmtpd_milters = inet:127.0.0.1:8820\nrelayhost = [127.0.0.1]:2821\n")
    bench.postfix("Y", 2821, "mynetworks = 127.0.0.0/8\nsmtpd_milters = inet:127.0.0.1:8821\n")
    for author, result in (("alpha", "pass"), ("beta", "fail")):
        send(2820, HEADER.replace(b"bob@alpha", b"bob@" + author.encode()) + b"Subject: atps\r\n\r\nhi\r\n")
        [mail] = bench.wait_mail()
        [signature], [results] = fields(mail, SIGNED), fields(mail, "Authentication-Results")
        assert f"atps={author}.example" in signature and "atpsh=sha256" in signature, signature
        assert "dkim=pass" in results and f"dkim-atps={result} header.from=bob@{author}.example" in results, results


@case
def a_text_for_the_reply_is_taken_from_the_signer(bench):
    """RFC 6651: `rs=`, for a signature with r=y, where mail is rejected because of it."""
    bench.publish({"gamma.example": '_report._domainkey TXT "ra=dkim; rs=see=20gamma.example/dkim"\n'})
    text = "Mode v\nOn-BadSignature reject\nSendReports yes\nMTACommand /bin/true\nReportSpool {E}/run/rs-spool\nSocket inet:8830@127.0.0.1\n"
    bench.waxseald("rs", "-x", bench.write("rs.conf", text))
    asking = "Mode s\n" + KEY.replace("alpha", "gamma") + "RequestReports yes\nSocket inet:8831@127.0.0.1\n"
    bench.waxseald("rs-s", "-x", bench.write("rs-s.conf", asking))
    bench.postfix("N", 2830, "mynetworks = 127.0.0.0/8\nsmtpd_milters = inet:127.0.0.1:8830\n")
    bench.postfix("M", 2831, "mynetworks = 127.0.0.0/8\nsmtpd_milters = inet:127.0.0.1:8831\n")
    send(2831, LETTER.replace(b"bob@alpha", b"bob@gamma"))
    [mail] = bench.wait_mail()
    reply = send(2830, mail.replace(b"\r\nhi\r\n", b"\r\nho\r\n"))
    assert reply.startswith("550 5.7.1 ") and reply.endswith(": see gamma.example/dkim"), reply


@case
def openarc_seals_what_internal_hosts_have_checked(bench):
    text = "Mode sv\nAuthservID mx.beta.example\nDomain gamma.example\nSelector s2026\nKeyFile {E}/keys/gamma.example/s2026.private\n" \
        "InternalHosts {E}/run/arc-internal\nSocket inet:8840@127.0.0.1\n"
    bench.write("run/arc-internal", "127.0.0.1\n")
    bench.waxseald("arc", "-x", bench.write("none.conf", "Mode v\nSocket inet:8841@127.0.0.1\n"), "--openarc", bench.write("arc.conf", text))
    bench.postfix("C", 2840, "mynetworks = 127.0.0.0/8\nrelay_domains = beta.example\nsmtpd_milters = inet:127.0.0.1:8840\n")
    told = b"Authentication-Results: mx.beta.example; dkim=pass header.d=told.example\r\n"
    for client, is_sealed in ((None, True), (STRANGER, False)):
        send(2840, told + LETTER, xclient=client)
        [mail] = bench.wait_mail()
        [sealed] = fields(mail, "ARC-Authentication-Results")
        assert sealed.startswith("i=1; mx.beta.example;") and ("told.example" in sealed) == is_sealed, (client, sealed)
        assert bench.run("/usr/bin/arcverify", data=mail, check=False).returncode == 0, mail


@case
def a_key_signs_as_long_as_its_state_lets_it(bench):
    state = bench.path("keys/alpha.example/s2026.private.state")
    bench.waxseald("state", "-x", bench.write("state.conf", "Mode s\n" + KEY + "Socket inet:8850@127.0.0.1\n"))
    bench.postfix("E", 2850, "mynetworks = 127.0.0.0/8\nsmtpd_milters = inet:127.0.0.1:8850\n")
    try:
        bench.write("keys/alpha.example/s2026.private.state", "state=retired\n")
        send(2850, LETTER)
        assert len(fields(bench.wait_mail()[0], SIGNED)) == 1
        warning = f'warning="s=s2026, d=alpha.example: the key is retired by {state}"'
        assert warning in bench.log("state").splitlines()[-1], bench.log("state")
        bench.write("keys/alpha.example/s2026.private.state", "state=revoked\n")
        # The file is read again after five seconds.
        time.sleep(5)
        assert send(2850, LETTER).startswith("451 4.7.1")
        assert f"the key is revoked by {state}" in bench.log("state").splitlines()[-1], bench.log("state")
    finally:
        os.remove(state)


if __name__ == "__main__":
    own_namespace()
    run_cases(CASES, sys.argv[1] if len(sys.argv) > 1 else "")
