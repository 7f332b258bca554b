"""Commands in processes of their own that need not import first: run as a program, it forks one for each that is asked.

A command takes a fifth of a second and more to import what it needs, and the tests type thousands of them.  So the
program below imports once what commands use; for each connection to its socket it forks a process that gets the
arguments, the environment, the directory and the three standard files of the command, and runs the module as
``python -m`` does.  It ends when its standard input is closed.  What a Python reads only as it starts cannot be given
in this way: ``Starter.can`` says so, and such a command is started for real, as all of ``tests/conformance`` are.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

# What commands import of others; none of it reads the environment.
IMPORTED = (
    *("cryptography.hazmat.primitives.asymmetric.ec", "cryptography.hazmat.primitives.asymmetric.rsa"),
    *("cryptography.hazmat.primitives.serialization", "cryptography.x509", "globus_sdk.globus_app"),
    *("globus_sdk.login_flows", "globus_sdk.scopes", "globus_sdk.token_storage", "rich.console", "rich.table"),
)
LEFT_OUT = ("goclient.__main__", "goclient.sandbox", "goclient.tasks")  # programs, and what imports panda-client
READ_AT_START = ("PYTHON", "LC_", "LANG", "TZ", "MALLOC", "OPENSSL_CONF")
ROOT = Path(__file__).parents[1]
MEASURING = "COVERAGE_PROCESS_CONFIG"  # set in an environment whose processes are measured
FILES = 3


class Starter:
    """The program below, as the tests ask it."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._socket = folder / "starter"
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def can(self, env: Mapping[str, str]) -> bool:
        """Return whether Python would start in an environment as it did in the starter's."""
        names = {name for name in {*env, *self._environment} if name.startswith(READ_AT_START)}
        return all(env.get(name) == self._environment.get(name) for name in names - {"LANGUAGE"})

    def run(
        self, words: list[str], *, env: Mapping[str, str], cwd: Path, typed: str = "", timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run ``python -m`` with these words, as subprocess.run does; ``typed``: what it reads, less than a page."""
        with self._lock:
            self._process = self._process or self._start()
        with socket.socket(socket.AF_UNIX) as connection, open(_holding(typed), "rb") as stdin:
            connection.connect(str(self._socket))
            outputs = [os.pipe(), os.pipe()]
            texts: list[bytes] = [b"", b""]

            def read(number: int) -> None:
                with open(outputs[number][0], "rb") as pipe:
                    texts[number] = pipe.read()

            readers = [threading.Thread(target=read, args=(number,), daemon=True) for number in range(len(outputs))]
            umask = os.umask(0o022)
            os.umask(umask)
            request = json.dumps({"words": words, "env": dict(env), "cwd": str(cwd), "umask": umask}).encode()
            try:
                connection.sendall(len(request).to_bytes(8, "big"))
                socket.send_fds(connection, [request[:1]], [stdin.fileno(), *(writer for _, writer in outputs)])
                connection.sendall(request[1:])
            finally:
                for _, writer in outputs:
                    os.close(writer)
            for reader in readers:
                reader.start()
            with connection.makefile("r") as answer:
                pid = int(answer.readline())
                connection.settimeout(timeout)
                try:
                    code = int(answer.readline())
                    end = time.monotonic() + timeout
                    for reader in readers:
                        reader.join(max(0.0, end - time.monotonic()))
                    if any(reader.is_alive() for reader in readers):
                        raise TimeoutError
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    raise subprocess.TimeoutExpired(words, timeout, *texts) from None
        return subprocess.CompletedProcess(words, code, *(text.decode() for text in texts))

    def _start(self) -> subprocess.Popen[bytes]:
        env = dict(self._environment)
        words = [sys.executable, __file__, str(self._socket), *(["measured"] if env.pop(MEASURING, None) else [])]
        process = subprocess.Popen(
            words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    def end(self) -> None:
        if self._process:
            self._process.communicate()  # closes what it reads


def _holding(text: str) -> int:
    """Return what a process reads a text from, and then its end."""
    reader, writer = os.pipe()
    os.write(writer, text.encode())
    os.close(writer)
    return reader


# --- the program --------------------------------------------------------------------------------------------


class Measured:
    """The branches that commands take, each written down once.

    The commands of all tests are more than ten thousand processes: were each to write what it has run, as other
    processes do, it would take minutes to read it.  So a command adds only what no other of this starter has; what all
    have is a table with a place for each branch.  (Two branches at one place are one: too few are counted, if any.)
    """

    PLACES = 1 << 23

    def __init__(self) -> None:
        import mmap

        import coverage

        self._coverage = coverage.Coverage(
            data_file=None, config_file=str(ROOT / "pyproject.toml"), check_preimported=False
        )
        self._coverage.set_option("run:patch", [])
        self._seen = mmap.mmap(-1, self.PLACES)

    def start(self) -> None:
        self._coverage.start()

    def end(self) -> None:
        self._coverage.stop()
        found: dict[str, set[object]] = getattr(self._coverage, "_collector").data  # noqa: B009  # what it has so far
        for file, branches in found.items():
            for branch in list(branches):
                place = hash((file, branch)) % self.PLACES  # the same in all processes: they are forked from one
                if self._seen[place]:
                    branches.remove(branch)
                self._seen[place] = 1
        if any(found.values()):
            import coverage

            data = self._coverage.get_data()
            added = coverage.CoverageData(str(ROOT / ".coverage"), suffix=True)
            added.add_arcs({file: data.arcs(file) or () for file in data.measured_files()})
            added.write()


def main(path: str, *options: str) -> None:
    """Serve a socket until standard input is closed."""
    import gc
    import importlib
    import pkgutil
    import select

    sys.path[0] = str(ROOT)  # the tree of these tests, wherever another one is installed
    measured = Measured() if options else None
    if measured:
        measured.start()
    import goclient

    ours = [module.name for module in pkgutil.walk_packages(goclient.__path__, "goclient.")]
    for name in (*IMPORTED, *(one for one in ours if not one.startswith(LEFT_OUT))):
        importlib.import_module(name)
    if measured:
        measured.end()
    gc.freeze()  # what all have in common stays so
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that attend to a connection
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        os.write(1, b"ready\n")
        while True:
            ready, _, _ = select.select([server.fileno(), 0], [], [])
            if 0 in ready:
                return
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                _attend(connection, measured)
            connection.close()


def _attend(connection: socket.socket, measured: Measured | None) -> NoReturn:
    """Start the command that a connection asks for, tell its number, and then its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size = int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "big")
    first, files, _, _ = socket.recv_fds(connection, 1, FILES)
    request = json.loads(first + connection.recv(size - 1, socket.MSG_WAITALL))
    child = os.fork()
    if child == 0:
        connection.close()
        _become(files, measured if MEASURING in request["env"] else None, **request)
    for file in files:
        os.close(file)
    connection.sendall(f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(
    files: list[int], measured: Measured | None, *, words: list[str], env: dict[str, str], cwd: str, umask: int
) -> NoReturn:
    """Be ``python -m`` with these words, from its first line to its last."""
    import atexit
    import runpy
    import traceback

    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(cwd)
    os.umask(umask)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = words[:]
    sys.path[0] = cwd  # as -m has it
    code: object = 0
    if measured:
        measured.start()
    try:
        sys.modules.pop(words[0], None)  # it is run anew, as __main__
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    except SystemExit as exit_:
        code = exit_.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    getattr(threading, "_shutdown")()  # noqa: B009  # as Python does at its end
    if measured:
        measured.end()  # before a command's last function, which ends the process
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
