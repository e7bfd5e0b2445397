#!/usr/bin/python3
"""Follows from-opendkim.md to its end: each block of commands is run as it is printed, with OpenDKIM, Postfix and waxseald as they are.

There is no systemd in a namespace: `systemctl` is a script that starts what the unit of the package starts. Run from the root of the
repository, as root.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import Bench, WAXSEALD, fields, own_namespace, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
CRATE = os.path.dirname(os.path.dirname(HERE))

# As a how-to leaves it, upon Debian's file.
OPENDKIM = """Syslog yes
SyslogSuccess yes
Canonicalization relaxed/simple
OversignHeaders From
UserID opendkim
UMask 000
Socket local:/run/opendkim/opendkim.sock
PidFile /run/opendkim/opendkim.pid
TrustAnchorFile /usr/share/dns/root.key
Mode sv
KeyTable /etc/opendkim/KeyTable
SigningTable refile:/etc/opendkim/SigningTable
InternalHosts /etc/opendkim/TrustedHosts
ExternalIgnoreList /etc/opendkim/TrustedHosts
"""

SYSTEMCTL = """#!/bin/sh
set -e
for unit in "$@"; do :; done
pid() { cat {E}/run/$unit.pid 2>/dev/null; }
stop() {
    [ -z "$(pid)" ] || kill "$(pid)"
    while [ -n "$(pid)" ] && kill -0 "$(pid)" 2>/dev/null; do sleep 0.1; done
    rm -f {E}/run/$unit.pid
}
start() {
    if [ $unit = opendkim ]; then
        opendkim && sleep 0.5 && cp /run/opendkim/opendkim.pid {E}/run/opendkim.pid
    else
        . /etc/default/waxseald
        eval "$(sed -n 's/^ExecStartPre=.usr.bin.//p' {CRATE}/debian/waxseald.service)" >>{E}/logs/waxseald.log 2>&1
        eval "exec $(sed -n 's/^ExecStart=.usr.bin.//p' {CRATE}/debian/waxseald.service)" >>{E}/logs/waxseald.log 2>&1 &
        echo $! | tee {E}/run/waxseald.pid >>{E}/run/waxseald.pids
        for _ in $(seq 100); do grep -q "\[$(pid)\].* starting: " {E}/logs/syslog.log && break; sleep 0.1; done
    fi
}
case "$*" in
    disable*) stop ;;
    enable*) start ;;
    restart*) stop; start ;;
    *) echo "what is systemctl $*?" >&2; exit 1 ;;
esac
"""


def prepare(bench):
    """A machine of its own as far as /etc, /run/opendkim and the commands go."""
    shutil.copytree("/etc", bench.path("etc"), symlinks=True)
    shutil.copyfile(bench.path("run/resolv.conf"), bench.path("etc/resolv.conf"))
    bench.run("umount", "/etc/resolv.conf")
    bench.run("mount", "--bind", bench.path("etc"), "/etc")
    os.makedirs("/run/opendkim", exist_ok=True)
    bench.run("mount", "-t", "tmpfs", "none", "/run/opendkim")
    shutil.chown("/run/opendkim", "opendkim", "opendkim")
    shutil.rmtree("/etc/opendkim", ignore_errors=True)
    os.makedirs("/etc/opendkim/keys")
    shutil.copy(bench.path("keys/alpha.example/s2026.private"), "/etc/opendkim/keys")
    bench.run("chown", "-R", "opendkim", "/etc/opendkim/keys")
    for name, text in (
        ("/etc/opendkim.conf", OPENDKIM),
        ("/etc/opendkim/KeyTable", "s2026._domainkey.alpha.example alpha.example:s2026:/etc/opendkim/keys/s2026.private\n"),
        ("/etc/opendkim/SigningTable", "*@alpha.example s2026._domainkey.alpha.example\n"),
        ("/etc/opendkim/TrustedHosts", "127.0.0.1\n::1\nlocalhost\n"),
    ):
        with open(name, "w") as file:
            file.write(text)
    os.makedirs(bench.path("bin"))
    install = f"#!/bin/sh\nmkdir -p /etc/waxseald && cp {CRATE}/debian/waxseald.toml /etc/waxseald/ && cp {CRATE}/debian/waxseald.default /etc/default/waxseald\n"
    sendmail = f"#!/bin/sh\nexec /usr/sbin/sendmail -C {bench.path('pfG')} \"$@\"\n"
    for name, text in (
        ("systemctl", SYSTEMCTL.replace("{CRATE}", CRATE)),
        ("apt", install),
        ("journalctl", '#!/bin/sh\ngrep -F "[$(cat {E}/run/waxseald.pid 2>/dev/null)]:" {E}/logs/syslog.log | tail -n 5\n'),
        ("sendmail", sendmail),
        ("waxseald", f"#!/bin/sh\nexec {WAXSEALD} \"$@\"\n"),
    ):
        os.chmod(bench.write(f"bin/{name}", text), 0o755)


def syslog(bench):
    """/dev of its own, in which a thread takes what is logged into logs/syslog.log."""
    bench.run("mkdir", bench.path("dev"))
    for name in ("null", "zero", "full", "random", "urandom", "tty", "fd", "stdin", "stdout", "stderr", "shm"):
        bench.run("cp", "-a", f"/dev/{name}", bench.path("dev"))
    bench.run("mount", "--bind", bench.path("dev"), "/dev")
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind("/dev/log")
    os.chmod("/dev/log", 0o666)
    file = open(bench.path("logs/syslog.log"), "ab", buffering=0)

    def take():
        while line := log.recv(8192):
            file.write(line.strip(b"\0\n") + b"\n")

    threading.Thread(target=take, daemon=True).start()


def journal(bench):
    """The lines of every waxseald that was started."""
    with open(bench.path("run/waxseald.pids")) as file:
        processes = [f"[{line.strip()}]:" for line in file]
    return "".join(line for line in bench.log("syslog").splitlines(True) if any(process in line for process in processes))


def follow(bench, block):
    done = subprocess.run(
        ["sh", "-ec", block], capture_output=True, text=True, timeout=60, cwd=bench.E,
        env={**os.environ, "PATH": f"{bench.path('bin')}:/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    print(f"$ {block}{done.stdout}{done.stderr}", flush=True)
    assert done.returncode == 0, (block, done)
    return done.stdout + done.stderr


def signed(bench):
    [mail] = bench.wait_mail()
    assert "d=alpha.example" in fields(mail, "DKIM-Signature")[0], mail
    assert bench.run("/usr/bin/dkimverify", data=mail, check=False).returncode == 0, mail


def main():
    own_namespace()
    bench = Bench()
    try:
        prepare(bench)
        syslog(bench)
        milter = "unix:/run/opendkim/opendkim.sock"
        bench.postfix("G", 2525, f"mynetworks = 127.0.0.0/8\nsmtpd_milters = {milter}\nnon_smtpd_milters = $smtpd_milters\n")
        shutil.copy(bench.path("pfG/main.cf"), "/etc/postfix/main.cf")
        with open(f"{CRATE}/from-opendkim.md") as file:
            page = file.read()
        blocks = re.findall(r"```sh\n(.*?)```", page, re.S)
        [install, check, ask, options, switch, see, back, own] = blocks
        follow(bench, "systemctl enable --now opendkim")
        follow(bench, install)
        said = follow(bench, check)
        assert "no errors found" in said and "opendkim is running: stop it" in said, said
        said = follow(bench, ask)
        assert "opendkim: signed: s=s2026, d=alpha.example" in said and "not internal; not authenticated" in said, said
        follow(bench, options)
        follow(bench, switch)
        assert "DKIM-Signature field added (s=s2026, d=alpha.example)" in follow(bench, see)
        signed(bench)
        follow(bench, back)
        count = journal(bench).count("field added")
        follow(bench, see)
        signed(bench)
        assert journal(bench).count("field added") == count, "OpenDKIM did not sign"
        follow(bench, own)
        assert journal(bench).count(" starting: opendkim on local:/run/opendkim/opendkim.sock") == 2, journal(bench)
        follow(bench, see)
        signed(bench)
        assert journal(bench).count("field added") == count + 1, "waxseald did not sign"
        follow(bench, "systemctl disable --now waxseald")
        wait_for(lambda: "waxseald terminating" in journal(bench), "end")
        print("ok      the page was followed to its end")
    finally:
        bench.close()


if __name__ == "__main__":
    main()
