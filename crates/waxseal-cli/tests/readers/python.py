"""Python's email package as a reader: one message in base64 a line, one JSON object of what each way of reading shows.

python.py from      the domains of the authors
python.py results   the authserv-ids of Authentication-Results, and the fields of other names that are believed
"""

import base64
import email
import email.policy
import email.utils
import json
import re
import sys
from email.header import decode_header, make_header
from email.utils import getaddresses, parseaddr


def domains(addresses):
    return [address.rpartition("@")[2] for address in addresses if "@" in address]


# What newer versions refuse, CVE-2023-27043 being the reason, all others show.
LENIENT = {"strict": False} if getattr(email.utils, "supports_strict_parsing", False) else {}


def legacy(values, options=LENIENT):
    texts = [str(value) for value in values]
    pairs = getaddresses(texts, **options) + [parseaddr(text, **options) for text in texts]
    return domains([address for _, address in pairs])


def modern(message):
    fields = email.message_from_bytes(message, policy=email.policy.default).get_all("From", [])
    return [address.domain for field in fields for address in field.addresses if address.domain]


def decode_first(values):
    return legacy([str(make_header(decode_header(str(value)))) for value in values])


def angle_brackets(values):
    return domains([found for value in values for found in re.findall(r"<([^>]+)>", str(value))])


def compat32(message, name="From"):
    return email.message_from_bytes(message, policy=email.policy.compat32).get_all(name, [])


def stored(message):
    """As a delivery agent writes it into a file of Unix."""
    return message.replace(b"\r\n", b"\n")


def from_views(message):
    return {
        "Python email compat32": lambda: legacy(compat32(message)),
        "Python email compat32, stored": lambda: legacy(compat32(stored(message))),
        "Python email compat32, strict": lambda: legacy(compat32(message), {}),
        "Python email default": lambda: modern(message),
        "Python email default, stored": lambda: modern(stored(message)),
        "decode first (Python)": lambda: decode_first(compat32(message)),
        "angle brackets (Python)": lambda: angle_brackets(compat32(message)),
    }


def authserv_ids(fields):
    found = []
    for field in fields:
        # A reader unfolds before it parses, or does not.
        for text in {str(field), re.sub(r"\r?\n", "", str(field))}:
            try:
                parsed = authres.AuthenticationResultsHeader.parse("Authentication-Results: " + text)
                found.append(parsed.authserv_id)
            except Exception:
                pass
    return [one for one in found if one]


BELIEVED = re.compile(r"received-spf|arc-(seal|message-signature|authentication-results)", re.I)


def seen(message, policy):
    parsed = email.message_from_bytes(message, policy=policy)
    ids = ["id:" + one for one in authserv_ids(parsed.get_all("Authentication-Results", []))]
    return ids + ["field:" + name.lower() for name in parsed.keys() if BELIEVED.fullmatch(name)]


def results_views(message):
    return {
        "Python email compat32 and authres": lambda: seen(message, email.policy.compat32),
        "Python email compat32 and authres, stored": lambda: seen(stored(message), email.policy.compat32),
        "Python email default and authres": lambda: seen(message, email.policy.default),
        "Python email default and authres, stored": lambda: seen(stored(message), email.policy.default),
    }


def shown(view):
    # What raises shows nothing; this is about what is shown.
    try:
        return [one.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for one in view()]
    except Exception:
        return []


if sys.argv[1] == "results":
    import authres

views = {"from": from_views, "results": results_views}[sys.argv[1]]
for line in sys.stdin:
    message = base64.b64decode(line)
    print(json.dumps({name: shown(view) for name, view in views(message).items()}))
