#!/usr/bin/python3
"""Five how-tos for OpenDKIM followed to their end with waxseald in its place: their files as they print them, in their places.

Where a how-to is wrong, `waxseald check` says so, and with what it says put right the mail arrives signed and verified.
/etc, /run and /dev are our own in here. Run from the root of the repository, as root: crates/waxseald/tests/postfix/howtos.py
"""

import os
import pwd
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import PATH, WAXSEALD, fields, listens, own_namespace, run_cases, send, wait_for

# What EPEL's package installs, which the how-tos edit.
EPEL = """PidFile	/var/run/opendkim/opendkim.pid
Mode	v
Syslog	yes
SyslogSuccess	yes
LogWhy	yes
UserID	opendkim:opendkim
Socket	inet:8891@localhost
Umask	002
SendReports	yes
# ReportAddress	"Example.com Postmaster" <postmaster@example.com>
SoftwareHeader	yes
Canonicalization	relaxed/relaxed
# Domain	example.com
Selector	default
MinimumKeyBits	1024
KeyFile	/etc/opendkim/keys/default.private
# KeyTable	/etc/opendkim/KeyTable
# SigningTable	refile:/etc/opendkim/SigningTable
# ExternalIgnoreList	refile:/etc/opendkim/TrustedHosts
# InternalHosts	refile:/etc/opendkim/TrustedHosts
OversignHeaders	From
"""
EPEL_HOSTS = "# OPENDKIM TRUSTED HOSTS\n127.0.0.1\n::1\n#host.example.com\n#192.168.1.0/24\n"
MAIN = "smtpd_milters = inet:127.0.0.1:8891\nnon_smtpd_milters = $smtpd_milters\nmilter_default_action = accept\n"
CHECKED = "Mode v\nAuthservID mx.beta.example\nAlwaysAddARHeader yes\nInternalHosts 203.0.113.1\nSocket inet:8899@127.0.0.1\n"
DMARC = "AuthservID mx.beta.example\nIgnoreHosts 203.0.113.250\nSocket inet:8898@127.0.0.1\n"


def edited(changes):
    """EPEL's file with options set, uncommented or commented out, each where it stands."""
    lines, left = [], dict(changes)
    for line in EPEL.splitlines():
        name = line.lstrip("# ").split()[0]
        if name in left:
            value = left.pop(name)
            line = f"#{line}" if value is None else f"{name}\t{value}"
        lines.append(line)
    return "\n".join([*lines, *(f"{name} {value}" for name, value in left.items())]) + "\n"


def put(path, text, owner=None, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    if owner:
        shutil.chown(path, owner, owner)


def own_places(bench):
    """/etc, /run and /dev as of a machine on which nothing was done yet."""
    for name in ("etc-new", "etc-work", "dev"):
        os.mkdir(bench.path(name))
    bench.run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir=/etc,upperdir={bench.E}/etc-new,workdir={bench.E}/etc-work", "/etc")
    os.remove("/etc/resolv.conf")
    put("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    # As most systems have it: the name has two addresses.
    put("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
    bench.run("mount", "-t", "tmpfs", "none", "/run")
    for name in ("null", "zero", "random", "urandom"):
        open(bench.path(f"dev/{name}"), "w").close()
        bench.run("mount", "--bind", f"/dev/{name}", bench.path(f"dev/{name}"))
    bench.run("mount", "--rbind", bench.path("dev"), "/dev")
    syslog = ["-c", "import socket,sys; s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); s.bind('/dev/log')\n"
              "while True: print(s.recv(65536).decode(errors='replace'),flush=True)"]
    bench.spawn("syslog", "/usr/bin/python3", *syslog)
    wait_for(lambda: os.path.exists("/dev/log"), "/dev/log")
    os.chmod("/dev/log", 0o666)
    bench.run("useradd", "--system", "--no-create-home", "--user-group", "openarc")
    bench.waxseald("checks", "-x", bench.write("checks.conf", CHECKED), "--opendmarc", bench.write("dmarc.conf", DMARC))
    checks = ["smtpd_milters = inet:127.0.0.1:8899 inet:127.0.0.1:8898", "non_smtpd_milters ="]
    # How-to and receiver are one Postfix with two ports; what the how-to says of main.cf is changed from one to the next.
    bench.postfix("H", 2570, "mynetworks = 127.0.0.0/8\nmilter_protocol = 6\ncontent_filter = smtp:[127.0.0.1]:2571\n" + MAIN,
                  services=[(2571, [*checks, "content_filter ="])])


class HowTo:
    """One how-to: what it has written where."""

    def __init__(self, bench, conf, tables, hosts=None):
        self.bench = bench
        self.child = None
        put("/etc/opendkim.conf", conf)
        for name, text in tables.items():
            put(f"/etc/opendkim/{name}", text)
        if hosts:
            put("/etc/opendkim/TrustedHosts", hosts)
        os.makedirs("/run/opendkim", exist_ok=True)
        shutil.chown("/run/opendkim", "opendkim", "opendkim")

    def key(self, folder, domain, *args):
        """opendkim-genkey as the how-to calls it, the owner that it sets, and the record that it has published."""
        os.makedirs(folder, exist_ok=True)
        before = set(os.listdir(folder))
        self.bench.run("opendkim-genkey", "-D", folder, "-d", domain, *args)
        new = sorted(set(os.listdir(folder)) - before)
        record = next(name for name in new if name.endswith(".txt"))
        with open(f"{folder}/{record}") as file:
            text = file.read()
        self.bench.run("chown", "-R", "opendkim:opendkim", "/etc/opendkim/keys")
        self.bench.publish({domain: f'@ TXT "v=spf1 ip4:127.0.0.1 -all"\n_dmarc TXT "v=DMARC1; p=none"\n{text}'})

    def check(self):
        """`waxseald check`: its exit code and what it says."""
        done = self.bench.run(WAXSEALD, "-n", "-x", "/etc/opendkim.conf", check=False)
        return done.returncode, done.stderr.decode() + done.stdout.decode()

    def start(self):
        self.child = self.bench.spawn("daemon", WAXSEALD, "-x", "/etc/opendkim.conf")
        wait_for(lambda: listens(8891) or self.child.poll() is not None, "port 8891")
        assert self.child.poll() is None, (self.child.returncode, self.bench.log("daemon"), self.bench.log("syslog"))
        user = pwd.getpwnam("opendkim").pw_uid
        # The port is bound by root, and the user comes after it.
        wait_for(lambda: os.stat(f"/proc/{self.child.pid}").st_uid == user, "the user opendkim")

    def stop(self):
        self.child.terminate()
        assert self.child.wait(10) == 0

    def arrives(self, sender, selector):
        """Mail over SMTP and mail by sendmail(1) arrive signed, and are verified by two programs."""
        domain = sender.split("@")[1]
        text = f"From: {sender}\r\nTo: alice@beta.example\r\nSubject: test mail\r\nDate: Thu, 26 Nov 2026 10:00:00 +0000\r\n\r\nTest Mail.\r\n"
        send_as = {**os.environ, "PATH": PATH, "MAIL_CONFIG": self.bench.path("pfH")}
        assert send(2570, text.encode(), sender=sender).startswith("250")
        subprocess.run(["sendmail", "-f", sender, "alice@beta.example"], input=text.replace("\r", "").encode(), env=send_as, check=True)
        for mail in self.bench.wait_mail(2):
            signature = fields(mail, "DKIM-Signature")
            assert len(signature) == 1 and f"d={domain};" in signature[0] and f"s={selector};" in signature[0], mail
            results = " ".join(fields(mail, "Authentication-Results"))
            for words in ("dkim=pass", f"header.d={domain}", "spf=pass", "dmarc=pass"):
                assert words in results, (words, mail)
            assert self.bench.run("/usr/bin/dkimverify", data=mail, check=False).returncode == 0, mail
        log = self.bench.log("syslog")
        assert f"DKIM-Signature field added (s={selector}, d={domain})" in log, log


def rocky_9_with_key_file_and_tables(bench):
    """KeyFile and KeyTable at once, no Socket, no InternalHosts; genkey's default of EPEL is 1024 bits."""
    own_places(bench)
    name = "default._domainkey.exsample.jp"
    conf = edited({"Mode": "sv", "SoftwareHeader": "no", "Domain": "exsample.jp", "KeyFile": "/etc/opendkim/keys/exsample.jp/default.private",
                   "KeyTable": "refile:/etc/opendkim/KeyTable", "SigningTable": "refile:/etc/opendkim/SigningTable",
                   "ExternalIgnoreList": "refile:/etc/opendkim/TrustedHosts"})
    howto = HowTo(bench, conf, {"KeyTable": f"{name} exsample.jp:default:/etc/opendkim/keys/exsample.jp/default.private\n",
                                "SigningTable": f"*@exsample.jp {name}\n"}, "127.0.0.1\n::1\n")
    howto.key("/etc/opendkim/keys/exsample.jp", "exsample.jp", "-b", "1024")
    code, said = howto.check()
    assert code == 0, said
    assert "has 1024 bits" in said and "2048" in said, said
    howto.start()
    howto.arrives("joe@exsample.jp", "default")
    the_same_key_for_arc(bench)
    howto.stop()


OPENARC = """PidFile /var/run/openarc/openarc.pid
Syslog  yes
#Umask   002
UserID  openarc:openarc
Socket  inet:8894@localhost

Mode                    sv
AuthservID              exsample.jp

Canonicalization        relaxed/simple
Domain                  exsample.jp # change to domain
Selector                default
KeyFile                 /etc/openarc/openarc.private
SignatureAlgorithm rsa-sha256
"""


def the_same_key_for_arc(bench):
    """The second half of it: a copy of the key for OpenARC, a user and a process of its own."""
    put("/etc/openarc.conf", OPENARC)
    os.makedirs("/etc/openarc")
    shutil.copy("/etc/opendkim/keys/exsample.jp/default.private", "/etc/openarc/openarc.private")
    bench.run("chown", "-R", "openarc:openarc", "/etc/openarc/")
    os.makedirs("/var/run/openarc")
    shutil.chown("/var/run/openarc", "openarc", "openarc")
    arc = bench.spawn("arc", WAXSEALD, "--openarc", "/etc/openarc.conf")
    wait_for(lambda: listens(8894) or arc.poll() is not None, "port 8894")
    bench.run("postconf", "-c", bench.path("pfH"), "-e", "smtpd_milters = inet:127.0.0.1:8891, inet:127.0.0.1:8894")
    bench.run("postfix", "-c", bench.path("pfH"), "reload")
    text = b"From: eve@alpha.example\r\nTo: alice@beta.example\r\nSubject: forwarded\r\n\r\nhi\r\n"
    assert send(2570, text, sender="eve@alpha.example").startswith("250")
    [mail] = bench.wait_mail()
    seal = fields(mail, "ARC-Seal")
    assert len(seal) == 1 and "cv=none" in seal[0] and "d=exsample.jp" in seal[0] and "s=default" in seal[0], mail
    assert fields(mail, "ARC-Authentication-Results")[0].startswith("i=1; exsample.jp;"), mail
    assert bench.run("/usr/bin/arcverify", data=mail, check=False).returncode == 0, mail
    arc.terminate()
    assert arc.wait(10) == 0
    bench.run("postconf", "-c", bench.path("pfH"), "-e", "smtpd_milters = inet:127.0.0.1:8891")
    bench.run("postfix", "-c", bench.path("pfH"), "reload")


def centos_6_with_two_domains(bench):
    """Everything by refile, `Domain D1, D2`, Umask in an odd case."""
    conf = edited({"Mode": "sv", "Domain": "sample.com, hogehoge.jp", "KeyFile": None, "KeyTable": "refile:/etc/opendkim/KeyTable",
                   "SigningTable": "refile:/etc/opendkim/SigningTable", "ExternalIgnoreList": "refile:/etc/opendkim/TrustedHosts",
                   "InternalHosts": "refile:/etc/opendkim/TrustedHosts"})
    domains = ("sample.com", "hogehoge.jp")
    keys = "".join(f"dkimselector._domainkey.{d} {d}:dkimselector:/etc/opendkim/keys/{d}/dkimselector.private\n" for d in domains)
    howto = HowTo(bench, conf, {"KeyTable": keys, "SigningTable": "".join(f"*@{d} dkimselector._domainkey.{d}\n" for d in domains)}, EPEL_HOSTS)
    for domain in domains:
        howto.key(f"/etc/opendkim/keys/{domain}", domain, "-s", "dkimselector")
        bench.publish({domain: '_adsp._domainkey TXT "dkim=unknown"\n'})
    code, said = howto.check()
    assert code == 0, said
    howto.start()
    howto.arrives("webmaster@sample.com", "dkimselector")
    howto.arrives("test@hogehoge.jp", "dkimselector")
    howto.stop()


def dnf_with_a_wrong_path_and_everybody_internal(bench):
    """The path in KeyTable is not where the key is, TrustedHosts is 0.0.0.0/0, and the key that is shown has 1024 bits."""
    domain = "example.tech-mmmm.com"
    conf = edited({"Mode": "sv # vからsvに変更", "Socket": "inet:8891@localhost # アンコメント (UNIXドメインソケットからinetソケットに変更)",
                   "Selector": "myselector # defaultから変更", "KeyTable": "/etc/opendkim/KeyTable # アンコメント",
                   "SigningTable": "refile:/etc/opendkim/SigningTable # アンコメント",
                   "ExternalIgnoreList": "refile:/etc/opendkim/TrustedHosts # アンコメント",
                   "InternalHosts": "refile:/etc/opendkim/TrustedHosts # アンコメント"})
    name = f"myselector._domainkey.{domain}"
    howto = HowTo(bench, conf, {"KeyTable": f"{name} {domain}:myselector:/etc/opendkim/keys/myselector.private\n",
                                "SigningTable": f"*@{domain} {name}\n"}, "0.0.0.0/0\n")
    howto.key(f"/etc/opendkim/keys/{domain}/", domain, "-s", "myselector", "-b", "1024")
    code, said = howto.check()
    assert code == 78, said
    assert "error loading key: /etc/opendkim/keys/myselector.private: No such file" in said, said
    assert "InternalHosts has 0.0.0.0/0: anybody can send mail as your domains and have it signed" in said, said
    # As it is printed, mail waits: the daemon runs, and the log names the path.
    howto.start()
    reply = send(2570, f"From: joe@{domain}\r\nSubject: x\r\n\r\nhi\r\n".encode(), sender=f"joe@{domain}")
    assert reply.startswith("451 4.7.1"), reply
    wait_for(lambda: "error loading key: /etc/opendkim/keys/myselector.private" in bench.log("syslog"), "the path in the log")
    howto.stop()
    # As check wants it.
    put("/etc/opendkim/KeyTable", f"{name} {domain}:myselector:/etc/opendkim/keys/{domain}/myselector.private\n")
    put("/etc/opendkim/TrustedHosts", "127.0.0.1\n::1\n")
    code, said = howto.check()
    assert code == 0 and "has 1024 bits" in said, said
    howto.start()
    howto.arrives(f"joe@{domain}", "myselector")
    howto.stop()


def alma_9_with_dots_in_the_selector(bench):
    """A selector that is a name of a host, keys in one folder, InternalHosts untouched."""
    selector, domain = "f-labs.jp.20250701", "f-labs.jp"
    conf = edited({"Mode": "sv", "Socket": "inet:8891@localhost", "KeyTable": "/etc/opendkim/KeyTable", "SigningTable": "refile:/etc/opendkim/SigningTable"})
    name = f"{selector}._domainkey.{domain}"
    howto = HowTo(bench, conf, {"KeyTable": f"{name} {domain}:{selector}:/etc/opendkim/keys/{selector}.private\n", "SigningTable": f"*@{domain} {name}\n"})
    howto.key("/etc/opendkim/keys/", domain, "-b", "2048", "-s", selector)
    code, said = howto.check()
    assert code == 0 and "bits" not in said, said
    howto.start()
    howto.arrives(f"joe@{domain}", selector)
    howto.stop()


def centos_8_with_policyd_spf_and_a_report_address(bench):
    """SendReports, a quoted ReportAddress, `*.domain` as a trusted host, milter_protocol = 6, policyd-spf by spawn."""
    domain = "your-domain.com"
    conf = edited({"Mode": "sv", "ReportAddress": f'"{domain} Postmaster" <postmaster@{domain}>', "KeyFile": None,
                   "KeyTable": "/etc/opendkim/KeyTable", "SigningTable": "refile:/etc/opendkim/SigningTable",
                   "ExternalIgnoreList": "refile:/etc/opendkim/TrustedHosts", "InternalHosts": "refile:/etc/opendkim/TrustedHosts"})
    name = f"20200308._domainkey.{domain}"
    howto = HowTo(bench, conf, {"KeyTable": f"{name} {domain}:20200308:/etc/opendkim/keys/{domain}/20200308.private\n",
                                "SigningTable": f"*@{domain} {name}\n"}, EPEL_HOSTS + f"*.{domain}\n")
    howto.key(f"/etc/opendkim/keys/{domain}", domain, "-b", "2048", "-s", "20200308", "-v")
    code, said = howto.check()
    assert code == 0 and "bits" not in said, said
    howto.start()
    howto.arrives(f"joe@{domain}", "20200308")
    howto.stop()
    bench.run("useradd", "policyd-spf", "--user-group", "--no-create-home", "-s", "/bin/false", check=False)  # Debian's package may have made it
    put("/etc/python-policyd-spf/policyd-spf.conf", "debugLevel = 1\nTestOnly = 1\nHELO_reject = Fail\nMail_From_reject = Fail\n")
    # master.cf and main.cf as printed, with another program behind argv; its folder has to be open to that user.
    program = bench.path("run/waxseald")
    shutil.copy(WAXSEALD, program)
    service = f"policyd-spf unix - n n - 0 spawn user=policyd-spf argv={program} policy /etc/python-policyd-spf/policyd-spf.conf\n"
    restrictions = "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination, check_policy_service unix:private/policyd-spf"
    with open(bench.path("pfH/master.cf")) as file:
        lines = [line for line in file if not line.startswith("policyd-spf")]
    put(bench.path("pfH/master.cf"), "".join(lines) + service)
    bench.run("postconf", "-c", bench.path("pfH"), "-e", "policyd-spf_time_limit = 3600", f"smtpd_recipient_restrictions = {restrictions}")
    bench.run("postfix", "-c", bench.path("pfH"), "reload")
    mail = b"From: bob@alpha.example\r\nSubject: spf\r\n\r\nhi\r\n"
    assert send(2570, mail, xclient="ADDR=192.0.2.10 NAME=c.alpha.example").startswith("250")
    [mail] = bench.wait_mail()
    assert "Pass (mailfrom) identity=mailfrom; client-ip=192.0.2.10; helo=c.alpha.example" in " ".join(fields(mail, "Received-SPF")), mail
    refused = send(2570, b"From: bob@alpha.example\r\n\r\nhi\r\n", xclient="ADDR=203.0.113.9 NAME=evil.example")
    assert refused.startswith("550 5.7.23"), refused


if __name__ == "__main__":
    own_namespace()
    run_cases([rocky_9_with_key_file_and_tables, centos_6_with_two_domains, dnf_with_a_wrong_path_and_everybody_internal,
               alma_9_with_dots_in_the_selector, centos_8_with_policyd_spf_and_a_report_address])
