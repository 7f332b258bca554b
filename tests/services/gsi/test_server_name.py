"""Servers are named as the C tools name them, and looking at a deposit loads nothing slow."""

from __future__ import annotations

import subprocess
import sys

import pytest

from goclient.errors import GoclientError
from goclient.services.gsi.certificate import Certificate
from goclient.services.gsi.server import Server
from goclient.services.gsi.server_name import name_fault, parse_servers

NAMES = {
    "myproxy.cern.ch": [Server("myproxy.cern.ch", 7512)],
    "a:7513, b": [Server("a", 7513), Server("b", 7000)],
    "[::1]:7513,[::1],fe80::1": [Server("::1", 7513), Server("::1", 7000), Server("fe80::1", 7000)],
}


@pytest.mark.parametrize("text", NAMES)
def test_a_list_of_servers_is_read(text: str) -> None:
    port = 7512 if "cern" in text else 7000
    assert list(parse_servers(text, port=port)) == NAMES[text]
    assert list(parse_servers(",".join(map(str, NAMES[text])))) == NAMES[text]


NONE = [
    "",
    "a:",
    "a:0",
    "a:65536",
    "a:x",
    "[::1",
    "[::1]x",
    "a b",
    "https://a/",
    "ü",
    "a\nb",
    ":1",
    ".a",
    "a:7512:7512",
]


@pytest.mark.parametrize("text", NONE)
def test_what_names_no_server_is_refused(text: str) -> None:
    with pytest.raises(GoclientError) as caught:
        parse_servers(text)
    assert caught.value.code == "myproxy-server"
    assert caught.value.hint


def test_all_bad_names_are_told_at_once() -> None:
    with pytest.raises(GoclientError) as caught:
        parse_servers("a:x,b,c:y")
    assert len(caught.value.parts) == 2


def certificate(
    hosts: tuple[str, ...] = (), *, addresses: tuple[bytes, ...] = (), names: tuple[str, ...] = ("x",)
) -> Certificate:
    return Certificate(
        "/CN=x", "/CN=ca", "00000000", names, 0, 1, "RSA", 2048, b"", False, False, hosts, addresses, False, 1, b""
    )


MATCHES: dict[tuple[str, tuple[str, ...]], bool] = {
    ("a.example.org", ("*.example.org",)): True,
    ("A.Example.org.", ("a.example.ORG",)): True,
    ("a.b.example.org", ("*.example.org",)): False,
    ("example.org", ("*.example.org",)): False,
    ("a.org", ("*.org",)): False,
    ("a.example.org", ("a*.example.org",)): False,
    ("127.0.0.1", ("127.0.0.1",)): False,
}


@pytest.mark.parametrize(("host", "names"), MATCHES)
def test_a_name_in_a_certificate_is_one_host_or_all_of_one_domain(host: str, names: tuple[str, ...]) -> None:
    assert (name_fault(certificate(names), Server(host)) == "") == MATCHES[host, names]


def test_an_address_is_compared_as_an_address() -> None:
    own = certificate(addresses=(b"\x7f\0\0\1", b"\0" * 15 + b"\1"))
    assert name_fault(own, Server("127.0.0.1")) == ""
    assert name_fault(own, Server("0:0:0::1")) == ""
    assert name_fault(own, Server("127.0.0.2"))


def test_info_and_destroy_load_neither_cryptography_nor_pydantic() -> None:
    code = """
import sys
import goclient.services.gsi.identity, goclient.services.gsi.authorities, goclient.services.myproxy.client
slow = {"cryptography", "pydantic", "dataclasses", "inspect", "requests", "pathlib", "datetime", "json", "calendar"}
print(*sorted(slow & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
