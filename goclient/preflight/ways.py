"""Ways between the ends of transfers: what cannot be transferred at all, and whose proxy acts; no service is asked."""

from __future__ import annotations

from collections.abc import Iterator

from goclient.errors import RequestError
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.model.endpoint import JOB, URL_ENDPOINTS, Endpoint
from goclient.model.plan import TransferTask
from goclient.model.planner import group_tasks
from goclient.model.spec import TransferSpec
from goclient.model.syntax.shell import shell_word


def judge_ways(spec: TransferSpec) -> Iterator[Finding]:
    """Yield an error for each pair of ends that cannot exchange files, and for servers for which there is no proxy."""
    for task in group_tasks(spec, items=False):
        if (found := _find_no_way(task)) is not None:
            yield found.finding
    server = next((one for one in spec.endpoints if one.needs_proxy), None)
    if server is None or spec.myproxy is not None:
        return
    message = f"{quote(server.display)} is {server.title}, where the user's proxy acts, and no MyProxy account is "
    if spec.user is not None:
        message += f"named: the pilot tries that of globus-user={quote(spec.user)}, which is a guess"
        hint = f"name it: --myproxy={shell_word(f'{spec.user}@HOST')}"
        yield Finding("warning", "account-guessed", server.display, message, hint)
        return
    hint = "add --myproxy=USER@HOST, where goclient myproxy deposit has put a proxy for the pilot"
    message += "named that has it"
    yield RequestError(message, hint=hint, code="no-account", subject=server.display).finding


def find_idle_https(spec: TransferSpec) -> Iterator[Finding]:
    """Yield a warning if files are to pass by HTTPS, and none comes from a collection to the job, or goes there."""
    phases = [transfers for _, mode, transfers in spec.phases if mode.asks_https]
    ends = [(one.source, one.destination) for transfers in phases for one in transfers]
    if ends and not any(
        near.in_job and far.endpoint.is_globus for pair in ends for near, far in (pair, reversed(pair))
    ):
        message = "--goVia https has no effect: no file passes between a Globus collection and the job's directory"
        hint = "leave it out (in a text of 2012 in-mode=https and out-mode=https)"
        yield Finding("warning", "no-effect", "--goVia", message, hint)


def _find_no_way(task: TransferTask) -> RequestError | None:
    """Return why nothing can be transferred between the ends of a task; None if it can."""
    source, destination = task.source, task.destination
    in_job = JOB in (source, destination)
    far, near = task.far, (task.server or JOB) if in_job else destination
    if task.is_copy or (far.serves_jobs if near == JOB else far.reaches(near)):
        return None
    hint = "bring them into the job's directory (--StageinGOsrc alone), and take them from there (--StageoutGOsrc)"
    if not far.serves_jobs:
        forms = " or ".join(kind.form for kind in URL_ENDPOINTS if kind.serves_jobs)
        hint = f"have the files on a Globus collection, or on a server {forms}"
    elif in_job:
        way = "in-mode" if task.phase == "stage-in" else "out-mode"
        hint = (
            f"leave out --WorkingendpointGO; in a text of 2012 leave the mode server out ({way}=gc), or name a server "
        )
        hint += "of that kind which sees the job's directory (globus-endpoint-local=)"
    message = f"{task.phase}: files cannot go between {_describe(far)} and {_describe(near)}"
    return RequestError(message, hint=hint, code="no-way", subject=far.display)


def _describe(endpoint: Endpoint) -> str:
    return "the job's directory" if endpoint == JOB else f"{quote(endpoint.display)} ({endpoint.title})"
