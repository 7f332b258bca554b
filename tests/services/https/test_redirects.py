"""A redirect is followed to the same site, over TLS, and nowhere else."""

from __future__ import annotations

import pytest

from goclient.services.gsi.server import WEBDAV, Server
from goclient.services.https.redirects import same_site, target_of

DOOR = Server("door.example.org", 2880, WEBDAV)


@pytest.mark.parametrize(
    ("host", "other", "same"),
    [
        ("door.example.org", "DOOR.example.org.", True),
        ("door.example.org", "pool7.example.org", True),
        ("door.example.org", "pool7.disks.example.org", True),
        ("door.example.org", "example.org", False),
        ("door.example.org", "pool.example.com", False),
        ("door.example.org", "evilexample.org", False),
        ("example.org", "other.org", False),
        ("door.ac.uk", "other.ac.uk", False),
        ("door.site.ac.uk", "pool.site.ac.uk", True),
        ("door.desy.de", "pool.desy.de", True),
        ("localhost", "localhost", True),
        ("localhost", "pool.localhost", False),
        ("192.0.2.7", "192.0.2.8", False),
        ("1.192.0.2", "7.192.0.2", False),
        ("2001:db8::1", "2001:db8::2", False),
    ],
)
def test_a_host_of_the_same_domain_is_of_the_same_site(host: str, other: str, same: bool) -> None:
    assert same_site(host, other) is same


@pytest.mark.parametrize(
    ("location", "server", "target"),
    [
        ("https://pool7.example.org:24000/a%20b?token=1", ("pool7.example.org", 24000), "/a%20b?token=1"),
        ("https://door.example.org/a", ("door.example.org", 443), "/a"),
        ("/other/a", ("door.example.org", 2880), "/other/a"),
    ],
)
def test_a_redirect_within_a_site_is_followed(location: str, server: tuple[str, int], target: str) -> None:
    found = target_of(location, DOOR)
    assert found is not None
    assert (found[0][:2], found[1]) == (server, target)


@pytest.mark.parametrize(
    "location",
    [
        "",
        "http://pool7.example.org/a",
        "https://elsewhere.example.com/a",
        "https://user:secret@pool7.example.org/a",
        "https://pool7.example.org:99999/a",
        "https://pool7.example.org/a\r\nX: y",
        "https://pool7.example.org/ü",
        "//elsewhere.example.com/a",
        "a",
        "file:///etc/passwd",
    ],
)
def test_any_other_redirect_is_not_followed(location: str) -> None:
    assert target_of(location, DOOR) is None
