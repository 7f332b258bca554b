"""One location or name as users type it, to a Place."""

from __future__ import annotations

import re
from functools import lru_cache

from goclient.errors import RequestError, quoted
from goclient.model.spec import GRIDFTP, NODE_FILES, Place, endpoint_problem

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CURLY_QUOTES = ("\u201c", "\u201d", "\u201e", "\u2018", "\u2019", "\u201a")  # of web pages and word processors
_HOST = re.compile(r"[A-Za-z0-9._-]+(?::([0-9]{1,5}))?")


def is_uuid(text: str) -> bool:
    """True if the text is the id of a collection."""
    return _UUID.fullmatch(text) is not None


def parse_location(text: str) -> Place:
    """The place that ``ENDPOINT:/path``, ``globus://UUID/path`` or ``gsiftp://host[:port]/path`` names.

    Raises RequestError with the reason.
    """
    endpoint, path, problem = _split(text)
    try:
        if not problem:
            return Place(endpoint=endpoint, path=path)
    except ValueError as error:
        problem = str(error)
    hint = f"write {endpoint}:/{path}" if path and path[0] not in "/~" else "write ENDPOINT:/path"
    raise _wrong(text, problem.replace("type /~/", f"type {endpoint}:/~/"), hint=hint, code="location")


def _wrong(text: str, problem: str, *, hint: str, code: str) -> RequestError:
    """The error of a problem, which says what is wrong and, after a colon, what to do: else that is the hint."""
    what, _, remedy = problem.partition(": ")
    return RequestError(f"{quoted(text)}: {what}", hint=remedy or hint, code=code)


def _split(text: str) -> tuple[str, str, str]:
    """The endpoint and the path of a location, and what is wrong with its form, or the empty string."""
    endpoint, colon, path = text.partition(":")
    if path.startswith("//"):
        if endpoint == "globus":
            return _split_globus(text)
        if endpoint == "gsiftp":
            return _split_gridftp(text)
        if endpoint == "file":
            return endpoint, path, "file:// names no endpoint: give its name, and the path there"
        if endpoint == "gridftp":
            return endpoint, path, "gridftp:// is no scheme of a location: write gsiftp:/" + path[1:]
    if endpoint == "gsiftp" and path:
        return endpoint, path, f"two slashes and a host follow gsiftp: write {GRIDFTP}{path.lstrip('/')}"
    if text.startswith(_CURLY_QUOTES):
        return endpoint, path, f"{text[0]} is no quote for a shell: retype it as ', or leave it out"
    return canonical(endpoint), path, "" if colon else _without_colon(text)


def _without_colon(text: str) -> str:
    """What is wrong with a location that has no colon, and what its writer may have meant."""
    endpoint, slash, path = text.partition("/")
    if not slash and text:
        meant = f": write {text}:/path if that is an endpoint, or @{text} if it is a file with a list"
    else:
        meant = f": write {endpoint}:/{path}" if endpoint not in ("", "~", ".", "..") else ""
    return f"it is not of the form ENDPOINT:/path{meant}"


def _split_globus(text: str) -> tuple[str, str, str]:
    endpoint, slash, rest = text[len("globus://") :].partition("/")
    meant = f": write {endpoint}:{slash}{rest}" if endpoint and slash else ""
    problem = "" if is_uuid(endpoint) else f"globus:// is followed by the UUID of a collection{meant}"
    return endpoint.lower(), slash + rest, problem


def _split_gridftp(text: str) -> tuple[str, str, str]:
    host, slash, rest = text[len(GRIDFTP) :].partition("/")
    valid = _HOST.fullmatch(host)
    right = valid and 0 < int(valid[1] or 1) < 65536
    problem = "" if right else "the host is not gsiftp://host[:port]: write a port from 1 to 65535, or none"
    return GRIDFTP + host.lower(), slash + rest, problem


@lru_cache(1024)
def canonical(endpoint: str) -> str:
    """The name of an endpoint as it is kept: the id of a collection in small letters, anything else as it is."""
    return endpoint.lower() if is_uuid(endpoint) else endpoint


def parse_endpoint(text: str) -> str:
    """The endpoint that ``ENDPOINT``, ``globus://UUID`` or ``gsiftp://host[:port]`` names, without a path.

    Raises RequestError with the reason.
    """
    scheme = text.startswith(("globus://", GRIDFTP, NODE_FILES))
    endpoint, path, problem = _split(f"{text}/" if scheme else f"{text}:/")
    problem = problem or endpoint_problem(endpoint) or ("" if path == "/" else "it has a path, or a colon")
    if problem:
        raise _wrong(text, problem, hint="give the endpoint's name only", code="location")
    return endpoint


def parse_name(text: str, *, below: str = "the job's directory") -> Place:
    """The place in the job's directory that a relative name means; raises RequestError with the reason.

    ``below`` is what the name is relative to, for the error's message.
    """
    path = "/" + text.removeprefix("./")
    problem = f"the name must be relative to {below}" if text.startswith(("/", "~")) else ""
    if not problem and ":/" in text:
        problem = f"it names an endpoint, but this is a name in {below}"
    if not problem and not path.strip("/"):
        problem = "it names nothing"
    try:
        if not problem:
            return Place(endpoint=None, path=path)
    except ValueError as error:
        problem = str(error)
    raise _wrong(text, problem, hint="write a name such as out.root or results/", code="name")


def node_place(path: str) -> Place:
    """The place of a path in the worker node's file system; raises RequestError unless it is absolute."""
    try:
        return Place(endpoint=NODE_FILES, path=path)
    except ValueError as error:
        raise _wrong(path, str(error), hint="write an absolute path on the node", code="location") from error
