"""The look at a task's transfers before anything of it is uploaded or submitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from goclient.errors import Finding, GoclientError, PreflightFailed, raise_all
from goclient.model.endpoint import UrlEndpoint, read_endpoint
from goclient.model.planner import plan
from goclient.model.records.base import MAX_TASK_BLOCK
from goclient.model.records.registry import attach
from goclient.model.request import Job
from goclient.model.serial import fill_serial
from goclient.model.spec import TransferSpec
from goclient.preflight.connect import find_collection
from goclient.preflight.run import Preflight
from goclient.services.parallel import Parallel
from goclient.tasks.outputs import Outputs
from goclient.tasks.transfers import Server, renamed, shared, to_server
from goclient.tasks.wanted import Meant, Wanted, without_folders

ANY_SITE = "AUTO"  # what panda-client's --site is for any queue


class Expected(NamedTuple):
    """What is known of one task before it is made: its dataset, and what its outputs will be."""

    dataset: str
    outputs: Outputs


class Looked(NamedTuple):
    """What was looked at: the transfers as typed and the server, their endpoints resolved; and what was found.

    ``typed`` is the server as it was typed, with its directory.
    """

    spec: TransferSpec
    server: Server | None
    typed: Server | None
    findings: list[Finding]
    deposit_due: bool


def look(
    wanted: Wanted, meant: Meant, tasks: Sequence[Expected], nickname: str, *, complete: bool, site: str = ""
) -> Looked:
    """Look at the transfers of these tasks, and return what is found; raises PreflightFailed with the errors among it.

    ``complete``: all outputs are known already, so that a file which two jobs would write is refused here.  ``site``:
    the value of --site, the queues among which JEDI chooses.
    """
    server, looker = meant.server, wanted.looker
    if server is not None:
        server, looker = with_directory(server, looker)
    specs = [transfers(meant.spec, server, task, nickname) for task in tasks]
    for spec in specs if complete else ():
        raise_all(shared(spec, several=len(tasks) > 1))
        words_of(spec, lenient=wanted.lenient)
    looker, warnings = without_folders(looker, specs)
    own = len(meant.spec.output)
    queues = [name for name in site.split(",") if name and name != ANY_SITE and "*" not in name]
    looked_at = specs[0] if server is None else _with_top(specs[0], server)
    report = looker.run(looked_at, 1, Job(queues))
    resolved, findings = report.spec, list(report.findings)
    if server is not None:
        folder, top = server.folder(nickname, tasks[0].dataset), looked_at.output[-1]
        findings = _of_new_folder(findings, str(folder), str(top.target))
    findings = [*meant.doubts, *warnings, *findings]
    if any(finding.is_error for finding in findings):
        raise PreflightFailed(findings)
    found = server and Server(resolved.output[own].destination.endpoint, server.directory)
    spec = resolved.model_copy(update={"output": resolved.output[:own]})
    return Looked(spec, found, server, findings, report.deposit_due)


def _with_top(spec: TransferSpec, server: Server) -> TransferSpec:
    """Return the spec that also writes into the directory that was typed, which tells whether that is there."""
    top = replace(spec.output[-1], destination=server.top())
    return spec.model_copy(update={"output": (*spec.output, top)})


def _of_new_folder(findings: Sequence[Finding], folder: str, top: str) -> list[Finding]:
    """Return the findings of the folder that the files go to; it may be new, if only what was typed is there.

    ``top`` is a file in the directory that was typed: where the folder itself is there, nothing of that matters.
    """
    folder, top = fill_serial(folder, 1), fill_serial(top, 1)
    new = [one for one in findings if one.code == "no-folder" and one.subject.startswith(folder)]
    above = (top, top.rpartition("/")[0] + "/")
    found = [one for one in findings if one not in new and (new or one.subject not in above)]
    made = Finding("ok", "target", folder, f"{folder} is made when files come")
    return [made if one.subject == top and one.level == "ok" else one for one in found]


def transfers(
    typed: TransferSpec, server: Server | None, task: Expected, nickname: str, *, found: TransferSpec | None = None
) -> TransferSpec:
    """Return all transfers of one task; ``found`` is ``typed`` with its endpoints resolved, once they are."""
    spec = renamed(typed, task.outputs.names, found)
    return spec if server is None else to_server(spec, server.folder(nickname, task.dataset), task.outputs)


def words_of(spec: TransferSpec, *, lenient: bool) -> list[str]:
    """Return the words of a task's transfers, the marker first; raises RequestError for too many, or a conflict."""
    plan(spec)
    return attach("", spec, lenient=lenient, limit=MAX_TASK_BLOCK).split()


def with_directory(server: Server, looker: Preflight) -> tuple[Server, Preflight]:
    """Return the server with a directory: if none was typed, the endpoint's default one, or the home directory.

    What looks then asks the same service.  What is wrong with the endpoint is not said here: the look at all finds it.
    """
    if server.directory is not None or looker.globus is None:
        return server, looker
    try:
        known, globus = looker.catalogue(), looker.globus()
    except GoclientError:
        return server, looker
    looker = replace(looker, globus=lambda: globus)
    name = server.endpoint.text
    if isinstance(read_endpoint(known.get(name, name)), UrlEndpoint):
        return server, looker
    parallel = Parallel(looker.options.seconds, globus.reporter)
    ask = partial(find_collection, globus=globus, catalogue=known)
    found = parallel.map(ask, [server.endpoint])[server.endpoint]
    return server if isinstance(found, GoclientError) else Server(server.endpoint, found.first_directory), looker
