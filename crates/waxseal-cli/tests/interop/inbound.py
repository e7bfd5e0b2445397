"""authheaders, python3-authres and dkimpy about many messages per start. Those that ask DNS ask 127.0.0.1 at PORT.

inbound.py check PORT SUFFIXES   reads "FILE<TAB>IP<TAB>HELO<TAB>MAIL FROM" lines and prints "FILE<TAB>field", the field
                                 on one line, or "FILE<TAB>error: ..."; SUFFIXES is a public suffix list
inbound.py read FILE...          prints "FILE<TAB>method=result,..." for the one field in each file, as authres reads it
inbound.py seal PORT KEY SELECTOR DOMAIN OUT FILE...   adds an ARC set over the results that DOMAIN wrote on top, and
                                 writes into the folder OUT
inbound.py arc PORT FILE...      prints "FILE<TAB>cv" as dkimpy's ARC says
"""

import os
import sys

import authheaders
import authheaders.dmarc_lookup
import authres
import authres.arc
import authres.dmarc
import dkim
import dns.resolver


def ask(port):
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = int(port)
    dns.resolver.default_resolver = resolver


def read(path):
    with open(path, "rb") as file:
        return file.read()


def check(path, ip, helo, mail_from):
    try:
        field = authheaders.authenticate_message(
            read(path), "mx.example.net", spf=True, arc=True, ip=ip, mail_from=mail_from, helo=helo
        )
    except Exception as error:
        return "error: %s" % type(error).__name__
    return " ".join(field.split())


def words(path):
    context = authres.FeatureContext(authres.core, authres.arc, authres.dmarc)
    field = read(path).decode("ascii").replace("\r\n", "\n").rstrip("\n")
    parsed = context.parse(field)
    return ",".join("%s=%s" % (result.method, result.result) for result in parsed.results)


def seal(path, key, selector, domain):
    message = read(path)
    fields = dkim.ARC(message).sign(selector.encode(), domain.encode(), read(key), domain.encode())
    return b"".join(fields) + message


def main(verb, *args):
    if verb == "check":
        ask(args[0])
        authheaders.dmarc_lookup.get_suffix_list_file_name = lambda: args[1]
        for line in sys.stdin:
            path, *envelope = line.rstrip("\n").split("\t")
            print("%s\t%s" % (path, check(path, *envelope)))
    elif verb == "read":
        for path in args:
            print("%s\t%s" % (path, words(path)))
    elif verb == "seal":
        ask(args[0])
        key, selector, domain, out = args[1:5]
        for path in args[5:]:
            with open(os.path.join(out, os.path.basename(path)), "wb") as file:
                file.write(seal(path, key, selector, domain))
    else:
        ask(args[0])
        for path in args[1:]:
            cv, _, _ = dkim.ARC(read(path)).verify()
            print("%s\t%s" % (path, cv.decode()))


main(*sys.argv[1:])
