"""dkimpy as signer and verifier, many files per start.

dkimpy.py verify ZONE FILE...                       prints "FILE<TAB>word,word" with one word per signature
dkimpy.py sign KEY ALG SELECTOR DOMAIN H/B OUT FILE...   writes the signed messages into the folder OUT

ZONE has one "name<TAB>text" a line. An Ed25519 KEY is the base64 of its seed.
"""

import os
import sys

import dkim


def load_zone(path):
    with open(path, "rb") as lines:
        return dict(line.rstrip(b"\n").split(b"\t", 1) for line in lines)


def words(message, zone):
    def lookup(name, timeout=5):
        name = name if isinstance(name, bytes) else name.encode()
        return zone.get(name.rstrip(b".").lower())

    try:
        fields = dkim.rfc822_parse(message)[0]
    except dkim.MessageFormatError:
        return ["unreadable"]
    count = len([name for name, _ in fields if name.lower() == b"dkim-signature"])
    return [word(message, index, lookup) for index in range(count)]


def word(message, index, lookup):
    try:
        return "pass" if dkim.DKIM(message).verify(idx=index, dnsfunc=lookup) else "fail"
    except dkim.DKIMException as error:
        # A wrong body hash is raised, a wrong signature is returned.
        return "fail" if "body hash mismatch" in str(error) else "error:%s" % str(error).replace("\t", " ")


def main(verb, *args):
    if verb == "verify":
        zone = load_zone(args[0])
        for path in args[1:]:
            with open(path, "rb") as file:
                print("%s\t%s" % (path, ",".join(words(file.read(), zone))))
        return
    key, algorithm, selector, domain, canon, out = args[:6]
    with open(key, "rb") as file:
        secret = file.read().strip()
    for path in args[6:]:
        with open(path, "rb") as file:
            message = file.read()
        header_canon, body_canon = canon.encode().split(b"/")
        field = dkim.sign(
            message,
            selector.encode(),
            domain.encode(),
            secret,
            canonicalize=(header_canon, body_canon),
            signature_algorithm=algorithm.encode(),
        )
        with open(os.path.join(out, os.path.basename(path)), "wb") as file:
            file.write(field + message)


main(*sys.argv[1:])
