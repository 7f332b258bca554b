"""A spec is a frozen value that says where each file will be."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from pydantic import ValidationError

from goclient.model.endpoint import JOB, NODE, Endpoint, read_endpoint
from goclient.model.location import JOB_DIRECTORY, Location, Transfer
from goclient.model.names import endpoint_problem, fill_serial, path_problem
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


@pytest.mark.parametrize(
    "path", ["", "a", "~/a", "/a/../b", "/.", "/a/~", "/~/~/b", "//~", "/a\nb", "/\ud800", "/$HOME", "/${SN", "/a\x85b"]
)
def test_a_place_has_no_path_that_is_none(path: str) -> None:
    problem = path_problem(path)
    assert problem
    with pytest.raises(ValueError, match=re.escape(problem.what)):
        Location(read_endpoint("A"), path)


@pytest.mark.parametrize("path", ["/~", "/~/", "/~/x"])
@pytest.mark.parametrize("endpoint", [JOB, NODE])
def test_nobody_has_a_home_directory_on_the_node(endpoint: Endpoint, path: str) -> None:
    with pytest.raises(ValueError, match="no home directory"):
        Location(endpoint, path)


@pytest.mark.parametrize("endpoint", ["globus", "gsiftp", "davs", "file"])
def test_no_endpoint_is_called_as_a_scheme(endpoint: str) -> None:
    problem = endpoint_problem(endpoint)
    assert problem is not None
    assert "scheme" in problem.what


@pytest.mark.parametrize(
    "path", ["/", "//", "/~/", "/~a/b", "/a b", "/...", "/${SN/P}", "/$JOBSETID$JEDITASKID", "/日本"]
)
def test_a_place_has_any_other_path(path: str) -> None:
    assert path_problem(path) is None
    assert Location(read_endpoint("A"), path).path == path


@pytest.mark.parametrize(
    ("endpoint", "good"),
    [
        pytest.param("x" * 256, True, id="as-long-as-may-be"),
        pytest.param("x" * 257, False, id="longer"),
        pytest.param("wdeng#ANLHEP_ATLAS8", True, id="name-of-2012"),
        pytest.param("Große Ablage, 100%", True, id="display-name"),
        pytest.param("", False, id="nothing"),
        pytest.param(" \u00a0", False, id="blanks"),
        pytest.param("a\tb", False, id="tab"),
        pytest.param("a\udfff", False, id="half-a-character"),
    ],
)
def test_an_endpoint_has_a_name(endpoint: str, good: bool) -> None:
    assert (endpoint_problem(endpoint) is None) is good


@pytest.mark.parametrize(
    ("source", "destination", "target"),
    [
        pytest.param("/in/a", "/out/", "/out/a", id="into-a-directory"),
        pytest.param("/in/a", "/out/b", "/out/b", id="under-a-new-name"),
        pytest.param("/in/a/", "/out/", "/out/a/", id="a-directory-into-a-directory"),
        pytest.param("/in/a/", "/out/b", "/out/b", id="a-directory-under-a-new-name"),
        pytest.param("/a", "/", "/a", id="into-the-root"),
        pytest.param("/a", "/~/", "/~/a", id="into-the-home-directory"),
        pytest.param("/a", "/out//", "/out/a", id="superfluous-slashes"),
        pytest.param("/", "/out/", "/out/", id="everything"),
        pytest.param("/in/a_${SN}.root", "/out/", "/out/a_${SN}.root", id="a-number-in-the-name"),
        pytest.param("/in/a_${SN/P}.root", "/out/", "/out/a_${SN/P}.root", id="a-padded-number-in-the-name"),
        pytest.param("/in/${SN/P}/", "/out/", "/out/${SN/P}/", id="a-padded-number-is-the-name"),
        pytest.param("/in/a", "/out/${SN/P}/", "/out/${SN/P}/a", id="a-padded-number-in-the-directory"),
    ],
)
def test_a_target_is_the_destination_joined_with_the_sources_name(source: str, destination: str, target: str) -> None:
    transfer = Transfer(
        source=Location(read_endpoint("A"), source), destination=Location(read_endpoint("B"), destination)
    )
    assert transfer.target == Location(read_endpoint("B"), target)


@given(specs)
@MANY
def test_a_target_with_the_number_filled_in_is_the_filled_in_moves_target(spec: TransferSpec) -> None:
    def filled(location: Location) -> Location:
        return location.with_path(fill_serial(location.path, 42))

    for transfer in spec.transfers:
        assert Transfer(source=filled(transfer.source), destination=filled(transfer.destination)).target == filled(
            transfer.target
        )


@pytest.mark.parametrize(
    ("endpoint", "path", "text"),
    [
        pytest.param("SITE1", "/a", "SITE1:/a", id="endpoint"),
        pytest.param("gsiftp://host:2812", "/a", "gsiftp://host:2812/a", id="gridftp"),
        pytest.param(None, "/a/b", "a/b", id="in-the-jobs-directory"),
    ],
)
def test_a_place_is_written_as_it_is_typed(endpoint: str | None, path: str, text: str) -> None:
    assert str(at(endpoint, path)) == text


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
    ("path", "top"),
    [
        ("/proc/self/environ", "/proc"), ("/proc", "/proc"), ("/proc/", "/proc"), ("//proc//self", "/proc"),
        ("/sys/a", "/sys"), ("/dev/shm/", "/dev"), ("/procedures/a", None), ("/data/proc/a", None), ("/system", None),
        ("/device", None), ("/", None),
    ],
)  # fmt: skip
def test_what_a_node_shows_of_itself_is_no_file_of_its_disks(path: str, top: str | None) -> None:
    assert Location(NODE, path).no_files_of == top
    assert at("SITE1", path).no_files_of is None
    assert at(None, path).no_files_of is None


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
