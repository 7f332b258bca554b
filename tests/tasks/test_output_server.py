"""``--useGOForOutput`` names an endpoint, with or without a directory, for every output of a task."""

from __future__ import annotations

import pytest

from goclient.errors import RequestError
from goclient.model.endpoint import read_endpoint
from goclient.model.spec import TransferSpec
from goclient.tasks.output_server import OutputServer
from goclient.tasks.outputs import Outputs
from goclient.tasks.transfers import add_outputs


@pytest.mark.parametrize(
    ("text", "endpoint", "directory"),
    [
        ("wdeng#ANLHEP_ATLAS8:/atlas/dq2/test/", "wdeng#ANLHEP_ATLAS8", "/atlas/dq2/test/"),
        ("wdeng#ANLHEP_ATLAS8", "wdeng#ANLHEP_ATLAS8", None),
        ("SITE1:", "SITE1", None),
        ("SITE1:/", "SITE1", "/"),
        ("SITE1:/~/x", "SITE1", "/~/x"),
        ("gsiftp://host:2811", "gsiftp://host:2811", None),
        ("gsiftp://host/x", "gsiftp://host", "/x"),
        ("globus://" + "a" * 8 + "-aaaa-aaaa-aaaa-" + "a" * 12, "a" * 8 + "-aaaa-aaaa-aaaa-" + "a" * 12, None),
    ],
)
def test_a_server_is_an_endpoint_with_or_without_a_directory(text: str, endpoint: str, directory: str | None) -> None:
    assert OutputServer.read(text) == OutputServer(read_endpoint(endpoint), directory)


@pytest.mark.parametrize("text", ["/atlas", "a/b", "SITE1:x/", "$X", "", "SITE1:/../", "davs://h"])
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="--useGOForOutput="):
        OutputServer.read(text)


def test_a_dataset_that_makes_no_directory_is_refused() -> None:
    with pytest.raises(RequestError, match="the files would go to"):
        OutputServer(read_endpoint("SITE1"), "/o/").directory_of("jdoe", "user.jdoe.x/../y")


def test_each_output_goes_once() -> None:
    spec = add_outputs(
        TransferSpec(), OutputServer(read_endpoint("S"), "/o").directory_of("j", "d"), Outputs({"a": "l", "b": "l"}, "")
    )
    assert [str(transfer.target) for transfer in spec.output] == ["S:/o/j/d/l"]
    assert spec.working == "goclient"


def test_a_link_with_two_sides_means_the_right_one_as_the_place_of_outputs() -> None:
    left, right = "0f3a7bb4-3bd1-4b0e-8b0c-3a2f9d6a1c11", "5b1f6f0e-7a39-4f0f-8d52-7c1f0e3b9a22"
    link = f"https://app.globus.org/file-manager?origin_id={left}&origin_path=%2Fa%2F"
    assert OutputServer.read(f"{link}&destination_id={right}&destination_path=%2Fb%2F") == OutputServer(
        read_endpoint(right), "/b/"
    )
    assert OutputServer.read(link) == OutputServer(read_endpoint(left), "/a/")
