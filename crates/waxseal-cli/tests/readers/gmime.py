"""GMime as a reader: one message in base64 a line, one JSON object of the domains of the authors."""

import base64
import json
import sys

import gi

gi.require_version("GMime", "3.0")
from gi.repository import GMime

GMime.init()


def addresses(found):
    for index in range(found.length() if found else 0):
        one = found.get_address(index)
        if hasattr(one, "get_members"):
            yield from addresses(one.get_members())
        else:
            yield one.get_addr() or ""


def shown(message):
    stream = GMime.StreamMem.new_with_buffer(message)
    parsed = GMime.Parser.new_with_stream(stream).construct_message(None)
    return [one.rpartition("@")[2] for one in addresses(parsed.get_from()) if "@" in one] if parsed else []


for line in sys.stdin:
    try:
        domains = shown(base64.b64decode(line))
    except Exception:
        # What raises shows nothing; this is about what is shown.
        domains = []
    print(json.dumps({"GMime": domains}))
