"""A payload is judged as pilot 3 judges it: by its own report, its exit code, or what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from goclient.sandbox.site.judge import Ending, Killer, Verdict, Version, judge

REPORT = json.dumps({"error_code": 5901, "error_diag": "ours"})
LONG = "CRITICAL " + "x" * 300
GETOPT = "Traceback (most recent call last):\ngetopt.GetoptError: option --goclient not recognized\n"
CASES = [
    pytest.param(Ending(0), {}, Verdict("finished"), Verdict("finished"), id="success"),
    pytest.param(Ending(18), {"report": REPORT}, Verdict("failed", 18, 1305, "ours", 5901, "ours"),
                 Verdict("failed", 18, 1305, "Failed to execute payload"), id="its own report"),
    pytest.param(Ending(0), {"report": REPORT}, Verdict("failed", 0, 1305, "ours", 5901, "ours"), Verdict("finished"),
                 id="a report after a success"),
    pytest.param(Ending(1), {"report": '{"error_code": 0, "error_diag": "x"}'},
                 Verdict("failed", 1, 1305, "Failed to execute payload"),
                 Verdict("failed", 1, 1305, "Failed to execute payload"), id="a report without an error"),
    pytest.param(Ending(1), {"report": "{", "out": "a\nCRITICAL goclient: b\nCRITICAL c\n", "err": GETOPT},
                 Verdict("failed", 1, 1305, "Failed to execute payload:CRITICAL goclient: b"),
                 Verdict("failed", 1, 1305, "Failed to execute payload:CRITICAL goclient: b"), id="a critical line"),
    pytest.param(Ending(1), {"err": GETOPT},
                 Verdict("failed", 1, 1305, "Failed to execute payload:option --goclient not recognized"),
                 Verdict("failed", 1, 1305, "Failed to execute payload:option --goclient not recognized"),
                 id="an error on stderr"),
    pytest.param(Ending(127), {"err": "x: command not found\n"},
                 Verdict("failed", 127, 1305, "Failed to execute payload:x: command not found\n"),
                 Verdict("failed", 127, 1305, "Failed to execute payload:x: command not found\n"), id="no command"),
    pytest.param(Ending(1), {"out": LONG}, Verdict("failed", 1, 1305, f"Failed to execute payload:{LONG[:282]}"),
                 Verdict("failed", 1, 1305, f"Failed to execute payload:{LONG[:282]}"), id="a long line"),
    pytest.param(Ending(3), {}, Verdict("failed", 3, 1368), Verdict("failed", 3, 1305, "Failed to execute payload"),
                 id="a code of its own"),
    pytest.param(Ending(255), {}, Verdict("failed", 0, 1305, "Failed to execute payload"),
                 Verdict("failed", 0, 1305, "Failed to execute payload"), id="255"),
    pytest.param(Ending(-9), {}, Verdict("failed", 0, 1201, "Job killed by signal: SIGKILL"),
                 Verdict("failed", 246, 1305, "Failed to execute payload"), id="a signal"),
    pytest.param(Ending(-15, Killer.BATCH), {"report": REPORT},
                 Verdict("failed", 0, 1201, "Job killed by signal: SIGTERM"),
                 Verdict("failed", 0, 1201, "Job killed by signal: SIGTERM"), id="the batch system"),
    pytest.param(Ending(1, Killer.SERVER), {"report": REPORT},
                 Verdict("failed", 0, 1144, "This job was killed by panda server"),
                 Verdict("failed", 0, 1144, "This job was killed by panda server"), id="the server"),
]  # fmt: skip


@pytest.mark.parametrize(("ending", "left", "new", "old"), CASES)
def test_a_payload_is_judged_by_what_it_leaves(
    tmp_path: Path, ending: Ending, left: dict[str, str], new: Verdict, old: Verdict
) -> None:
    (tmp_path / "payload.stdout").write_text(left.get("out", ""))
    (tmp_path / "payload.stderr").write_text(left.get("err", ""))
    if "report" in left:
        (tmp_path / "payload_error_report.json").write_text(left["report"])
    assert judge(ending, tmp_path, Version.NEW) == new
    assert judge(ending, tmp_path, Version.OLD) == old
