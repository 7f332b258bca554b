"""With --containerImage the carrier runs in the container: its image needs python3, and files move all the same.

A pilot that starts containers (3.7, user/atlas/container.py) runs ``runGen --preprocess``, then the task's
``containerExec`` in the image, then ``runGen --postprocess``.  No container is started here: an ``apptainer`` in PATH
runs what it is given.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.commands import TIMEOUT, run_command
from tests.sandboxes import Sandbox

# As panda-client has it for prun --containerImage (PrunScript.py).
EXEC = "cat __run_main_exec.sh; /bin/sh __run_main_exec.sh"
APPTAINER = '#!/bin/sh\ntest "$1 $2" = "exec X" || exit 99\nshift 2\nexec "$@"\n'


def prepare(home: Path, words: list[str], sandbox: Sandbox) -> None:
    """Do what runGen --preprocess does: unpack, write the secrets as files, and the command into a script."""
    if real := os.environ.get("GOCLIENT_TEST_RUNGEN"):
        shutil.copy(real, home)
        environ = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
        line = [f"./{Path(real).name}", "--preprocess", *words]
        subprocess.run(line, cwd=home, env=environ, check=True, capture_output=True, timeout=TIMEOUT)
        return
    options = dict(zip(words[::2], words[1::2], strict=False))
    (work := home / "workDir").mkdir()
    (archive,) = (sandbox.root / "cache").rglob(options["-a"])
    subprocess.run(["tar", "-xzf", archive, "-C", work], check=True, timeout=TIMEOUT)
    for name, value in json.loads((home / "panda_secrets.json").read_text()).items():
        (work / name.removeprefix("___file___:")).write_bytes(base64.b64decode(value))
    (home / "panda_secrets.json").rename(work / "panda_secrets.json")
    (work / "run.sh").chmod(0o755)
    (home / "__run_main_exec.sh").write_text(f"cd workDir\nexport PATH=$PATH:.\n {unquote(options['-p'])}\n")


@pytest.mark.conformance  # it takes long
def test_the_carrier_brings_and_delivers_in_a_container(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox = shared_sandbox
    (sent_from := tmp_path / "here").mkdir()
    (sent_from / "run.sh").write_text("#!/bin/sh\nsort 0064.file > out.dat\n")
    moves = ("--StageinGOsrc=GUEST1:/campaign/in/0064.file", "--Data=out.dat", "--OutputGO=GUEST1:/campaign/boxed/")
    words = ("prun", "--site=TEST1", "--goCarry", "--outDS=user.jdoe.boxed", "--noBuild", "--exec=run.sh")
    sent = run_command(("goclient", *words, "--outputs=out.dat", *moves), env=sandbox.env, cwd=sent_from)
    assert sent.code == 0, sent.err
    (job,) = sandbox.rows("select attributes from jobs order by panda_id desc limit 1")
    (secrets,) = sandbox.rows("select data from secrets")
    (home := tmp_path / "job").mkdir()
    (home / "panda_secrets.json").write_text(secrets["data"])
    prepare(home, shlex.split(json.loads(job["attributes"])["jobParameters"]), sandbox)

    (programs := tmp_path / "bin").mkdir()
    (programs / "apptainer").write_text(APPTAINER)
    (programs / "apptainer").chmod(0o755)
    env = {"PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin", "PANDAID": "1", "PandaID": "1", "HOME": str(home)}
    done = subprocess.run(
        ["apptainer", "exec", "X", "/bin/sh", "-c", EXEC],
        cwd=home, env=env, capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "goclient: the job is done" in done.stdout
    (path,) = sandbox.path("SITE1", "/shared/campaign/boxed").iterdir()
    assert path.name.endswith("._000001.out.dat")
    assert "userJobMetadata.json" in os.listdir(home / "workDir"), "which runGen --postprocess puts into the report"
    assert not [name for name in os.listdir(home / "workDir") if "secrets" in name or name.startswith("goclient-e")]
