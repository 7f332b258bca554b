"""panda-client that is missing, too old, or not as we know it is refused, and nothing is submitted."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from goclient.errors.findings import ExitCode
from goclient.errors.sent import ReplyLost
from goclient.model.records.registry import decode
from goclient.reporter.base import SILENT
from goclient.tasks import panda_client
from tests.commands import Result, completed
from tests.recording import OURS, PATHENA, Tool, tool_in

GO = ("--noCheck", "--useGOForOutput=SITE1:/o/")


def _ours(tool: Tool, change: str, name: str, *words: str, **more: str) -> Result:
    """Change panda-client, then run goclient as its command does."""
    needed = PATHENA if name == "pathena" else ("--outDS=user.jdoe.test", "--exec=run.sh", "--noBuild")
    result = tool.run(f"{change}\n{OURS}", name, *needed, *words, **more)
    assert "Traceback" not in result.err
    return result


GONE = {
    "add_helpGroup": "from pandaclient.Group_argparse import GroupArgParser as P; del P.add_helpGroup",
    "add_group": "from pandaclient.Group_argparse import GroupArgParser as P; del P.add_group",
    "GroupArgParser": "import pandaclient.Group_argparse as m; del m.GroupArgParser",
    "parse_known_args": "from pandaclient.Group_argparse import GroupArgParser as P; P.parse_known_args = None",
    "Group_argparse": "sys.modules['pandaclient.Group_argparse'] = None",
    "decodeJSON": "import pandaclient.MiscUtils as m; del m.decodeJSON",
    "convSysArgv": "import pandaclient.PsubUtils as m; del m.convSysArgv",
    "check_proxy": "import pandaclient.PsubUtils as m; del m.check_proxy",
    "getNickname": "import pandaclient.PsubUtils as m; del m.getNickname",
    "checkTaskParam": "import pandaclient.PsubUtils as m; del m.checkTaskParam",
    "insertTaskParams": "import pandaclient.Client as m; del m.insertTaskParams",
}
OTHER = {
    "add_helpGroup": "from pandaclient.Group_argparse import GroupArgParser as P; P.add_helpGroup = lambda self: None",
    "parse_known_args": (
        "from pandaclient.Group_argparse import GroupArgParser as P; P.parse_known_args = lambda self, line: None"
    ),
    "decodeJSON": "import pandaclient.MiscUtils as m; m.decodeJSON = lambda path: {}",
    "convSysArgv": "import pandaclient.PsubUtils as m; m.convSysArgv = lambda line: ''",
    "check_proxy": "import pandaclient.PsubUtils as m; m.check_proxy = lambda voms_role, verbose: True",
    "checkTaskParam": "import pandaclient.PsubUtils as m; m.checkTaskParam = lambda params: (0, None)",
    "insertTaskParams": "import pandaclient.Client as m; m.insertTaskParams = lambda params, **more: (0, (0, ''))",
}
# What panda-client would be if it had kept functions of its own, which are not those that are replaced.
PASSED_BY = """
import pandaclient, pandaclient.PsubUtils as module
own = {{name: getattr(module, name) for name in {names}}}
class Other:
    def __getattr__(self, name):
        return own.get(name) or getattr(module, name)
pandaclient.PsubUtils = Other()
"""


def _refused(tool: Tool, result: Result, hook: str) -> None:
    assert result.code == 10, result
    assert hook in result.err
    assert "panda-client 2.2.0 is not one that goclient 0.1.0 knows" in result.err
    assert " -m pip install panda-client==" in result.err
    assert "task/submit" not in tool.server.paths
    assert tool.left == set()


@pytest.mark.parametrize("ours", [(), GO], ids=["without our options", "with them"])
@pytest.mark.parametrize("hook", GONE)
def test_a_function_that_is_gone_is_refused(lasting_tool: Tool, hook: str, ours: tuple[str, ...]) -> None:
    _refused(lasting_tool, _ours(lasting_tool, GONE[hook], "prun", *ours), hook)


@pytest.mark.parametrize("name", ["prun", "pathena"])
@pytest.mark.parametrize("hook", OTHER)
def test_a_function_with_other_arguments_is_refused(lasting_tool: Tool, hook: str, name: str) -> None:
    _refused(lasting_tool, _ours(lasting_tool, OTHER[hook], name, *GO), hook)


@pytest.mark.parametrize(
    ("names", "hook"),
    [
        (["convSysArgv"], "convSysArgv"),
        (["check_proxy"], "check_proxy"),
        (["checkTaskParam"], "checkTaskParam"),
        (["convSysArgv", "checkTaskParam"], "convSysArgv"),
        (["check_proxy", "checkTaskParam"], "checkTaskParam"),
    ],
)
def test_a_function_that_is_not_called_any_more_is_noticed(lasting_tool: Tool, names: list[str], hook: str) -> None:
    _refused(lasting_tool, _ours(lasting_tool, PASSED_BY.format(names=names), "prun", *GO), hook)


def test_a_parser_of_another_kind_is_noticed(lasting_tool: Tool) -> None:
    change = (
        "import argparse, pandaclient.PrunArgs as m\n"
        "class Other(argparse.ArgumentParser): pass\n"
        "m.build_parser = lambda: Other()"
    )
    _refused(lasting_tool, _ours(lasting_tool, change, "prun", *GO), "parse_known_args")


def test_a_command_that_does_nothing_is_noticed(lasting_tool: Tool) -> None:
    change = "import pandaclient.PrunScript as m; m.main = lambda: None"
    _refused(lasting_tool, _ours(lasting_tool, change, "prun", *GO), "parse_known_args")


def test_pathena_with_an_option_for_the_dump_of_its_own_keeps_it(lasting_tool: Tool) -> None:
    change = (
        "import pandaclient.PathenaArgs as m; build = m.build_parser\n"
        "def other():\n    parser = build(); parser.add_argument('--dumpTaskParams'); return parser\n"
        "m.build_parser = other"
    )
    result = _ours(lasting_tool, change, "pathena", "--dumpTaskParams=task.json", "--noSubmit")
    assert result.code == 0, result
    assert lasting_tool.left == set()


def test_an_option_that_panda_client_has_got_of_its_own_is_noticed(lasting_tool: Tool) -> None:
    change = (
        "import pandaclient.PrunArgs as m; build = m.build_parser\n"
        "def other():\n    parser = build(); parser.add_argument('--goMkdir'); return parser\n"
        "m.build_parser = other"
    )
    _refused(lasting_tool, _ours(lasting_tool, change, "prun", *GO), "goMkdir")


def test_without_panda_client_the_command_that_installs_it_is_said(lasting_tool: Tool) -> None:
    for words in (("-h",), GO):
        result = _ours(lasting_tool, "sys.modules['pandaclient'] = None", "prun", *words)
        assert result.code == 10
        assert f"    {sys.executable} -m pip install 'panda-client>=2.0'\n" in result.err
        assert result.out == ""


def test_a_question_that_nobody_can_answer_is_told_as_that(lasting_tool: Tool) -> None:
    change = "import pandaclient.PrunScript as m\ndef main(): raise EOFError\nm.main = main"
    result = _ours(lasting_tool, change, "prun", *GO)
    assert (result.code, "asked a question, and nobody can answer here" in result.err) == (1, True)
    assert "Traceback" not in result.err


def test_a_panda_client_that_is_too_old_is_told_with_both_versions(lasting_tool: Tool) -> None:
    change = "import pandaclient.PandaToolsPkgInfo as m; m.release_version = '1.5.92'"
    result = _ours(lasting_tool, change, "pathena")
    assert result.code == 10
    assert "panda-client 1.5.92 is too old: goclient 0.1.0 needs 2.0.0 or later" in result.err
    assert "pip install 'panda-client>=2.0'" in result.err


@pytest.mark.parametrize("name", ["prun", "pathena"])
def test_stock_only_work_loads_none_of_our_heavy_modules(lasting_tool: Tool, name: str) -> None:
    change = (
        "import atexit; heavy = ('pydantic', 'globus_sdk', 'cryptography', 'requests', 'goclient.services.')\n"
        "light = ('goclient.services.panda', 'goclient.services.panda.token')\n"
        "loaded = lambda: [one for one in sys.modules if one.startswith(heavy) and one not in light]\n"
        "atexit.register(lambda: print('LOADED', loaded(), file=sys.stderr))"
    )
    result = _ours(lasting_tool, change, name, "--noSubmit", python=sys.executable)
    assert (result.code, result.err) == (0, "LOADED []\n")


@pytest.mark.parametrize("name", ["prun", "pathena"])
def test_help_looks_up_no_name(lasting_tool: Tool, name: str) -> None:
    change = "import atexit; atexit.register(lambda: print('pandaclient.Client' in sys.modules, file=sys.stderr))"
    for words in (("-h",), ("--helpGroup", "globus"), ("--version",)):
        result = _ours(lasting_tool, change, name, *words)
        assert (result.code, result.err) == (0, "False\n")


def test_a_package_that_panda_client_lacks_is_named(lasting_tool: Tool) -> None:
    result = _ours(lasting_tool, "sys.modules['httpx'] = None", "prun", *GO)
    assert result.code == 1
    assert "httpx" in result.err


@pytest.mark.parametrize(("end", "code"), [("'stopped'", 1), ("None", 0), ("7", 7)])
def test_the_code_with_which_panda_client_ends_is_ours(lasting_tool: Tool, end: str, code: int) -> None:
    change = f"import pandaclient.PsubUtils as m\ndef checkOutDsName(*args): sys.exit({end})\n"
    result = _ours(lasting_tool, change + "m.checkOutDsName = checkOutDsName", "prun", "--noSubmit")
    assert (result.code, result.err) == (code, "stopped\n" if code == 1 else "")


def test_an_error_of_panda_clients_own_is_one_line(lasting_tool: Tool) -> None:
    result = _ours(lasting_tool, "", "prun", "--inputFileList=no-such-file")
    assert result.code == 1
    assert "prun of panda-client 2.2.0 stopped: FileNotFoundError" in result.err


def test_a_task_that_is_not_confirmed_in_time_may_have_been_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panda_client, "ANSWER_WITHIN", 0.05)
    never = threading.Event()
    with pytest.raises(ReplyLost, match="did not confirm the task within") as caught:
        panda_client.wait_for_answer(lambda: never.wait(60), SILENT)
    never.set()
    assert "it is not known whether the task was accepted" in caught.value.hint
    assert caught.value.exit_code == ExitCode.SERVER


# --- the oldest panda-client that we claim --------------------------------------------------------------------


@pytest.fixture
def oldest(tmp_path: Path) -> Iterator[Tool]:
    """The tools of the oldest panda-client, which make test puts into a folder."""
    folder = os.environ.get("GOCLIENT_TEST_OLDEST_PANDA_CLIENT", "")
    if not folder:
        pytest.skip("GOCLIENT_TEST_OLDEST_PANDA_CLIENT does not name a folder: make test sets it up")
    with tool_in(tmp_path) as tool:
        yield replace(tool, panda_client=folder)


def test_the_oldest_panda_client_takes_our_words(oldest: Tool) -> None:
    assert oldest.ours("prun", "--version").out == "Version: 2.0.0\n"
    for run in (oldest.prun, oldest.pathena):
        result = run("--useGOForOutput", "SITE1:/o/", "--noCheck", "--myproxy=jdoe@px.example.org")
        assert result.code == 0, result
        assert oldest.words()[0] == "--goclient=v1:4"
        oldest.server.forget()


@pytest.mark.parametrize("name", ["prun", "pathena"])
def test_the_oldest_panda_client_is_stock_without_our_options(oldest: Tool, name: str) -> None:
    words = (
        PATHENA if name == "pathena" else ("--outDS=user.jdoe.test", "--exec=run.sh", "--outputs=a.dat", "--noBuild")
    )
    stock = oldest.stock(name, *words)
    sent = oldest.server.masked
    oldest.server.forget()
    assert oldest.ours_alone(name, *words) == stock
    assert oldest.server.masked == sent


@pytest.mark.parametrize("name", ["prun", "pathena"])
def test_the_oldest_panda_client_loses_no_letter_either(oldest: Tool, name: str) -> None:
    words = PATHENA if name == "pathena" else ("--outDS=user.jdoe.test", "--exec=run.sh", "--noBuild")
    (oldest.folder / "o.json").write_text('{"Data": "\u00f6", "OutputGO": "SITE1:/\u00f6/${SN/P}/"}')
    assert oldest.ours(name, *words, "--noCheck", "--loadJson=o.json").code == 0
    (transfer,) = decode(" ".join(oldest.words())).spec.output
    assert str(transfer.target) == "SITE1:/ö/${SN/P}/ö"


@pytest.mark.parametrize("name", ["prun", "pathena"])
def test_a_task_that_is_not_accepted_is_exit_code_90_there_too(oldest: Tool, name: str) -> None:
    oldest.server.refusals = [{"success": False, "message": "no", "data": 4}]
    assert (oldest.prun if name == "prun" else oldest.pathena)(*GO).code == 90


def test_a_directory_that_prun_cannot_write_in_is_told_with_what_to_type(lasting_tool: Tool, tmp_path: Path) -> None:
    words = (
        "goclient",
        "prun",
        *GO,
        "--exec=true",
        "--outDS=user.jdoe.test",
        "--site=TEST1",
        "--noBuild",
        "--noSubmit",
    )
    env, nobody_writes = lasting_tool.env, Path("/proc/tty")
    result = completed(words, env=env, cwd=nobody_writes)
    assert "prun of panda-client 2.2.0 stopped: " in result.err
    assert result.err.endswith("    type it in a directory that you can write to, or add --tmpDir DIR\n")
    assert completed((*words, f"--tmpDir={tmp_path}"), env=env, cwd=nobody_writes).code == 0
