#!/usr/bin/python3
"""Who signs and who verifies are not the same program: waxseald beside OpenDKIM, dkimpy and Mail::DKIM, and the whole chain.

Run from the root of the repository, as root: crates/waxseald/tests/postfix/mixed.py
"""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dkim
from bench import HEADER, fields, own_namespace, run_cases, send
from messages import ED25519_TXT

ED25519_PEM = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
"""
TABLES = """KeyTable {E}/run/KeyTable
SigningTable refile:{E}/run/SigningTable
InternalHosts 127.0.0.1
"""
SIGN = """Mode s
Canonicalization {c}
Socket inet:{port}@127.0.0.1
""" + TABLES
VERIFY = """Mode v
AuthservID mx.beta.example
AlwaysAddARHeader yes
InternalHosts 203.0.113.1
Socket inet:{port}@127.0.0.1
"""
OPENDKIM = "UMask 000\nNameservers 127.0.0.1\nRequireSafeKeys no\n"
BODY = b"Subject: mixed\r\n\r\n"
MAILS = [
    ("plain", BODY + b"hi\r\n"),
    ("no body", BODY),
    ("empty lines at the end", BODY + b"hi \r\n\r\n\r\n"),
    ("lines of a dot", BODY + b".\r\n..\r\n.hi\r\n"),
    ("8 bit", BODY + "grüße\r\n".encode() + b"caf\xe9\r\n"),
    ("folded", b"Subject: a\r\n b\r\n\tc  d\r\nX-Empty:\r\nReply-To: <x@alpha.example>,\r\n <y@alpha.example>\r\n\r\nhi\r\n"),
    ("large", BODY + b"0123456789 \t abcdef\r\n" * 20_000),
]
PERL = r"""use Mail::DKIM::Verifier; my $v = Mail::DKIM::Verifier->new; my $m = join("", <STDIN>); $v->PRINT($m); $v->CLOSE;
print join(" ", map { $_->algorithm . ":" . $_->result } $v->signatures), "\n";"""
PERL_SIGNER = r"""use Mail::DKIM::Signer; my ($key) = @ARGV; my $m = join("", <STDIN>);
my $s = Mail::DKIM::Signer->new(Algorithm => "rsa-sha256", Method => "relaxed/simple", Domain => "alpha.example", Selector => "s2026", KeyFile => $key);
$s->PRINT($m); $s->CLOSE; print $s->signature->as_string, "\r\n";"""
RR, SS, BOTH, THEIRS, CHECKED = 2551, 2552, 2553, 2554, 2556


def start(bench):
    bench.publish({"alpha.example": f'ed._domainkey TXT "v=DKIM1; k=ed25519; p={ED25519_TXT}"\n'})
    os.chmod(bench.write("keys/ed.private", ED25519_PEM), 0o600)
    bench.write("run/KeyTable", "rsa alpha.example:s2026:{E}/keys/alpha.example/s2026.private\ned alpha.example:ed:{E}/keys/ed.private:ed25519-sha256\n")
    bench.write("run/SigningTable", "*@alpha.example rsa\n")
    bench.write("run/Both", "*@alpha.example rsa\n*@alpha.example ed\n")
    sign = lambda c, port: SIGN.replace("{c}", c).replace("{port}", port)
    bench.waxseald("rr", "-x", bench.write("rr.conf", sign("relaxed/relaxed", "8851")))
    bench.waxseald("ss", "-x", bench.write("ss.conf", sign("simple/simple", "8852")))
    both = sign("relaxed/simple", "8853").replace("run/SigningTable", "run/Both") + "MultipleSignatures yes\n"
    bench.waxseald("both", "-x", bench.write("both.conf", both))
    bench.write("run/Theirs", "rsa alpha.example:s2026:{E}/keys/alpha.example/s2026.private\n")
    bench.old("theirs", "opendkim", (sign("relaxed/relaxed", "8854") + OPENDKIM).replace("KeyTable {E}/run/KeyTable", "KeyTable file:{E}/run/Theirs"))
    bench.old("theirs-v", "opendkim", VERIFY.replace("{port}", "8855") + OPENDKIM)
    bench.waxseald("checks", "-x", bench.write("checks.conf", VERIFY.replace("{port}", "8856")))
    milter = lambda port: f"smtpd_milters = inet:127.0.0.1:{port}"
    to = lambda port: f"content_filter = smtp:[127.0.0.1]:{port}"
    services = [(RR, [milter(8851), to(2555)]), (SS, [milter(8852), to(2555)]), (BOTH, [milter(8853), to(2555)]),
                (THEIRS, [milter(8854), to(CHECKED)]), (2555, [milter(8855)]), (CHECKED, [milter(8856)])]
    bench.postfix("M", 2550, "mynetworks = 127.0.0.0/8\n", services=services)


def verdicts_of_dkimpy(mail):
    count = len(fields(mail, "DKIM-Signature"))
    return [dkim.DKIM(mail).verify(index) for index in range(count)]


def verdicts_of_mail_dkim(bench, mail):
    return bench.run("perl", "-e", PERL, data=mail).stdout.decode().split()


def what_waxseald_signs_three_others_verify(bench):
    start(bench)
    for port, count in ((RR, 1), (SS, 1), (BOTH, 2)):
        for name, text in MAILS:
            assert send(port, HEADER + text).startswith("250"), (port, name)
            [mail] = bench.wait_mail()
            case = (port, name, mail[:2000])
            [results] = fields(mail, "Authentication-Results")
            assert results.count("dkim=pass") == count, case
            assert verdicts_of_dkimpy(mail) == [True] * count, case
            perl = verdicts_of_mail_dkim(bench, mail)
            # Mail::DKIM 1.20230212 knows no Ed25519.
            assert sorted(perl)[-1] == "rsa-sha256:pass" and len(perl) <= count, (case, perl)
            assert count == 2 or bench.run("opendkim-testmsg", data=mail, check=False).returncode == 0, case


def what_three_others_sign_waxseald_verifies(bench):
    key = bench.path("keys/alpha.example/s2026.private")
    with open(key, "rb") as file:
        pem = file.read()
    for name, text in MAILS:
        mail = HEADER + text
        by_dkimpy = dkim.sign(mail, b"s2026", b"alpha.example", pem, canonicalize=(b"relaxed", b"simple")) + mail
        by_perl = bench.run("perl", "-e", PERL_SIGNER, key, data=mail).stdout + mail
        for port, signer, signed in ((THEIRS, "OpenDKIM", mail), (CHECKED, "dkimpy", by_dkimpy), (CHECKED, "Mail::DKIM", by_perl)):
            assert send(port, signed).startswith("250"), (signer, name)
            [found] = bench.wait_mail()
            [results] = fields(found, "Authentication-Results")
            assert results.startswith("mx.beta.example;") and "dkim=pass (2048-bit key" in results, (signer, name, found[:2000])


CHAIN = """domain = "gamma.example"
selector = "s2026"
key = "{E}/keys/gamma.example/s2026.private"
roles = ["verify", "dmarc", "arc", "iprev"]
authserv_id = "mx.beta.example"
reject_failures = true
listen = "inet:8858@127.0.0.1"
"""
DMARC = """AuthservID mx.last.example
RejectFailures true
DomainWhitelist gamma.example
IgnoreHosts 203.0.113.250
Socket inet:8860@127.0.0.1
"""
ARC = """AuthservID mx.last.example
Mode sv
Domain alpha.example
Selector s2026
KeyFile {E}/keys/alpha.example/s2026.private
Socket inet:8861@127.0.0.1
"""
POLICY = "debugLevel = 1\nTestOnly = 1\nskip_addresses = 203.0.113.250\n"


def swaks_through_the_whole_chain(bench):
    bench.waxseald("middle", "-c", bench.write("middle.toml", CHAIN))
    last = VERIFY.replace("mx.beta", "mx.last").replace("{port}", "8859")
    bench.waxseald("last", "-x", bench.write("last.conf", last), "--opendmarc", bench.write("last-dmarc.conf", DMARC),
                   "--openarc", bench.write("last-arc.conf", ARC), "--policyd-spf", bench.write("last-spf.conf", POLICY),
                   "--policy-socket", "inet:8862@127.0.0.1")
    to = lambda port: f"content_filter = smtp:[127.0.0.1]:{port}"
    services = [
        (2561, ["smtpd_milters = inet:127.0.0.1:8853", to(2562)]),
        (2562, ["smtpd_milters = inet:127.0.0.1:8858", to(2563)]),
        (2563, ["smtpd_milters = inet:127.0.0.1:8859 inet:127.0.0.1:8860 inet:127.0.0.1:8861",
                "smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:8862"]),
    ]
    bench.postfix("L", 2560, "mynetworks = 127.0.0.0/8\n", services=services)
    bench.run("swaks", "--server", "127.0.0.1:2561", "--from", "bob@alpha.example", "--to", "alice@beta.example",
              "--header", "Subject: the whole chain", "--body", "hi")
    [mail] = bench.wait_mail()
    assert len(fields(mail, "DKIM-Signature")) == 2, mail
    results = fields(mail, "Authentication-Results")
    said = {part.split(";")[0].strip(): part for part in results}
    assert set(said) == {"mx.beta.example", "mx.last.example"}, results
    for words in ("spf=pass smtp.mailfrom=alpha.example", "dkim=pass (2048-bit key", "dkim=pass (256-bit key", "dmarc=pass (p=reject dis=none)", "arc=none", "policy.iprev=127.0.0.1"):
        assert words in said["mx.beta.example"], (words, said)
    everything = " ".join(part for part in results if part.startswith("mx.last.example"))
    for words in ("spf=pass", "dkim=pass (2048-bit key", "dkim=pass (256-bit key", "dmarc=pass (p=reject dis=none)", "arc=pass"):
        assert words in everything, (words, everything)
    assert fields(mail, "Received-SPF")[0].startswith("Pass (mailfrom) identity=mailfrom; client-ip=127.0.0.1"), mail
    assert sorted(re.findall(r"(?m)^ARC-Seal: i=(\d)", mail.decode())) == ["1", "2"], mail
    # Two seals by two domains, verified by another program, and the signatures behind all that.
    assert bench.run("/usr/bin/arcverify", data=mail, check=False).returncode == 0, mail
    assert verdicts_of_dkimpy(mail) == [True, True], mail
    assert "rsa-sha256:pass" in verdicts_of_mail_dkim(bench, mail), mail
    # What is forged on the way is refused at the end of it, whatever the last hop but one says.
    forged = send(2563, HEADER + b"Subject: forged\r\n\r\nhi\r\n", sender="eve@gamma.example", xclient="ADDR=203.0.113.9 NAME=evil.example")
    assert forged.startswith("550 5.7.23"), forged
    forged = send(2562, HEADER + b"Subject: forged\r\n\r\nhi\r\n", sender="eve@beta.example", xclient="ADDR=203.0.113.9 NAME=evil.example")
    assert forged == "550 5.7.1 rejected by DMARC policy for alpha.example", forged


if __name__ == "__main__":
    own_namespace()
    run_cases([what_waxseald_signs_three_others_verify, what_three_others_sign_waxseald_verifies, swaks_through_the_whole_chain])
