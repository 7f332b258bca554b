"""With --containerImage the carrier runs in a real container, with the Python of its image and nothing else of ours.

The sandbox takes no task with a container: its job is that of a task without one, which has the same archive.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.commands import TIMEOUT, run_command
from tests.conformance.container import APPTAINER, build_image, command, why_not
from tests.conformance.panda_pilot import SYSTEM_PATH
from tests.sandboxes import Sandbox
from tests.tasks.test_container import prepare

PROGRAM = """#!/bin/sh
sort -r input.dat > sorted.txt
python3 -I > seen.json << END
import json, os, socket, sys
print(json.dumps([sys.executable, sorted(os.listdir("/")), socket.gethostname(), os.path.exists("{hidden}")]))
END
"""


def as_the_pilot(image: Path, job: Path, text: str) -> str:
    """As its own code has it, where it starts apptainer itself."""
    return command(image, job, text)


def as_alrb(image: Path, job: Path, text: str) -> str:
    """As ATLAS's own script does, for which the pilot writes a script that runs in /srv."""
    return f"apptainer --verbose exec -B {job}:/srv {image} /bin/bash -c {shlex.quote(f'cd /srv; {text}')}"


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    if reason := why_not():
        pytest.skip(reason)
    with TemporaryDirectory(prefix="goclient-image-") as folder:
        build_image(Path(folder, "image"))
        yield Path(folder, "image")


@pytest.mark.parametrize("start", [as_the_pilot, as_alrb])
def test_files_move_in_a_container(
    start: Callable[[Path, Path, str], str], image: Path, shared_sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox, name = shared_sandbox, f"box-{start.__name__}"
    source = sandbox.path("SITE1", f"/shared/campaign/{name}/input.dat")
    source.parent.mkdir(parents=True)
    source.write_text("a\nb\n")
    (sent_from := tmp_path / "here").mkdir()
    (sent_from / "run.sh").write_text(PROGRAM.format(hidden=sent_from))
    there = f"GUEST1:/campaign/{name}"
    moves = (f"--StageinGOsrc={there}/input.dat", "--Data=sorted.txt,seen.json", f"--OutputGO={there}/out/")
    words = ("prun", "--site=TEST1", "--goCarry", f"--outDS=user.jdoe.{name}", "--noBuild", "--exec=sh run.sh",
             "--outputs=sorted.txt,seen.json", *moves)  # fmt: skip
    sent = run_command(("goclient", *words), env=sandbox.env, cwd=sent_from)
    assert sent.code == 0, sent.out + sent.err
    boxed = ("--containerImage=docker://own/image:1", "--noSubmit", "--dumpTaskParams=task.json")
    dumped = run_command(("goclient", *words, *boxed), env=sandbox.env, cwd=sent_from)
    assert dumped.code == 0, dumped.out + dumped.err
    text = json.loads((sent_from / "task.json").read_text())["multiStepExec"]["containerOptions"]["containerExec"]
    (row,) = sandbox.rows("select attributes from jobs order by panda_id desc limit 1")
    (secrets,) = sandbox.rows("select data from secrets")
    (job := tmp_path / "job").mkdir()
    (job / "panda_secrets.json").write_text(secrets["data"])
    attributes = json.loads(row["attributes"])
    prepare(job, shlex.split(attributes["jobParameters"]), sandbox)

    (programs := tmp_path / "bin").mkdir()
    (programs / "apptainer").write_text(APPTAINER)
    (programs / "apptainer").chmod(0o755)
    env = {"PATH": f"{programs}:{SYSTEM_PATH}", "PANDAID": "1", "PandaID": "1"}
    line = ["/bin/bash", "-c", start(image, job, text)]
    done = subprocess.run(line, cwd=job, env=env, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "goclient: the job is done" in done.stdout
    out = {path.name.partition("._000001.")[2]: path for path in (source.parent / "out").iterdir()}
    assert out.pop("sorted.txt").read_text() == "b\na\n"
    python, top, host, sees_us = json.loads(out.pop("seen.json").read_text())
    assert (python, host, sees_us, out) == ("/usr/bin/python3", "in-the-image", False, {})
    assert set(top) == {one.name for one in image.iterdir()}, "it sees the image, and nothing of the node"
    left = os.listdir(job / "workDir")
    assert "userJobMetadata.json" in left, "which runGen --postprocess puts into the report"
    assert not [one for one in left if "secrets" in one or one.startswith("goclient-e")]
    sandbox.rows("update jobs set status = 'finished' where status = 'activated'")
