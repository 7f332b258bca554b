"""The README's commands are run as they are printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_commands_to_try_work_as_printed(env: dict[str, str], tmp_path: Path) -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    path = os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]])
    done = subprocess.run(
        ["sh", "-eu", "-c", block], env={**env, "PATH": path}, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "PandaID=1 finished" in done.stdout
    assert "10485760" in done.stdout
    assert done.stdout.rstrip().endswith("is stopped")


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    makefile = (README.parent / "Makefile").read_text()
    for command in re.findall(r"^    make (\w+)$", README.read_text(), re.MULTILINE):
        assert re.search(rf"^{command}:", makefile, re.MULTILINE), command


def test_every_file_that_the_readme_links_to_is_there() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README.read_text()):
        assert (README.parent / target).exists(), target
