"""The PanDA pilot that sites run, which knows nothing of goclient, runs jobs from the sandbox's server."""

from __future__ import annotations

import io
import shlex
import tarfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from tests.conformance.panda_pilot import Site, site, why_not
from tests.sandboxes import Sandbox


@pytest.fixture(scope="module")
def foreign_site() -> Iterator[Site]:
    if reason := why_not():
        pytest.skip(reason)
    with site() as made:
        yield made


def upload(sandbox: Sandbox, name: str, script: bytes) -> None:
    """Upload an archive with a script in it, as a user."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("run.sh")
        member.size, member.mode = len(script), 0o755
        archive.addfile(member, io.BytesIO(script))
    token = Path(sandbox.env["OIDC_AUTH_TOKEN_FILE"]).read_text().strip()
    answer = requests.post(
        f"{sandbox.url}/api/v1/file_server/upload_cache_file",
        files={"file": (name, packed.getvalue())},
        headers={"Authorization": f"Bearer {token}", "Origin": sandbox.env["PANDA_AUTH_VO"]},
        timeout=10,
    )
    assert answer.json()["success"], answer.text


def test_it_runs_a_program_from_an_archive(foreign_site: Site, shared_sandbox: Sandbox) -> None:
    sandbox = shared_sandbox
    transformation = foreign_site.has(sandbox.root / "transformations/runGen-00-00-02")
    upload(sandbox, "jobO.1.tar.gz", b"#!/bin/sh\necho the program ran\n")
    words = f'-j "" --sourceURL {sandbox.url} -r . -a jobO.1.tar.gz -o "{{}}" -p {shlex.quote(quote("./run.sh"))}'
    job = ("--computingSite=TEST1", f"--transformation={transformation}", f"--jobParameters={words}")
    sent = sandbox.run("sendJob.py", *job, "--noCheck", "--json")
    assert sent.code == 0, sent.err
    with foreign_site.pilot(sandbox) as pilot:
        done = pilot.wait_for(sandbox, sent.json["jobs"][0]["PandaID"], "finished", "failed")
    assert done["jobStatus"] == "finished", pilot.log
