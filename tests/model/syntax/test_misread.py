"""Words that are not a location or a name are mended by their hint, as it is typed."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import GoclientError, RequestError
from goclient.model.names import Problem
from goclient.model.syntax.misread import location_problem, name_of
from goclient.model.syntax.parse import parse_endpoint, parse_location, parse_name
from tests.model.syntax.test_web_link import LINK, OTHER, UUID
from tests.strategies import MANY


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
        (f"{UUID}:/a/./b/", f"{UUID}:/a/b/"),
        (f"{UUID}:/a/~/b", f"{UUID}:/~/b"),
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
        ("SITE1:/~/../x", "absolute path"),
        (f"{UUID}:/~/a/../../x", "absolute path"),
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
