"""Rules for every source file: what it imports is declared, and its patterns are safe in every Python."""

from __future__ import annotations

import ast
import gc
import re
import runpy
import sys
import tomllib
from collections.abc import Container, Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import Any

import pytest

import goclient

ROOT = Path(__file__).parents[1]
UNSAFE = {"POSSESSIVE_REPEAT", "ATOMIC_GROUP"}


WITH_PATTERNS = re.compile(r"\bre\b|from_regex|match")


@cache
def parsed(path: Path) -> ast.Module:
    gc.disable()  # a tree has no garbage: to look for it would take twice as long as all else
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    finally:
        gc.enable()


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[Path, ast.Module]]:
    """The package's own."""
    yield {path: parsed(path) for path in sorted((ROOT / "goclient").rglob("*.py"))}
    parsed.cache_clear()


def patterns(tree: ast.Module) -> Iterator[str]:
    """Yield the text of each pattern that a module passes to ``re``; what is only known when it runs counts as "x"."""
    nodes = list(ast.walk(tree))
    named = {
        target.id: node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def text(node: ast.AST | None) -> str:
        match node:
            case ast.Constant(value=str(value)):
                return value
            case ast.Constant(value=bytes(value)):
                return value.decode("latin-1")
            case ast.JoinedStr(values=values):
                return "".join(map(text, values))
            case ast.FormattedValue(value=value):
                return text(value)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return text(left) + text(right)
            case ast.Name(id=name) if name in named:
                return text(named[name])
        return "x"

    for node in (one for one in nodes if isinstance(one, ast.Call | ast.keyword)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=name), args=[first, *_]) if name != "escape":
                yield text(first)
            case ast.Call(func=ast.Attribute(attr="from_regex"), args=[first, *_]) | ast.keyword("match", first):
                yield text(first)


def operations(parsed: Any) -> Iterator[str]:
    """Yield the name of each operation of a parsed pattern."""
    for part in parsed if isinstance(parsed, (list, tuple)) or hasattr(parsed, "data") else ():
        if hasattr(part, "name"):
            yield part.name
        yield from operations(part)


def is_unsafe(pattern: str) -> bool:
    parser = re._parser  # type: ignore[attr-defined]
    return not UNSAFE.isdisjoint(operations(parser.parse(pattern)))


@pytest.mark.parametrize("pattern", ["a*+", "a++b", "(?:ab)?+", "x{1,2}+", "(?>a|b)c", r"(?:[^\\]|\\(?:.|[*?]++))*"])
def test_an_unsafe_pattern_is_noticed(pattern: str) -> None:
    assert is_unsafe(pattern)


@pytest.mark.parametrize("pattern", ["[*+]", r"\++", "a+?b", r"C\+\+", "[+?]+", r"\(?>"])
def test_a_pattern_that_only_looks_unsafe_is_not(pattern: str) -> None:
    assert not is_unsafe(pattern)


def test_no_pattern_has_a_possessive_quantifier_or_an_atomic_group() -> None:
    """Python 3.11.2, which Debian 12 has, gets them wrong."""
    paths = (path for folder in ("goclient", "tests", "tools") for path in (ROOT / folder).rglob("*.py"))
    found = {path: list(patterns(parsed(path))) for path in paths if WITH_PATTERNS.search(path.read_text("utf-8"))}
    assert sum(map(len, found.values())) > 100, "the patterns are found"
    assert [(path.name, one) for path, all_of_it in found.items() for one in all_of_it if is_unsafe(one)] == []


# --- imports ---

EXTRAS = {"sandbox": "sandbox", "tasks": "prun"}  # the parts of the package that need more than is always installed


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield the first name of each module of somebody else's that a module imports."""
    for node in (one for one in ast.walk(tree) if isinstance(one, ast.Import | ast.ImportFrom | ast.Call)):
        names: list[str] = []
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom(module=str(module), level=0):
                names = [module]
            case ast.Call(func=ast.Name(id="import_module"), args=[ast.Constant(value=str(name))]):
                names = [name]
            case ast.Call(
                func=ast.Name(id="import_module"), args=[ast.JoinedStr(values=[ast.Constant(value=str(name)), *_])]
            ):
                names = [name]
        yield from {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"goclient", "_typeshed"}


def named(requirement: str) -> str:
    """Return the name of a requirement, as PyPI compares it."""
    return re.sub("[-_.]+", "-", re.split("[^A-Za-z0-9._-]", requirement)[0]).lower()


def test_every_import_is_of_a_declared_dependency(modules: dict[Path, ast.Module]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    always = {named(one) for one in project["dependencies"]}
    extras = {name: {named(one) for one in ones} for name, ones in project["optional-dependencies"].items()}
    distributions = packages_distributions()
    missing, used = [], set()
    for path, tree in modules.items():
        parts = path.relative_to(ROOT).with_suffix("").parts
        declared = always.union(*(extras[extra] for part, extra in EXTRAS.items() if part in parts))
        for name in imported(tree):
            found = {named(one) for one in distributions.get(name, [name])}
            used |= found
            if found.isdisjoint(declared):
                missing.append((str(path.relative_to(ROOT)), name))
    assert missing == []
    assert (always | extras["sandbox"] | extras["prun"]) - used == set(), "declared, and not used"


@pytest.mark.parametrize("extra", ["sandbox", "test", "dev"])
def test_every_declared_dependency_is_locked_with_its_hashes(extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = (ROOT / f"requirements/{extra}.txt").read_text()
    locked = dict(re.findall(r"^([\w.-]+)(?:\[\w+\])?==([^ ]+) \\\n    --hash=sha256:", lock, re.MULTILINE))
    declared = {named(one) for one in project["dependencies"]}
    for name in ("dev", "test", "sandbox")[("dev", "test", "sandbox").index(extra) :]:
        declared |= {named(one) for one in project["optional-dependencies"][name]}
    assert declared - {named(one) for one in locked} == {"goclient"} - ({"goclient"} if extra == "sandbox" else set())
    assert lock.count("==") == len(locked)
    assert "://" not in lock, "no index or host is named"
    assert locked.items() <= _versions("dev").items(), "all have one version"


def _versions(extra: str) -> dict[str, str]:
    """Return the version of each package that is locked for an extra."""
    lock = (ROOT / f"requirements/{extra}.txt").read_text()
    return dict(re.findall(r"^([\w.-]+)(?:\[\w+\])?==([^ ]+)", lock, re.MULTILINE))


@pytest.mark.parametrize("extra", ["sandbox", "test", "dev"])
def test_the_lock_has_the_extras_that_packages_ask_for(extra: str) -> None:
    """For pip before 23.1, name==version does not pin name[extra]: it would take the newest, which has no hash here."""
    lock = (ROOT / f"requirements/{extra}.txt").read_text()
    wanted = {
        (named(found[1]), found[2])
        for name in _versions(extra)
        for found in [re.match(r"([\w.-]+)\[(\w+)\](?!.*extra ==)", one) for one in _requires(name)]
        if found
    }
    assert ("pyjwt", "crypto") in wanted
    assert {one for one in wanted if f"\n{one[0]}[{one[1]}]==" not in lock} == set()


def _requires(name: str) -> list[str]:
    """Return what an installed package requires; nothing of one that is not installed."""
    try:
        return requires(name) or []
    except PackageNotFoundError:
        return []


# --- English ---


@pytest.fixture(scope="module")
def plain_english() -> Any:
    return runpy.run_path(str(ROOT / "tools/plain_english.py"))


@pytest.mark.parametrize(
    "code",
    [
        'raise Error("x is no number")',
        '"the host is\\nno host"',
        'f"{count} file(s) are missing"',
        "x = 1  # what the user shall type",
        'def f():\n    """None, once it is gone."""',
        'def f():\n    """Whether it is there."""',
        'def f():\n    """A list of names."""',
        'class Size:\n    """What a file needs."""',
        "def look(at): ...",
        "class Wishes: ...",
        "def f(folder): ...",
        "last_beat = 0",
        "def quoted(text): ...",
        "class Size:\n    def _kept_files(self): ...",
    ],
)
def test_the_lint_of_plain_english_finds(code: str, plain_english: Any, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(code)
    assert list(plain_english["hits"](tmp_path / "module.py")) != []


@pytest.mark.parametrize(
    "code",
    [
        '"there is no number"',
        '"it is no longer there"',
        '"1 file", "2 files"',
        '"a folder"  # plain: the name of the option',
        'def f():\n    """Return a list of names."""',
        'class Size:\n    """A number of bytes."""',
        '@property\ndef size(self):\n    """Bytes that a job brings."""',
        "def heartbeat(wanted): ...",
        "def need_files(): ...",
        "class Size:\n    @property\n    def quoted(self): ...",
    ],
)
def test_the_lint_of_plain_english_lets_pass(code: str, plain_english: Any, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(code)
    assert list(plain_english["hits"](tmp_path / "module.py")) == []


# --- the house rules ---

LONGEST_FUNCTION, LONGEST_MODULE = 60, 300  # lines
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(tree: ast.AST, known: Container[str]) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each module that a module imports, or a function: not those for types alone."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Import():
                yield from ((node.lineno, alias.name) for alias in node.names)
            case ast.ImportFrom(module=str(module)):
                named = [f"{module}.{alias.name}" for alias in node.names]
                yield from ((node.lineno, one) for one in {one if one in known else module for one in named})
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.FunctionDef() | ast.AsyncFunctionDef():
                pass
            case _:
                yield from imports(node, known)


def loaded(name: str, tops: Mapping[str, set[str]], seen: set[str]) -> set[str]:
    """Add to ``seen`` what is loaded with a module, its packages and what all of these import."""
    for one in (name, *(name.rsplit(".", back)[0] for back in range(1, name.count(".") + 1))):
        if one not in seen:
            seen.add(one)
            for other in tops.get(one, ()):
                loaded(other, tops, seen)
    return seen


def test_no_function_and_no_module_is_longer_than_the_house_rules_say(modules: dict[Path, ast.Module]) -> None:
    assert [str(path) for path in modules if len(path.read_bytes().splitlines()) > LONGEST_MODULE] == []
    long = [
        (path.name, node.name)
        for path, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, FUNCTIONS) and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []


def test_an_import_inside_a_function_spares_what_its_module_does_not_load(modules: dict[Path, ast.Module]) -> None:
    """Otherwise it costs a reader the top of the file, and saves nothing at start."""
    known = {name_of(path) for path in modules}
    tops = {name_of(path): {one for _, one in imports(tree, known)} for path, tree in modules.items()}
    found, idle = 0, []
    for path, tree in modules.items():
        functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
        inside = [one for function in functions for one in imports(function, known)]
        own = loaded(name_of(path), tops, set()) if inside else set()
        idle += [f"{path.relative_to(ROOT)}:{line} {name}" for line, name in inside if name in own]
        found += len(inside)
    assert found > 100, "they are found"
    assert idle == []


def test_only_the_model_knows_how_the_url_of_a_gridftp_server_begins() -> None:
    model = ROOT / "goclient" / "model"
    sources = (path for path in (ROOT / "goclient").rglob("*") if path.suffix in (".py", ".js", ".html"))
    others = (path for path in sources if not path.is_relative_to(model))
    assert [path.name for path in others if "gsiftp://" in path.read_text(encoding="utf-8")] == []


def test_the_version_has_its_part_in_the_changelog() -> None:
    parts = re.findall(r"^## \[(.*)\](?: - (\d{4}-\d\d-\d\d))?$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert [name for name, _ in parts] == ["Unreleased", goclient.__version__]
    assert parts[-1][1], "it has a date"


# --- the architecture ---


def test_the_scheme_of_gridftp_is_a_word_of_the_model_alone(modules: dict[Path, ast.Module]) -> None:
    """A module that writes it out has no type for an endpoint."""
    named = {path.relative_to(ROOT / "goclient").parts[0] for path in modules if "gsiftp://" in path.read_text()}
    assert named == {"model"}


def test_the_architecture_names_what_is_there_and_every_room() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    named = set(re.findall(r"`((?:[a-z_0-9]+/)*(?:[a-z_0-9]+\.py|[a-z_0-9]+/))`", text))
    missing = {name for name in named if not (ROOT / "goclient" / name).exists() and not (ROOT / name).exists()}
    assert missing == set()
    rooms = {f"{path.name}/" for path in (ROOT / "goclient").iterdir() if (path / "__init__.py").exists()}
    modules = {path.name for path in (ROOT / "goclient").glob("*.py")} - {"__init__.py", "__main__.py"}
    assert (rooms | modules) - named == set()


# --- mutations ---


def test_each_mutation_has_one_place_in_the_code_and_tests_that_are_there() -> None:
    """Which of them a test finds, tools/mutations.py tries."""
    module = runpy.run_path(str(ROOT / "tools/mutations.py"))
    found = module["mutations"]()
    assert len(found) >= 50
    assert len({(one.file, one.old, one.new) for one in found}) == len(found)
    for one in found:
        assert one.applied(ROOT) != (ROOT / one.file).read_text(encoding="utf-8")
        assert [name for name in one.tests if not (ROOT / name.partition("::")[0]).exists()] == []
