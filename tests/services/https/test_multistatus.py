"""A listing of a WebDAV server is hostile input: it becomes entries of its directory, or an error of ours."""

from __future__ import annotations

import os
from contextlib import suppress
from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from goclient.services.https import multistatus
from goclient.services.https.multistatus import BadListing, MultiStatus, Resource, is_plain, name_below, path_of

HEAD = b'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">'
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="/?\ufffe\uffff\u2028\u2029\x85"),
    min_size=1,
    max_size=30,
).filter(lambda name: name not in (".", ".."))


def read(document: bytes) -> list[Resource]:
    found: list[Resource] = []
    parser = MultiStatus(found.append)
    for start in range(0, len(document), 100):
        parser.feed(document[start : start + 100])
    parser.feed(b"", last=True)
    return found


def entry(href: str, *, directory: bool = False, size: int = 0) -> bytes:
    kind = "<D:collection/>" if directory else ""
    return (
        f"<D:response><D:href>{escape(href)}</D:href><D:propstat><D:prop><D:resourcetype>{kind}</D:resourcetype>"
        f"<D:getcontentlength>{size}</D:getcontentlength></D:prop></D:propstat></D:response>"
    ).encode()


def test_files_and_directories_are_told_apart() -> None:
    document = HEAD + entry("/d/", directory=True) + entry("/d/a", size=7) + b"</D:multistatus>"
    assert read(document) == [Resource("/d/", True, 0), Resource("/d/a", False, 7)]


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>', "document type"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "document type"),
        (b"<html>", "not a listing"),
        (b"<D:multistatus>", "not XML"),
        (HEAD + b"<a>" * 40, "nested too deep"),
        (HEAD + b"<D:href>" + b"x" * 20_000, "too long"),
        (HEAD + b"\x01", "not XML"),
        (HEAD, "not XML"),
        (b"", "not XML"),
    ],
)
def test_what_no_server_sends_is_refused(document: bytes, why: str) -> None:
    with pytest.raises(BadListing, match=why):
        read(document)


def test_a_listing_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multistatus, "MOST_ENTRIES", 3)
    with pytest.raises(BadListing, match="more than 3 entries"):
        read(HEAD + entry("/a") * 4)
    monkeypatch.setattr(multistatus, "MOST_BYTES", 1 << 20)
    with pytest.raises(BadListing, match="more than 1 MiB"):
        read(HEAD + b"<a/>" * (1 << 19))


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda data: HEAD + data))
def test_any_bytes_are_entries_or_an_error(document: bytes) -> None:
    with suppress(BadListing):
        read(document)


@given(NAMES, st.booleans())
@example("a%20b", False)
@example(" a ", False)
def test_a_name_comes_back_as_it_is(name: str, encoded: bool) -> None:
    path = f"/top/{name}"
    href = quote(os.fsencode(path)) if encoded else path
    (found,) = read(HEAD + entry(href) + b"</D:multistatus>")
    plain = not encoded or is_plain([found.href])
    assert name_below("/top/", path_of(found.href, plain=plain)) == name
    if encoded:
        assert not is_plain([found.href])


@pytest.mark.parametrize(
    "href", ["/top/../etc", "/top/a/b", "/other", "/top/..", "/", "/top/%00", "/top/a%2Fb", "/topa"]
)
def test_what_is_not_in_a_directory_is_not_taken_for_it(href: str) -> None:
    with pytest.raises(BadListing):
        name_below("/top/", path_of(href, plain=False))


def test_a_directory_is_not_in_itself() -> None:
    for href in ("/top", "/top/", "https://host:1/top/"):
        assert name_below("/top/", path_of(href, plain=False)) == ""
