"""Archives and secrets of carried jobs are taken by the PanDA server's own code, and by the sandbox as there."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from goclient.carrier.archive import FORM, LIMIT
from goclient.config.connections import Connections
from goclient.services.panda.calls import Refused
from goclient.services.panda.client import PandaServer
from tests.sandboxes import Sandbox

SCRIPT = Path(__file__).with_name("panda_uploads.py")


class Server(NamedTuple):
    """A server of PanDA's, and where it keeps files."""

    client: PandaServer
    cache: Path


@pytest.fixture(params=["real", "sandbox"])
def server(request: pytest.FixtureRequest, shared_sandbox: Sandbox, tmp_path: Path) -> Iterator[Server]:
    if request.param == "sandbox":
        shared_sandbox.rows("delete from secrets")
        yield Server(Connections(environ=shared_sandbox.env).panda(), shared_sandbox.root / "cache")
        return
    python = os.environ.get("GOCLIENT_TEST_SERVER_PYTHON")
    if not python:
        pytest.skip("GOCLIENT_TEST_SERVER_PYTHON names no interpreter that has panda-server-source")
    words, env = (
        [python, str(SCRIPT), str(tmp_path)],
        {"PATH": os.environ["PATH"], "PYTHONPATH": str(SCRIPT.parents[2])},
    )
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        try:
            url = f"http://127.0.0.1:{port}/server/panda"
            yield Server(Connections(environ={**shared_sandbox.env, "PANDA_URL_SSL": url}).panda(), tmp_path)
        finally:
            process.kill()


def test_an_archive_is_kept_once_and_never_replaced(server: Server) -> None:
    name = f"jobO.{uuid.uuid4()}.tar.gz"
    server.client.upload(name, b"\x1f\x8b\0first\r\n--x")
    with pytest.raises(Refused, match="cannot overwrite"):
        server.client.upload(name, b"second")
    assert (server.cache / name).read_bytes() == b"\x1f\x8b\0first\r\n--x"


def test_an_archive_may_be_as_large_as_goclient_says_and_no_larger(server: Server) -> None:
    name = f"jobO.{uuid.uuid4()}.tar.gz"
    with pytest.raises(Refused, match="Exceeded size limit 10 MB > 10 MB"):
        server.client.upload(name, bytes(LIMIT))
    server.client.upload(name, bytes(LIMIT - FORM))
    assert (server.cache / name).stat().st_size == LIMIT - FORM


def test_secrets_are_set_replaced_and_read_back(server: Server) -> None:
    client, file = server.client, "___file___:goclient-ab.json"
    assert client.secrets() == {}
    client.set_secret(file, "e30=")
    client.set_secret("other", "'\"$x` é")
    client.set_secret(file, "e319")
    assert client.secrets() == {file: "e319", "other": "'\"$x` é"}
