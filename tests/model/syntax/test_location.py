"""A location, or a name in the job's directory, is read as it was typed, or refused with the reason."""

from __future__ import annotations

import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import GoclientError, RequestError
from goclient.errors.wording import printable
from goclient.model.endpoint import JOB, is_uuid
from goclient.model.location import Location
from goclient.model.names import Problem
from goclient.model.syntax.misread import location_problem, name_of
from goclient.model.syntax.parse import parse_destination, parse_endpoint, parse_location, parse_name
from tests.strategies import MANY, at, job_names

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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(UUID, True, id="uuid"),
        pytest.param(UUID.upper(), True, id="capitals"),
        pytest.param(UUID + "0", False, id="too-long"),
        pytest.param(UUID.replace("-", ""), False, id="without-dashes"),
        pytest.param(UUID + "\n", False, id="with-a-newline"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_a_collection_id_is_a_uuid_and_nothing_else(text: str, expected: bool) -> None:
    assert is_uuid(text) is expected


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


# --- hints that mend ------------------------------------------------------------------------------------------

LINK = f"https://app.globus.org/file-manager?origin_id={UUID}&origin_path=%2F~%2Fa%20b%2F"
OTHER = UUID.replace("9e3c", "1111")


def written(error: GoclientError) -> str:
    """The word that a hint says to write, as a shell reads it."""
    first, word, *_ = shlex.split(error.hint)
    return word if first == "write" else ""


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("SITE1::/x", "SITE1:/x"),
        ("SITE1: :/x", "SITE1:/x"),
        ("SITE1: /x", "SITE1:/x"),
        ("SITE1 : /x", "SITE1:/x"),
        ("SITE1:~", "SITE1:/~/"),
        ("SITE1:~/x", "SITE1:/~/x"),
        ("SITE1:", "SITE1:/~/"),
        ("SITE1:x/y", "SITE1:/x/y"),
        ("SITE1:\u0430/y", "SITE1:/\u0430/y"),
        ("SITE1:\u6570/y", "SITE1:/\u6570/y"),
        ("SITE1:./x", "SITE1:/x"),
        ("SITE1 /home", "SITE1:/home"),
        ("SITE1;/home", "SITE1:/home"),
        ("SITE1=/home", "SITE1:/home"),
        ("SITE1/home", "SITE1:/home"),
        ("SITE1\uff1a/x", "SITE1:/x"),
        ("SITE1\u2236/x", "SITE1:/x"),
        ("SITE1:\uff0fx", "SITE1:/x"),
        ("SITE1:\uff0fx\uff0fy", "SITE1:/x/y"),
        ("SITE1:\u00a0/x", "SITE1:/x"),
        ("SITE1:\ufeff/x", "SITE1:/x"),
        ("SITE1:\uff5e/x", "SITE1:/~/x"),
        ("SITE1:$HOME/x", "SITE1:/~/x"),
        ("SITE1:${HOME}/x", "SITE1:/~/x"),
        ("SITE1:/$HOME", "SITE1:/~/"),
        ("SITE1:/a/$SN", "SITE1:/a/${SN}"),
        ("SITE1:/a/${sn}/b", "SITE1:/a/${SN}/b"),
        ("SITE1:/a/$(SN)", "SITE1:/a/${SN}"),
        ("SITE1:/a/${sn/p}", "SITE1:/a/${SN/P}"),
        ("SITE1:/a/../b", "SITE1:/b"),
        ("SITE1:/a/./b/", "SITE1:/a/b/"),
        ("SITE1:/a/~/b", "SITE1:/~/b"),
        ("SITE1:\\home\\x", "SITE1:/home/x"),
        ("SITE1:%2Fhome%2Fx", "SITE1:/home/x"),
        ("C:\\Users\\x", "ENDPOINT:/C/Users/x"),
        ("d:\\a b", "ENDPOINT:/D/a b"),
        ("SITE1:C:\\x\\y", "SITE1:/C/x/y"),
        ("/home/x", "ENDPOINT:/home/x"),
        ("~/x", "ENDPOINT:/~/x"),
        ("file:///home/x", "ENDPOINT:/home/x"),
        ("file:/home/x", "ENDPOINT:/home/x"),
        ("https://host.example.org/a/b", "ENDPOINT:/a/b"),
        ("root://eos.example.org//eos/a", "ENDPOINT:/eos/a"),
        ("s3://bucket/key", "ENDPOINT:/bucket/key"),
        (f"urn:uuid:{UUID}:/p", f"{UUID}:/p"),
        (f"urn:uuid:{UUID}/p", f"{UUID}:/p"),
        (f"uuid:{UUID}", f"{UUID}:/~/"),
        (f"{UUID}/p", f"{UUID}:/p"),
        (f"{UUID} /p", f"{UUID}:/p"),
        (f"globus://{UUID}:/p", f"{UUID}:/p"),
        (f"globus://{UUID}", f"{UUID}:/~/"),
        (f"globus:{UUID}/p", f"{UUID}:/p"),
        (f"GLOBUS://{UUID}/p", f"{UUID}:/p"),
        ("globus://SITE1/p", "SITE1:/p"),
        ("globus://SITE1:/p", "SITE1:/p"),
        ("gridftp://h:2811/x", "gsiftp://h:2811/x"),
        ("GSIFTP://h/x", "gsiftp://h/x"),
        ("gsiftp:/h/x", "gsiftp://h/x"),
        ("gsiftp:h/x", "gsiftp://h/x"),
        ("gsiftp://me@h/x", "gsiftp://h/x"),
        ("gsiftp://h:28l1/x", "gsiftp://h/x"),
        ("gsiftp://h", "gsiftp://h/~/"),
        ("gsiftp:://h/x", "gsiftp://h/x"),
        ("gsitfp://h/x", "gsiftp://h/x"),
        ("gsiftp://h:2812:/x", "gsiftp://h:2812/x"),
        ("gsiftp://::1/x", "gsiftp://[::1]/x"),
        ("gsiftp://h:2812\\d\\x", "gsiftp://h:2812/d/x"),
        ("gsiftp:\\\\h\\x", "gsiftp://h/x"),
        ("dvas://h:8443/x", "davs://h:8443/x"),
        ("DAVS://H/x", "davs://h/x"),
        ("webdav://u:p@h/x", "davs://h/x"),
        ("davs:/h/x", "davs://h/x"),
        ("davs://h:0/x", "davs://h/x"),
        ("davs://h/../x", "davs://h/x"),
        ("\u201cSITE1:/x\u201d", "SITE1:/x"),
        ("A:/x\nA:/y", "A:/x,A:/y"),
        ("A:/x\r", "A:/x"),
        (f"https://app.globus.org/file-manager?origin_id={UUID}", f"{UUID}:/~/"),
        (f"https://app.globus.org/file-manager/collections/{UUID}/overview", f"{UUID}:/~/"),
    ],
)
def test_a_hint_for_a_location_mends_it_as_it_is_typed(text: str, right: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_location(text)
    assert written(caught.value) == right
    for one in right.split(","):
        parse_location(one)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("user.jdoe:hits.root", "rucio list-file-replicas user.jdoe:hits.root"),
        ("mc16_13TeV:EVNT.1._0001.pool.root.1", "rucio list-file-replicas"),
        ("SITE1:~jdoe/x", "absolute path"),
        ("SITE1:../x", "absolute path"),
        ("SITE1:/$USER/x", "what it stands for"),
        ("inputs.txt", "@inputs.txt if it is a file with a list"),
        (f"{LINK}&origin_id={OTHER}", "the one that you mean"),
        (LINK.replace("%20", "%ff"), "copy it again"),
        (LINK.replace(UUID, "SITE1"), "copy the link again"),
        ("gsiftp:///a", "gsiftp://HOST/PATH"),
        ("davs:///a", "davs://HOST/PATH"),
        ("davs://h", "davs://h/PATH"),
        ("gsiftp://2001:db8::1:2811/a", "'gsiftp://[2001:db8::1]:2811/a' or 'gsiftp://[2001:db8::1:2811]/a'"),
        ("davs://2001:DB8::1:443/a", "'davs://[2001:db8::1]:443/a' or 'davs://[2001:db8::1:443]/a'"),
        ("gridftp://::1:2811/a", "'gsiftp://[::1]:2811/a' or 'gsiftp://[::1:2811]/a'"),
        ("davs://h/~/a", "leave out the ~"),
        ("davs://h/a?b", "without it"),
        ("davs://[fe80::1%eth0]/a", "without a zone"),
        ("root://h//a", "davs://HOST/PATH"),
        (":/a", "ENDPOINT:/path"),
    ],
)
def test_a_hint_says_what_to_do_where_no_location_can_be_known(text: str, hint: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_location(text)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "origin", "destination"),
    [
        pytest.param(LINK, f"{UUID}:/~/a b/", f"{UUID}:/~/a b/", id="one-side"),
        pytest.param(
            f"{LINK}&destination_id={OTHER}&destination_path=%2Fb%2F", f"{UUID}:/~/a b/", f"{OTHER}:/b/", id="both"
        ),
        pytest.param(LINK.replace("origin", "destination"), f"{UUID}:/~/a b/", f"{UUID}:/~/a b/", id="the-right-side"),
        pytest.param(LINK.removeprefix("https://"), f"{UUID}:/~/a b/", f"{UUID}:/~/a b/", id="without-its-scheme"),
        pytest.param(f"{LINK}&two_pane=true#x", f"{UUID}:/~/a b/", f"{UUID}:/~/a b/", id="with-more-fields"),
        pytest.param(LINK.replace(UUID, UUID.upper()), f"{UUID}:/~/a b/", f"{UUID}:/~/a b/", id="capitals"),
        pytest.param(
            LINK.replace("a%20b", "d%C3%A9j%C3%A0%2Cvu"), f"{UUID}:/~/déjà,vu/", f"{UUID}:/~/déjà,vu/", id="utf8"
        ),
        pytest.param(f"{LINK}&origin_id={UUID}", f"{UUID}:/~/a b/", f"{UUID}:/~/a b/", id="one-id-twice"),
    ],
)
def test_a_link_of_the_web_application_is_the_folder_that_it_shows(text: str, origin: str, destination: str) -> None:
    assert (str(parse_location(text)), str(parse_destination(text))) == (origin, destination)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("SITE1:/x", "SITE1"),
        ("SITE1:", "SITE1"),
        (f"{UUID}:/x", UUID),
        (f"globus://{UUID}/a", UUID),
        (f"urn:uuid:{UUID}", UUID),
        (LINK, UUID),
        ("gsiftp://h/x", "gsiftp://h"),
        ("webdavs://h", "davs://h"),
        ("davs://h:0", "davs://h"),
        ("DAVS://h:", "davs://h"),
        ("gsiftp://me@h:2812", "gsiftp://h:2812"),
        ("gsiftp://::1", "gsiftp://[::1]"),
        ("gsitfp://h", "gsiftp://h"),
        ("globus://SITE1/a", "SITE1"),
    ],
)
def test_a_hint_for_an_endpoint_is_its_name_alone(text: str, right: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_endpoint(text)
    assert written(caught.value) == right
    assert parse_endpoint(right).text == right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("/scratch/job/hits.root", "hits.root"),
        ("~/hits.root", "hits.root"),
        ("SITE1:/data/hits.root", "hits.root"),
        ("a/./b", "a/b"),
        ("$HOME/x.root", "x.root"),
        ("hits.$SN.root", "hits.${SN}.root"),
        ("hits.${sn}.root", "hits.${SN}.root"),
        ("hits.root\n", "hits.root"),
    ],
)
def test_a_hint_for_a_name_mends_it_as_it_is_typed(text: str, right: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_name(text)
    assert written(caught.value) == right
    parse_name(right)


_parts = st.sampled_from(
    (
        "SITE1",
        UUID,
        ":",
        "::",
        "/",
        "//",
        "~",
        "$",
        "${SN}",
        "$HOME",
        "globus:",
        "gsiftp:",
        "urn:uuid:",
        "\\",
        "..",
        " ",
    )
)


@given(st.lists(_parts | st.text(max_size=3), max_size=6).map("".join))
@MANY
def test_no_hint_proposes_what_would_be_refused(text: str) -> None:
    for one in filter(None, location_problem(text, Problem("x")).instead.split(",")):
        parse_location(one)
    if name := name_of(text):
        parse_name(name)


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


@pytest.mark.parametrize("host", ["[2001:db8::1]2811", "[::1"])
def test_a_message_has_all_of_a_host_that_is_none(host: str) -> None:
    with pytest.raises(RequestError, match=re.escape(f"{host} is not an IPv6 address in brackets")):
        parse_location(f"gsiftp://{host}/a")
