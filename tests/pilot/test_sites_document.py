"""Examples for sites in docs/sites.md can be used as they are."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from goclient.cli.commands.pilot import PROG, PilotOptions
from goclient.cli.parser import Parser

DOCUMENT = (Path(__file__).parents[2] / "docs" / "sites.md").read_text()


def block(name: str) -> str:
    """The block of the document behind a comment with this name."""
    found = re.search(rf"<!-- {name} -->\n```\w*\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    return found[1]


def assert_is_a_pilot_s(command: str) -> None:
    """Raise for a command line that is not one of a pilot, as it is typed after ``goclient``."""
    words = shlex.split(command)
    assert words[0] == "pilot"
    Parser(PilotOptions, prog=PROG).parse(words[1:])


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    unit = block("systemd")
    (command,) = re.findall(r"^ExecStart=/usr/bin/env goclient (.*)$", unit, re.MULTILINE)
    assert_is_a_pilot_s(command)
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("there is no systemd-analyze")
    (tmp_path / "goclient-pilot.service").write_text(unit.replace("User=pilot", "User=daemon"))
    done = subprocess.run(
        [verify, "verify", "--man=no", str(tmp_path / "goclient-pilot.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    about_it = [line for line in done.stderr.splitlines() if "goclient-pilot" in line]
    assert about_it == [], done.stderr


def test_the_line_for_cron_is_one() -> None:
    (line,) = block("cron").splitlines()
    *times, command = line.split(None, 5)
    assert all(re.fullmatch(r"[0-9*/,-]+", one) for one in times)
    assert "%" not in command, "cron would make line breaks of them"
    assert subprocess.run(["/bin/sh", "-n", "-c", command], check=False).returncode == 0
    assert_is_a_pilot_s(command.partition(" goclient ")[2].partition(" 2>>")[0])


def test_the_file_for_htcondor_is_one() -> None:
    *lines, last = block("htcondor").splitlines()
    pairs = [re.fullmatch(r"(\w+) += (\S.*)", line) for line in lines]
    assert all(pairs)
    settings = {one[1]: one[2] for one in pairs if one}
    assert re.fullmatch(r"queue \d+", last)
    assert (settings["executable"], settings["kill_sig"]) == ("/usr/bin/goclient", "SIGTERM")
    assert_is_a_pilot_s(settings["arguments"])
    for variable in shlex.split(settings["environment"].strip('"')):
        assert re.fullmatch(r"[A-Z_]+=\S+", variable)
