"""The TAB key completes words of goclient in each shell, typed at a terminal, whatever is in a name."""

from __future__ import annotations

import json
import os
import pty
import select
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from goclient.config import environment
from goclient.jobs.sent import REQUEST, Subjects
from goclient.journal import Entry, Journal
from tests.commands import clean_environment

BOUND = 20.0  # seconds
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(goclient completion bash)"'),
    "zsh": (["zsh", "-f", "-i"], 'eval "$(goclient completion zsh)"'),
    "fish": (["fish", "--no-config", "-i"], "goclient completion fish | source"),
    "tcsh": (["tcsh", "-f", "-i"], 'eval "`goclient completion tcsh`"'),
}
HOSTILE = "X;`touch${IFS}pwned`;$(touch${IFS}pwned)"  # a name that a server may tell
SITE = "0a1b2c3d-0000-4000-8000-000000000001"

# What is typed, with TAB for the key, and the words that the program gets.
LINES = [
    ("goclient sta\t 1", ["status", "1"]),
    ("goclient myproxy dep\t", ["myproxy", "deposit"]),
    ("goclient status --l\tast", ["status", "--last"]),  # or --log-file: both are shown
    ("goclient status --js\t 1", ["status", "--json", "1"]),
    ("goclient probe ANA\t", ["probe", "ANALY_BNL_T3"]),
    ("sendJob.py --computingSite ANA\t", ["--computingSite", "ANALY_BNL_T3"]),
    ("sendJob.py --computingSite=ANA\t", ["--computingSite=ANALY_BNL_T3"]),
    ("sendJob.py --OutputGO=SIT\tx", ["--OutputGO=SITE1:/x"]),
    ("sendJob.py --StageinGOsrc=SITE1:/a,wde\tb", ["--StageinGOsrc=SITE1:/a,wdeng#ANLHEP_ATLAS8:/b"]),
    ("goclient status --log-file some\t 1", ["status", "--log-file", "somewhere.log", "1"]),
    ("goclient probe 'no such\t'", ["probe", "no such"]),
    ("sendJob.py --campaign hig\t", ["--campaign", "higgs"]),
]
QUOTED = ("goclient probe X\\;\t", ["probe", HOSTILE])  # tcsh is not told of it


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's directory, with programs that write down their words, and the names that goclient keeps."""
    root = tmp_path_factory.mktemp("completion")
    programs = root / "bin"
    programs.mkdir()
    for name, module in (("goclient", "goclient"), ("sendJob.py", "goclient.cli.commands.sendjob")):
        real = shlex.join([sys.executable, "-m", module])
        script = f'#!/bin/sh\ncase $1 in __complete|completion) exec {real} "$@" ;; esac\n'
        (programs / name).write_text(f"{script}printf '%s\\n' \"$@\" >said.part; mv said.part said\n")
        (programs / name).chmod(0o755)
    (root / "somewhere.log").touch()
    env = environ(root)
    Path(env["GOCLIENT_ENDPOINTS"]).write_text(
        "".join(f'["{name}"]\nkind = "globus"\nid = "{SITE}"\n' for name in ("SITE1", "wdeng#ANLHEP_ATLAS8"))
    )
    sent = Subjects("digest", "process", "1", "a", "a", campaign="higgs")
    Journal(environment.journal_path(env)).append(Entry(REQUEST, "1", "done", sent))
    queues = {"TEST1": ["online", 0], "ANALY_BNL_T3": ["online", 0], HOSTILE: ["online", 0]}
    environment.queue_source(env).file.write_text(json.dumps({"queues": queues}))
    return root


def environ(root: Path) -> dict[str, str]:
    return {
        **clean_environment(root),
        "PATH": f"{root}/bin:{os.environ['PATH']}",
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "PANDA_URL_SSL": "https://panda.example.org",
        "GOCLIENT_STATE": str(root / "state"),
        "GOCLIENT_ENDPOINTS": str(root / "endpoints.toml"),
    }


@contextmanager
def terminal(shell: str, root: Path) -> Iterator[int]:
    """A shell at a terminal, which has read our script; the body types at it."""
    command, setup = SHELLS[shell]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{shell} is not installed: apt-get install {shell}")
    child, file = pty.fork()
    if not child:
        os.chdir(root)
        os.execvpe(command[0], command, environ(root))
    try:
        typed(file, f"{setup}; goclient is ready", root)
        yield file
    finally:
        os.kill(child, signal.SIGKILL)
        os.close(file)
        os.waitpid(child, 0)


def typed(file: int, line: str, root: Path) -> list[str]:
    """The words that a program of ours gets if a line is typed."""
    said = root / "said"
    said.unlink(missing_ok=True)
    os.write(file, f"{line}\r".encode())
    shown, until = b"", time.monotonic() + BOUND
    while not said.exists():
        assert time.monotonic() < until, shown.decode(errors="replace")
        if select.select([file], [], [], 0.02)[0]:
            shown += os.read(file, 4096)
    return said.read_text().splitlines()


@pytest.mark.parametrize("shell", SHELLS)
def test_the_tab_key_completes_what_is_typed(home: Path, shell: str) -> None:
    with terminal(shell, home) as file:
        for line, words in LINES if shell == "tcsh" else [*LINES, QUOTED]:
            assert typed(file, line, home) == words, (shell, line)
        typed(file, "goclient probe X\t", home)
    assert not (home / "pwned").exists()
