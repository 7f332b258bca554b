"""The stand-in for runGen treats a job's command line as the transformations of the PanDA server do."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from goclient.sandbox.panda import rungen
from tests.commands import clean_environment
from tests.sandboxes import Sandbox


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One job: the stand-in as a file of its own, in a job's directory."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-I", rungen.__file__, *words]
    env = clean_environment(folder)
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


OUT = ("-o", "{'out.dat': 'final'}")

ENDS = [
    pytest.param(("-p", "echo%20x%20%3E%20out.dat", *OUT), 0, "", id="all is well"),
    pytest.param(("-j", "", "-r", ".", "-p", "echo x > out.dat", *OUT), 0, "", id="as prun writes it"),
    pytest.param(("--trf", "-j", "echo%20x%3Eout.dat", "-o", "{'IROOT': [('out.dat', 'final')]}"), 0, "",
                 id="as pathena writes it"),
    pytest.param(("-p", "true", *OUT, "--goclient=v1:0"), rungen.BAD_OPTIONS, "option --goclient not recognized",
                 id="an option that it does not know"),
    pytest.param(("-p", "echo>out.dat", *OUT, "goclient=v1:1", "--Data=x"), 0, "", id="anything after a bare word"),
    pytest.param(("-p", "true", *OUT), rungen.NO_OUTPUT, "there is no output out.dat", id="no output"),
    pytest.param(("-p", "true", *OUT, "--allowNoOutput=final"), 0, "", id="no output, as allowed"),
    pytest.param(("-p", "exit 7", *OUT), 7, "the command ended with 7", id="a command that fails"),
    pytest.param(("-p", "kill -9 $$", *OUT), 137, "the command ended with -9", id="a command that is killed"),
    pytest.param(("-p", "true", "-o", "{'x': '../y'}"), rungen.BAD_OPTIONS, "is not a pair of file names", id="a path"),
    pytest.param(("-p", "true", "-o", "{"), rungen.BAD_OPTIONS, "", id="outputs that are none"),
    pytest.param(("-a", "x.tgz", "--sourceURL", "file:///"), rungen.NO_SOURCES, "is not a URL", id="no URL"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "status", "said"), ENDS)
def test_a_job_ends_as_its_command_and_its_outputs_say(
    tmp_path: Path, words: tuple[str, ...], status: int, said: str
) -> None:
    done = run(tmp_path / "job", *words)
    assert (done.returncode, done.stderr) == (status, "")
    assert said in done.stdout


def test_an_output_with_a_star_is_an_archive_of_what_matches(tmp_path: Path) -> None:
    done = run(tmp_path / "job", "-p", "echo 1 > a.txt; echo 2 > b.txt", "-o", "{'*.txt': 'all.tgz'}")
    assert done.returncode == 0, done.stdout
    with tarfile.open(tmp_path / "job" / "all.tgz") as archive:
        assert sorted(archive.getnames()) == ["a.txt", "b.txt"]
    assert run(tmp_path / "none", "-p", "true", "-o", "{'*.txt': 'x'}").returncode == rungen.NO_OUTPUT


def test_sources_are_fetched_and_the_command_runs_in_their_folder(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    content = b"echo here > out.dat\n"
    with tarfile.open(shared_sandbox.root / "cache" / "jobO.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("sub/run.sh")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    (shared_sandbox.root / "cache" / "broken.tar.gz").write_bytes(b"x")
    where = ("--sourceURL", shared_sandbox.url, "-r", "sub", "-p", "sh run.sh", *OUT)
    done = run(tmp_path / "job", "-a", "jobO.tar.gz", *where)
    assert (done.returncode, done.stderr) == (0, "")
    assert names(tmp_path / "job") == ["final", "jobO.tar.gz", "sub"]
    for archive_name in ("none.tar.gz", "broken.tar.gz"):
        assert run(tmp_path / "other", "-a", archive_name, *where).returncode == rungen.NO_SOURCES
