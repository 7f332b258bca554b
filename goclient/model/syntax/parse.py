"""Parse what a user types for a location, an endpoint or a name; a mistake is told with what to write instead."""

from __future__ import annotations

from goclient.errors import RequestError
from goclient.errors.conditions import NotALocation, NotAName
from goclient.errors.wording import quote
from goclient.model.endpoint import GLOBUS_SCHEME, JOB, NODE, SCHEMES, URL_FORMS, Endpoint
from goclient.model.location import Location
from goclient.model.names import LocationError, Problem, endpoint_problem, name_problem
from goclient.model.syntax.location import read_location
from goclient.model.syntax.shell import shell_word
from goclient.model.syntax.web_link import Side, is_link


def parse_destination(text: str) -> Location:
    """Return a location, where a link of Globus' web application means the right side, if it has one."""
    return parse_location(text, "destination")


def parse_location(text: str, side: Side = "origin") -> Location:
    """Return the location that ``ENDPOINT:/path``, ``globus://UUID/path`` or a server's URL names.

    A link of Globus' web application is read as a side of its file manager, the left one, unless another is given.
    Raises RequestError with the reason.
    """
    try:
        return read_location(text, side)
    except LocationError as error:
        from goclient.model.syntax.misread import location_problem  # 1 ms, which mistakes alone cost

        problem = error.problem if is_link(text) else location_problem(text, error.problem)
        raise refuse(text, problem) from error


def refuse(text: str, problem: Problem, kind: type[RequestError] = NotALocation) -> RequestError:
    """Return the error of a text with a problem; the hint has what to write instead, as a shell takes it."""
    hint = problem.remedy
    if problem.instead:
        hint = f"write {shell_word(problem.instead)}" + (f" ({problem.remedy})" if problem.remedy else "")
    return kind(f"{quote(text)}: {problem.what}", hint=hint)


def parse_endpoint(text: str) -> Endpoint:
    """Return the endpoint that ``ENDPOINT``, ``globus://UUID`` or a server's URL names, without a path.

    Raises RequestError with the reason.
    """
    scheme = text.startswith((GLOBUS_SCHEME, *SCHEMES, NODE.text))
    problem = Problem("it has a path, or a colon")
    try:
        location = read_location(f"{text}/" if scheme else f"{text}:/")
        if location.path == "/" and not location.in_job:
            return location.endpoint
    except LocationError as error:
        of_path = error.problem.instead and error.problem != endpoint_problem(text)
        problem = problem if of_path else error.problem
    from goclient.model.syntax.misread import endpoint_of  # as in parse_location

    instead, remedy = endpoint_of(text) or problem.instead, "give the name of the endpoint only"
    if "://" in text and not instead:
        remedy = f"write the name or the UUID of a Globus collection, {URL_FORMS}"
    raise refuse(text, Problem(problem.what, remedy, instead))


def parse_name(text: str, *, below: str = "the job's directory") -> Location:
    """Return the location in the job's directory that a relative name means; raises RequestError with the reason.

    ``below`` is what the name is relative to, for the error's message.
    """
    path = "/" + text.removeprefix("./")
    problem = None
    if text.startswith(("/", "~")):
        problem = Problem(f"the name must be relative to {below}")
    elif ":/" in text:
        problem = Problem(f"it names an endpoint, but this is a name in {below}")
    elif not path.strip("/"):
        problem = Problem("it names nothing")
    try:
        if problem is None:
            return Location(JOB, path)
    except LocationError as error:
        problem = error.problem
    from goclient.model.syntax.misread import name_of  # as in parse_location

    instead = name_of(text)
    remedy = "" if instead else "write a name such as out.root or results/"
    raise refuse(text, Problem(problem.what, remedy, instead), NotAName)


def node_location(path: str) -> Location:
    """Return the location of a path in the worker node's file system; raises RequestError unless it is absolute."""
    try:
        return Location(NODE, path)
    except LocationError as error:
        what = Problem(error.problem.what, "an absolute path on the node", error.problem.instead)
        raise refuse(path, what if "~" not in path else Problem(what.what, what.remedy)) from error


def own_location(text: str, location: Location) -> Location:
    """Return a location on the working endpoint, in the job's directory; raises RequestError with the reason."""
    try:
        return Location(JOB, location.path)
    except LocationError as error:
        raise refuse(text, error.problem) from error


def check_user(text: str) -> str:
    """Return the name of a Globus user; raises RequestError with the reason for a bad one."""
    if problem := name_problem("user", text):
        raise RequestError(f"{quote(text)}: {problem}", hint="give the name of a Globus user", code="user")
    return text
