"""Secrets of users are kept as the real server keeps them, also where that loses one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.panda.test_tasks import call
from tests.sandboxes import Sandbox

FILE = "___file___:"


@pytest.fixture
def panda(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    """A sandbox whose settings are set back, and whose users have no secrets."""
    shared_sandbox.rows("delete from secrets")
    yield shared_sandbox
    shared_sandbox.set()
    shared_sandbox.rows("delete from secrets")


def change(sandbox: Sandbox, key: str | None = None, value: str | None = None, *, token: str = "user") -> Any:
    return call(sandbox, "creds/set_user_secrets", {"key": key, "value": value}, token=token)


def kept(sandbox: Sandbox, *keys: str, token: str = "user") -> Any:
    more = {"keys": list(keys)} if keys else {}
    answer = call(sandbox, "creds/get_user_secrets", token=token, **more)
    assert answer["success"], answer
    return json.loads(answer["data"])


def test_secrets_are_kept_by_user_until_they_are_removed(panda: Sandbox) -> None:
    assert kept(panda) == {}
    for key, value in (("A", "1"), (f"{FILE}b", "Yg=="), ("C", "3")):
        assert change(panda, key, value) == {"success": True, "message": "OK", "data": None}
    assert kept(panda) == {"A": "1", f"{FILE}b": "Yg==", "C": "3"}
    assert (kept(panda, "A", "C"), kept(panda, "A")) == ({"A": "1", "C": "3"}, {"A": "1"})
    assert kept(panda, token="pilot") == {}
    for key in ("C", "b", "none"):
        assert change(panda, key)["success"]
    assert kept(panda) == {"A": "1"}
    assert change(panda)["success"]
    assert kept(panda) == {}
    assert change(panda, "A", "1", token="")["message"] == "SSL secure connection is required"


@pytest.mark.parametrize("first", [pytest.param(True, id="the first ones"), pytest.param(False, id="later ones")])
def test_of_two_changes_at_the_same_time_one_is_lost(panda: Sandbox, first: bool) -> None:
    if not first:
        change(panda, "X", "0")
    panda.set(secret_seconds=0.3)
    answers: list[Any] = []
    beside = threading.Thread(target=lambda: answers.append(change(panda, "A", "1")))
    beside.start()
    answers.append(change(panda, "B", "2"))
    beside.join()
    panda.set()
    assert sorted(answer["message"] for answer in answers) == (["OK", "database error"] if first else ["OK", "OK"])
    assert len(kept(panda).keys() & {"A", "B"}) == 1
