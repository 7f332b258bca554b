"""Modules that travel to a worker node need Python 3.9 and its standard library, and nothing else."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
TRAVELS = (
    "goclient.node.job", "goclient.node.keeper_program", "goclient.node.engines.globus",
    "goclient.node.engines.https", "goclient.node.engines.local", "goclient.node.globus_connect",
    "goclient.node.environment", "goclient.node.left", "goclient.services.https.webdav",
)  # fmt: skip
SERVICES = "goclient.services"
LOAD = f"""
import sys
for name in {TRAVELS!r}:
    __import__(name)
print(*sorted(name for name in sys.modules if name not in sys.builtin_module_names))
"""
NAMES = sys.stdlib_module_names | {"goclient"}


def loaded(python: str) -> list[str]:
    """The modules that Python has loaded once all that travels is imported, of which it has its library only."""
    result = subprocess.run(
        [python, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(TOP)!r})\n{LOAD}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def oldest_python() -> str:
    """A Python 3.9 of this machine, such as Debian's pypy3; the test is skipped without one."""
    found = [shutil.which("python3.9"), shutil.which("pypy3")]
    for place in filter(None, found):
        said = subprocess.run([place, "--version"], capture_output=True, text=True, check=False)
        if said.returncode == 0 and said.stdout.startswith("Python 3.9."):
            return place
    pytest.skip("there is no Python 3.9 on this machine, nor pypy3 of Debian")


def test_all_that_travels_needs_the_standard_library_only() -> None:
    names = loaded(sys.executable)
    assert {name.partition(".")[0] for name in names} - NAMES == {"__main__"} - NAMES
    rooms = {name for name in names if name.startswith(("goclient.config", "goclient.pilot", "goclient.services."))}
    assert {name for name in rooms if not name.startswith(f"{SERVICES}.https")} == {
        f"{SERVICES}.{name}"
        for name in ("contents", "deadline", "gsi", "gsi.dial", "gsi.refusals", "gsi.server", "loopback", "retry")
    }


def test_all_that_travels_is_python_3_9() -> None:
    for name in loaded(sys.executable):
        file = TOP / f"{name.replace('.', '/')}.py"
        if name.startswith("goclient.") and file.exists():
            ast.parse(file.read_text(), feature_version=(3, 9))


@pytest.mark.conformance  # it takes long
def test_a_python_3_9_can_load_all_that_travels() -> None:
    assert "goclient.node.job" in loaded(oldest_python())


@pytest.mark.conformance  # it takes long
def test_a_python_3_9_copies_files_on_the_node(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "input").write_text("in")
    order = {
        "phase": "stage-in", "from_job": False, "to_job": True,
        "items": [[f"{tmp_path}/input", "brought", False, False]],
        "directory": f"{tmp_path}/job", "overwrite": False, "own": [],
    }  # fmt: skip
    code = f"import sys; sys.path.insert(0, {str(TOP)!r}); from goclient.node.engines.local import main; main()"
    result = subprocess.run(
        [oldest_python(), "-I", "-S", "-c", code], input=json.dumps(order), capture_output=True, text=True, check=False
    )
    assert json.loads(result.stdout.lstrip(".")) == {"files": 1, "bytes": 2, "errors": []}, result.stderr
    assert (tmp_path / "job" / "brought").read_text() == "in"
