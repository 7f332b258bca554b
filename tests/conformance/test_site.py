"""The site that the sandbox plays judges a payload as the real pilot does."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from goclient.sandbox.site.judge import Ending, Version, judge
from tests.commands import TIMEOUT
from tests.conformance.panda_pilot import SYSTEM_PATH, why_not

# No pilot is started: one function of it is called, with a job that has a directory and no process.
REAL = """
import json, os, sys, types
os.environ |= {"PILOT_USER": "generic", "PILOT_HOME": sys.argv[2]}
sys.path.insert(0, sys.argv[1])
from pilot.common.errorcodes import ErrorCodes
from pilot.control import payload
found = []
for directory, code in json.loads(sys.argv[3]):
    ErrorCodes.pilot_error_codes, ErrorCodes.pilot_error_diags = [], []
    job = types.SimpleNamespace(workdir=directory, subprocesses=[], debug=True, pid=0,
                                piloterrorcodes=[], piloterrordiags=[])
    payload.perform_initial_payload_error_analysis(job, code)
    found.append([job.piloterrorcodes[:1], job.piloterrordiags[:1], code % 255])
sys.stderr.write("FOUND" + json.dumps(found))
"""
OUTS = (
    "",
    "x\nCRITICAL goclient: no input\nCRITICAL b\n",
    f"CRITICAL {'x' * 229}\n",
    f"CRITICAL {'y' * 400}\n",
    "CRITICAL a::b\n",
)
ERRS = ("", "getopt.GetoptError: option --goclient not recognized\n", "WARNING: odd\n", "sh: 1: x: command not found\n")


def test_a_payload_is_judged_as_by_the_real_pilot(tmp_path: Path) -> None:
    if reason := why_not():
        pytest.skip(reason)
    source = os.environ["GOCLIENT_TEST_PANDA_PILOT"]
    cases, ours = [], []
    for number, (out, err, code) in enumerate(
        (out, err, code) for out in OUTS for err in ERRS for code in (0, 1, 3, 18, 251, 255, -9)
    ):
        directory = tmp_path / str(number)
        directory.mkdir()
        (directory / "payload.stdout").write_text(out)
        (directory / "payload.stderr").write_text(err)
        cases.append((str(directory), code))
        verdict = judge(Ending(code), directory, Version.OLD)
        failed = verdict.state == "failed"
        ours.append([[verdict.pilotErrorCode] * failed, [verdict.pilotErrorDiag] * failed, verdict.transExitCode])
    words = ["python3", "-c", REAL, source, str(tmp_path), json.dumps(cases)]
    env = {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8"}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=TIMEOUT)
    assert json.loads(done.stderr.rpartition("FOUND")[2]) == ours
