"""How the commands start: what needs no work loads nothing for it, and what is no command is told so."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

import goclient
from goclient.cli.main import COMMANDS
from tests.commands import MODULES, Run, command, run_command

ONE_OF = f"one of {', '.join(COMMANDS)}"
HEAVY = {"pydantic", "requests", "globus_sdk", "rich", "cryptography", "werkzeug", "platformdirs"}

# Runs a module as `python -m` does, then writes the top-level names of what was imported to a file.
LOADED = """
import runpy, sys
module, report, *words = sys.argv[1:]
sys.argv = [module, *words]
try:
    runpy.run_module(module, run_name="__main__", alter_sys=True)
finally:
    with open(report, "w") as file:
        file.write(" ".join({name.partition(".")[0] for name in sys.modules}))
"""

QUICK = [
    ("sendJob.py", "--help"),
    ("sendJob.py", "-h"),
    ("sendJob.py", "--version"),
    ("sendJob.py", "--noSubmit", "--help"),
    ("goclient", "--help"),
    ("goclient", "-h"),
    ("goclient", "--version"),
    ("goclient", "pilot", "--help"),
    ("goclient", "pilot", "--version"),
    ("goclient", "sandbox", "--help"),
    ("goclient", "sandbox", "start", "--help"),
    ("goclient", "status", "--help"),
    ("goclient", "help", "status"),
    ("goclient", "help"),
    ("goclient", "help", "sendJob.py"),
    ("goclient", "help", "myproxy", "deposit"),
    ("goclient", "version"),
    ("goclient", "completion", "bash"),
    ("goclient", "__complete", "zsh", "sendJob.py", "--computingSite"),
    ("goclient", "endpoint", "--help"),
    ("goclient", "endpoint", "add", "--version"),
    ("goclient", "login", "--help"),
    ("goclient", "logout", "--help"),
    ("goclient", "whoami", "--help"),
    ("goclient", "prun", "-h"),
    ("goclient", "prun", "--helpGroup", "globus"),
    ("goclient", "pathena", "-h"),
]


@pytest.mark.parametrize("words", [pytest.param(words, id=" ".join(words)) for words in QUICK])
def test_help_and_version_need_nothing_and_load_nothing_heavy(
    words: tuple[str, ...], env: dict[str, str], tmp_path: Path
) -> None:
    report = tmp_path / "modules"
    done = run_command(
        (sys.executable, "-c", LOADED, MODULES[words[0]][1], str(report), *words[1:]), env=env, cwd=tmp_path
    )
    assert (done.code, done.err) == (0, "")
    assert done.out
    loaded = set(report.read_text().split())
    assert "goclient" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("words", [("sendJob.py",), ("goclient",), ("goclient", "status")], ids=" ".join)
def test_every_command_says_its_version(run: Run, words: tuple[str, ...]) -> None:
    assert run(*words, "--version").out == f"goclient {goclient.__version__}\n"


@pytest.mark.parametrize(
    ("words", "heads"),
    [
        pytest.param(("sendJob.py",), ("--StageinGOsrc", "--njobs", "--noSubmit", "Exit codes"), id="sendJob.py"),
        pytest.param(("goclient",), ("pilot", "sandbox", "status", "Exit codes"), id="goclient"),
        pytest.param(("goclient", "pilot"), ("--site", "--once"), id="goclient pilot"),
        pytest.param(("goclient", "sandbox"), ("start", "demo", "--dir"), id="goclient sandbox"),
        pytest.param(("goclient", "status"), ("PandaID", "--json"), id="goclient status"),
        pytest.param(("goclient", "endpoint"), ("list", "show NAME", "--search", "--noCheck"), id="goclient endpoint"),
        pytest.param(("goclient", "login"), ("--no-browser", "--endpoint", "--session"), id="goclient login"),
    ],
)
def test_help_lists_what_can_be_typed(run: Run, words: tuple[str, ...], heads: tuple[str, ...]) -> None:
    result = run(*words, "--help")
    assert result.out.startswith(f"usage: {' '.join(words)} ")
    for head in heads:
        assert head in result.out
    assert max(map(len, result.out.splitlines())) <= 120


@pytest.mark.parametrize(
    ("option", "ours"),
    [
        ("--dry-run", "--noSubmit"),
        ("--site", "--computingSite"),
        ("-n", "--noSubmit or --njobs"),
        ("--force", "--goOverwrite or --noCheck or --again"),
        ("-q", "--computingSite or --quiet"),
    ],
)
def test_an_option_of_other_tools_has_the_name_of_ours_in_its_hint(run: Run, option: str, ours: str) -> None:
    result = run("sendJob.py", option, "x")
    assert (result.code, f"did you mean {ours}?" in result.err) == (2, True), result.err


def test_a_report_of_a_defect_has_all_versions(run: Run) -> None:
    assert run("goclient", "version").out == f"goclient {goclient.__version__}\n"
    shown = run("goclient", "version", "-v").out.splitlines()
    document = run("goclient", "version", "--json").json
    assert shown == [f"{name} {text}" for name, text in document.items()]
    assert {"Python", "system", "globus-sdk", "panda-client"} < set(document)


def test_help_wins_over_mistakes_before_it(run: Run) -> None:
    assert run("sendJob.py", "--njobs=x", "--help").code == 0


@pytest.mark.parametrize(
    ("words", "shown", "hint"),
    [
        pytest.param((), "a subcommand is missing", ONE_OF, id="no subcommand"),
        pytest.param(("statsu", "1"), '"statsu"', "did you mean status?", id="a subcommand mistyped"),
        pytest.param(("Pilot",), '"Pilot"', "did you mean pilot?", id="a subcommand in capitals"),
        pytest.param(("frobnicate",), '"frobnicate"', ONE_OF, id="an unknown subcommand"),
        pytest.param(("help", "frobnicate"), '"frobnicate"', ONE_OF, id="help for an unknown subcommand"),
        pytest.param(("submit", "x"), '"submit"', "type: sendJob.py --help", id="what others call sendJob.py"),
        pytest.param(("list",), '"list"', "type: goclient status --help", id="what others call status"),
        pytest.param(("completion",), "one shell", "goclient completion bash", id="no shell"),
        pytest.param(("completion", "ksh"), '"ksh"', "did you mean zsh?", id="an unknown shell"),
        pytest.param(("",), '""', ONE_OF, id="an empty subcommand"),
        pytest.param(("\x1b[2J",), r'"\x1b[2J"', "one of", id="a subcommand with an escape sequence"),
        pytest.param(("--frobnicate",), '"--frobnicate"', "goclient --help", id="an unknown option"),
        pytest.param(("-v", "status", "1"), '"-v"', "behind the subcommand", id="an option before the subcommand"),
        pytest.param(("resubmit", "1"), '"resubmit"', "type: goclient retry --help", id="what others call retry"),
        pytest.param(("status", "x"), '"x"', "number", id="a PandaID that is no number"),
        pytest.param(("status", "-5"), '"-5"', "", id="a PandaID below zero"),
        pytest.param(("status", "1", "x", "y"), '"y"', "number", id="the last of several PandaIDs"),
        pytest.param(("status", "٣"), '"٣"', "number", id="a PandaID in Arabic digits"),
        pytest.param(("status", "--frobnicate", "1"), '"--frobnicate"', "", id="an unknown option of status"),
        pytest.param(("sandbox", "nope"), '"nope"', "start, stop, status, env, demo", id="an unknown action"),
        pytest.param(("sandbox",), "action", "start, stop, status, env, demo", id="no action"),
        pytest.param(("sandbox", "start", "--dir="), "--dir", "", id="an empty directory"),
        pytest.param(("sandbox", "env", "--shell=ksh93"), '"ksh93"', "tcsh", id="an unknown shell"),
        pytest.param(("sandbox", "status", "--shell=sh"), "--shell", "leave out", id="a shell without env"),
        pytest.param(("sandbox", "start", "stop", "--dir=x"), "one action", "start, stop", id="two actions"),
        pytest.param(("pilot", "--once"), "--site", "--site=QUEUE", id="no site"),
        pytest.param(("pilot", "--site=TEST1", "--once", "--modes=gc,ftp"), '"ftp"', "gc,server,local", id="no mode"),
        pytest.param(("pilot", "--site=TEST1", "--maxFailures=0"), '"0"', "from 1", id="no failure at all"),
        pytest.param(("pilot", "--site=TEST1", "--once", "x"), '"x"', "", id="a stray word"),
        pytest.param(("pilot", "--once", "--site=TEST1", "--transferHours=0"), '"0"', "from 1", id="no hours"),
    ],
)
def test_what_is_no_command_is_a_usage_error_with_a_suggestion(
    run: Run, words: tuple[str, ...], shown: str, hint: str
) -> None:
    result = run("goclient", *words)
    assert (result.code, result.out) == (2, ""), result.err
    first, second, *_ = [*result.err.splitlines(), ""]
    assert "error: " in first
    assert shown in result.err
    assert second.startswith("    ")
    assert hint in result.err


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("goclient", "--json"), id="no subcommand"),
        pytest.param(("goclient", "nope", "--json"), id="an unknown subcommand"),
        pytest.param(("goclient", "status", "x", "--json"), id="status"),
        pytest.param(("goclient", "sandbox", "nope", "--json"), id="sandbox"),
        pytest.param(("goclient", "pilot", "--json"), id="pilot"),
    ],
)
def test_with_json_a_usage_error_is_one_document(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.code == 2
    assert result.out.count("\n") == 1
    error = result.json["error"]
    assert set(error) == {"code", "message", "hint", "exit_code"}
    assert error["exit_code"] == 2
    assert error["hint"]


def test_the_module_and_the_command_are_the_same_program(env: dict[str, str], tmp_path: Path) -> None:
    scripts = Path(sys.executable).parent
    for name, words in (("goclient", MODULES["goclient"]), ("sendJob.py", MODULES["sendJob.py"])):
        if not (scripts / name).exists():
            pytest.skip(f"{name} is not installed beside {sys.executable}")
        by_name = subprocess.run([scripts / name, "--help"], env=env, cwd=tmp_path, capture_output=True, check=True)
        by_module = subprocess.run(
            [sys.executable, *words, "--help"], env=env, cwd=tmp_path, capture_output=True, check=True
        )
        assert by_name.stdout == by_module.stdout


def test_the_programs_are_entry_points_and_sendjob_is_sendjob_py() -> None:
    """Of these alone pip makes programs that run where the path of Python has a blank in it, or is long."""
    programs = {one.name: one.value for one in distribution("goclient").entry_points}
    assert set(programs) == {"goclient", "sendJob", "sendJob.py"}
    assert programs["sendJob"] == programs["sendJob.py"]


def test_a_closed_standard_output_is_refused_before_anything_is_done(env: dict[str, str], tmp_path: Path) -> None:
    for words in (
        "goclient.cli.commands.sendjob --help",
        "goclient --version",
        "goclient.cli.commands.sendjob --computingSite=T",
    ):
        command = ["sh", "-c", f'"$0" -m {words} >&-', sys.executable]
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        assert "standard output is closed" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_dash_of_pasted_text_is_named(run: Run) -> None:
    result = run("sendJob.py", "\u2013-StageinGOsrc=SITE1:/a")
    assert result.code == 2
    assert "not a hyphen" in result.err


def test_output_that_nobody_reads_is_no_success(env: dict[str, str], tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command(("goclient", "--help")), env=env, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("program", ["sendJob.py", "goclient"])
@pytest.mark.parametrize("option", ["--help", "--version"])
@pytest.mark.parametrize("buffered", [True, False])
def test_help_that_cannot_be_written_is_an_error(program: str, option: str, buffered: bool) -> None:
    """argparse's own printing says nothing of a full disk."""
    env = {**os.environ, "PYTHONUNBUFFERED": "" if buffered else "1"}
    with open("/dev/full", "w") as full:
        typed = [str(Path(sys.executable).with_name(program)), option]
        done = subprocess.run(typed, env=env, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, "No space left on device" in done.stderr) == (1, True)


def test_a_plugin_that_is_installed_for_pydantic_does_not_run_in_sendjob(tmp_path: Path) -> None:
    """Nor is it looked for, in all that is installed: a twentieth of the time."""
    found = tmp_path / "plug-1.0.dist-info"
    found.mkdir()
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1.0\n")
    (found / "entry_points.txt").write_text("[pydantic]\nplug = plug:plugin\n")
    (tmp_path / "plug.py").write_text("raise SystemExit('the plugin runs')\n")
    line = (Path(sys.executable).with_name("sendJob.py"), "--computingSite=Q", "--transformation=/bin/true")
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "GOCLIENT_STATE": str(tmp_path)}
    ran = subprocess.run([*line, "--noSubmit", "--noCheck"], env=env, capture_output=True, text=True, check=False)
    assert (ran.returncode, "the plugin runs" in ran.stderr) == (0, False), ran.stderr
