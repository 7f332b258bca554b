"""The carrier is one file: the same bytes whoever builds it, of modules as they are in the package."""

from __future__ import annotations

import ast
import io
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from goclient.carrier import build
from goclient.errors.findings import ExitCode
from tests.carrier.carried import archive, pythons
from tests.commands import Run

TOP = Path(__file__).parents[2]
LARGEST = 300_000  # bytes
NAMES = sys.stdlib_module_names | {"goclient"}


def test_each_member_is_a_file_of_the_package_byte_for_byte() -> None:
    with zipfile.ZipFile(io.BytesIO(archive())) as members:
        assert members.testzip() is None
        names = members.namelist()
        found = {name: members.read(name) for name in names}
        assert {(one.date_time, one.external_attr) for one in members.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), (stat.S_IFREG | 0o644) << 16)
        }
    assert found.pop("__main__.py") == (TOP / build.START).read_bytes()
    assert found == {name: (TOP / name).read_bytes() for name in found}
    assert names == sorted(names)


def test_it_is_small() -> None:
    assert len(archive()) <= LARGEST


@pytest.mark.parametrize("python", pythons())
def test_every_python_builds_the_same_bytes(python: str, tmp_path: Path) -> None:
    """Whatever its hash seed, which is another one in each process."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); from goclient.carrier.build import build\n"
    code += "sys.stdout.buffer.write(build())"
    made = subprocess.run([python, "-B", "-I", "-c", code, str(TOP)], capture_output=True, check=True, cwd=tmp_path)
    assert made.stdout == archive()


def test_no_member_needs_anything_but_the_standard_library_of_python_3_9() -> None:
    for name, content in build.contents().items():
        if name == "goclient/__init__.py":
            continue  # its public names, each loaded when it is used, are not for a node
        tree = ast.parse(content, feature_version=(3, 9))
        for node in ast.walk(tree):
            imported = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {one.partition(".")[0] for one in imported} <= NAMES, name


def test_what_the_submission_needs_does_not_travel() -> None:
    assert not [one for one in build.closure() if one.startswith(("goclient.cli", "goclient.config", "goclient.pilot"))]
    assert "goclient.carrier.build" not in build.closure()


@pytest.mark.parametrize("version", [(3, 4), (3, 9)])
def test_an_old_python_can_read_the_start(version: tuple[int, int]) -> None:
    ast.parse((TOP / build.START).read_bytes(), feature_version=version)


def test_the_command_writes_it(run: Run, tmp_path: Path) -> None:
    result = run("goclient", "carrier", "build", "--out", "carry")
    assert (result.code, result.out) == (0, "")
    assert f'"carry": {len(archive())} bytes' in result.err
    assert (tmp_path / "carry").read_bytes() == archive()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param([], ExitCode.USAGE, "the action is missing", id="no-action"),
        pytest.param(["build"], ExitCode.USAGE, "the file to write is missing", id="no-file"),
        pytest.param(["build", "--out", "/none/x"], ExitCode.REQUEST, '"/none/x" cannot be written', id="none"),
        pytest.param(["build", "--out", "/dev/full"], ExitCode.UNEXPECTED, "No space left on device", id="full"),
    ],
)  # fmt: skip
def test_the_command_says_what_is_wrong(words: list[str], code: int, message: str, run: Run) -> None:
    result = run("goclient", "carrier", *words)
    assert (result.code, result.out) == (code, "")
    assert message in result.err


def imported(path: Path) -> set[str]:
    """The names of the package that a file imports outside of what type checkers alone read, by its syntax."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_bytes())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
        elif isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        waiting += ast.iter_child_nodes(node)
    return found


@pytest.mark.conformance  # it takes long
def test_what_a_text_imports_is_what_its_syntax_says() -> None:
    """Of every module of the package: the search of a text may find no less than a parser."""
    for path in (TOP / "goclient").rglob("*.py"):
        module = ".".join(path.relative_to(TOP).with_suffix("").parts).removesuffix(".__init__")
        if module != "goclient":
            wanted = {one for one in imported(path) if one.startswith("goclient.") and build._is_ours(one)}
            assert set(build._find_imports(module)) - {"goclient"} == wanted - {"goclient"}, module
