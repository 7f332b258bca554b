"""``goclient probe``, as typed: jobs are sent once, waited for, and what they tell is kept for the preflight."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from goclient.errors.findings import ExitCode
from goclient.sandbox.site.defects import Fault
from tests.commands import Result
from tests.probe.defects import ALL, find, sees, shown
from tests.sandboxes import Sandbox

SITE, STAGING = "mxp#MXP_BNL_TEST", "/site/TEST3"
SOME = ("no-python3", "no-network", "read-only", "a portal that redirects", "no way to a collection")


@pytest.fixture
def user(shared_sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    """A user who has probed nothing yet, at a site without jobs."""
    shared_sandbox.env["GOCLIENT_STATE"] = str(tmp_path / "state")
    shared_sandbox.rows("update jobs set status = 'cancelled'")
    for mark in shared_sandbox.path(SITE, STAGING).glob(".goclient-probe-*"):
        shutil.rmtree(mark)
    return shared_sandbox


def run_at_site(user: Sandbox, *words: str) -> None:
    done = user.run("goclient", "sandbox", "site", "--dir", str(user.root), "--site=TEST1", "--once", *words)
    assert done.code == 0, done.err


def check_carried(user: Sandbox) -> Result:
    moves = ("--StageinGOsrc=GUEST1:/campaign/in/0064.file", "--goCarry")
    return user.run("goclient", "check", "--computingSite=TEST1", "--transformation=./run.sh", *moves)


@pytest.mark.conformance  # it takes long
def test_a_probe_is_sent_once_and_its_findings_are_kept(user: Sandbox) -> None:
    sent = user.run("goclient", "probe", "TEST1", "--detach", "--path=/proc")
    assert (sent.code, sent.out) == (0, "goclient probe TEST1 tells what they see, once they are over\n")
    early = user.run("goclient", "probe", "TEST1", "--wait=1")
    assert early.code == ExitCode.JOBS_RUNNING, "nothing is wrong, as with status --exit-status"
    assert "nothing is sent twice: goclient probe TEST1" in early.err
    run_at_site(user, f"--fault={Fault.NO_NETWORK}")
    told = user.run("goclient", "probe", "TEST1")
    assert told.code == ExitCode.ENDPOINT, told.err
    assert "error    nodes of TEST1 were last seen without outbound network: " in told.out
    assert "/proc " in told.out
    assert len(user.rows("select 1 from jobs where status in ('finished', 'activated')")) == 1

    (user.cwd / "run.sh").write_text("#!/bin/sh\n")
    checked = check_carried(user)
    assert "warning  nodes of TEST1 were last seen without outbound network: " in checked.out, checked.out

    user.run("goclient", "probe", "TEST1", "--detach")
    run_at_site(user)
    told = user.run("goclient", "probe", "TEST1", "--json")
    assert (told.code, told.json["ok"], told.json["waiting"]) == (0, True, [])
    assert [one["code"] for one in told.json["findings"]] == ["nodes"]
    assert "ok       nodes of TEST1 were last seen fit for carried jobs (just now)" in check_carried(user).out


@pytest.mark.conformance  # it takes long
def test_a_pilot_of_goclient_tells_what_its_node_has(user: Sandbox) -> None:
    user.run("goclient", "probe", "TEST1", "--detach")
    assert user.pilot().code == 0
    told = user.run("goclient", "probe", "TEST1", "--json")
    assert [one["code"] for one in told.json["findings"]] == ["nodes"], told.out
    assert told.json["nodes"][0]["report"]["python"]


def test_a_probe_that_failed_or_vanished_says_so(user: Sandbox) -> None:
    user.run("goclient", "probe", "TEST1", "--detach", "--njobs=2")
    first, second = (row["panda_id"] for row in user.rows("select panda_id from jobs order by 1 desc limit 2"))
    user.rows("delete from jobs where panda_id = ?", first)
    user.rows("update jobs set status = 'cancelled' where panda_id = ?", second)
    told = user.run("goclient", "probe", "TEST1")
    assert told.code == 0
    assert "where the probe failed: the PanDA server does not know the job any more (1 of 2, just now)" in told.out
    assert "where the probe failed: the job is cancelled without a report (1 of 2, just now)" in told.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param((), ExitCode.USAGE, "one queue is needed, not 0", id="no queue"),
        pytest.param(("A", "B"), ExitCode.USAGE, "one queue is needed, not 2", id="two queues"),
        pytest.param(("NOWHERE",), ExitCode.REQUEST, 'has no queue "NOWHERE"', id="an unknown queue"),
        pytest.param(("TEST1", "--path=x"), ExitCode.REQUEST, '--path "x" is not the path of', id="a path"),
        pytest.param(("TEST1", "--collection=XX"), ExitCode.ENDPOINT, '"XX"', id="an unknown collection"),
        pytest.param(("TEST1", "--collection=gsiftp://a"), ExitCode.ENDPOINT, "carried jobs do not", id="a server"),
        pytest.param(("TEST1", "--shared=x"), ExitCode.REQUEST, '"x"', id="no location"),
        pytest.param(("TEST1", "--shared=gsiftp://a/b"), ExitCode.ENDPOINT, "carried jobs do not", id="not Globus"),
        pytest.param(("TEST1", f"--shared={SITE}:/none"), ExitCode.ENDPOINT, "cannot make a directory", id="no place"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_sent(
    words: tuple[str, ...], code: ExitCode, said: str, user: Sandbox
) -> None:
    before = user.rows("select count(*) from jobs")
    result = user.run("goclient", "probe", *words)
    assert (result.code, said in result.err) == (code, True), result.err
    assert user.rows("select count(*) from jobs") == before


@pytest.mark.conformance  # it takes long
def test_defective_nodes_are_seen_from_end_to_end(user: Sandbox) -> None:
    defective = [one for one in ALL if one.name in SOME]
    found = find(user, defective)
    unseen = [shown(one, those) for one, those in zip(defective, found, strict=True) if not sees(one, those)]
    assert unseen == []


def test_a_lost_answer_is_not_sent_again(user: Sandbox) -> None:
    user.trouble("POST /api/v1/job/submit", "lost", times=1)
    lost = user.run("goclient", "probe", "TEST1", "--detach")
    user.clear_trouble()
    assert lost.code == ExitCode.SERVER
    again = user.run("goclient", "probe", "TEST1", "--detach")
    assert again.code == ExitCode.REQUEST
    assert "the same request was sent" in again.err
    assert json.loads(user.run("goclient", "probe", "TEST1", "--detach", "--again", "--json").out)["waiting"]


@pytest.mark.conformance  # it takes long
def test_the_directory_of_a_site_is_found_kept_and_used(user: Sandbox) -> None:
    words = [
        *("--computingSite=TEST1", f"--transformation={user.url}/transformations/datatransfer.sh", "--goVia=site"),
        *("--Data=10mb-file.bin", "--OutputGO=wdeng#ANLHEP_ATLAS8:/atlas/dq2/test/"),
    ]
    assert user.run("goclient", "check", *words).code == ExitCode.REQUEST, "nobody has said where"
    probe = ("goclient", "probe", "TEST1", f"--shared={SITE}:{STAGING}/")
    assert user.run(*probe, "--detach", f"--path={user.path(SITE).parent}", f"--path={user.path(SITE)}").code == 0
    other = user.run("goclient", "probe", "TEST1", f"--shared={SITE}:/other")
    assert (other.code, "does not look for" in other.err) == (ExitCode.REQUEST, True)
    run_at_site(user)
    told = user.run(*probe)
    (row,) = user.rows("select id from collections where display_name = ?", SITE)
    node = user.path(SITE, STAGING)
    assert told.code == 0, told.out
    assert f"{SITE}:{STAGING}/ is {node} on the nodes of TEST1: files for jobs can be left there" in told.out
    settings = f'[site.TEST1]\ncollection = "{row["id"]}"\ndirectory = "{STAGING}"\nnode = "{node}"\n'
    assert told.out.endswith(settings)
    assert list(node.iterdir()) == [], "the mark is gone"

    sent = user.run("sendJob.py", *words, "--campaign=probed", "--goOverwrite")
    assert (sent.code, "a probe has found" in sent.err, "(just now)" in sent.err) == (0, True, True), sent.err
    assert user.pilot().code == 0
    done = user.run("goclient", "advance", "probed", "--wait")
    assert "all is done: 1 of 1 job has delivered" in done.out, done.err

    user.run("goclient", "probe", "TEST1", "--detach")
    run_at_site(user)
    assert user.run("goclient", "probe", "TEST1", "--json").json["site"]["node"] == str(node), "it is kept"
    (user.cwd / "own.toml").write_text(settings.replace(str(node), "/own"))
    own = user.run("goclient", "check", *words, GOCLIENT_SETTINGS=str(user.cwd / "own.toml"))
    assert "a probe has found" not in own.err, "settings count first"


@pytest.mark.conformance  # it takes long
def test_a_directory_that_no_node_has_is_told_and_nothing_is_left(user: Sandbox) -> None:
    assert user.run("goclient", "probe", "TEST1", "--detach", f"--shared={SITE}:{STAGING}").code == 0
    run_at_site(user)
    told = user.run("goclient", "probe", "TEST1", "--json")
    assert (told.code, told.json["site"]) == (ExitCode.ENDPOINT, None), told.out
    assert [one["code"] for one in told.json["findings"]] == ["nodes", "site-not-found"]
    assert list(user.path(SITE, STAGING).iterdir()) == []


def test_a_mark_whose_jobs_may_have_been_sent_stays_until_another_is_made(user: Sandbox) -> None:
    words = ("goclient", "probe", "TEST1", "--detach", f"--shared={SITE}:{STAGING}")
    user.trouble("POST /api/v1/job/submit", "lost", times=1)
    assert user.run(*words).code == ExitCode.SERVER
    user.clear_trouble()
    (mark,) = user.path(SITE, STAGING).iterdir()
    again = user.run(*words)
    assert (again.code, "the same request was sent" in again.err) == (ExitCode.REQUEST, True), again.err
    assert user.run(*words, "--again").code == 0
    (other,) = user.path(SITE, STAGING).iterdir()
    assert other != mark
