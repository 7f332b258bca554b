"""What a job moves: :class:`TransferSpec` and its parts, frozen.

A spec is made from what a user typed or from a job record, by ``model/syntax/options.py`` and
``model/syntax/keywords.py`` only, and holds no trace of the syntax that it came from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from goclient.model.names import LocationError, Problem, endpoint_problem, name_problem, path_problem, url_problem

GRIDFTP = "gsiftp://"  # an endpoint that is a GridFTP server is written gsiftp://host or gsiftp://host:port
NODE_FILES = "file://"  # the worker node's own file system, from and to which the mode "local" copies
NO_FILES = ("/proc", "/sys", "/dev")  # where a node shows its processes and devices: what is there is not copied

JOB_OUT = "job.out"  # the pilot has the payload's output in it, in the job's directory

# How a job's directory is reached: the Globus Connect that the job makes, a server that sees it, or not at all,
# because files are copied on the node.  The words are those of the globusPilot of 2012.
Mode = Literal["gc", "server", "local"]
MODES: tuple[Mode, ...] = ("gc", "server", "local")
Phase = Literal["stage-in", "stage-out", "output"]


def _home_problem(path: str) -> Problem | None:
    """Return what is wrong with a path in the job's directory or on the node, where nobody has a home directory."""
    if path != "/~" and not path.startswith("/~/"):
        return None
    return Problem("there is no home directory there", "leave out the ~")


def _parts(path: str) -> tuple[str, str]:
    """The folder of a path, with a slash at its end, and its last part; the slash of ``${SN/P}`` parts nothing."""
    numbered = "${SN/P}" in path
    whole = (path.replace("${SN/P}", "${SN\0P}") if numbered else path).rstrip("/")
    folder, _, name = whole.rpartition("/")
    if whole == "/~":  # a home directory has no name of its own
        name = ""
    return (f"{folder}/".replace("\0", "/"), name.replace("\0", "/")) if numbered else (f"{folder}/", name)


@dataclass(frozen=True, slots=True)
class Location:
    """A path on an endpoint; ``endpoint`` None is the job's own directory, whose root ``/`` is that directory.

    The endpoint NODE_FILES is the worker node's file system.  A final ``/`` says that the path is a directory.
    Raises PlaceError with the reason for what is no endpoint or no path.
    """

    endpoint: str | None
    path: str

    def __post_init__(self) -> None:
        problem = endpoint_problem(self.endpoint) if self.endpoint is not None else None
        problem = problem or path_problem(self.path)
        if problem is None and self.endpoint and self.path.startswith("//"):
            problem = url_problem(self.endpoint, self.path)
        if problem is None and self.endpoint in (None, NODE_FILES):
            problem = _home_problem(self.path)
        if problem is not None:
            raise LocationError(problem)

    @property
    def no_files_of(self) -> str | None:
        """Return which of NO_FILES it is in on the node, if in any; links are not followed."""
        if self.endpoint != NODE_FILES:
            return None
        path = f"/{self.path.lstrip('/')}/"
        return next((top for top in NO_FILES if path.startswith(f"{top}/")), None)

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
        if self.endpoint.startswith((GRIDFTP, NODE_FILES)):
            return self.endpoint + self.path
        return f"{self.endpoint}:{self.path}"


JOB_DIRECTORY = Location(endpoint=None, path="/")


@dataclass(frozen=True, slots=True)
class Transfer:
    """One source and where it goes: into ``destination`` if that is a directory, else under that new name."""

    source: Location
    destination: Location

    @property
    def target_path(self) -> str:
        """The path that the source will have: the destination's, joined with the source's name for a directory."""
        path, source = self.destination.path, self.source.path
        if not path.endswith("/"):
            return path
        name = _parts(source)[1]
        return f"{path.rstrip('/')}/{name}{'/' if name and source.endswith('/') else ''}"

    @property
    def target(self) -> Location:
        """The place that the source will have."""
        return Location(endpoint=self.destination.endpoint, path=self.target_path)


def _checked(problem: Callable[[str], Problem | None]) -> AfterValidator:
    """Return a check of a field by what is wrong with its value."""

    def check(value: str) -> str:
        if found := problem(value):
            raise LocationError(found)
        return value

    return AfterValidator(check)


_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\]")
_FROZEN = ConfigDict(frozen=True, extra="forbid")


class MyproxyAccount(BaseModel):
    """The account of a MyProxy server with which a proxy was deposited."""

    model_config = _FROZEN

    user: str
    host: str
    port: Annotated[int, Field(gt=0, lt=65536)]

    @classmethod
    def read(cls, text: str) -> MyproxyAccount | None:
        """Return the account that ``USER@HOST:PORT`` names, None for anything else."""
        user, _, server = text.rpartition("@")
        host, _, port = server.rpartition(":")
        digits = port.isascii() and port.isdigit() and len(port) < 6
        if name_problem("user", user) or not _HOST.fullmatch(host) or not (digits and 0 < int(port) < 65536):
            return None
        return cls(user=user, host=host, port=int(port))

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


class TransferSpec(BaseModel):
    """All transfers of one job.

    ``stage_in`` ends before the payload starts; ``stage_out`` and then ``output`` follow it.  ``working`` is the
    name by which the job's directory goes, and under which the node becomes a Globus Connect endpoint; it is set
    whenever anything is moved.  ``in_mode`` and ``out_mode`` say how that directory is reached before and after the
    payload; ``local_endpoint`` is the server that sees it, if a mode is ``server``.  ``user`` is the Globus user who
    asks, ``myproxy`` the account with the user's proxy.  ``overwrite`` allows that files which exist at the
    destinations are overwritten.
    """

    model_config = _FROZEN

    stage_in: tuple[Transfer, ...] = ()
    stage_out: tuple[Transfer, ...] = ()
    output: tuple[Transfer, ...] = ()
    working: Annotated[str, _checked(endpoint_problem)] | None = None
    in_mode: Mode = "gc"
    out_mode: Mode = "gc"
    local_endpoint: Annotated[str, _checked(endpoint_problem)] | None = None
    user: str | None = None
    myproxy: MyproxyAccount | None = None
    overwrite: bool = False

    def __bool__(self) -> bool:
        return self.working is not None

    @property
    def phases(self) -> tuple[tuple[Phase, Mode, tuple[Transfer, ...]], ...]:
        """What happens, in order: each phase, how the job's directory is reached in it, and its moves."""
        return (
            ("stage-in", self.in_mode, self.stage_in),
            ("stage-out", self.out_mode, self.stage_out),
            ("output", self.out_mode, self.output),
        )

    @property
    def transfers(self) -> Iterator[Transfer]:
        """Every move, in the order in which they happen."""
        yield from self.stage_in
        yield from self.stage_out
        yield from self.output

    @property
    def makes_endpoint(self) -> bool:
        """True if the node becomes a Globus Connect endpoint: files pass through it, or nothing else is asked for."""
        if not any(transfers for _, _, transfers in self.phases):
            return self.working is not None and "gc" in (self.in_mode, self.out_mode)
        through = (transfer for _, mode, transfers in self.phases if mode == "gc" for transfer in transfers)
        return any(transfer.source.endpoint is None or transfer.destination.endpoint is None for transfer in through)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Each endpoint once, in the order of its first use; without the node's own."""
        locations = (
            location.endpoint for transfer in self.transfers for location in (transfer.source, transfer.destination)
        )
        own = (None, NODE_FILES)
        return tuple(dict.fromkeys(endpoint for endpoint in (*locations, self.local_endpoint) if endpoint not in own))

    def with_endpoints(self, names: dict[str, str]) -> TransferSpec:
        """The same spec with each endpoint replaced by what ``names`` gives for it, if anything."""
        wanted = {name: names[name] for name in self.endpoints if name in names}

        def renamed(old: Location) -> Location:
            return Location(endpoint=wanted[old.endpoint], path=old.path) if old.endpoint in wanted else old

        spec = self.with_locations(renamed) if wanted else self
        local = wanted.get(self.local_endpoint or "", self.local_endpoint)
        return spec if local == self.local_endpoint else spec.model_copy(update={"local_endpoint": local})

    def with_locations(self, location: Callable[[Location], Location]) -> TransferSpec:
        """The same spec with each place replaced by what ``place`` gives for it."""

        def transfers(old: tuple[Transfer, ...]) -> tuple[Transfer, ...]:
            return tuple(Transfer(source=location(m.source), destination=location(m.destination)) for m in old)

        phases = {"stage_in": self.stage_in, "stage_out": self.stage_out, "output": self.output}
        return self.model_copy(update={name: transfers(old) for name, old in phases.items()})
