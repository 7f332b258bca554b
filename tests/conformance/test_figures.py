"""The programs that ``make figures`` holds as texts run with today's code, so that a name which changes is seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).parents[2] / "tools"


def test_the_records_are_measured_beside_panda_client_s() -> None:
    code = "import json, figures; figures.RUNS = 1; print(json.dumps(figures.records()))"
    env = {**os.environ, "PYTHONPATH": str(TOOLS.parent)}
    done = subprocess.run([sys.executable, "-c", code], cwd=TOOLS, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [len(cells) for cells in json.loads(done.stdout)] == [5, 5]


def test_a_clone_keeps_the_chapters_that_it_does_not_measure(tmp_path: Path) -> None:
    document = tmp_path / "figures.md"
    document.write_text(
        "# Figures\n\nMade.\n\n## Old\n\n2026-11-28, commit abc, Python 3.11.2\n\n| what |\n| --- |\n| a | b |\n| c |\n"
    )
    code = f"import json, pathlib, figures; print(json.dumps(figures.written(pathlib.Path({str(document)!r}))))"
    env = {**os.environ, "PYTHONPATH": str(TOOLS.parent)}
    done = subprocess.run([sys.executable, "-c", code], cwd=TOOLS, env=env, capture_output=True, text=True, check=True)
    kept = {"commit": "abc", "day": "2026-11-28", "python": "3.11.2", "rows": [["a", "b"], ["c"]]}
    assert json.loads(done.stdout) == {"old": kept}
