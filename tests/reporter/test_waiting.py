"""Every command says for whom it waits, after two seconds, once, and not if answers come in time."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from goclient.reporter import waiting
from goclient.reporter.base import SILENT
from goclient.reporter.waiting import Waits
from tests.commands import Result
from tests.sandboxes import Sandbox

SECONDS = 2.6  # that each answer takes: more than a command waits in silence
INPUT = "SITE1:/home/osg_data/panda/"
MYPROXY = ("--retriever", "/C=TW/O=Test/CN=pilot")
GLOBUS, PANDA, OF_MYPROXY = "Globus", "the PanDA server", "the MyProxy server"

COMMANDS: dict[str, tuple[str, ...]] = {
    "goclient status 1": (PANDA,),
    "goclient explain --pandaid 1": (PANDA,),
    "goclient check --pandaid 1": (PANDA,),
    "goclient whoami": (GLOBUS,),
    "goclient login": (GLOBUS,),
    f"goclient check --StageinGOsrc={INPUT}": (GLOBUS,),
    "goclient endpoint show SITE1": (GLOBUS,),
    "goclient endpoint list --search=BNL": (GLOBUS,),
    "goclient endpoint add X 9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f": (GLOBUS,),
    f"goclient myproxy deposit {' '.join(MYPROXY)}": (OF_MYPROXY,),
    "goclient myproxy info": (OF_MYPROXY,),
    "goclient myproxy destroy": (OF_MYPROXY,),
    "goclient myproxy retrieve -o x": (OF_MYPROXY,),
    "goclient pilot --site TEST1 --once": (PANDA,),
    f"sendJob.py --computingSite=TEST1 --transformation=http://127.0.0.1:9/x --StageinGOsrc={INPUT}": (GLOBUS, PANDA),
}


@pytest.fixture(scope="module")
def results(shared_sandbox: Sandbox) -> Iterator[dict[str, Result]]:
    """Yield what each command did, all of them at once, while each answer takes long."""
    url = f"{shared_sandbox.url}/sandbox/trouble"
    document = {"route": "* /*", "kind": "delay", "seconds": SECONDS}
    requests.post(url, json=document, timeout=60).raise_for_status()
    with ThreadPoolExecutor(len(COMMANDS)) as pool:
        done = pool.map(lambda command: shared_sandbox.run(*command.split()), COMMANDS)
        yield dict(zip(COMMANDS, done, strict=True))
    requests.delete(url, timeout=60)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_once_for_whom_it_waits(results: dict[str, Result], command: str) -> None:
    result = results[command]
    lines = [line for line in result.err.splitlines() if "waiting for" in line]
    told = [re.sub(r".*waiting for (\D+?) (http|\S+:\d|\().*", r"\1", line) for line in lines]
    assert sorted(told) == sorted(COMMANDS[command]), "two that are asked side by side come in any order"
    assert all(line.endswith("s at most)") for line in lines)
    assert "waiting for" not in result.out


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> Waits:
    monkeypatch.setattr(waiting, "SAY_AFTER", 0.2)
    return Waits(told.append)


def until(true: Callable[[], Any]) -> None:
    give_up = time.monotonic() + 20
    while not true() and time.monotonic() < give_up:
        time.sleep(0.01)
    assert true()


def test_waits_that_overlap_are_one(waits: Waits, told: list[str]) -> None:
    with waits.waiting("A", 60), waits.waiting("A", 30), waits.waiting("B", 5):
        until(lambda: len(told) == 2)
    assert sorted(told) == ["waiting for A (60 s at most)", "waiting for B (5 s at most)"]
    with waits.waiting("A", 60):
        time.sleep(0.3)
    assert len(told) == 2, "each service is said once"


def test_short_waits_one_after_the_other_are_one(waits: Waits, told: list[str]) -> None:
    for _ in range(4):
        with waits.waiting("A", 60):
            time.sleep(0.1)
    assert told == ["waiting for A (60 s at most)"]


def test_a_wait_that_is_over_is_not_said(waits: Waits, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SAY_AFTER", 20.0)
    before = threading.active_count()
    with waits.waiting("A", 60):
        assert threading.active_count() == before + 1
    until(lambda: threading.active_count() == before)  # nothing is to be said any more
    assert told == []


def test_a_program_that_uses_goclient_is_told_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with SILENT.waiting("A", 60):
        pass
    assert capfd.readouterr() == ("", "")
