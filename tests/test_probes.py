"""``goclient probe``, as typed: jobs are sent once, waited for, and what they tell is kept for the preflight."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from goclient.errors.findings import ExitCode
from goclient.sandbox.site.defects import Fault
from tests.commands import Result
from tests.probe.defects import ALL, find, sees, shown
from tests.sandboxes import Sandbox

SOME = ("no-python3", "no-network", "read-only", "a portal that redirects", "no way to a collection")


@pytest.fixture
def user(shared_sandbox: Sandbox, tmp_path: Path) -> Iterator[Sandbox]:
    """A user who has probed nothing yet."""
    shared_sandbox.env["GOCLIENT_STATE"] = str(tmp_path / "state")
    yield shared_sandbox
    shared_sandbox.rows("update jobs set status = 'cancelled' where status = 'activated'")


def run_at_site(user: Sandbox, *words: str) -> None:
    done = user.run("goclient", "sandbox", "site", "--dir", str(user.root), "--site=TEST1", "--once", *words)
    assert done.code == 0, done.err


def check_carried(user: Sandbox) -> Result:
    moves = ("--StageinGOsrc=GUEST1:/campaign/in/0064.file", "--goCarry")
    return user.run("goclient", "check", "--computingSite=TEST1", "--transformation=./run.sh", *moves)


def test_a_probe_is_sent_once_and_its_findings_are_kept(user: Sandbox) -> None:
    sent = user.run("goclient", "probe", "TEST1", "--detach", "--path=/proc")
    assert (sent.code, sent.out) == (0, "goclient probe TEST1 tells what they see, once they are over\n")
    early = user.run("goclient", "probe", "TEST1", "--wait=1")
    assert early.code == ExitCode.UNEXPECTED
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
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_sent(
    words: tuple[str, ...], code: ExitCode, said: str, user: Sandbox
) -> None:
    before = user.rows("select count(*) from jobs")
    result = user.run("goclient", "probe", *words)
    assert (result.code, said in result.err) == (code, True), result.err
    assert user.rows("select count(*) from jobs") == before


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
