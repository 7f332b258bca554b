"""The check of a queue: asked once an hour, of anybody, and never a reason to stop unless the server knows better."""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from goclient.errors.findings import Finding
from goclient.model.request import Job
from goclient.preflight.queue import KEPT, NEW, Queues, judge_queues
from goclient.services import trust
from goclient.services.panda.access import PandaAccess, Queue, QueueSource
from tests.commands import TIMEOUT
from tests.pace import within
from tests.preflight.contexts import check_job
from tests.web_server import Answer, Asked, saying, serving

SPECS = {"TEST1": {"status": "online", "maxwdir": 100}, "OFF": {"status": "offline"}, "TESTING": {"status": "test"},
         "BROKEROFF": {"status": "brokeroff", "maxwdir": None}, "OLD": {"status": None, "maxwdir": "7"}}  # fmt: skip


def told(data: Any, **more: Any) -> Answer:
    return saying(json.dumps({"success": True, "message": "", "data": data, **more}).encode())


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., list[Finding]]:
    """Return what is found wrong with a queue at a server, with a file of its own."""

    def look(asked: Asked, name: str, *, label: str = "user", largest: int = 0, seconds: float = 5.0) -> list[Finding]:
        source = QueueSource(PandaAccess(asked.url, 5.0, 5.0), tmp_path / "state" / "queues.json")
        findings = check_job(Job([name], label=label), lambda: source, seconds, input_size=largest)
        return [finding for finding in findings if finding.level != "ok"]

    return look


Found = Callable[..., list[Finding]]


def file_of(tmp_path: Path) -> Path:
    return tmp_path / "state" / "queues.json"


def age(tmp_path: Path, seconds: float) -> None:
    document = json.loads(file_of(tmp_path).read_text())
    file_of(tmp_path).write_text(json.dumps({**document, "time": time.time() - seconds}))


STATES = [
    pytest.param("TEST1", "user", 0, [], id="online"),
    pytest.param("TEST1", "user", 100 << 20, [], id="online, just enough room"),
    pytest.param("TEST1", "user", (100 << 20) + 1, ["queue-space"], id="online, not enough room"),
    pytest.param("OFF", "user", 0, ["queue-status"], id="offline"),
    pytest.param("TESTING", "user", 0, ["queue-status"], id="test"),
    pytest.param("TESTING", "test", 0, [], id="test, for a test"),
    pytest.param("BROKEROFF", "user", 1 << 50, ["queue-status"], id="brokeroff, no room known"),
    pytest.param("OLD", "user", 1 << 50, ["queue-status"], id="no status, room of another type"),
]


@pytest.mark.parametrize(("name", "label", "largest", "codes"), STATES)
def test_a_queue_that_may_not_run_a_job_is_a_warning(
    found: Found, name: str, label: str, largest: int, codes: list[str]
) -> None:
    with serving(told(SPECS)) as asked:
        findings = found(asked, name, label=label, largest=largest)
    assert [one.code for one in findings] == codes
    assert all(one.level == "warning" and one.hint for one in findings)


def test_a_queue_that_runs_the_job_is_said_so() -> None:
    known = Queues({"TEST1": Queue("online", 100), "TESTING": Queue("test", 0)})
    findings = judge_queues(known, ["TEST1", "TESTING"], label="test", input_size=1)
    assert [(one.level, one.message) for one in findings] == [
        ("ok", "the queue TEST1 is online"),
        ("ok", "the queue TESTING is test"),
    ]


@pytest.mark.parametrize("name", ["TSET1", "test1", "TEST", "TEST11", "TEST-1", "NOWHERE", "$TEST1", "ТEST1"])  # noqa: RUF001
def test_a_queue_that_the_server_does_not_know_is_an_error(found: Found, name: str) -> None:
    with serving(told(SPECS)) as asked:
        (finding,) = found(asked, name)
    assert (finding.level, finding.code) == ("error", "queue-unknown")
    assert finding.is_error
    assert finding.exit_code == 10
    assert "TEST1" in finding.hint


def test_it_is_asked_once_an_hour_without_any_credential(
    found: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hidden\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setattr(trust, "LOOPBACK", ())  # of which .netrc is not read in any case
    os.umask(0)
    with serving(told(SPECS)) as asked:
        for _ in range(3):
            assert found(asked, "TEST1") == []
        assert asked.paths == ["/api/v1/metaconfig/get_site_specs?type=all"]
        assert not {"authorization", "origin", "cookie"}.intersection(map(str.lower, asked.headers[0]))
        assert file_of(tmp_path).stat().st_mode & 0o777 == 0o600
        assert file_of(tmp_path).parent.stat().st_mode & 0o777 == 0o700
        assert os.listdir(file_of(tmp_path).parent) == ["queues.json"]
        age(tmp_path, KEPT + 1)
        assert found(asked, "TEST1") == []
        assert len(asked.paths) == 2


def test_what_is_wrong_by_a_kept_list_is_asked_again(found: Found, tmp_path: Path) -> None:
    specs: dict[str, Any] = dict(SPECS)
    with serving(lambda handler: told(specs)(handler)) as asked:
        assert found(asked, "TEST1") == []
        specs |= {"NEW": {"status": "online"}, "OFF": {"status": "online"}}
        assert found(asked, "NEW") == [], "it is new"
        age(tmp_path, NEW + 1)
        specs["TEST1"] = {"status": "offline"}
        assert found(asked, "OFF") == [], "it is online again"
        assert len(asked.paths) == 2, "the second list had it"
        assert found(asked, "TESTING") != []
        assert [one.code for one in found(asked, "TEST1")] == ["queue-status"]
        assert len(asked.paths) == 3


DAMAGED = [b"", b"{", b"[]", b"null", b'{"server": 3}', b"\xff\xfe", b'{"server": "URL", "time": "x", "queues": {}}',
           b'{"server": "URL", "time": 1e400, "queues": {"TEST1": ["online", 0]}}',
           b'{"server": "URL", "time": 0, "queues": {"TEST1": "online"}}', b"[" * 100_000,
           b'{"server": "http://other", "time": 9e12, "queues": {"NOWHERE": ["online", 0]}}',
           b'{"server": "URL", "time": 9e12, "queues": {"NOWHERE": ["online", 0]}}']  # fmt: skip


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_file_is_as_none(found: Found, tmp_path: Path, text: bytes) -> None:
    with serving(told(SPECS)) as asked:
        file_of(tmp_path).parent.mkdir()
        file_of(tmp_path).write_bytes(text.replace(b"URL", asked.url.encode()))
        assert found(asked, "TEST1") == []
        assert [one.code for one in found(asked, "NOWHERE")] == ["queue-unknown"]
    assert "TEST1" in json.loads(file_of(tmp_path).read_text())["queues"]


def test_a_folder_that_cannot_be_written_costs_nothing_but_the_next_request(found: Found, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with serving(told(SPECS)) as asked:
        assert found(asked, "TEST1") == []
        assert found(asked, "TEST1") == []
        assert len(asked.paths) == 2


ANSWERS = {
    "no such route": saying(b"<html>", status=404),
    "redirect": saying(b"", status=302, Location="/elsewhere"),
    "refused": saying(b'{"success": false, "message": "not supported", "data": null}'),
    "error": saying(b"ERROR : no", status=500),
    "not json": saying(b"<html>"),
    "a list": saying(b"[]"),
    "a number": saying(b"3"),
    "no data": saying(b'{"success": true}'),
    "data is a list": told([]),
    "no queues": told({}),
    "queues of another type": told({"TEST1": 3}),
    "deep": saying(b"[" * 100_000),
    "not utf-8": saying(b"\xff\xff"),
    "packed": saying(zlib.compress(b'{"success": true}'), Content_Encoding="deflate"),
    "too large": saying(b" " * ((8 << 20) + 1)),
    "broken off": saying(b'{"success": true, "data"', Content_Length="999"),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_server_that_does_not_tell_its_queues_is_one_warning(found: Found, tmp_path: Path, answer: Answer) -> None:
    with serving(answer) as asked:
        (finding,) = found(asked, "TEST1")
        assert (finding.level, finding.code) == ("warning", "queue-unchecked")
        assert '"TEST1"' in finding.message
        assert len(asked.paths) == 1
    assert not file_of(tmp_path).exists()


def test_without_an_answer_an_old_list_counts_and_stops_nothing(found: Found, tmp_path: Path) -> None:
    working = [True]

    def answer(handler: BaseHTTPRequestHandler) -> None:
        (told(SPECS) if working[0] else saying(b"", status=503))(handler)

    with serving(answer) as asked:
        assert found(asked, "TEST1") == []
        working.clear()
        working.append(False)
        age(tmp_path, 10 * KEPT)
        assert [(one.level, one.code) for one in found(asked, "TEST1")] == [("warning", "queue-unchecked")]
        unknown = found(asked, "NOWHERE")
        assert [(one.level, one.code) for one in unknown] == [
            ("warning", "queue-unknown"),
            ("warning", "queue-unchecked"),
        ]


def test_a_server_that_does_not_answer_has_an_end(found: Found, tmp_path: Path) -> None:
    hangs: list[bool] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if hangs:
            time.sleep(TIMEOUT)
        told(SPECS)(handler)

    with serving(answer) as asked:
        assert [one.code for one in found(asked, "OFF")] == ["queue-status"]
        hangs.append(True)
        age(tmp_path, 10 * KEPT)
        with within(5.0):
            old = found(asked, "OFF", seconds=2.0)
            file_of(tmp_path).unlink()
            none = found(asked, "TEST1", seconds=1.0)
    assert [(one.level, one.code) for one in none] == [("warning", "queue-unchecked")]
    assert [one.code for one in old] == ["queue-status", "queue-unchecked"]
