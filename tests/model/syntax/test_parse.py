"""A name in the job's directory is read as it was typed, or refused with the reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import RequestError
from goclient.errors.wording import printable
from goclient.model.endpoint import JOB
from goclient.model.location import Location
from goclient.model.syntax.parse import parse_destination, parse_endpoint, parse_location, parse_name
from tests.strategies import MANY, job_names


@pytest.mark.parametrize(
    ("text", "path"),
    [
        pytest.param("x.root", "/x.root", id="name"),
        pytest.param("./x.root", "/x.root", id="dot-slash"),
        pytest.param("results/", "/results/", id="directory"),
        pytest.param("a/b c,d=%41", "/a/b c,d=%41", id="in-a-folder"),
        pytest.param("a:b", "/a:b", id="colon"),
        pytest.param("x_${SN/P}", "/x_${SN/P}", id="placeholder"),
        pytest.param("a~", "/a~", id="tilde-at-the-end"),
    ],
)
def test_a_name_is_a_path_in_the_jobs_directory(text: str, path: str) -> None:
    assert parse_name(text) == Location(JOB, path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "names nothing", id="nothing"),
        pytest.param("./", "names nothing", id="the-directory-itself"),
        pytest.param("/x", "relative", id="absolute"),
        pytest.param("~/x", "relative", id="home"),
        pytest.param("A:/x", "endpoint", id="location"),
        pytest.param("../x", "..", id="above"),
        pytest.param("a/./b", ".", id="dot"),
        pytest.param("a\nb", "control character", id="newline"),
        pytest.param("$HOME", "$", id="variable"),
    ],
)
def test_a_name_that_is_none_is_quoted_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_name(text)
    assert reason in caught.value.message
    assert f'"{printable(text)}"' in caught.value.message


@given(st.text())
@MANY
def test_what_is_refused_has_a_hint(text: str) -> None:
    for parse in (parse_location, parse_destination, parse_endpoint, parse_name):
        hint = "accepted"
        try:
            parse(text)
        except RequestError as error:
            hint = error.hint
        assert hint


@given(job_names)
@MANY
def test_a_name_keeps_every_character(name: str) -> None:
    assert parse_name(name) == parse_name("./" + name) == Location(JOB, "/" + name)
