"""A location, or a name in the job's directory, is read as it was typed, or refused with the reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import GoclientError, RequestError
from goclient.errors.wording import printable
from goclient.model.syntax.parse import parse_location
from tests.strategies import MANY, at

UUID = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"


@pytest.mark.parametrize(
    ("text", "endpoint", "path"),
    [
        pytest.param("SITE1:/data/a", "SITE1", "/data/a", id="name"),
        pytest.param("wdeng#ANLHEP_ATLAS8:/a", "wdeng#ANLHEP_ATLAS8", "/a", id="name-of-2012"),
        pytest.param("My data, at home:/a", "My data, at home", "/a", id="display-name"),
        pytest.param("A:/b:/c:d", "A", "/b:/c:d", id="the-first-colon-splits"),
        pytest.param("A:/", "A", "/", id="root"),
        pytest.param("A:/~/a", "A", "/~/a", id="home"),
        pytest.param("A:/a~", "A", "/a~", id="tilde-in-a-name"),
        pytest.param("A:/a b='c',%41#~", "A", "/a b='c',%41#~", id="nothing-is-decoded"),
        pytest.param("A:/a/${SN}/${SN/P}/$JEDITASKID", "A", "/a/${SN}/${SN/P}/$JEDITASKID", id="placeholders"),
        pytest.param("A:/.../..a/b..", "A", "/.../..a/b..", id="dots-in-a-name"),
        pytest.param("A:/Ä/日本", "A", "/Ä/日本", id="unicode"),
        pytest.param(f"{UUID}:/a", UUID, "/a", id="uuid"),
        pytest.param(f"{UUID.upper()}:/a", UUID, "/a", id="uuid-in-capitals"),
        pytest.param(f"globus://{UUID}/a", UUID, "/a", id="globus-url"),
        pytest.param(f"globus://{UUID.upper()}/a", UUID, "/a", id="globus-url-in-capitals"),
        pytest.param("gsiftp://host.example.org/a", "gsiftp://host.example.org", "/a", id="gridftp"),
        pytest.param("davs://h/a/~/b", "davs://h", "/a/~/b", id="webdav-has-no-home-to-read"),
        pytest.param("gsiftp://Host:2811/a:b", "gsiftp://host:2811", "/a:b", id="gridftp-with-port"),
    ],
)
def test_a_location_is_an_endpoint_and_a_path(text: str, endpoint: str, path: str) -> None:
    assert parse_location(text) == at(endpoint, path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "ENDPOINT:/path", id="nothing"),
        pytest.param("/data/a", "ENDPOINT:/path", id="no-endpoint"),
        pytest.param(":/a", "no name", id="empty-endpoint"),
        pytest.param("  :/a", "no name", id="blank-endpoint"),
        pytest.param("A\0:/a", "control character", id="nul-in-the-endpoint"),
        pytest.param("x" * 257 + ":/a", "256", id="endless-endpoint"),
        pytest.param("gsiftp://" + "x" * 300 + "/a", "256", id="endless-host"),
        pytest.param("A:", "must begin with /", id="no-path"),
        pytest.param("A:a", "must begin with /", id="relative-path"),
        pytest.param("A:~/a", "/~/", id="home-without-slash"),
        pytest.param("A:/a/../b", "..", id="dot-dot"),
        pytest.param("A:/./a", ".", id="dot"),
        pytest.param("A:/a\nb", "control character", id="newline"),
        pytest.param("gsiftp://h/a/~/b", "home directory", id="gridftp-with-a-home-inside"),
        pytest.param("A:/a\0b", "control character", id="nul"),
        pytest.param("A:/a\x7f", "control character", id="delete"),
        pytest.param("A:/a\udcff", "Unicode", id="not-unicode"),
        pytest.param("A:/$HOME/a", "$", id="unknown-placeholder"),
        pytest.param("A:/${X[__import__('os')]}", "$", id="placeholder-that-the-server-would-run"),
        pytest.param("A:/$${SN}JOBSETID", "$", id="placeholder-inside-a-placeholder"),
        pytest.param("globus://SITE1/a", "UUID", id="globus-url-with-a-name"),
        pytest.param(f"globus://{UUID}", "no path", id="globus-url-without-path"),
        pytest.param("gsiftp:///a", "gsiftp://host", id="gridftp-without-host"),
        pytest.param("gsiftp://me@host/a", "gsiftp://host", id="gridftp-with-user"),
        pytest.param("gsiftp://host:port/a", "gsiftp://host", id="gridftp-with-a-port-that-is-none"),
        pytest.param("gsiftp://host:99999/a", "gsiftp://host", id="gridftp-with-a-port-that-no-host-has"),
        pytest.param("gsiftp://host:\u0661/a", "gsiftp://host", id="gridftp-with-a-port-in-other-digits"),
        pytest.param("gsiftp://host", "must begin with /", id="gridftp-without-path"),
    ],
)
def test_a_location_that_is_none_is_quoted_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_location(text)
    error = caught.value
    assert reason in error.message
    assert f'"{printable(text[:200])}' in error.message
    assert "\n" not in error.message
    assert error.hint


@given(st.text() | st.builds(str.__add__, st.sampled_from(("gsiftp://", "davs://", "globus://", "A:/")), st.text()))
@MANY
def test_any_text_is_a_location_or_refused(text: str) -> None:
    try:
        found = parse_location(text)
    except GoclientError:
        return
    assert parse_location(str(found)) == found
