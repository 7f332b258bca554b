"""The "Full Globus interface for the globusPilot" of the 2012 page, as a user types it, to the file at its end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from goclient.model.records.base import MAX_BLOCK
from goclient.model.records.panda_job import decode_jobs
from goclient.model.records.registry import decode
from tests.commands import Run
from tests.sandboxes import Sandbox

# The command verbatim, line breaks and blanks included; the page forgot the quote at its end, which is added.
PAGE = r"""./sendJob.py --njobs 1 --computingSite TEST3 \
         --transformation http://www.usatlas.bnl.gov/~mxp/panda/transformations/maxim_test.sh \
         --prodSourceLabel user --cloud OSG \
         --jobParameters 'globus-user=mxp \
                                  globus-endpoint-in=mxp#MXP_BNL_TEST globus-endpoint-local=mxp#MXP_BNL_TEST globus-endpoint-out=mxp#MXP_OU_TEST \
                                  in-mode=server dir-in=/direct/usatlas+u/mxp/ files-in=xs.sh \
                                  out-mode=server dir-out=/home/usatlas1 files-out=xs.sh"""  # noqa: E501
QUOTE = "'"


def typed_in_bash(sandbox: Sandbox, command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Return what bash makes of a command whose ``./sendJob.py`` is the installed one."""
    script = folder / "sendJob.py"
    script.write_text('#!/bin/sh\nexec "$SENDJOB_PYTHON" -m goclient.cli.commands.sendjob "$@"\n')
    script.chmod(0o755)
    env = {**sandbox.env, "SENDJOB_PYTHON": sys.executable}
    return subprocess.run(
        ["bash", "-c", command], env=env, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.conformance  # it takes long
def test_the_page_s_command_is_understood_as_it_stands(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    command = PAGE + QUOTE
    told = typed_in_bash(shared_sandbox, f"{command} --noSubmit -v", tmp_path)
    assert told.returncode == 0, told.stderr
    (job,) = [line for line in told.stdout.splitlines() if line.startswith("jobName=")]
    parameters = job.partition("jobParameters=")[2]
    table = shared_sandbox.run("goclient", "explain", parameters).out.splitlines()[:3]
    assert table[0].split() == ["task", "when", "from", "to"]
    for line in table:
        assert line in told.stderr.splitlines()
    as_on_the_page = PAGE.partition("--jobParameters 'globus-user")[2]
    explained = shared_sandbox.run("goclient", "explain", "globus-user" + as_on_the_page, "--json").json
    assert explained["spec"] == decode(parameters).spec.model_dump(mode="json")
    assert explained["payload"] == ""


@pytest.mark.conformance  # it takes long
def test_the_page_s_transfers_end_with_the_file_at_oklahoma(sandbox: Sandbox, tmp_path: Path) -> None:
    """The local endpoint sees the job's directory: what it holds is a folder of this machine."""
    transformation = sandbox.payload(
        "maxim_test.sh", "#!/bin/sh\nread line < xs.sh\n[ $# = 2 ] && echo more >> xs.sh\n"
    )
    words = PAGE.partition("--jobParameters '")[2] + " 'two  words' last"
    submitted = sandbox.run(
        *("sendJob.py", "--computingSite=TEST3", f"--transformation={transformation}", f"--jobParameters={words}")
    )
    assert submitted.code == 0, submitted.err
    top = sandbox.path("mxp#MXP_BNL_TEST")
    work = top / "scratch"
    work.mkdir()
    piloted = sandbox.run(*("goclient", "pilot", "--site=TEST3", "--once", f"--sharedFolder={top}=/"), TMPDIR=str(work))
    assert piloted.code == 0, piloted.err
    assert (
        sandbox.path("mxp#MXP_OU_TEST", "/home/usatlas1/xs.sh").read_text() == "#!/bin/sh\necho cross section\nmore\n"
    )
    assert "made the endpoint" not in piloted.err
    assert list(work.iterdir()) == []


def test_both_syntaxes_make_the_same_record(run: Run) -> None:
    bare = "globus-endpoint-in=A in-mode=gc dir-in=/d files-in=a,b "
    bare += "globus-endpoint-out=B out-mode=gc dir-out=/o files-out=x"
    dashed = ("--StageinGOsrc=A:/d/a,A:/d/b", "--OutputGO=B:/o", "--Data=x")
    job = ("sendJob.py", "--computingSite=Q", "--transformation=/bin/true", "--noSubmit", "--noCheck", "--json")
    records = [
        decode_jobs(run(*job, *words).json["record"])[0]["jobParameters"]
        for words in ((f"--jobParameters=run {bare}",), ("--jobParameters=run", *dashed))
    ]
    assert records[0] == records[1]
    assert records[0].startswith("run --goclient=v1:4 --StageinGOsrc=A:/d/a,A:/d/b ")


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("words", [("--StageinGOsrc=@names",), ("--jobParameters=--StageinGOsrc=@names",)])
def test_a_list_of_a_hundred_thousand_names_is_read_checked_and_counted(
    run: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    names = tmp_path / "names"
    names.write_text("".join(f"A:/{number:x}\n" for number in range(100_000)))
    job = ("sendJob.py", "--computingSite=Q", "--transformation=/bin/true", "--noSubmit", "--noCheck", *words)
    fits = run(*job, "--json")
    assert fits.code == 0, fits.err
    assert len(fits.json["plan"][0]["items"]) == 100_000
    names.write_text("".join(f"A:/data/{number:06d}.root\n" for number in range(100_000)))
    too_many = run(*job)
    assert too_many.code == 10
    assert f"the names of 100000 files take 2000043 bytes, more than the {MAX_BLOCK}" in too_many.err
    assert "about 52427 such names fit: move a whole directory" in too_many.err
    names.write_text("".join(f"A:/{number:x}\n" for number in range(99_999)) + "A:b\n")
    wrong = run(*job)
    assert (wrong.code, wrong.err.count("error:")) == (10, 1)
    assert '--StageinGOsrc="A:b": the path must begin with /' in wrong.err


def test_a_list_with_a_byte_order_mark_begins_with_its_first_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "names").write_text("A:/a\nA:/b\n", encoding="utf-8-sig")
    words = ("--computingSite=Q", "--transformation=/bin/true", "--noSubmit", "--noCheck", "--StageinGOsrc=@names")
    assert "--StageinGOsrc=A:/a,A:/b " in run("sendJob.py", *words).out
