#!/usr/bin/python3
"""Messages a second that Postfix takes while a filter signs them: waxseald beside OpenDKIM, rounds interleaved, medians.

Run from the root of the repository, as root: WAXSEALD=target/release/waxseald crates/waxseald/tests/postfix/speed.py [ROUNDS]
"""

import os
import resource
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import Bench, own_namespace, wait_for

COMMON = """Mode s
Domain alpha.example
Selector s2026
KeyFile {E}/keys/alpha.example/s2026.private
Canonicalization relaxed/relaxed
RequireSafeKeys no
UMask 000
"""
# Name, socket in the configuration, socket in main.cf, messages with one session and with four.
FILTERS = [
    ("none", None, "", 100, 200),
    ("opendkim tcp", "inet:8981@127.0.0.1", "inet:127.0.0.1:8981", 20, 60),
    ("waxseald tcp", "inet:8991@127.0.0.1", "inet:127.0.0.1:8991", 100, 200),
    ("opendkim unix", "local:{E}/run/odkim.sock", "unix:{E}/run/odkim.sock", 60, 100),
    ("waxseald unix", "local:{E}/run/wx.sock", "unix:{E}/run/wx.sock", 100, 200),
]


def processor_time(pid):
    """Seconds of a process so far."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(bench):
    pids = {}
    for number, (name, listen, _, _, _) in enumerate(FILTERS):
        if not listen:
            continue
        text = COMMON + f"Socket {listen}\n"
        if name.startswith("waxseald"):
            pids[name] = bench.waxseald(f"speed{number}", "-x", bench.write(f"speed{number}.conf", text)).pid
        else:
            pid_file = bench.path(f"run/speed{number}.pid")
            bench.run("opendkim", "-x", bench.write(f"speed{number}.conf", text + f"PidFile {pid_file}\nNameservers 127.0.0.1\n"))
            wait_for(lambda: os.path.exists(pid_file), name)
            with open(pid_file) as file:
                pids[name] = int(file.read())
    return pids


def measure(bench, socket, sessions, count):
    folder = bench.path("pfC")
    bench.run("postconf", "-c", folder, "-e", "smtpd_milters = " + socket.replace("{E}", bench.E))
    bench.run("postfix", "-c", folder, "reload")
    time.sleep(0.7)
    begin = time.monotonic()
    bench.run("smtp-source", "-s", str(sessions), "-m", str(count), "-l", "2048", "-f", "bob@alpha.example", "-t",
              "alice@beta.example", "127.0.0.1:2528")
    return count / (time.monotonic() - begin)


def main():
    own_namespace()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    bench = Bench()
    rates, costs = {}, {}
    try:
        pids = start(bench)
        bench.postfix("C", 2528, "mynetworks = 127.0.0.0/8\nrelayhost =\ndefault_transport = discard\nrelay_transport = discard\n")
        for _ in range(rounds):
            for name, _, socket, one, four in FILTERS:
                for sessions, count in ((1, one), (4, four)):
                    before = processor_time(pids[name]) if name in pids else 0
                    rates.setdefault((name, sessions), []).append(measure(bench, socket, sessions, count))
                    if name in pids:
                        costs.setdefault(name, []).append((processor_time(pids[name]) - before) / count)
        median = {key: statistics.median(values) for key, values in rates.items()}
        for (name, sessions), rate in median.items():
            cost = f"{statistics.median(costs[name]) * 1000:6.2f} ms CPU" if name in costs else ""
            print(f"{name:14} {sessions} sessions {rate:7.1f}/s {cost}")
        for sessions, bar_tcp, bar_unix in ((1, 12, None), (4, 6, 1.5)):
            ours = median["waxseald tcp", sessions]
            print(f"{sessions} sessions: waxseald tcp = {ours / median['opendkim tcp', sessions]:.1f} x opendkim tcp (wanted: {bar_tcp}), "
                  f"{ours / median['opendkim unix', sessions]:.2f} x opendkim unix (wanted: {bar_unix or '-'}), "
                  f"{ours / median['waxseald unix', sessions]:.2f} x waxseald unix")
    finally:
        bench.close()


if __name__ == "__main__":
    main()
