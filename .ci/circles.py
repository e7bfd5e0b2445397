#!/usr/bin/env python3
"""Files of one crate that import each other in a circle.

Draws each crate from its imports: a file points to the file that defines what it names, through however many
re-exports. Two files may need each other (a parent and its child often do); a circle of more can only be read as a
whole, and fails here. Tests inside a file do not count, nor does the crate's root.
"""
import pathlib
import re
import sys

ITEM = re.compile(
    r"\b(?:fn|struct|enum|trait|type|const|static|union|macro_rules!)\s+(?:mut\s+)?(?:r#)?([A-Za-z_]\w*)"
)
MOD = re.compile(r"\bmod\s+([a-z_]\w*)\s*;")
USE = re.compile(r"(\bpub(?:\s*\([^)]*\))?\s+)?\buse\s+([^;]+);")
PATH = re.compile(r"(?<![\w:$])((?:r#)?[a-z_]\w*)((?:::(?:r#)?[A-Za-z_]\w*)+)")


def code_of(text):
    """The text without comments, strings and what only tests see."""
    text = re.sub(
        r'//[^\n]*|/\*.*?\*/|b?r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?\'(?:\\.|[^\'\\])\'',
        lambda found: '""' if found.group(0)[-1:] in "\"'#" else " ",
        text,
        flags=re.S,
    )
    text = re.sub(r"pub\(in [^)]*\)", "pub", text)
    while found := re.search(r"#\[cfg\((?:any\()?test\b[^\]]*\]\s*", text):
        start = found.end()
        stop = re.compile(r"[;{]").search(text, start)
        if not stop:
            return text[: found.start()]
        end = stop.end()
        if stop.group(0) == "{":
            depth = 1
            while depth and end < len(text):
                depth += {"{": 1, "}": -1}.get(text[end], 0)
                end += 1
        text = text[: found.start()] + text[end:]
    return text


def leaves(tree, prefix=()):
    """The paths of a use tree, each with the name that it goes by."""
    depth, start, parts = 0, 0, []
    for place, letter in enumerate(tree):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "," and not depth:
            parts.append(tree[start:place])
            start = place + 1
    for part in [*parts, tree[start:]]:
        part = part.strip()
        group = re.fullmatch(r"(?:(.*?)::)?\s*\{(.*)\}", part, re.S)
        if group:
            yield from leaves(group.group(2), prefix + words(group.group(1) or ""))
        elif part:
            path, _, name = part.partition(" as ")
            path = prefix + words(path)
            if path[-1] == "self":
                path = path[:-1]
            yield path, (name.strip() or path[-1])


def words(path):
    return tuple(word.strip().removeprefix("r#") for word in path.split("::") if word.strip())


class Crate:
    def __init__(self, root):
        self.root = root
        self.files = {}  # module path → file
        self.code = {}
        self.uses = {}  # module path → [(is public, path, name)]
        main = next((root / name for name in ("lib.rs", "main.rs") if (root / name).exists()), None)
        if main:
            self.read((), main)

    def read(self, module, file):
        code = code_of(file.read_text())
        self.files[module], self.code[module] = file, code
        self.uses[module] = [
            (bool(public), path, name) for public, tree in USE.findall(code) for path, name in leaves(tree)
        ]
        folder = file.parent if file.name in ("lib.rs", "main.rs", "mod.rs") else file.with_suffix("")
        for child in MOD.findall(code):
            for place in (folder / f"{child}.rs", folder / child / "mod.rs"):
                if place.exists():
                    self.read(module + (child,), place)

    def absolute(self, module, path):
        """The path from the crate's root, or nothing when it leads out of the crate."""
        if path[0] == "crate":
            return path[1:]
        if path[0] in ("self", "super"):
            base = module
            for word in path:
                if word == "super":
                    base = base[:-1]
            rest = tuple(word for word in path if word not in ("self", "super"))
            return base + rest
        if module + path[:1] in self.files:
            return module + path
        return None

    def resolve(self, path, seen=frozenset()):
        """The module that defines what stands at an absolute path."""
        if path in self.files:
            return path
        if path in seen:
            return None
        module = path[:-1]
        while module not in self.files:
            if not module:
                return None
            module = module[:-1]
        name = path[len(module)]
        if name in ITEM.findall(self.code[module]):
            return module
        for _, target, known in self.uses[module]:
            if known == name or known == "*":
                target = self.absolute(module, target)
                if target is None:
                    continue
                target = target[:-1] + (name,) if known == "*" else target
                found = self.resolve(target, seen | {path})
                if found is not None and (known != "*" or self.has(found, name)):
                    return found
        return module if len(path) - len(module) == 1 else self.resolve(path[:-1], seen | {path})

    def has(self, module, name):
        return name in ITEM.findall(self.code[module]) or any(name == known for _, _, known in self.uses[module])

    def edges(self):
        drawn = {module: set() for module in self.files}
        for module, code in self.code.items():
            body = USE.sub(" ", code)
            paths = [path for public, path, name in self.uses[module] if not public or self.used(body, name)]
            paths += [words(head + rest) for head, rest in PATH.findall(body)]
            for path in paths:
                target = self.absolute(module, path)
                found = self.resolve(target) if target is not None else None
                if found is not None and found != module and found != ():
                    drawn[module].add(found)
        return drawn

    @staticmethod
    def used(body, name):
        return re.search(rf"\b{re.escape(name)}\b", body) is not None


def circles(drawn):
    """The shortest way around through each import that closes a circle of three files or more."""
    found = {}
    for module, targets in drawn.items():
        for first in targets:
            before, queue = {first: None}, [first]
            for place in queue:
                for target in sorted(drawn[place]):
                    if target not in before and not (place == first and target == module):
                        before[target] = place
                        queue.append(target)
            if module in before:
                way = [module]
                while before[way[-1]] is not None:
                    way.append(before[way[-1]])
                way = way[::-1]  # from `first` to `module`
                start = way.index(min(way))
                found[tuple(way[start:] + way[:start])] = True
    return sorted(found, key=lambda way: (len(way), way))


def main():
    failed = 0
    for root in sorted(pathlib.Path(__file__).parent.parent.glob("crates/*/src")):
        crate = Crate(root)
        drawn = crate.edges()
        for way in circles(drawn):
            failed += 1
            print(f"{root.parent.name}: {' → '.join('/'.join(module) for module in (*way, way[0]))}")
        gated = [str(file) for file in root.rglob("*.rs") if 'feature = "arc"' in file.read_text()]
        if gated:
            failed += 1
            print(f"{root.parent.name}: cfg(feature = \"arc\"): {', '.join(gated)}")
    print(f"{failed} circles or gates")
    return failed > 0


sys.exit(main())
