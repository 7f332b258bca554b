"""A job of a campaign at a site is mended by hand, and delivered like the others."""

from __future__ import annotations

from tests.campaigns.test_site import Site, as_always, expected, site

__all__ = ["as_always", "site"]


def test_a_job_that_is_retried_by_hand_delivers_as_the_first_try_would_have(site: Site) -> None:
    assert site.send("mended").code == 0
    flag = site.sandbox.root / "broken"
    flag.write_text("")
    script = site.sandbox.root / "transformations/work.sh"
    whole = script.read_text()
    script.write_text(f"#!/bin/sh\ntest ! -e {flag} || exit 3\n{whole}")
    assert site.sandbox.pilot().code == 1
    flag.unlink()
    site.run_jobs(1)
    assert "1 failed" in site.advance("mended").out
    done = site.sandbox.run("goclient", "retry", "--campaign", "mended", "--json")
    assert done.code == 0, done
    assert len(done.json["jobs"]) == 1
    site.run_jobs(1)
    assert site.advance("mended", "--wait").code == 0
    assert sorted(site.delivered("mended")) == expected(2)
    assert list(site.staging.iterdir()) == []
