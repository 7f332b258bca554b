"""The checks of endpoints: each is asked for once, by its name or its id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from goclient.config.catalogue_toml import command
from goclient.errors import EndpointError, Finding, GoclientError, LoginNeeded, quoted
from goclient.model.endpoint import JOB, Endpoint, GlobusEndpoint, UrlEndpoint, is_uuid, read_endpoint
from goclient.model.spec import TransferSpec
from goclient.model.syntax.options import DEFAULT_WORKING
from goclient.services.deadline import Background
from goclient.services.parallel import Parallel

if TYPE_CHECKING:
    from goclient.services.globus.collection import Collection
    from goclient.services.globus.sdk import Globus


PATIENCE = 2.0  # seconds for what only a warning comes of, once all else is known


class Endpoints:
    """The checks of the endpoints of one preflight; keeps what was found, by the name that was typed."""

    def __init__(self, globus: Globus, parallel: Parallel, catalogue: Mapping[str, str]) -> None:
        self._globus = globus
        self._parallel = parallel
        self._catalogue = catalogue
        self.ids: dict[str, str] = {}
        self.collections: dict[str, Collection] = {}
        self._seen: dict[str, Collection] = {}  # those that cannot be used, too, by the name that was typed

    def findings(self, spec: TransferSpec) -> list[Finding]:
        """A finding for each endpoint of a spec, in order; and warnings of those that the job's directory is at."""
        names, own = [one.text for one in spec.endpoints], _name_to_make(spec)
        beside = [(name, Background(partial(self.identify, name))) for name in own]
        wanted = [name for name in names if not self._is_gridftp(name)]
        asked = self._parallel.map(self.identify, list(dict.fromkeys(wanted)))
        found = [self._gridftp(name) if self._is_gridftp(name) else self._finding(name, asked[name]) for name in names]
        local = spec.local_endpoint.text if spec.local_endpoint else ""
        server = self.collections.get(self.ids.get(local, ""))
        if server is not None and server.is_personal and server.owner_id != self._globus.identity:
            found.append(_somebody_elses(local, server))
        return [*found, *(one for name, aside in beside for one in self._to_make(name, aside))]

    def _to_make(self, name: str, aside: Background[Collection]) -> Iterator[Finding]:
        """A warning if there is an endpoint of the name that is still to be made, or if that is not known."""
        try:
            there = aside.result(min(PATIENCE, self._parallel.seconds_left()))
            yield _taken(name, there, usable=_problem(name, there, self._globus.identity) is None)
        except LoginNeeded:
            return  # it is told of the others
        except GoclientError as error:
            if error.code == "ambiguous-endpoint":
                yield _taken(name, None, usable=False)
            elif error.code != "endpoint-not-found":
                yield _unlooked(name, error.message)
        except TimeoutError:
            yield _unlooked(name, "Globus has not answered in time")

    def _meant(self, name: str) -> str:
        return self._catalogue.get(name, name)

    def _is_gridftp(self, name: str) -> bool:
        return isinstance(read_endpoint(self._meant(name)), UrlEndpoint)

    def identify(self, name: str) -> Collection:
        """The collection that a name means, asked for now; raises EndpointError if there is none, or several."""
        meant = self._meant(name)
        if is_uuid(meant):
            return self._globus.collection(GlobusEndpoint(meant, name))
        return self._globus.resolve(name, known=self._catalogue)

    def _gridftp(self, name: str) -> Finding:
        self.ids[name] = self._meant(name)
        message = f"{quoted(name)} is a GridFTP server: it cannot be checked from here, nor does our pilot reach it"
        return Finding("warning", "unchecked", name, message, "name a Globus collection of that storage")

    def _finding(self, name: str, found: Collection | GoclientError) -> Finding:
        if isinstance(found, GoclientError):
            if found.code == "endpoint-not-found" and name in self._catalogue:
                mend = command("remove", name)
                found = found.replace(hint=f"the catalogue says {self._catalogue[name]}; to mend that, type: {mend}")
            return found.finding
        self._seen[name] = found
        if problem := _problem(name, found, self._globus.identity):
            return problem.finding
        self.ids[name] = found.id
        self.collections[found.id] = found
        message = (
            f"{name} is {found.name or found.canonical_name}, {found.kind} of {found.owner or 'nobody'}, {found.id}"
        )
        return Finding("ok", "endpoint", name, message)

    def personal_ends(self, spec: TransferSpec, *, allowed: bool) -> Iterator[Finding]:
        """An error for each pair of Globus Connect Personal endpoints between which files would go.

        The job's own endpoint is one.  In 2012 such a transfer was impossible; now it needs a subscription.
        """
        pairs = dict.fromkeys(
            (transfer.source.endpoint, transfer.destination.endpoint)
            for _, mode, transfers in spec.phases
            if mode != "local"
            for transfer in transfers
            if self._is_personal(transfer.source.endpoint, mode)
            and self._is_personal(transfer.destination.endpoint, mode)
        )
        for pair in pairs if not allowed else ():
            ends = [end.text for end in pair if end.is_remote]
            if any(self._seen[end].subscribed for end in ends):
                continue
            named = " and ".join(map(quoted, ends)) + (" and the node's own" if JOB in pair else "")
            error = EndpointError(
                f"files cannot go between two Globus Connect Personal endpoints without a subscription: {named}",
                hint="use a collection of a server at one end, or say --goAllowPersonal if there is a subscription",
                code="personal-ends",
                subject=ends[0],
            )
            yield error.finding

    def _is_personal(self, endpoint: Endpoint, mode: str) -> bool:
        if endpoint == JOB:
            return mode == "gc"
        return endpoint.text in self._seen and self._seen[endpoint.text].is_personal


def _name_to_make(spec: TransferSpec) -> tuple[str, ...]:
    """The name that the user gave the endpoint which the job makes, if any."""
    name = spec.working
    return (name,) if spec.makes_endpoint and name is not None and name != DEFAULT_WORKING else ()


def _taken(name: str, there: Collection | None, *, usable: bool) -> Finding:
    """Return the warning that the endpoint which the job makes is called as one that is there, or as several."""
    message = f"there is an endpoint {quoted(name)} already"
    hint = "give the job's own another name"
    if there is not None:
        message += f" (of {there.owner or 'nobody'}, {there.id}), {there.kind}"
        if usable:
            hint += f"; files pass through that one, which must see the job's directory, with its UUID: {there.id}"
    message += ": the job makes one of its own all the same"
    return Finding("warning", "working-exists", name, message, hint)


def _unlooked(name: str, why: str) -> Finding:
    message = f"whether there is an endpoint {quoted(name)} already was not looked at: {why}"
    return Finding("warning", "unchecked", name, message, "the job makes one of its own in any case")


def _somebody_elses(name: str, server: Collection) -> Finding:
    message = f"{quoted(name)}, which must see the job's directory, is {server.kind} of {server.owner or 'nobody'}"
    hint = "name a server of the site, or leave it out: the job makes an endpoint of its own"
    return Finding("warning", "not-yours", name, message, hint)


def _problem(name: str, found: Collection, identity: str) -> EndpointError | None:
    """Return what keeps a collection from being used; None if nothing does."""
    mine, owner = found.is_of(identity), found.owner or "its owner"
    shown = quoted(name) if name == found.name or not found.name else f"{quoted(name)} ({found.name})"
    if not found.holds_data:
        return EndpointError(
            f"{shown} is a GCSv5 endpoint: it holds no data itself, its collections do",
            hint=f"name one of its collections: {'' if mine else f'ask {owner}, or '}look: "
            + command("list", search="TEXT"),
            code="no-collection",
            subject=name,
        )
    if found.connected is False:
        return EndpointError(
            f"{shown} is a Globus Connect Personal endpoint that is not connected",
            hint="start Globus Connect Personal on that computer"
            + (f", which is your own ({owner})" if mine else f", or ask {owner} to"),
            code="disconnected",
            subject=name,
        )
    if found.paused:
        return EndpointError(
            f"{shown} is a Globus Connect Personal endpoint that is paused",
            hint="choose Unpause in its menu" if mine else f"let {owner} choose Unpause in its menu",
            code="paused",
            subject=name,
        )
    return None
