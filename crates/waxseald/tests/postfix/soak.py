#!/usr/bin/python3
"""Messages by the thousand, signed and verified by two daemons under Postfix, while faults come at random: each one arrives, once,
as it was sent, signed, and verified.

Run from the root of the repository, as root: crates/waxseald/tests/postfix/soak.py [MESSAGES] [SEED]
"""

import os
import queue
import random
import re
import signal
import smtplib
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dkim
from bench import Bench, fields, own_namespace, wait_for
from faults import Dns

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1
SESSIONS = 4
SIGN = """Mode s
KeyTable file:{E}/run/KeyTable
SigningTable refile:{E}/run/SigningTable
RequireSafeKeys no
UMask 000
Canonicalization relaxed/relaxed
Socket local:{E}/run/sign.sock
"""
VERIFY = """Mode v
AuthservID mx.beta.example
AlwaysAddARHeader yes
InternalHosts 203.0.113.1
On-KeyNotFound tempfail
Nameservers 127.0.0.9
DNSTimeout 1
Socket inet:8892@127.0.0.1
"""
MAIN = """mynetworks = 127.0.0.0/8
content_filter = smtp:[127.0.0.1]:2591
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 3s
smtp_destination_concurrency_failed_cohort_limit = 0
"""


class Daemon:
    """A daemon that is started again whenever it ends, as a service manager does it."""

    def __init__(self, bench, name, text):
        self.bench, self.name, self.path, self.going = bench, name, bench.write(f"{name}.conf", text), True
        self.child = bench.waxseald(name, "-x", self.path)
        self.starts = 1
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while self.going:
            self.child.wait()
            if self.going:
                time.sleep(0.2)
                self.child = self.bench.spawn(self.name, self.bench.waxseald_path, "-x", self.path)
                self.starts += 1

    def signal(self, number):
        try:
            self.child.send_signal(number)
        except ProcessLookupError:
            pass


class Faults(threading.Thread):
    """One fault after the other; what it breaks it mends."""

    def __init__(self, bench, server, daemons):
        super().__init__(daemon=True)
        self.bench, self.server, self.daemons = bench, server, daemons
        self.chance, self.ends, self.count = random.Random(SEED), threading.Event(), {}

    def run(self):
        kinds = [self.kill, self.end, self.reload, self.reload, self.stop, self.dns, self.dns, self.key, self.settings, self.strangers]
        while not self.ends.wait(self.chance.uniform(0.05, 0.5)):
            kind = self.chance.choice(kinds)
            kind(self.chance.choice(self.daemons))
            self.count[kind.__name__] = self.count.get(kind.__name__, 0) + 1

    def kill(self, daemon):
        daemon.signal(signal.SIGKILL)

    def end(self, daemon):
        daemon.signal(signal.SIGTERM)

    def reload(self, daemon):
        for _ in range(self.chance.randrange(1, 10)):
            daemon.signal(self.chance.choice((signal.SIGHUP, signal.SIGUSR1)))

    def stop(self, daemon):
        daemon.signal(signal.SIGSTOP)
        time.sleep(self.chance.uniform(0.1, 1.0))
        daemon.signal(signal.SIGCONT)

    def dns(self, _):
        self.server.mode = self.chance.choice(("silent", "slow", "late", "garbage", "servfail"))
        time.sleep(self.chance.uniform(0.2, 1.5))
        self.server.mode = "ok"

    def key(self, _):
        path = self.bench.path("run/key.private")
        with open(path, "rb") as file:
            whole = file.read()
        with open(path, "wb") as file:
            file.write(whole[: self.chance.randrange(len(whole))])
        self.daemons[0].signal(signal.SIGHUP)
        time.sleep(self.chance.uniform(0.1, 0.5))
        with open(path, "wb") as file:
            file.write(whole)

    def settings(self, daemon):
        with open(daemon.path) as file:
            whole = file.read()
        self.bench.write(f"{daemon.name}.conf", whole + "Nonsense yes\n")
        daemon.signal(signal.SIGHUP)
        time.sleep(0.2)
        self.bench.write(f"{daemon.name}.conf", whole)

    def strangers(self, _):
        for _ in range(20):
            try:
                with socket.create_connection(("127.0.0.1", 8892), 1) as stranger:
                    stranger.sendall(self.chance.randbytes(self.chance.randrange(1, 200)))
            except OSError:
                pass


def message(number):
    """A message of its own, the same each time."""
    chance = random.Random(number)
    lines = [bytes(chance.choices(b" \tabcdefghijklmnop.\xc3\xa4", k=chance.randrange(70))) for _ in range(chance.choice((0, 1, 10, 40, 400)))]
    header = f"From: bob@alpha.example\r\nTo: alice@beta.example\r\nSubject: soak {number}\r\nDate: Thu, 26 Nov 2026 10:00:00 +0000\r\nMessage-Id: <{number}@soak.example>\r\n"
    return header.encode() + b"\r\n" + b"".join(line + b"\r\n" for line in lines)


def hand_in(numbers, tries, accepted):
    """Hands messages in until each was accepted; several a session, until a fault ends it."""
    number = None
    while True:
        try:
            with smtplib.SMTP("127.0.0.1", 2590, timeout=60) as client:
                while True:
                    number = numbers.get_nowait() if number is None else number
                    tries[number] = tries.get(number, 0) + 1
                    client.sendmail("bob@alpha.example", ["alice@beta.example"], message(number), ["BODY=8BITMIME"])
                    accepted.add(number)
                    number = None
        except queue.Empty:
            return
        except (smtplib.SMTPException, OSError):
            time.sleep(0.1)


class Account:
    """What arrived."""

    def __init__(self, bench):
        self.seen, self.wrong = {}, []
        with open(bench.path("keys/alpha.example/s2026.txt")) as file:
            self.record = "".join(file.read().split('"')[1::2]).encode()

    def take(self, mail):
        number = int(re.search(rb"\r\nSubject: soak (\d+)\r\n", mail)[1])
        self.seen[number] = self.seen.get(number, 0) + 1
        signature, results = fields(mail, "DKIM-Signature"), fields(mail, "Authentication-Results")
        if not mail.endswith(message(number)):
            self.wrong.append(f"{number}: altered")
        if len(signature) != 1 or len(results) != 1 or "dkim=pass" not in results[0]:
            self.wrong.append(f"{number}: {len(signature)} signatures, results {results}")
        # Another program's word, of each in a short run and of some in a long one.
        if (COUNT <= 10_000 or number % 20 == 0) and not dkim.verify(mail, dnsfunc=lambda *_, **__: self.record):
            self.wrong.append(f"{number}: dkimpy cannot verify it")


def soak(bench):
    bench.write("run/KeyTable", "a alpha.example:s2026:{E}/run/key.private\n")
    bench.write("run/SigningTable", "*@alpha.example a\n")
    with open(bench.path("keys/alpha.example/s2026.private"), "rb") as file, open(bench.path("run/key.private"), "wb") as copy:
        copy.write(file.read())
    server = Dns()
    daemons = [Daemon(bench, "sign", SIGN), Daemon(bench, "verify", VERIFY)]
    bench.postfix("Z", 2590, MAIN + f"smtpd_milters = unix:{bench.path('run/sign.sock')}\n",
                  services=[(2591, ["smtpd_milters = inet:127.0.0.1:8892", "content_filter ="])])
    faults, account, numbers, tries = Faults(bench, server, daemons), Account(bench), queue.Queue(), {}
    accepted = set()
    for number in range(COUNT):
        numbers.put(number)
    begin = time.monotonic()
    senders = [threading.Thread(target=hand_in, args=(numbers, tries, accepted), daemon=True) for _ in range(SESSIONS)]
    for thread in (faults, *senders):
        thread.start()
    quiet = time.monotonic()
    while len(account.seen) < COUNT and time.monotonic() - quiet < 120:
        while bench.mails:
            account.take(bench.mails.pop(0))
            quiet = time.monotonic()
        if not any(thread.is_alive() for thread in senders):
            faults.ends.set()
        time.sleep(0.02)
    faults.ends.set()
    faults.join()
    time.sleep(1)
    while bench.mails:
        account.take(bench.mails.pop(0))
    for daemon in daemons:
        daemon.going = False
    report(bench, faults, daemons, account, tries, accepted, time.monotonic() - begin)


def report(bench, faults, daemons, account, tries, accepted, seconds):
    lost = sorted(accepted - set(account.seen))
    refused = sorted(set(range(COUNT)) - accepted)
    twice = sorted(number for number, times in account.seen.items() if times > 1)
    print(f"{COUNT} messages in {seconds:.0f} s, seed {SEED}: {len(account.seen)} arrived, {len(lost)} lost, {len(twice)} twice, "
          f"{len(account.wrong)} altered, unsigned or unverified; {sum(times > 1 for times in tries.values())} were deferred at least once")
    print("faults: " + ", ".join(f"{name} {count}" for name, count in sorted(faults.count.items())) +
          f"; started: sign {daemons[0].starts}, verify {daemons[1].starts} times")
    assert "panicked" not in bench.log("sign") + bench.log("verify")
    waiting = bench.run("postqueue", "-c", bench.path("pfZ"), "-j").stdout
    assert not refused, f"never accepted: {refused[:20]}, tries {[tries.get(number) for number in refused[:20]]}"
    assert not lost and not twice and not account.wrong, (lost[:20], twice[:20], account.wrong[:20], waiting)
    assert COUNT < 1_000 or sum(faults.count.values()) > 10, faults.count


def main():
    own_namespace()
    bench = Bench()
    try:
        soak(bench)
        wait_for(lambda: not bench.run("postqueue", "-c", bench.path("pfZ"), "-j").stdout.strip(), "an empty queue")
    finally:
        bench.close()


if __name__ == "__main__":
    main()
