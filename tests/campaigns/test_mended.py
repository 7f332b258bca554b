"""A job of a campaign at a site is mended by hand, and delivered like the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.campaigns.test_site import Site, as_always, expected, site
from tests.commands import started

__all__ = ["as_always", "site"]


@contextmanager
def broken(site: Site) -> Iterator[None]:
    """Let jobs fail that run in the body."""
    flag, script = site.sandbox.root / "broken", site.sandbox.root / "transformations/work.sh"
    whole = script.read_text()
    script.write_text(f"#!/bin/sh\ntest ! -e {flag} || exit 3\n{whole}")
    flag.write_text("")
    yield
    flag.unlink()
    script.write_text(whole)


@pytest.mark.conformance  # it takes long
def test_a_job_that_is_retried_by_hand_delivers_as_the_first_try_would_have(site: Site) -> None:
    assert site.send("mended").code == 0
    with broken(site):
        assert site.sandbox.pilot().code == 1
    site.run_jobs(1)
    failed = site.advance("mended", "--wait")
    assert (failed.code, "1 failed" in failed.out) == (5, True)
    assert "goclient retry --campaign mended" in failed.err
    assert "goclient advance mended --end" in failed.err
    done = site.sandbox.run("goclient", "retry", "--campaign", "mended", "--all", "--json")
    assert done.code == 0, done
    assert [len(done.json["jobs"]), len(done.json["left"])] == [1, 1]
    assert "delivers its outputs" in done.json["left"][0]["why"], "what is delivered is not made again"
    site.run_jobs(1)
    assert site.advance("mended", "--wait").code == 0
    assert sorted(site.delivered("mended")) == expected(2)
    assert list(site.staging.iterdir()) == []


@pytest.mark.conformance  # it takes long
def test_a_job_of_a_campaign_that_is_over_is_not_sent_again(site: Site) -> None:
    assert site.send("over", jobs=1).code == 0
    with broken(site):
        assert site.sandbox.pilot().code == 1
    assert site.advance("over", "--end", "--wait").code == 0
    for words in ("--campaign=over",), (str(*site.panda_ids("over")), "--noCheck", "--all"):
        refused = site.sandbox.run("goclient", "retry", *words)
        assert (refused.code, "nothing would deliver its outputs" in refused.err) == (10, True), refused.err
    assert len(site.panda_ids("over")) == 1


@pytest.mark.conformance  # it takes long
def test_a_job_that_the_server_does_not_know_now_has_not_failed(site: Site) -> None:
    assert site.send("hidden").code == 0
    site.run_jobs(1)
    (hidden,) = [one for one in site.panda_ids("hidden") if site.state(one) == "activated"]
    site.rename(hidden, hidden + 10**6)
    for words in ("--end", "--wait"), ("--wait",):
        held = site.advance("hidden", *words)
        assert (held.code, f"PandaID {hidden}" in held.err) == (90, True), held.err
        assert f"goclient advance hidden --end --jobs={hidden}" in held.err
    assert "1 finished, 1 unknown; 1 has delivered" in held.out
    site.rename(hidden + 10**6, hidden)
    site.run_jobs(1)
    done = site.advance("hidden", "--wait")
    assert (done.code, sorted(site.delivered("hidden"))) == (0, expected(2)), done.err


def test_a_job_that_is_gone_for_good_is_given_up_by_its_number(site: Site) -> None:
    assert site.send("gone", jobs=1).code == 0
    (gone,) = site.panda_ids("gone")
    assert site.advance("gone", "--end", f"--jobs={gone}").code == 0, "it waits"
    site.rename(gone, gone + 10**6)
    ended = site.advance("gone", "--end", "--wait", f"--jobs={gone}")
    assert (ended.code, ended.out) == (0, "gone: all is done: 0 of 1 job has delivered\n"), ended.err
    site.sandbox.rows("delete from jobs where panda_id = ?", gone + 10**6)


@pytest.mark.conformance  # it takes long
def test_what_a_try_that_failed_has_left_is_not_mixed_with_the_next(site: Site) -> None:
    assert site.send("tried", jobs=1).code == 0
    for _ in range(2):
        (*_, last) = site.panda_ids("tried")
        site.run_jobs(1)
        site.fail(last, "pilotErrorCode", 1201)  # the batch system stopped it at the very end
        site.sandbox.run("goclient", "retry", str(last), "--noCheck")
    site.run_jobs(1)
    done = site.advance("tried", "--wait")
    assert (done.code, sorted(site.delivered("tried"))) == (0, expected(1)), done.err
    assert list(site.staging.glob("tried.*")) == []


def typed(told: str, command: str) -> list[str]:
    """Return the words of a command that a hint has, to be typed literally."""
    return str(re.findall(rf"(goclient {command} [^;\n]*)", told)[0]).split()


@pytest.mark.conformance  # it takes long
def test_a_job_that_was_killed_is_cancelled_and_its_hints_mend(site: Site) -> None:
    run = site.sandbox.run
    status = ("goclient", "status", "--campaign=killed", "--exit-status")
    assert site.send("killed", jobs=3).code == 0
    site.run_jobs(1)
    killed = run("goclient", "kill", "--campaign=killed")
    assert (killed.code, "goclient advance killed --end" in killed.err) == (0, True), killed.err
    assert "the outputs of 1 of 3 jobs are not delivered" in killed.err, "what has finished is not to be given up"
    for words in [], ["--watch"]:
        followed = run(*status, *words)
        assert (followed.code, "1 finished, 2 cancelled" in followed.out) == (5, True), followed.out
        assert "the outputs of 1 of 3 jobs are not delivered" in followed.err
    first = site.panda_ids("killed")
    site.fail(first[0] if site.state(first[0]) == "cancelled" else first[1], "pilotErrorCode", 1201)
    held = site.advance("killed", "--wait")
    assert (held.code, "killed: 3 jobs: 1 finished, 1 failed, 1 cancelled; 1 has delivered" in held.out) == (5, True)
    assert "1 job failed and 1 job was cancelled" in held.err
    assert site.panda_ids("killed") == first, "somebody stopped jobs: none is sent again unasked"
    followed = run(*status)
    assert (followed.code, "are not delivered" in followed.err) == (5, False), followed.err
    again = run(*typed(held.err, "retry"))
    assert again.code == 0, again.err
    assert "to follow the jobs, type: goclient status " in again.err
    assert "to deliver it when jobs have ended, type: goclient advance killed" in again.err
    assert "2 waiting or running, 1 finished" in site.advance("killed").out
    assert run(*status).code == 6
    (last,) = site.panda_ids("killed")[-1:]
    assert run("goclient", "kill", str(last)).code == 0
    site.run_jobs(1)
    held = site.advance("killed", "--wait")
    assert (held.code, "2 finished, 1 cancelled; 2 have delivered" in held.out) == (5, True), held.out
    followed = run(*status)
    assert (followed.code, "1 job was cancelled: what was brought for it stays" in followed.err) == (5, True), (
        followed.err
    )
    ended = run(*typed(followed.err, "advance"), "--wait")
    assert (ended.code, ended.out) == (0, "killed: all is done: 2 of 3 jobs have delivered\n"), ended.err
    assert run(*status).code == 5


@pytest.mark.parametrize("state", ["cancelled", "closed"])
def test_jobs_that_others_stopped_are_told_and_given_up(site: Site, state: str) -> None:
    campaign = f"others-{state}"
    assert site.send(campaign, jobs=1).code == 0
    (panda_id,) = site.panda_ids(campaign)
    site.sandbox.rows("update jobs set status = ? where panda_id = ?", state, panda_id)
    told = site.advance(campaign, "--json")
    assert (told.code, told.json[0]["cancelled"], told.json[0]["failed"]) == (5, 1, 0), told.out
    followed = site.sandbox.run("goclient", "status", f"--campaign={campaign}")
    assert "not delivered" not in followed.err
    ended = site.sandbox.run(*typed(followed.err, "advance"), "--wait")
    assert (ended.code, ended.out) == (0, f"{campaign}: all is done: 0 of 1 job has delivered\n"), ended.err


@pytest.mark.conformance  # it takes long
def test_a_finished_job_that_has_left_nothing_is_tried_again_or_given_up(site: Site) -> None:
    run = site.sandbox.run
    assert site.send("empty", jobs=3).code == 0
    site.run_jobs(3)
    ids = "-".join(str(site.panda_ids("empty")[n]) for n in (0, 1))
    (area,) = site.staging.glob("empty.*")
    for output in ("000001.1", "000002.1", "000002.2"):
        path = area / "out" / output
        path.rename(area / output)
    site.advance("empty")
    held = site.advance("empty", "--wait", "--end")
    assert (held.code, f"PandaID {ids}: finished" in held.err) == (40, True), held.err
    assert "1 has delivered" in held.out
    again = run(*typed(held.err, "retry"))
    assert (again.code, again.out.count("retryOf=")) == (0, 2), again.err
    site.run_jobs(1)
    (_, _, _, first, second) = site.panda_ids("empty")
    (last,) = [one for one in (first, second) if site.state(one) == "activated"]
    site.sandbox.rows("update jobs set status = 'finished' where panda_id = ?", last)  # it leaves nothing, either
    site.advance("empty")
    held = site.advance("empty", "--wait")
    assert (held.code, "2 have delivered" in held.out) == (40, True), held.out
    other = site.advance("empty", "--end", "--jobs=999999")
    assert (other.code, "PandaID 999999: not of empty" in other.err) == (10, True), other.err
    refused = run("goclient", "retry", str(first if last == second else second), "--all")
    assert (refused.code, "delivers its outputs" in refused.err) == (10, True), refused.err
    ended = run(*typed(held.err, "advance"), "--wait")
    assert (ended.code, ended.out) == (0, "empty: all is done: 2 of 3 jobs have delivered\n"), ended.err
    assert len(site.delivered("empty")) == 4


@pytest.mark.conformance  # it takes long
def test_another_try_whose_answer_is_lost_is_told_until_it_is_named(site: Site) -> None:
    run = site.sandbox.run
    assert site.send("untold", jobs=1).code == 0
    with broken(site):
        assert site.sandbox.pilot().code == 1
    (first,) = site.panda_ids("untold")
    site.sandbox.trouble("POST /*submit", "lost", times=1)
    assert run("goclient", "retry", f"{first}").code == 90
    names = f"goclient retry {first} --jobs=PANDAID"
    killed = run("goclient", "kill", "--campaign=untold")
    assert (killed.code, killed.err.count(names)) == (10, 1), killed
    status = ("goclient", "status", "--campaign=untold", "--exit-status")
    told = run(*status)
    assert (told.code, names in told.err, "goclient retry --campaign" in told.err) == (5, True, False), told.err
    again = run("goclient", "retry", "--campaign=untold")
    assert (again.code, again.err.count(names)) == (10, 1), again.err
    words = [*status, "--watch"]
    watching = started(words, env=site.sandbox.env, cwd=site.sandbox.cwd, stderr=-1, stdout=-1)
    assert watching.stdout is not None
    assert watching.stdout.readline() == "1 job of campaign untold: 1 failed\n"
    second = site.panda_ids("untold")[-1]
    assert run("goclient", "retry", f"{first}", f"--jobs={second}").code == 0
    killed = run("goclient", "kill", "--campaign=untold")
    assert (killed.code, re.findall(rf"{second} +cancelled", killed.out) != []) == (0, True), killed
    out, err = watching.communicate(timeout=20)
    assert (watching.returncode, err.count(names), f"PandaID={second} " in out) == (5, 1, True), out + err
    assert site.advance("untold", "--end", "--wait").code == 0


@pytest.mark.parametrize("campaign", ["plain", ""])
def test_another_try_of_a_plain_job_whose_answer_is_lost_is_named_as_retry_says(site: Site, campaign: str) -> None:
    run, here = site.sandbox.run, {"GOCLIENT_STATE": str(site.sandbox.root / f"plain-{campaign}")}
    chosen = f"--campaign={campaign}" if campaign else "--last"
    payload = site.sandbox.payload("plain.sh", "true")
    line = ("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}")
    sent = run(*line, *([chosen] if campaign else []), "--json", **here)
    assert sent.code == 0, sent.err
    first = sent.json["jobs"][0]["PandaID"]
    site.fail(first, "exeErrorCode", 3)
    site.sandbox.trouble("POST /*submit", "lost", times=1)
    assert run("goclient", "retry", f"{first}", **here).code == 90
    for command in ("status", "retry", "kill"):
        told = run("goclient", command, chosen, **here)
        names = f"goclient retry {first} --jobs=PANDAID"
        assert (told.code, told.err.count(names), "journal show" in told.err) == (10, 1, False), told.err
    second = site.sandbox.rows("select max(panda_id) as last from jobs")[0]["last"]
    assert run("goclient", "retry", f"{first}", f"--jobs={second}", **here).code == 0
    for command in ("status", "kill"):
        told = run("goclient", command, chosen, **here)
        assert (told.code, f"{second}" in told.out, "not known" in told.err) == (0, True, False), told


@pytest.mark.conformance  # it takes long
def test_a_kill_of_jobs_that_have_finished_says_how_their_outputs_are_delivered(site: Site) -> None:
    assert site.send("late", jobs=1).code == 0
    site.run_jobs(1)
    killed = site.sandbox.run("goclient", "kill", "--campaign=late")
    assert (killed.code, "finished  it was over before" in killed.out) == (0, True), killed
    assert "late: the outputs of 1 of 1 job are not delivered" in killed.err
    assert "goclient retry" not in killed.err
    assert site.sandbox.run(*typed(killed.err, "advance")[:3], "--wait").code == 0
    assert sorted(site.delivered("late")) == expected(1)


def test_a_job_that_looks_for_its_files_in_the_wrong_place_is_not_sent_again(site: Site) -> None:
    settings = site.sandbox.root / "settings.toml"
    right = settings.read_text()
    settings.write_text(right.replace(f'node = "{site.staging}"', 'node = "/nowhere/here"'))
    assert site.send("nowhere", jobs=1).code == 0
    assert site.sandbox.pilot().code == 40
    settings.write_text(right)
    for words in ("--campaign=nowhere",), (f"{site.panda_ids('nowhere')[0]}", "--noCheck"):
        refused = site.sandbox.run("goclient", "retry", *words)
        assert (refused.code, '"/nowhere/here" on the nodes, and [site.TEST1] node is now' in refused.err) == (10, True)
        assert "send anew, by sendJob.py --goVia site with another --campaign" in refused.err
    ended = site.sandbox.run(*typed(refused.err, "advance"), "--wait")
    assert (ended.code, len(site.panda_ids("nowhere"))) == (0, 1), ended.err
