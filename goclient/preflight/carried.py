"""Checks of jobs that bring their own transfers: what their carrier cannot do, what travels, and who acts for them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice

from goclient.carrier.archive import FILES, LIMIT, Contents, check_size, is_taken
from goclient.carrier.carried import contents_of
from goclient.errors import Collector, EndpointError, GoclientError, RequestError
from goclient.errors.findings import SHOWN, Finding
from goclient.errors.wording import quote
from goclient.files.text import credential_in
from goclient.model.endpoint import GlobusEndpoint
from goclient.model.names import SERVER_PLACEHOLDERS
from goclient.model.payload import hide_login, is_url
from goclient.model.plan import needs_token
from goclient.model.planner import group_tasks
from goclient.model.request import Request, Who
from goclient.model.spec import TransferSpec
from goclient.model.syntax.shell import shell_word
from goclient.preflight.payload import HEAD, judge_head
from goclient.secrets import hide

MAX_READ = 1 << 20  # bytes of a file in which a credential is searched for: keys and tokens are in small ones
CARRY_CLIENT = "GOCLIENT_CARRY_CLIENT_ID and GOCLIENT_CARRY_CLIENT_SECRET"


def no_carry_client(subject: str) -> RequestError:
    """Return the error of a carried job that needs a token, and nobody is there to get one."""
    message = f"{subject}: a service client must act for a job with --goCarry, and {CARRY_CLIENT} are not set"
    hint = "register a service client that owns nothing at app.globus.org/settings/developers, and export both; "
    hint += "or see --goCredential=token"
    return RequestError(message, hint=hint, code="no-carry-client", subject=subject)


def find_carried_mistakes(spec: TransferSpec, request: Request) -> list[GoclientError]:
    """Return everything that is wrong with a request for carried jobs, as far as no service needs to be asked."""
    assert request.carriage is not None, "the caller has looked"
    collected = Collector(_find_unusable(spec, unfilled=SERVER_PLACEHOLDERS))
    collected.errors += _judge_way(spec, request.carriage.connect)
    with collected:
        contents = contents_of(request)
        collected.errors += _judge_connect(request.carriage.connect, contents)
        collected.errors += _find_collisions(spec, contents)
        check_size(contents)
    if request.carriage.credential is None and request.carriage.who is Who.SERVICE:
        token = next((task for task in group_tasks(spec, items=False) if needs_token([task])), None)
        if token is not None:
            collected.errors.append(no_carry_client(token.far.display))
    return collected.errors


def find_impossible(
    spec: TransferSpec, connect: str, contents: Contents, *, unfilled: Sequence[str]
) -> Iterator[GoclientError]:
    """Yield what no carrier can do in a job of a task, in whose paths nobody fills these placeholders.

    ``contents`` are what is known of the files that travel; ``connect`` is where Globus Connect is.
    """
    yield from _find_unusable(spec, unfilled=unfilled)
    yield from _judge_way(spec, connect)
    yield from _judge_connect(connect, contents)
    yield from _find_collisions(spec, contents)


def _find_unusable(spec: TransferSpec, *, unfilled: Sequence[str]) -> Iterator[GoclientError]:
    """Yield each server that a carrier cannot ask, and each path with a placeholder that nobody fills in its plan."""
    for endpoint in spec.endpoints:
        if endpoint.needs_proxy:
            message = (
                f"{quote(endpoint.display)} is {endpoint.title}, where the user's proxy acts: a job with --goCarry "
            )
            hint = "name a collection of that storage, or leave out --goCarry"
            error = RequestError(f"{message}has none", hint=hint, code="no-carrier-way", subject=endpoint.display)
            yield error
    locations = dict.fromkeys(end for one in spec.transfers for end in (one.source, one.destination))
    found = ((one, name) for one in locations for name in unfilled if name in one.path)
    for location, name in islice(found, SHOWN):
        message = f"{quote(location.display)}: nothing fills {name} in a job with --goCarry"
        hint = "use '${SN}' or '${SN/P}', which is filled in"
        yield RequestError(message, hint=hint, code="carried-placeholder", subject=location.display)


def _judge_way(spec: TransferSpec, connect: str) -> Iterator[GoclientError]:
    """Yield an error for each phase that needs Globus Connect, which no node has; and for one that nothing needs."""
    needing = []
    for phase, mode, transfers in spec.phases:
        ends = [(one.source, one.destination) for one in transfers if mode.makes_endpoint]
        if any((old.in_job or new.in_job) and (old.endpoint.is_globus or new.endpoint.is_globus) for old, new in ends):
            needing.append(phase)
    for phase in needing if not connect else ():
        message = (
            f"{phase} goes through Globus Connect on the node, which a job with --goCarry makes only with --goConnect"
        )
        hint = "leave out --goVia, or write in-mode=https and out-mode=https: the collections' HTTPS servers are used; "
        hint += "or add --goConnect=URL, of Globus Connect Personal for Linux"
        yield RequestError(message, hint=hint, code="no-carrier-way", subject=phase)
    if connect and not needing:
        message = f"--goConnect={quote(connect)}: no transfer of the job goes through Globus Connect"
        hint = "leave out --goConnect, or add --goVia=gc"
        yield RequestError(message, hint=hint, code="combination", subject="--goConnect")


def _judge_connect(connect: str, contents: Contents) -> Iterator[GoclientError]:
    """Yield an error for what no node can find: neither a URL, nor a path there, nor a file that travels."""
    if hide_login(connect) != connect:
        message = f"--goConnect={quote(hide_login(connect))} is a URL with a password, which everybody could read"
        yield RequestError(message, hint="give one without a password", code="credential", subject="--goConnect")
    name = os.path.normpath(connect) if connect else ""
    if not connect or is_url(connect) or connect.startswith("/") or any(one.name == name for one in contents.members):
        return
    message = f"--goConnect={quote(connect)} is neither a URL, nor a path on the node, nor a file that travels"
    hint = f"add {FILES}={shell_word(connect)} (all that travels has {LIMIT >> 20} MB at most), or give its URL"
    yield RequestError(message, hint=hint, code="no-connect", subject="--goConnect")


def _find_collisions(spec: TransferSpec, contents: Contents) -> Iterator[GoclientError]:
    """Yield each file that is brought to where one is that travels with the job, or that the carrier has."""
    travelling = {one.name.rstrip("/") for one in contents.members}
    for transfer in spec.stage_in:
        path = transfer.target.path.strip("/")
        if transfer.target.in_job and (is_taken(path) or path in travelling):
            whose = "the carrier has a file" if is_taken(path) else "a file of --goFiles or the payload is"
            shown = f"{quote(transfer.source.display)} would be {quote(transfer.target.display)}"
            message = f"{shown} in the job's directory, where {whose}"
            hint = f"give it another name there, such as --StageinGOdest={spec.working}:/NAME"
            yield RequestError(message, hint=hint, code="own-file", subject=transfer.source.display)


def warn_of_packed(request: Request) -> Iterator[Finding]:
    """Yield a warning of each credential that would travel, and of a payload that a node cannot run."""
    try:
        contents = contents_of(request)
    except GoclientError:  # they are told elsewhere
        return
    found = ((one, _read(one.path, MAX_READ)) for one in contents.members if 0 < one.size <= MAX_READ)
    kinds = ((one, _credential_in(head.decode("latin-1"))) for one, head in found)
    for member, kind in islice(((one, kind) for one, kind in kinds if kind), SHOWN):
        message = f"{quote(member.name)} has {kind} in it, which everybody who knows the archive's name can read"
        yield Finding("warning", "credential", FILES, message, f"leave it out of {FILES}")
    payload = request.common.transformation
    if request.packs_payload and payload:
        judged = judge_head(payload, _read(payload, HEAD))
        yield from [judged] if judged.level == "warning" else []


def _credential_in(text: str) -> str:
    """Return what kind of credential a text has in it, also one that this process was given; empty if none."""
    return credential_in(text) or ("a credential of yours" if hide(text) != text else "")


def _read(path: str, size: int) -> bytes:
    """Return the beginning of a file; nothing if it cannot be read, which is told when it is packed."""
    try:
        with open(path, "rb") as file:
            return file.read(size)
    except OSError:
        return b""


def find_unresolved(spec: TransferSpec) -> Iterator[Finding]:
    """Yield an error for each name of a collection that a carrier would have to look up."""
    for endpoint in spec.endpoints:
        if isinstance(endpoint, GlobusEndpoint) and not endpoint.is_resolved:
            message = f"{quote(endpoint.display)} is not in the catalogue and was not looked up, and the plan of a job "
            hint = f"leave out --noCheck, or type: goclient endpoint add {endpoint.display} UUID"
            error = EndpointError(f"{message}with --goCarry has ids", hint=hint, code="unresolved")
            yield error.replace(subject=endpoint.display).finding
