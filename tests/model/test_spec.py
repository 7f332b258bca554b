"""A spec is a frozen value that says where each file will be."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from pydantic import ValidationError

from goclient.model.endpoint import read_endpoint
from goclient.model.location import JOB_DIRECTORY, Location, Transfer
from goclient.model.names import fill_serial
from goclient.model.spec import TransferSpec
from goclient.model.syntax.options import spec_from
from tests.strategies import MANY, at, specs

MOVE = Transfer(source=Location(read_endpoint("A"), "/d/a"), destination=JOB_DIRECTORY)


@given(specs)
@MANY
def test_a_spec_survives_its_json(spec: TransferSpec) -> None:
    assert TransferSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("value", "field"),
    [
        pytest.param(TransferSpec(), "working", id="spec"),
        pytest.param(MOVE, "source", id="move"),
        pytest.param(JOB_DIRECTORY, "path", id="place"),
    ],
)
def test_values_are_frozen(value: object, field: str) -> None:
    with pytest.raises((ValidationError, FrozenInstanceError)):
        setattr(value, field, "/x")


@pytest.mark.parametrize("transfer", [3, {}, {"source": {}, "destination": {}}, {"source": None, "destination": "x"}])
def test_what_is_not_a_transfer_is_refused_by_the_spec(transfer: object) -> None:
    with pytest.raises(ValidationError, match="is not a transfer"):
        TransferSpec.model_validate({"stage_in": [transfer]})


def test_an_unknown_field_is_no_part_of_a_spec() -> None:
    with pytest.raises(ValidationError, match="extra"):
        TransferSpec.model_validate({"stage_in": [], "stage_around": []})


@given(specs)
@MANY
def test_a_target_with_the_number_filled_in_is_the_filled_in_moves_target(spec: TransferSpec) -> None:
    def filled(location: Location) -> Location:
        return location.with_path(fill_serial(location.path, 42))

    for transfer in spec.transfers:
        assert Transfer(source=filled(transfer.source), destination=filled(transfer.destination)).target == filled(
            transfer.target
        )


def transfer(source: str | None, destination: str | None) -> Transfer:
    return Transfer(at(source, "/a"), at(destination, "/b"))


SPEC = TransferSpec(
    stage_in=(transfer("A", None), transfer("B", "C"), transfer("A", None)),
    stage_out=(transfer(None, "C"), transfer(None, "D")),
    output=(transfer(None, "E"),),
    working="W",
    overwrite=True,
)


def test_moves_come_in_the_order_in_which_they_happen() -> None:
    assert tuple(SPEC.transfers) == SPEC.stage_in + SPEC.stage_out + SPEC.output


def test_each_endpoint_is_named_once_without_the_nodes_own() -> None:
    assert [one.text for one in SPEC.endpoints] == ["A", "B", "C", "D", "E"]


def test_endpoints_are_replaced_wherever_they_stand_and_nothing_else() -> None:
    names = {"A": "1", "C": "gsiftp://host", "W": "no", "X": "no"}
    resolved = SPEC.with_endpoints({name: read_endpoint(text) for name, text in names.items()})
    assert [one.text for one in resolved.endpoints] == ["1", "B", "gsiftp://host", "D", "E"]
    assert [one.display for one in resolved.endpoints] == ["A", "B", "C", "D", "E"]
    assert resolved.with_endpoints({"1": read_endpoint("A"), "gsiftp://host": read_endpoint("C")}) == SPEC


@given(specs)
@MANY
def test_a_spec_whose_endpoints_stay_is_the_same(spec: TransferSpec) -> None:
    assert spec.with_endpoints({}) == spec
    assert spec.with_endpoints({one.text: one for one in spec.endpoints}) == spec


def test_a_spec_is_true_if_a_job_needs_more_than_its_payload() -> None:
    assert not TransferSpec()
    assert TransferSpec(working="W")
    assert SPEC


@pytest.mark.parametrize(
    ("items", "made", "proxy", "globus"),
    [
        ({"StageinGOsrc": ["gsiftp://h/a"]}, False, True, []),
        ({"StageinGOsrc": ["davs://h/a"], "Data": ["o"], "OutputGO": ["gsiftp://h/"]}, False, True, []),
        ({"StageinGOsrc": ["A:/a"], "Data": ["o"], "OutputGO": ["gsiftp://h/"]}, True, True, ["A"]),
        ({"StageinGOsrc": ["A:/a"]}, True, False, ["A"]),
        ({"StageinGOsrc": ["A:/a"], "InmodeGO": ["https"]}, False, False, ["A"]),
        ({"StageinGOsrc": ["A:/a"], "StageinGOdest": ["B:/"]}, False, False, ["A", "B"]),
        ({"WorkingendpointGO": ["W"]}, True, False, []),
        ({}, False, False, []),
    ],
)
def test_only_files_of_a_collection_need_globus_connect(
    items: dict[str, list[str]], made: bool, proxy: bool, globus: list[str]
) -> None:
    spec = spec_from(items)
    assert (spec.makes_endpoint, spec.needs_proxy, [one.text for one in spec.endpoints if one.is_globus]) == (
        made,
        proxy,
        globus,
    )
