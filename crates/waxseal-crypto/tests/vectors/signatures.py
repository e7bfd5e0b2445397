#!/usr/bin/env python3
"""Writes signatures.txt anew: needs OpenSSL 3 and the Python package `cryptography`; takes no argument.

Good RSA signatures are made by OpenSSL, good Ed25519 signatures by `cryptography` over the SHA-256 of the message
(RFC 8463). The forgeries are computed here. RSA and Ed25519 are deterministic: a second run changes nothing.
"""

import hashlib
import pathlib
import subprocess

from cryptography.hazmat.primitives import serialization

HERE = pathlib.Path(__file__).parent
KEYS = HERE.parent / "keys"
MESSAGE = b"from:Joe <joe@example.org>\r\ndkim-signature:v=1; a=rsa-sha256; b="
LINES = []


def emit(name, key, algorithm, message, signature, good=False):
    verdict = "ok" if good else "bad"
    LINES.append("|".join([name, key, algorithm, message.hex(), signature.hex(), verdict]))


def openssl(key, message, digest="sha256"):
    command = ["openssl", "dgst", "-" + digest, "-sign", str(KEYS / key)]
    return subprocess.run(command, input=message, capture_output=True, check=True).stdout


def load(key):
    pem = (KEYS / key).read_bytes()
    return serialization.load_pem_private_key(pem, None)


# RSA: what must verify, and signatures of the wrong form.

def rsa_known_answers():
    for bits in (512, 768, 1024, 2048, 2056, 2560, 3072, 4096):
        key = f"rsa{bits}.pkcs8.pem"
        emit(f"openssl-signature-{bits}", key, "rsa-sha256", MESSAGE, openssl(key, MESSAGE), True)
        emit(f"openssl-sha1-signature-{bits}", key, "rsa-sha1", MESSAGE, openssl(key, MESSAGE, "sha1"), True)
    key = "rsa2048-e3.pkcs8.pem"
    emit("openssl-signature-exponent-3", key, "rsa-sha256", MESSAGE, openssl(key, MESSAGE), True)
    key = "rsa2048.pkcs8.pem"
    emit("openssl-signature-empty-message", key, "rsa-sha256", b"", openssl(key, b""), True)


def rsa_wrong_signatures(key, n):
    good = openssl(key, MESSAGE)
    emit("other-message", key, "rsa-sha256", MESSAGE + b"x", good)
    emit("sha256-signature-as-sha1", key, "rsa-sha1", MESSAGE, good)
    for name, signature in [
        ("sha1-signature-as-sha256", openssl(key, MESSAGE, "sha1")),
        ("sha512-signature", openssl(key, MESSAGE, "sha512")),
        ("empty-signature", b""),
        ("signature-one-byte-short", good[:-1]),
        ("signature-one-byte-long", good + b"\0"),
        ("signature-leading-zero-added", b"\0" + good),
        ("signature-zero", bytes(256)),
        ("signature-one", (1).to_bytes(256, "big")),
        ("signature-modulus-minus-one", (n - 1).to_bytes(256, "big")),
        ("signature-modulus", n.to_bytes(256, "big")),
    ]:
        emit(name, key, "rsa-sha256", MESSAGE, signature)
    # A small signature: its leading zero may not be dropped, and it may not be raised by the modulus.
    message, signature = next(
        (message, signature)
        for message in (MESSAGE + str(i).encode() for i in range(100_000))
        for signature in [openssl(key, message)]
        if signature[0] == 0
    )
    emit("signature-starts-with-zero", key, "rsa-sha256", message, signature, True)
    emit("signature-leading-zero-stripped", key, "rsa-sha256", message, signature[1:])
    raised = int.from_bytes(signature, "big") + n
    emit("signature-plus-modulus", key, "rsa-sha256", message, raised.to_bytes(256, "big"))


# RSA: paddings that EMSA-PKCS1-v1_5 (RFC 8017 section 9.2) does not allow, signed with the true key.

DIGEST = hashlib.sha256(MESSAGE).digest()
PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
INFO = PREFIX + DIGEST


def encoded(info, block_type=b"\0\1", padding=None, tail=b""):
    rest = b"\0" + info + tail
    if padding is None:
        padding = b"\xff" * (254 - len(rest))
    return block_type + padding + rest


def rsa_paddings(key, n, d):
    room = 253 - len(INFO)
    in_parameters = bytes.fromhex("304530210609608648016503040201") + b"\x05\x14" + b"\xaa" * 20 + b"\x04\x20"
    for name, block in [
        ("control", encoded(INFO)),
        ("garbage-after-digest", encoded(INFO, padding=b"\xff" * (room - 100), tail=b"\xaa" * 100)),
        ("eight-ff-then-garbage", encoded(INFO, padding=b"\xff" * 8, tail=bytes(room - 8))),
        ("zeros-in-padding", encoded(INFO, padding=b"\xff" * 50 + b"\0" + b"\xff" * (room - 51))),
        ("fe-in-padding", encoded(INFO, padding=b"\xfe" + b"\xff" * (room - 1))),
        ("block-type-2", encoded(INFO, block_type=b"\0\2")),
        ("block-type-0", encoded(INFO, block_type=b"\0\0", padding=bytes(room))),
        ("no-separator", b"\0\1" + b"\xff" * (room + 1) + INFO),
        ("no-digest-info", encoded(DIGEST)),
        ("parameters-absent", encoded(bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + DIGEST)),
        ("long-form-length", encoded(bytes.fromhex("30813130") + PREFIX[3:] + DIGEST)),
        ("long-form-inner-length", encoded(bytes.fromhex("303230810d") + PREFIX[4:] + DIGEST)),
        ("sha1-identifier", encoded(bytes.fromhex("302d300906052b0e03021a05000420") + DIGEST)),
        ("sha512-identifier", encoded(bytes.fromhex("3031300d060960864801650304020305000420") + DIGEST)),
        ("garbage-in-parameters", encoded(in_parameters + DIGEST)),
        ("digest-cut", encoded(bytes.fromhex("3030300d06096086480165030402010500041f") + DIGEST[:31])),
        ("digest-longer", encoded(bytes.fromhex("3032300d060960864801650304020105000421") + DIGEST + b"\0")),
        ("digest-of-other", encoded(PREFIX + hashlib.sha256(b"x").digest())),
    ]:
        assert len(block) == 256, name
        signature = pow(int.from_bytes(block, "big"), d, n).to_bytes(256, "big")
        emit("padding-" + name, key, "rsa-sha256", MESSAGE, signature, name == "control")


# RSA with exponent 3: forgeries that need no private key.

def cube_root(number):
    root = 1 << ((number.bit_length() + 2) // 3)
    while True:
        better = (2 * root + number // (root * root)) // 3
        if better >= root:
            return root
        root = better


def rsa_cube_root_forgeries(key, n):
    # Bleichenbacher 2006: little padding, and garbage after the digest.
    start = b"\0\1" + b"\xff" * 8 + b"\0" + INFO
    root = cube_root(int.from_bytes(start + b"\xff" * (256 - len(start)), "big"))
    assert (root**3).to_bytes(256, "big").startswith(start) and root**3 < n
    emit("bleichenbacher-2006-cube-root", key, "rsa-sha256", MESSAGE, root.to_bytes(256, "big"))
    # BERserk 2014: the right start, the right end, garbage between them.
    message, digest = next(
        (message, digest)
        for message in (b"berserk %d" % i for i in range(100))
        for digest in [hashlib.sha256(message).digest()]
        if digest[-1] & 1
    )
    end = b"\0" + PREFIX + digest
    bits, target, low = 8 * len(end), int.from_bytes(end, "big"), 1
    for bit in range(bits):
        if (low**3 ^ target) >> bit & 1:
            low ^= 1 << bit
    high = cube_root(int.from_bytes(b"\0\1" + b"\xff" * 254, "big"))
    root = high >> bits << bits | low
    block = (root**3).to_bytes(256, "big")
    assert block.startswith(b"\0\1") and block.endswith(end) and root**3 < n
    emit("berserk-2014-middle-garbage", key, "rsa-sha256", message, root.to_bytes(256, "big"))
    emit("signature-by-other-key", key, "rsa-sha256", MESSAGE, openssl("rsa2048.pkcs8.pem", MESSAGE))


# Ed25519, with enough of the curve (RFC 8032 section 5.1) to build what no honest signer makes.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def add(a, b):
    product = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + product, P - 2, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, P - 2, P)
    return x % P, y % P


def times(scalar, point):
    result = (0, 1)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def x_of(y):
    """The even x of the point with this y; None if there is none."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 else x


def encode(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def scalar(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ORDER


def le32(number):
    return number.to_bytes(32, "little")


def sha256(message):
    return hashlib.sha256(message).digest()


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (x_of(BASE_Y), BASE_Y)


def point_of_order_8():
    for y in range(2, 100):
        if x_of(y) is not None:
            point = times(ORDER, (x_of(y), y))
            if times(4, point) != (0, 1):
                return point


def ed25519():
    name, algorithm = "ed25519.pkcs8.pem", "ed25519-sha256"
    key = load(name)
    good = key.sign(sha256(MESSAGE))
    r, s = good[:32], int.from_bytes(good[32:], "little")
    emit("ed25519-openssl-signature", name, algorithm, MESSAGE, good, True)
    emit("ed25519-of-the-bytes-themselves", name, algorithm, MESSAGE, key.sign(MESSAGE))
    emit("ed25519-of-sha512", name, algorithm, MESSAGE, key.sign(hashlib.sha512(MESSAGE).digest()))
    emit("ed25519-other-message", name, algorithm, MESSAGE + b"x", good)
    # RFC 8032 section 5.1.7: S must be below the order.
    emit("ed25519-s-plus-order", name, algorithm, MESSAGE, r + le32(s + ORDER))
    for count in range(2, 16):
        if s + count * ORDER < 2**256:
            emit(f"ed25519-s-plus-{count}-orders", name, algorithm, MESSAGE, r + le32(s + count * ORDER))
    emit("ed25519-short", name, algorithm, MESSAGE, good[:63])
    emit("ed25519-long", name, algorithm, MESSAGE, good + b"\0")
    emit("ed25519-empty", name, algorithm, MESSAGE, b"")
    emit("ed25519-zeros", name, algorithm, MESSAGE, bytes(64))
    emit("ed25519-r-sign-flipped", name, algorithm, MESSAGE, good[:31] + bytes([good[31] ^ 0x80]) + good[32:])
    torsion = point_of_order_8()
    ed25519_mixed_order_keys(algorithm, torsion)
    ed25519_odd_r(name, algorithm, key, torsion)
    y = next(y for y in range(2, 100) if x_of(y) is None)
    emit("ed25519-key-not-on-the-curve", "raw:" + le32(y).hex(), algorithm, MESSAGE, good)


def ed25519_mixed_order_keys(algorithm, torsion):
    """A key with a part of small order: verifiers with and without the cofactor disagree."""
    secret, nonce = scalar(b"throwaway mixed order"), scalar(b"throwaway r")
    public, r = encode(add(times(secret, BASE), torsion)), encode(times(nonce, BASE))
    wanted = {True: "verifies-without-cofactor", False: "needs-cofactor"}
    for i in range(1000):
        message = b"mixed order %d" % i
        k = scalar(r, public, sha256(message))
        name = wanted.pop(k % 8 == 0, None)
        if name:
            signature = r + le32((nonce + k * secret) % ORDER)
            emit("ed25519-mixed-order-key-" + name, "raw:" + public.hex(), algorithm, message, signature, k % 8 == 0)


def ed25519_odd_r(name, algorithm, key, torsion):
    """Signatures by the key's owner whose R is no multiple of the base point, or not in canonical form."""
    seed = key.private_bytes_raw()
    secret = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little") & (1 << 254) - 8 | 1 << 254
    public = key.public_key().public_bytes_raw()
    assert encode(times(secret, BASE)) == public
    for suffix, r, good in [
        ("identity-r", encode((0, 1)), True),
        ("identity-r-not-canonical", le32(P + 1), False),
        ("small-order-r-needs-cofactor", encode(torsion), False),
    ]:
        signature = r + le32(scalar(r, public, sha256(MESSAGE)) * secret % ORDER)
        emit("ed25519-" + suffix, name, algorithm, MESSAGE, signature, good)


def main():
    rsa_known_answers()
    key = "rsa2048.pkcs8.pem"
    numbers = load(key).private_numbers()
    n, d = numbers.public_numbers.n, numbers.d
    rsa_wrong_signatures(key, n)
    rsa_paddings(key, n, d)
    key = "rsa2048-e3.pkcs8.pem"
    rsa_cube_root_forgeries(key, load(key).private_numbers().public_numbers.n)
    ed25519()
    head = [
        "# Signatures and what verifying them must say; written by signatures.py.",
        "# name | key file in tests/keys, or raw:hex | algorithm | message in hex | signature in hex | ok or bad",
    ]
    (HERE / "signatures.txt").write_text("\n".join(head + LINES) + "\n")


if __name__ == "__main__":
    main()
