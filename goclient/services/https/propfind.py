"""Ask a WebDAV server what is at a path, and below it (RFC 4918, 9.1)."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPResponse

from goclient.errors import EndpointError
from goclient.errors.wording import quote
from goclient.services.https.client import HttpFiles, Place
from goclient.services.https.connection import PIECE, Request, Text
from goclient.services.https.multistatus import PROPERTIES, BadListing, MultiStatus, Resource


def find_resources(http: HttpFiles, place: Place, *, depth: int) -> list[Resource]:
    """Return what a PROPFIND tells of a path, and with the depth 1 of all directly below it."""

    def ask() -> list[Resource]:
        found: list[Resource] = []
        parser = MultiStatus(found.append)
        request = Request("PROPFIND", place.target, {"Depth": str(depth), "Content-Type": "text/xml"}, Text(PROPERTIES))
        with http.answer(place, request) as connection:

            def read(response: HTTPResponse, allow: Callable[[], None]) -> None:
                piece = b"-"
                while piece:
                    allow()
                    piece = response.read(PIECE)
                    if not piece and response.length:
                        raise ConnectionAbortedError
                    parser.feed(piece, last=not piece)

            try:
                connection.read(read)
            except BadListing as error:
                raise unusable_listing(place, str(error)) from error
        return found

    return http.insist(ask)


def unusable_listing(place: Place, why: str) -> EndpointError:
    """Return the error of a listing that is not what WebDAV has."""
    return EndpointError(
        f"{quote(place.shown)}: the listing of the {place.access.server.named} cannot be used: {why}",
        hint="check that it is a WebDAV server", code="webdav-listing", subject=place.shown,
    )  # fmt: skip
