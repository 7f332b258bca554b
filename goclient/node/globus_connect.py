"""The node's own Globus endpoint: a Globus Connect Personal that lives as long as its job."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from goclient.config.environment import own
from goclient.errors import EndpointError, GoclientError, RequestError, quoted
from goclient.files.private import private
from goclient.journal import Entry, Journal
from goclient.node.environment import clean_environment
from goclient.node.signals import uninterrupted
from goclient.secrets import register
from goclient.services.globus.sdk import Globus

READY_WITHIN = 120.0  # seconds from start to the first listing through the service
STOP_WITHIN = 20.0
PROGRAM = "globusconnectpersonal"

Say = Callable[[str], None]


@contextmanager
def node_endpoint(
    globus: Globus, *, name: str, shared: Path, config: Path, journal: Journal, say: Say
) -> Iterator[str]:
    """The id of a private endpoint that shares one folder of this node, in a ``with`` block.

    Its name begins with ``name`` and is its own; its configuration is in ``config``.  It is stopped and removed
    in every case.  Raises EndpointError if it does not come up.
    """
    own_name = f"{name}-{secrets.token_hex(4)}"
    journal.append(Entry("endpoint", own_name, "intended"))
    connect = _Connect(config)
    collection_id = ""
    try:
        with uninterrupted():
            collection_id, setup_key = globus.create_personal(own_name)
        journal.append(Entry("endpoint", own_name, "accepted", (collection_id,)))
        say(f"made the endpoint {own_name}, {collection_id}")
        connect.setup(setup_key)
        connect.start(shared)
        _wait_until_ready(globus, connect, collection_id, shared)
        say(f"Globus Connect runs, restricted to {shared}")
        yield collection_id
    finally:
        if collection_id:
            with uninterrupted():
                _clean_up(globus, connect, collection_id, own_name, journal, say)


def check_node(work: Path) -> None:
    """None if this node can carry jobs out; raises what is missing, before a job is taken."""
    if not os.access(work, os.W_OK | os.X_OK) or not work.is_dir():
        raise RequestError(
            f"jobs cannot run in {quoted(work)}: it is no folder that can be written to",
            hint="set TMPDIR to one, or start the pilot in one",
            code="no-folder",
        )
    if shutil.which(_program()) is None:
        raise EndpointError(
            f"{quoted(_program())} is not on this node",
            hint="install Globus Connect Personal, or set GOCLIENT_GLOBUSCONNECT to its path",
            code="no-globus-connect",
        )


def _program() -> str:
    return own(os.environ, "GOCLIENT_GLOBUSCONNECT") or PROGRAM


def _wait_until_ready(globus: Globus, connect: _Connect, collection_id: str, shared: Path) -> None:
    """None, once the service can list the shared folder: "connected" alone comes seconds too early."""
    end = time.monotonic() + READY_WITHIN
    pause = 0.05
    while True:
        connect.check_alive()
        try:
            if connect.connected():
                globus.listing(collection_id, f"{shared}/")
                return
            problem = "it does not say that it is connected"
        except EndpointError as error:
            problem = error.message
        if time.monotonic() > end:
            raise EndpointError(
                f"Globus Connect on the node did not come up within {READY_WITHIN:.0f} s: {problem}",
                hint="the node must reach the Globus service; see the pilot's log",
                code="node-endpoint",
                transient=True,
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 2.0)


def _clean_up(globus: Globus, connect: _Connect, collection_id: str, name: str, journal: Journal, say: Say) -> None:
    """Stops and removes the endpoint; what fails here is said, because the job's own result counts more."""
    connect.stop()
    try:
        globus.delete(collection_id)
    except GoclientError as error:
        say(f"clean-up: {error.message}")
        return
    journal.append(Entry("endpoint", name, "done", (collection_id,)))
    say(f"removed the endpoint {name}")


class _Connect:
    """The ``globusconnectpersonal`` program with a configuration folder of its own."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._program = _program()
        self._env = clean_environment(os.environ)
        self._process: subprocess.Popen[bytes] | None = None

    def setup(self, key: str) -> None:
        """Use the one-time key.  The program takes it as an argument only; afterwards it is worth nothing."""
        register(key)
        result = self._call(["-setup", "--setup-key", key])
        if result.returncode != 0:
            text = (result.stdout + result.stderr).strip()
            root = os.geteuid() == 0 and "root" in text.lower()
            raise EndpointError(
                f"Globus Connect could not be set up on the node: {quoted(text)}",
                hint="it refuses to run as root: run the pilot as an ordinary user" if root else "see the pilot's log",
                code="node-endpoint",
            )

    def start(self, shared: Path) -> None:
        """Starts the program in the background, restricted to one folder."""
        command = [self._program, "-dir", str(self._config), "-start", "-restrict-paths", f"rw{shared}"]
        with open(self._config / "connect.log", "ab", opener=private) as log, uninterrupted():
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env, start_new_session=True
            )

    def check_alive(self) -> None:
        """None; raises EndpointError if the program has ended."""
        if self._process is not None and self._process.poll() is not None:
            text = (self._config / "connect.log").read_text(errors="replace").strip()
            raise EndpointError(
                f"Globus Connect on the node ended with code {self._process.returncode}: {quoted(text)}",
                hint="see the pilot's log",
                code="node-endpoint",
            )

    def connected(self) -> bool:
        """Whether the program says that it is connected (its exit code alone does not say so)."""
        result = self._call(["-status"])
        return any(line.split() == ["Globus", "Online:", "connected"] for line in result.stdout.splitlines())

    def stop(self) -> None:
        """Stops the program, by force if it does not end."""
        if self._process is None:
            return
        try:
            if self._process.poll() is None:
                self._call(["-stop"])
            self._process.wait(STOP_WITHIN)
        except (EndpointError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()

    def _call(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        self._config.mkdir(mode=0o700, exist_ok=True)
        command = [self._program, "-dir", str(self._config), *words]
        try:
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=60,
                env=self._env,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EndpointError(
                f"{quoted(self._program)} {words[0]}: {error}",
                hint="see the pilot's log",
                code="node-endpoint",
            ) from error
