"""Files in a collection are listed, described and copied as Transfer does it, whatever they are and are called."""

from __future__ import annotations

import errno
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.sandbox.globus.items import CODES, OTHER
from goclient.sandbox.globus.storage import MAPPED, StorageError, decode_name, encode_name, entries, system_errors
from tests.sandbox.globus.test_tasks import User
from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox

LONG = "n" * 255
TYPES = {
    "file": ("file", None),
    "dir": ("dir", None),
    "pipe": ("pipe", None),
    "socket": ("other", None),
    "link": ("file", "file"),
    "linked-dir": ("dir", "dir"),
    "dangling": ("invalid_symlink", "none"),
    "loop": ("invalid_symlink", "loop"),
    "out": ("invalid_symlink", "/etc"),
}


@pytest.mark.skipif("os.geteuid() != 0", reason="only root can make devices")
@pytest.mark.parametrize(("kind", "mode", "device"), [("chr", stat.S_IFCHR, (1, 3)), ("blk", stat.S_IFBLK, (7, 0))])
def test_a_device_has_its_type(kind: str, mode: int, device: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / kind
    try:
        os.mknod(path, mode | 0o600, os.makedev(*device))
    except PermissionError:
        pytest.skip("this root cannot make devices either")
    collection = {"entity_type": MAPPED, "root": str(tmp_path)}
    assert [(one["name"], one["type"]) for one in entries(collection, tmp_path)] == [(kind, kind)]


@pytest.fixture(scope="module")
def user(shared_sandbox: Sandbox) -> User:
    return User(shared_sandbox)


@pytest.fixture
def folder(shared_sandbox: Sandbox, tmp_path: Path) -> Iterator[Path]:
    """A folder of the test's own at SITE1, with one of each type of file."""
    made = shared_sandbox.path("SITE1", tmp_path.name)
    (made / "dir").mkdir(parents=True)
    (made / "file").write_bytes(b"12345")
    (made / "file").chmod(0o640)
    os.mkfifo(made / "pipe", 0o600)
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.open(made, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{here}/socket")  # the whole path is too long for an address
        os.close(here)
    for name, target in {
        "link": "file",
        "linked-dir": "dir",
        "dangling": "none",
        "loop": "loop",
        "out": "/etc",
    }.items():
        (made / name).symlink_to(target)
    yield made
    (made / "dir").chmod(0o755)


def ask(user: User, word: str, path: str) -> Any:
    return user.call("GET", f"operation/endpoint/{user.site}/{word}", params={"path": path}).json()


@pytest.mark.conformance  # it takes long
def test_each_entry_has_its_type_and_a_link_that_of_its_target(user: User, folder: Path) -> None:
    listed = {one["name"]: one for one in ask(user, "ls", f"/{folder.name}")["DATA"]}
    assert {name: (one["type"], one["link_target"]) for name, one in listed.items()} == TYPES
    for name, one in listed.items():
        assert ask(user, "stat", f"/{folder.name}/{name}") == one, "stat says what ls says"


def test_an_entry_has_permissions_and_owners_and_a_link_its_own_beside_them(user: User, folder: Path) -> None:
    plain, link = (ask(user, "stat", f"/{folder.name}/{name}") for name in ("file", "link"))
    assert {**plain, "name": "link"}.items() >= {n: link[n] for n in ("name", "size", "permissions", "user")}.items()
    assert (plain["permissions"], plain["size"], plain["link_size"]) == ("0640", 5, None)
    assert (link["link_size"], link["link_user"]) == (4, plain["user"])
    assert plain["user"] == folder.owner()
    assert plain["group"] == folder.group()


@pytest.mark.parametrize("order", ["link_target", "link_size DESC", "type,name", "size DESC,link_target"])
def test_entries_are_ordered_by_what_only_some_have(user: User, folder: Path, order: str) -> None:
    given = {"path": f"/{folder.name}", "orderby": order}
    listed = user.call("GET", f"operation/endpoint/{user.site}/ls", params=given).json()["DATA"]
    assert {one["name"] for one in listed} == set(TYPES)


NAMES = [
    pytest.param(b"plain", "plain", id="ASCII"),
    pytest.param("größe 林".encode(), "größe 林", id="UTF-8"),
    pytest.param(b"gr\xf6\xdfe", "\ufffdgröße", id="Latin-1"),
    pytest.param(b"\xff\xfe", "\ufffdÿþ", id="no text at all"),
    pytest.param(b"a\xc3", "\ufffdaÃ", id="cut UTF-8"),
    pytest.param("\ufffdx".encode(), "\ufffdx", id="UTF-8 that begins with the mark"),
    pytest.param(b"a\nb\tc", "a\nb\tc", id="control characters"),
    pytest.param(LONG.encode(), LONG, id="255 bytes"),
]


@pytest.mark.parametrize(("raw", "shown"), NAMES)
def test_a_name_is_shown_and_taken_as_transfer_does_it(user: User, folder: Path, raw: bytes, shown: str) -> None:
    (folder / "names").mkdir()
    Path(os.fsdecode(os.fsencode(folder / "names") + b"/" + raw)).write_bytes(b"x")
    place = f"/{folder.name}/names"
    assert [one["name"] for one in ask(user, "ls", place)["DATA"]] == [shown]
    assert ask(user, "stat", f"{place}/{shown}")["size"] == 1
    item = {"source_path": f"{place}/{shown}", "destination_path": f"/{folder.name}/dir/{shown}"}
    assert user.ended(user.submit("transfer", item))["status"] == "SUCCEEDED"
    assert os.listdir(os.fsencode(folder / "dir")) == [raw]
    whole = {"source_path": f"{place}/", "destination_path": f"/{folder.name}/whole/", "recursive": True}
    task = user.ended(user.submit("transfer", whole))
    (moved,) = user.call("GET", f"task/{task['task_id']}/successful_transfers").json()["DATA"]
    assert moved["source_path"] == f"{place}/{shown}"
    assert user.ended(user.submit("delete", {"path": f"{place}/{shown}"}))["status"] == "SUCCEEDED"
    assert ask(user, "ls", place)["DATA"] == []


@given(st.binary(min_size=1, max_size=40))
def test_every_name_is_read_back_from_what_is_shown_of_it(raw: bytes) -> None:
    name = os.fsdecode(raw)
    assert decode_name(encode_name(name)) == name


REFUSED = [
    pytest.param("ls", "a\0b", "InvalidPath", id="NUL"),
    pytest.param("stat", "a\r\nb", "InvalidPath", id="the line break that Globus refuses"),
    pytest.param("stat", "n" * 256, "InvalidPath", id="a name of 256 bytes"),
    pytest.param("ls", "é" * 128, "InvalidPath", id="256 bytes in 128 characters"),
    pytest.param("ls", "file/x", "ExternalError.DirListingFailed.NotDirectory", id="below a file"),
    pytest.param("ls", "pipe", "ExternalError.DirListingFailed.NotDirectory", id="ls of a pipe"),
    pytest.param("ls", "loop", "EndpointError", id="ls of a loop"),
    pytest.param("ls", "dangling", "ClientError.NotFound", id="ls of a dangling link"),
    pytest.param("ls", "out", "EndpointPermissionDenied", id="ls of a link out of the collection"),
    pytest.param("stat", "out/passwd", "EndpointPermissionDenied", id="through a link out of the collection"),
]


@pytest.mark.parametrize(("word", "name", "code"), REFUSED)
def test_a_path_that_cannot_be_used_is_the_service_s_error(
    user: User, folder: Path, word: str, name: str, code: str
) -> None:
    assert ask(user, word, f"/{folder.name}/{name}")["code"] == code


def test_a_lone_surrogate_in_a_path_is_refused(user: User) -> None:
    answer = user.call("POST", f"operation/endpoint/{user.site}/mkdir", json={"path": "/a\udcff"})
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidPath")
    named = user.call("POST", "endpoint", json={"display_name": "\ud800", "is_globus_connect": True})
    assert named.status_code == 400


def test_the_owner_s_bits_count_for_root_too(user: User, folder: Path) -> None:
    place = f"/{folder.name}/dir"
    (folder / "dir" / "inner").write_text("x")
    (folder / "dir").chmod(0o311)
    assert ask(user, "ls", place)["code"] == "EndpointPermissionDenied"
    assert ask(user, "stat", f"{place}/inner")["size"] == 1, "it may be entered"
    (folder / "dir").chmod(0o644)
    assert ask(user, "stat", f"{place}/inner")["code"] == "EndpointPermissionDenied"
    (folder / "dir").chmod(0o555)
    made = user.call("POST", f"operation/endpoint/{user.site}/mkdir", json={"path": f"{place}/new"})
    assert made.json()["code"] == "EndpointPermissionDenied"


FAULTS: list[Any] = [
    pytest.param("none", "new", "FILE_NOT_FOUND", id="no source"),
    pytest.param("dangling", "new", "INVALID_SYMLINK", id="a dangling link"),
    pytest.param("loop", "new", "INVALID_SYMLINK", id="a loop of links"),
    pytest.param("pipe", "new", "NOT_A_FILE", id="a pipe"),
    pytest.param("socket", "new", "NOT_A_FILE", id="a socket"),
    pytest.param("out", "new", "PERMISSION_DENIED", id="a link out of the collection"),
    pytest.param("file", "dir", "IS_A_DIRECTORY", id="onto a directory"),
    pytest.param("file", "file/x", "NOT_A_DIRECTORY", id="below a file"),
    pytest.param("file", "n" * 256, "INVALID_PATH_NAME", id="a name of 256 bytes"),
    pytest.param("file", "a\r\nb", "INVALID_PATH_NAME", id="a line break"),
    pytest.param("file", "../../../x", "PERMISSION_DENIED", id="out of the collection"),
]


@pytest.mark.parametrize(("source", "target", "code"), FAULTS)
def test_a_fault_has_the_code_of_its_cause(user: User, folder: Path, source: str, target: str, code: str) -> None:
    place = f"/{folder.name}"
    sent = user.submit("transfer", {"source_path": f"{place}/{source}", "destination_path": f"{place}/{target}"})
    until(lambda: user.task(sent)["faults"])
    assert user.task(sent)["nice_status"] == code
    assert user.call("POST", f"task/{sent.json()['task_id']}/cancel").ok
    assert not list(folder.rglob(".*.part"))


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "NO_SPACE_LEFT"),
        (errno.EDQUOT, "QUOTA_EXCEEDED"),
        (errno.EROFS, "PERMISSION_DENIED"),
        (errno.ENAMETOOLONG, "INVALID_PATH_NAME"),
        (errno.ELOOP, "INVALID_SYMLINK"),
        (errno.EIO, "ENDPOINT_ERROR"),
    ],
)
def test_an_error_of_the_system_is_the_fault_that_it_is(number: int, code: str) -> None:
    with pytest.raises(StorageError) as raised, system_errors():
        raise OSError(number, "x")
    assert CODES.get(raised.value.kind, OTHER) == code


@pytest.mark.parametrize("mode", [0o000, 0o200, 0o077])
def test_a_file_that_its_owner_may_not_read_is_a_fault(user: User, folder: Path, mode: int) -> None:
    (folder / "file").chmod(mode)
    sent = user.submit("transfer", {"source_path": f"/{folder.name}/file", "destination_path": f"/{folder.name}/x"})
    until(lambda: user.task(sent)["faults"])
    assert user.task(sent)["nice_status"] == "PERMISSION_DENIED"


def rename_link(user: User, place: str) -> None:
    paths = {"old_path": f"{place}/link", "new_path": f"{place}/renamed"}
    assert user.call("POST", f"operation/endpoint/{user.site}/rename", json=paths).ok


def delete_link(user: User, place: str) -> None:
    assert user.ended(user.submit("delete", {"path": f"{place}/link"}))["status"] == "SUCCEEDED"


@pytest.mark.parametrize("change", [rename_link, delete_link])
def test_a_link_is_changed_itself_and_not_what_it_leads_to(
    user: User, folder: Path, change: Callable[[User, str], None]
) -> None:
    change(user, f"/{folder.name}")
    assert (folder / "file").read_bytes() == b"12345"
    assert not (folder / "link").is_symlink()


def test_a_guest_s_rule_holds_behind_a_link_too(shared_sandbox: Sandbox) -> None:
    from tests.sandbox.globus.test_permissions import DENIED, Identity

    shared = shared_sandbox.path("SITE1", "shared")
    link = shared / "in" / f"behind-{time.monotonic_ns()}"
    link.symlink_to("../private")
    pilot = Identity(shared_sandbox, "pilot")
    assert pilot.operate("GUEST1", "ls", path=f"/in/{link.name}") == DENIED
    assert pilot.operate("GUEST1", "stat", path=f"/in/{link.name}/own.dat") == DENIED
    link.unlink()
