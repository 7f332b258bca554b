"""The queues of the sandbox are told to anybody, with the fields of the real server; one of them is offline."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest
import requests

from tests.commands import TIMEOUT
from tests.sandboxes import Sandbox


def told(sandbox: Sandbox, query: str) -> Any:
    answer = requests.get(f"{sandbox.url}/api/v1/metaconfig/get_site_specs{query}", timeout=TIMEOUT).json()
    assert (answer["success"], answer["message"]) == (True, "")
    return answer["data"]


def test_anybody_is_told_all_queues_and_their_status(shared_sandbox: Sandbox) -> None:
    queues = told(shared_sandbox, "?type=all")
    assert {name: fields["status"] for name, fields in queues.items()} == {
        "TEST1": "online",
        "TEST3": "online",
        "ANALY_BNL_T3": "online",
        "OFFLINE1": "offline",
    }
    assert all(fields["maxwdir"] > 0 for fields in queues.values())


@pytest.mark.parametrize(("query", "count"), [("?type=unified", 4), ("?type=production", 0), ("", 0)])
def test_queues_are_told_by_their_type(shared_sandbox: Sandbox, query: str, count: int) -> None:
    assert len(told(shared_sandbox, query)) == count


def test_the_fields_are_those_of_the_real_server(shared_sandbox: Sandbox) -> None:
    python = os.environ.get("GOCLIENT_TEST_SERVER_PYTHON")
    if not python:
        pytest.skip("GOCLIENT_TEST_SERVER_PYTHON names no interpreter that has panda-server-source")
    script = """
import json
from pandaserver.taskbuffer.SiteSpec import SiteSpec
hidden = {"ddm_endpoints_input", "ddm_endpoints_output", "ddm_input", "ddm_output", "setokens_input", "num_slots_map"}
print(json.dumps([name for name in vars(SiteSpec()) if name not in hidden]))  # metaconfig_api.get_site_specs
"""
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True, timeout=TIMEOUT)
    real = json.loads(done.stdout)
    assert len(real) == 44
    assert [sorted(fields) for fields in told(shared_sandbox, "?type=all").values()] == [sorted(real)] * 4
