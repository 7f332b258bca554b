"""Transfers of one job: :class:`TransferSpec`, frozen and validated.

A spec is made from what a user typed or from a job record, by ``model/syntax/options.py`` and
``model/syntax/keywords.py`` only, and holds no trace of the syntax that it came from.

This module may not use ``from __future__ import annotations``: pydantic would read each annotation back from its text,
which took a third of the time in which it makes the models, at each start of a command.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import core_schema

from goclient.errors import GoclientError, RequestError, raise_all
from goclient.errors.conditions import NotALocation
from goclient.errors.wording import quote
from goclient.model.endpoint import JOB, Catalogue, Endpoint, read_endpoint
from goclient.model.location import JOB_DIRECTORY, Location, Transfer
from goclient.model.mode import DEFAULT_MODE, Mode
from goclient.model.names import LocationError, endpoint_problem, name_problem
from goclient.model.plan import Phase


def _check_name(name: str) -> str:
    """Return a good name of an endpoint; raise LocationError with what is wrong with a bad one."""
    if problem := endpoint_problem(name):
        raise LocationError(problem)
    return name


def _read_location(document: Any) -> Location:
    text = document["endpoint"]
    return Location(JOB if text is None else read_endpoint(text), document["path"])


def _read_transfer(value: Any) -> Transfer:
    """Return a transfer, or the one that a JSON object of it means."""
    if isinstance(value, Transfer):
        return value
    try:
        return Transfer(_read_location(value["source"]), _read_location(value["destination"]))
    except (KeyError, TypeError, AttributeError) as error:  # which pydantic would let through
        raise ValueError(f"{quote(value)} is not a transfer") from error


def _location_document(location: Location) -> dict[str, str | None]:
    return {"endpoint": None if location.in_job else location.endpoint.text, "path": location.path}


def _transfer_document(transfer: Transfer) -> dict[str, Any]:
    """Return the contract's JSON object of a transfer; the endpoint of the job's directory is null."""
    return {"source": _location_document(transfer.source), "destination": _location_document(transfer.destination)}


class _Plain:
    """Say how pydantic reads a value of ours, and writes it in a document.

    As PlainValidator and PlainSerializer do, but these have pydantic look into the value's class first, which took
    more than half of the time in which it makes the models.
    """

    def __init__(self, read: Callable[[Any], object], write: Callable[[Any], object]) -> None:
        self._read = read
        self._write = write

    def __get_pydantic_core_schema__(self, *_: object) -> core_schema.CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(self._write)
        return core_schema.no_info_plain_validator_function(self._read, serialization=written)


# A job may have a hundred thousand transfers: dataclasses, which pydantic takes as they are.
_Transfers = tuple[Annotated[Transfer, _Plain(_read_transfer, _transfer_document)], ...]
_Mode = Annotated[Mode, _Plain(Mode, str)]
_Endpoint = Annotated[
    Endpoint, _Plain(lambda value: value if isinstance(value, Endpoint) else read_endpoint(value), str)
]


def make_transfer(source: Location, destination: Location) -> Transfer:
    """Return the transfer; raise NotALocation if nothing can have the source's name at the destination."""
    try:
        return Transfer(source, destination)
    except LocationError as error:
        name, place = source.display, destination.display
        message = f"{quote(name)} cannot be written to {quote(place)}: {error.problem.what}"
        raise NotALocation(message, hint=error.problem.remedy, subject=name) from error


_HOST = r"[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\]"
_FROZEN = ConfigDict(frozen=True, extra="forbid")


class MyproxyAccount(BaseModel):
    """Account of a MyProxy server with which a proxy was deposited."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # few jobs have one

    user: str
    host: str
    port: Annotated[int, Field(gt=0, lt=65536)]

    @classmethod
    def read(cls, text: str) -> "MyproxyAccount":
        """Return the account that ``USER@HOST:PORT`` names; raise RequestError for anything else."""
        user, _, server = text.rpartition("@")
        host, _, port = server.rpartition(":")
        digits = port.isascii() and port.isdigit() and len(port) < 6
        if name_problem("user", user) or not re.fullmatch(_HOST, host) or not (digits and 0 < int(port) < 65536):
            message = f"{quote(text)} is not USER@HOST:PORT"
            raise RequestError(message, hint="name the account", code="myproxy")
        return cls(user=user, host=host, port=int(port))

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


class TransferSpec(BaseModel):
    """All transfers of one job.

    ``stage_in`` ends before the payload starts; ``stage_out`` and then ``output`` follow it.  ``working`` is the
    name by which the job's directory goes, and under which the node becomes a Globus Connect endpoint; it is set
    whenever anything is moved.  ``in_mode`` and ``out_mode`` say how that directory is reached before and after the
    payload; ``local_endpoint`` is the server that sees it, if a mode needs one.  ``user`` is the Globus user who
    asks, ``myproxy`` the account with the user's proxy.  ``overwrite`` allows that files which exist at the
    destinations are overwritten.
    """

    model_config = _FROZEN

    stage_in: _Transfers = ()
    stage_out: _Transfers = ()
    output: _Transfers = ()
    working: Annotated[str, AfterValidator(_check_name)] | None = None
    in_mode: _Mode = DEFAULT_MODE
    out_mode: _Mode = DEFAULT_MODE
    local_endpoint: _Endpoint | None = None
    user: str | None = None
    myproxy: MyproxyAccount | None = None
    overwrite: bool = False

    def __bool__(self) -> bool:
        return self.working is not None

    @property
    def phases(self) -> tuple[tuple[Phase, Mode, tuple[Transfer, ...]], ...]:
        """Phases, in order: each with its name, how the job's directory is reached in it, and its moves."""
        return (
            ("stage-in", self.in_mode, self.stage_in),
            ("stage-out", self.out_mode, self.stage_out),
            ("output", self.out_mode, self.output),
        )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> "TransferSpec":
        """Return a copy, which keeps nothing of what was found out about this one, as pydantic's would."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """Every move, in the order in which they happen."""
        return (*self.stage_in, *self.stage_out, *self.output)

    @cached_property
    def outward(self) -> tuple[Transfer, ...]:
        """Moves that end outside the job's directory: a few, where thousands of files are brought into it."""
        brought = JOB_DIRECTORY  # compared first: it is where nearly all go
        return tuple(one for one in self.transfers if one.destination is not brought and not one.destination.in_job)

    @cached_property
    def target_keys(self) -> tuple[str, ...]:
        """Keys of the targets of the transfers, in their order."""
        return tuple([one.target_key for one in self.transfers])

    @cached_property
    def locations(self) -> tuple[Location, ...]:
        """Each source and destination, once, in the order of its first use."""
        found: dict[tuple[str, str], Location] = {}  # by texts, which are compared without a call of Python
        for one in self.transfers:
            for end in (one.source, one.destination):
                found.setdefault((end.endpoint.text, end.path), end)
        return tuple(found.values())

    @property
    def makes_endpoint(self) -> bool:
        """True if the node becomes a Globus Connect endpoint: for a collection's files, or if nothing else is asked."""
        if not any(transfers for _, _, transfers in self.phases):
            return self.working is not None and (self.in_mode.makes_endpoint or self.out_mode.makes_endpoint)
        through = (transfer for _, mode, transfers in self.phases if mode.makes_endpoint for transfer in transfers)
        ends = ((one.source, one.destination) for one in through)
        return any(
            (source.in_job and destination.endpoint.is_globus) or (destination.in_job and source.endpoint.is_globus)
            for source, destination in ends
        )

    @property
    def needs_proxy(self) -> bool:
        """True if the user's proxy acts at an end, which the pilot retrieves with the MyProxy account."""
        return any(one.needs_proxy for one in self.endpoints)

    @cached_property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Each endpoint that a service or server is asked about, once, in the order of its first use."""
        used = (*self._used.values(), *([self.local_endpoint] if self.local_endpoint else []))
        return tuple(dict.fromkeys(one for one in used if one.is_remote))

    @cached_property
    def _used(self) -> dict[int, Endpoint]:
        """Return the objects, by their ids, that are the transfers' endpoints: a few, of which thousands make use."""
        return {id(one): one for move in self.transfers for one in (move.source.endpoint, move.destination.endpoint)}

    def with_endpoints(self, named: Catalogue) -> "TransferSpec":
        """Return the same spec with each endpoint replaced by the one of that name, if there is one.

        The new ones keep what was typed for them.  Raises NotALocation if one has no such path.
        """
        found = {one: read_endpoint(named[one.text].text, one.display) for one in self.endpoints if one.text in named}
        return self._replace_endpoints(found)

    def show_names(self, named: Catalogue) -> "TransferSpec":
        """Return the same spec whose endpoints are shown with their names, if they have one."""
        shown = {one: one for one in named.values()}  # equal ones may be shown in two ways
        return self._replace_endpoints({one: shown[one] for one in self.endpoints if one in shown})

    def _replace_endpoints(self, wanted: Mapping[Endpoint, Endpoint]) -> "TransferSpec":
        if not wanted:
            return self
        new = {key: wanted.get(old, old) for key, old in self._used.items()}

        def move(old: Location) -> Location:
            endpoint = new[id(old.endpoint)]
            if endpoint is old.endpoint:
                return old
            try:
                return old.on(endpoint)
            except LocationError as error:
                message = f"{quote(old.display)}: {error.problem.what}: it is {endpoint.title}"
                raise NotALocation(message, hint=error.problem.remedy, subject=old.display) from error

        spec = self.with_locations(move)
        local = self.local_endpoint and wanted.get(self.local_endpoint, self.local_endpoint)
        replaced = spec.model_copy(update={"local_endpoint": local})
        replaced.__dict__["_used"] = {id(one): one for one in new.values()}  # as it would find out
        return replaced

    def with_locations(self, replaced: Callable[[Location], Location]) -> "TransferSpec":
        """Return the same spec with each location replaced by what ``replaced`` gives for it.

        Raises NotALocation for each transfer that cannot be made of the new ones.
        """
        errors: list[GoclientError] = []

        def transfers(old: tuple[Transfer, ...]) -> Iterator[Transfer]:
            for one in old:
                try:
                    yield make_transfer(replaced(one.source), replaced(one.destination))
                except NotALocation as error:
                    errors.append(error)

        phases = {"stage_in": self.stage_in, "stage_out": self.stage_out, "output": self.output}
        update = {name: tuple(transfers(old)) for name, old in phases.items()}
        raise_all(errors)
        return self.model_copy(update=update)
