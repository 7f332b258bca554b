"""Which branches of goclient the tests take: make test conformance coverage COVERAGE=1.

The commands of all tests are more than ten thousand processes, many of which are killed.  A tracer doubles what they
cost, and has to write down at the end of each what that has run.  So each branch is marked in the code itself instead:
``python -m tests.branches prepare`` compiles every module of goclient with a statement more in each branch, which sets
a byte of a file.  All processes have that file in their memory: what has been taken is known, whatever ends them.
``python -m tests.branches report 95`` says which bytes are not set, and fails if fewer than 95 % are.

Branches are the outcomes of each ``if``, loop and ``match``, each ``except``, and each function.
"""

from __future__ import annotations

import ast
import builtins
import json
import marshal
import mmap
import os
import sys
from collections import Counter
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".branches"
NAMES, TAKEN = FOLDER / "names.json", FOLDER / "taken"
TABLE = "branches_taken"  # of the builtins, which modules need not import
# Programs for which others start Python: what is marked here is not marked there. Their tests look at what they do.
OMITTED = ("carrier/start.py", "node/keeper_program.py", "sandbox/globus/connect.py", "sandbox/panda/*gen.py")


class Marked(ast.NodeTransformer):
    """A module with a mark in each of its branches; ``lines`` are theirs, in the order of the marks."""

    def __init__(self, first: int) -> None:
        self._first = first
        self.lines: list[int] = []

    def _marked(self, body: list[ast.stmt], line: int, before: int = 0) -> list[ast.stmt]:
        table = ast.Name(TABLE, ast.Load())
        place = ast.Subscript(table, ast.Constant(self._first + len(self.lines)), ast.Store())
        self.lines.append(line)
        mark = ast.Assign([place], ast.Constant(1), lineno=line, end_lineno=line, col_offset=0, end_col_offset=0)
        return [*body[:before], ast.fix_missing_locations(mark), *body[before:]]

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        described = ast.get_docstring(node, clean=False) is not None
        rest = node.body[described:]
        if rest and not (isinstance(rest[0], ast.Expr) and isinstance(rest[0].value, ast.Constant)):  # of an interface
            node.body = self._marked(node.body, node.lineno, int(described))
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_If(self, node: ast.If) -> ast.AST:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return node
        return self.visit_For(node)

    def visit_For(self, node: ast.If | ast.For | ast.AsyncFor | ast.While) -> ast.AST:
        node.body = self._marked(node.body, node.body[0].lineno)
        if not (isinstance(node.test, ast.Constant) if isinstance(node, ast.While) else False):
            node.orelse = self._marked(node.orelse, node.orelse[0].lineno if node.orelse else node.lineno)
        return self.generic_visit(node)

    visit_AsyncFor = visit_While = visit_For

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.body = self._marked(node.body, node.lineno)
        return self.generic_visit(node)

    def visit_Match(self, node: ast.Match) -> ast.AST:
        for case in node.cases:
            case.body = self._marked(case.body, case.pattern.lineno)
        last = node.cases[-1]
        if last.guard or not (isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None):
            node.cases.append(ast.match_case(ast.MatchAs(), body=self._marked([], node.lineno)))
        return ast.fix_missing_locations(self.generic_visit(node))


def modules() -> dict[str, Path]:
    """Return every module that is measured, by its name."""
    package = ROOT / "goclient"
    omitted = {path for pattern in OMITTED for path in package.glob(pattern)}
    found = sorted(set(package.rglob("*.py")) - omitted)
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in found}


def prepare() -> None:
    """Compile all modules with their marks, none of which is set."""
    FOLDER.mkdir(exist_ok=True)
    lines: dict[str, list[int]] = {}
    first = 0
    for name, path in modules().items():
        marked = Marked(first)
        tree = marked.visit(ast.parse(path.read_bytes()))
        (FOLDER / name).write_bytes(marshal.dumps(compile(tree, str(path), "exec", dont_inherit=True)))
        lines[name] = marked.lines
        first += len(marked.lines)
    NAMES.write_text(json.dumps(lines))
    TAKEN.write_bytes(bytes(first))


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = marshal.loads((FOLDER / fullname).read_bytes())
        return code


class _Finder:
    """Finds the modules with marks in place of those without."""

    def find_spec(self, name: str, path: Sequence[str] | None, _: object = None) -> ModuleSpec | None:
        if name.partition(".")[0] != "goclient" or not (FOLDER / name).exists():
            return None
        spec = PathFinder.find_spec(name, path)
        if spec and spec.origin:
            if os.stat(spec.origin).st_mtime_ns > os.stat(FOLDER / name).st_mtime_ns:
                raise ImportError(f"{spec.origin} was changed since {FOLDER / name}: python -m tests.branches prepare")
            spec.loader = _Loader(name, spec.origin)
        return spec


def measure() -> None:
    """Import goclient with its marks from now on, in this process and in those that are forked from it."""
    with open(TAKEN, "r+b") as file:
        setattr(builtins, TABLE, mmap.mmap(file.fileno(), 0))
    sys.meta_path.insert(0, _Finder())


def report(least: str) -> int:
    """Print which lines have branches that were not taken; return 1 if fewer than ``least`` percent were."""
    taken = TAKEN.read_bytes()
    first, missing = 0, Counter[str]()
    for name, lines in json.loads(NAMES.read_text()).items():
        these = [line for number, line in enumerate(lines, first) if not taken[number]]
        first += len(lines)
        if these:
            missing[name] = len(these)
            print(f"{name}: {len(these)} of {len(lines)}: {', '.join(map(str, sorted(these)))}")
    percent = 100 * (1 - missing.total() / first)
    print(f"{percent:.2f} % of {first} branches are taken by a test")
    return percent < float(least)


if __name__ == "__main__":
    sys.exit({"prepare": prepare, "report": report}[sys.argv[1]](*sys.argv[2:]))  # type: ignore[operator]
