"""Replies and facts of GridFTP servers, read; the texts are those of globus-gridftp-server 13.24."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import EndpointError
from goclient.errors.conditions import NotADirectory, NotMapped, PathExists, PathNotFound, SessionClosed, StorageDenied
from goclient.services.gridftp.facts import listing_of
from goclient.services.gridftp.replies import Lines, Malformed, Reply, login_refusal, refusal
from tests.strategies import SOME


def reply(*lines: str) -> Reply:
    """The reply that has these lines."""
    (found,) = Lines().feed("".join(f"{line}\r\n" for line in lines).encode())
    return found


def globus(code: int, condition: str, number: int, text: str) -> Reply:
    parts = (f"GlobusError: v=1 c={condition}", f"GridFTP-Errno: {number}", f"GridFTP-Error-String: {text}")
    return reply(*(f"{code}-{part}" for part in parts), f"{code} End.")


REFUSALS = {
    "nothing": (globus(550, "PATH_NOT_FOUND", 2, "No such file or directory"), PathNotFound, False),
    "taken": (globus(553, "PATH_EXISTS", 17, "File exists"), PathExists, False),
    "file": (globus(550, "NOT_A_DIRECTORY", 20, "Not a directory"), NotADirectory, False),
    "denied": (globus(550, "PERMISSION_DENIED", 13, "Permission denied"), StorageDenied, False),
    "outside": (reply("500 Command failed : Path not allowed."), StorageDenied, False),
    "full": (reply("500-globus_xio: System error in write: No space left on device", "500 End."), EndpointError, False),
    "quota": (reply("500-System error in write: Disk quota exceeded", "500 End."), EndpointError, False),
    "gone": (reply("500-System error in open: No such file or directory", "500 End."), PathNotFound, False),
    "broken": (reply("426-globus_xio: System error in writev: Broken pipe", "426 End."), EndpointError, True),
    "cut": (reply("500-globus_xio: An end-of-file was reached", "500 End."), EndpointError, True),
    "busy": (reply("450 The file is busy."), EndpointError, True),
    "unknown": (reply("500 Command not supported."), EndpointError, False),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_has_its_class_and_says_the_path(name: str) -> None:
    said, kind, transient = REFUSALS[name]
    error = refusal(said, "gsiftp://h/a b")
    assert (type(error), error.transient) == (kind, transient)
    assert error.message.startswith('"gsiftp://h/a b": ')


def test_an_unmapped_dn_is_the_one_that_the_server_saw() -> None:
    said = reply("530-Login incorrect. : globus_gss_assist: Gridmap lookup failure: Could not map /C=TW/CN=A b",
                 "530-", "530 End.")  # fmt: skip
    error = login_refusal(said, server="GridFTP server h:1", subject="gsiftp://h", dn="/CN=other")
    assert isinstance(error, NotMapped)
    assert "/C=TW/CN=A b" in error.hint
    closed = login_refusal(reply("421 Too busy."), server="GridFTP server h:1", subject="gsiftp://h", dn="/CN=x")
    assert isinstance(closed, SessionClosed)


@SOME
@given(st.lists(st.binary(max_size=30).filter(lambda one: not set(one) & set(b"\r\n")), max_size=6), st.data())
def test_a_reply_is_the_same_in_pieces(content: list[bytes], data: st.DataObject) -> None:
    whole = b"250-Begin\r\n" + b"".join(b" " + one + b"\r\n" for one in content) + b"250 End.\r\n"
    lines, found, rest = Lines(), [], whole
    while rest:
        cut = data.draw(st.integers(1, len(rest)))
        found += lines.feed(rest[:cut])
        rest = rest[cut:]
    assert [one.content for one in found] == [tuple(b" " + one for one in content)]


@SOME
@given(st.binary(max_size=200))
def test_any_bytes_are_replies_or_malformed(data: bytes) -> None:
    try:
        for found in Lines().feed(data):
            refusal(found, "gsiftp://h/a")
            listing_of(found.content)
    except Malformed:
        pass
