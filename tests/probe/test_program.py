"""The program of a probe tells what it finds, one defect beside another, and always tells something."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from goclient.probe import program
from tests import faults
from tests.commands import TIMEOUT
from tests.faults import FaultyServer, certificate
from tests.pace import within

ASKED: dict[str, Any] = {"targets": [], "paths": [{"of": "/none"}], "seconds": 1, "shared": None}
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a job, with that of its program in it, where the process is."""
    (tmp_path / "workDir").mkdir()
    monkeypatch.chdir(tmp_path / "workDir")
    monkeypatch.setenv("TRF_EXEC_HOME_DIR", str(tmp_path))
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def reach(url: str, *, verified: bool = True) -> dict[str, Any]:
    return program.reach({"of": "id", "name": "GUEST1", "url": url, "verified": verified}, 2.0)


def told(path: Path) -> Any:
    document = json.loads(path.read_text())
    return document.get("user_job_metadata", document)["goclient"]["probe"]


def test_what_cannot_be_found_hides_nothing_else(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise MemoryError

    monkeypatch.setattr(program, "find_limits", fail)
    assert program.main(json.dumps(ASKED)) == 0
    found = told(home / "workDir/userJobMetadata.json")
    assert (found["limits"], found["errors"]) == (None, {"limits": "MemoryError"})
    assert found["directory"]["write"] == found["directory"]["run"] == found["temporary"] == ""
    assert found["paths"][0]["error"] == "No such file or directory"


@pytest.mark.parametrize("taken", [1, 2])
def test_a_report_that_cannot_be_written_goes_another_way(
    taken: int, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in (home / "workDir/userJobMetadata.json", home / "jobReport.json")[:taken]:
        path.mkdir()
    code = program.main(json.dumps(ASKED))
    if taken == 1:
        assert (code, told(home / "jobReport.json")["version"]) == (0, 1)
    else:
        critical = "CRITICAL goclient: the probe cannot write its report: Is a directory\n"
        assert (code, capfd.readouterr().out) == (program.UNWRITTEN, critical)


@pytest.mark.parametrize("top", ["", "pnfs", "pnfs/site/staging"])
def test_a_mark_is_found_below_a_directory_that_is_named(top: str, home: Path) -> None:
    tails = ("site/staging", "staging", "")
    (there := home / "pnfs/site/staging").joinpath("mark").mkdir(parents=True)
    sought = {"mark": "mark", "tails": ["pnfs/site/staging", *tails], "tops": [str(home / top)]}
    found = program.find_shared(sought, 5.0)
    assert found == {"mark": "mark", "node": str(there), "answer": found["answer"], "error": ""}
    assert (there / "mark" / found["answer"]).is_dir()


def test_a_mark_that_is_nowhere_is_told() -> None:
    found = program.find_shared({"mark": "no-such-mark", "tails": ["a/b", "b", ""], "tops": []}, 5.0)
    assert (found["node"], found["error"]) == ("", "No such file or directory")


def test_runGen_is_known_by_its_build_or_its_name(home: Path) -> None:
    (home / "runGen-00-00-02").touch()
    assert program.find_rungen() == "runGen-00-00-02"
    (home / "pandawnutil").mkdir()
    (home / "pandawnutil/build_timestamp.py").write_text('build_timestamp="2026-06-04 09:20:26 UTC"\n')
    assert program.find_rungen() == "2026-06-04 09:20:26 UTC"


@pytest.mark.parametrize(
    ("fault", "step", "status"),
    [
        pytest.param(None, "", 404, id="an answer"),
        pytest.param(faults.reset_unread, "connect", 0, id="a reset"),
        pytest.param(faults.silent, "connect", 0, id="silence"),
        pytest.param(faults.half_a_status_line, "answer", 0, id="nonsense"),
    ],
)
def test_how_a_server_answers_is_told(fault: Any, step: str, status: int) -> None:
    with FaultyServer(fault) as server:
        found = reach(server.url)
    assert (found["step"], found["status"], bool(found["error"])) == (step, status, bool(step))


def test_a_certificate_counts_where_it_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = certificate(tmp_path)
    with FaultyServer(tls=own.context) as server:
        assert reach(server.url)["step"] == "certificate"
        assert reach(server.url, verified=False)["status"] == 404
        monkeypatch.setenv("SSL_CERT_DIR", str(own.trusting))
        assert reach(server.url)["status"] == 404
        assert program.count_authorities() > 0
    assert reach(server.url)["step"] == "connect"
    assert reach("https://name.invalid/")["step"] == "name"


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "all_proxy"])
def test_a_web_proxy_is_asked_as_a_carrier_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = faults.replies(faults.http(b"", status="403 Forbidden"))
    with FaultyServer(refused) as proxy:
        monkeypatch.setenv(name, f"http://jdoe:p%40ss@127.0.0.1:{proxy.port}")
        found = reach("https://globus.example/")
        (asked,) = proxy.requests
        assert program.find_proxy() == {"of": f"127.0.0.1:{proxy.port}", "error": ""}
        monkeypatch.setenv("NO_PROXY", "globus.example")
        assert program.web_proxy("globus.example") == program.web_proxy("127.0.0.1") == ""
    assert "403 Forbidden" in found["error"]
    assert asked.headers["proxy-authorization"] == "Basic amRvZTpwQHNz"
    assert "p@ss" not in json.dumps(found)
    assert (program.find_proxy() or {})["error"] == "Connection refused"


def test_what_hangs_is_told_and_waited_for_no_longer() -> None:
    ended = threading.Event()

    def hang(_: dict[str, Any], __: float) -> dict[str, Any]:
        ended.wait(TIMEOUT)
        return {}

    with within(0.8):
        (found,) = program.side_by_side(hang, [{"of": "x"}], 0.1)
    ended.set()
    assert found == {"of": "x", "error": "no answer within 0.1 s", "step": "connect"}
