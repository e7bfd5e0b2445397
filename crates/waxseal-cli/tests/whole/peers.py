"""dkimpy and pyspf, asked about one message after the other.

The first line is {"now": seconds, "keys": {name: PEM or seed}, "records": {name: text, null for a time-out}}; each line
behind it is a task, which is answered with one line.
"""

import base64
import json
import sys

import dkim
import spf

setup = json.loads(sys.stdin.readline())
dkim.time.time = lambda: setup["now"]
records, hosts = setup["records"], {}


def key_record(name, timeout=5):
    name = name.decode().rstrip(".").lower()
    if name in records and records[name] is None:
        raise dkim.DnsTimeoutError(name)
    return records.get(name, "").encode()


def lookup(name, kind, strict=True, timeout=None):
    values = hosts.get(name.lower().rstrip("."), {}).get(kind, [])
    if values is None:
        raise spf.TempError("DNS timeout")
    if kind == "TXT":
        values = [[value.encode()] for value in values]
    return [((name, kind), tuple(value) if kind == "MX" else value) for value in values]


spf.DNSLookup = lookup


def octets(task, name="message"):
    return base64.b64decode(task[name])


def sign(task):
    field = dkim.sign(
        octets(task),
        task["selector"].encode(),
        task["domain"].encode(),
        setup["keys"][task["key"]].encode(),
        canonicalize=tuple(task["canon"].encode().split(b"/")),
        include_headers=[name.encode() for name in task["fields"]] if task["fields"] else None,
        length=task["length"],
        signature_algorithm=b"ed25519-sha256" if task["key"] == "ed" else b"rsa-sha256",
    )
    return base64.b64encode(field).decode()


def seal(task):
    fields = dkim.arc_sign(
        octets(task),
        task["selector"].encode(),
        task["domain"].encode(),
        setup["keys"][task["key"]].encode(),
        task["id"].encode(),
        include_headers=[name.encode() for name in task["fields"]],
        timestamp=setup["now"],
    )
    return base64.b64encode(b"".join(fields)).decode()


def signature(message, index):
    try:
        return "pass" if dkim.DKIM(message).verify(idx=index, dnsfunc=key_record) else "fail"
    except dkim.DKIMException as error:
        return "body" if "body hash mismatch" in str(error) else "error: %s" % error
    except Exception as error:
        return "error: %r" % error


def signatures(message):
    try:
        fields = dkim.rfc822_parse(message)[0]
    except (dkim.MessageFormatError, IndexError) as error:
        return "unreadable: %s" % error
    count = len([name for name, _ in fields if name.lower() == b"dkim-signature"])
    return [signature(message, index) for index in range(count)]


def chain(message):
    try:
        cv, _, reason = dkim.arc_verify(message, dnsfunc=key_record)
        return [cv.decode() if cv else "ended", reason]
    except Exception as error:
        return ["error", repr(error)]


def sender(task, address):
    try:
        return spf.query(i=task["ip"], s=address, h=task["helo"]).check()[0]
    except Exception as error:
        return "error: %r" % error


def check(task):
    hosts.clear()
    hosts.update(task["zone"])
    message = octets(task)
    return {
        "dkim": signatures(message),
        "arc": chain(message),
        "spf": sender(task, task["sender"]),
        "helo": sender(task, ""),
    }


for line in sys.stdin:
    task = json.loads(line)
    try:
        answer = {"sign": sign, "seal": seal, "check": check}[task["do"]](task)
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
