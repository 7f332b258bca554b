"""docs/upstream.md: each of its programs shows a defect of the real code, and each of its changes mends it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from goclient.sandbox.panda import rungen
from tests.commands import TIMEOUT
from tests.conformance.panda_pilot import SYSTEM_PATH, namespaces, why_not

DOCUMENT = Path(__file__).parents[2] / "docs/upstream.md"
FOLDER = DOCUMENT.with_suffix("")
DEFECT, MENDED = 3, 0


def run(words: Sequence[object], env: dict[str, str] | None = None) -> int:
    done = subprocess.run(list(map(str, words)), env=env, cwd="/", capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode in (DEFECT, MENDED), done
    return done.returncode


def mend(name: str, directory: Path, *, strip: int = 1) -> None:
    words: list[object] = ["git", "apply", f"-p{strip}", FOLDER / f"{name}.diff"]
    subprocess.run(
        list(map(str, words)), cwd=directory, env={"PATH": SYSTEM_PATH, "GIT_CEILING_DIRECTORIES": "/"}, check=True
    )


def test_pathena_hides_that_its_task_was_refused(tmp_path: Path) -> None:
    import pandaclient

    program: list[object] = [sys.executable, FOLDER / "pathena_exit.py"]
    assert run(program) == DEFECT
    shutil.copytree(Path(pandaclient.__path__[0]), tmp_path / "pandaclient")
    mend("pathena_exit", tmp_path)
    assert run([*program, tmp_path]) == MENDED


def test_the_server_loses_one_of_two_secrets(tmp_path: Path) -> None:
    python = os.environ.get("GOCLIENT_TEST_SERVER_PYTHON")
    if not python:
        pytest.skip("GOCLIENT_TEST_SERVER_PYTHON does not name a Python with panda-server-source")
    assert run([python, FOLDER / "server_secrets.py"]) == DEFECT
    (found,) = Path(python).parents[1].glob("lib/python*/site-packages/pandaserver/taskbuffer/db_proxy_mods")
    shutil.copy(found / "entity_module.py", tmp_path)
    mend("server_secrets", tmp_path, strip=4)
    assert run([python, FOLDER / "server_secrets.py", tmp_path]) == MENDED


def test_rungen_makes_a_success_of_255(tmp_path: Path) -> None:
    """The real one, if GOCLIENT_TEST_WNSCRIPT names its source; else the sandbox's, which must have the same defect."""
    (tmp_path / "python").symlink_to(sys.executable)
    source = os.environ.get("GOCLIENT_TEST_WNSCRIPT")
    env = {"PATH": f"{tmp_path}:{SYSTEM_PATH}", "PYTHONPATH": str(tmp_path / "source")}

    def ends() -> int:
        made = tmp_path / "runGen"
        path = tmp_path / "source/src/rungen/runGen.py" if source else Path(rungen.__file__)
        made.write_text(f"#!{sys.executable}\n{path.read_text()}")
        return run([sys.executable, FOLDER / "rungen_255.py", made], env)

    if not source:
        assert ends() == DEFECT
        return
    shutil.copytree(source, tmp_path / "source")
    assert ends() == DEFECT
    mend("rungen_255", tmp_path / "source")
    assert ends() == MENDED


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A directory that the user of the pilots can reach, which one of pytest's is not."""
    with TemporaryDirectory(prefix="goclient-upstream-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


# Sources of the pilot: of the package index, and the latest, which is in no index, and is tried where it is named.
INDEX, LATEST = "GOCLIENT_TEST_PANDA_PILOT", "GOCLIENT_TEST_LATEST_PANDA_PILOT"
KILLED = [(INDEX, "pilot_kill", DEFECT), (INDEX, "pilot_secrets", MENDED)]
KILLED += [(LATEST, "pilot_kill", DEFECT), (LATEST, "pilot_secrets", DEFECT)] if LATEST in os.environ else []


@pytest.mark.parametrize(("variable", "name", "before"), KILLED)
def test_a_kill_reaches_one_process_and_the_latest_pilot_logs_secrets(
    variable: str, name: str, before: int, reachable: Path
) -> None:
    if reason := why_not():
        pytest.skip(reason)
    if variable not in os.environ:
        pytest.skip(f"{variable} does not name the source of a pilot")
    source = Path(shutil.copytree(os.environ[variable], reachable / "source"))
    program = shutil.copy(FOLDER / f"{name}.py", reachable)
    words = [*namespaces(), "env", "-i", f"PATH={SYSTEM_PATH}", "python3", "-B", program, source]
    assert run(words) == before
    if before == DEFECT:
        mend(name, source)
        assert run(words) == MENDED


def test_each_program_and_change_is_in_the_document() -> None:
    named = set(re.findall(r"\(upstream/([\w.]+)\)", DOCUMENT.read_text()))
    assert named == {path.name for path in FOLDER.glob("*.*")}
