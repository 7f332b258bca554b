"""A job of a campaign at a site is mended by hand, and delivered like the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.campaigns.test_site import Site, as_always, expected, site

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
    assert "delivered" in done.json["left"][0]["why"], "what is delivered is not made again"
    site.run_jobs(1)
    assert site.advance("mended", "--wait").code == 0
    assert sorted(site.delivered("mended")) == expected(2)
    assert list(site.staging.iterdir()) == []


def test_a_job_of_a_campaign_that_is_over_is_not_sent_again(site: Site) -> None:
    assert site.send("over", jobs=1).code == 0
    with broken(site):
        assert site.sandbox.pilot().code == 1
    assert site.advance("over", "--end", "--wait").code == 0
    for words in ("--campaign=over",), (str(*site.panda_ids("over")), "--noCheck", "--all"):
        refused = site.sandbox.run("goclient", "retry", *words)
        assert (refused.code, "nothing would deliver its outputs" in refused.err) == (10, True), refused.err
    assert len(site.panda_ids("over")) == 1


def test_a_job_that_the_server_does_not_know_now_has_not_failed(site: Site) -> None:
    assert site.send("hidden").code == 0
    site.run_jobs(1)
    (hidden,) = [one for one in site.panda_ids("hidden") if site.state(one) == "activated"]
    site.rename(hidden, hidden + 10**6)
    for words in ("--end", "--wait"), ("--wait",):
        held = site.advance("hidden", *words)
        assert (held.code, f"PandaID {hidden}" in held.err) == (90, True), held.err
        assert f"goclient advance hidden --end --jobs={hidden}" in held.err
    assert "1 finished, 1 unknown; 1 have delivered" in held.out
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
    assert (ended.code, ended.out) == (0, "gone: all is done: 0 of 1 jobs have delivered\n"), ended.err
    site.sandbox.rows("delete from jobs where panda_id = ?", gone + 10**6)


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
