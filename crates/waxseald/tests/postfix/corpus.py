#!/usr/bin/python3
"""The same messages through waxseald and through OpenDKIM, OpenDMARC and policyd-spf of Debian: what they write is compared line by line.

`differences.txt` lists every difference with its reason. One that is not listed fails, and so does a listed one that is no more.
Run from the root of the repository, as root: crates/waxseald/tests/postfix/corpus.py [-v prints the lines]
"""

import os
import re
import sys
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import fields, listens, own_namespace, run_cases, send, wait_for
from messages import corpus, zones

OPENDKIM = """Mode v
AuthservID mx.beta.example
AlwaysAddARHeader yes
InternalHosts 203.0.113.1
UMask 000
Nameservers 127.0.0.1
Socket inet:{port}@127.0.0.1
"""
OPENDMARC = """AuthservID mx.beta.example
TrustedAuthservIDs mx.beta.example
Syslog false
Socket inet:{port}@127.0.0.1
"""
POLICY = """debugLevel = 1
TestOnly = 1
HELO_reject = Fail
Mail_From_reject = Fail
PermError_reject = False
TempError_Defer = False
skip_addresses = 127.0.0.0/8,::ffff:127.0.0.0/104,::1
"""
CLIENT = "ADDR=192.0.2.10 NAME=c.alpha.example"
OLD, NEW = 2540, 2541


def start(bench):
    bench.run("opendkim-genkey", "-b", "1024", "-s", "short", "-d", "alpha.example", "-D", bench.path("keys/alpha.example"))
    os.chmod(bench.path("keys/alpha.example/short.txt"), 0o644)
    bench.publish(zones(bench))
    policy = bench.write("policyd-spf.conf", POLICY)
    os.chmod(policy, 0o644)
    bench.old("old-dkim", "opendkim", OPENDKIM.replace("{port}", "8871"))
    bench.old("old-dmarc", "opendmarc", OPENDMARC.replace("{port}", "8872"))
    bench.waxseald(
        "new",
        "-x", bench.write("new-dkim.conf", OPENDKIM.replace("{port}", "8873")),
        "--opendmarc", bench.write("new-dmarc.conf", OPENDMARC.replace("{port}", "8874")),
        "--policyd-spf", policy, "--policy-socket", "inet:8875@127.0.0.1",
    )
    wait_for(lambda: listens(8871) and listens(8872), "the old daemons")
    chain = lambda dkim, dmarc, service: [
        f"smtpd_milters = inet:127.0.0.1:{dkim} inet:127.0.0.1:{dmarc}",
        f"smtpd_recipient_restrictions = check_policy_service {service}",
    ]
    ports = [(OLD, chain(8871, 8872, "unix:private/policyd-spf")), (NEW, chain(8873, 8874, "inet:127.0.0.1:8875"))]
    bench.postfix("K", 2539, "mynetworks = 203.0.113.250\n", policy=f"/usr/bin/policyd-spf {policy}", services=ports)


def normal(text):
    """One form for what may differ from run to run, and for blanks."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"header\.b=\"?[\w+/=]+\"?", "header.b=*", text)
    return re.sub(r"[A-Za-z0-9+/]{24,}={0,2}|(?<==)\d{10}\b|\b\d{10}\b", "*", text)


def lines(reply, mail):
    """What the daemons said of a message: the reply, each result, Received-SPF, what was left of other fields."""
    found = ["reply: " + normal(re.sub(r"queued as \w+", "queued", reply))]
    for field in fields(mail, "Authentication-Results") if mail else []:
        name, *results = re.split(r";\s*(?![^()]*\))", field)
        mine = name.strip() == "mx.beta.example"
        found += [normal(result if mine else f"{name.strip()}: {result}") for result in results if result.strip()]
    for name in ("Received-SPF", "X-Comment"):
        found += [f"{name}: {normal(value)}" for value in fields(mail, name)] if mail else []
    return found


class Entry:
    """A known difference: in which messages, what the old daemons say, what waxseald says, why."""

    def __init__(self, block):
        head, *rest = block
        assert head.startswith("["), head
        self.names = head.strip("[]").split()
        pick = lambda kind: [line[len(kind) + 1:] for line in rest if line.startswith(kind + " ")]
        self.gone, self.come, why = pick("-"), pick("+"), pick("why:")
        self.rules = [(sign, *rule.split(" => ")) for sign in "-+" for rule in pick("s" + sign)]
        assert len(why) == 1 and len(self.gone) + len(self.come) + len(self.rules) + 1 == len(rest), block
        self.why, self.hits = why[0], 0

    def concerns(self, name):
        return name in self.names or "*" in self.names and "!" + name not in self.names

    def rewrite(self, name, old, new):
        """Applies `s-` and `s+`: what one side alone says, whatever it says beside; an empty line is none."""
        said = {"-": old, "+": new}
        for sign, pattern, by in self.rules:
            changed = [re.sub(pattern, "" if by == "nothing" else by, line) for line in said[sign]]
            self.hits += changed != said[sign]
            if changed == said[sign] and name in self.names:
                yield f"{name}: agrees, though listed: s{sign} {pattern} ({self.why})"
            said[sign][:] = [line for line in changed if line]

    def strike(self, name, gone, come):
        """Takes what is listed off the differences that were found."""
        for sign, listed, found in (("-", self.gone, gone), ("+", self.come, come)):
            for line in listed:
                if line in found:
                    found.remove(line)
                else:
                    yield f"{name}: agrees, though listed: {sign} {line} ({self.why})"


def listed():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "differences.txt")) as file:
        text = "".join(line for line in file if not line.startswith("#"))
    return [Entry([line for line in block.splitlines() if line]) for block in text.split("\n\n") if block.strip()]


def compare(name, old, new, entries):
    """What is wrong: differences that nobody listed, and listed ones that are none."""
    entries = [entry for entry in entries if entry.concerns(name)]
    wrong = [text for entry in entries for text in entry.rewrite(name, old, new)]
    gone, come = list((Counter(old) - Counter(new)).elements()), list((Counter(new) - Counter(old)).elements())
    wrong += [text for entry in entries for text in entry.strike(name, gone, come)]
    return wrong + [f"{name}: not listed: - {line}" for line in gone] + [f"{name}: not listed: + {line}" for line in come]


def the_lines_of_the_corpus(bench):
    start(bench)
    entries, wrong, seen = listed(), [], set()
    messages = corpus(bench)
    for name, mail, *more in messages:
        options = {"xclient": CLIENT, **(more[0] if more else {})}
        said = []
        for port in (OLD, NEW):
            reply = send(port, mail, **options)
            delivered = bench.wait_mail()[0] if reply.startswith("250") else b""
            said.append(lines(reply, delivered))
        if "-v" in sys.argv:
            print(f"[{name}]", *(f"  {who} {line}" for who, part in zip(("old", "new"), said) for line in part), sep="\n")
        seen.add(name)
        wrong += compare(name, *said, entries)
    unknown = {name.lstrip("!") for entry in entries for name in entry.names} - seen - {"*"}
    assert not unknown, f"differences.txt names messages that are not there: {unknown}"
    wrong += [f"no message differs so: {entry.rules} ({entry.why})" for entry in entries if entry.rules and not entry.hits]
    print(f"{len(messages)} messages, {len(entries)} listed differences")
    assert not wrong, "\n" + "\n".join(wrong)


if __name__ == "__main__":
    own_namespace()
    run_cases([the_lines_of_the_corpus])
