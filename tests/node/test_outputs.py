"""Outputs of a job are checked first: what cannot be taken is named at once, and nothing is left out silently."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from goclient.errors import TransferFailed
from goclient.files.trees import remove_tree
from goclient.model.endpoint import JOB, NODE, GlobusEndpoint
from goclient.model.plan import Phase, TransferItem, TransferTask
from goclient.node.outputs import check_outputs
from tests.sandboxes import Sandbox

FAR = GlobusEndpoint("the-id", "SITE1")


def tasks(*names: str, phase: Phase = "output") -> list[TransferTask]:
    return [TransferTask(phase, JOB, FAR, (TransferItem(name, f"/there/{name}", recursive=False),)) for name in names]


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job's directory with an ordinary file, and a directory with another one."""
    directory = tmp_path / "job"
    (directory / "res" / "deep").mkdir(parents=True)
    (directory / "made").write_text("made")
    (directory / "res" / "deep" / "file").write_text("deep")
    return directory


def test_files_and_directories_are_taken_with_all_below_them(job: Path) -> None:
    (job / "res" / "empty").mkdir()
    outputs = check_outputs(tasks("made", "res/"), job)
    assert [str(path.relative_to(job)) for path in outputs.files] == ["made", "res/deep/file"]
    outputs.check_unchanged()


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


ODD: list[object] = [
    pytest.param(os.mkfifo, "is a pipe (FIFO)", id="pipe"),
    pytest.param(_socket, "is a socket", id="socket"),
    pytest.param(lambda path: path.symlink_to("/etc/passwd"), "leads outside", id="link outside"),
    pytest.param(lambda path: path.symlink_to("gone"), "is not a file", id="dangling link"),
    pytest.param(lambda path: path.symlink_to("deep"), "is not a file", id="link to a directory"),
    pytest.param(lambda path: path.symlink_to(path), "is not a file", id="link to itself"),
]


@pytest.mark.parametrize(("make", "words"), ODD)
def test_what_cannot_be_taken_is_named_wherever_it_is(job: Path, make: Callable[[Path], None], words: str) -> None:
    make(job / "res" / "odd")
    with pytest.raises(TransferFailed) as caught:
        check_outputs(tasks("made", "res"), job)
    assert caught.value.message.startswith('output: "res/odd": it ')
    assert words in caught.value.message
    assert (caught.value.exit_code, caught.value.code) == (40, "output:not-a-file")


def test_a_pipe_as_an_output_itself_is_named(job: Path) -> None:
    os.mkfifo(job / "pipe")
    with pytest.raises(TransferFailed, match=r'"pipe": it is a pipe \(FIFO\), which cannot be taken away'):
        check_outputs(tasks("pipe"), job)


def test_a_device_is_named(job: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a device")
    os.mknod(job / "res" / "null", 0o020666, os.makedev(1, 3))
    with pytest.raises(TransferFailed, match='"res/null": it is a device'):
        check_outputs(tasks("res"), job)


def test_all_that_is_wrong_in_a_phase_is_said_together(job: Path) -> None:
    os.mkfifo(job / "res" / "one")
    os.mkfifo(job / "two")
    with pytest.raises(TransferFailed) as caught:
        check_outputs(tasks("res", "two"), job)
    assert [one.subject for one in caught.value.findings] == ["res/one", "two"]


def test_what_the_account_cannot_read_is_named(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("deep"))
    (job / "res" / "deep").chmod(0o000)
    with pytest.raises(TransferFailed, match='"res/deep": it cannot be read: its mode is 0000'):
        check_outputs(tasks("res"), job)


def test_a_link_to_a_file_of_the_job_becomes_that_file(job: Path) -> None:
    (job / "res" / "latest").symlink_to("deep/file")
    (job / "res" / "up").symlink_to(job / "made")
    check_outputs(tasks("res"), job)
    assert [(job / "res" / name).read_text() for name in ("latest", "up")] == ["deep", "made"]
    assert not any((job / "res" / name).is_symlink() for name in ("latest", "up"))
    assert sorted(path.name for path in (job / "res").iterdir()) == ["deep", "latest", "up"]


def test_what_is_missing_or_leads_outside_is_said_with_the_rest(job: Path) -> None:
    (job / "out").symlink_to("/etc")
    (job / "loop").symlink_to("loop")
    os.mkfifo(job / "pipe")
    with pytest.raises(TransferFailed) as caught:
        check_outputs(tasks("gone", "made/x", "out/passwd", "loop", "x" * 300, "pipe"), job)
    assert [one.message.partition(": ")[2].replace("x" * 200 + "…", "x") for one in caught.value.findings] == [
        '"gone": the job did not create this file',
        '"made/x": the job did not create this file',
        '"out/passwd": it leads outside the job\'s directory',
        '"loop": it cannot be read: Too many levels of symbolic links',
        '"x": it cannot be read: File name too long',
        '"pipe": it is a pipe (FIFO), which cannot be taken away',
    ]


def test_what_is_not_of_the_job_is_not_looked_at(job: Path) -> None:
    assert check_outputs([TransferTask("output", NODE, FAR, tasks("gone")[0].items)], job).files == {}


CHANGES = [
    pytest.param(lambda path: path.write_text("longer than before"), id="grown"),
    pytest.param(lambda path: os.utime(path, ns=(1, 1)), id="written"),
    pytest.param(lambda path: path.unlink(), id="removed"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_meanwhile_fails_the_job(job: Path, change: Callable[[Path], None]) -> None:
    outputs = check_outputs([*tasks("made", phase="stage-out"), *tasks("res")], job)
    change(job / "res" / "deep" / "file")
    with pytest.raises(TransferFailed, match=r'^output: "res/deep/file": it changed while it was taken away'):
        outputs.check_unchanged()


@pytest.mark.conformance  # it takes long
def test_a_directory_that_is_very_deep_is_looked_at(job: Path) -> None:
    path = job / "res"
    for _ in range(1500):
        path /= "d"
        path.mkdir()
    try:
        assert len(check_outputs(tasks("res"), job).files) == 1
    finally:
        remove_tree(job)  # pytest cannot


MAKE = """#!/bin/sh
mkdir -p res/empty res/sub && echo one > res/sub/one && ln -s sub/one res/link
case "$1" in pipe) mkfifo res/pipe;; esac
"""


@pytest.mark.parametrize("way", ["gc", "local"])
def test_a_job_with_a_pipe_fails_before_anything_is_sent(shared_sandbox: Sandbox, tmp_path: Path, way: str) -> None:
    result = run_job(shared_sandbox, tmp_path, way=way, word="pipe")
    assert result == (40, [])


@pytest.mark.parametrize("way", ["gc", "local"])
def test_empty_directories_and_links_arrive_as_documented(shared_sandbox: Sandbox, tmp_path: Path, way: str) -> None:
    result = run_job(shared_sandbox, tmp_path, way=way, word="")
    assert result == (0, ["res", "res/empty", "res/link", "res/sub", "res/sub/one"])


def run_job(sandbox: Sandbox, tmp_path: Path, *, way: str, word: str) -> tuple[int, list[str]]:
    """The exit code of a pilot, and what is at the destination then."""
    there = tmp_path / "there" if way == "local" else sandbox.path("SITE1", f"outputs{word}")
    there.mkdir(exist_ok=True)
    taken = f"out-mode=local dir-out={there}" if way == "local" else "out-mode=gc globus-endpoint-out=SITE1 dir-out="
    taken += "" if way == "local" else f"/outputs{word}"
    payload = sandbox.payload("outputs.sh", MAKE)
    sent = sandbox.run("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}", "--jobParameters",
                       f"{word} {taken} files-out=res")  # fmt: skip
    assert sent.code == 0, sent.err
    result = sandbox.pilot()
    assert ('"res/pipe": it is a pipe (FIFO)' in result.err) == bool(word)
    return result.code, sorted(str(path.relative_to(there)) for path in there.rglob("*"))
