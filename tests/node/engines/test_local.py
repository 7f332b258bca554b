"""Copies are made by a process that has none of the pilot's credentials, and that ends with the pilot's wish."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from goclient.errors import GoclientError
from goclient.model.endpoint import JOB, NODE
from goclient.model.plan import TransferItem, TransferTask
from goclient.node.engines.copier import PIECE
from goclient.node.engines.local import LocalEngine
from tests.node.transfers import carry_out, job_context

SECRET = "secret-that-nobody-sees"
VARIABLES = (
    "GOCLIENT_CLIENT_SECRET", "PANDA_AUTH_ID_TOKEN", "OIDC_AUTH_ID_TOKEN", "GLOBUS_CLI_CLIENT_SECRET", "X509_USER_KEY",
    "BEARER_TOKEN", "MYPROXY_PASSPHRASE",
)  # fmt: skip


@pytest.fixture
def job(tmp_path: Path) -> Path:
    return job_context(tmp_path / "scratch").directory


def bring(job: Path, *sources: Path | str, beat: Callable[[], None] = lambda: None, own: tuple[str, ...] = ()) -> int:
    items = tuple(TransferItem(str(source), f"in{number}", recursive=False) for number, source in enumerate(sources))
    engine = LocalEngine(job_context(job.parent, own=own))
    return carry_out(engine, TransferTask("stage-in", NODE, JOB, items), beat=beat).files


def children() -> list[Path]:
    """The /proc folders of this process's children, without the one that ends the tests' servers."""
    found = []
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # the thread, or a child of it, has ended by now
            found += [Path("/proc", number) for number in (thread / "children").read_text().split()]
    return [child for child in found if b"tests/processes.py" not in command_of(child)]


def command_of(process: Path) -> bytes:
    with suppress(OSError):
        return (process / "cmdline").read_bytes()
    return b""


def test_the_files_are_there_whatever_their_names_are(job: Path, tmp_path: Path) -> None:
    names = [tmp_path / name for name in ("a b", "é", os.fsdecode(b"\xff"), "line\nend", "'\"")]
    for name in names:
        name.write_bytes(os.urandom(10))
    assert bring(job, *names) == 5
    assert [(job / f"in{number}").read_bytes() for number in range(5)] == [name.read_bytes() for name in names]


def test_the_process_has_no_credential_and_no_file_of_the_pilot(
    job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, SECRET)
    (tmp_path / "data").write_bytes(bytes(PIECE))
    open_file = os.open(tmp_path / "data", os.O_RDONLY)
    os.set_inheritable(open_file, True)
    seen: list[tuple[bytes, set[str]]] = []

    def look() -> None:
        for child in children():
            with suppress(OSError):  # it has ended by now
                links = {os.readlink(file) for file in (child / "fd").iterdir()}
                seen.append(((child / "environ").read_bytes() + (child / "cmdline").read_bytes(), links))

    assert bring(job, tmp_path / "data", beat=look) == 1
    os.close(open_file)
    first, files = seen[0]
    assert SECRET.encode() not in b"".join(text for text, _ in seen)
    assert b"PATH=" in first
    assert str(tmp_path / "data") not in files  # the process still starts: the file that it opens itself comes later


def test_what_is_wrong_comes_back_as_it_was_raised(job: Path, tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    with pytest.raises(GoclientError) as caught:
        bring(job, "/proc/self/environ", tmp_path / "gone", tmp_path / "token", own=(str(tmp_path / "token"),))
    assert [(part.code, part.subject, part.exit_code) for part in caught.value.parts] == [
        ("forbidden", "/proc/self/environ", 40),
        ("path-not-found", f"{tmp_path}/gone", 40),
        ("forbidden", f"{tmp_path}/token", 40),
    ]


def test_a_module_in_the_job_s_directory_is_not_run(job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").touch()
    (job / "json.py").write_text("raise SystemExit('hostile')")
    monkeypatch.chdir(job)
    assert bring(job, tmp_path / "data") == 1


def test_a_copy_that_is_stopped_ends_at_once_and_leaves_nothing(job: Path, tmp_path: Path) -> None:
    with open(tmp_path / "large", "wb") as file:
        file.truncate(1 << 36)  # 64 GiB of nothing: it takes minutes
    before = children()

    def stopped() -> None:
        if list(job.glob(".goclient-*.part")):
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        bring(job, tmp_path / "large", beat=stopped)
    assert time.monotonic() - started < 60
    assert list(job.iterdir()) == []
    assert children() == before


def test_a_process_that_dies_is_an_error(job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goclient.node.engines.local.__name__", "no.such.module")
    with pytest.raises(GoclientError, match="the copy was ended"):
        bring(job, tmp_path / "data")
