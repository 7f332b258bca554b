"""The head of an answer is read as HTTP says, whatever a server sends; what is cut is no head."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.services.https.response import Headers, Response


def read(head: bytes, *, method: str = "GET") -> Response:
    """An answer, of which a server sends these bytes."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(head)
        theirs.shutdown(socket.SHUT_WR)
        made = Response(ours, method=method)
        made.begin()
        return made


def test_a_header_is_found_however_it_is_written() -> None:
    headers = Headers.read(io.BytesIO(b"Content-Length:  5 \r\nX: a\r\n\tb\r\ncontent-length: 7\r\n\r\n"))
    assert headers == {"content-length": "5", "x": "a b"}  # the first counts
    assert headers.get("CONTENT-LENGTH") == "5"
    assert headers.get("Digest") == ""


@pytest.mark.parametrize("cut", range(1, 42))
def test_a_head_that_is_cut_is_none(cut: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    if cut == len(head):
        assert read(head).length == 1000
        return
    with pytest.raises((OSError, http.client.HTTPException)):
        read(head[:cut])


@pytest.mark.parametrize(
    ("head", "length", "closes"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 3, False),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 3, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n", 3, True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", 3, True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 0, False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", None, False),
        (b"HTTP/1.1 200 OK\r\n\r\n", None, True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n", None, True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\n", None, True),
    ],
)
def test_a_length_is_what_the_library_makes_of_it(head: bytes, length: int | None, *, closes: bool) -> None:
    found = read(head)
    assert (found.length, found.will_close) == (length, closes)


@pytest.mark.parametrize("head", [b"X: " + b"a" * (1 << 16) + b"\r\n\r\n", b"X: a\r\n" * 101 + b"\r\n"])
def test_a_head_without_end_is_refused(head: bytes) -> None:
    with pytest.raises(http.client.HTTPException):
        read(b"HTTP/1.1 200 OK\r\n" + head)


@given(st.binary(max_size=300))
def test_whatever_comes_is_a_head_or_an_error_of_http(sent: bytes) -> None:
    for head in (sent, b"HTTP/1.1 200 OK\r\n" + sent, b"HTTP/1.1 200 OK\r\n" + sent + b"\r\n\r\n"):
        with contextlib.suppress(OSError, http.client.HTTPException):
            read(head)
