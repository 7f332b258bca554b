"""With --goVia site the directory of the queue is in the settings, or is told with the lines that set it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from goclient.config.connections import Connections
from goclient.config.settings import SiteDirectory
from goclient.config.staging import area_in, site_directory
from goclient.errors import RequestError
from goclient.model.options import SubmitOptions, TransferOptions

UUID = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"
FOUND = SiteDirectory(UUID, PurePosixPath("/data"), PurePosixPath("/scratch"))


@pytest.fixture
def connections(tmp_path: Path) -> Connections:
    """The services of a user with a settings file of their own."""
    return Connections(environ={"GOCLIENT_SETTINGS": str(tmp_path / "settings.toml"), "HOME": str(tmp_path)})


def nothing(queue: str) -> None:
    """Tell of no queue."""


def set_to(connections: Connections, text: str) -> None:
    Path(connections._environ["GOCLIENT_SETTINGS"]).write_text(text)


def test_what_is_set_counts_and_nothing_is_looked_for(connections: Connections) -> None:
    set_to(connections, f'[site.Q]\ncollection = "{UUID}"\ndirectory = "/data"\nnode = "/scratch"\n')

    def looked_for(queue: str) -> SiteDirectory:
        raise AssertionError(queue)

    assert site_directory(SubmitOptions(computingSite="Q"), connections, looked_for) == FOUND


def test_what_a_probe_has_found_counts_where_nothing_is_set(connections: Connections) -> None:
    assert site_directory(SubmitOptions(computingSite="Q"), connections, {"Q": FOUND}.get) == FOUND


def test_a_path_that_a_node_has_told_and_no_job_can_have_is_refused(connections: Connections) -> None:
    told = FOUND._replace(node=PurePosixPath("/scratch/$x"))
    with pytest.raises(RequestError, match="it has a \\$") as caught:
        site_directory(SubmitOptions(computingSite="Q"), connections, {"Q": told}.get)
    assert "goclient probe Q --shared COLLECTION:/PATH" in caught.value.hint


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (TransferOptions(), "--goVia site is for sendJob"),
        (SubmitOptions(), "does not say at which site"),
        (SubmitOptions(computingSite="Q", WorkingendpointGO="W"), '--WorkingendpointGO="W" and --goVia site'),
    ],
)
def test_what_has_no_such_directory_is_told(options: TransferOptions, words: str, connections: Connections) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        site_directory(options, connections, nothing)
    assert (caught.value.code, caught.value.subject, bool(caught.value.hint)) == ("combination", "--goVia", True)


@pytest.mark.parametrize(
    ("text", "queue", "missing", "lines"),
    [
        ("", "Q", "(collection, directory, node)", ["[site.Q]", "collection = ", "directory = ", "node = ", "or let "]),
        ("", "a.b", "(collection, directory, node)", ['[site."a.b"]']),
        ('[site.Q]\nnode = "/n"\n', "Q", "(collection, directory)", ["collection = ", "directory = "]),
    ],
)
def test_what_no_setting_says_is_told_with_the_lines_to_add(
    text: str, queue: str, missing: str, lines: list[str], connections: Connections
) -> None:
    set_to(connections, text)
    with pytest.raises(RequestError) as caught:
        site_directory(SubmitOptions(computingSite=queue), connections, nothing)
    assert caught.value.message.endswith(missing)
    first, *added = caught.value.hint.splitlines()
    assert first.startswith(f"add to {connections._environ['GOCLIENT_SETTINGS']}")
    assert ("below its line [site.Q]" in first) == bool(text)
    assert [one for one, start in zip(added, lines, strict=False) if not one.startswith(start)] == []


def test_a_submission_has_a_directory_of_its_own() -> None:
    area = area_in(FOUND, "hits", "0123456789abcdef")
    assert (area.directory, area.node) == ("/data/hits.01234567", "/scratch/hits.01234567")
    assert area.collection.text == UUID
