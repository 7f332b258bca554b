"""A program, or a notebook, does with goclient.Client what the commands do."""

from __future__ import annotations

import hashlib
import json
import math
import os
import pydoc
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import goclient
from goclient.cli.commands.sendjob import SendJobOptions
from goclient.cli.main import COMMANDS
from goclient.jobs.follow import Followed
from goclient.jobs.panda_ids import read_panda_ids
from goclient.jobs.status import Described
from goclient.model.options import SubmitOptions
from goclient.model.records.answers import JobState
from goclient.model.typed import read_keywords
from goclient.reporter.base import Kind
from goclient.reporter.recording import RecordingReporter
from tests.commands import Run
from tests.sandboxes import Sandbox

FOLDER = "/home/osg_data/panda"
INPUT = f"SITE1:{FOLDER}/0064.file"


@pytest.fixture
def client(shared_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> goclient.Client:
    """A client of a program whose environment is that of a sandbox's user."""
    for name in set(os.environ) - set(shared_sandbox.env):
        monkeypatch.delenv(name)
    for name, value in shared_sandbox.env.items():
        monkeypatch.setenv(name, value)
    return goclient.Client()


def test_a_session_from_the_check_to_the_files(client: goclient.Client, sandbox: Sandbox, tmp_path: Path) -> None:
    """docs/python.md is this session."""
    script = f"""
import goclient

client = goclient.Client()
options = dict(
    computingSite="TEST1",
    transformation="{sandbox.url}/transformations/datatransfer.sh",
    StageinGOsrc=["{INPUT}"],
    Data=["10mb-file.bin"],
    OutputGO=["SITE1:{FOLDER}/"],
    goOverwrite=True,
)

report = client.check(**options)
print(report.ok, len(report.findings) > 0)

submission = client.submit(**options)
(job,) = submission.jobs
print(job.serial, job.name == submission.records[0].jobName)
print([task.phase for task in submission.plan])
print(submission.spec == client.explain(client.parameters(job.panda_id)).spec)
print(client.status([job.panda_id])[0].state)

import subprocess, sys
subprocess.run([sys.executable, "-m", "goclient", "pilot", "--site", "TEST1", "--once"], check=True, stdout=sys.stderr)

(status,) = client.wait([job.panda_id], seconds=0.2, timeout=60)
print(status.state, status.done, [task.status for task in status.transfers])
(results,) = client.results([job.panda_id])
for file in results.files:
    print(file.phase, file.location, file.size, file.checksum)
"""
    done = sandbox.run(sys.executable, "-c", script)
    assert done.code == 0, done.err
    output = sandbox.path("SITE1", f"{FOLDER}/10mb-file.bin")
    site1 = next(
        row["id"] for row in sandbox.run("goclient", "endpoint", "list", "--json").json if row["name"] == "SITE1"
    )
    digest = hashlib.md5(output.read_bytes()).hexdigest()
    assert done.out.splitlines() == [
        "True True",
        "1 True",
        "['stage-in', 'output']",
        "True",
        "activated",
        "finished True ['SUCCEEDED', 'SUCCEEDED']",
        f"output {site1}:{FOLDER}/10mb-file.bin {output.stat().st_size} MD5:{digest}",
    ]


def test_a_job_that_nobody_runs_is_still_running_after_the_timeout(client: goclient.Client) -> None:
    submission = client.submit(
        computingSite="TEST3", transformation=f"{os.environ['SANDBOX_URL']}/transformations/datatransfer.sh"
    )
    ids = [job.panda_id for job in submission.jobs]
    with pytest.raises(goclient.StillRunning) as caught:
        client.wait(ids, seconds=0.1, timeout=0.3)
    assert (caught.value.panda_ids, caught.value.transient) == (tuple(ids), True)
    assert caught.value.hint == f"wait again, or look with: goclient status {ids[0]}"
    (results,) = client.results(ids)
    assert (results.files, results.warning) == ((), "")


def test_what_was_prepared_is_sent_once(client: goclient.Client, shared_sandbox: Sandbox) -> None:
    count = "select count(*) as jobs from jobs"
    for words in ({"njobs": 2}, {"campaign": "once"}, {"again": True}):
        options: dict[str, Any] = {"computingSite": "TEST1", "transformation": "/bin/true", "noCheck": True, **words}
        prepared = client.prepare(**options)
        sent = client.send(prepared)
        (before,) = shared_sandbox.rows(count)
        with pytest.raises(goclient.SentBefore) as caught:
            client.send(prepared)
        assert f"PandaID {sent.jobs[0].panda_id}" in caught.value.message
        assert shared_sandbox.rows(count) == [before]
        assert len(client.send(client.prepare(**options)).jobs) == len(sent.jobs), "as the hint says"


def test_nothing_is_printed_but_a_reporter_is_told(client: goclient.Client, capfd: pytest.CaptureFixture[str]) -> None:
    reporter = RecordingReporter()
    goclient.Client(reporter).submit(
        computingSite="TEST1", transformation="/bin/true", StageinGOsrc=[INPUT], noCheck=True, njobs=2
    )
    assert capfd.readouterr() == ("", "")
    assert [one.kind for one in reporter.messages] == [Kind.DETAIL]
    assert reporter.messages[0].text.startswith("sending 2 jobs to ")


def test_check_takes_what_submit_takes_and_sends_nothing(client: goclient.Client, shared_sandbox: Sandbox) -> None:
    before = shared_sandbox.rows("select count(*) as jobs from jobs")
    options: dict[str, Any] = {
        "computingSite": "TEST1", "transformation": "/bin/true", "StageinGOsrc": [f"SITE1:{FOLDER}/not-there"]
    }  # fmt: skip
    report = client.check(**options, noSubmit=True, noCheck=True)
    assert (report.ok, report.exit_code) == (False, 40)
    assert any(f"{FOLDER}/not-there" in one.message for one in report.findings if one.is_error)
    with pytest.raises(goclient.PreflightFailed) as caught:
        client.submit(**options)
    assert (caught.value.exit_code, caught.value.findings) == (40, report.findings)
    assert client.check("a b c").findings[0].code == "nothing-to-check"
    assert shared_sandbox.rows("select count(*) as jobs from jobs") == before


def test_a_prepared_submission_is_what_the_command_shows(client: goclient.Client, shared_sandbox: Sandbox) -> None:
    words = (
        "--computingSite=TEST1",
        "--transformation=/bin/true",
        f"--StageinGOsrc={INPUT}",
        "--noCheck",
        "--noSubmit",
    )
    shown = shared_sandbox.run("sendJob.py", *words, "--json").json
    prepared = client.submit(
        computingSite="TEST1", transformation="/bin/true", StageinGOsrc=[INPUT], noCheck=True, noSubmit=True
    )
    document = json.loads(json.dumps(prepared.document()))
    assert prepared.jobs == ()
    assert {key: shown[key] for key in document} == document


# --- options ----------------------------------------------------------------------------------------------------

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown one": ({"Stagein": ["x"]}, '"Stagein" is not an option'),
    "in other letters": ({"computingsite": "T"}, '"computingsite" is not an option'),
    "a text for a list": ({"StageinGOsrc": "SITE1:/a"}, 'StageinGOsrc must be a list of texts, not "SITE1:/a"'),
    "a number in a list": ({"Data": [1]}, 'Data must be a list of texts, not "[1]"'),
    "a text for a number": ({"njobs": "2"}, 'njobs must be a whole number, not "2"'),
    "true for a number": ({"njobs": True}, 'njobs must be a whole number, not "True"'),
    "a number out of range": ({"njobs": 0}, 'njobs "0" is out of range'),
    "a text for a flag": ({"goOverwrite": "yes"}, 'goOverwrite must be True or False, not "yes"'),
    "a list for a text": ({"cloud": ["US"]}, "cloud must be a text, not \"['US']\""),
    "an empty text": ({"cloud": ""}, "cloud is empty"),
    "a missing one": ({"computingSite": None}, "computingSite is missing"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_option_is_a_usage_error(options: dict[str, Any], message: str, home: Path) -> None:
    right: dict[str, Any] = {"computingSite": "TEST1", "transformation": "/bin/true", "noCheck": True, "noSubmit": True}
    with pytest.raises(goclient.GoclientError) as caught:
        goclient.Client().submit(**{**right, **options})
    assert caught.value.exit_code == 2
    assert message in caught.value.message
    assert caught.value.hint


def test_all_mistakes_are_reported_at_once(home: Path) -> None:
    with pytest.raises(goclient.Several) as caught:
        goclient.Client().submit(njobs="x", Data="y", nonsense=1, StageinGOsrc=["no-colon"])
    assert [one.subject for one in caught.value.findings] == [
        "njobs", "Data", "nonsense", "computingSite", "transformation", "--StageinGOsrc"
    ]  # fmt: skip
    assert caught.value.exit_code == 2


def test_hints_name_options_as_a_program_writes_them(client: goclient.Client) -> None:
    common: dict[str, Any] = {"computingSite": "TEST1", "transformation": "/bin/true", "Data": ["0064.file"]}
    with pytest.raises(goclient.PreflightFailed) as caught:
        client.submit(**common, OutputGO=[f"SITE1:{FOLDER}/"])
    assert "allow it with goOverwrite=True" in caught.value.hint
    found = client.check(**common, OutputGO=[f"SITE1:{FOLDER}/new/"])
    assert "goMkdir=True makes it now" in next(one for one in found.findings if one.code == "no-folder").hint
    for finding in (*caught.value.findings, *found.findings):
        assert "--" not in f"{finding.message} {finding.hint}"


def test_near_names_are_suggested(home: Path) -> None:
    with pytest.raises(goclient.UsageError) as caught:
        goclient.Client().check(StageinGOsource=["SITE1:/a"])
    assert caught.value.hint == "did you mean StageinGOsrc?"


def test_what_is_no_panda_id_is_a_usage_error(home: Path) -> None:
    for call in (goclient.Client().status, goclient.Client().results, goclient.Client().wait):
        with pytest.raises(goclient.UsageError, match="is not a PandaID"):
            call(["x"])


@pytest.mark.parametrize("ids", ["12", 12])
def test_panda_ids_that_are_no_list_are_not_taken_for_others(home: Path, ids: Any) -> None:
    for call in (goclient.Client().status, goclient.Client().results, goclient.Client().wait):
        with pytest.raises(goclient.UsageError, match='PandaIDs must be a list, not "12"'):
            call(ids)


def test_panda_ids_may_come_one_after_the_other(home: Path) -> None:
    with pytest.raises(goclient.UsageError, match='"x" is not a PandaID'):
        goclient.Client().status(one for one in ("1", "x"))
    ids: list[int | str] = [1, "2"]
    assert read_panda_ids(iter(ids)) == [1, 2]


@pytest.mark.parametrize("text", [5, ["-n", "5"]])
def test_what_is_no_text_is_a_usage_error(home: Path, text: Any) -> None:
    for call in (goclient.Client().explain, goclient.Client().check):
        with pytest.raises(goclient.UsageError, match="the jobParameters must be one text"):
            call(text)


CALLS: dict[str, tuple[Callable[[Any], object], str, str]] = {
    "wait([1], timeout='1')": (lambda one: one.wait([1], timeout="1"), "timeout must be a number", "write timeout=1"),
    "wait([1], seconds='x')": (lambda one: one.wait([1], seconds="x"), "seconds must be a number", "write seconds=30"),
    "wait([1], seconds=inf)": (lambda one: one.wait([1], seconds=math.inf), "must be a number", "write seconds=30"),
    "page(None, [1])": (lambda one: one.page(None, [1]), "path must be a text", 'write path="…"'),
    "page('a\\0b', [1])": (lambda one: one.page("a\0b", [1]), "path must be a text", 'write path="…"'),
    "prun(['a\\0b'])": (lambda _: goclient.prun(["a\0b"]), "in it is not a text", "without a null byte"),
    "add_endpoint(name, Path)": (
        lambda one: one.add_endpoint("x", Path("h")), "where must be a text", 'write where="h"'
    ),
    "add_endpoint(None, None)": (lambda one: one.add_endpoint(None, None), "name must be a text", 'write name="…"'),
    "endpoint(None)": (lambda one: one.endpoint(None), "name must be a text", 'write name="…"'),
    "remove_endpoint(1)": (lambda one: one.remove_endpoint(1), "name must be a text", 'write name="1"'),
    "search_endpoints(1)": (lambda one: one.search_endpoints(1), "text must be a text", 'write text="1"'),
    "login(…, session=None)": (
        lambda one: one.login(None, session=None), "session must be a list of texts", 'write session=["…", "…"]'
    ),
    "login(…, endpoints='S')": (
        lambda one: one.login(None, endpoints="S"), 'must be a list of texts, not "S"', 'write endpoints=["S"]'
    ),
    "advance(['c1'])": (lambda one: one.advance(["c1"]), "campaign must be a text", 'write campaign="…"'),
    "advance('')": (lambda one: one.advance(""), "campaign is empty", "leave campaign out for all, or give it a value"),
    "status(campaign='')": (
        lambda one: one.status(campaign=""), "campaign is empty", "leave campaign out, or give it a value"
    ),
    "kill([1], campaign='')": (
        lambda one: one.kill([1], campaign=""), "campaign is empty", "leave campaign out, or give it a value"
    ),
    "status(task='')": (lambda one: one.status(task=""), "task must be a list of texts", 'write task=["…", "…"]'),
    "status(last='x')": (lambda one: one.status(last="x"), "last must be True or False", "write last=True"),
    "retry(campaign=7)": (lambda one: one.retry(campaign=7), "campaign must be a text", 'write campaign="7"'),
    "journal_entries(None)": (lambda one: one.journal_entries(None), "name must be a text", 'write name="…"'),
    "revoke(None)": (lambda one: one.revoke(None), "ids must be a list of texts", 'write ids=["…", "…"]'),
    "revoke('12')": (lambda one: one.revoke("12"), 'ids must be a list of texts, not "12"', 'write ids=["12"]'),
    "prun(None)": (lambda _: goclient.prun(None), "prun takes a list of arguments, not", 'goclient.prun(["--outDS"'),  # type: ignore[arg-type]
    "send(None)": (lambda one: one.send(None), "prepared must be a Submission", "give what client.prepare(…) returns"),
    "watch([1])": (lambda one: one.watch([1]), "selection must be a Selection", "client.watch(client.select([42]))"),
    "probe(None)": (lambda one: one.probe(None), "queue must be a text", 'write queue="…"'),
    "probe('')": (lambda one: one.probe(""), "queue is empty", 'write queue="…"'),
    "kill()": (lambda one: one.kill(), "no job is named", "name jobs (kill([42])), or give"),
    "kill(None)": (lambda one: one.kill(None), "no job is named", "name jobs (kill([42])), or give"),
    "kill(campaign='')": (lambda one: one.kill(campaign=""), "no job is named", "name jobs (kill([42])), or give"),
    "retry()": (lambda one: one.retry(), "no job is named", "name jobs (retry([42])), or give"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "message", "hint"), CALLS.values(), ids=CALLS)
def test_a_wrong_argument_is_a_usage_error(call: Callable[[Any], object], message: str, hint: str, home: Path) -> None:
    with pytest.raises(goclient.UsageError) as caught:
        call(goclient.Client())
    assert caught.value.exit_code == 2
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("task", [7, "7", [7], ("7",), "jediTaskID=7"])
def test_a_task_is_its_number_or_a_list_of_them(home: Path, task: Any) -> None:
    assert goclient.Client().select(task=task).tasks == (7,)


def test_a_task_of_two_digits_is_one_task(home: Path) -> None:
    for task in (42, "42"):
        assert goclient.Client().select(task=task).tasks == (42,)
    assert goclient.Client().select([1], task=None).tasks == ()


def test_a_job_is_looked_for_in_the_journal_by_its_number(client: goclient.Client) -> None:
    (job,) = client.submit(computingSite="TEST3", transformation="/bin/true", noCheck=True).jobs
    assert client.journal_entries(job.panda_id) == client.journal_entries(str(job.panda_id))


def test_a_page_s_path_may_be_a_path(client: goclient.Client, tmp_path: Path) -> None:
    (job,) = client.submit(computingSite="TEST3", transformation="/bin/true", noCheck=True).jobs
    client.page(tmp_path / "page.html", [job.panda_id])
    assert str(job.panda_id) in (tmp_path / "page.html").read_text()


def test_a_client_has_the_options_of_sendjob_but_those_of_its_output() -> None:
    names = set(read_keywords(SubmitOptions, {}, dict, requires=False).options.__dataclass_fields__)
    assert names == set(SendJobOptions.__dataclass_fields__) - {"json", "verbose"}


# --- the module -------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without any settings, catalogue or credential."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("GOCLIENT_SETTINGS", "GOCLIENT_ENDPOINTS", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_dir_and_help_show_the_public_names() -> None:
    names = ("Client", "TransferSpec", "Report", "Finding", "GoclientError", "PreflightFailed", "prun", "pathena")
    assert set(names) <= set(dir(goclient))
    text = pydoc.plain(pydoc.render_doc(goclient))
    for name in (*names, "submit", "explain", "status", "wait", "results"):
        assert name in text


def test_importing_goclient_loads_nothing_else() -> None:
    program = (
        "import goclient, sys; "
        "print([one for one in sys.modules if one.startswith('goclient.')], 'typing' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(goclient.__file__).parent.parent,
    )
    assert done.stdout == "[] False\n"


@pytest.mark.parametrize("tool", [goclient.prun, goclient.pathena], ids=["prun", "pathena"])
def test_one_text_instead_of_a_list_is_a_clear_error(tool: Any) -> None:
    with pytest.raises(goclient.UsageError, match="takes a list of arguments, not one text") as caught:
        tool("--outDS user.jdoe.test --exec 'run a b'")
    assert caught.value.hint.endswith("(shlex.split(text))")


def test_the_json_of_a_refused_submission_is_as_before(run: Run) -> None:
    result = run("sendJob.py", "--computingSite=T", "--json", "--njobs=x", "--StageinGOsrc=x")
    assert result.code == 2
    assert result.json["error"]["exit_code"] == 2


def test_a_wait_outlives_a_server_that_is_away_for_a_while(
    client: goclient.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = goclient.ServerError("the server could not be reached", transient=True)
    refused = goclient.ServerError("the server refused")
    runs, over = (Described({1: JobState(1, 0, 0, state, "", "")}) for state in ("running", "finished"))
    answers: list[Any] = [away, away, runs, over]

    def running(*_: Any, **__: Any) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("goclient.jobs.watch.describe", running)
    monkeypatch.setattr(client, "follow", lambda _: Followed("https://panda.example"))
    assert client.wait([1], seconds=0.01) == []
    assert answers == []
    for last, timeout in ((away, 0.0), (refused, None)):
        answers[:] = [last]
        with pytest.raises(goclient.ServerError, match=str(last)):
            client.wait([1], seconds=0.01, timeout=timeout)


def test_a_queue_is_probed_as_the_command_does_it(
    client: goclient.Client, shared_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOCLIENT_STATE", str(tmp_path / "state"))
    client = goclient.Client()
    sent = client.probe("ANALY_BNL_T3", detach=True, path=["/proc"])
    assert (len(sent.jobs), sent.nodes) == (1, ())
    words = ("sandbox", "site", "--dir", str(shared_sandbox.root), "--site=ANALY_BNL_T3", "--once")
    assert shared_sandbox.run("goclient", *words).code == 0
    told = client.probe("ANALY_BNL_T3", wait=30)
    assert [node.panda_id for node in told.nodes] == list(sent.jobs)
    assert told.findings
    with pytest.raises(goclient.UsageError, match='njobs "0"'):
        client.probe("ANALY_BNL_T3", njobs=0)
    with pytest.raises(goclient.UsageError, match='"sites" is not an option'):
        client.probe("ANALY_BNL_T3", sites=["x"])


def test_a_program_can_do_what_a_command_does() -> None:
    """Beside the commands that no other program calls, and those whose rooms are usable without the client."""
    apart = {"carrier", "completion", "help", "myproxy", "pathena", "pilot", "prun", "sandbox", "version"}
    named = {"credential": "credentials", "endpoint": "endpoints", "journal": "journal_entries"}
    missing = [name for name in COMMANDS if name not in apart and not hasattr(goclient.Client, named.get(name, name))]
    assert missing == []
    for name in ("prun", "pathena"):
        assert name in dir(goclient)
