"""A mail server's side of the milter protocol for measuring: it honours what the filter wants to be spared, and writes as Postfix does."""

import socket
import struct
import time

PROTOCOL = struct.pack(">III", 6, 0x1FF, 0x1FFFFF)
# Bits of the steps: what is not sent, and what gets no reply.
SKIPPED = {b"C": 0x1, b"H": 0x2, b"M": 0x4, b"R": 0x8, b"B": 0x10, b"L": 0x20, b"N": 0x40, b"T": 0x200}
NO_REPLY = {b"C": 0x1000, b"H": 0x2000, b"M": 0x4000, b"R": 0x8000, b"T": 0x10000, b"N": 0x40000, b"B": 0x80000, b"L": 0x80}
MESSAGES_A_CONNECTION = 20


def packet(code, data=b""):
    return struct.pack(">I", len(data) + 1) + code + data


class Connection:
    """One connection to a filter, as from a client at 192.0.2.10 or on this machine."""

    def __init__(self, address, client=b"127.0.0.1", name=b"localhost", auth=False):
        self.buffer, self.made = b"", None
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
        else:
            self.socket = socket.socket()
            # As Postfix, which leaves Nagle's algorithm on.
        self.socket.settimeout(120)
        self.socket.connect(address)
        self.socket.sendall(packet(b"O", PROTOCOL))
        code, data = self.reply()
        assert code == b"O", code
        self.steps = struct.unpack(">III", data[:12])[2]
        self.say([(b"D", b"C" + b"j\0mx.example\0{daemon_name}\0mx\0"), (b"C", name + b"\x004\x00\x19" + client + b"\0"), (b"H", b"c.alpha.example\0")])

    def reply(self):
        while len(self.buffer) < 4 or len(self.buffer) < 4 + struct.unpack(">I", self.buffer[:4])[0]:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("the filter ended the connection")
            self.buffer += more
        length = struct.unpack(">I", self.buffer[:4])[0]
        code, data = self.buffer[4:5], self.buffer[5:4 + length]
        self.buffer = self.buffer[4 + length:]
        return code, data

    def say(self, packets):
        """Sends packets; waits only where the filter replies."""
        held = b""
        for code, data in packets:
            if SKIPPED.get(code, 0) & self.steps:
                continue
            held += packet(code, data)
            if code != b"D" and not NO_REPLY.get(code, 0x1000000) & self.steps:
                self.socket.sendall(held)
                held = b""
                while (answer := self.reply()[0]) not in b"cadrtys":
                    pass
                if answer not in b"cs":
                    return answer
        if held:
            self.socket.sendall(held)
        return b""

    def message(self, mail, sender=b"<bob@alpha.example>"):
        """One message; the last reply, `c` or `a` when it is taken."""
        if all((SKIPPED.get(code, 0) | NO_REPLY.get(code, 0)) & self.steps for code in (b"M", b"R", b"T", b"L", b"N", b"B")):
            return self.quiet_message(mail, sender)
        refused = self.say([(b"D", b"M" + b"i\x00LOAD\x00"), (b"M", sender + b"\0"), (b"R", b"<alice@beta.example>\0"), (b"T", b"")])
        return refused or self.say(mail) or b"c"

    def quiet_message(self, mail, sender):
        """The same with a filter that replies at the end alone: two writes, as smtpd and cleanup make them."""
        if self.made is not mail:
            join = lambda packets: b"".join(packet(code, data) for code, data in packets if not SKIPPED.get(code, 0) & self.steps)
            begin = [(b"D", b"M" + b"i\0LOAD\0"), (b"M", sender + b"\0"), (b"R", b"<alice@beta.example>\0"), (b"T", b"")]
            self.made, self.begin, self.rest = mail, join(begin), join(mail)
        self.socket.sendall(self.begin)
        self.socket.sendall(self.rest)
        while (answer := self.reply()[0]) not in b"cadrty":
            pass
        return answer

    def close(self):
        self.socket.sendall(packet(b"Q"))
        self.socket.close()


def packets(mail, chunk=65_535):
    """A message as the packets of its fields and chunks."""
    header, body = mail.split(b"\r\n\r\n", 1)
    fields = header.replace(b"\r\n ", b"\n ").replace(b"\r\n\t", b"\n\t").split(b"\r\n")
    pairs = [field.split(b":", 1) for field in fields]
    found = [(b"L", name + b"\0" + value + b"\0") for name, value in pairs] + [(b"N", b"")]
    found += [(b"B", body[start:start + chunk]) for start in range(0, len(body), chunk)]
    return [*found, (b"E", b"")]


def run(address, mail, count, client=b"127.0.0.1", name=b"localhost"):
    """Messages a second through one connection at a time."""
    left, begin = count, time.monotonic()
    while left:
        connection = Connection(address, client, name)
        for _ in range(min(left, MESSAGES_A_CONNECTION)):
            assert connection.message(mail) in b"ca"
            left -= 1
        connection.close()
    return count / (time.monotonic() - begin)
