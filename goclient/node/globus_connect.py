"""A Globus endpoint of the node's own: a Globus Connect Personal that lives as long as its job.

The job's journal has the endpoint by its name before it is made, and by its id afterwards.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from goclient.errors import EndpointError, GoclientError, RequestError
from goclient.errors.conditions import EndpointNotFound, NodeFault
from goclient.errors.wording import quote
from goclient.files.private import private
from goclient.journal import Entry, Journal
from goclient.model.endpoint import Endpoint, GlobusEndpoint
from goclient.node.engines.base import JobContext, TransferService
from goclient.node.keeper import END_WITHIN, Command, KeptProcess, keep
from goclient.node.payload import HEARTBEAT_EVERY
from goclient.node.signals import check, defer_signals, has_come
from goclient.reporter.base import Reporter
from goclient.secrets import register
from goclient.services.retry import turns

READY_WITHIN = 120.0  # seconds from start to the first listing through the service
SET_UP_WITHIN = 60.0
STOP_WITHIN = 20.0
PROGRAM = "globusconnectpersonal"
_SET_UP = "set up"  # of an endpoint whose configuration is in the job's scratch directory
_REMOVED = "being removed"


@contextmanager
def node_endpoint(job: JobContext, service: TransferService, *, name: str, program: str) -> Iterator[Endpoint]:
    """Run the body with a private endpoint that shares the job's directory; raise EndpointError without one.

    The endpoint's own name begins with ``name``.  One that an earlier pilot of the job has set up is used again.  It
    is stopped and removed in every case; what cannot be removed now stays open in the journal.
    """
    connect = _Connect(job, program)
    set_up = [one for one in job.journal.latest("endpoint") if one.state == "accepted" and one.detail == _SET_UP]
    try:
        endpoint = (
            GlobusEndpoint(set_up[0].subjects[0], set_up[0].key) if set_up else _create(job, service, name, connect)
        )
        with connect.running() as process:
            _wait_until_ready(job, service, connect, process, endpoint)
            job.reporter.progress(f"Globus Connect runs, restricted to {job.directory}")
            yield endpoint
    finally:
        with defer_signals():
            remove_endpoints(job.journal, service, job.reporter, final=False)


def remove_endpoints(journal: Journal, service: TransferService, reporter: Reporter, *, final: bool = True) -> bool:
    """Remove each endpoint that a job's journal names, if it is still there; return False if one may be left.

    One whose id is not known, because the answer was lost, is found by its name; if it is not found and the look is
    not ``final``, the service may still be making it.
    """
    left = [one for one in journal.latest("endpoint") if one.state != "done"]
    return [_remove(one, journal, service, reporter, final) for one in left].count(False) == 0


def _remove(entry: Entry, journal: Journal, service: TransferService, reporter: Reporter, final: bool) -> bool:
    try:
        ids = entry.subjects or service.personal_called(entry.key)
        if ids:
            journal.append(entry.then("accepted", *ids, detail=_REMOVED))  # so that no pilot uses it again
        for one in ids:
            with suppress(EndpointNotFound):
                service.delete(one)
    except GoclientError as error:  # the job's own result counts more
        journal.append(entry.then("failed", detail=error.message))
        reporter.progress(f"the endpoint {entry.key} is not removed yet: {error.message}")
        return False
    if not (ids or final):
        return False
    journal.append(entry.then("done"))
    if ids:
        reporter.progress(f"removed the endpoint {entry.key}")
    return True


def check_node(work: Path, program: str | None) -> None:
    """Check, before a job is taken, that this node can carry jobs out; raise what is missing.

    ``program`` is Globus Connect, None where no job needs it.
    """
    if not os.access(work, os.W_OK | os.X_OK) or not work.is_dir():
        raise RequestError(
            f"jobs cannot run in {quote(work)}: it is not a directory that can be written to",
            hint="set TMPDIR to one; or unset it, and start the pilot in one",
            code="no-folder",  # plain: a code is fixed
        )
    if find_spec("_ctypes") is None:
        raise RequestError(
            f"{quote(sys.executable)} cannot hold a job's processes: it has no module ctypes",
            hint="run the pilot with another Python, such as that of the system",
            code="no-ctypes",
        )
    if program is not None and shutil.which(program) is None:
        raise EndpointError(
            f"{quote(program)} is not on this node",
            hint="install Globus Connect Personal, or set GOCLIENT_GLOBUSCONNECT to its path",
            code="no-globus-connect",
        )


def _create(job: JobContext, service: TransferService, name: str, connect: _Connect) -> Endpoint:
    """Return a new endpoint, whose Globus Connect is set up; what an earlier pilot did not set up is removed first."""
    remove_endpoints(job.journal, service, job.reporter)
    entry = Entry("endpoint", f"{name}-{secrets.token_hex(4)}", "intended")
    job.journal.append(entry)
    with defer_signals():
        try:
            made = service.create_personal(entry.key)
        except GoclientError as error:
            if not error.transient:  # it was refused; else it may be there
                job.journal.append(entry.then("done", detail=error.message))
            raise
        job.journal.append(entry.then("accepted", made.id))
    job.reporter.progress(f"made the endpoint {entry.key}, {made.id}")
    connect.set_up(made.setup_key)
    job.journal.append(entry.then("accepted", made.id, detail=_SET_UP))
    return GlobusEndpoint(made.id, entry.key)


def _wait_until_ready(
    job: JobContext, service: TransferService, connect: _Connect, process: KeptProcess, endpoint: Endpoint
) -> None:
    """Wait until the service can list the shared directory: "connected" comes seconds too early."""
    for waited in turns(0.05, 2.0):
        check()
        job.heartbeat.send()
        if (status := process.wait(0)) is not None:
            raise _failure(f"on the node ended with code {status}, and said {connect.said}")
        try:
            service.listing(endpoint, f"{job.directory}/")
        except EndpointError as error:
            if waited > READY_WITHIN:
                raise NodeFault(
                    f"Globus Connect on the node did not come up within {READY_WITHIN:.0f} s: {error.message}",
                    hint="the node must reach the Globus service; see the pilot's log",
                    code="node-endpoint",
                    transient=True,
                ) from error
        else:
            return


class _Connect:
    """Program ``globusconnectpersonal`` with a configuration directory of its own."""

    def __init__(self, job: JobContext, program: str) -> None:
        self._job = job
        self._config = job.scratch / "connect"
        self._program = os.path.abspath(shutil.which(program) or program)

    def set_up(self, key: str) -> None:
        """Use the one-time key, which the program takes as an argument only; afterwards it is worth nothing."""
        register(key)
        self._config.mkdir(mode=0o700, exist_ok=True)
        with self._run("connect set-up", "-setup", "--setup-key", key) as process:
            end = time.monotonic() + SET_UP_WITHIN
            while (status := process.wait(HEARTBEAT_EVERY)) is None and time.monotonic() < end:
                check()
                self._job.heartbeat.send()
        if status != 0:
            root = os.geteuid() == 0 and "root" in self.said.lower()
            raise _failure(
                f"could not be set up on the node: it ended with code {status}, and said {self.said}",
                "it refuses to run as root: run the pilot as an ordinary user" if root else "",
            )

    @contextmanager
    def running(self) -> Iterator[KeptProcess]:
        """Run the body while the program runs, restricted to the job's directory."""
        with self._run("connect", "-start", "-restrict-paths", f"rw{self._job.directory}") as process:
            try:
                yield process
            finally:
                with defer_signals():
                    process.end(within=END_WITHIN if has_come() else STOP_WITHIN)

    @property
    def said(self) -> str:
        """Return the last words of the program, quoted."""
        words = self._log.read_text(errors="replace").strip()[-500:]
        return quote(words) if words else "nothing"

    @property
    def _log(self) -> Path:
        return self._config / "connect.log"

    @contextmanager
    def _run(self, name: str, *words: str) -> Iterator[KeptProcess]:
        words = (self._program, "-dir", str(self._config), *words)
        with open(self._log, "wb", opener=private) as log, ExitStack() as stack:
            command = Command(words, self._config, self._job.env, log.fileno())
            try:
                process = stack.enter_context(keep(command, name, self._job.journal))
            except OSError as error:
                raise _failure(f"cannot be used: {quote(self._program)}: {error.strerror}") from error
            yield process


def _failure(what: str, hint: str = "") -> NodeFault:
    return NodeFault(f"Globus Connect {what}", hint=hint or "see the pilot's log", code="node-endpoint")
