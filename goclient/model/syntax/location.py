"""Read one location: ``ENDPOINT:/path``, ``globus://UUID/path``, the URL of a server, or a link of Globus' web page."""

from __future__ import annotations

from goclient.model.endpoint import GLOBUS_SCHEME, URL_ENDPOINTS, is_uuid, read_endpoint
from goclient.model.location import Location
from goclient.model.names import LocationError, Problem
from goclient.model.syntax.web_link import Side, is_link, read_link


def read_location(text: str, side: Side = "origin") -> Location:
    """Return a location; raises LocationError with what is wrong with its form."""
    if is_link(text):
        endpoint, path = read_link(text, side)
        return Location(read_endpoint(endpoint), path)
    endpoint, colon, path = text.partition(":")
    if colon and not path.startswith("//"):
        return Location(read_endpoint(endpoint), path)
    if text.startswith(GLOBUS_SCHEME):
        endpoint, slash, rest = text[len(GLOBUS_SCHEME) :].partition("/")
        if not is_uuid(endpoint):
            raise LocationError(Problem("globus:// is followed by the UUID of a collection, and a path"))
        return Location(read_endpoint(endpoint), slash + rest)
    for kind in URL_ENDPOINTS:
        if text.startswith(kind.scheme):
            host, slash, rest = text[len(kind.scheme) :].partition("/")
            return Location(read_endpoint(f"{kind.scheme}{host}"), slash + rest)
    if not colon:
        raise LocationError(Problem("it is not of the form ENDPOINT:/path", "write ENDPOINT:/path"))
    return Location(read_endpoint(endpoint), path)
