"""A name of ``files-in`` is a place in the job's directory; one that cannot be has the words that mend it."""

from __future__ import annotations

import pytest

from goclient.errors import RequestError
from goclient.model.syntax.files_in import Words, parse_brought


def words(top: str) -> Words:
    return Words("files-in", "dir-in", top, "SITE1")


@pytest.mark.parametrize(("name", "path"), [("a", "/a"), ("./a/b", "/a/b"), ("d/", "/d/"), ("a.job.out", "/a.job.out")])
def test_a_relative_name_is_brought_under_that_name(name: str, path: str) -> None:
    place = parse_brought(name, words("/data"))
    assert (place.in_job, place.path) == (True, path)


@pytest.mark.parametrize(
    ("top", "name", "hint"),
    [
        ("/data", "/data/a/b", "write files-in=a/b"),
        ("/data", "/other/b", "write dir-in=/other files-in=b"),
        ("/data", "/b", "write files-in=b"),
        ("/data", "/other//d/", "write dir-in=/other files-in=d/"),
        ("/data", "/", "write files-in=NAME, a name below dir-in"),
        ("/", "/a b", "write files-in='a b'"),
    ],
)
def test_a_whole_path_is_refused_with_its_two_parts(top: str, name: str, hint: str) -> None:
    with pytest.raises(RequestError, match="relative to dir-in") as caught:
        parse_brought(name, words(top))
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("top", "hint"),
    [
        ("/data/run/", "bring it below a directory: write dir-in=/data files-in=run/job.out"),
        (
            "/~/",
            "in place of these words, write --StageinGOsrc=SITE1:/~/job.out --StageinGOdest=goclient:/input.job.out",
        ),
    ],
)
def test_a_file_in_the_way_of_the_payload_s_output_gets_another_place(top: str, hint: str) -> None:
    with pytest.raises(RequestError, match="like the payload's output") as caught:
        parse_brought("job.out", words(top))
    assert caught.value.hint == hint
