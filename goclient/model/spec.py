"""What a job moves: :class:`TransferSpec` and its parts, frozen.

A spec is made by ``model/grammar.py`` only, from what a user typed or from a job record, and holds no
trace of the syntax that it came from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

GRIDFTP = "gsiftp://"  # an endpoint that is a GridFTP server is written gsiftp://host or gsiftp://host:port

# The serial number of a job among its siblings, as JEDI writes it: plain, and padded to six digits.
SERIAL_NUMBERS = ("${SN}", "${SN/P}")

# What the server replaces in jobParameters when a job is stored (server 1.0.4, job_complex_module).
SERVER_PLACEHOLDERS = ("$JOBSETID", "$JEDITASKID")

# What only JEDI replaces, when it makes the jobs of a task (server 1.0.4, JobGenerator).
TASK_PLACEHOLDERS = (
    "${ATTEMPTNR}",
    "${RNDMSEED}",
    "${MAXEVENTS}",
    "${SKIPEVENTS}",
    "${FIRSTEVENT}",
    "${SURL}",
)

PLACEHOLDERS = SERIAL_NUMBERS + SERVER_PLACEHOLDERS + TASK_PLACEHOLDERS
_PLACEHOLDER = re.compile("|".join(map(re.escape, PLACEHOLDERS)))


def path_problem(path: str) -> str:
    """What is wrong with an absolute path or one below ``/~/``, or the empty string."""
    if not _is_text(path):
        return "it has a control character, or is not valid Unicode"
    if path.startswith("~"):
        return f"a home directory is written /~/: type /{path}"
    if not path.startswith("/"):
        return "the path must begin with / (or /~/ for the home directory)"
    if not {".", ".."}.isdisjoint(path.split("/")):
        return "it has a . or .. in it: write the path that you mean"
    if "$" in path and "$" in _PLACEHOLDER.sub("", path):
        return f"it has a $ that is none of {' '.join(PLACEHOLDERS)}: the server would try to evaluate it"
    return ""


def _is_text(text: str) -> bool:
    return not any(ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 for c in text)


def endpoint_problem(endpoint: str) -> str:
    """What is wrong with the name of an endpoint, or the empty string."""
    if not endpoint.strip():
        return "the endpoint has no name"
    if not _is_text(endpoint):
        return "the endpoint has a control character, or is not valid Unicode"
    if len(endpoint) > 256:
        return "the endpoint's name is longer than 256 characters"
    return ""


def _checked(problem: Callable[[str], str]) -> AfterValidator:
    def check(value: str) -> str:
        if found := problem(value):
            raise ValueError(found)
        return value

    return AfterValidator(check)


_FROZEN = ConfigDict(frozen=True, extra="forbid")


def _parts(path: str) -> tuple[str, str]:
    """The folder of a path and its last part; the slash of ``${SN/P}`` parts nothing."""
    whole = path.replace("${SN/P}", "${SN\0P}").rstrip("/")
    folder, _, name = whole.rpartition("/")
    name = "" if whole == "/~" else name  # a home directory has no name of its own
    return f"{folder}/".replace("\0", "/"), name.replace("\0", "/")


class Place(BaseModel):
    """A path on an endpoint; ``endpoint`` None is the job's own directory, whose root ``/`` is that directory.

    A final ``/`` says that the path is a directory.
    """

    model_config = _FROZEN

    endpoint: Annotated[str, _checked(endpoint_problem)] | None
    path: Annotated[str, _checked(path_problem)]

    @property
    def is_directory(self) -> bool:
        """True if the path says so by its final slash."""
        return self.path.endswith("/")

    @property
    def name(self) -> str:
        """The last part of the path, without a slash at its end."""
        return _parts(self.path)[1]

    @property
    def folder(self) -> str:
        """The directory in which the path's last part is, with a slash at its end."""
        return _parts(self.path)[0]

    def __str__(self) -> str:
        if self.endpoint is None:
            return self.path[1:]
        return self.endpoint + self.path if self.endpoint.startswith(GRIDFTP) else f"{self.endpoint}:{self.path}"


JOB_DIRECTORY = Place(endpoint=None, path="/")


class Move(BaseModel):
    """One source and where it goes: into ``destination`` if that is a directory, else under that new name."""

    model_config = _FROZEN

    source: Place
    destination: Place

    @property
    def target(self) -> Place:
        """The place that the source will have: the destination, joined with the source's name for a directory."""
        if not self.destination.is_directory:
            return self.destination
        end = "/" if self.source.is_directory and self.source.name else ""
        folder = self.destination.path.rstrip("/")
        return Place(endpoint=self.destination.endpoint, path=f"{folder}/{self.source.name}{end}")


class TransferSpec(BaseModel):
    """All transfers of one job.

    ``stage_in`` ends before the payload starts; ``stage_out`` and then ``output`` follow it.  ``working`` is the
    name under which the job's node becomes a Globus Connect endpoint; it is set whenever anything is moved.
    ``overwrite`` allows that files which exist at the destinations are overwritten.
    """

    model_config = _FROZEN

    stage_in: tuple[Move, ...] = ()
    stage_out: tuple[Move, ...] = ()
    output: tuple[Move, ...] = ()
    working: Annotated[str, _checked(endpoint_problem)] | None = None
    overwrite: bool = False

    def __bool__(self) -> bool:
        return self.working is not None

    @property
    def moves(self) -> Iterator[Move]:
        """Every move, in the order in which they happen."""
        yield from self.stage_in
        yield from self.stage_out
        yield from self.output

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Each endpoint once, in the order of its first use; without the node's own."""
        places = (place for move in self.moves for place in (move.source, move.destination))
        return tuple(dict.fromkeys(place.endpoint for place in places if place.endpoint is not None))

    def with_endpoints(self, names: dict[str, str]) -> TransferSpec:
        """The same spec with each endpoint replaced by what ``names`` gives for it, if anything."""

        def renamed(old: Place) -> Place:
            if old.endpoint is None or old.endpoint not in names:
                return old
            return Place(endpoint=names[old.endpoint], path=old.path)

        return self.with_places(renamed)

    def with_places(self, place: Callable[[Place], Place]) -> TransferSpec:
        """The same spec with each place replaced by what ``place`` gives for it."""

        def moves(old: tuple[Move, ...]) -> tuple[Move, ...]:
            return tuple(Move(source=place(m.source), destination=place(m.destination)) for m in old)

        return TransferSpec(
            stage_in=moves(self.stage_in),
            stage_out=moves(self.stage_out),
            output=moves(self.output),
            working=self.working,
            overwrite=self.overwrite,
        )
