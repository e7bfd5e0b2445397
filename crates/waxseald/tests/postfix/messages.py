"""Signed messages of every kind, made without any of the programs that are compared: canonicalization and RSA are dkimpy's parts."""

import base64
import hashlib
import time

import nacl.signing
from dkim.canonicalization import CanonicalizationPolicy
from dkim.crypto import RSASSA_PKCS1_v1_5_sign, parse_pem_private_key
from dkim import rfc822_parse as rfc822

# A throwaway key, for tests alone.
ED25519 = nacl.signing.SigningKey(bytes(range(32)))
ED25519_TXT = base64.b64encode(bytes(ED25519.verify_key)).decode()

MAIL = (
    b"Date: Thu, 26 Nov 2026 10:00:00 +0000\r\nFrom: bob@alpha.example\r\nTo: alice@beta.example\r\n"
    b"Message-Id: <1@alpha.example>\r\nSubject: corpus  of\tlines\r\n\r\nhi  there \r\nbye\r\n\r\n"
)


def signed(bench, mail=MAIL, domain="alpha.example", selector="s2026", key=None, c="relaxed/relaxed", ed25519=False,
           names=("from", "to", "subject", "date"), sha1=False, **tags):
    """The message with a signature on top; a tag of the value None is left out."""
    digest = hashlib.sha1 if sha1 else hashlib.sha256
    header, body = rfc822(mail)
    policy = CanonicalizationPolicy.from_c_value(c.encode())
    body = policy.canonicalize_body(body)
    hashed = body[: int(tags["l"])] if "l" in tags else body
    algorithm = "ed25519-sha256" if ed25519 else "rsa-sha1" if sha1 else "rsa-sha256"
    values = {
        "v": "1", "a": algorithm, "c": c, "d": domain, "s": selector, "t": str(int(time.time())),
        "bh": base64.b64encode(digest(hashed).digest()).decode(), "h": ":".join(names), **tags,
    }
    text = "; ".join(f"{tag}={value}" for tag, value in values.items() if value is not None) + "; b="
    left = list(header)
    picked = []
    for name in names:
        index = max((i for i, (known, _) in enumerate(left) if known.lower() == name.encode()), default=None)
        if index is not None:
            picked.append(tuple(left.pop(index)))
    lines = policy.canonicalize_headers([*picked, (b"DKIM-Signature", b" " + text.encode() + b"\r\n")])
    data = b"".join(name + b":" + value for name, value in lines)
    hashing = digest(data[:-2] if data.endswith(b"\r\n") else data)
    if ed25519:
        signature = ED25519.sign(hashing.digest()).signature
    else:
        with open(key or bench.path(f"keys/{domain}/{selector}.private"), "rb") as file:
            signature = RSASSA_PKCS1_v1_5_sign(hashing, parse_pem_private_key(file.read()))
    return f"DKIM-Signature: {text}{base64.b64encode(signature).decode()}\r\n".encode() + mail


def corpus(bench):
    """Name, message, and what `send` is told beside."""
    sign = lambda mail=MAIL, **more: signed(bench, mail, **more)
    now = int(time.time())
    key = bench.path("keys/alpha.example/s2026.private")
    of = lambda old, new: MAIL.replace(old, new)
    forged = (b"Authentication-Results: mx.beta.example; dkim=pass header.d=bank.example\r\n"
              b"Authentication-Results: other.example; dkim=pass header.d=bank.example\r\n"
              b"Authentication-Results: mx.beta.example; spf=pass smtp.mailfrom=bank.example\r\n")
    bounce = {"sender": ""}
    from_ = lambda domain: of(b"bob@alpha.example", b"bob@" + domain)
    return [
        ("pass", sign()),
        ("pass-simple", sign(c="simple/simple")),
        ("pass-relaxed-simple", sign(c="relaxed/simple")),
        ("no-canonicalization-tag", sign(c="simple/simple", **{"t": None})),
        ("unsigned", MAIL),
        ("altered-body", sign().replace(b"bye", b"buy")),
        ("altered-header", sign().replace(b"Subject: corpus", b"Subject: corps")),
        ("blanks-changed-relaxed", sign().replace(b"hi  there ", b"hi there")),
        ("blanks-changed-simple", sign(c="simple/simple").replace(b"hi  there ", b"hi there")),
        ("revoked", sign(selector="revoked", key=key)),
        ("bad-record", sign(selector="badfmt", key=key)),
        ("missing-key", sign(selector="nobody", key=key)),
        ("key-of-another", sign(selector="other", key=key)),
        ("key-for-other-service", sign(selector="service", key=key)),
        ("key-for-sha1-alone", sign(selector="sha1only", key=key)),
        ("key-of-1024-bits", sign(selector="short")),
        ("key-in-test-mode", sign(selector="testing", key=key)),
        ("key-in-test-mode-altered", sign(selector="testing", key=key).replace(b"bye", b"buy")),
        ("key-strict-with-subdomain", sign(selector="strict", key=key, i="@sub.alpha.example")),
        ("key-strict", sign(selector="strict", key=key, i="@alpha.example")),
        ("identity-outside", sign(i="@beta.example")),
        ("identity", sign(i="bob@sub.alpha.example")),
        ("length", sign(l="15")),
        ("length-and-more", sign(l="9") + b"added\r\n"),
        ("length-too-long", sign(l="1000")),
        ("expired", sign(t=str(now - 1000), x=str(now - 600))),
        ("not-yet", sign(t=str(now + 86_400))),
        ("expires-later", sign(x=str(now + 86_400))),
        ("ed25519", sign(selector="ed", ed25519=True)),
        ("ed25519-altered", sign(selector="ed", ed25519=True).replace(b"bye", b"buy")),
        ("double", sign(sign(selector="ed", ed25519=True))),
        ("double-one-altered", sign(sign(selector="nobody", key=key))),
        ("rsa-sha1", sign(sha1=True)),
        ("no-from-in-h", sign(names=("to", "subject", "date"))),
        ("version-2", sign(v="2")),
        ("algorithm-unknown", sign(a="rsa-md5")),
        ("canonicalization-unknown", sign().replace(b"c=relaxed/relaxed", b"c=nofold/relaxed")),
        ("no-body-hash", sign(bh=None)),
        ("signature-broken", b"DKIM-Signature: v=1; a=rsa-sha256; d=alpha.example; garbage\r\n" + MAIL),
        ("two-forged", forged + sign()),
        ("bounce", sign(), bounce),
        ("bounce-unsigned", MAIL, bounce),
        ("two-from", sign(of(b"To:", b"From: eve@gamma.example\r\nTo:"))),
        ("from-group", of(b"bob@alpha.example", b"Friends:;")),
        ("other-signer", sign(domain="gamma.example")),
        ("subdomain-of-signer", sign(from_(b"news.alpha.example"))),
        ("unsigned-other-sender", MAIL, {"sender": "joe@none.example"}),
        ("signature-alone", sign(), {"sender": "joe@none.example"}),
        ("signature-alone-altered", sign().replace(b"bye", b"buy"), {"sender": "joe@none.example"}),
        ("spf-fail", sign(), {"xclient": "ADDR=203.0.113.9 NAME=evil.example"}),
        ("spf-softfail", MAIL, {"sender": "joe@soft.example"}),
        ("spf-neutral", MAIL, {"sender": "joe@neutral.example"}),
        ("spf-permerror", MAIL, {"sender": "joe@two.example"}),
        ("spf-none", from_(b"none.example"), {"sender": "joe@none.example"}),
        ("dmarc-quarantine", from_(b"gamma.example"), {"sender": "joe@none.example"}),
        ("dmarc-no-record", from_(b"none.example")),
        ("dmarc-two-records", from_(b"two.example")),
        ("dmarc-bad-record", from_(b"bad.example")),
        ("dmarc-sp", from_(b"sub.soft.example")),
        ("no-answer", sign(from_(b"dead.test"), domain="dead.test", key=key)),
        ("address-in-comments", sign(of(b"From: bob@alpha.example", b'From: "eve@gamma.example" (x) <bob@alpha.example>'))),
        ("long-folded-subject", sign(of(b"Subject: corpus", b"Subject:\r\n corpus\r\n\t" + b"x" * 300))),
        ("empty-body", sign(MAIL.split(b"\r\n\r\n")[0] + b"\r\n\r\n")),
    ]


def zones(bench):
    """What the corpus wants to be published."""
    def data(path):
        with open(bench.path(path)) as file:
            return "".join(file.read().split('"')[1::2]).split("p=")[1].strip()

    record, other = data("keys/alpha.example/s2026.txt"), data("keys/gamma.example/s2026.txt")
    quoted = lambda text: " ".join(f'"{text[i:i + 200]}"' for i in range(0, len(text), 200))
    key = lambda name, tags, data=record: f"{name}._domainkey TXT {quoted(f'v=DKIM1; k=rsa; {tags}p={data}')}\n"
    alpha = key("other", "", other) + key("service", "s=other; ") + key("sha1only", "h=sha1; ") + key("testing", "t=y; ") + key("strict", "t=s; ")
    alpha += f'ed._domainkey TXT "v=DKIM1; k=ed25519; p={ED25519_TXT}"\n$INCLUDE {bench.E}/keys/alpha.example/short.txt\n'
    spf = lambda text: f'@ TXT "v=spf1 {text}"\n'
    return {
        "alpha.example": alpha,
        "soft.example": spf("~all") + '_dmarc TXT "v=DMARC1; p=none; sp=reject"\n',
        "neutral.example": spf("?all"),
        "two.example": spf("-all") + spf("+all") + '_dmarc TXT "v=DMARC1; p=reject"\n_dmarc TXT "v=DMARC1; p=none"\n',
        "bad.example": spf("ip4:300.1.2.3 -all") + '_dmarc TXT "v=DMARC1; p=perhaps"\n',
        "none.example": "@ A 127.0.0.1\n",
    }
