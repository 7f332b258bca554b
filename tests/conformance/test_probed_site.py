"""The PanDA pilot that sites run, which knows nothing of goclient, tells what a probe has seen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conformance.panda_pilot import site, why_not
from tests.sandboxes import Sandbox

RUN_GEN, SITE = "runGen-00-00-02", "mxp#MXP_BNL_TEST"


def test_a_probe_comes_back_from_an_unmodified_pilot(shared_sandbox: Sandbox) -> None:
    """With the sandbox's runGen, or the real one if GOCLIENT_TEST_RUNGEN names it."""
    if reason := why_not():
        pytest.skip(reason)
    sandbox = shared_sandbox
    with site() as made:
        own = Path(os.environ.get("GOCLIENT_TEST_RUNGEN") or sandbox.root / f"transformations/{RUN_GEN}")
        settings = sandbox.cwd / "settings.toml"
        settings.write_text(f'[carrier]\nrunGen = "{made.has(own)}"\n')
        sandbox.env["GOCLIENT_SETTINGS"] = str(settings)
        (staging := made.folder / "pnfs/staging").mkdir(parents=True)
        sandbox.rows("update collections set root = ? where display_name = ?", str(staging.parent), SITE)
        words = ("--collection=GUEST1", f"--shared={SITE}:/staging", f"--path={staging.parent}")
        sent = sandbox.run("goclient", "probe", "TEST1", "--detach", "--json", *words)
        assert sent.code == 0, sent.err
        (panda_id,) = sent.json["waiting"]
        (mark,) = staging.iterdir()
        mark.chmod(0o777)  # as a default ACL of the site does: the pilots have an account of their own
        with made.pilot(sandbox) as pilot:
            done = pilot.wait_for(sandbox, panda_id, "finished", "failed")
            assert done["jobStatus"] == "finished", (done, pilot.log)
        assert [one.stat().st_uid for one in mark.iterdir()] != [mark.stat().st_uid]
        told = sandbox.run("goclient", "probe", "TEST1", "--json")
        assert list(staging.iterdir()) == [], "nothing is left"
    (node,) = told.json["nodes"]
    assert (told.code, [one["code"] for one in told.json["findings"]]) == (0, ["nodes", "site"]), told.out
    assert (told.json["site"]["directory"], told.json["site"]["node"]) == ("/staging", str(staging))
    assert node["report"]["pilot"].startswith("3.")
    assert node["report"]["rungen"]
    assert len([one for one in node["report"]["targets"] if not one["error"]]) == 4
