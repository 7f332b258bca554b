"""The README's way to install works from a clean clone and from a wheel, with pip and a package index."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BOUND = 600  # seconds for one block: pip downloads what goclient needs


def test_the_commands_to_install_work_as_printed(tmp_path: Path) -> None:
    index = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            str(tmp_path / "index"),
            "werkzeug",
        ],
        capture_output=True,
    )
    if index.returncode != 0:
        pytest.skip("pip reaches no package index")
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text.partition("## Install")[2].partition("## Try it")[0], re.DOTALL)
    assert len(blocks) == 2
    clone, home = tmp_path / "clone", tmp_path / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(clone)], check=True)
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    env = {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]), "HOME": str(home), **pip}
    for block in blocks:
        done = subprocess.run(
            ["sh", "-eu", "-c", block], cwd=clone, env=env, capture_output=True, text=True, timeout=BOUND
        )
        assert done.returncode == 0, done.stderr
    assert "usage: goclient pilot" in done.stdout
    pages = home / "goclient/share/man/man1"
    assert {path.name for path in (ROOT / "man").iterdir()} == {path.name for path in pages.iterdir()}
    laid = {path.name for path in (home / "goclient/lib").rglob("goclient/jobs/page.*")}
    assert laid == {path.name for path in (ROOT / "goclient/jobs").glob("page.*")}
