"""A process of a job, and all that it has started, ends with the pilot, whatever ends the pilot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from goclient.journal import Entry, Journal
from goclient.node.keeper import Command, KeptProcess, keep, kill_recorded
from goclient.node.keeper_program import began
from tests.node.test_travels import oldest_python

TOP = Path(__file__).parents[2]
GONE_WITHIN = 10.0  # seconds; it takes a few milliseconds, on a machine that does nothing else
# A payload with two children: one in its session, and one that does all that a daemon does, and ignores signals.
# Each writes its number; the payload's comes last.
PAYLOAD = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        open("daemon", "w").write(str(os.getpid()))
        os.closerange(0, 100)
        os.chdir("/")
        time.sleep(1000)
    os._exit(0)
if os.fork() == 0:
    open("child", "w").write(str(os.getpid()))
    time.sleep(1000)
while not all(os.path.exists(name) and os.path.getsize(name) for name in ("child", "daemon")):
    time.sleep(0.01)
open("self", "w").write(str(os.getpid()))
os.rename("self", "main")
if sys.argv[1:]:
    os._exit(int(sys.argv[1]))
time.sleep(1000)
"""
NAMES = ("main", "child", "daemon")
PILOT = f"""
import os, pkgutil, sys
from pathlib import Path
sys.path.insert(0, {str(TOP)!r})
from goclient.journal import Journal
from goclient.node.keeper import Command, keep
if sys.argv[1] == "no cgroup":
    get_data = pkgutil.get_data
    pkgutil.get_data = lambda *words: get_data(*words).replace(b"/proc/self/mountinfo", b"/dev/null")
with open("out", "wb") as out:
    words = [{sys.executable!r}, "-c", {PAYLOAD!r}]
    with keep(Command(words, Path.cwd(), os.environ, out.fileno()), "payload", Journal(Path("journal"))) as process:
        process.wait(1000)
"""


class Run:
    """One run of a program by a keeper, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.journal = Journal(directory / "journal")
        self.out = open(directory / "out", "x+b")  # noqa: SIM115  # as long as the test

    def command(self, *words: str, **env: str) -> Command:
        return Command(words, self.directory, {**os.environ, **env}, self.out.fileno())

    def status(self, *words: str, **env: str) -> int | None:
        with keep(self.command(*words, **env), "payload", self.journal) as process:
            return process.wait(60)

    def wait_until_it_says(self) -> None:
        """Wait until the program has written something."""
        end = time.monotonic() + 30
        while not self.said and time.monotonic() < end:
            time.sleep(0.01)

    @property
    def said(self) -> str:
        return (self.directory / "out").read_text()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path)
    yield made
    made.out.close()


def processes(directory: Path) -> dict[int, int]:
    """The payload's processes, and when each began, once it has written all of their numbers."""
    end = time.monotonic() + 30
    while not (directory / "main").exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    numbers = [int((directory / name).read_text()) for name in NAMES]
    return {number: began(number) for number in numbers if Path(f"/proc/{number}").exists()}


def left(known: dict[int, int], *, within: float = GONE_WITHIN) -> list[int]:
    """The processes that are there after so many seconds; one that nobody has waited for yet is not."""
    end = time.monotonic() + within
    while found := [pid for pid, start in known.items() if _lives(pid, start)]:
        if time.monotonic() > end:
            return found
        time.sleep(0.005)
    return []


def _lives(pid: int, start: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2]
    except OSError:
        return False
    return text[0] not in "ZX" and int(text.split()[19]) == start


PYTHONS = [pytest.param(lambda: sys.executable, id="this Python"), pytest.param(oldest_python, id="Python 3.9")]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("cgroup", ["cgroup", "no cgroup"])
def test_a_killed_pilot_leaves_neither_its_payload_nor_a_daemon(
    tmp_path: Path, python: Callable[[], str], cgroup: str
) -> None:
    pilot = subprocess.Popen([python(), "-c", PILOT, cgroup], cwd=tmp_path)
    known = processes(tmp_path)
    pilot.kill()
    pilot.wait()
    assert len(known) == len(NAMES)
    assert left(known) == []
    (entry,) = Journal(tmp_path / "journal").latest("process")
    assert (entry.state, int(entry.subjects[0]) in known) == ("accepted", True)


def test_a_payload_that_has_ended_leaves_no_daemon(run: Run) -> None:
    assert run.status(sys.executable, "-c", PAYLOAD, "7") == 7
    assert processes(run.directory) == {}
    assert [entry.state for entry in run.journal.entries()] == ["intended", "accepted", "done"]


def test_a_killed_keeper_takes_its_process_along(run: Run) -> None:
    with keep(run.command(sys.executable, "-c", PAYLOAD), "payload", run.journal) as process:
        known = processes(run.directory)
        os.kill(_parent(process.pid), signal.SIGKILL)
        assert left({process.pid: process.start}) == [], "also without a pilot that sees it"
        assert process.wait(GONE_WITHIN) == -signal.SIGKILL
    daemon = int((run.directory / "daemon").read_text())
    del known[daemon]  # without a cgroup, nobody knows it any more
    assert left(known) == []
    with suppress(ProcessLookupError):
        os.kill(daemon, signal.SIGKILL)


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


def test_a_signal_to_the_keeper_is_not_one_to_the_job(run: Run) -> None:
    with keep(run.command(sys.executable, "-c", PAYLOAD), "payload", run.journal) as process:
        known = processes(run.directory)
        for number in ("TERM", "HUP", "INT", "QUIT", "XCPU", "USR1", "USR2"):
            os.kill(_parent(process.pid), getattr(signal, f"SIG{number}"))
        assert process.wait(0.3) is None
        assert left(known, within=0) == list(known)
    assert left(known, within=0) == []


def test_a_process_that_is_ended_may_clean_up_first(run: Run) -> None:
    script = "trap 'echo cleaned; exit 3' TERM; echo started; while :; do :; done"
    with keep(run.command("/bin/sh", "-c", script), "payload", run.journal) as process:
        run.wait_until_it_says()
        assert process.end()
        assert process.wait(0) == 3
    assert run.said == "started\ncleaned\n"


def test_a_process_that_does_not_end_itself_is_killed_in_time(run: Run) -> None:
    script = "trap '' TERM; echo started; sleep 1000"
    with keep(run.command("/bin/sh", "-c", script), "payload", run.journal) as process:
        run.wait_until_it_says()
        started = time.monotonic()
        assert process.end(within=0.1)
        assert process.wait(0) == -signal.SIGKILL
    assert time.monotonic() - started < GONE_WITHIN


ENDS = [
    pytest.param(["/bin/sh", "-c", "exit 7"], 7, id="exit code"),
    pytest.param(["/bin/sh", "-c", "kill -9 $$"], -9, id="signal"),
    pytest.param(["true"], 0, id="on the path"),
]


@pytest.mark.parametrize(("words", "status"), ENDS)
def test_the_end_of_a_process_is_told_as_it_was(run: Run, words: list[str], status: int) -> None:
    assert run.status(*words) == status


def test_words_variables_and_the_directory_arrive_byte_for_byte(run: Run) -> None:
    word = os.fsdecode(b"a b\n'\"$HOME \xff") + "é"
    script = 'import os; print([os.fsencode(w) for w in os.sys.argv[1:]], os.environb[b"X"], os.getcwd())'
    assert run.status(sys.executable, "-c", script, word, "", X=word) == 0
    expected = os.fsencode(word)
    assert run.said == f"{[expected, b'']} {expected!r} {run.directory}\n"


OF_THE_C_LIBRARY = 0b11 << 31  # its signals 32 and 33, which a program cannot reset


def test_a_process_has_no_descriptor_and_no_signal_of_the_pilot(run: Run) -> None:
    script = (
        "import os; print(sorted(os.listdir('/proc/self/fd'))[:-1], os.getsid(0) == os.getpid());"
        "masks = [line.split()[1] for line in open('/proc/self/status') if line.startswith(('SigBlk', 'SigIgn'))];"
        f"print([f'{{int(mask, 16) & ~{OF_THE_C_LIBRARY}:016x}}' for mask in masks])"
    )
    with open("/dev/null") as held:
        os.set_inheritable(held.fileno(), True)
        assert run.status(sys.executable, "-c", script) == 0
    ignored_by_python = f"{1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1:016x}"
    assert run.said == f"['0', '1', '2'] True\n['{0:016x}', '{ignored_by_python}']\n"


def test_a_script_without_an_interpreter_line_is_run_by_sh(run: Run) -> None:
    script = run.directory / "script"
    script.write_text('echo "$1"\n')
    script.chmod(0o700)
    assert run.status(str(script), "a b") == 0
    assert run.said == "a b\n"


UNFIT = [
    pytest.param("/no/such/program", OSError, "No such file", id="missing"),
    pytest.param("/etc/passwd", OSError, "Permission denied", id="not a program"),
    pytest.param("/bin/true\0", ValueError, "null byte", id="NUL"),
]


@pytest.mark.parametrize(("program", "kind", "words"), UNFIT)
def test_a_program_that_cannot_be_run_is_an_error_at_once(
    run: Run, program: str, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        run.status(program)
    assert [entry.state for entry in run.journal.entries()] == ["intended", "done"]


def test_a_python_that_cannot_be_a_keeper_is_an_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(OSError, match="its keeper did not start"):
        run.status("true")


def test_a_recorded_process_is_killed_only_if_it_is_that_one() -> None:
    process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    start = began(process.pid)
    kill_recorded(Entry("process", "payload", "accepted", (str(process.pid), str(start + 1), "")))
    assert process.poll() is None
    kill_recorded(Entry("process", "payload", "accepted", (str(process.pid), str(start), "")))
    assert process.wait(GONE_WITHIN) == -signal.SIGKILL


def test_a_keeper_s_arguments_hold_neither_words_nor_variables(run: Run) -> None:
    with keep(run.command("sleep", "1000", SECRET="of-the-job"), "payload", run.journal) as process:
        keeper = Path(f"/proc/{_parent(process.pid)}")
        assert b"1000" not in (keeper / "cmdline").read_bytes()
        assert isinstance(process, KeptProcess)
