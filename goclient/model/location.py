"""Locations, and transfers from one to another.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from goclient.model.endpoint import JOB, Endpoint, JobDirectory, NodeFiles
from goclient.model.names import LocationError, path_problem

NO_FILES = ("/proc", "/sys", "/dev")  # where a node shows its processes and devices: what is there is not copied
JOB_OUT = "job.out"  # the pilot has the payload's output in it, in the job's directory


def close_path(path: str) -> str:
    """Return a path without double slashes, and with one at its end: what is below it begins with it."""
    path = re.sub("/+", "/", path) if "//" in path else path
    return path if path.endswith("/") else f"{path}/"


def _last_part(path: str) -> str:
    """Return the last part of a path; the slash of ``${SN/P}`` parts nothing."""
    if "${SN/P}" in path:
        return _last_part(path.replace("${SN/P}", "${SN\0P}")).replace("\0", "/")
    return path.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True)
class Location:
    """A path on an endpoint; a final ``/`` says that the path is a directory.

    Raises LocationError with the reason if that path cannot be there.
    """

    endpoint: Endpoint
    path: str

    def __post_init__(self) -> None:
        endpoint, path = self.endpoint, self.path
        problem = path_problem(path, reads_home=endpoint.reads_home, has_home=endpoint.has_home)
        problem = problem or endpoint.path_problem(path)
        if problem is not None:
            raise LocationError(problem)

    def __hash__(self) -> int:
        return hash(self.path)  # it is kept, that of an endpoint is not

    @property
    def in_job(self) -> bool:
        """True if it is in the job's own directory."""
        return isinstance(self.endpoint, JobDirectory)

    @property
    def on_node(self) -> bool:
        """True if it is in the worker node's file system."""
        return isinstance(self.endpoint, NodeFiles)

    @property
    def no_files_of(self) -> str | None:
        """Name of NO_FILES that it is in on the node, if it is in one; links are not followed."""
        path = f"/{self.path.lstrip('/')}/"
        return next((top for top in NO_FILES if path.startswith(f"{top}/")), None) if self.on_node else None

    @property
    def is_directory(self) -> bool:
        """True if the path says so by its final slash."""
        return self.path.endswith("/")

    @property
    def name(self) -> str:
        """Last part of the path, without a slash at its end."""
        last = self.path.rpartition("/")[2]
        if last and last != "~" and "$" not in self.path:
            return last
        return "" if self.path.rstrip("/") == "/~" else _last_part(self.path)  # a home directory has no name of its own

    @property
    def directory(self) -> str:
        """Directory of the path's last part, with a slash at its end."""
        return self.path.rstrip("/").removesuffix(_last_part(self.path)) or "/"

    @property
    def display(self) -> str:
        """Location as a person knows it, with what was typed for the endpoint."""
        return self.endpoint.show(self.path)

    @property
    def as_directory(self) -> Location:
        """Same location, its path written as a directory."""
        return self if self.is_directory else self.with_path(f"{self.path}/")

    def is_in(self, other: Location) -> bool:
        """Return True if it is another location, or is below it."""
        return self.endpoint == other.endpoint and is_in(self.path, other.path)

    def with_path(self, path: str) -> Location:
        """Return the location of another path on the same endpoint."""
        return Location(self.endpoint, path)

    def on(self, endpoint: Endpoint) -> Location:
        """Return the location of the same path on another endpoint."""
        if type(endpoint) is not type(self.endpoint) or self.path.startswith("//"):
            return Location(endpoint, self.path)
        moved = object.__new__(Location)  # the rules for its path are the same, and there may be a hundred thousand
        object.__setattr__(moved, "endpoint", endpoint)  # not in its dict: each would have one, and be read slower
        object.__setattr__(moved, "path", self.path)
        return moved

    def __str__(self) -> str:
        return self.endpoint.write(self.path)


def is_in(path: str, other: str) -> bool:
    """Return True if a path of an endpoint is another one of it, or is below that."""
    return close_path(path).startswith(close_path(other))


def directory_problem(endpoint: Endpoint, path: str) -> str:
    """Return what is wrong with the absolute path of a directory for all jobs, and what to write; or nothing."""
    if not path.startswith("/"):
        return "it is not an absolute path"
    if "$" in path:
        return "it has a $, which nothing replaces here: write what it stands for"
    try:
        Location(endpoint, path)
    except LocationError as error:
        what, remedy, instead = error.problem
        return f"{what}: write {instead}" if instead else f"{what}: {remedy}" if remedy else what
    return ""


JOB_DIRECTORY = Location(JOB, "/")


@dataclass(frozen=True)
class Transfer:
    """One source and where it goes: into ``destination`` if that is a directory, else under that new name.

    Raises LocationError with the reason if nothing can be written there under that name.
    """

    source: Location
    destination: Location

    def __post_init__(self) -> None:
        endpoint = self.destination.endpoint
        if not endpoint.keeps_names and (problem := endpoint.target_problem(self.target_path)) is not None:
            raise LocationError(problem)

    @property
    def target_path(self) -> str:
        """Path that the source will have: the destination's, joined with the source's name for a directory."""
        path = self.destination.path
        if not path.endswith("/"):
            return path
        name = self.source.name
        return f"{path.rstrip('/')}/{name}{'/' if name and self.source.path.endswith('/') else ''}"

    @property
    def target_key(self) -> str:
        """Endpoint and path of the target in one text: two transfers of one text write one place."""
        path = self.source.path
        if self.destination is JOB_DIRECTORY and "$" not in path and (name := path.rpartition("/")[2]) not in ("", "~"):
            return f"\n/{name}/"  # as below, in a third of the time: nearly all of a hundred thousand go there
        return f"{self.destination.endpoint.text}\n{close_path(self.target_path)}"

    @cached_property
    def target(self) -> Location:
        """Location that the source will have."""
        return self.destination.with_path(self.target_path)
