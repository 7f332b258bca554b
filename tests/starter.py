"""Commands in processes of their own that need not import first: run as a program, it forks one for each that is asked.

A command takes a fifth of a second and more to import what it needs, and the tests type thousands of them.  So the
program below imports once what commands use; for each connection to its socket it forks a process that gets the
arguments, the environment, the directory and the files of the command, and runs the module as ``python -m`` does, or
the file as ``python -I`` does: a carrier's archive, whose own ``__main__`` has then imported what it would import.
It ends when its standard input is closed.  What a Python reads only as it starts cannot be given in this way:
``Starter.can`` says so, and such a command is started for real.  ``tests/conformance/test_starter.py`` compares both.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

# What commands, and panda-client, import of others; none of it reads the environment.
IMPORTED = (
    *("cryptography.hazmat.primitives.asymmetric.ec", "cryptography.hazmat.primitives.asymmetric.rsa"),
    *("cryptography.hazmat.primitives.serialization", "cryptography.x509", "globus_sdk.globus_app"),
    *("globus_sdk.login_flows", "globus_sdk.scopes", "globus_sdk.services.auth", "globus_sdk.services.transfer"),
    *("globus_sdk.token_storage", "rich.console", "rich.table", "httpcore", "httpx", "encodings.utf_8_sig"),
    "encodings.utf_16_le",
)
MEASURED = "GOCLIENT_TEST_BRANCHES"  # set, if the branches are measured that the tests take
LEFT_OUT = "goclient.__main__"  # it runs a command
READ_AT_START = ("PYTHON", "LC_", "LANG", "TZ", "MALLOC", "OPENSSL_CONF")
ROOT = Path(__file__).parents[1]
MOST_FILES = 8


PROGRAM = """#!{0} -IS
import json, os, socket, sys
words = [{3!r}, *sys.argv[1:]]
if {{one: value for one, value in os.environ.items() if one.startswith({1!r})}} != {2!r}:
    os.execv({0!r}, [{0!r}, "-m", *words])
os.umask(umask := os.umask(0))
order = dict(words=words, env=dict(os.environ), cwd=os.getcwd(), umask=umask, in_session=False)
request = json.dumps(order).encode()
asked = socket.socket(socket.AF_UNIX)
asked.connect({4!r})
asked.sendall(len(request).to_bytes(8, "big"))
socket.send_fds(asked, [request[:1]], [0, 1, 2])
asked.sendall(request[1:])
with asked.makefile() as answer:
    _, code = map(int, answer)
sys.exit(code if code >= 0 else 128 - code)
"""


@dataclass(frozen=True)
class Order:
    """A process that is asked for: ``python -m`` with these words; the first is a path if it has a slash."""

    words: list[str]
    env: dict[str, str]
    cwd: str
    umask: int
    in_session: bool  # in one of its own


class Forked:
    """A process that was forked; the starter waits for it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        line = b""
        while not line.endswith(b"\n"):
            line += connection.recv(1)
        self.pid = int(line)

    def wait(self, timeout: float | None) -> int:
        """Return its exit code, negative for a signal, once; raise TimeoutError, or BlockingIOError without any."""
        self._connection.settimeout(timeout)
        code = int(self._connection.recv(16))
        self._connection.close()
        return code


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

    def fork(
        self, words: Sequence[str], *, env: Mapping[str, str], cwd: Path, files: Sequence[int], umask: int = -1,
        in_session: bool = False,
    ) -> Forked:  # fmt: skip
        """Run a module or a file with these words; its descriptors are ``files``, the first three the standard ones."""
        with self._lock:
            self._process = self._process or self._start()
        if umask == -1:
            umask = os.umask(0o022)
            os.umask(umask)
        request = json.dumps(asdict(Order(list(words), dict(env), str(cwd), umask, in_session))).encode()
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self._socket))
        connection.sendall(len(request).to_bytes(8, "big"))
        socket.send_fds(connection, [request[:1]], files)
        connection.sendall(request[1:])
        return Forked(connection)

    def run(
        self, words: list[str], *, env: Mapping[str, str], cwd: Path, typed: str = "", timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run ``python -m`` with these words, as subprocess.run does; ``typed``: what it reads, less than a page."""
        outputs = [os.pipe(), os.pipe()]
        texts = [b"", b""]

        def read(number: int) -> None:
            with open(outputs[number][0], "rb") as pipe:
                texts[number] = pipe.read()

        readers = [threading.Thread(target=read, args=(number,), daemon=True) for number in range(len(outputs))]
        end = time.monotonic() + timeout
        with open(_holding(typed), "rb") as stdin:
            try:
                process = self.fork(words, env=env, cwd=cwd, files=[stdin.fileno(), *(writer for _, writer in outputs)])
            finally:
                for _, writer in outputs:
                    os.close(writer)
        for reader in readers:
            reader.start()
        try:
            code = process.wait(timeout)
            for reader in readers:
                reader.join(max(0.0, end - time.monotonic()))
            if any(reader.is_alive() for reader in readers):
                raise TimeoutError
        except TimeoutError:
            os.kill(process.pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(words, timeout, *texts) from None
        return subprocess.CompletedProcess(words, code, *(text.decode() for text in texts))

    def program(self, folder: Path, name: str, module: str) -> None:
        """Write a program of this name into a folder, for a shell: it is run as the module, forked where it can be."""
        with self._lock:
            self._process = self._process or self._start()
        kept = {one: value for one, value in self._environment.items() if one.startswith(READ_AT_START)}
        text = PROGRAM.format(sys.executable, READ_AT_START, kept, module, str(self._socket))
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)

    def _start(self) -> subprocess.Popen[bytes]:
        words = [sys.executable, __file__, str(self._socket), os.environ.get(MEASURED, "")]
        process = subprocess.Popen(
            words, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    def end(self) -> None:
        if self._process:
            self._process.communicate()  # closes what it reads


class ForkedPopen(subprocess.Popen[str]):
    """Process that subprocess starts and waits for, with a process that a starter has forked in place of its own."""

    def __init__(self, starter: Starter, words: Sequence[str], **more: Any) -> None:
        self._starter = starter
        super().__init__(words, **more)

    def _execute_child(self, words: list[str], *given: Any) -> None:  # as CPython calls it
        _, _, _, _, cwd, env, _, _, _, *pipes, _, _, _, _, umask, in_session, _ = given
        files = [number if own == -1 else own for number, own in enumerate((pipes[0], pipes[3], pipes[5]))]
        self._forked = self._starter.fork(words, env=env, cwd=cwd, files=files, umask=umask, in_session=in_session)
        self.pid = self._forked.pid
        self._child_created = True
        getattr(self, "_close_pipe_fds")(*pipes)  # noqa: B009  # the ends that the process has

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        with contextlib.suppress(BlockingIOError):
            self.returncode = self._forked.wait(0) if self.returncode is None else self.returncode
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        try:
            self.returncode = self._forked.wait(timeout) if self.returncode is None else self.returncode
        except TimeoutError:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0) from None
        return self.returncode


def _holding(text: str) -> int:
    """Return what a process reads a text from, and then its end."""
    reader, writer = os.pipe()
    os.write(writer, text.encode())
    os.close(writer)
    return reader


# --- the program --------------------------------------------------------------------------------------------


def main(path: str, measured: str) -> None:
    """Serve a socket until standard input is closed."""
    import gc
    import importlib
    import pkgutil
    import select

    sys.path[0] = str(ROOT)  # the tree of these tests, wherever another one is installed
    if measured:
        from tests import branches

        branches.measure()
    import goclient

    ours = [module.name for module in pkgutil.walk_packages(goclient.__path__, "goclient.")]
    for name in (*IMPORTED, *(one for one in ours if not one.startswith(LEFT_OUT))):
        importlib.import_module(name)
    _start_carriers_quickly(Path(path).parent)
    gc.freeze()  # what all have in common stays so
    running: dict[int, tuple[int, socket.socket]] = {}  # by a descriptor of the process: its number, and who asked
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        os.write(1, b"ready\n")
        while True:
            ready, _, _ = select.select([server.fileno(), 0, *running], [], [])
            if 0 in ready:
                return
            for one in ready:
                if one == server.fileno():
                    connection, _ = server.accept()
                    pid = _forked(connection)
                    running[os.pidfd_open(pid)] = pid, connection
                    answer = pid
                else:
                    pid, connection = running.pop(one)
                    os.close(one)
                    _, status = os.waitpid(pid, 0)
                    answer = os.waitstatus_to_exitcode(status)
                with contextlib.suppress(OSError):  # nobody waits for it any more
                    connection.sendall(f"{answer}\n".encode())
                if one != server.fileno():
                    connection.close()


def _start_carriers_quickly(folder: Path) -> None:
    """Give nodes without a fault a python3 that need not compile what a carrier brings."""
    import shutil

    from goclient.sandbox.site import defects, node, site
    from tests.carrier import quick

    python = shutil.which("python3", path=node.PATH)
    if python is None:
        return
    programs = folder / "node"
    programs.mkdir()
    (programs / "python3").write_text(quick.PYTHON.format(python=python, quick=quick.__file__))
    (programs / "python3").chmod(0o755)
    prepare = node.prepare_path

    def prepare_quickly(home: Path, fault: defects.Fault | None) -> str:
        path = prepare(home, fault)
        return path if fault else f"{programs}:{path}"

    setattr(site, prepare.__name__, prepare_quickly)


def _forked(connection: socket.socket) -> int:
    """Return the number of the process that a connection asks for."""
    size = int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "big")
    first, files, _, _ = socket.recv_fds(connection, 1, MOST_FILES)
    order = Order(**json.loads(first + connection.recv(size - 1, socket.MSG_WAITALL)))
    child = os.fork()
    if child == 0:
        _become(order, files)
    for file in files:
        os.close(file)
    return child


def _become(order: Order, files: list[int]) -> NoReturn:
    """Be ``python -m`` with these words, from its first line to its last."""
    for number, file in enumerate(files):  # these are above all that they become
        os.dup2(file, number)
    os.closerange(len(files), 1 << 16)  # what the starter has, and what others are given
    if order.in_session:
        os.setsid()
    os.chdir(order.cwd)
    os.umask(order.umask)
    os.environ.clear()
    os.environ.update(order.env)
    module = order.words[0]
    sys.argv = order.words[:]
    if "/" in module:
        del sys.path[0]  # as -I has it
    else:
        sys.path[0] = order.cwd  # as -m has it
    code: object = 0
    try:
        sys.modules.pop(module, None)  # it is run anew, as __main__
        if "/" in module:
            runpy.run_path(module, run_name="__main__")
        else:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as exit_:
        code = exit_.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    getattr(threading, "_shutdown")()  # noqa: B009  # as Python does at its end
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
