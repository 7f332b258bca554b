"""The preflight: every endpoint and path of a spec is looked at before anything is sent.

All checks are made, side by side, and all findings are reported.  Each endpoint is asked for once, and each folder
once, however many files are in it; all of it has one end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from goclient.errors import GoclientError, LoginNeeded, login_command, quoted
from goclient.model.finding import Finding
from goclient.model.location import is_uuid
from goclient.model.spec import GRIDFTP, TransferSpec

if TYPE_CHECKING:
    from goclient.services.globus import Globus


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user says about the checks.

    ``make_folders``: folders that are missing at a destination are made.  ``allow_personal``: files may go between two
    Globus Connect Personal endpoints.  ``pilot_identity``: the id of whoever the pilot transfers as, if it is known.
    ``probe``: a directory is really made at each destination, and removed.  ``hours``: how long the login should last.
    ``seconds``: the end of all checks.
    """

    make_folders: bool = False
    allow_personal: bool = False
    pilot_identity: str | None = None
    probe: bool = False
    hours: int = 24
    seconds: float = 30.0


def look(
    spec: TransferSpec,
    count: int,
    *,
    catalogue: Callable[[], dict[str, str]],
    globus: Callable[[], Globus] | None,
    wishes: Wishes,
    say: Callable[[str], None],
) -> tuple[TransferSpec, list[Finding]]:
    """The spec of so many jobs with its endpoints resolved, and what the checks find; one finding if nobody may ask.

    ``globus`` gives the service; without it nothing is asked, and only the catalogue is looked into.
    """
    if not spec.endpoints:
        return spec, []
    if globus is None:
        return resolve_offline(spec, catalogue())
    known = catalogue()
    try:
        service = globus()
    except GoclientError as error:
        return spec, [Finding.failed(error)]
    return preflight(spec, catalogue=known, globus=service, wishes=wishes, serials=range(1, count + 1), say=say)


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
        for name in resolved.endpoints
        if not is_uuid(name) and not name.startswith(GRIDFTP)
    ]
    return resolved, findings


def preflight(
    spec: TransferSpec,
    *,
    catalogue: Mapping[str, str],
    globus: Globus,
    wishes: Wishes,
    serials: Sequence[int],
    say: Callable[[str], None],
) -> tuple[TransferSpec, list[Finding]]:
    """The spec with every endpoint resolved, and what was found, in the order of the spec.

    ``serials``: the serial numbers of the jobs, for targets that differ from job to job.  Folders that are missing at
    a destination are made, and destinations are probed, if the user wishes so; nothing else is changed anywhere.
    ``say`` is told if it takes long.
    """
    from goclient.check.acting import Acting
    from goclient.check.endpoints import Endpoints  # with --noCheck nothing is asked
    from goclient.check.parallel import Asker
    from goclient.check.paths import Paths
    from goclient.check.probe import probed

    asker = Asker(wishes.seconds, say)
    endpoints = Endpoints(globus, asker, catalogue)
    found = endpoints.findings(spec.endpoints)
    findings = [*_login_lasts(globus.login_end, wishes.hours), *found]
    if endpoints.collections:  # somebody was let in
        findings.insert(0, Finding("ok", "identity", "the login", f"what follows was seen as {globus.acts_as}"))
    resolved = spec.with_endpoints(endpoints.ids)
    findings += endpoints.personal_ends(resolved, allowed=wishes.allow_personal)
    names = {found: name for name, found in endpoints.ids.items()}
    paths = Paths(
        globus,
        asker,
        names=names,
        serials=serials,
        overwrite=spec.overwrite,
        make_folders=wishes.make_folders,
    )
    findings += paths.findings(resolved)
    if wishes.pilot_identity is not None:
        known = endpoints.collections
        acting = Acting(globus, asker, identity=wishes.pilot_identity, collections=known, names=names)
        findings += acting.findings(resolved)
    if wishes.probe:
        findings += probed(resolved, globus, asker, names=names)
    return paths.settled(resolved), one_login(_without_repeats(findings))


def _login_lasts(end: datetime | None, hours: int) -> Iterator[Finding]:
    """A warning if the login ends before the hours that the job needs; none for one that is renewed by itself."""
    if end is not None and end < datetime.now(UTC) + timedelta(hours=hours):
        message = f"your Globus login ends at {end:%Y-%m-%d %H:%M:%S} UTC, within the {hours} hours of --goNeeds"
        hint = f"to renew it, type: {login_command()}"
        yield Finding("warning", "login-ends", "the login", message, hint)


def one_login(findings: list[Finding]) -> list[Finding]:
    """The findings; those of which a login helps have one command that helps of all."""
    logins = [one.error.login for one in findings if isinstance(one.error, LoginNeeded) and one.error.login is not None]
    if not logins:
        return findings
    hint = f"type: {login_command(option for login in logins for option in login)}"
    joined = []
    for one in findings:
        if isinstance(one.error, LoginNeeded) and one.error.login is not None:
            one.error.hint = hint
            one = replace(one, hint=hint)
        joined.append(one)
    return joined


def _without_repeats(findings: Iterable[Finding]) -> list[Finding]:
    """The findings without those that say the same again: one missing login is one finding."""
    return list({(one.level, one.code, one.message): one for one in reversed(list(findings))}.values())[::-1]
