#!/usr/bin/python3
"""The speed table: waxseald beside OpenDKIM, OpenDMARC, policyd-spf and rspamd, rounds interleaved, medians, one line for each case.

Run from the root of the repository, as root, after `cargo build --profile daemon -p waxseald --bin waxseald --example cost --example load`:
WAXSEALD=target/daemon/waxseald crates/waxseald/tests/postfix/speed.py [ROUNDS] [WORD that sections begin with]
"""

import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import load
from bench import HEADER, WAXSEALD, Bench, listens, own_namespace, wait_for
from messages import signed

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
SIGN = """Mode s
Domain alpha.example
Selector s2026
KeyFile {E}/keys/alpha.example/s2026.private
Canonicalization relaxed/relaxed
RequireSafeKeys no
UMask 000
Socket {socket}
"""
VERIFY = """Mode v
AuthservID mx.beta.example
AlwaysAddARHeader yes
InternalHosts 203.0.113.1
UMask 000
Nameservers 127.0.0.1
Socket {socket}
"""
DMARC = "AuthservID mx.beta.example\nTrustedAuthservIDs mx.beta.example\nSyslog false\nSocket {socket}\n"
POLICY = "debugLevel = 1\nTestOnly = 1\nskip_addresses = 127.0.0.0/8\n"
# ARC is validated where sealers are trusted; nothing is sealed.
ALL_ROLES = """roles = ["verify", "dmarc", "iprev"]
trusted_sealers = "gamma.example"
authserv_id = "mx.beta.example"
dns = "127.0.0.1"
listen = "local:{E}/run/wx-all.sock"
"""
RSPAMD = """lua = "/usr/share/rspamd/rules/rspamd.lua"
options { pidfile = "{E}/run/rspamd-main.pid"; dns { nameserver = ["127.0.0.1"]; } filters = "dkim"; tempdir = "/tmp"; local_addrs = "127.0.0.0/8"; allow_raw_input = true; }
actions { reject = null; add_header = null; greylist = null; }
logging { type = "file"; filename = "{E}/rspamd/rspamd.log"; level = "notice"; }
modules { path = "{E}/rspamd/plugins/"; }
dkim_signing { enabled = true; use_domain = "header"; path = "{E}/rspamd/$selector.private"; selector = "s2026"; sign_local = true; allow_username_mismatch = true; use_esld = false; check_pubkey = false; allow_hdrfrom_mismatch = true; }
worker "rspamd_proxy" { bind_socket = "{E}/run/rspamd.sock mode=0666"; milter = yes; timeout = 120s; upstream "local" { default = yes; self_scan = yes; } count = 1; }
dkim { check_local = false; }
"""
MAIL = HEADER + b"Subject: two KiB\r\n\r\n" + (b"0123456789" * 7 + b"\r\n") * 26
REQUEST = ("request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=192.0.2.10\nclient_name=c.alpha.example\n"
           "helo_name=c.alpha.example\nsender=bob@alpha.example\nrecipient=alice@beta.example\ninstance={}\n\n")


class Table:
    """Cases, what was reached, and what is wanted."""

    def __init__(self):
        self.rows = []

    def add(self, case, wanted, reached, enough, nearly):
        word = "reached" if enough else "within 10 %" if nearly else "SHORT"
        self.rows.append((case, wanted, reached, word))
        print(f"| {case} | {wanted} | {reached} | {word} |", flush=True)

    def at_least(self, case, wanted, value, unit, more=""):
        self.add(case, f"≥ {wanted:g} {unit}", f"{value:.3g} {unit}{more}", value >= wanted, value >= wanted * 0.9)

    def at_most(self, case, wanted, value, unit, more=""):
        self.add(case, f"≤ {wanted:.3g} {unit}", f"{value:.3g} {unit}{more}", value <= wanted, value <= wanted * 1.1)


def processor_time(pids):
    """Seconds of processes so far, in hundredths."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def memory(pid, name="VmRSS"):
    """MiB."""
    with open(f"/proc/{pid}/status") as file:
        return int(next(line for line in file if line.startswith(name)).split()[1]) / 1024


def median(rounds):
    return statistics.median(rounds)


class Filter:
    """Something to be measured: its processes, its address, and what was found."""

    def __init__(self, pids, address, count):
        self.pids, self.address, self.count = pids, address, count
        self.rates, self.costs = [], []

    def measure(self, mail, **client):
        before = processor_time(self.pids)
        self.rates.append(load.run(self.address, mail, self.count, **client))
        self.costs.append((processor_time(self.pids) - before) / self.count * 1000)

    def rate(self):
        return median(self.rates)

    def cost(self):
        return median(self.costs)


def interleaved(filters, mail, rounds=ROUNDS, **client):
    for one in filters:
        load.run(one.address, mail, 10, **client)
    for _ in range(rounds):
        for one in filters:
            one.measure(mail, **client)


def at_once(bench, filters, message, connections, client, name):
    """Messages a second of each through several connections, by a program that is faster than they are."""
    rates = [[] for _ in filters]
    for _ in range(ROUNDS):
        for one, found in zip(filters, rates):
            found.append(many(bench, one.address, message, 5 * one.count, connections, client, name))
    return [median(found) for found in rates]


def many(bench, where, message, count, connections, client, name):
    program = os.path.join(os.path.dirname(WAXSEALD), "examples/load")
    return float(bench.run(program, where, str(connections), str(count), client.decode(), name.decode(), data=message).stdout)


def address(bench, name):
    return bench.path(f"run/{name}.sock")


def ours(bench, name, text, socket_text):
    return bench.waxseald(name, "-x", bench.write(f"{name}.conf", text.replace("{socket}", socket_text))).pid


def theirs(bench, name, text, socket_text, command="opendkim"):
    extra = "" if command == "opendmarc" else "Nameservers 127.0.0.1\n" if "Nameservers" not in text else ""
    return bench.old(name, command, text.replace("{socket}", socket_text) + extra)


def cost_of_parts(bench, *more):
    program = os.path.join(os.path.dirname(WAXSEALD), "examples/cost")
    lines = bench.run(program, bench.path("keys/alpha.example/s2026.private"), *more).stdout.decode().splitlines()
    return {line.split()[0]: float(line.split()[1]) for line in lines}


def signing(bench, table):
    """2 KiB, relaxed/relaxed, RSA-2048."""
    mail = load.packets(MAIL)
    local = lambda name: f"local:{address(bench, name)}"
    parts = [cost_of_parts(bench)["signature"] / 1000]
    unix = [Filter([ours(bench, "wx-sign", SIGN, local("wx-sign"))], address(bench, "wx-sign"), 300),
            Filter([theirs(bench, "od-sign", SIGN, local("od-sign"))], address(bench, "od-sign"), 100)]
    tcp = [Filter([ours(bench, "wx-tcp", SIGN, "inet:8891@127.0.0.1")], ("127.0.0.1", 8891), 300),
           Filter([theirs(bench, "od-tcp", SIGN, "inet:8981@127.0.0.1")], ("127.0.0.1", 8981), 20)]
    beside = rspamd(bench)
    interleaved([*unix, *tcp, *([beside] if beside else [])], mail)
    parts.append(cost_of_parts(bench)["signature"] / 1000)
    f = median(parts)
    wx, od = unix
    table.at_most("sign 2 KiB, unix, 1 connection, CPU a message beyond F", 0.25, wx.cost() - f, "ms", f" (F = {f:.2f} ms; {wx.cost():.2f} ms in all)")
    table.at_most("the same beside OpenDKIM", 0.30, wx.cost() / od.cost(), "×", f" ({od.cost():.2f} ms)")
    table.at_least("sign 2 KiB, TCP, 1 connection, raw client", 25, tcp[0].rate() / tcp[1].rate(), "×", f" ({tcp[0].rate():.0f}/s, OpenDKIM {tcp[1].rate():.0f}/s)")
    if beside:
        table.at_least("sign 2 KiB, unix, beside rspamd (dkim_signing alone)", 1.8, wx.rate() / beside.rate(), "×", f" ({wx.rate():.0f}/s, rspamd {beside.rate():.0f}/s)")
        table.at_most("memory beside rspamd", 0.2, memory(wx.pids[0]) / memory(beside.pids[0]), "×", f" ({memory(wx.pids[0]):.1f} and {memory(beside.pids[0]):.0f} MiB)")
    else:
        print("(rspamd is not installed here)")


def rspamd(bench):
    if not shutil.which("rspamd", path="/usr/bin:/usr/sbin"):
        return None
    os.makedirs(bench.path("rspamd/plugins"))
    shutil.copy("/usr/share/rspamd/plugins/dkim_signing.lua", bench.path("rspamd/plugins"))
    shutil.copy(bench.path("keys/alpha.example/s2026.private"), bench.path("rspamd"))
    bench.run("chown", "-R", "_rspamd:_rspamd", bench.path("rspamd"))
    os.chmod(bench.path("run"), 0o777)
    main = bench.spawn("rspamd", "rspamd", "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", bench.write("rspamd.conf", RSPAMD), "--insecure").pid
    wait_for(lambda: os.path.exists(address(bench, "rspamd")), "rspamd", 120)
    time.sleep(2)
    worker = subprocess.run(["pgrep", "-P", str(main), "-f", "rspamd_proxy"], capture_output=True, text=True).stdout.split()
    return Filter([int(pid) for pid in worker], address(bench, "rspamd"), 100)


def verifying(bench, table):
    """A signed message of 0.6 KiB from a client with a name, SPF, DMARC and no chain; DNS comes from the cache."""
    bench.waxseald("wx-all", "-c", bench.write("wx-all.toml", ALL_ROLES))
    mail = load.packets(signed(bench))
    client = {"client": b"192.0.2.10", "name": b"c.alpha.example"}
    wx = Filter([bench.children[-1].pid], address(bench, "wx-all"), 10_000)
    od = Filter([theirs(bench, "od-verify", VERIFY, f"local:{address(bench, 'od-verify')}")], address(bench, "od-verify"), 1_000)
    dmarc = Filter([theirs(bench, "od-dmarc", DMARC, f"local:{address(bench, 'od-dmarc')}", "opendmarc")], address(bench, "od-dmarc"), 1_000)
    checked = (b"Authentication-Results: mx.beta.example;\r\n\tdkim=pass header.d=alpha.example header.s=s2026 header.b=x\r\n"
               b"Received-SPF: Pass (mailfrom) identity=mailfrom; client-ip=192.0.2.10; helo=c.alpha.example; envelope-from=bob@alpha.example; receiver=beta.example\r\n")
    wait_for(lambda: os.path.exists(address(bench, "od-dmarc")), "OpenDMARC")
    for _ in range(ROUNDS):
        interleaved([wx, od], mail, 1, **client)
        interleaved([dmarc], load.packets(checked + signed(bench)), 1, **client)
    of_spf = policy(bench, table)
    table.at_most("verify SPF, HELO, DKIM, DMARC, ARC, unix, CPU, beside OpenDKIM's DKIM alone", 0.10, wx.cost() / od.cost(), "×",
                  f" ({wx.cost():.3f} ms, OpenDKIM {od.cost():.2f} ms)")
    everything = od.cost() + dmarc.cost() + of_spf
    table.at_most("the same beside OpenDKIM + OpenDMARC + policyd-spf", 0.04, wx.cost() / everything, "×", f" ({everything:.2f} ms = {od.cost():.2f} + {dmarc.cost():.2f} + {of_spf:.2f})")
    wx_rate, od_rate = at_once(bench, [wx, od], signed(bench), 4, **client)
    table.at_least("verify, 4 connections", 12, wx_rate / od_rate, "×", f" ({wx_rate:.0f}/s, OpenDKIM {od_rate:.0f}/s)")
    resident(bench, table, mail, client)


def policy(bench, table):
    """Requests a second; returns the CPU of policyd-spf for one."""
    path = bench.write("policyd-spf.conf", POLICY)
    bench.waxseald("wx-policy", "--policyd-spf", path, "--policy-socket", "inet:8893@127.0.0.1")
    rates, costs = {"ours": [], "theirs": []}, []
    for _ in range(ROUNDS):
        with socket.create_connection(("127.0.0.1", 8893)) as asked:
            requests = [REQUEST.format(number).encode() for number in range(2_000)]
            begin = time.monotonic()
            for request in requests:
                asked.sendall(request)
                answer = asked.recv(4096)
                while not answer.endswith(b"\n\n"):
                    answer += asked.recv(4096)
            assert b"Received-SPF: Pass" in answer, answer
            rates["ours"].append(2_000 / (time.monotonic() - begin))
        child = subprocess.Popen(["/usr/bin/policyd-spf", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for number in range(110):
            if number == 10:
                begin, before = time.monotonic(), processor_time([child.pid])
            child.stdin.write(REQUEST.format(number).encode())
            child.stdin.flush()
            assert b"Received-SPF: Pass" in child.stdout.readline() and child.stdout.readline() == b"\n"
        rates["theirs"].append(100 / (time.monotonic() - begin))
        costs.append((processor_time([child.pid]) - before) * 10)
        child.stdin.close()
        child.wait()
    found = {name: median(values) for name, values in rates.items()}
    table.at_least("policy service, 1 connection", 50, found["ours"] / found["theirs"], "×", f" ({found['ours']:.0f}/s, policyd-spf {found['theirs']:.0f}/s)")
    return median(costs)


def resident(bench, table, mail, client):
    """Memory with connections in mid-message, and after many messages."""
    bench.waxseald("wx-many", "-c", bench.write("wx-many.toml", ALL_ROLES.replace("wx-all.sock", "wx-many.sock")))
    pid, where = bench.children[-1].pid, address(bench, "wx-many")
    found = {}
    crowd = []
    for count in (8, 1_000):
        while len(crowd) < count:
            one = load.Connection(where, client["client"], client["name"])
            one.message(mail)
            one.say([(b"M", b"<bob@alpha.example>\0"), *mail[:-1]])
            crowd.append(one)
        time.sleep(0.5)
        found[count] = memory(pid)
    for one in crowd:
        one.socket.close()
    table.at_most("RSS with 8 connections", 10, found[8], "MiB")
    table.at_most("RSS with 1,000 connections", 40, found[1_000], "MiB")
    many(bench, where, signed(bench), 10_000, 2, **client)
    early = memory(pid)
    many(bench, where, signed(bench), 100_000, 2, **client)
    table.at_most("RSS after 100,000 messages more beside that after 10,000", 1.05, memory(pid) / early, "×", f" ({early:.1f} and {memory(pid):.1f} MiB)")


def large_bodies(bench, table):
    body = (b"0123456789" * 7 + b"\r\n") * (25 * 1024 * 1024 // 72)
    mail = load.packets(HEADER + b"Subject: 25 MiB\r\n\r\n" + body)
    local = lambda name: f"local:{address(bench, name)}"
    wx = Filter([ours(bench, "wx-large", SIGN, local("wx-large"))], address(bench, "wx-large"), 3)
    od = Filter([theirs(bench, "od-large", SIGN, local("od-large"))], address(bench, "od-large"), 3)
    load.run(wx.address, load.packets(MAIL), 100)
    small = memory(wx.pids[0], "VmHWM")
    for _ in range(min(ROUNDS, 3)):
        wx.measure(mail)
        od.measure(mail)
    peak = memory(wx.pids[0], "VmHWM")
    table.at_most("sign 25 MiB, unix, CPU beside OpenDKIM", 0.35, wx.cost() / od.cost(), "×", f" ({wx.cost():.0f} ms, OpenDKIM {od.cost():.0f} ms)")
    table.at_most("the peak of memory with 25 MiB beside that with 2 KiB", 1.1, peak / small, "×", f" ({small:.1f} and {peak:.1f} MiB)")


def domains(bench, table):
    """100,000 domains, one key each."""
    with open(bench.path("run/KeyTable"), "w") as keys, open(bench.path("run/SigningTable"), "w") as signing_table:
        for n in range(100_000):
            keys.write(f"k{n} d{n}.example:s2026:{bench.E}/keys/alpha.example/s2026.private\n")
            signing_table.write(f"*@d{n}.example k{n}\n")
    text = SIGN.replace("Domain alpha.example\nSelector s2026\nKeyFile {E}/keys/alpha.example/s2026.private\n",
                        "KeyTable {E}/run/KeyTable\nSigningTable refile:{E}/run/SigningTable\n")
    path = bench.write("wx-domains.conf", text.replace("{socket}", "inet:8894@127.0.0.1"))
    starts, sizes = [], []
    for _ in range(ROUNDS):
        begin = time.monotonic()
        child = bench.spawn("wx-domains", WAXSEALD, "-x", path)
        # The socket is bound before the tables are read: a message shows that all is ready.
        wait_for(lambda: listens(8894), "100,000 domains")
        mail = load.packets(MAIL.replace(b"bob@alpha.example", b"bob@d77777.example"))
        load.run(("127.0.0.1", 8894), mail, 1)
        starts.append(time.monotonic() - begin)
        sizes.append(memory(child.pid))
        child.terminate()
        child.wait(10)
    table.at_most("100,000 domains: start until the first signature", 0.5, median(starts), "s")
    table.at_most("100,000 domains: RSS", 40, median(sizes), "MiB")
    table.at_most("100,000 domains: look-up", 1, cost_of_parts(bench, f"refile:{bench.path('run/SigningTable')}")["lookup"], "µs")


# Name, socket in the configuration, socket in main.cf, messages with one session and with four.
UNDER_POSTFIX = [
    ("none", None, "", 100, 200),
    ("od tcp", "inet:8982@127.0.0.1", "inet:127.0.0.1:8982", 20, 60),
    ("wx tcp", "inet:8892@127.0.0.1", "inet:127.0.0.1:8892", 100, 200),
    ("od unix", "local:{E}/run/od-post.sock", "unix:{E}/run/od-post.sock", 60, 100),
    ("wx unix", "local:{E}/run/wx-post.sock", "unix:{E}/run/wx-post.sock", 100, 200),
]


def postfix(bench, table):
    for number, (name, listen, _, _, _) in enumerate(UNDER_POSTFIX):
        if listen:
            start = ours if name.startswith("wx") else theirs
            start(bench, f"post{number}", SIGN, listen)
    bench.postfix("C", 2528, "mynetworks = 127.0.0.0/8\nrelayhost =\ndefault_transport = discard\nrelay_transport = discard\n")
    rates = {}
    for _ in range(ROUNDS):
        for name, _, main, one, four in UNDER_POSTFIX:
            for sessions, count in ((1, one), (4, four)):
                rates.setdefault((name, sessions), []).append(source(bench, main, sessions, count))
    rate = {key: median(values) for key, values in rates.items()}
    for sessions, beside_tcp in ((1, 12), (4, 6)):
        wx, od = rate["wx tcp", sessions], rate["od tcp", sessions]
        table.at_least(f"Postfix + smtp-source, TCP, {sessions} sessions, beside OpenDKIM over TCP", beside_tcp, wx / od, "×", f" ({wx:.0f}/s, OpenDKIM {od:.0f}/s, no filter {rate['none', sessions]:.0f}/s)")
    table.at_least("the same, 1 session, TCP beside unix", 0.9, rate["wx tcp", 1] / rate["wx unix", 1], "×", f" (unix {rate['wx unix', 1]:.0f}/s)")
    for name, wanted in (("wx tcp", "TCP"), ("wx unix", "unix")):
        table.at_least(f"the same, 4 sessions, {wanted}, beside OpenDKIM over unix", 1.5, rate[name, 4] / rate["od unix", 4], "×", f" ({rate[name, 4]:.0f}/s, OpenDKIM {rate['od unix', 4]:.0f}/s)")


def source(bench, main, sessions, count):
    folder = bench.path("pfC")
    bench.run("postconf", "-c", folder, "-e", "smtpd_milters = " + main.replace("{E}", bench.E))
    bench.run("postfix", "-c", folder, "reload")
    time.sleep(0.7)
    begin = time.monotonic()
    bench.run("smtp-source", "-s", str(sessions), "-m", str(count), "-l", "2048", "-f", "bob@alpha.example", "-t", "alice@beta.example", "127.0.0.1:2528")
    return count / (time.monotonic() - begin)


def processor():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    with open("/proc/loadavg") as file:
        return f"{len(names)} × {names[0]}, load {file.read().split()[0]} at the start"


def main():
    own_namespace()
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    print(time.strftime("%Y-%m-%d"), processor(), f"{ROUNDS} rounds")
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    bench, table = Bench(), Table()
    try:
        for section in (signing, verifying, large_bodies, domains, postfix):
            if section.__name__.startswith(wanted):
                section(bench, table)
    finally:
        bench.close()


if __name__ == "__main__":
    main()
