"""Find the phrases that CONTRIBUTING.md ("Plain English") asks to replace, and name the replacement of each.

tools/plain_english.py                 every room (make check)
tools/plain_english.py ROOM|PATH…      these alone, such as preflight or man
tools/plain_english.py --count         the number of hits in each room

It reads docstrings, comments, string literals and defined names in goclient, the text of the documents, and how the
docstrings of tests and tools begin.
A line that ends in ``# plain: reason`` (``<!-- plain: reason -->`` in Markdown) may say it as it does.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeGuard

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs", "man")
PROGRAMS = ("tests", "tools")  # for developers: their docstrings may not begin as INDIRECT
MADE = {"figures.md"}  # written by tools/figures.py, from strings that this reads as they are

# Phrases of prose: docstrings, comments, messages, documents.
PHRASES = {
    r"(?<!there\s)\b(?:is|are|was|were) no (?!longer\b|more\b|less\b|later\b|such\b|one\b)[\w-]+": (
        'write "is not a …" or "has no …"'
    ),
    r"(?<!there\s)(?<!default\s)\b(?:is|are|was) none\b(?! of)": 'write "is not one" or "there is none"',
    r"\bwho(?:m)?ever\b": 'name the actor: "the user", "the pilot\'s identity", "anyone who"',
    r"\bof whom\b": 'name the person: "whose"',
    r"\bfor what (?:is|it|was|they|has|comes|happens)\b": 'write "for the …"',
    r"\bshall\b": 'write "must", "will" or the plain verb',
    r"\bthe look at\b": 'write "the check of"',
    r"\b[a-z]+\(s\)": 'write the plural that the number asks for: "1 file", "2 files"',
    r"\bfolders?\b": 'write "directory"',
    r"\bmov(?:e|es|ed|ing) (?:all |the )?files\b": 'write "transfer"',
    r"\bdoubts?\b|\bremarks?\b": 'write "warning"',
    r"\bwishes\b": 'write "preflight options"',
    r"\bas if by\b|\bwhat for\b": "say it with a verb",
    r"\bin what is\b|\bof what is\b|\bwhat is said\b": 'name the thing: "the message", "the value"',
    r"\b(?:is|are|was|were) looked (?:at|into|for)\b": 'write "is checked", "is read" or "is searched"',
    r"\bThe other syntax of 2012\b": "say what the syntax is, without its year",
}

# How a docstring may not begin; those of functions begin with a verb (ruff's D401 knows the verbs).
INDIRECT = {"None", "What", "Whether", "Who", "Whoever", "Whose"}
OPENINGS = INDIRECT | {"The", "That", "Which", "How", "When", "Where", "Why"}
FUNCTION_OPENINGS = OPENINGS | {
    *("A", "All", "An", "Any", "As", "Days", "Each", "Every", "False", "For", "If", "Its", "No", "Nothing"),
    *("One", "Our", "Same", "Those", "Tokens", "Total", "True", "Two", "Up"),
}

# Words of names that are defined, and the term of design to use.
NAMES = {
    **dict.fromkeys(("wish", "wishes"), "preflight options"),
    **dict.fromkeys(("looker", "look", "looked"), "a verb such as check, list or resolve"),
    **dict.fromkeys(("meant",), "a verb, such as resolve"),
    **dict.fromkeys(("begun",), "started, or a verb"),
    **dict.fromkeys(("beat", "beats"), "heartbeat"),
    **dict.fromkeys(("doubt", "doubts", "remark", "remarks"), "warning"),
    **dict.fromkeys(("trouble", "troubles"), "fault injection"),
    **dict.fromkeys(("desk", "asker", "aside"), "a noun of the field"),
    **dict.fromkeys(("folder", "folders"), "directory"),
}

# Names of modules and classes only: as a variable they may be right.
NOUNS = {
    **dict.fromkeys(("utils", "helpers", "common", "misc"), "the noun that it is"),
    **dict.fromkeys(("wanted", "seen", "acting", "told", "said"), "a noun of the field"),
}

# Functions are named with verbs, not with participles: words that end in -ed but these, and irregular ones.
VERBS = {"embed", "exceed", "feed", "need", "proceed", "seed", "shed", "speed", "succeed"}
PUBLIC = {"delivered_outputs", "named_typed", "staged_campaigns", "unfinished"}  # methods that docs/python.md lists
PARTICIPLES = {
    *("begun", "born", "bound", "broken", "brought", "built", "caught", "chosen", "done", "drawn", "found", "given"),
    *("gone", "got", "held", "hidden", "kept", "known", "left", "lost", "made", "meant", "met", "paid", "said", "seen"),
    *("sent", "shown", "spent", "spoken", "stolen", "stood", "taken", "told", "torn", "understood", "won", "worn"),
    *("proven", "stuck", "written"),
}

_PHRASES = [(re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE), plain) for pattern, plain in PHRASES.items()]
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_EXEMPT = re.compile(r"(?:#|<!--|\\\") plain: \S")


class Hit(NamedTuple):
    """One phrase to replace."""

    path: Path
    line: int
    found: str
    plain: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {' '.join(self.found.split())!r}: {self.plain}"


class Text(NamedTuple):
    """A piece of prose, and the line that it begins on."""

    line: int
    text: str


def room(path: Path) -> str:
    """Return the room of a file: its directory in goclient, "goclient" for a module there, or its document."""
    top, *rest = path.parts
    return rest[0] if top == "goclient" and len(rest) > 1 else top


def sources() -> Iterator[Path]:
    """Yield every file that is read, relative to the project."""
    for document in DOCUMENTS:
        where = ROOT / document
        files = [where] if where.is_file() else sorted(path for path in where.rglob("*") if path.suffix != ".diff")
        yield from (path.relative_to(ROOT) for path in files if path.is_file())
    for top in ("goclient", *PROGRAMS):
        yield from sorted(path.relative_to(ROOT) for path in (ROOT / top).rglob("*.py"))


def phrases(path: Path, texts: Iterator[Text]) -> Iterator[Hit]:
    """Yield the banned phrases of some texts."""
    for line, text in texts:
        for pattern, plain in _PHRASES:
            for match in pattern.finditer(text):
                yield Hit(path, line + text.count("\n", 0, match.start()), match[0], plain)


def comments(source: str) -> Iterator[Text]:
    """Yield each block of comments as one text, so that a phrase is found across its lines."""
    lines: list[str] = []
    begin = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if lines and token.start[0] != begin + len(lines):
                yield Text(begin, "\n".join(lines))
                lines = []
            begin = begin if lines else token.start[0]
            lines.append(token.string.lstrip("# "))
    if lines:
        yield Text(begin, "\n".join(lines))


def literals(tree: ast.Module) -> Iterator[Text]:
    """Yield each string of a module, its docstrings among them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield Text(node.lineno, node.value)


def is_function(node: ast.AST) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return whether a node defines a function, of which a property is not one."""
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not any(
        ast.unparse(decorator).endswith("property") for decorator in node.decorator_list
    )


def participles(path: Path, tree: ast.Module) -> Iterator[Hit]:
    """Yield the functions whose names begin with a participle."""
    for node in filter(is_function, ast.walk(tree)):
        first = node.name.strip("_").partition("_")[0]
        is_participle = first.removeprefix("un") in PARTICIPLES or (first.endswith("ed") and first not in VERBS)
        if is_participle and node.name not in PUBLIC:
            yield Hit(path, node.lineno, node.name, "begin with a verb, such as quote, not quoted")


def openings(path: Path, tree: ast.Module) -> Iterator[Hit]:
    """Yield the docstrings that do not say what a function does."""
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        docstring = ast.get_docstring(node) or ""
        first = re.split(r"[\s,;:.]", docstring, maxsplit=1)[0]
        says_what_to_do = is_function(node)
        banned = FUNCTION_OPENINGS if says_what_to_do else OPENINGS
        if first in (INDIRECT if path.parts[0] in PROGRAMS else banned):
            plain = "begin with a verb" if says_what_to_do else "begin with a noun or a verb"
            line = 1 if isinstance(node, ast.Module) else node.lineno
            yield Hit(path, line, docstring.partition("\n")[0][:60], plain)


def names(path: Path, tree: ast.Module) -> Iterator[Hit]:
    """Yield the defined names that have a banned word."""
    found: list[tuple[int, str, dict[str, str]]] = [(1, path.stem, NAMES | NOUNS)]
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name):
                found.append((node.lineno, name, NAMES | NOUNS))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.append((node.lineno, name, NAMES))
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                found.append((node.lineno, name, NAMES))
    for line, name, banned in found:
        for word in _WORDS.findall(name):
            if word.lower() in banned:
                yield Hit(path, line, name, f"use {banned[word.lower()]}")


def paragraphs(path: Path, text: str) -> Iterator[Text]:
    """Yield a document as one text, its examples of commands left out, roff's macros and fonts taken off."""
    if path.suffix == ".md":
        text = re.sub(
            r"```.*?```|`[^`\n]*`|^ {4}[^\n]*$", lambda m: "\n" * m[0].count("\n"), text, flags=re.DOTALL | re.M
        )
        text = re.sub(r"\]\([^)\n]*\)", "]", text)
    else:
        text = re.sub(r"^\.EX$.*?^\.EE$", lambda m: "\n" * m[0].count("\n"), text, flags=re.DOTALL | re.M)
        text = re.sub(r"\\f.|\\&|^\.[A-Z]+ ?", "", re.sub(r"\\-", "-", text), flags=re.M)
    yield Text(1, text)


def hits(path: Path) -> Iterator[Hit]:
    """Yield what is to be replaced in a file."""
    source = (ROOT / path).read_text(encoding="utf-8")
    lines = source.splitlines()
    if path.suffix == ".py":
        tree = ast.parse(source)
        found = [*openings(path, tree)]
        if path.parts[0] not in PROGRAMS:
            texts = [*literals(tree), *comments(source)]
            found += [*names(path, tree), *participles(path, tree), *phrases(path, iter(texts))]
    elif path.name in MADE:
        found = []
    else:
        found = list(phrases(path, paragraphs(path, source)))
    for hit in dict.fromkeys(found):
        if not _EXEMPT.search(lines[hit.line - 1] if hit.line <= len(lines) else ""):
            yield hit


def main() -> int:
    """Print the hits of the rooms that are asked for; return 1 if there is one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("where", nargs="*", help="rooms, or paths")
    parser.add_argument("--count", action="store_true", help="print the number of hits in each room")
    args = parser.parse_args()
    if args.count:
        counted = Counter(room(path) for path in sources() for _ in hits(path))
        for name in sorted({room(path) for path in sources()}):
            print(f"{counted[name]:5} {name}")
        return 0
    wanted = {where.strip("/").removeprefix("goclient/") for where in args.where}
    found = 0
    for path in sources():
        short = str(path).removeprefix("goclient/")
        if wanted and not any(one == room(path) or short == one or short.startswith(f"{one}/") for one in wanted):
            continue
        for hit in sorted(hits(path)):
            print(hit)
            found += 1
    if found:
        print(f"plain English: {found} {'phrase' if found == 1 else 'phrases'} to replace", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
