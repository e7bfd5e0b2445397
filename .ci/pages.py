#!/usr/bin/env python3
"""Opens the pages that `explain --html` and `audit --html` write in headless Chromium, at 360 and 1200 pixels, in the light and in the dark
theme: nothing scrolls sideways, all text has a contrast of 4.5 or more, nothing is loaded but the page, and nothing in it could run.
Run as: .ci/pages.py COMMAND [FOLDER]. With a folder the pages and pictures of them stay there. Needs Python's own modules and
Chromium, which it talks to through a pipe."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "crates/waxseal-cli/src/demo"
FIELD_CASES = ROOT / "../shared/field-cases"
BROWSERS = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]
# Nothing of this may be in a page, however it is written.
FORBIDDEN = re.compile(r"<(script|iframe|object|embed|form|img|link|base)\b|<[^>]+\s(src|on\w+)\s*=|<[^>]+\shref=\"(?!#)", re.I)
# Nor this in its style sheet.
FORBIDDEN_STYLE = re.compile(r"<style>.*?(url\(|@import).*?</style>", re.S)

# Every text node against what is painted behind it (WCAG 2.1, relative luminance).
PROBE = r"""(() => {
  for (const details of document.querySelectorAll('details')) details.open = true;
  const parse = text => { const n = text.match(/[\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const behind = element => { const all = [];
    for (let e = element; e; e = e.parentElement) all.push(parse(getComputedStyle(e).backgroundColor));
    return all.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]); };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let lowest = 99, where = '', texts = 0;
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    texts++;
    const back = behind(element), front = over(parse(getComputedStyle(element).color), back);
    const [a, b] = [light(front), light(back)].sort((x, y) => y - x), contrast = (a + .05) / (b + .05);
    if (contrast < lowest) { lowest = contrast; where = element.outerHTML.slice(0, 120); }
  }
  const wide = [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > WIDTH + 1)
    .map(e => e.outerHTML.slice(0, 120));
  const root = document.documentElement;
  return { lowest, where, texts, wide: wide.slice(0, 3), scroll: root.scrollWidth - WIDTH, height: root.scrollHeight,
    scripts: document.scripts.length, title: document.title, dark: matchMedia('(prefers-color-scheme: dark)').matches };
})()"""


class Browser:
    """Chromium at the other end of two pipes: messages of JSON, each with a zero byte behind it."""

    def __init__(self, profile):
        program = next((found for found in map(shutil.which, BROWSERS) if found), None)
        if not program:
            sys.exit("Chromium is missing (Debian: chromium-headless-shell)")
        command_end, self.commands = os.pipe()
        self.replies, reply_end = os.pipe()

        def pipes():
            os.dup2(command_end, 13)
            os.dup2(reply_end, 14)
            os.dup2(13, 3)
            os.dup2(14, 4)

        options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={profile}",
                   "--no-first-run", "--disable-background-networking", "--disable-component-update", "--hide-scrollbars"]
        self.process = subprocess.Popen([program, *options], preexec_fn=pipes, close_fds=False,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(command_end)
        os.close(reply_end)
        self.buffer, self.number, self.events = b"", 0, []

    def receive(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.replies, 1 << 20)
            if not piece:
                sys.exit("Chromium has gone")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            reply = self.receive()
            if reply.get("id") == self.number:
                if "error" in reply:
                    sys.exit(f"{method}: {reply['error']}")
                return reply["result"]
            self.events.append(reply)

    def wait(self, event):
        while not any(seen.get("method") == event for seen in self.events):
            self.events.append(self.receive())

    def close(self):
        self.call("Browser.close")
        self.process.wait(20)


def probe(browser, page, width, theme, picture):
    """What the page is like in a window of this width, and what it asked the network for."""
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    call = lambda method, **params: browser.call(method, session, **params)
    call("Page.enable")
    call("Network.enable")
    call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
    call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
    browser.events.clear()
    call("Page.navigate", url=page.as_uri())
    browser.wait("Page.loadEventFired")
    if picture:
        shot = call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        picture.write_bytes(base64.b64decode(shot["data"]))
    found = call("Runtime.evaluate", expression=PROBE.replace("WIDTH", str(width)), returnByValue=True)
    if "value" not in found["result"]:
        sys.exit(f"{page.name}: {found}")
    asked = [event["params"]["request"]["url"] for event in browser.events if event.get("method") == "Network.requestWillBeSent"]
    call("Page.close")
    return found["result"]["value"], [url for url in asked if url != page.as_uri()]


def faults(page, width, theme, found, asked):
    if found["scroll"] > 0 or found["wide"]:
        yield f"is {found['scroll']} pixels too wide: {found['wide']}"
    if found["lowest"] < 4.5:
        yield f"has text with a contrast of {found['lowest']:.2f}: {found['where']}"
    if asked:
        yield f"asks for {asked}"
    if found["scripts"] or found["title"] == "out":
        yield "has a script"
    if found["dark"] != (theme == "dark") or found["texts"] < 20:
        yield "was not probed"


def run(command, *args, message=None):
    done = subprocess.run([command, *map(str, args)], input=message, capture_output=True)
    if done.returncode not in (0, 1) or not done.stdout:
        sys.exit(f"{args}: {done.stderr.decode()}")
    return done.stdout


# A stranger's message that wants out of the page, and wants to be wide.
HOSTILE = ("From: \"</title><script>document.title='out'</script>\" <joe@example.org>\r\n"
           "Subject: <script>document.title='out'</script><img src=http://evil.example/x onerror=document.title='out'>\u202egnp.exe\r\n"
           "Received: from <b>evil</b> ([192.0.2.1]) by " + "w" * 900 + " with ESMTP; Mon, 01 Jun 2026 07:30:05 +0000\r\n"
           "Date: " + "9" * 990 + "\r\n"
           + "".join(f"DKIM-Signature: v=1; a=rsa-sha256; d=x{n}.example.org; s=<style>*{{background:url(http://evil.example)}}</style>;"
                     f" h=From; bh=AAAA; b=AAAA\r\n" for n in range(3))
           + "X-Filler: " + "é" * 400 + "\r\n\r\n" + "x" * 5000 + "\r\n").encode()

ZONE = {
    "example.org": {"TXT": ["v=spf1 include:_spf.example.org a:mail.example.org -all"], "MX": [[10, "mail.example.org"]]},
    "_spf.example.org": {"TXT": ["v=spf1 ip4:198.51.100.0/24 ?all"]},
    "_dmarc.example.org": {"TXT": ["v=DMARC1; p=quarantine; sp=reject"]},
    "short._domainkey.example.org": {"TXT": ["v=DKIM1; p=<script>document.title='out'</script>"]},
    "_adsp._domainkey.example.org": {"TXT": ["dkim=all"]},
}


def write_pages(command, folder):
    zone = folder / "zone.json"
    zone.write_text(json.dumps(ZONE))
    envelope = ["--ip", "192.0.2.9", "--helo", "mail.example.org", "--mail-from", "joe@example.org"]
    explained = {
        "list": run(command, "explain", "--html", "-", "--zone", DEMO / "zone", "--ip", "198.51.100.7", "--helo", "lists.example.com",
                    "--mail-from", "minutes-bounces@lists.example.com", DEMO / "relayed.eml"),
        "sent": run(command, "explain", "--html", "-", "--zone", DEMO / "zone", DEMO / "sent.eml"),
        "hostile": run(command, "explain", "--html", "-", "--zone", zone, *envelope, "-", message=HOSTILE),
        "audit": run(command, "audit", "--html", "-", "--zone", zone, "--ip", "192.0.2.1", "-s", "short", "example.org"),
        "audits": run(command, "audit", "--html", "-", "--zone", zone, "example.org", "x.example.org", "example.net"),
    }
    for case in sorted(FIELD_CASES.glob("FL-VER-*")) if FIELD_CASES.is_dir() else []:
        if (case / "message.eml").exists() and (case / "zone.json").exists():
            explained[case.name] = run(command, "explain", "--html", "-", "--zone", case / "zone.json", case / "message.eml")
    for name, page in explained.items():
        path = folder / f"{name}.html"
        path.write_bytes(page)
        yield path


def main():
    command = Path(sys.argv[1]).resolve()
    keep = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = keep or Path(scratch) / "pages"
        folder.mkdir(parents=True, exist_ok=True)
        browser = Browser(Path(scratch) / "profile")
        pages = list(write_pages(command, folder))
        for page in pages:
            bad = FORBIDDEN.search(page.read_text()) or FORBIDDEN_STYLE.search(page.read_text())
            wrong = [f"has {bad.group()}"] if bad else []
            for width in (360, 1200):
                for theme in ("light", "dark"):
                    picture = folder / f"{page.stem}-{width}-{theme}.png" if keep else None
                    found, asked = probe(browser, page, width, theme, picture)
                    wrong += [f"at {width} px, {theme}, {fault}" for fault in faults(page, width, theme, found, asked)]
            for fault in wrong:
                print(f"{page.stem}: {fault}")
            failed += bool(wrong)
        browser.close()
    print(f"{len(pages)} pages at 2 widths in 2 themes, {failed} with faults")
    sys.exit(bool(failed))


main()
