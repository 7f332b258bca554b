"""A copy between two servers goes on from where its destination said that it had arrived."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from goclient.errors import EndpointError
from goclient.services.gridftp import third_party as module
from goclient.services.gridftp.data import Watch
from goclient.services.gridftp.replies import Reply
from goclient.services.gridftp.third_party import Copy, _End, third_party


class Told:
    """A session whose server has said something, and which keeps what it was told."""

    def __init__(self, *said: tuple[int, str]) -> None:
        self.replies = [Reply(code, (text.encode(),)) for code, text in said]
        self.sent: list[str] = []

    def send(self, *commands: str) -> None:
        self.sent += commands

    def next_reply(self) -> Reply | None:
        return self.replies.pop(0) if self.replies else None


def end_of(told: Any, command: str) -> _End:
    return _End(told, command)


def test_a_marker_of_a_copy_is_where_it_goes_on() -> None:
    copies, moved = [Copy("/a", "/b"), Copy("/c", "/d")], list[int]()
    first = Told((111, "111 Range Marker 0-29,40-50"), (226, "226 done"), (111, "111 Range Marker 0-7"))
    end_of(first, "STOR").read(copies, Watch(moved.append, 1.0))
    assert [one.arrived for one in copies] == ["0-29,40-50", "0-7"]
    for command, path in (("STOR", "/b"), ("RETR", "/a")):  # both servers go on from there
        again = Told()
        end_of(again, command).order(copies[0], path)
        assert again.sent == ["REST 0-29,40-50", f"{command} {path}"]


def test_a_copy_of_which_nothing_has_arrived_is_begun_anew() -> None:
    told = Told()
    end_of(told, "RETR").order(Copy("/a", "/b"), "/a")
    assert told.sent == ["RETR /a"]


class Closing:
    """A session that is closed when nothing comes of it."""

    def close(self) -> None:
        return


def test_both_servers_get_the_key_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)

    def prepare(*_: object, **__: object) -> None:
        both.wait(30.0)
        raise EndpointError("they have it")

    monkeypatch.setattr(module, "prepare", prepare)
    first: Any = Closing()
    with pytest.raises(EndpointError, match="they have it"):
        third_party(first, first, [Copy("/a", "/b")], watch=Watch(lambda _: None, 60.0))
