"""Preflight of a task's transfers, before anything of it is uploaded or submitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from goclient.errors import GoclientError, PreflightFailed, raise_all
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.model.endpoint import UrlEndpoint
from goclient.model.location import Transfer
from goclient.model.names import fill_serial
from goclient.model.request import Job, Rights
from goclient.model.spec import TransferSpec, make_transfer
from goclient.preflight.connect import find_collection
from goclient.preflight.run import Preflight
from goclient.services.deadline import Deadline
from goclient.services.parallel import Parallel
from goclient.tasks.output_server import OutputServer
from goclient.tasks.outputs import ExpectedTask
from goclient.tasks.transfers import find_shared, transfers_of, write_words
from goclient.tasks.validation import ValidTask

ANY_SITE = "AUTO"  # what panda-client's --site is for any queue


@dataclass(frozen=True, slots=True)
class TaskReport:
    """Hold what a preflight found: the transfers as typed, and the server, with their endpoints resolved.

    ``rights`` are those of who acts for carried jobs.
    """

    spec: TransferSpec
    server: OutputServer | None
    findings: tuple[Finding, ...]
    deposit_due: bool
    rights: Rights


def check_tasks(
    valid: ValidTask, tasks: Sequence[ExpectedTask], *, nickname: str, complete: bool, site: str = ""
) -> TaskReport:
    """Check the transfers of these tasks; raise PreflightFailed if there are errors among what is found.

    ``complete``: all outputs are known already, so that a file which two jobs would write is refused here.  ``site``:
    the value of --site, the queues among which JEDI chooses.
    """
    server, preflight = valid.server, valid.request.preflight
    if server is not None:
        server, preflight = _with_directory(server, preflight)
        top = server.top()
        options = preflight.options._replace(new_below=top.with_path(fill_serial(top.path, 1)))
        preflight = replace(preflight, options=options)
    specs = [transfers_of(valid.spec, server, task=task, nickname=nickname) for task in tasks]
    for spec in specs if complete else ():
        raise_all(find_shared(spec, several=len(tasks) > 1))
        write_words(spec, lenient=valid.request.lenient)
    preflight, warnings = _without_numbered(preflight, specs)
    queues = [name for name in site.split(",") if name and name != ANY_SITE and "*" not in name]
    report = preflight.run(specs[0], 1, Job(queues))
    findings = (*valid.warnings, *warnings, *report.findings)
    if any(finding.is_error for finding in findings):
        raise PreflightFailed(findings)
    found, typed = report.spec, valid.spec
    if server is not None:
        server = OutputServer(found.output[len(typed.output)].destination.endpoint, server.directory)
    spec = found.model_copy(
        update={
            "stage_out": tuple(map(_with_source, typed.stage_out, found.stage_out)),
            "output": tuple(map(_with_source, typed.output, found.output)),  # without the server's, which come last
        }
    )
    return TaskReport(spec, server, findings, report.deposit_due, report.rights)


def _with_source(typed: Transfer, found: Transfer) -> Transfer:
    """Return a transfer that was found with its source as typed: what was checked has the names of one task."""
    return make_transfer(typed.source, found.destination) if typed.source.in_job else found


def _with_directory(server: OutputServer, preflight: Preflight) -> tuple[OutputServer, Preflight]:
    """Return the server with a directory: if none was typed, the endpoint's default one, or the home directory.

    The preflight that is returned asks the same service.  An error of the endpoint is not raised: the preflight finds
    it again.
    """
    if server.directory is not None or preflight.globus is None:
        return server, preflight
    try:
        known = preflight.catalogue()
        if isinstance(known.get(server.endpoint.text, server.endpoint), UrlEndpoint):
            return server, preflight
        globus = preflight.globus()
    except GoclientError:
        return server, preflight
    preflight = replace(preflight, globus=lambda: globus)
    parallel = Parallel(Deadline(preflight.options.seconds), globus.reporter)
    ask = partial(find_collection, globus=globus, catalogue=known)
    found = parallel.map(ask, [server.endpoint])[server.endpoint]
    if isinstance(found, GoclientError):
        return server, preflight
    return OutputServer(server.endpoint, found.first_directory), preflight


def _without_numbered(preflight: Preflight, specs: Sequence[TransferSpec]) -> tuple[Preflight, list[Finding]]:
    """Return the preflight that makes no directory whose name is known only when the jobs are, and a warning of it."""

    def is_numbered(transfer: Transfer) -> bool:
        return not transfer.destination.in_job and "$" in transfer.target.directory

    numbered = next((one.target for spec in specs for one in spec.transfers if is_numbered(one)), None)
    if numbered is None or not preflight.options.make_directories:
        return preflight, []
    message = f"--goMkdir makes no directory for {quote(numbered)}: its name is known only when the job is made"
    hint = "Globus makes directories when files come"
    warning = Finding("warning", "no-folder", str(numbered), message, hint)  # plain: a code of the JSON
    return replace(preflight, options=preflight.options._replace(make_numbered=False)), [warning]
