"""The program of a probe tells how servers answer it, as a carrier would ask them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from goclient.probe import servers
from tests import faults
from tests.faults import FaultyServer, certificate

PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")


@pytest.fixture(autouse=True)
def _no_web_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


def reach(url: str, *, verified: bool = True) -> dict[str, Any]:
    return servers.reach({"of": "id", "name": "GUEST1", "url": url, "verified": verified}, 2.0)


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
        assert servers.count_authorities() > 0
    assert reach(server.url)["step"] == "connect"
    assert reach("https://name.invalid/")["step"] == "name"


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "all_proxy"])
def test_a_web_proxy_is_asked_as_a_carrier_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = faults.replies(faults.http(b"", status="403 Forbidden"))
    with FaultyServer(refused) as proxy:
        monkeypatch.setenv(name, f"http://jdoe:p%40ss@127.0.0.1:{proxy.port}")
        found = reach("https://globus.example/")
        (asked,) = proxy.requests
        assert servers.find_proxy() == {"of": f"127.0.0.1:{proxy.port}", "error": ""}
        monkeypatch.setenv("NO_PROXY", "globus.example")
        assert servers.web_proxy("globus.example") == servers.web_proxy("127.0.0.1") == ""
    assert "403 Forbidden" in found["error"]
    assert asked.headers["proxy-authorization"] == "Basic amRvZTpwQHNz"
    assert "p@ss" not in json.dumps(found)
    assert (servers.find_proxy() or {})["error"] == "Connection refused"
