"""Preflight: ask once for everything that the checks need, side by side, and report what all of them find.

Each endpoint and each directory is asked for once, however many files or jobs use it, and all of it has one time-out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from itertools import islice
from typing import TYPE_CHECKING

from goclient.errors import GoclientError
from goclient.errors.findings import SHOWN, Finding
from goclient.errors.wording import quote
from goclient.model.endpoint import Catalogue, GlobusEndpoint
from goclient.model.frozen import Frozen
from goclient.model.request import Job
from goclient.model.spec import TransferSpec
from goclient.preflight.base import Context, PreflightOptions, Report
from goclient.preflight.mistakes import find_conflicts
from goclient.preflight.ways import find_idle_https, judge_ways
from goclient.reporter.base import SILENT, Reporter

if TYPE_CHECKING:
    from goclient.config.grid import Accounts
    from goclient.model.deal import Deal
    from goclient.services.globus.collection import Collection
    from goclient.services.globus.sdk import Globus
    from goclient.services.panda.access import QueueSource


class Preflight(Frozen):
    """Check jobs before they are sent: with the catalogue, the services, and the options that a user gives.

    Without ``globus`` no service is asked, and only the catalogue is read; ``accounts`` gives those of MyProxy,
    ``queues`` where the PanDA server tells its queues.  ``warnings`` are those of a spec that names an endpoint.
    """

    catalogue: Callable[[], Catalogue]
    globus: Callable[[], Globus] | None
    accounts: Callable[[], Accounts]
    options: PreflightOptions
    queues: Callable[[], QueueSource]
    warnings: tuple[Finding, ...] = ()
    reporter: Reporter = SILENT

    def run(self, spec: TransferSpec, count: int, job: Job | None = None, *, deal: Deal | None = None) -> Report:
        """Return the spec of so many jobs with its endpoints resolved, and what is found of it, and of the ``job``.

        With a ``deal`` there are as many jobs as it makes.
        """
        context = Context(
            spec,
            count=count if deal is None else deal.jobs,
            deal=deal,
            job=job or Job(),
            options=self.options,
            accounts=self.accounts,
            queues=self.queues,
            reporter=self.reporter,
        )
        names: Catalogue | None = {}
        if spec.endpoints:
            context.findings += self.warnings
            names = self._resolve_offline(context)
            _name_staging(context, names or {}, {})
        if self.globus is not None:
            self._check(context, self.globus, names)
        elif names is not None and self.options.carried:
            from goclient.preflight.carried import find_unresolved  # other jobs need no archive

            context.findings += find_unresolved(context.resolved)
        elif names is not None:
            context.findings += _find_unresolved(context.resolved)
        context.findings += _warn_of_dealt_directories(context)
        found, due = _without_repeats(context.findings), context.deposit_due
        staging = context.options.staging
        return Report(context.resolved, found, deposit_due=due, rights=context.rights, deal=deal, staging=staging)

    def _resolve_offline(self, context: Context) -> Catalogue | None:
        """Resolve the endpoints that are in the catalogue, judge the ways between them, and return the catalogue.

        Return None if it cannot be read, or has another kind for a name than a path needs, which are findings then.
        """
        try:
            names = self.catalogue()
            context.resolved = context.spec.with_endpoints(names)
        except GoclientError as error:
            context.findings += error.findings
            return None
        context.findings += _find_late_conflicts(context)
        context.findings += judge_ways(context.resolved)
        if not self.options.carried:  # whose files pass so unless something else is typed
            context.findings += find_idle_https(context.resolved)
        return names

    def _check(self, context: Context, globus: Callable[[], Globus], names: Catalogue | None) -> None:
        # 35 ms, which --noCheck does not pay
        from goclient.preflight.checks import JOB_CHECKS, LAST_CHECKS, TRANSFER_CHECKS
        from goclient.preflight.connect import connect
        from goclient.preflight.login import join_logins

        job_checks = [check() for check in JOB_CHECKS]
        for check in job_checks:
            check.start(context)
        with ExitStack() as opened:
            if context.spec.endpoints and names is not None:
                try:
                    connect(context, names, globus)
                except GoclientError as error:
                    context.findings += error.findings
                else:
                    opened.enter_context(closing(context.connection.servers))
                    context.findings += _find_late_conflicts(context)
                    _name_staging(context, names, context.connection.collections)
                    for kind in TRANSFER_CHECKS:
                        context.findings += kind().findings(context)
                    context.findings = join_logins(_without_repeats(context.findings), context)
            for check in (*job_checks, *(kind() for kind in LAST_CHECKS)):
                context.findings += check.findings(context)


def _find_late_conflicts(context: Context) -> list[Finding]:
    """Return the conflicts if what was typed as two endpoints is one, as only the catalogue or the service knew."""
    typed, resolved = ({one.text for one in spec.endpoints} for spec in (context.spec, context.resolved))
    if len(resolved) == len(typed):
        return []
    return [error.finding for error in find_conflicts(context.resolved, context.deal)]


def _warn_of_dealt_directories(context: Context) -> Iterator[Finding]:
    """Yield a warning for each directory that is dealt as if it were a file."""
    serials = context.deal.serials if context.deal is not None and not context.deal.may_share else ()
    dealt = (one.source for serial, one in zip(serials, context.resolved.stage_in, strict=False) if serial)
    for source in islice((one for one in dealt if one.is_directory), SHOWN):
        message = f"{quote(source.display)} is a directory, which one job brings as a whole"
        hint = "to deal its files, name them, one on each line of a file: --StageinGOsrc=@FILE"
        yield Finding("warning", "dealt-directory", source.display, message, hint)


def _name_staging(context: Context, names: Catalogue, collections: Mapping[str, Collection]) -> None:
    """Show a site's directory, if files are left at one, with the name that its collection has."""
    if (top := context.options.staging) is not None:
        from goclient.preflight.staging import name_staging  # other jobs need none of it

        named = name_staging(top, names, collections)
        context.options = context.options._replace(staging=named)
        context.resolved = context.resolved.show_names({named.endpoint.display: named.endpoint})


def _find_unresolved(spec: TransferSpec) -> list[Finding]:
    """Return a warning of each name of a collection that is not in the catalogue."""
    return [
        Finding(
            "warning",
            "unresolved",
            endpoint.display,
            f"{quote(endpoint.display)} is not in the catalogue and was not looked up: it is sent as typed",
            "leave out --noCheck, or add the name to the catalogue",
        )
        for endpoint in spec.endpoints
        if isinstance(endpoint, GlobusEndpoint) and not endpoint.is_resolved
    ]


def _without_repeats(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings without those that say the same again; of two errors that do, the first exit code counts."""
    kept: dict[tuple[str, str], Finding] = {}
    for one in findings:
        same = kept.setdefault((one.level, one.message), one)
        if one.is_error and one.exit_code < same.exit_code:
            kept[one.level, one.message] = one
    return tuple(kept.values())
