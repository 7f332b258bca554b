"""The README's commands are run as they are printed; tests/conformance/test_install.py installs as it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from goclient.cli.commands.login import LoginOptions
from goclient.cli.parser import Parser
from goclient.sandbox.demo import next_lines
from tests.commands import Result
from tests.sandboxes import Sandbox

README = Path(__file__).parents[2] / "README.md"
INDENTED = re.findall(r"(?:^    .*\n)+", re.sub(r"```.*?```", "", README.read_text(), flags=re.DOTALL), re.MULTILINE)
EXAMPLES = [
    block for block in INDENTED if block.lstrip().startswith(("sendJob.py", "goclient prun", "goclient myproxy"))
]


def sh(text: str, env: dict[str, str], cwd: Path) -> Result:
    """Run a text as sh does, with the programs of this environment in front."""
    path = os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]])
    done = subprocess.run(
        ["sh", "-eu", "-c", text], env={**env, "PATH": path}, cwd=cwd, capture_output=True, text=True, timeout=60
    )
    return Result(done.returncode, done.stdout, done.stderr)


def test_the_commands_to_try_work_as_printed(env: dict[str, str], tmp_path: Path) -> None:
    (block,) = re.findall(r"## Try it\n.*?```sh\n(.*?)```", README.read_text(), re.DOTALL)
    done = sh(block, env, tmp_path)
    assert done.code == 0, done.err
    assert "PandaID=1 finished" in done.out
    assert "10485760" in done.out
    assert done.out.rstrip().endswith("is stopped")


def test_what_to_type_after_the_demo_works_as_printed(env: dict[str, str], tmp_path: Path) -> None:
    done = sh("\n".join(next_lines(Path("my sandbox"))), env, tmp_path)
    assert done.code == 0, done.err
    assert "PandaID=1 finished" in done.out
    assert "10485760" in done.out
    assert done.out.rstrip().endswith("is stopped")


def test_a_campaign_through_a_site_works_as_printed(env: dict[str, str], tmp_path: Path) -> None:
    document = README.parent / "docs/campaigns.md"
    (block,) = re.findall(r"The sandbox has such a site.*?```sh\n(.*?)```", document.read_text(), re.DOTALL)
    start = "goclient sandbox start --dir sandbox >start.txt\n. ./sandbox/env.sh\ntrap 'goclient sandbox stop' EXIT\n"
    done = sh(f"export SANDBOX_DIR=sandbox\n{start}{block}", env, tmp_path)
    assert done.code == 0, done.err
    assert "try: all is done: 2 of 2 jobs have delivered" in done.out
    there = tmp_path / "sandbox/collections/wdeng#ANLHEP_ATLAS8/atlas/dq2/test"
    assert [(there / serial / "10mb-file.bin").is_file() for serial in ("1", "2")] == [True, True]


def test_a_job_brings_its_own_transfers_as_printed(env: dict[str, str], tmp_path: Path) -> None:
    document = README.parent / "docs/carrier.md"
    (block,) = re.findall(r"## Try it\n.*?```sh\n(.*?)```", document.read_text(), re.DOTALL)
    done = sh(block, env, tmp_path)
    assert done.code == 0, done.err
    assert "PandaID=1 finished" in done.out
    assert (tmp_path / "sandbox/collections/SITE1/shared/campaign/out/sorted.txt").is_file()


@pytest.mark.parametrize("block", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_accepted_as_printed(block: str, shared_sandbox: Sandbox, tmp_path: Path) -> None:
    nothing_sent = " --goOverwrite --noSubmit" if "sendJob.py" in block else ""
    nothing_sent += " --noCheck" if "gsiftp://" in block else ""  # no test asks the hosts that stand for a site's
    theirs = block.replace("user.wdeng.", "user.jdoe.")  # the name of the sandbox's user
    done = sh(theirs.rstrip() + nothing_sent, shared_sandbox.env, tmp_path)
    assert done.code == 0, done.err


def test_each_example_and_each_command_to_install_is_tested() -> None:
    assert len(EXAMPLES) == 6
    others = [line.strip() for block in INDENTED if block not in EXAMPLES for line in block.splitlines()]
    untested = [line for line in others if not line.startswith(("export ", "make ")) and line != "goclient login"]
    assert untested == []
    assert Parser(LoginOptions, prog="test").read([])[1] == []


def test_the_make_commands_are_targets_of_the_makefile() -> None:
    makefile = (README.parent / "Makefile").read_text()
    commands = re.findall(r"(?:^    |`)make (\w+)", README.read_text(), re.MULTILINE)
    assert {"demo", "test", "figures"} <= set(commands)
    for command in commands:
        assert re.search(rf"^{command}:", makefile, re.MULTILINE), command


def test_the_variables_that_are_set_are_in_the_configuration() -> None:
    configuration = (README.parent / "docs/configuration.md").read_text()
    exports = [
        word for line in README.read_text().splitlines() if line.startswith("    export ") for word in line.split()
    ]
    names = {word.partition("=")[0] for word in exports if re.match(r"[A-Z_]+=", word)}
    assert len(names) == 5
    assert {name for name in names if f"`{name}`" not in configuration} == set()


def test_no_document_or_message_installs_goclient_from_an_index() -> None:
    places = ("README.md", "CHANGELOG.md", "docs/*.md", "man/*.1", "goclient/**/*.py")
    texts = {path: path.read_text() for place in places for path in README.parent.glob(place)}
    commands = [
        (path.name, found) for path, text in texts.items() for found in re.findall(r"pip install[^\n`\"]*", text)
    ]
    assert len(commands) > 5
    assert [command for command in commands if re.search(r"(?<![/\w-])goclient\b(?!-)", command[1])] == []


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs"])
def test_every_link_to_a_file_leads_somewhere(document: str) -> None:
    where = README.parent / document
    for path in [where] if where.is_file() else where.glob("*.md"):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
            assert (path.parent / target).exists(), (path.name, target)
