"""The queue and the payload are checked side by side, in the time of all checks, and only if anything is."""

from __future__ import annotations

import re
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from goclient.cli.output import TerminalReporter
from goclient.errors import RequestError
from goclient.model.request import Job
from goclient.services.panda.access import PandaAccess, QueueSource
from tests.commands import TIMEOUT
from tests.pace import within
from tests.preflight.contexts import check_job
from tests.sandboxes import Sandbox
from tests.web_server import serving


def hung(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(TIMEOUT)


def dripping(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(10 * TIMEOUT):
        handler.wfile.write(b"#")
        handler.wfile.flush()
        time.sleep(0.1)


@pytest.mark.parametrize("answer", [hung, dripping])
def test_two_services_that_do_not_answer_are_waited_for_side_by_side(
    answer: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(answer) as asked:  # type: ignore[arg-type]
        source = QueueSource(PandaAccess(asked.url, 5.0, 5.0), tmp_path / "queues.json")
        job = Job(["TEST1"], f"{asked.url}/run.sh")
        with within(3.5):
            found = check_job(job, lambda: source, 2.5, reporter=TerminalReporter("goclient"))
    assert [(one.level, one.code) for one in found] == [("warning", "queue-unchecked"), ("warning", "payload")]
    assert sorted(re.findall("^goclient: .*?(?= \\()", capsys.readouterr().err, re.MULTILINE)) == sorted(
        [f"goclient: waiting for the PanDA server {asked.url}", "goclient: waiting for the server of the payload"]
    )


def test_a_job_of_which_nothing_is_known_is_not_looked_at() -> None:
    def nobody() -> QueueSource:
        raise AssertionError("nobody is asked")

    assert check_job(Job(), nobody, 1.0) == []


def test_a_setting_that_is_wrong_is_an_error() -> None:
    def source() -> QueueSource:
        raise RequestError('PANDA_URL_SSL="foo" is not a URL', code="config")

    (finding,) = check_job(Job(["TEST1"]), source, 1.0)
    assert (finding.level, finding.code) == ("error", "config")


def test_without_checks_neither_is_asked(shared_sandbox: Sandbox) -> None:
    log = shared_sandbox.root / "sandbox.log"
    before = len(log.read_text().splitlines())
    words = ("--computingSite=NOWHERE", f"--transformation={shared_sandbox.url}/transformations/none.sh")
    assert shared_sandbox.run("sendJob.py", *words, "--noCheck", "--noSubmit").err == ""
    assert len(log.read_text().splitlines()) == before
    checked = shared_sandbox.run("sendJob.py", *words, "--noSubmit")
    assert checked.code == 10
    assert 'has no queue "NOWHERE"' in checked.err
    assert "404" in checked.err
    refused = shared_sandbox.run("sendJob.py", "--computingSite=NOWHERE", "--transformation=run.sh", "--noCheck")
    assert (refused.code, "neither a URL nor an absolute path" in refused.err) == (10, True)


def test_the_queue_of_a_text_is_looked_at_too(shared_sandbox: Sandbox) -> None:
    source = "--StageinGOsrc=SITE1:/home/osg_data/panda/0064.file"
    result = shared_sandbox.run("goclient", "check", f"run {source}", "--computingSite=OFFLINE1", "--json")
    assert [one["code"] for one in result.json["findings"] if one["level"] == "warning"] == ["queue-status"]
