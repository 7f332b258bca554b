"""The examples at the end of each --help are typed, in their order, at a sandbox."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from goclient.cli.examples import EXAMPLES, examples_of
from goclient.cli.main import COMMANDS
from tests.sandboxes import Sandbox, sandbox_in

# What needs a person, a program that is not here, a sandbox of its own or a task that has failed; other tests do these.
UNTRIED = ("goclient login", "goclient logout", "goclient pathena", "goclient sandbox", "goclient retry --task")

# The others are about jobs and tasks that were sent, and run.
FIRST = ("sendJob.py", "goclient check", "goclient pilot", "goclient status", "goclient prun", "goclient kill")


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A user who has a list of files, and a script at the place that the examples name."""
    with sandbox_in(tmp_path_factory.mktemp("examples")) as sandbox:
        sandbox.cwd /= "work"  # prun asks before it packs all of HOME
        sandbox.cwd.mkdir()
        sandbox.payload("simulate.sh", "#!/bin/sh\necho result >result.root\n")
        source = sandbox.path("SITE1", "/home/osg_data/panda/0064.file")
        names = [f"{number:03}.root" for number in range(30)]
        for name in names:
            source.with_name(name).write_text(name)
        files = [f"SITE1:/home/osg_data/panda/{name}" for name in names]
        (sandbox.cwd / "files.txt").write_text("\n".join(files))
        yield sandbox


def lines_of(prog: str) -> list[str]:
    return [one.line for one in EXAMPLES[prog]]


def test_every_command_has_an_example() -> None:
    commands = {prog.split()[1] for prog in EXAMPLES if prog.startswith("goclient ")}
    assert commands == set(COMMANDS)
    assert all(EXAMPLES.values())


@pytest.mark.conformance  # it takes long
def test_the_examples_do_what_they_say(user: Sandbox) -> None:
    pilot = {f"X509_USER_{what}": user.env[f"SANDBOX_PILOT_{what}"] for what in ("CERT", "KEY")}
    standing = {
        "https://www.example.org": f"{user.url}/transformations",
        '"$SANDBOX_PILOT_DN"': shlex.quote(user.env["SANDBOX_PILOT_DN"]),
    }
    for prog in dict.fromkeys([*FIRST, *EXAMPLES]):
        for line in (one for one in lines_of(prog) if not one.startswith(UNTRIED)):
            typed = line
            for shown, real in standing.items():
                typed = typed.replace(shown, real)
            assert line.startswith(prog)
            done = user.run(*shlex.split(typed), **(pilot if prog == "goclient myproxy retrieve" else {}))
            assert done.code == 0, (line, done.err, done.out)
            if task := re.search(r"jediTaskID=(\d+)", done.out):
                standing["--task 7"] = f"--task {task[1]}"
        while prog == "goclient pilot" and user.pilot().code == 0:
            pass  # until no job waits


@pytest.mark.parametrize("prog", EXAMPLES)
def test_help_ends_with_the_examples_as_a_shell_reads_them(user: Sandbox, prog: str) -> None:
    shown = user.run(*prog.split(), "--help").out
    assert shown.endswith(examples_of(prog))
    assert max(map(len, examples_of(prog).splitlines())) <= 80
    found = [line[2:] for line in examples_of(prog).replace("\\\n", " ").splitlines() if re.match("  [^# ]", line)]
    assert [shlex.split(one) for one in found] == [shlex.split(one) for one in lines_of(prog)]
