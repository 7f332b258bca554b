"""Commands of docs/from-2012.md are typed, in its order, and nothing of the 2012 page is missing in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import globus_sdk
import pytest

from tests.sandboxes import Sandbox

DOCUMENT = Path(__file__).parent.parent / "docs" / "from-2012.md"
PYTHON = "The Python client"
HEADING = "| 2012 | now | what became of it |"
BOUND = 240  # seconds, for all commands together

COMMANDS = (
    *("endpoint-list", "endpoint-list -v", "endpoint-activate -g", "ls", "scp -g -v", "scp -r", "status -a -l"),
    *("endpoint-add -p", "endpoint-modify --public", "endpoint-remove", "endpoint-add --gc"),
    "gsissh cli.globusonline.org",
)
METHODS = (
    *("subtask", "subtask_event_list", "subtask_list", "task", "task_cancel", "task_event_list", "task_list"),
    *("task_update", "tasksummary", "endpoint", "endpoint_activate", "endpoint_activation_requirements"),
    *("endpoint_autoactivate", "endpoint_create", "endpoint_deactivate", "endpoint_delete", "endpoint_list"),
    *("endpoint_ls", "endpoint_mkdir", "endpoint_rename", "endpoint_update"),
    *("TransferAPIClient", "submission_id", "Transfer", "add_item"),  # of the page's sample
)
OPTIONS = (
    *("--StageinGOsrc", "--StageinGOdest", "--StageoutGOsrc", "--StageoutGOdest"),
    *("--OutputGO", "--WorkingendpointGO", "--Data"),
)
WORDS = (
    *("globus-user", "globus-endpoint-in", "globus-endpoint-out", "globus-endpoint-local"),
    *("dir-in", "dir-out", "files-in", "files-out", "in-mode", "out-mode"),
)
PROXIES = (
    "myproxy-init",
    "myproxy-info",
    "myproxy-logon",
    "myproxy-destroy",
    "mkproxy",
    "delegate_proxy_activate",
    "voms-proxy-info",
    "grid-proxy-info",
)
EXPECTED = {
    "Commands": COMMANDS,
    "Globus Connect on the node": ("globusconnect -setup", "globusconnect -start", "globusconnect -stop"),
    "Identities, proxies and MyProxy": PROXIES,
    "REST": ('curl --cert … --header "X-Transfer-API-X509-User: USERNAME"', "GET /v0.10/tasksummary"),
    PYTHON: METHODS,
    "Jobs": ("prun --useGOForOutput", "dataPilot"),
    "The options": OPTIONS,
    "The words in jobParameters": WORDS,
}

# A task without its source, which goes on with faults; then each piece of code, and what it raised.
RUNNING = """
endless = globus_sdk.TransferData(bnl, ou)
endless.add_item("/none", "/home/usatlas1/none")
running = tc.submit_transfer(endless)["task_id"]
"""
DRIVER = """
import json, sys
names, failed = {}, {}
for code in json.load(sys.stdin):
    try:
        exec(code, names)
    except Exception as error:
        failed[code] = repr(error)
print("\\n" + json.dumps(failed))
"""


class Row(NamedTuple):
    """One row of a table: its section, what was typed in 2012, what is typed now, and what became of it."""

    section: str
    then: tuple[str, ...]
    now: tuple[str, ...]
    became: str


def _rows() -> Iterator[Row]:
    section = ""
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ")
        if line.startswith("|") and line != HEADING and not line.startswith("| ---"):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            assert len(cells) == 3, line
            then, now, became = cells
            yield Row(section, tuple(_code(then)), tuple(_code(now)), became)


def _code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def _block(language: str) -> str:
    (block,) = re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return str(block)


@pytest.mark.parametrize("section", EXPECTED)
def test_every_command_method_option_and_word_of_2012_has_its_row(section: str) -> None:
    listed = [code for row in _rows() if row.section == section for code in row.then]
    assert [name for name in EXPECTED[section] if listed.count(name) != 1] == []


def test_every_row_says_what_became_of_it_and_what_is_typed_now_or_that_nothing_is() -> None:
    text = DOCUMENT.read_text()
    assert text.count(HEADING) == len({row.section for row in _rows()})
    assert [row for row in _rows() if not row.became.endswith(".")] == []
    dashes = sum(" | — | " in line for line in text.splitlines())
    assert dashes == sum(not row.now for row in _rows())


def test_every_command_of_the_document_succeeds_in_a_sandbox(
    shared_sandbox: Sandbox, globus_program: str, tmp_path: Path
) -> None:
    commands = [code for row in _rows() if row.section != PYTHON for code in row.now]
    lines = ["trap 'kill $(jobs -p) 2>/dev/null' EXIT", _block("bash")]
    for number, code in enumerate(commands):
        output = tmp_path / f"{number}.out"
        lines.append(f"{{ {code}\n}} >{output} 2>&1 </dev/null; echo $? >{output.with_suffix('.code')}")
    script = "\n".join(lines)
    folders = (str(Path(globus_program).parent), str(Path(sys.executable).parent), shared_sandbox.env["PATH"])
    env = {**shared_sandbox.env, "PATH": os.pathsep.join(folders)}
    bounded = ["timeout", str(BOUND), "bash", "-u", "-c", script]  # which also ends what the commands have started
    done = subprocess.run(bounded, env=env, cwd=shared_sandbox.cwd, capture_output=True, text=True)
    failed = {}
    for number, code in enumerate(commands):
        said, ended = ((tmp_path / f"{number}.{kind}") for kind in ("out", "code"))
        status = ended.read_text().strip() if ended.exists() else "it was not run"
        if status != "0" or "Traceback (most recent call last)" in said.read_text():
            failed[code] = (status, said.read_text() if said.exists() else "")
    assert failed == {}, done.stderr
    assert len(commands) > 40


def test_every_method_of_the_document_is_one_of_globus_sdk_and_works(shared_sandbox: Sandbox) -> None:
    codes = [code for row in _rows() if row.section == PYTHON for code in row.now]
    methods = {name for code in codes for name in re.findall(r"\btc\.(\w+)\(", code)}
    assert {name for name in methods if not callable(getattr(globus_sdk.TransferClient, name, None))} == set()
    assert len(methods) > 15
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps([_block("python"), RUNNING, *codes]),
        env=shared_sandbox.env,
        cwd=shared_sandbox.cwd,
        capture_output=True,
        text=True,
        timeout=BOUND,
    )
    assert done.returncode == 0, done.stderr
    status, *_, failed = done.stdout.splitlines()
    assert (status, json.loads(failed)) == ("SUCCEEDED", {})
