"""Each defect of a node is seen by the program of a probe, as its job's command starts it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from goclient.cli.commands.sandbox import FAULTS
from goclient.probe.nodes import Node
from goclient.probe.question import Question, globus_targets
from goclient.sandbox.site.defects import Fault
from goclient.sandbox.site.node import prepare_path
from tests.carrier.carried import pythons
from tests.commands import TIMEOUT
from tests.probe.defects import AT_NODES, Defective
from tests.web_server import Request, Response, answering


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The URL of a server that answers as Globus does without a token."""

    def answer(asked: Request) -> Response:
        return Response({}, 404 if asked.path == "/" else 401)

    with answering(answer) as made:
        yield made


def command_of(question: Question) -> str:
    """The command that runGen gives to a shell."""
    return unquote(question.parameters().partition('-p "')[2].rstrip('"'))


def run(command: str, home: Path, path: str) -> Node:
    """Run a probe as runGen does; return what it has told."""
    work = home / "workDir"
    work.mkdir()
    env = {"PATH": path, "TRF_EXEC_HOME_DIR": str(home), "LD_PRELOAD": "/none/wrapper.so", "PILOT_VERSION": "3.11.5.1"}
    done = subprocess.run(["sh", "-c", command], cwd=work, env=env, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done
    inside, above = work / "userJobMetadata.json", home / "jobReport.json"
    document = json.loads(inside.read_text()) if inside.exists() else json.loads(above.read_text())["user_job_metadata"]
    return Node(7, 0.0, document["goclient"]["probe"])


@pytest.mark.parametrize("defective", AT_NODES, ids=lambda one: one.name)
def test_the_program_sees_the_defect(defective: Defective, url: str, tmp_path: Path) -> None:
    command = command_of(Question(globus_targets(url, url, url), seconds=5))
    node = run(command, tmp_path, prepare_path(tmp_path, defective.fault))
    found = [(one.code, one.phrase) for one in node.problems()]
    assert [code for code, phrase in found if defective.words in phrase] == [defective.code], found


@pytest.mark.parametrize("python", pythons())
def test_a_good_node_is_fit_whatever_its_python(python: str, url: str, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").symlink_to(python)
    question = Question(globus_targets(url, url, url), ("/proc", "/none"), 5)
    node = run(command_of(question), tmp_path, f"{tmp_path}/bin:/usr/bin:/bin")
    assert [one.phrase for one in node.problems() if one.stops] == []
    assert [one.phrase for one in node.problems() if one.code == "node-path"] == [
        'without "/none": No such file or directory'
    ]
    facts = node.facts()
    assert facts["pilot"] == "3.11.5.1"
    assert facts["/proc"].startswith("of the node alone (proc)")


def test_every_fault_is_known_to_the_command_and_to_the_table() -> None:
    assert set(FAULTS) == {fault.value for fault in Fault} == {one.name for one in AT_NODES}
