"""A task starts the carrier in place of its command, and what the carrier takes is not an output of it any more."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from goclient.carrier.rungen import read_start
from goclient.errors import RequestError
from goclient.tasks.carried import start_carrier

PLAN = "ab" * 32
LFN, KEPT = "user.j.$JEDITASKID._${SN/P}.a.dat", "user.j.$JEDITASKID._${SN}.b.dat"


def item(value: str, **more: Any) -> dict[str, Any]:
    return {"type": "constant", "value": value, **more}


def output(value: str) -> dict[str, Any]:
    return {"type": "template", "param_type": "output", "value": value, "hidden": True}


def prun_task(*more: dict[str, Any]) -> dict[str, Any]:
    command = [item('-p "', padding=False), item("run.sh%20%27a%27", padding=False), item('"')]
    items = [item('-j "" --sourceURL ${SURL}'), item("-r ."), item("-a jobO.x.tar.gz"), *more, *command]
    return {"taskName": "user.j.t/", "jobParameters": items}


def values(task: dict[str, Any]) -> list[str]:
    return [one["value"] for one in task["jobParameters"]]


def start(task: dict[str, Any], tool: str = "prun", **more: Any) -> None:
    start_carrier(
        task, tool, **{"checksum": PLAN, "taken": {"a.dat": LFN.replace("${SN}", "${SN/P}")}, "secret": True, **more}
    )


def test_the_command_is_what_the_carrier_starts() -> None:
    task = prun_task()
    start(task)
    text = " ".join(values(task)).replace('" ', '"').replace(' "', ' "')
    found = read_start(text.replace("%27 ", "%27").replace("%20%27 ", "%20%27"))
    assert found is not None
    assert (found.plan, found.archive, found.words) == (PLAN, "jobO.x.tar.gz", ("/bin/sh", "-c", "run.sh 'a'"))
    assert task["useSecrets"] is True


def test_without_a_credential_the_jobs_get_no_secret() -> None:
    task = prun_task()
    start(task, secret=False)
    assert "useSecrets" not in task


def test_what_is_filled_in_later_is_left_as_it_is() -> None:
    seed = {"type": "template", "value": "${SEQNUMBER}", "param_type": "pseudo_input", "dataset": "seq_number"}
    task = prun_task()
    task["jobParameters"][4:4] = [item("-n%20", padding=False), seed]
    before = copy.deepcopy(seed)
    start(task)
    assert before in task["jobParameters"]


def test_outputs_that_are_taken_are_gone_from_all_that_names_them() -> None:
    both = item(f"-o \"{{'a.dat': '{LFN}', 'b.dat': '{KEPT}'}}\"")
    task = prun_task(both, output(LFN), output(KEPT), item(f"--allowNoOutput={LFN},{KEPT}"))
    start(task)
    assert f"-o \"{{'b.dat': '{KEPT}'}}\"" in values(task)
    assert f"--allowNoOutput={KEPT}" in values(task)
    assert not any(LFN in one for one in values(task))
    alone = prun_task(item(f"-o \"{{'a.dat': '{LFN}'}}\""), output(LFN), item(f"--allowNoOutput={LFN}"))
    start(alone)
    assert '-o "{}"' in values(alone)
    assert not any("allowNoOutput" in one for one in values(alone))


def test_pathena_has_its_outputs_by_their_kinds() -> None:
    command = [item('-j "', padding=False), item("a.py", padding=False), item('"')]
    outputs = item(f"-o \"{{'IROOT': [('a.dat', '{LFN}'), ('b.dat', '{KEPT}')]}}\" ")
    task = {
        "taskName": "t/",
        "jobParameters": [item("-a jobO.x"), item("-r ./ --trf "), outputs, output(LFN), *command],
    }
    start(task, "pathena")
    assert f"-o \"{{'IROOT': [('b.dat', '{KEPT}')]}}\" " in values(task)
    assert values(task)[-3:] == ["a.py", "%27", '"']


BROKEN = {
    "no command": lambda items: items[:3],
    "two commands": lambda items: items + items[3:],
    "an open quote": lambda items: items[:-1],
    "no directory": lambda items: [items[0], *items[2:]],
    "no archive": lambda items: [*items[:2], *items[3:]],
}


@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in BROKEN.items()])
def test_a_task_of_another_form_is_not_sent(change: Any) -> None:
    task = prun_task()
    task["jobParameters"] = change(task["jobParameters"])
    with pytest.raises(RequestError, match="starts the command of a job in another way"):
        start(task)


def test_a_command_in_a_directory_below_is_refused() -> None:
    task = prun_task()
    task["jobParameters"][1] = item("-r run/")
    with pytest.raises(RequestError, match='the jobs would run in "run/"'):
        start(task)


def test_a_command_that_a_site_s_shell_does_not_take_is_refused() -> None:
    task = prun_task()
    task["jobParameters"][4]["value"] = "x" * 120_000
    with pytest.raises(RequestError, match="more than the 120000 that a site's shell takes"):
        start(task)
