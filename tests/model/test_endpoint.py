"""A server has one endpoint, however it is written, and an endpoint tells who is asked about it."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.model.endpoint import (
    JOB,
    NODE,
    URL_ENDPOINTS,
    Endpoint,
    GlobusEndpoint,
    GridftpEndpoint,
    UrlEndpoint,
    WebdavEndpoint,
    is_uuid,
    read_endpoint,
)
from goclient.model.names import LocationError
from tests.strategies import MANY

UUID = "0f0e1d2c-3b4a-5968-7786-95a4b3c2d1e0"
kinds = st.sampled_from(URL_ENDPOINTS)


@pytest.mark.parametrize(
    ("text", "written", "host", "port"),
    [
        ("gsiftp://h", "gsiftp://h", "h", 2811),
        ("gsiftp://H.Example.org:2811", "gsiftp://h.example.org", "h.example.org", 2811),
        ("gsiftp://h:02811", "gsiftp://h", "h", 2811),
        ("gsiftp://h:443", "gsiftp://h:443", "h", 443),
        ("davs://h", "davs://h", "h", 443),
        ("davs://H:443", "davs://h", "h", 443),
        ("davs://h:2811", "davs://h:2811", "h", 2811),
        ("gsiftp://192.0.2.1:2812", "gsiftp://192.0.2.1:2812", "192.0.2.1", 2812),
        ("gsiftp://[::1]", "gsiftp://[::1]", "::1", 2811),
        ("gsiftp://[0:0:0:0:0:0:0:1]:2811", "gsiftp://[::1]", "::1", 2811),
        ("davs://[2001:DB8::00a1]:8443", "davs://[2001:db8::a1]:8443", "2001:db8::a1", 8443),
    ],
)
def test_a_server_is_one_endpoint_however_it_is_written(text: str, written: str, host: str, port: int) -> None:
    server = read_endpoint(text)
    assert isinstance(server, UrlEndpoint)
    assert (server.text, server.host, server.port) == (written, host, port)
    assert server == read_endpoint(written)
    assert hash(server) == hash(type(server)(text))


@pytest.mark.parametrize(
    "server",
    [
        *("", ":2811", "h:", "h:0", "h:65536", "h:99999", "h:x", "h:\u0661", "me@h", "h/a", "a b"),
        *("[::1", "[::zz]", "[fe80::1%eth0]", "::1", "[]", "h[::1]", "[::1]x", "[1.2.3.4]"),
    ],
)
@pytest.mark.parametrize("kind", URL_ENDPOINTS)
def test_what_names_no_server_is_refused(kind: type[UrlEndpoint], server: str) -> None:
    with pytest.raises(LocationError) as caught:
        read_endpoint(f"{kind.scheme}{server}")
    assert kind.form in caught.value.problem.what


@given(kinds, st.ip_addresses(v=6), st.integers(1, 65535))
def test_every_address_and_port_are_read_back(
    kind: type[UrlEndpoint], address: ipaddress.IPv6Address, port: int
) -> None:
    server = kind(f"{kind.scheme}[{address.exploded}]:{port}")
    assert (server.host, server.port) == (str(address), port)
    assert read_endpoint(server.text) == server


@given(kinds, st.text())
@MANY
def test_any_text_behind_a_scheme_is_a_server_or_refused(kind: type[UrlEndpoint], text: str) -> None:
    try:
        server = kind(f"{kind.scheme}{text}")
    except LocationError:
        return
    assert kind(server.text).text == server.text
    assert 0 < server.port < 65536


GLOBUS, GRIDFTP, WEBDAV = GlobusEndpoint(UUID), GridftpEndpoint("gsiftp://h"), WebdavEndpoint("davs://h")


@pytest.mark.parametrize(
    ("endpoint", "is_globus", "needs_proxy"),
    [
        (GLOBUS, True, False),
        (GlobusEndpoint("SITE1"), True, False),
        (GRIDFTP, False, True),
        (WEBDAV, False, True),
        (JOB, False, False),
        (NODE, False, False),
    ],
)
def test_an_endpoint_tells_who_is_asked_and_whose_credential_acts(
    endpoint: Endpoint, is_globus: bool, needs_proxy: bool
) -> None:
    assert (endpoint.is_globus, endpoint.needs_proxy) == (is_globus, needs_proxy)


def test_only_two_of_one_kind_that_has_transfers_of_its_own_reach_one_another() -> None:
    kinds = (GLOBUS, GRIDFTP, WEBDAV, JOB)
    reached = [(one, other) for one in kinds for other in kinds if one.reaches(other)]
    assert reached == [(GLOBUS, GLOBUS), (GRIDFTP, GRIDFTP)]


@pytest.mark.parametrize("host", ["....", ".", ".h", "h..org"])
def test_dots_alone_name_no_server(host: str) -> None:
    with pytest.raises(LocationError, match="the host is not"):
        read_endpoint(f"gsiftp://{host}")


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
