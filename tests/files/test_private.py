"""Under umask 000, too, only their owner can read the files that goclient writes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.commands.test_login import Person
from tests.sandboxes import Sandbox

# What the sandbox shows to everybody: programs, certificates and what its collections hold, in its private folder.
SHOWN = ("collections", "transformations", "bin", "grid")


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture(scope="module")
def open_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that was started under umask 000."""
    base = tmp_path_factory.mktemp("open")
    before = os.umask(0)
    try:
        sandbox = Sandbox(base / "parent" / "sandbox", base, forks=False)
    finally:
        os.umask(before)
    yield sandbox
    sandbox.stop()


def readable(top: Path) -> list[str]:
    """Return what others may read, write or enter below a folder."""
    found = [Path(folder, name) for folder, folders, files in os.walk(top) for name in (*folders, *files)]
    return sorted(
        str(path.relative_to(top)) for path in found if path.lstat().st_mode & 0o077 and not path.is_symlink()
    )


def job(sandbox: Sandbox, new: Path) -> None:
    """Submit a job, and run it."""
    words = ("--StageinGOsrc=SITE1:/home/osg_data/panda/0064.file", "--StageoutGOsrc=10mb-file.bin",
             f"--StageoutGOdest=SITE1:/home/osg_data/panda/{new.name}")  # fmt: skip
    state = {"GOCLIENT_STATE": str(new / "a/state"), "TMPDIR": str(new)}
    sent = sandbox.submit(*words, **state)
    assert sent.code == 0, sent.err
    done = sandbox.pilot(**state)
    assert done.code == 0, done.err
    assert [path.suffix for path in (new / "a/state/logs").iterdir()] == [".tgz"]


def copies(sandbox: Sandbox, new: Path) -> None:
    """Run a job that copies its output into a folder that is not there."""
    payload = sandbox.payload("copies.sh", "#!/bin/sh\numask 077\nmkdir -p sub\necho 1 > sub/made\n")
    Path(sandbox.root / "transformations/copies.sh").chmod(0o755)
    words = f"out-mode=local dir-out={new}/out files-out=sub/made"
    sent = sandbox.run("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}", "--jobParameters", words)
    assert sent.code == 0, sent.err
    assert sandbox.pilot(GOCLIENT_STATE=str(new / "state"), TMPDIR=str(new)).code == 0
    made = {name: (new / name).stat().st_mode & 0o777 for name in ("out", "out/sub", "out/sub/made")}
    assert made == {"out": 0o775, "out/sub": 0o775, "out/sub/made": 0o600}
    for folder in (new / "out/sub", new / "out"):
        folder.chmod(0o700)  # folders made for a job's output are the job's, but never everybody's to write in


def endpoints(sandbox: Sandbox, new: Path) -> None:
    """Add to a new catalogue, and take from it."""
    catalogue = {"GOCLIENT_ENDPOINTS": str(new / "a/b/endpoints.toml")}
    where = sandbox.rows("select id from collections where display_name = 'SITE1'")[0]["id"]
    for words in (("add", "NEW1", where, "--noCheck"), ("add", "NEW2", where, "--noCheck"), ("remove", "NEW1")):
        done = sandbox.run("goclient", "endpoint", *words, **catalogue)
        assert done.code == 0, done.err


def default_places(sandbox: Sandbox, new: Path) -> None:
    """Use no variable: everything is below HOME."""
    home = {"HOME": str(new), "GOCLIENT_STATE": "", "GOCLIENT_ENDPOINTS": ""}
    sent = sandbox.submit("--noCheck", **home)
    assert sent.code == 0, sent.err
    assert list(new.rglob("journal.jsonl"))
    sandbox.rows("update jobs set status = 'failed'")  # no other test's pilot gets it


def login(sandbox: Sandbox, new: Path) -> None:
    """Log in."""
    person = Person(sandbox, new)
    done = person.log_in()
    assert done.code == 0, done.err
    assert person.file.exists()


def proxies(sandbox: Sandbox, new: Path) -> None:
    """Deposit a proxy, and retrieve it."""
    deposit = ("deposit", "--user", "someone", "--retriever", sandbox.env["SANDBOX_PILOT_DN"])
    done = sandbox.run("goclient", "myproxy", *deposit)
    assert done.code == 0, done.err
    pilot = {"X509_USER_CERT": sandbox.env["SANDBOX_PILOT_CERT"], "X509_USER_KEY": sandbox.env["SANDBOX_PILOT_KEY"]}
    got = sandbox.run("goclient", "myproxy", "retrieve", "--user", "someone", "--out", str(new / "proxy"), **pilot)
    assert got.code == 0, got.err


@pytest.mark.parametrize(
    "command", [job, copies, endpoints, default_places, login, proxies], ids=lambda command: str(command.__name__)
)
@pytest.mark.usefixtures("no_umask")
def test_nobody_else_can_read_what_a_command_makes(
    open_sandbox: Sandbox, command: Callable[[Sandbox, Path], None], tmp_path: Path
) -> None:
    new = tmp_path / command.__name__
    new.mkdir(mode=0o700)
    command(open_sandbox, new)
    assert list(new.iterdir())
    assert readable(new) == []


def test_nobody_else_can_enter_the_sandbox_or_write_anything_in_it(open_sandbox: Sandbox) -> None:
    root = open_sandbox.root
    assert [folder.stat().st_mode & 0o777 for folder in (root.parent, root)] == [0o700, 0o700]
    assert {path.partition("/")[0] for path in readable(root)} <= set(SHOWN)
    writable = [path for path in root.rglob("*") if path.lstat().st_mode & 0o022 and not path.is_symlink()]
    assert writable == []
