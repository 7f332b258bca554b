"""Tasks of prun and pathena whose jobs bring their own transfers, at a site that knows nothing of goclient."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Result, run_command
from tests.sandboxes import Sandbox

BRING = "--StageinGOsrc=GUEST1:/campaign/in/0064.file"
TOP = "/shared/campaign"


@pytest.fixture
def user(shared_sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    """The sandbox's user, in a directory with a script that is not executable."""
    (tmp_path / "run.sh").write_text('#!/bin/sh\nset -e\nsort 0064.file > out.dat\nprintf "%s|" "$@" > "more.txt"\n')
    shared_sandbox.cwd = tmp_path
    return shared_sandbox


def prun(user: Sandbox, name: str, *words: str) -> Result:
    needed = (f"--outDS=user.jdoe.{name}", "--noBuild", "--site=TEST1", "--goCarry")
    return run_command(("goclient", "prun", *needed, *words), env=user.env, cwd=user.cwd)


def site(user: Sandbox, *words: str) -> dict[str, Any]:
    """What a site's pilot reports of the next job."""
    result = user.run("goclient", "sandbox", "site", "--site=TEST1", "--once", "--json", *words)
    found: dict[str, Any] = json.loads(result.out)
    assert found["left"] == [], found
    return found


def test_the_jobs_of_a_task_bring_their_files_and_take_their_outputs_away(user: Sandbox) -> None:
    odd = 'a  b\'c"""d%41'
    words = (
        BRING, "--exec=run.sh '" + odd.replace("'", "'\\''") + "' $HOME %RNDM:5", "--outputs=out.dat,more.txt",
        "--Data=out.dat", "--OutputGO=GUEST1:/campaign/one/", "--nJobs=2",
    )  # fmt: skip
    sent = prun(user, "one", *words)
    assert sent.code == 0, sent
    for number in (1, 2):
        report = site(user)
        assert (report["state"], report["exeErrorDiag"]) == ("finished", ""), report
        (path,) = user.path("SITE1", TOP).glob(f"one/user.jdoe.*._{number:06}.out.dat")
        lines = user.path("SITE1", f"{TOP}/in/0064.file").read_text().splitlines(keepends=True)
        assert path.read_text() == "".join(sorted(lines))
    kept = sorted((user.root / "site/storage").glob("user.jdoe.*.more.txt"))
    assert [one.read_text().split("|")[0] for one in kept] == [odd] * 2
    assert [one.read_text().split("|")[2] for one in kept] == ["6", "7"]
    assert list(Path(user.cwd).iterdir()) == [Path(user.cwd, "run.sh")]
