"""A location says where something is, and a transfer what it will be called where it goes."""

from __future__ import annotations

import re

import pytest

from goclient.model.endpoint import JOB, NODE, Endpoint, read_endpoint
from goclient.model.location import JOB_DIRECTORY, Location, Transfer, close_path
from goclient.model.names import LocationError, path_problem
from tests.strategies import at


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


@pytest.mark.parametrize(
    "path", ["/", "//", "/~/", "/~a/b", "/a b", "/...", "/${SN/P}", "/$JOBSETID$JEDITASKID", "/日本"]
)
def test_a_place_has_any_other_path(path: str) -> None:
    assert path_problem(path) is None
    assert Location(read_endpoint("A"), path).path == path


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


def test_a_percent_sign_is_part_of_a_name() -> None:
    assert str(Location(read_endpoint("davs://h"), "/a%20b")) == "davs://h/a%20b"


def test_a_gridftp_server_has_home_directories_and_a_webdav_server_has_none() -> None:
    assert str(Location(read_endpoint("gsiftp://h"), "/~/a")) == "gsiftp://h/~/a"
    with pytest.raises(LocationError, match="no home directory"):
        Location(read_endpoint("davs://h"), "/~/a")


@pytest.mark.parametrize(
    "path",
    ["/a/b.root", "/a/b/", "/", "/~/", "/~/b", "//a", "/a//b", "/a/${SN}", "/a/${SN/P}", "/a${SN/P}/b", "/${SN/P}/"],
)
def test_the_key_of_a_target_in_the_jobs_directory_is_the_same_by_the_short_way(path: str) -> None:
    source = Location(read_endpoint("A"), path)
    there = Transfer(source, Location(JOB, "/"))
    assert Transfer(source, JOB_DIRECTORY).target_key == there.target_key == f"\n{close_path(there.target_path)}"
