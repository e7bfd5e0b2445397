"""What the proofs stand on: NSD, Postfix, the old daemons and waxseald on loopback, in a network namespace of their own."""

import email
import glob
import os
import re
import shutil
import signal
import smtplib
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import traceback

WAXSEALD = os.path.abspath(os.environ.get("WAXSEALD", "target/debug/waxseald"))
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

MAIN = """compatibility_level = 3.6
queue_directory = {E}/q{name}
data_directory = {E}/d{name}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
myhostname = mx{name}.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relay_domains = alpha.example, beta.example, gamma.example
smtp_dns_support_level = disabled
alias_maps =
alias_database =
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_authorized_xclient_hosts = 127.0.0.0/8
milter_protocol = 6
milter_default_action = tempfail
maillog_file = {E}/logs/{name}.log
maillog_file_prefixes = {E}/logs
"""

MASTER = """127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
policyd-spf unix - n n - 0 spawn user=nobody argv={policy}
"""

SOA = "$TTL 300\n$ORIGIN {zone}.\n@ SOA ns.example. h.example. 1 3600 600 86400 60\n@ NS ns.example.\n"
ZONES = {
    "example": "ns A 127.0.0.1\n",
    "beta.example": "@ MX 10 mx\nmx A 127.0.0.1\n",
    "alpha.example": """@ MX 10 mx
mx A 127.0.0.1
@ TXT "v=spf1 ip4:127.0.0.1 ip4:192.0.2.10 -all"
c A 192.0.2.10
c TXT "v=spf1 a -all"
_dmarc TXT "v=DMARC1; p=reject; rua=mailto:dmarc@alpha.example"
revoked._domainkey TXT "v=DKIM1; k=rsa; p="
badfmt._domainkey TXT "v=DKIM1; =rsa; p=MIGf"
$INCLUDE {E}/keys/alpha.example/s2026.txt
""",
    "gamma.example": """@ TXT "v=spf1 -all"
_dmarc TXT "v=DMARC1; p=quarantine"
$INCLUDE {E}/keys/gamma.example/s2026.txt
""",
    "2.0.192.in-addr.arpa": "10 PTR c.alpha.example.\n",
}

HEADER = (
    b"Date: Thu, 26 Nov 2026 10:00:00 +0000\r\nFrom: bob@alpha.example\r\nTo: alice@beta.example\r\n"
    b"Message-Id: <1@alpha.example>\r\n"
)


class Bench:
    """A scratch folder with keys, zones and whatever was started; `close` ends all that it started, and nothing else."""

    def __init__(self):
        self.E = tempfile.mkdtemp(prefix="waxseald-")
        os.chmod(self.E, 0o755)
        self.children = []
        self.zones = dict(ZONES)
        self.postfixes = []
        self.mails = []
        for folder in ("keys", "logs", "run", "dns"):
            os.mkdir(f"{self.E}/{folder}")
        self.run("ip", "link", "set", "lo", "up")
        self.write("run/resolv.conf", "nameserver 127.0.0.1\n")
        self.run("mount", "--bind", f"{self.E}/run/resolv.conf", "/etc/resolv.conf")
        for domain in ("alpha.example", "gamma.example"):
            os.mkdir(f"{self.E}/keys/{domain}")
            self.run("opendkim-genkey", "-b", "2048", "-s", "s2026", "-d", domain, "-D", f"{self.E}/keys/{domain}")
            os.chmod(f"{self.E}/keys/{domain}/s2026.txt", 0o644)
        self.dns()
        self.sink_port = self.sink()

    waxseald_path = WAXSEALD

    def path(self, name):
        return f"{self.E}/{name}"

    def write(self, name, text):
        path = self.path(name)
        with open(path, "w") as file:
            file.write(text.replace("{E}", self.E))
        return path

    def run(self, *command, check=True, data=None):
        done = subprocess.run(
            command, input=data, capture_output=True, env={**os.environ, "PATH": PATH}, timeout=120
        )
        if check and done.returncode:
            raise RuntimeError(f"{command}: {done.returncode}: {done.stdout!r} {done.stderr!r}")
        return done

    def spawn(self, name, *command):
        log = open(self.path(f"logs/{name}.log"), "ab")
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PATH": PATH},
        )
        self.children.append(child)
        return child

    def log(self, name):
        with open(self.path(f"logs/{name}.log"), errors="replace") as file:
            return file.read()

    def dns(self):
        zones = ""
        for zone, text in self.zones.items():
            self.write(f"dns/{zone}.zone", SOA.replace("{zone}", zone) + text)
            zones += f"zone:\n  name: {zone}\n  zonefile: {zone}.zone\n"
        self.write(
            "dns/nsd.conf",
            'server:\n  server-count: 1\n  ip-address: 127.0.0.1@53\n  username: ""\n  chroot: ""\n'
            '  zonesdir: "{E}/dns"\n  pidfile: "{E}/run/nsd.pid"\n  logfile: "{E}/logs/nsd.log"\n'
            '  xfrdfile: "{E}/run/xfrd.state"\n  zonelistfile: "{E}/run/zone.list"\n  xfrdir: "{E}/run"\n  database: ""\n'
            "remote-control:\n  control-enable: no\n" + zones,
        )
        self.nsd = self.spawn("nsd-out", "nsd", "-d", "-c", self.path("dns/nsd.conf"))
        wait_for(lambda: self.asks("alpha.example"), "NSD")

    def publish(self, zones):
        """Adds lines to zones, or zones; NSD starts anew, so that nothing of before is remembered."""
        for zone, text in zones.items():
            self.zones[zone] = self.zones.get(zone, "") + text
        self.nsd.terminate()
        self.nsd.wait(10)
        self.dns()

    def asks(self, name):
        query = b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0"
        query += b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0\0\x10\0\1"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(0.3)
            asking.connect(("127.0.0.1", 53))
            try:
                asking.send(query)
                return asking.recv(512)[3] & 15 == 0
            except OSError:
                return False

    def sink(self):
        """A server that takes all mail, into `mails`."""
        mails = self.mails

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                say = lambda text: self.wfile.write(text.encode() + b"\r\n")
                say("220 sink ESMTP")
                while line := self.rfile.readline():
                    command = line[:4].upper()
                    if command == b"EHLO":
                        self.wfile.write(b"250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 0\r\n")
                    elif command == b"DATA":
                        say("354 go")
                        lines = []
                        while (line := self.rfile.readline()) not in (b".\r\n", b""):
                            lines.append(line[1:] if line.startswith(b".") else line)
                        mails.append(b"".join(lines))
                        say("250 kept")
                    elif command == b"QUIT":
                        say("221 bye")
                        return
                    else:
                        say("250 ok")

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_address[1]

    def postfix(self, name, port, settings, policy="/bin/false", services=()):
        """A Postfix that relays to the sink unless the settings say otherwise. Services are further ports and their options."""
        folder = self.path(f"pf{name}")
        os.mkdir(folder)
        for queue in (f"q{name}", f"d{name}"):
            os.mkdir(self.path(queue))
        shutil.chown(self.path(f"d{name}"), "postfix")
        own = {line.split(" =")[0] for line in settings.splitlines()}
        main = "".join(line for line in MAIN.replace("{name}", name).splitlines(True) if line.split(" =")[0] not in own) + settings
        if "relayhost" not in settings:
            main += f"relayhost = [127.0.0.1]:{self.sink_port}\n"
        self.write(f"pf{name}/main.cf", main)
        master = MASTER.format(port=port, policy=policy)
        for further, options in services:
            master += f"127.0.0.1:{further} inet n - n - - smtpd\n" + "".join(f"  -o {{ {option} }}\n" for option in options)
        self.write(f"pf{name}/master.cf", master)
        self.run("postfix", "-c", folder, "start")
        self.postfixes.append(folder)
        wait_for(lambda: listens(port), f"Postfix {name}")

    def waxseald(self, name, *args):
        before = self.log(name).count(" starting: ") if os.path.exists(self.path(f"logs/{name}.log")) else 0
        child = self.spawn(name, WAXSEALD, *args)
        wait_for(lambda: self.log(name).count(" starting: ") > before or child.poll() is not None, name)
        if child.poll() is not None:
            raise RuntimeError(f"{name}: ended with {child.returncode}: {self.log(name)}")
        return child

    def old(self, name, command, text):
        """One of the daemons of old, which goes to the background by itself."""
        pid_file = self.path(f"run/{name}.pid")
        extra = ["-c", self.write(f"{name}.conf", text + f"PidFile {pid_file}\n")] if command == "opendmarc" else []
        extra = extra or ["-x", self.write(f"{name}.conf", text + f"PidFile {pid_file}\n")]
        self.run(command, *extra)
        wait_for(lambda: os.path.exists(pid_file) and os.path.getsize(pid_file), name)
        with open(pid_file) as file:
            return int(file.read())

    def wait_mail(self, count=1, seconds=30):
        wait_for(lambda: len(self.mails) >= count, f"{count} messages in the sink", seconds)
        taken = self.mails[:count]
        del self.mails[:count]
        return taken

    def close(self):
        for folder in self.postfixes:
            self.run("postfix", "-c", folder, "stop", check=False)
        for child in self.children:
            child.terminate()
        for child in self.children:
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
        for pid_file in glob.glob(self.path("run/*.pid")):
            try:
                with open(pid_file) as file:
                    os.kill(int(file.read()), signal.SIGTERM)
            except (OSError, ValueError):
                pass
        self.run("umount", "/etc/resolv.conf", check=False)
        shutil.rmtree(self.E, ignore_errors=True)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise RuntimeError(f"{what}: not within {seconds} s")


def send(port, data, sender="bob@alpha.example", to="alice@beta.example", xclient=None, helo="c.alpha.example", utf8=False):
    """Hands a message in; returns the last reply, as "250 ..."."""
    with smtplib.SMTP("127.0.0.1", port, timeout=60, local_hostname=helo) as client:
        client.ehlo()
        if xclient:
            client.docmd("XCLIENT", xclient)
            client.ehlo()
        code, text = client.docmd("MAIL", f"FROM:<{sender}>" + (" SMTPUTF8" if utf8 else ""))
        if code == 250:
            code, text = client.docmd("RCPT", f"TO:<{to}>")
        if code == 250:
            code, text = client.docmd("DATA")
        if code == 354:
            client.send(re.sub(rb"(?m)^\.", b"..", data) + b".\r\n")
            code, text = client.getreply()
        return f"{code} {text.decode(errors='replace')}"


def fields(mail, name):
    """The values of the fields of that name, from the top, unfolded."""
    header = mail.split(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape")
    parts = re.split(r"\r\n(?![ \t])", header)
    found = [part.split(":", 1)[1] for part in parts if part.split(":", 1)[0].lower() == name.lower()]
    return [re.sub(r"\r\n(?=[ \t])", "", value).strip() for value in found]


def run_cases(cases, wanted="", first_always=False):
    """Runs cases one after the other on one bench; ends with exit code 1 when one fails."""
    failed = 0
    bench = Bench()
    try:
        for function in cases:
            if not function.__name__.startswith(wanted) and not (first_always and function is cases[0]):
                continue
            start = time.monotonic()
            try:
                function(bench)
                word = "ok"
            except Exception:
                traceback.print_exc(file=sys.stdout)
                failed += 1
                word = "FAILED"
            print(f"{word:7}{time.monotonic() - start:6.1f}s  {function.__name__}", flush=True)
        if failed:
            for name in sorted(os.listdir(bench.path("logs"))):
                print(f"== {name}")
                with open(bench.path(f"logs/{name}"), errors="replace") as file:
                    print("".join(file.readlines()[-40:]))
    finally:
        bench.close()
    sys.exit(failed > 0)


def own_namespace():
    """Goes on in a network and mount namespace of its own, or ends."""
    if os.environ.get("PROOF_NAMESPACE") == "own":
        return
    if os.geteuid() != 0:
        sys.exit("root is needed: Postfix, namespaces, port 53")
    os.environ["PROOF_NAMESPACE"] = "own"
    os.execvp("unshare", ["unshare", "-nm", "/usr/bin/python3", *sys.argv])
