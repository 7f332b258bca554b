"""Copies on the node: what is copied is whole, what is not is said, and nothing is in the way afterwards."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from goclient.errors import EndpointError, GoclientError
from goclient.model.endpoint import JOB, NODE
from goclient.model.plan import TransferItem, TransferTask
from goclient.model.planner import plan
from goclient.model.records.registry import decode
from goclient.node.engines.copier import PIECE, Copier
from tests.node.transfers import Beats


class Node:
    """A node with a job's directory, one with data and one for output."""

    def __init__(self, top: Path) -> None:
        self.job, self.data, self.out = top / "job", top / "data", top / "out"
        for folder in (self.job, self.data, self.out):
            folder.mkdir()

    def bring(self, files: str, **how: Any) -> int:
        """How many files were copied into the job's directory."""
        return self.carry(f"in-mode=local dir-in={self.data} files-in={files}", **how)

    def take(self, files: str, **how: Any) -> int:
        """How many files were copied out of it."""
        return self.carry(f"out-mode=local dir-out={self.out} files-out={files}", **how)

    def carry(
        self, words: str, *, overwrite: bool = False, own: Sequence[str] = (), beat: Callable[[], None] = lambda: None
    ) -> int:
        (task,) = plan(decode(words).spec)
        return Copier(self.job, overwrite=overwrite, own=own, heartbeat=Beats(beat)).run(task).files

    def failure(self, copy: Callable[..., int], files: str, **how: Any) -> GoclientError:
        """The error of a copy that fails, which leaves no unfinished file anywhere."""
        with pytest.raises(GoclientError) as caught:
            copy(files, **how)
        assert list(self.job.parent.rglob("*.part")) == []
        return caught.value


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def write(folder: Path, *names: str, text: str = "new") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def tree(folder: Path) -> list[str]:
    """Each file below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_a_file_keeps_its_path_below_the_directory_both_ways(node: Node) -> None:
    write(node.data, "a", "sub/b", "sub/deep/c", "sub/left")
    assert node.bring("a,sub/b,./sub/deep/c") == 3
    assert tree(node.job) == ["a", "sub/b", "sub/deep/c"]
    assert node.take("sub/b,a") == 2
    assert tree(node.out) == ["a", "sub/b"]


@pytest.mark.parametrize("name", ["whole", "whole/", "sub/whole/"])
def test_a_directory_is_copied_whole_with_or_without_a_final_slash(node: Node, name: str) -> None:
    top = name.rstrip("/")
    write(node.data, f"{top}/a", f"{top}/deep/er/b", f"{top}/.hidden")
    (node.data / top / "empty").mkdir()
    assert node.bring(name) == 3
    assert tree(node.job) == [f"{top}/.hidden", f"{top}/a", f"{top}/deep/er/b"]
    assert (node.job / top / "empty").is_dir()


def test_a_copy_has_the_bytes_and_the_permissions_of_its_source(node: Node) -> None:
    content = os.urandom(PIECE + 1)
    for name, mode in (("program", 0o755), ("private", 0o600), ("fixed", 0o444)):
        (node.data / name).write_bytes(content)
        (node.data / name).chmod(mode)
        node.bring(name)
        assert (node.job / name).read_bytes() == content
        assert (node.job / name).stat().st_mode & 0o7777 == mode


def test_nobody_else_can_read_a_file_while_it_is_copied(node: Node) -> None:
    write(node.job, "private")
    modes: list[int] = []
    node.take("private", beat=lambda: modes.extend(path.stat().st_mode & 0o077 for path in node.out.iterdir()))
    assert modes == [0]


def test_the_server_hears_of_the_job_between_the_pieces_of_a_file(node: Node) -> None:
    (node.data / "large").write_bytes(bytes(3 * PIECE))
    beats: list[int] = []
    node.bring("large", beat=lambda: beats.append(1))
    assert len(beats) == 3


def test_everything_that_is_wrong_is_said_at_once_before_anything_is_copied(node: Node) -> None:
    write(node.job, "good", "in/the/way")
    write(node.out, "in/the/way", text="old")
    error = node.failure(node.take, "good,gone,in/the/way,also/gone")
    assert [(part.code, Path(part.subject).name) for part in error.parts] == [
        ("path-not-found", "gone"),
        ("exists", "way"),
        ("path-not-found", "gone"),
    ]
    assert all(part.exit_code == 40 and part.hint for part in error.parts)
    assert tree(node.out) == ["in/the/way"]


def test_what_is_missing_is_missing_on_the_node_or_was_not_made(node: Node) -> None:
    assert node.failure(node.bring, "sub/x").message == f'"{node.data}/sub/x": it is not on this node'
    assert node.failure(node.take, "sub/x").message == f'"{node.job}/sub/x": the job did not create this file'


@pytest.mark.parametrize("end", ["job", "data"])
def test_a_name_that_no_file_can_have_is_said_to_be_so(node: Node, end: str) -> None:
    error = node.failure(node.take if end == "job" else node.bring, "x" * 300)
    assert isinstance(error, EndpointError)
    assert "File name too long" in error.message


def test_a_final_slash_on_a_file_is_a_mistake(node: Node) -> None:
    write(node.data, "a")
    error = node.failure(node.bring, "a/")
    assert (error.code, error.message) == ("not-a-directory", f'"{node.data}/a": it is a file, not a directory')


# --- what is in the way ---

IN_THE_WAY: list[Any] = [
    pytest.param(lambda path: path.write_text("old"), id="a file"),
    pytest.param(lambda path: path.mkdir(), id="a directory"),
    pytest.param(lambda path: path.symlink_to("/no/such/file"), id="a link to nothing"),
]


@pytest.mark.parametrize("make", IN_THE_WAY)
@pytest.mark.parametrize("source", ["made", "made/below"])
def test_whatever_has_the_name_already_is_in_the_way(node: Node, source: str, make: Callable[[Path], Any]) -> None:
    write(node.job, source)
    make(node.out / "made")
    assert node.failure(node.take, "made").code == "exists"
    assert os.path.lexists(node.out / "made")
    assert not (node.out / "made").is_file() or (node.out / "made").read_text() == "old"


def test_what_may_be_overwritten_is_and_the_rest_of_a_directory_stays(node: Node) -> None:
    write(node.job, "tree/a", "tree/b", "file")
    write(node.out, "tree/a", "tree/other", "file", text="old")
    assert node.take("tree,file", overwrite=True) == 3
    texts = {name: (node.out / name).read_text() for name in tree(node.out)}
    assert texts == {"file": "new", "tree/a": "new", "tree/b": "new", "tree/other": "old"}


def test_a_link_that_may_be_overwritten_is_replaced_and_not_followed(node: Node, tmp_path: Path) -> None:
    write(node.job, "made")
    write(tmp_path, "elsewhere", text="old")
    (node.out / "made").symlink_to(tmp_path / "elsewhere")
    node.take("made", overwrite=True)
    assert ((node.out / "made").read_text(), (tmp_path / "elsewhere").read_text()) == ("new", "old")


@pytest.mark.parametrize(("made", "there"), [("x", "x/below"), ("x/below", "x")])
def test_a_file_never_replaces_a_directory_nor_a_directory_a_file(node: Node, made: str, there: str) -> None:
    write(node.job, made)
    write(node.out, there, text="old")
    error = node.failure(node.take, "x", overwrite=True)
    assert (error.code, tree(node.out)) == ("copy", [there])


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_comes_in_the_way_meanwhile_is_not_overwritten(
    node: Node, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(node.job, "made")
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    error = node.failure(node.take, "made", beat=lambda: write(node.out, "made", text="old"))
    assert error.code == "exists"
    assert "exists by now" in error.message
    assert (node.out / "made").read_text() == "old"


def no_links(*_: Any, **__: Any) -> None:
    """Fail as link() does on a file system without hard links."""
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def test_a_file_system_without_hard_links_can_be_copied_to(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", no_links)
    write(node.job, "made")
    assert node.take("made") == 1
    assert (tree(node.out), (node.out / "made").read_text()) == (["made"], "new")


@pytest.mark.parametrize("there", [False, True])
def test_a_new_name_is_the_file_s_unless_a_directory_has_it(node: Node, there: bool) -> None:
    write(node.data, "x")
    if there:
        (node.job / "name").mkdir()
    task = TransferTask("stage-in", NODE, JOB, (TransferItem(f"{node.data}/x", "name", False, True),))
    assert Copier(node.job, overwrite=False, own=(), heartbeat=Beats()).run(task).files == 1
    assert tree(node.job) == (["name/x"] if there else ["name"])


# --- links, devices, and the job's directory ---


@pytest.mark.parametrize("name", ["link", "folder/file", "folder"])
def test_a_link_out_of_the_job_s_directory_takes_nothing_away(node: Node, name: str) -> None:
    write(node.data, "file")
    (node.job / "link").symlink_to(node.data / "file")
    (node.job / "folder").symlink_to(node.data)
    assert node.failure(node.take, name).code == "outside"
    assert tree(node.out) == []


def test_a_link_that_stays_in_the_job_s_directory_is_the_file_that_it_leads_to(node: Node) -> None:
    write(node.job, "made")
    (node.job / "link").symlink_to("made")
    assert node.take("link") == 1
    assert (node.out / "link").read_text() == "new"
    assert not (node.out / "link").is_symlink()


def test_links_that_lead_nowhere_are_missing_and_links_in_a_circle_are_said_to_be_so(node: Node) -> None:
    (node.job / "nowhere").symlink_to("nothing")
    (node.job / "circle").symlink_to("circle")
    assert "the job did not create this file" in node.failure(node.take, "nowhere").message
    assert "Too many levels of symbolic links" in node.failure(node.take, "circle").message


@pytest.mark.parametrize("way", ["bring", "take"])
def test_a_device_is_no_file_and_is_never_opened(node: Node, way: str) -> None:
    os.mkfifo((node.data if way == "bring" else node.job) / "pipe")
    error = node.failure(getattr(node, way), "pipe")
    assert error.code == "not-a-file"
    assert "neither a file nor a directory" in error.message


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_directory_with_a_link_or_a_device_in_it_is_not_copied_at_all(node: Node, kind: str) -> None:
    write(node.job, "tree/a", "tree/deep/b", "tree/deep/z", "other")
    for name in ("odd", "one more"):
        location = node.job / "tree/deep" / name
        location.symlink_to("b") if kind == "link" else os.mkfifo(location)
    error = node.failure(node.take, "other,tree")
    assert error.code == "not-a-file"
    assert error.message.startswith(f'"{node.job}/tree/deep/odd": a link or a device is not copied along')
    assert "1 more" in error.message
    assert tree(node.out) == []


def test_a_link_that_comes_into_a_directory_meanwhile_is_not_followed(node: Node) -> None:
    write(node.job, "tree/a")
    (node.job / "tree/z").symlink_to("a")
    copier = Copier(node.job, overwrite=False, own=(), heartbeat=Beats())
    with pytest.raises(EndpointError, match="a link or a device"):
        copier._copy(
            plan(decode(f"out-mode=local dir-out={node.out} files-out=tree").spec)[0],
            node.job / "tree",
            node.out / "tree",
        )
    assert tree(node.out) == ["tree/a"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_directory_is_not_copied_into_itself(node: Node, tmp_path: Path, overwrite: bool) -> None:
    write(node.data, "a")
    words = f"in-mode=local dir-in={tmp_path.parent} files-in={tmp_path.name}"
    error = node.failure(node.carry, words, overwrite=overwrite)
    assert error.code == "into-itself"
    assert tree(node.job) == []


# --- failures in the middle ---


def test_a_job_that_is_stopped_leaves_no_part_of_a_file(node: Node) -> None:
    write(node.data, "a")

    def stopped() -> None:
        assert len(list(node.job.glob(".goclient-*.part"))) == 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        node.bring("a", beat=stopped)
    assert list(node.job.iterdir()) == []


def test_a_full_disk_leaves_no_part_of_a_file_and_is_the_reason(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    write(node.job, "a")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    error = node.failure(node.take, "a")
    assert error.message == f'"{node.job}/a": it cannot be copied to "{node.out}/a": No space left on device'
    assert list(node.out.iterdir()) == []


def test_only_what_outlives_the_job_waits_for_the_disk(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """To write 200 MB out took four seconds of a job's slot, and its directory is lost with the node."""
    waited: list[int] = []
    monkeypatch.setattr(os, "fsync", waited.append)
    write(node.data, "a")
    node.bring("a")
    assert waited == []
    node.take("a")
    assert len(waited) == 1


def test_a_file_where_a_folder_is_needed_is_the_reason(node: Node) -> None:
    write(node.job, "sub/a")
    write(node.out, "sub", text="old")
    error = node.failure(node.take, "sub/a")
    assert (error.code, tree(node.out)) == ("copy", ["sub"])
    assert "Not a directory" in error.message or "File exists" in error.message


@pytest.mark.parametrize("overwrite", [False, True])
def test_two_items_that_turn_out_to_go_to_one_place_are_refused_before_any_is_copied(
    node: Node, overwrite: bool
) -> None:
    """A directory that exists where a new name was typed is gone into: only the node can see that."""
    write(node.job, "x/a", "y/a")
    items = (
        TransferItem("x/a", str(node.out), recursive=False, renames=True),
        TransferItem("y/a", f"{node.out}/a", recursive=False),
    )
    task = TransferTask("stage-out", JOB, NODE, items)
    with pytest.raises(GoclientError) as caught:
        Copier(node.job, overwrite=overwrite, own=(), heartbeat=Beats()).run(task)
    assert caught.value.code == "one-destination"
    assert tree(node.out) == []


# --- what is not a job's to copy ---


def file_task(node: Node, source: str | None = None, target: str | None = None) -> TransferTask:
    """A copy of one file to or from a path as it is typed."""
    write(node.job, "made")
    item = TransferItem(source or "made", target or "x", recursive=False)
    if source:
        return TransferTask("stage-in", NODE, JOB, (item,))
    return TransferTask("output", JOB, NODE, (item,))


def refused(node: Node, task: TransferTask, own: Sequence[str]) -> GoclientError:
    with pytest.raises(GoclientError) as caught:
        Copier(node.job, overwrite=True, own=own, heartbeat=Beats()).run(task)
    assert caught.value.code == "forbidden"
    assert caught.value.exit_code == 40
    assert caught.value.hint
    return caught.value


@pytest.fixture
def own(node: Node, tmp_path: Path) -> list[str]:
    """The pilot's own files: a token, and a folder with its state; and links of all kinds to them and to /proc."""
    pilot = tmp_path / "pilot"
    write(pilot, "token", "state/logs/1.tgz", text="secret")
    links: dict[str, str | Path] = {
        "to-token": pilot / "token",
        "to-state": pilot / "state",
        "to-self": "/proc/self",
        "to-root": "/",
    }
    links |= {"to-environ": "/proc/self/environ", "to-link": node.data / "to-token", "to-null": "/dev/null"}
    for name, location in links.items():
        (node.data / name).symlink_to(location)
    os.link(pilot / "token", node.data / "same-file")
    return [str(pilot / "token"), str(pilot / "state"), str(tmp_path / "not-there")]


@pytest.mark.parametrize(
    "source",
    [
        "/proc/self/environ",
        "//proc/self/environ",
        "///proc//self/environ",
        "/./proc/self/environ",
        "/usr/../proc/self/environ",
        "/proc/kmsg",
        "/proc/self/root/etc/hostname",
        "/proc/self/fd/0",
        "/proc/not-there",
        "/dev/fd/0",
        "/dev/null",
        "/dev/shm/file",
        "/sys/kernel/notes",
        "/proc/",
        "/",
        "{data}/to-self/environ",
        "{data}/to-environ",
        "{data}/to-root/proc/self/environ",
        "{data}/to-null",
        "{pilot}/token",
        "{data}/../pilot/token",
        "{data}/to-token",
        "{data}/to-link",
        "{data}/to-root/{pilot}/token",
        "{data}/same-file",
        "{pilot}/state",
        "{pilot}/state/logs/1.tgz",
        "{data}/to-state/logs/1.tgz",
        "{pilot}",
        "{data}/..",
    ],
)
def test_nothing_of_the_node_s_processes_devices_or_the_pilot_is_read(
    node: Node, own: list[str], tmp_path: Path, source: str
) -> None:
    path = source.format(data=node.data, pilot=tmp_path / "pilot")
    error = refused(node, file_task(node, source=path), own)
    assert error.message.startswith(f'"{Path(path)}": ')
    assert tree(node.job) == ["made"]


@pytest.mark.parametrize(
    "target",
    [
        "/proc/self/comm",
        "//proc/self/mem",
        "/dev/shm/file",
        "/dev/stdout",
        "/sys/file",
        "{data}/to-self/comm",
        "{data}/to-null",
        "{data}/to-root/dev/file",
        "{pilot}/token",
        "{pilot}/state/journal.jsonl",
        "{data}/to-state/new/file",
        "{data}/../pilot/state/x",
    ],
)
def test_nothing_is_written_there(node: Node, own: list[str], tmp_path: Path, target: str) -> None:
    before = tree(tmp_path)
    refused(node, file_task(node, target=target.format(data=node.data, pilot=tmp_path / "pilot")), own)
    assert tree(tmp_path) == sorted([*before, "job/made"])


def test_a_tree_is_not_copied_through_a_link_to_the_pilot_s_files(node: Node, own: list[str], tmp_path: Path) -> None:
    write(node.job, "tree/state/new")
    (node.out / "tree").mkdir()
    (node.out / "tree/state").symlink_to(tmp_path / "pilot/state")
    assert node.failure(node.take, "tree", overwrite=True, own=own).code == "forbidden"
    assert tree(tmp_path / "pilot") == ["state/logs/1.tgz", "token"]


def test_a_link_that_takes_a_file_s_place_meanwhile_is_judged_when_it_is_opened(
    node: Node, own: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(node.data, "folder/a")
    looked = Copier._problems

    def then_exchanged(*args: Any) -> Any:
        yield from looked(*args)
        (node.data / "folder").rename(node.data / "was")
        (node.data / "folder").symlink_to(tmp_path / "pilot/state")
        (tmp_path / "pilot/state/a").write_text("secret")

    monkeypatch.setattr(Copier, "_problems", then_exchanged)
    assert node.failure(node.bring, "folder/a", own=own).code == "forbidden"
    assert tree(node.job) == []


def test_a_pipe_that_takes_a_file_s_place_meanwhile_is_not_read(node: Node) -> None:
    write(node.data, "a", "b")

    def replace() -> None:
        (node.data / "b").unlink(missing_ok=True)
        os.mkfifo(node.data / "b")

    replaced = iter([replace])
    error = node.failure(node.bring, "a,b", beat=lambda: next(replaced, lambda: None)())
    assert (error.code, (node.job / "b").exists()) == ("not-a-file", False)


def test_what_lies_beside_is_copied(node: Node, own: list[str]) -> None:
    write(node.data, "proc/a", "dev", "token", "state.txt")
    assert node.bring("proc/a,dev,token,state.txt", own=own) == 4


def test_a_job_s_directory_below_the_pilot_s_state_is_the_job_s(node: Node, tmp_path: Path) -> None:
    write(node.job, "a")
    write(node.data, "b")
    own = [str(node.job.parent / "other"), str(node.job)]
    assert node.take("a", own=own) == 1
    assert node.bring("b", own=own) == 1


def test_a_copy_has_no_set_user_id(node: Node) -> None:
    write(node.data, "program")
    (node.data / "program").chmod(0o6755)
    node.bring("program")
    assert (node.job / "program").stat().st_mode & 0o7777 == 0o755
