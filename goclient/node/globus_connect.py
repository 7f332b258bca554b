"""A Globus endpoint of the node's own: a Globus Connect Personal that lives as long as its job."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from goclient.errors import EndpointError, GoclientError, RequestError
from goclient.errors.wording import quoted
from goclient.files.private import private
from goclient.journal import Entry
from goclient.model.endpoint import Endpoint, GlobusEndpoint
from goclient.node.engines.base import JobContext, TransferService
from goclient.node.signals import uninterrupted
from goclient.secrets import register
from goclient.services.retry import turns

READY_WITHIN = 120.0  # seconds from start to the first listing through the service
STOP_WITHIN = 20.0
PROGRAM = "globusconnectpersonal"


@contextmanager
def node_endpoint(job: JobContext, service: TransferService, *, name: str, program: str) -> Iterator[Endpoint]:
    """Run the body with a private endpoint that shares the job's directory; raise EndpointError without one.

    The endpoint's own name begins with ``name``.  It is stopped and deleted in every case.
    """
    own_name = f"{name}-{secrets.token_hex(4)}"
    job.journal.append(Entry("endpoint", own_name, "intended"))
    connect = _Connect(job, program)
    collection_id = ""
    try:
        with uninterrupted():
            made = service.create_personal(own_name)
            collection_id = made.id
        job.journal.append(Entry("endpoint", own_name, "accepted", (collection_id,)))
        job.reporter.progress(f"made the endpoint {own_name}, {collection_id}")
        endpoint = GlobusEndpoint(collection_id, own_name)
        connect.set_up(made.setup_key)
        connect.start()
        _wait_until_ready(service, connect, endpoint, job.directory)
        job.reporter.progress(f"Globus Connect runs, restricted to {job.directory}")
        yield endpoint
    finally:
        if collection_id:
            with uninterrupted():
                connect.stop()
                try:
                    service.delete(collection_id)
                except GoclientError as error:  # the job's own result counts more
                    job.reporter.progress(f"clean-up: {error.message}")
                else:
                    job.journal.append(Entry("endpoint", own_name, "done", (collection_id,)))
                    job.reporter.progress(f"removed the endpoint {own_name}")


def check_node(work: Path, program: str) -> None:
    """Check, before a job is taken, that this node can carry jobs out; raise what is missing."""
    if not os.access(work, os.W_OK | os.X_OK) or not work.is_dir():
        raise RequestError(
            f"jobs cannot run in {quoted(work)}: it is not a directory that can be written to",
            hint="set TMPDIR to one, or start the pilot in one",
            code="no-folder",  # plain: a code is fixed
        )
    if shutil.which(program) is None:
        raise EndpointError(
            f"{quoted(program)} is not on this node",
            hint="install Globus Connect Personal, or set GOCLIENT_GLOBUSCONNECT to its path",
            code="no-globus-connect",
        )


def _wait_until_ready(service: TransferService, connect: _Connect, endpoint: Endpoint, directory: Path) -> None:
    """Wait until the service can list the shared directory: "connected" alone comes seconds too early."""
    for waited in turns(0.05, 2.0):
        connect.check_alive()
        try:
            if connect.is_connected():
                service.listing(endpoint, f"{directory}/")
                return
            problem = "it does not say that it is connected"
        except EndpointError as error:
            problem = error.message
        if waited > READY_WITHIN:
            raise EndpointError(
                f"Globus Connect on the node did not come up within {READY_WITHIN:.0f} s: {problem}",
                hint="the node must reach the Globus service; see the pilot's log",
                code="node-endpoint",
                transient=True,
            )


class _Connect:
    """Program ``globusconnectpersonal`` with a configuration directory of its own."""

    def __init__(self, job: JobContext, program: str) -> None:
        self._job = job
        self._config = job.scratch / "connect"
        self._command = [program, "-dir", str(self._config)]
        self._process: subprocess.Popen[bytes] | None = None

    def set_up(self, key: str) -> None:
        """Use the one-time key, which the program takes as an argument only; afterwards it is worth nothing."""
        register(key)
        self._config.mkdir(mode=0o700)
        result = self._call("-setup", "--setup-key", key)
        if result.returncode != 0:
            text = (result.stdout + result.stderr).strip()
            root = os.geteuid() == 0 and "root" in text.lower()
            raise _failed(
                f"could not be set up on the node: {quoted(text)}",
                "it refuses to run as root: run the pilot as an ordinary user" if root else "",
            )

    def start(self) -> None:
        """Start the program in the background, restricted to the job's directory."""
        command = [*self._command, "-start", "-restrict-paths", f"rw{self._job.directory}"]
        with open(self._config / "connect.log", "ab", opener=private) as log, uninterrupted():
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._job.env,
                start_new_session=True,
            )

    def check_alive(self) -> None:
        """Raise EndpointError if the program has ended."""
        if self._process is not None and self._process.poll() is not None:
            text = (self._config / "connect.log").read_text(errors="replace").strip()
            raise _failed(f"on the node ended with code {self._process.returncode}: {quoted(text)}")

    def is_connected(self) -> bool:
        """Return True if the program says that it is connected (its exit code alone does not say so)."""
        result = self._call("-status")
        return any(line.split() == ["Globus", "Online:", "connected"] for line in result.stdout.splitlines())

    def stop(self) -> None:
        """Stop the program, by force if it does not end."""
        if self._process is None:
            return
        try:
            if self._process.poll() is None:
                self._call("-stop")
            self._process.wait(STOP_WITHIN)
        except (EndpointError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()

    def _call(self, *words: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [*self._command, *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=60,
                env=self._job.env,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _failed(f"cannot be used: {quoted(self._command[0])} {words[0]}: {error}") from error


def _failed(what: str, hint: str = "") -> EndpointError:
    return EndpointError(f"Globus Connect {what}", hint=hint or "see the pilot's log", code="node-endpoint")
