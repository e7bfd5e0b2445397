#!/usr/bin/python3
"""Faults: what becomes of mail, what the log says, and that everything works afterwards without a restart.

Run from the root of the repository, as root: crates/waxseald/tests/postfix/faults.py [WORD that cases begin with]
"""

import os
import random
import re
import shutil
import signal
import smtplib
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import HEADER, WAXSEALD, fields, listens, own_namespace, run_cases, send, wait_for
from messages import signed

SIGN, VERIFY, OPEN, SPF, FULL, ROOM = 2581, 2582, 2583, 2584, 2585, 2586
SIGN_CONF = """Mode s
KeyTable file:{E}/run/KeyTable
SigningTable refile:{E}/run/SigningTable
InternalHosts 127.0.0.1
UserID opendkim
UMask 000
Canonicalization relaxed/relaxed
Socket local:{E}/run/sign/sign.sock
"""
VERIFY_CONF = """Mode v
AuthservID mx.beta.example
AlwaysAddARHeader yes
InternalHosts 203.0.113.1
Nameservers 127.0.0.9
DNSTimeout 2
Socket inet:8882@127.0.0.1
"""
POLICY = "debugLevel = 1\nTestOnly = 1\nTempError_Defer = True\nLookup_Time = 2\nskip_addresses = 203.0.113.250\n"


class Dns:
    """A name server between waxseald and NSD that does as it is told."""

    def __init__(self):
        self.mode = "ok"
        self.random = random.Random(1)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.9", 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            threading.Thread(target=self.answer, args=(query, client, self.mode), daemon=True).start()

    def answer(self, query, client, mode):
        if mode == "silent":
            return
        if mode == "slow":
            time.sleep(5)
        if mode == "late":
            time.sleep(0.4)
        header = lambda flags, count=0: query[:2] + struct.pack(">5H", flags, 1, count, 0, 0)
        loop = b"\xc0" + bytes([len(query)]) + b"\0\x10\0\1\0\0\0\x3c\xff\xff"
        garbage = [
            self.random.randbytes(self.random.randrange(100)),
            query[:2] + self.random.randbytes(60),
            header(0x8180, 60_000) + query[12:] + b"\xff" * 30,
            header(0x8180, 1) + query[12:] + loop,
            header(0x8180) + b"\7another\7example\0\0\x10\0\1",
            b"",
        ]
        if mode == "garbage":
            reply = self.random.choice(garbage)
        elif mode == "servfail":
            reply = header(0x8182) + query[12:]
        else:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.settimeout(3)
                asking.sendto(query, ("127.0.0.1", 53))
                reply = asking.recv(4096)
        self.socket.sendto(reply, client)


def start(bench):
    with open(bench.path("keys/alpha.example/s2026.txt")) as file:
        record = file.read().split("TXT", 1)[1].replace("\n", " ").split(";  -----")[0]
    bench.publish({"alpha.example": f"*.w._domainkey TXT {record}\n", "late.example": '* TXT "v=spf1 ip4:192.0.2.10 -all"\n'})
    bench.server = Dns()
    os.mkdir(bench.path("run/sign"))
    os.mkdir(bench.path("run/keys"))
    for domain in ("alpha", "gamma"):
        shutil.copy(bench.path(f"keys/{domain}.example/s2026.private"), bench.path(f"run/keys/{domain}.private"))
    bench.run("chown", "-R", "opendkim:opendkim", bench.path("run/keys"), bench.path("run/sign"))
    bench.write("run/KeyTable", "a alpha.example:s2026:{E}/run/keys/alpha.private\ng gamma.example:s2026:{E}/run/keys/gamma.private\n")
    bench.write("run/SigningTable", "*@alpha.example a\n*@gamma.example g\n")
    bench.signer = bench.waxseald("sign", "-x", bench.write("sign.conf", SIGN_CONF))
    bench.verifier = bench.waxseald("verify", "-x", bench.write("verify.conf", VERIFY_CONF), "--policyd-spf",
                                    bench.write("spf.conf", POLICY), "--policy-socket", "inet:8884@127.0.0.1")
    milter = f"smtpd_milters = unix:{bench.path('run/sign/sign.sock')}"
    policy = "smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:8884"
    services = [(SIGN, [milter]), (VERIFY, ["smtpd_milters = inet:127.0.0.1:8882"]),
                (OPEN, [milter, "milter_default_action = accept"]), (SPF, [policy]),
                (FULL, [milter.replace("sign.sock", "full.sock")]), (ROOM, ["smtpd_milters = inet:127.0.0.1:8886"])]
    bench.postfix("X", 2580, "mynetworks = 127.0.0.0/8\n", services=services)


def is_signed(bench, port=SIGN, domain="alpha"):
    """A message comes through, signed, and is intact."""
    text = HEADER.replace(b"bob@alpha", b"bob@" + domain.encode()) + b"Subject: afterwards\r\n\r\nhi\r\n"
    reply = send(port, text)
    assert reply.startswith("250"), reply
    [mail] = bench.wait_mail()
    assert len(fields(mail, "DKIM-Signature")) == 1 and mail.endswith(text), mail
    assert bench.run("/usr/bin/dkimverify", data=mail, check=False).returncode == 0, mail


def accepts(path):
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def waits(bench, port=SIGN, text=HEADER + b"Subject: a fault\r\n\r\nhi\r\n", **more):
    """A message is deferred, and nothing of it arrives."""
    reply = send(port, text, **more)
    assert reply.startswith("4"), reply
    time.sleep(0.2)
    assert not bench.mails, bench.mails
    return reply


def dns_silent_slow_garbage_or_broken(bench):
    start(bench)
    client = {"xclient": "ADDR=192.0.2.10 NAME=c.alpha.example"}
    sign = lambda selector: signed(bench, selector=selector, key=bench.path("keys/alpha.example/s2026.private"))
    for mode in ("silent", "slow", "garbage", "servfail"):
        bench.server.mode = mode
        text = sign(f"{mode}.w")
        begin = time.monotonic()
        reply = waits(bench, VERIFY, text, sender="", **client)
        assert reply == "451 4.7.1 Service unavailable - try again later", (mode, reply)
        assert time.monotonic() - begin < 6, (mode, time.monotonic() - begin)
        wait_for(lambda: re.search(rf"dkim=temperror .* header\.s={mode}\.w .* reply=", bench.log("verify")), f"{mode} in the log")
        # Whoever signs needs no DNS.
        is_signed(bench)
        bench.server.mode = "ok"
        time.sleep(1.1)  # a failure is remembered for a second (RFC 9520)
        assert send(VERIFY, text, sender="", **client).startswith("250"), mode
        [mail] = bench.wait_mail()
        assert "dkim=pass" in fields(mail, "Authentication-Results")[0] and mail.endswith(text), (mode, mail)
    bench.server.mode = "late"
    assert send(VERIFY, sign("late.w"), **client).startswith("250")
    [mail] = bench.wait_mail()
    assert "dkim=pass" in fields(mail, "Authentication-Results")[0], mail
    bench.server.mode = "ok"


def dns_fails_for_the_policy_service(bench):
    client = {"sender": "joe@b.late.example", "xclient": "ADDR=192.0.2.10 NAME=c.alpha.example"}
    bench.server.mode = "silent"
    reply = waits(bench, SPF, **client)
    assert "4.4.3" in reply or "4.7.24" in reply, reply
    assert "SPF Temporary Error" in bench.log("verify"), bench.log("verify")[-500:]
    bench.server.mode = "ok"
    time.sleep(1.1)
    assert send(SPF, HEADER + b"\r\nhi\r\n", **client).startswith("250")
    [mail] = bench.wait_mail()
    assert fields(mail, "Received-SPF")[0].startswith("Pass"), mail


def key_removed_unreadable_or_half_written(bench):
    path = bench.path("run/keys/alpha.private")
    with open(path, "rb") as file:
        key = file.read()

    def put(data, mode=0o600):
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        shutil.chown(path, "opendkim", "opendkim")

    is_signed(bench)
    for name, harm, said in (
        ("removed", lambda: os.remove(path), "No such file"),
        ("unreadable", lambda: os.chmod(path, 0), "Permission denied"),
        ("half written", lambda: put(key[: len(key) // 2]), f"error loading key: {path}"),
        ("empty", lambda: put(b""), f"error loading key: {path}"),
        ("for all to read", lambda: put(key, 0o644), "(mode 0644) can be read or written by other users"),
    ):
        harm()
        before = len(bench.log("sign"))
        # The key that was read holds until settings are read anew.
        is_signed(bench)
        bench.signer.send_signal(signal.SIGHUP)
        wait_for(lambda: "451" in send(SIGN, HEADER + b"Subject: x\r\n\r\nhi\r\n") or bench.mails.clear(), f"a deferred message: {name}")
        assert said in bench.log("sign")[before:], (name, bench.log("sign")[before:])
        # What came before the reload may still be on its way to the sink.
        time.sleep(1)
        bench.mails.clear()
        # Other domains are none the worse.
        is_signed(bench, domain="gamma")
        put(key)
        # Without a word to the daemon.
        wait_for(lambda: send(SIGN, HEADER + b"Subject: x\r\n\r\nhi\r\n").startswith("250"), f"signed again: {name}", 10)
        [mail] = bench.wait_mail()
        assert fields(mail, "DKIM-Signature"), (name, mail)


def reloads(bench, says):
    """Has settings read anew, and waits until the log says so."""
    before = bench.log("sign").count(says)
    bench.signer.send_signal(signal.SIGHUP)
    wait_for(lambda: bench.log("sign").count(says) > before, f"{says!r} in the log")


def broken_settings_keep_the_old_ones(bench):
    for name, text, said in (
        ("run/SigningTable", None, "SigningTable"),
        ("run/KeyTable", None, "KeyTable"),
        ("sign.conf", SIGN_CONF + "Canonicalization half\n", "half"),
    ):
        with open(bench.path(name)) as file:
            old = file.read()
        os.remove(bench.path(name))
        if text:
            bench.write(name, text)
        before = len(bench.log("sign"))
        reloads(bench, "settings were not read anew, the old ones hold: ")
        assert said in bench.log("sign")[before:], bench.log("sign")[before:]
        is_signed(bench)
        bench.write(name, old)
    # An entry that leads nowhere is named at once, and concerns nobody else.
    bench.write("run/SigningTable", "*@alpha.example nokey\n*@gamma.example g\n")
    reloads(bench, "SigningTable line 1 (*@alpha.example): ")
    assert "451 4.7.1" in waits(bench)
    is_signed(bench, domain="gamma")
    bench.write("run/SigningTable", "*@alpha.example a\n*@gamma.example g\n")
    reloads(bench, "settings were read anew")
    is_signed(bench)


def no_room_for_the_log(bench):
    os.mkdir(bench.path("full"))
    bench.run("mount", "-t", "tmpfs", "-o", "size=64k", "none", bench.path("full"))
    with open(bench.path("full/log"), "ab") as log:
        child = bench.spawn("unused", "/bin/sh", "-c", f"exec {WAXSEALD} -x {bench.write('full.conf', SIGN_CONF.replace('sign.sock', 'full.sock'))} 2>{log.name}")
    wait_for(lambda: os.path.exists(bench.path("run/sign/full.sock")), "the socket")
    with open(bench.path("full/rest"), "wb") as file:
        try:
            file.write(b"x" * 70_000)
        except OSError:
            pass
    for _ in range(5):
        is_signed(bench, FULL)
    assert child.poll() is None
    child.terminate()
    assert child.wait(10) == 0


DMARC = """AuthservID mx.beta.example
IgnoreHosts 203.0.113.250
HistoryFile {E}/room/history
FailureReports true
ReportCommand {E}/run/report
ReportSpool {E}/room/reports
Socket inet:8886@127.0.0.1
"""


def no_room_for_history_and_reports(bench):
    bench.publish({"ruf.example": '_dmarc TXT "v=DMARC1; p=quarantine; ruf=mailto:r@ruf.example; fo=1"\n'})
    os.mkdir(bench.path("room"))
    bench.run("mount", "-t", "tmpfs", "-o", "size=64k", "none", bench.path("room"))
    os.chmod(bench.write("run/report", "#!/bin/sh\ncat >>{E}/run/reports\n"), 0o755)
    bench.waxseald("room", "--opendmarc", bench.write("room.conf", DMARC))
    text = HEADER.replace(b"bob@alpha", b"bob@ruf") + b"Subject: a report\r\n\r\nhi\r\n"

    def judged():
        assert send(ROOM, text, sender="joe@none.example", xclient="ADDR=192.0.2.10 NAME=c.alpha.example").startswith("250")
        [mail] = bench.wait_mail()
        assert "dmarc=fail (p=quarantine dis=none) header.from=ruf.example" in " ".join(fields(mail, "Authentication-Results")), mail
        assert mail.endswith(text), mail

    def history():
        with open(bench.path("room/history")) as file:
            return file.read()

    judged()
    wait_for(lambda: os.path.exists(bench.path("run/reports")), "a report")
    whole = history()
    assert whole.startswith("job ") and whole.count("job ") == 1, whole
    with open(bench.path("room/rest"), "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
        said = lambda what: re.search(f"{what}.*: No space left on device", bench.log("room"))
        # The last page of the history has room for some records.
        for _ in range(40):
            if said("HistoryFile"):
                break
            judged()
    assert said("HistoryFile") and said("no failure report for ruf.example: spool"), bench.log("room")[-2000:]
    os.remove(bench.path("room/rest"))
    before = history().count("job ")
    judged()
    after = history()
    assert after.count("job ") == before + 1, after
    records = after.split("job ")[1:]
    assert len({record.count("\n") for record in records}) == 1, f"half a record: {after}"
    with open(bench.path("run/reports")) as file:
        reports = file.read().count("Feedback-Type: auth-failure")
    assert reports >= 1, reports


class HalfMessage:
    """A client in the midst of DATA."""

    def __init__(self, port):
        self.client = smtplib.SMTP("127.0.0.1", port, timeout=60)
        self.client.ehlo()
        for command in (("MAIL", "FROM:<bob@alpha.example>"), ("RCPT", "TO:<alice@beta.example>"), ("DATA", "")):
            self.client.docmd(*command)
        self.client.send(HEADER + b"Subject: half\r\n\r\n" + b"line\r\n" * 1000)

    def end(self):
        self.client.send(b"end\r\n.\r\n")
        code, text = self.client.getreply()
        self.client.close()
        return f"{code} {text.decode()}"


def restart(bench):
    wait_for(lambda: bench.signer.poll() is not None, "the end of the signer")
    bench.signer = bench.waxseald("sign", "-x", bench.path("sign.conf"))


def killed_in_mid_message(bench):
    half = HalfMessage(SIGN)
    bench.signer.kill()
    bench.signer.wait(10)
    assert half.end().startswith("451 4.7.1"), "the default action"
    # While it is away: tempfail waits, accept goes out unsigned, as main.cf says.
    waits(bench)
    assert send(OPEN, HEADER + b"Subject: open\r\n\r\nhi\r\n").startswith("250")
    [mail] = bench.wait_mail()
    assert not fields(mail, "DKIM-Signature"), mail
    assert os.path.exists(bench.path("run/sign/sign.sock")), "the socket that a killed process leaves"
    restart(bench)
    is_signed(bench)


def asked_to_end_in_mid_message(bench):
    half = HalfMessage(SIGN)
    bench.signer.terminate()
    assert bench.signer.wait(10) == 0
    reply = half.end()
    assert reply.startswith("451 4.7.1"), reply
    assert not bench.mails
    restart(bench)
    is_signed(bench)


def stopped_and_going_on(bench):
    half = HalfMessage(SIGN)
    bench.signer.send_signal(signal.SIGSTOP)
    threading.Timer(2, bench.signer.send_signal, [signal.SIGCONT]).start()
    assert half.end().startswith("250")
    [mail] = bench.wait_mail()
    assert fields(mail, "DKIM-Signature"), mail


def settings_read_anew_under_load(bench):
    replies, ends = [], threading.Event()

    def sender():
        with smtplib.SMTP("127.0.0.1", SIGN, timeout=60) as client:
            for _ in range(25):
                try:
                    client.sendmail("bob@alpha.example", ["alice@beta.example"], HEADER + b"Subject: load\r\n\r\nhi\r\n")
                    replies.append(250)
                except smtplib.SMTPException as error:
                    replies.append(error)

    def reloads():
        while not ends.wait(0.02):
            bench.signer.send_signal(random.choice((signal.SIGHUP, signal.SIGUSR1)))

    threads = [threading.Thread(target=sender) for _ in range(4)]
    reloader = threading.Thread(target=reloads)
    for thread in (*threads, reloader):
        thread.start()
    for thread in threads:
        thread.join()
    ends.set()
    reloader.join()
    assert replies == [250] * 100, replies
    for mail in bench.wait_mail(100):
        assert len(fields(mail, "DKIM-Signature")) == 1, mail


def packet(code, data=b""):
    return struct.pack(">I", len(data) + 1) + code + data


def mail_server_gone_half_way(bench):
    offer = packet(b"O", struct.pack(">III", 6, 0x1FF, 0x1FFFFF))
    begin = packet(b"C", b"localhost\x004\x00\x19127.0.0.1\0") + packet(b"M", b"<bob@alpha.example>\0")
    message = begin + packet(b"L", b"From\0 bob@alpha.example\0") + packet(b"N") + packet(b"B", b"hi\r\n") + packet(b"E")
    whole = offer + message
    descriptors = lambda: len(os.listdir(f"/proc/{bench.signer.pid}/fd"))
    before = descriptors()
    chance = random.Random(2)
    for turn in range(300):
        with socket.socket(socket.AF_UNIX) as gone:
            gone.connect(bench.path("run/sign/sign.sock"))
            gone.sendall(whole[: chance.randrange(len(whole))] if turn % 3 else whole)
    wait_for(lambda: descriptors() <= before, "descriptors as before")
    for _ in range(100):
        gone = socket.create_connection(("127.0.0.1", 8882))
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.sendall(whole[: chance.randrange(len(whole))])
        gone.close()
    is_signed(bench)
    assert send(VERIFY, HEADER + b"\r\nhi\r\n").startswith("250")
    bench.wait_mail()


def the_clock_jumps(bench):
    bench.write("run/clock", "+0")
    [library] = [path for path in ("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1") if os.path.exists(path)]
    fake = {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": bench.path("run/clock"), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    bench.signer.terminate()
    bench.signer.wait(10)
    with_clock = bench.spawn("sign", "/usr/bin/env", *(f"{name}={value}" for name, value in fake.items()), WAXSEALD, "-x", bench.path("sign.conf"))
    wait_for(lambda: accepts(bench.path("run/sign/sign.sock")), "the socket")
    bench.signer = with_clock
    for jump in ("+0", "+400d", "-30d", "+0"):
        # A message that is under way when the clock jumps.
        half = HalfMessage(SIGN)
        bench.write("run/clock", jump)
        reply = half.end()
        assert reply.startswith("250"), (jump, reply)
        [mail] = bench.wait_mail()
        days = {"+400d": 400, "-30d": -30}.get(jump, 0)
        stamp = int(fields(mail, "DKIM-Signature")[0].split("t=")[1].split(";")[0])
        assert abs(stamp - time.time() - days * 86_400) < 86_400 * 0.5 or jump != "+0" and abs(stamp - time.time()) < 60, (jump, stamp)
        is_signed(bench) if days <= 0 else bench.mails.clear()
    bench.signer.terminate()
    restart(bench)
    is_signed(bench)


def descriptors_exhausted(bench):
    bench.signer.terminate()
    bench.signer.wait(10)
    bench.signer = bench.spawn("sign", "/bin/sh", "-c", f"ulimit -n 60; exec {WAXSEALD} -x {bench.path('sign.conf')}")
    wait_for(lambda: accepts(bench.path("run/sign/sign.sock")), "the socket")
    crowd = []
    for _ in range(100):
        one = socket.socket(socket.AF_UNIX)
        one.settimeout(5)
        one.connect(bench.path("run/sign/sign.sock"))
        crowd.append(one)
    wait_for(lambda: "accept: Too many open files" in bench.log("sign") or "accept: No file descriptors available" in bench.log("sign"), "a word in the log")
    # Those inside are served.
    crowd[0].sendall(packet(b"O", struct.pack(">III", 6, 0x1FF, 0x1FFFFF)))
    assert crowd[0].recv(5)[4:] == b"O"
    for one in crowd:
        one.close()
    is_signed(bench)
    assert bench.signer.poll() is None
    bench.signer.terminate()
    restart(bench)


if __name__ == "__main__":
    own_namespace()
    run_cases([dns_silent_slow_garbage_or_broken, dns_fails_for_the_policy_service, key_removed_unreadable_or_half_written,
               broken_settings_keep_the_old_ones, no_room_for_the_log, no_room_for_history_and_reports, killed_in_mid_message, asked_to_end_in_mid_message,
               stopped_and_going_on, settings_read_anew_under_load, mail_server_gone_half_way, the_clock_jumps,
               descriptors_exhausted], sys.argv[1] if len(sys.argv) > 1 else "", first_always=True)
