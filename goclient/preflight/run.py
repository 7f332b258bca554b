"""The preflight: every endpoint and path of a spec, its queue and its payload are looked at before anything is sent.

All checks are made, side by side, and all findings are reported.  Each endpoint is asked for once, and each folder
once, however many files are in it; all of it has one end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from goclient.errors import TO_DEPOSIT, Finding, GoclientError, MyproxyError, login_command, quoted
from goclient.model.endpoint import GlobusEndpoint, read_endpoint
from goclient.model.request import Job
from goclient.model.spec import TransferSpec
from goclient.preflight.base import PreflightOptions, Report
from goclient.reporter.base import SILENT, Reporter

if TYPE_CHECKING:
    from goclient.config.grid import Accounts
    from goclient.preflight.endpoints import Endpoints
    from goclient.preflight.paths import Paths
    from goclient.services.deadline import Background
    from goclient.services.globus.sdk import Globus
    from goclient.services.panda.access import QueueSource
    from goclient.services.parallel import Parallel


class Outcome(NamedTuple):
    """A spec with its endpoints resolved, what was found, and the bytes that one job brings, as far as is known."""

    spec: TransferSpec
    findings: list[Finding]
    largest: int = 0


@dataclass(frozen=True, slots=True)
class Preflight:
    """Check jobs before they are sent: with the catalogue, the services, and the options that a user gives.

    Without ``globus`` no service is asked, and only the catalogue is read; ``accounts`` gives those of MyProxy,
    ``queues`` where the PanDA server tells its queues.  ``warnings`` are those of a spec that names an endpoint.
    """

    catalogue: Callable[[], dict[str, str]]
    globus: Callable[[], Globus] | None
    accounts: Callable[[], Accounts]
    options: PreflightOptions
    queues: Callable[[], QueueSource]
    warnings: tuple[Finding, ...] = ()
    reporter: Reporter = SILENT

    def run(self, spec: TransferSpec, count: int, job: Job | None = None) -> Report:
        """Return the spec of so many jobs with its endpoints resolved, and what is found of it, and of the ``job``."""
        begun = time.monotonic()
        beside = None
        if self.globus is not None and job is not None:
            from goclient.preflight.job import JobLook

            beside = JobLook(job, self.queues, self.options.seconds, self.reporter)
        account = None
        if self.globus is not None and (spec.myproxy or spec.user):
            from goclient.preflight.myproxy import begun as look_at

            account = look_at(spec, self.accounts(), self.options)
        resolved, found, largest = self._transfers(spec, count)
        found = [*(self.warnings if spec.endpoints else ()), *found]
        if account is not None:
            found = [*found, *_answered(account, self.options.seconds - (time.monotonic() - begun))]
        if beside is not None:
            found = [*found, *beside.findings(largest)]
        due = any(one.code == TO_DEPOSIT for one in found)
        return Report(resolved, tuple(_without_repeats(found)), deposit_due=due)

    def _transfers(self, spec: TransferSpec, count: int) -> Outcome:
        if not spec.endpoints:
            return Outcome(spec, [])
        try:
            known = self.catalogue()
            if self.globus is None:
                return Outcome(*resolve_offline(spec, known))
            service = self.globus()
        except GoclientError as error:
            return Outcome(spec, [*error.findings])
        serials = range(1, count + 1)
        return preflight(spec, catalogue=known, globus=service, options=self.options, serials=serials)


def _answered(account: Background[list[Finding]], seconds: float) -> list[Finding]:
    try:
        return account.result(seconds)
    except TimeoutError:
        message, hint = "the look at the MyProxy account took too long", "give more with --goTimeout"
        return [MyproxyError(message, hint=hint, code="myproxy-timeout", transient=True).finding]


def resolve_offline(spec: TransferSpec, catalogue: Mapping[str, str]) -> tuple[TransferSpec, list[Finding]]:
    """The spec with catalogue names replaced, and a warning for each name that is in no catalogue."""
    resolved = spec.with_endpoints(dict(catalogue))
    findings = [
        Finding(
            "warning",
            "unresolved",
            name,
            f"{quoted(name)} is not in the catalogue and was not looked up: it is sent as typed",
            "leave out --noCheck, or add the name to the catalogue",
        )
        for name in (one.text for one in resolved.endpoints if isinstance(one, GlobusEndpoint) and not one.is_resolved)
    ]
    return resolved, findings


def preflight(
    spec: TransferSpec,
    *,
    catalogue: Mapping[str, str],
    globus: Globus,
    options: PreflightOptions,
    serials: Sequence[int],
) -> Outcome:
    """Return the spec with every endpoint resolved, and what was found, in the order of the spec.

    ``serials``: the serial numbers of the jobs, for targets that differ from job to job.  Folders that are missing at
    a destination are made, and destinations are probed, if the user says so; nothing else is changed anywhere.
    """
    from goclient.preflight.endpoints import Endpoints  # with --noCheck nothing is asked
    from goclient.preflight.paths import Paths
    from goclient.services.parallel import Parallel

    parallel = Parallel(options.seconds, globus.reporter)
    endpoints = Endpoints(globus, parallel, catalogue)
    findings = endpoints.findings(spec)
    who = _login(globus, options.hours, let_in=bool(endpoints.collections))
    resolved = spec.with_endpoints(endpoints.ids)
    paths = Paths(
        globus,
        parallel,
        names={found: name for name, found in endpoints.ids.items()},
        serials=serials,
        overwrite=spec.overwrite,
        options=options,
        collections=endpoints.collections,
    )
    findings += endpoints.personal_ends(spec, allowed=options.allow_personal)
    findings += paths.findings(resolved, safe=not any(one.is_error for one in findings))
    settled = paths.settled(resolved)
    findings += _rights(settled, globus, parallel, options, endpoints, paths)
    findings = _without_repeats([*who, *findings])
    findings = (
        _for_a_service(findings) if globus.is_service else one_login(findings, [one.text for one in spec.endpoints])
    )
    return Outcome(settled, findings, paths.load.largest)


def _rights(
    spec: TransferSpec,
    globus: Globus,
    parallel: Parallel,
    options: PreflightOptions,
    endpoints: Endpoints,
    paths: Paths,
) -> Iterator[Finding]:
    """What is found of who may write: the user, by a probe if it is wished for, and whoever the pilot transfers as."""
    from goclient.preflight.permissions import Acting
    from goclient.preflight.probe import Probe

    collections = endpoints.collections
    names = {found: name for name, found in endpoints.ids.items()}
    acting = Acting(globus, parallel, hours=options.hours, collections=collections, names=names)
    if options.probe:
        targets = (transfer.target for transfer in spec.transfers)
        known = [one for one in targets if one.endpoint.text in collections and "$" not in one.directory]
        locations = [paths.nearest_folder(one) for one in known if paths.is_listed(one)]
        probed = Probe(globus, parallel, names, collections).findings(list(dict.fromkeys(locations)))
        yield from probed
    if not options.probe or any(one.is_error for one in probed):
        yield from acting.user(spec)
    if options.pilot_identity is not None:
        yield from acting.pilot(spec, options.pilot_identity)


def _login(globus: Globus, hours: int, *, let_in: bool) -> Iterator[Finding]:
    """As whom everything was seen, and a warning if that login ends before the hours that the job needs."""
    if let_in:
        yield Finding("ok", "identity", "the login", f"what follows was seen as {globus.acts_as}")
    end = globus.login_end
    if end is not None and end < datetime.now(UTC) + timedelta(hours=hours):
        message = f"your Globus login ends at {end:%Y-%m-%d %H:%M:%S} UTC, within the {hours} hours of --goNeeds"
        yield Finding("warning", "login-ends", "the login", message, f"to renew it, type: {login_command()}")


def one_login(findings: list[Finding], names: Sequence[str] = ()) -> list[Finding]:
    """Return the findings; those that a login mends have one command that mends all of them.

    Where nobody has logged in, no endpoint could be asked what it needs: all ``names`` are in that command.
    """
    logins = [one.login for one in findings if one.login is not None]
    if not logins:
        return findings
    if any(one.code == "not-logged-in" for one in findings):
        logins.append(tuple(("--endpoint", name) for name in names if isinstance(read_endpoint(name), GlobusEndpoint)))
    hint = f"type: {login_command(option for login in logins for option in login)}"
    return [one if one.login is None else one._replace(hint=hint) for one in findings]


def _for_a_service(findings: list[Finding]) -> list[Finding]:
    """Return the findings with other hints where a session would help, which a service has not.

    Its consents it gives itself, by a login that asks nobody.
    """
    told = []
    for one in findings:
        if any(name == "--session" for name, _ in one.login or ()):
            hint = (
                "a service has no session: use it as a person, with a native client's id and no secret, then type: "
                + login_command(one.login or ())
            )
            one = one._replace(hint=hint, login=None)
        told.append(one)
    return one_login(told)


def _without_repeats(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings without those that say the same again; of two errors that do, the first exit code counts."""
    kept: dict[tuple[str, str], Finding] = {}
    for one in findings:
        same = kept.setdefault((one.level, one.message), one)
        if one.is_error and one.exit_code < same.exit_code:
            kept[one.level, one.message] = one
    return list(kept.values())
