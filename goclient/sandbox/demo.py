"""The example of the 2012 page, from submission to the file at SITE1, each step shown."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from goclient.files.private import make_directory
from goclient.sandbox import daemon, seed
from goclient.sandbox.state import Folders, State

SITE, NAME, ACCOUNT = "SITE1", "10mb-file.bin", "wdeng"
FOLDER = "home/osg_data/panda"
Say = Callable[[str, str], None]


def run(folder: Path | None, *, overwrite: bool = False) -> int:
    """The exit code of the example: 0 if the output is at SITE1 and is what the job made.

    With a folder the sandbox's files stay there, for a look; without one nothing stays.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # as for Ctrl-C: nothing stays
    say = _speaker()
    root = folder.absolute() if folder else Path(tempfile.mkdtemp(prefix="goclient-demo-"))
    started = False
    try:
        if not daemon.running(root):
            started = True
            daemon.start(root, tied=True)
        state = State(Folders(root))
        say("sandbox", f"Globus, PanDA and a web server answer at {state.fact('url')}, MyProxy beside them")
        code = _example(state, say, overwrite=overwrite)
        if folder and not code:
            say(
                "look",
                f"{root}/collections/{SITE}/{FOLDER}/ is what {SITE} holds; {root}/sandbox.log is what was asked",
            )
            say("look", f"goclient sandbox start --dir {folder}; . {folder}/env.sh: and type commands of your own")
        return code
    finally:
        if started:
            daemon.stop(root)
        if folder is None:
            shutil.rmtree(root, ignore_errors=True)


def command_line(url: str) -> list[str]:
    """The page's own command, but for the transformation's host."""
    return [
        "sendJob.py",
        "--njobs",
        "1",
        "--computingSite",
        "TEST1",
        "--transformation",
        f"{url}/transformations/datatransfer.sh",
        "--prodSourceLabel",
        "user",
        "--cloud",
        "OSG",
        f"--StageinGOsrc={SITE}:/{FOLDER}/0064.file",
        f"--OutputGO={SITE}:/{FOLDER}/",
        "--WorkingendpointGO=OSGDEV",
        f"--Data={NAME}",
    ]


def _example(state: State, say: Say, *, overwrite: bool) -> int:
    """Submits the job, runs a pilot, shows what became of it; the exit code of the first step that fails."""
    env = _environment(state)
    pilot = {"X509_USER_CERT": env["SANDBOX_PILOT_CERT"], "X509_USER_KEY": env["SANDBOX_PILOT_KEY"]}
    code = _shown(
        "deposit", ["myproxy", "deposit", "--user", ACCOUNT, "--retriever", env["SANDBOX_PILOT_DN"]], env, say
    )
    if code:
        return code
    typed = [*command_line(state.fact("url")), f"--myproxy={ACCOUNT}", *(["--goOverwrite"] if overwrite else [])]
    say("submit", shlex.join(typed))
    code, submitted = _step("goclient.cli.commands.sendjob", [*typed[1:], "--json", "-v"], env, say)
    if code:
        return code
    panda_id = submitted["jobs"][0]["PandaID"]
    row = state.row("select attributes from jobs where panda_id = ?", panda_id) or {"attributes": "{}"}
    sent = json.loads(row["attributes"])
    say("submit", f"PandaID={panda_id}; its record's jobParameters, as the server has them:")
    say("record", sent.get("jobParameters", ""))
    proxy = state.folders.root / "work" / "user.proxy"
    code = _shown("proxy", ["myproxy", "retrieve", "-l", ACCOUNT, "-n", "-o", str(proxy)], {**env, **pilot}, say)
    if code:
        return code
    code, done = _pilot(env, say)
    while done.get("PandaID") not in (panda_id, None):  # there was an older job in the queue
        code, done = _pilot(env, say)
    _shown("status", ["status", str(panda_id)], env, say)
    return code or _compare(state, say)


def _shown(step: str, words: list[str], env: dict[str, str], say: Say) -> int:
    """The exit code of a command of goclient, the lines that it prints shown."""
    command = [sys.executable, "-P", "-m", "goclient", *words]
    done = subprocess.run(command, env=env, text=True, stdout=subprocess.PIPE, check=False)
    if step != "status":
        say(step, shlex.join(["goclient", *words]))
    for line in done.stdout.splitlines():
        say(step, line)
    return done.returncode


def _pilot(env: dict[str, str], say: Say) -> tuple[int, dict[str, Any]]:
    return _step("goclient", ["pilot", "--site", "TEST1", "--once", "--json"], env, say)


def _compare(state: State, say: Say) -> int:
    """0 if the output at SITE1 has the size and the checksum that it had on the node."""
    output = state.folders.collections / SITE / FOLDER / NAME
    sent = state.row(
        "select checksum, bytes_transferred from transferred join tasks using (task_id) "
        "where destination_path = ? order by transferred.rowid desc",
        f"/{FOLDER}/{NAME}",
    )
    if sent is None or not output.is_file():
        say("output", f"{output} is not there")
        return 1
    checksum, size = _md5(output), output.stat().st_size
    say("output", f"{output}")
    say("output", f"on the node: {sent['bytes_transferred']} bytes, MD5 {sent['checksum']}")
    say("output", f"at {SITE}:    {size} bytes, MD5 {checksum}")
    return 0 if (size, checksum) == (sent["bytes_transferred"], sent["checksum"]) else 1


def _md5(path: Path) -> str:
    import hashlib

    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _environment(state: State) -> dict[str, str]:
    """The user's environment, pointed at the sandbox, with a place of its own for all that goclient keeps."""
    folders = state.folders
    work = folders.root / "work"
    make_directory(work)
    env = {name: value for name, value in os.environ.items() if name not in seed.CLEARED}
    path = f"{folders.programs}{os.pathsep}{env.get('PATH', os.defpath)}"
    own = {"PATH": path, "TMPDIR": str(work)}
    return {**env, **seed.environment(state), **own}


def _step(module: str, words: list[str], env: dict[str, str], say: Say) -> tuple[int, Any]:
    """The exit code and the JSON document of one command, each line of its progress shown as it comes.

    Ctrl-C reaches the demo only, which ends the command and waits: a pilot takes its endpoint down first.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", module, *words],
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        for line in process.stderr:
            head, colon, rest = line.rstrip("\n").partition(": ")
            ours = colon and head in ("pilot", "sendJob.py")
            say("pilot" if head == "pilot" else "submit", rest if ours else line.rstrip("\n"))
        text = process.stdout.read()
    except BaseException:
        process.terminate()
        process.communicate()
        raise
    code = process.wait()
    return code, json.loads(text) if text else {}


def _speaker() -> Say:
    """Prints a step and its text: in colour on a terminal, as plain lines in a pipe."""
    if not sys.stdout.isatty():
        return lambda step, text: print(f"{step:<8}{text}", flush=True)
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True)
    return lambda step, text: console.print(Text(f"{step:<8}", "bold cyan") + Text(text))
