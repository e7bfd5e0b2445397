#!/usr/bin/env python3
"""Compares what the sources and documents quote from RFCs with the texts: `RFC nnnn §x: "…"`.

    .ci/quotations.py [DIR]    the texts are DIR/rfcNNNN.txt, default ../shared/rfc beside the repository

A quotation belongs to the citation (a paragraph sign) before it in the same comment or paragraph, or to one right behind it.
A paragraph sign without an RFC is that of the RFC named before it in the comment, in the file or its name, or of the crate.
White space, line ends, page heads and feet are folded; `...`, `…` and `[...]` leave words out, and what is around them has to
follow in order; `[T]he` stands for the, and a backslash that Markdown wants is none. The section that is cited, or one below
it, has to contain it. Quotations of fewer than three words are terms, and not looked at; nor is code.

Quotations of four words and more without a citation are compared with all texts: they are wrong when a text has their words,
but in another letter case or with other marks.

Exits with 0 when every quotation was found, with 1 when one was not, and with 0 and a loud word when there are no texts.
"""

import functools
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Quotations that were compared by hand, since the text is not at hand, or is an excerpt that lacks them (RFC 9989, 9990 and
# 9991 are), or stands in a table: RFC, section, words. One more is an error until it was compared and added.
BY_HAND = {
    (
        "3501",
        "7.4.2",
        "The fields of an address structure are in the following order: personal name, [SMTP] at-domain-list (source route), "
        "mailbox name, and host name.",
    ),
    ("4648", "3.5", "pad bits MUST be set to zero"),
    ("9989", "4.10", "a full DNS Tree Walk would require the following eight queries"),
}
# What stands in quotation marks behind a paragraph sign, and is no RFC's: file and words.
NOT_OF_AN_RFC = set()

# What programs print, as tests expect it: their quotation marks are not ours.
PRINTED = ("crates/waxseal-cli/tests/command/texts/", "crates/waxseald/tests/postfix/differences.txt")

# The RFC of a paragraph sign without a number, by folder.
DEFAULTS = {
    "crates/waxseal-dkim/": "6376",
    "crates/waxseal-spf/": "7208",
    "crates/waxseal-dmarc/": "9989",
    "crates/waxseal-arc/": "8617",
    "crates/waxseal-authres/": "8601",
    "crates/waxseal-header/": "5322",
}

RFC = re.compile(r"RFC[ \n]?(\d{3,5})")
CITATION = re.compile(r"(?:RFC[ \n]?(\d{3,5})[^§\"\n.;:]{0,12})?§ ?((?:[A-Z]|\d+)(?:\.\d+)*)")
BEHIND = re.compile(r"[.,;:)]? \((?:RFC[ \n]?\d+,?[ \n])?")
HEADING = re.compile(r"^(?:Appendix )?((?:[A-Z]|\d+)(?:\.\d+)*)\.?(?: +-)? +\S")
LEFT_OUT = re.compile(r" ?(?:\[(?:\.\.\.|…)\]|\.\.\.|…) ?")


def main():
    texts = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "rfc"
    if not texts.is_dir():
        print(f"SKIPPED: no texts of RFCs at {texts}, no quotation was compared")
        return 0
    library, found = Library(texts), []
    for path in files():
        for line, block in blocks(path):
            for row, text, cited in quotations(path, block):
                problem = library.judge(path, text, cited) if cited else library.resembles(text)
                found += [(f"{path}:{line + row}", text, problem)] if cited or problem else []
    wrong = [f'{at}: {problem}\n    "{text}"' for at, text, problem in found if problem]
    for entry in library.listed:
        print(f"note: nobody quotes this any more, take it off the list: {entry}")
    print("\n".join([*wrong, f"{len(found)} quotations compared with {len(library.read)} texts, {len(wrong)} wrong"]))
    return 1 if wrong or not found else 0


def files():
    """What git knows and people read."""
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    readable = (".rs", ".md", ".toml", ".txt", ".py", ".sh", "/run")
    written = (name for name in listed.stdout.split("\n") if name.endswith(readable) and not name.startswith(PRINTED))
    return sorted(name for name in written if (ROOT / name).is_file())


# Comments, paragraphs, and what they quote


def blocks(path):
    """Comments of a source and its strings, paragraphs of a document: each with the line it begins on."""
    lines = source(path).split("\n")
    if path.endswith(".md"):
        yield from grouped(without_code(lines), r"\s*(?:[-*|]|\d+\.) |\s*\|")
    elif path.endswith(".rs"):
        yield from grouped(without_code(comments(lines, r"\s*//[/!]? ?(.*)")), None)
        yield from strings(lines)
    else:
        yield from grouped(comments(lines, r"\s*#(?!!) ?(.*)") if not path.endswith(".txt") else lines, None)


@functools.cache
def source(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def comments(lines, pattern):
    """The comments, and `None` for other lines."""
    found = (re.fullmatch(pattern, line) for line in lines)
    return [match.group(1) if match else None for match in found]


def without_code(lines):
    """The same with the code of Markdown left blank, but not missing: what stands around it is one comment."""
    code, kept = False, []
    for line in lines:
        fence = line is not None and re.match(r"\s*(```|~~~)", line)
        code = line is not None and code != bool(fence)
        kept.append(line if line is None or not (code or fence) else " ")
    return kept


def grouped(lines, item):
    """Lines that hang together; where `item` begins a line, a new one begins. Documents end a paragraph by an empty line."""
    begin, texts = 0, []
    for number, line in enumerate([*lines, None], 1):
        ends = line is None or (item and (not line or re.match(item, line)))
        if ends and texts:
            yield begin, "\n".join(texts)
            texts = []
        if line is not None and (line or not item):
            begin = begin if texts else number
            texts.append(line)


def strings(lines):
    """Strings of a source that cite, without their escapes: tests give such reasons."""
    code = "\n".join("" if re.match(r"\s*//", line) else line for line in lines)
    for match in re.finditer(r'"((?:[^"\\]|\\.)*§(?:[^"\\]|\\.)*)"', code, re.S):
        yield code.count("\n", 0, match.start()) + 1, re.sub(r"\\\n\s*", "", match.group(1)).replace('\\"', '"')


def quotations(path, block):
    """Row, words and citations of what a block quotes. Between two quotations stands what the second one is from; where
    nothing stands, it is from where the first one is."""
    cited, last, end = list(citations(path, block)), [], 0
    for start, stop in marked(block):
        text = fold(block[start + 1 : stop])
        between = [citation for at, *citation in cited if end <= at < start]
        behind = [citation for at, *citation in cited if at > stop and BEHIND.fullmatch(block[stop + 1 : at])]
        last, end = between or last, stop
        if len(text.split()) >= (3 if behind or last else 4):
            yield block.count("\n", 0, start), text, behind or last


def citations(path, block):
    """Where a block cites: the RFCs that may be meant, the likeliest first, and the section."""
    of_name = re.findall(r"rfc(\d{4})", path)
    of_folder = [number for folder, number in DEFAULTS.items() if path.startswith(folder)]
    for match in CITATION.finditer(block):
        named = RFC.findall(block[: match.start()])[-1:]
        bare = named + of_name + of_folder + RFC.findall(source(path))
        yield match.start(), [match.group(1)] if match.group(1) else list(dict.fromkeys(bare)), match.group(2)


def marked(block):
    """Where outermost quotation marks open and close. Marks within a quotation are told by what stands around them."""
    depth, start = 0, 0
    for match in re.finditer(r'"', re.sub(r"`[^`\n]*`", lambda code: " " * len(code.group()), block)):
        at = match.start()
        before, behind = block[at - 1 : at], block[at + 1 : at + 2]
        begins = behind.strip() if not before or before in " \n(" else before in "[{/=*|'" and behind.isalnum()
        if begins:
            start = at if depth == 0 else start
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                yield start, at
    if depth and "§" in block:
        # What cannot be read is not passed over: the library will not find it.
        yield start, len(block)


# Texts


def fold(text):
    return re.sub(r"\s+", " ", text).strip()


def joined(text):
    """A word that is broken behind its hyphen or slash is one."""
    return re.sub(r"(?<=\S)([-/]) (?=\S)", r"\1", text)


def letters(text):
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


class Library:
    def __init__(self, folder):
        self.folder, self.read = folder, {}
        # What nobody quotes any more is told.
        self.listed = {*BY_HAND, *NOT_OF_AN_RFC}

    def judge(self, path, text, cited):
        """What is wrong with a quotation, if anything is."""
        if (path, text) in NOT_OF_AN_RFC:
            self.listed.discard((path, text))
            return None
        problems = [self.look(rfc, section, text) for rfcs, section in cited for rfc in rfcs]
        return None if None in problems else problems[0]

    def look(self, rfc, section, text):
        if (rfc, section, text) in BY_HAND:
            self.listed.discard((rfc, section, text))
            return None
        sections = self.sections(rfc)
        if sections is None:
            return f"RFC {rfc} is not at hand (see BY_HAND)"
        below = [body for number, body in sections if number == section or number.startswith(section + ".")]
        pattern = wanted(text)
        if pattern.search(" ".join(below)):
            return None
        elsewhere = [number for number, body in sections if pattern.search(body)]
        if elsewhere:
            return f"not in RFC {rfc} §{section}, but in §{', §'.join(elsewhere[:3])}"
        return f"not in RFC {rfc} §{section}" if below else f"RFC {rfc} has no §{section} here (see BY_HAND)"

    def resembles(self, text):
        """Whether an RFC has these words, but not these letters and marks."""
        words = letters(" ".join(LEFT_OUT.split(text)))
        for number in self.all():
            whole, loose = self.all()[number]
            if f" {words} " in loose and not wanted(text).search(whole):
                return f"RFC {number} has it in another letter case, or with other marks"
        return None

    @functools.cache
    def all(self):
        """Every text by number: as it is, and its words alone."""
        numbers = [path.stem[3:] for path in sorted(self.folder.glob("rfc*.txt"))]
        wholes = {number: " ".join(body for _, body in self.sections(number)) for number in numbers}
        return {number: (whole, f" {letters(whole)} ") for number, whole in wholes.items()}

    def sections(self, rfc):
        """The sections of an RFC in their order, with their text folded."""
        path = self.folder / f"rfc{rfc}.txt"
        if rfc not in self.read and path.is_file():
            self.read[rfc] = list(sections(path.read_text(encoding="utf-8", errors="replace")))
        return self.read.get(rfc)


def sections(text):
    # Page heads and feet stand around a form feed.
    text = re.sub(r"\n*\n[^\n]*\[Page \d+\]\n\f?\n?(?:RFC \d+[^\n]*\n)?\n*", "\n", text)
    number, body = "0", []
    for line in text.split("\n"):
        heading = HEADING.match(line)
        # A line of the contents ends in its page.
        if heading and not re.search(r"\. ?\.|\s\d+$", line):
            yield number, joined(fold("\n".join(body)))
            number, body = heading.group(1), []
        # Marks of notes, and of comments in ABNF.
        body.append(re.sub(r"^(\s*)(?:\| |; )", r"\1", line))
    yield number, joined(fold("\n".join(body)))


def wanted(text):
    """Where a quotation is found."""
    parts = LEFT_OUT.split(joined(re.sub(r"\\([<>\[\]*_])", r"\1", text)))
    letters = [re.sub(r"\\\[([A-Za-z])\\\]", r"(?i:\1)", re.escape(part.strip())) for part in parts]
    return re.compile(".*?".join(letters))


if __name__ == "__main__":
    sys.exit(main())
