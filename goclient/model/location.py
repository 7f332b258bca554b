"""One location or name as users type it, to a Place."""

from __future__ import annotations

import re

from goclient.errors import RequestError, quoted
from goclient.model.spec import GRIDFTP, Place, endpoint_problem, path_problem

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


_HOST = re.compile(r"[A-Za-z0-9._-]+(?::([0-9]{1,5}))?")


def is_uuid(text: str) -> bool:
    """True if the text is the id of a collection."""
    return _UUID.fullmatch(text) is not None


def parse_location(text: str) -> Place:
    """The place that ``ENDPOINT:/path``, ``globus://UUID/path`` or ``gsiftp://host[:port]/path`` names.

    Raises RequestError with the reason.
    """
    if text.startswith("globus://"):
        endpoint, slash, rest = text[len("globus://") :].partition("/")
        problem = "" if is_uuid(endpoint) else "globus:// is followed by the UUID of a collection"
        endpoint, path = endpoint.lower(), slash + rest
    elif text.startswith(GRIDFTP):
        host, slash, rest = text[len(GRIDFTP) :].partition("/")
        valid = _HOST.fullmatch(host)
        problem = "" if valid and 0 < int(valid[1] or 1) < 65536 else "the host is not gsiftp://host[:port]"
        endpoint, path = GRIDFTP + host.lower(), slash + rest
    else:
        endpoint, colon, path = text.partition(":")
        problem = "" if colon else "it is not of the form ENDPOINT:/path"
        endpoint = endpoint.lower() if is_uuid(endpoint) else endpoint
    problem = problem or endpoint_problem(endpoint) or path_problem(path)
    if problem:
        raise RequestError(f"{quoted(text)}: {problem}", hint="write ENDPOINT:/path", code="location")
    return Place(endpoint=endpoint, path=path)


def parse_name(text: str) -> Place:
    """The place in the job's directory that a relative name means; raises RequestError with the reason."""
    path = "/" + text.removeprefix("./")
    problem = "the name must be relative to the job's directory" if text.startswith(("/", "~")) else path_problem(path)
    if not problem and ":/" in text:
        problem = "it names an endpoint, but this is a name in the job's directory"
    if not problem and not path.strip("/"):
        problem = "it names nothing"
    if problem:
        raise RequestError(f"{quoted(text)}: {problem}", hint="write a name such as out.root or results/", code="name")
    return Place(endpoint=None, path=path)
