"""A plan arrives on the node as it was made at submission, or not at all."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.carrier.plan import CarrierPlan
from goclient.errors import GoclientError, RequestError
from goclient.model.names import fill_serial
from goclient.model.plan import TransferTask
from goclient.model.planner import plan
from goclient.model.spec import TransferSpec
from tests.strategies import MANY, specs

GUEST = "f37a1f3c-1b79-4c1f-9d0e-4d1b2f8f4d6e"


def tasks_of(spec: TransferSpec) -> tuple[TransferTask, ...]:
    """The tasks of a spec; none if two of its items would be written to one place."""
    try:
        return plan(spec)
    except GoclientError:
        return ()


plans = st.builds(
    CarrierPlan,
    name=st.text(max_size=9),
    tasks=specs.map(tasks_of),
    overwrite=st.booleans(),
    working=st.text(max_size=9),
    program=st.text(max_size=9),
    auth=st.just("https://auth.globus.org") | st.just(""),
    transfer=st.just("https://transfer.api.globus.org") | st.just(""),
    scopes=st.lists(st.text(max_size=9), max_size=2).map(tuple),
    credential=st.text(max_size=9),
    needs=st.integers(0, 1000),
    servers=st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=2).map(tuple),
)


def document(**changed: Any) -> bytes:
    """The document of a plan, with other values in some places."""
    spec = TransferSpec.model_validate({
        "stage_in": [{"source": {"endpoint": GUEST, "path": "/in/a"}, "destination": {"endpoint": None, "path": "/"}}],
        "working": "W",
    })  # fmt: skip
    whole = CarrierPlan(name="n", tasks=plan(spec), overwrite=False, working="W", program="./run.sh")
    return json.dumps({**json.loads(whole.encode()), **changed}).encode()


@given(plans)
@MANY
def test_a_plan_is_read_as_it_was_written(made: CarrierPlan) -> None:
    read = CarrierPlan.decode(made.encode())
    assert read == made
    assert read.encode() == made.encode(), "what the user typed for an endpoint comes along"
    assert read.sha256 == sha256(made.encode()).hexdigest()


@given(plans, st.integers(1, 10**6))
@MANY
def test_a_job_has_its_number_in_all_paths(made: CarrierPlan, serial: int) -> None:
    before = [path for task in made.tasks for item in task.items for path in item[:2]]
    after = [path for task in made.for_job(serial).tasks for item in task.items for path in item[:2]]
    assert after == [fill_serial(path, serial) for path in before]


@given(plans, plans)
@MANY
def test_two_plans_have_one_checksum_only_if_they_are_the_same(one: CarrierPlan, other: CarrierPlan) -> None:
    assert (one.sha256 == other.sha256) == (one.encode() == other.encode())


@given(st.binary(max_size=40) | st.recursive(st.integers() | st.text(), st.lists).map(lambda x: json.dumps(x).encode()))
@MANY
def test_what_is_not_a_plan_is_a_wrong_request(data: bytes) -> None:
    with pytest.raises(RequestError, match="the plan of the job cannot be read"):
        CarrierPlan.decode(data)


TASK = json.loads(document())["tasks"][0]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"version": 2}, id="of-a-later-goclient"),
        pytest.param({"needs": "24"}, id="a-text-for-a-number"),
        pytest.param({"overwrite": 1}, id="a-number-for-yes"),
        pytest.param({"scopes": ["a", 1]}, id="a-scope-that-is-a-number"),
        pytest.param({"tasks": [{**TASK, "mode": "pigeon"}]}, id="an-unknown-mode"),
        pytest.param({"tasks": [{**TASK, "phase": "lunch"}]}, id="an-unknown-phase"),
        pytest.param({"tasks": [{**TASK, "source": ["a$b", ""]}]}, id="an-endpoint-that-cannot-be"),
        pytest.param({"tasks": [{**TASK, "items": [["/a/../b", "c", False, False]]}]}, id="a-path-that-leads-up"),
        pytest.param({"tasks": [{**TASK, "items": [["/a", "../c", False, False]]}]}, id="out-of-the-job"),
        pytest.param({"tasks": [{**TASK, "items": [["/a", "c", False]]}]}, id="an-item-that-is-too-short"),
    ],
)
def test_a_plan_with_a_wrong_value_is_refused(changed: dict[str, Any]) -> None:
    assert CarrierPlan.decode(document()).tasks
    with pytest.raises(RequestError, match="the plan of the job cannot be read"):
        CarrierPlan.decode(document(**changed))


def test_a_document_that_is_too_deep_is_refused() -> None:
    with pytest.raises(RequestError, match="cannot be read"):
        CarrierPlan.decode(b"[" * 200_000)
