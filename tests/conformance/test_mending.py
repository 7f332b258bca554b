"""Commands that mend jobs and tasks ask the PanDA server the same as panda-client's own functions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from goclient.services.panda.access import PandaAccess
from goclient.services.panda.client import PandaServer
from tests.commands import clean_environment
from tests.web_server import Request, Response, answering

THEIRS = """
from pandaclient import Client
Client.killJobs([41, 42])
Client.killTask(7)
Client.retryTask(7, properErrorCode=True)
"""


def test_jobs_and_tasks_are_stopped_and_retried_as_by_panda_client(tmp_path: Path) -> None:
    asked: list[tuple[str, str, Any]] = []

    def answer(request: Request) -> Response:
        asked.append((request.method, request.path, json.loads(request.body or b"null")))
        data: Any = [True, True] if request.path.endswith("job/kill") else 0
        return Response({"success": True, "message": "registered", "data": data})

    with answering(answer) as url:
        env = {
            **clean_environment(tmp_path),
            **dict.fromkeys(("PANDA_URL", "PANDA_URL_SSL"), f"{url}/server/panda"),
            "PANDA_AUTH": "oidc",
            "PANDA_AUTH_VO": "x",
            "PANDA_AUTH_ID_TOKEN": "a.b.c",
            "PANDACACHE_URL": url,
            "PANDA_BEHIND_REAL_LB": "1",
        }
        done = subprocess.run([sys.executable, "-c", THEIRS], env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        theirs = list(asked)
        asked.clear()
        server = PandaServer(PandaAccess(url, 5.0, 5.0, token="t", vo="x"))
        assert server.kill([41, 42]) == [True, True]
        assert server.kill_task(7) == server.retry_task(7) == "registered"
    assert asked == theirs
    assert [path for _, path, _ in asked] == ["/api/v1/job/kill", "/api/v1/task/kill", "/api/v1/task/retry"]
