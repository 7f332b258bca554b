"""Copies of real GridFTP servers that break off, or are damaged; and files that pass from one server to another."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from goclient.errors import EndpointError, GoclientError
from goclient.errors.conditions import ChecksumDiffers, PathExists, PathNotFound
from goclient.errors.myproxy import NoUserProxy
from goclient.journal import Journal
from goclient.model.endpoint import JOB
from goclient.model.mode import Mode
from goclient.model.plan import TransferTask
from goclient.node.engines import gridftp_end as streamed
from goclient.node.engines import gridftp_pair as paired
from goclient.node.engines.base import JobContext, TransferEngine, Transferred
from goclient.node.engines.gridftp import GridftpEngine
from goclient.node.shared_filesystem import Shared
from goclient.reporter.base import Kind
from goclient.reporter.recording import RecordingReporter
from goclient.services.gridftp.data import Watch
from goclient.services.gsi.tls import Credential
from tests.node.engines.benches import GridftpBench, PairBench, item
from tests.sandbox.waiting import until
from tests.servers.between import Between, Fault
from tests.servers.gridftp import GridftpServers
from tests.services.gridftp.test_files import lose

CONTENT = random.Random(7).randbytes(6_000_000)
CUTS = range(7_000, 13_000, 1_500)  # bytes of a control channel: most are behind the login


def test_the_engine_loads_nothing_that_only_others_need() -> None:
    slow = "{'concurrent.futures', 'logging', 'secrets', 'tempfile', 'shutil', 'cryptography'}"
    code = f"import sys, goclient.node.engines.gridftp; print(*sorted({slow} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


@pytest.fixture
def bench(gridftp: GridftpServers, tmp_path: Path) -> Iterator[GridftpBench]:
    """The node between the job's directory and a server."""
    GridftpBench.servers = gridftp
    made = GridftpBench(tmp_path)
    with made.stack:
        yield made


@pytest.fixture
def pair(gridftp: GridftpServers, tmp_path: Path) -> Iterator[PairBench]:
    """A server that sees the job's directory, and another one."""
    GridftpBench.servers = gridftp
    made = PairBench(tmp_path)
    with made.stack:
        yield made


@pytest.fixture
def between(pair: PairBench) -> Callable[..., Transferred]:
    """Carry out items between two directories, ``from`` on the second server and ``there`` on the first one."""
    (pair.top / "from").mkdir()

    def run(*items: Any, **how: Any) -> Transferred:
        whole = tuple(
            one._replace(source=f"{pair.top}/from/{one.source}", destination=pair.path(one.destination))
            for one in items
        )
        assert pair.near is not None
        return pair._run(TransferTask("output", pair.near, pair.far, whole), **how)

    return run


# --- what breaks off ----------------------------------------------------------------------------------------------


def breaks_once(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, arrived: Callable[[], object] = lambda: True
) -> list[int]:
    """Cut the first copy when it has moved something, and that has arrived; return how much had when copies began."""
    real, began, moved = getattr(module, name), list[int](), list[int]()

    def cut(*arguments: Any, watch: Watch, **how: Any) -> Any:
        began.append(arguments[1].file.tell() if name == "get" else how.get("offset", 0))

        def told(count: int) -> None:
            watch.progress(count)
            moved.append(count)
            if sum(moved) > (len(CONTENT) // 2 if name == "put" else 0) and len(began) == 1:
                until(arrived)  # what was sent may still be in buffers
                raise EndpointError("the connection broke", transient=True)

        return real(*arguments, watch=Watch(told, 5.0), **how)

    monkeypatch.setattr(module, name, cut)
    return began


def test_a_get_that_breaks_off_goes_on_where_it_was(bench: GridftpBench, monkeypatch: pytest.MonkeyPatch) -> None:
    began = breaks_once(monkeypatch, streamed, "get")
    (bench.there / "in").write_bytes(CONTENT)
    assert bench.bring(item("in", "in")) == Transferred(1, len(CONTENT))
    assert (bench.job / "in").read_bytes() == CONTENT
    first, again = began
    assert first == 0 < again


def test_a_put_that_breaks_off_goes_on_where_it_was(bench: GridftpBench, monkeypatch: pytest.MonkeyPatch) -> None:

    def arrived() -> bool:
        return any(one.is_file() and one.stat().st_size for one in bench.there.rglob("*"))

    began = breaks_once(monkeypatch, streamed, "put", arrived=arrived)
    (bench.job / "out").write_bytes(CONTENT)
    assert bench.take(item("out", "out")) == Transferred(1, len(CONTENT))
    assert (bench.there / "out").read_bytes() == CONTENT
    first, again = began
    assert first == 0 < again


def test_a_copy_between_servers_that_breaks_off_is_done_again(pair: PairBench, monkeypatch: pytest.MonkeyPatch) -> None:
    began = breaks_once(monkeypatch, paired, "third_party")
    (pair.job / "out").write_bytes(CONTENT)
    assert pair.take(item("out", "out")) == Transferred(1, len(CONTENT))
    assert (pair.there / "out").read_bytes() == CONTENT
    assert len(began) in (1, 2)  # a copy that is quick ends before its server tells of any byte


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("after", CUTS)
def test_a_control_channel_that_is_cut_loses_nothing(bench: GridftpBench, after: int, times: int) -> None:
    (bench.job / "out").write_text("new")
    (bench.there / "old").write_text("old")
    journal = Journal(bench.top / "journal.jsonl")
    with Between(Fault(after, "reset", times)) as relays:
        bench.ask("localhost", relays.relay(bench.port))
        failures: list[GoclientError] = []
        for _ in range(3):  # pilots, each of which begins where the one before was
            try:
                bench.take(item("out", "out"), item("out", "old"), overwrite=True, journal=journal)
                break
            except GoclientError as error:
                failures.append(error)
            assert (bench.there / "old").read_text() in ("old", "new")
            assert set(bench.delivered()) <= {"old", "out"}
        assert [one for one in failures if not one.transient] == []
    assert {one: (bench.there / one).read_text() for one in bench.delivered()} == {"old": "new", "out": "new"}


@pytest.mark.parametrize("kind", [GridftpBench, PairBench])
def test_a_pilot_that_is_ended_leaves_no_part_in_a_directory_that_was_there(
    gridftp: GridftpServers, tmp_path: Path, kind: type[GridftpBench]
) -> None:
    GridftpBench.servers = gridftp
    bench = kind(tmp_path)
    for top in (bench.job, bench.there):
        (top / "run").mkdir()
        (top / "run" / "old").write_text("old")
    bench.make_long(bench.job / "run" / "long")

    def stop() -> None:
        if any(one.name.endswith(".part") and one.stat().st_size for one in (bench.there / "run").iterdir()):
            raise KeyboardInterrupt

    with bench.stack, pytest.raises(KeyboardInterrupt):
        bench.take(item("run", "run", recursive=True), overwrite=True, beat=stop)
    assert [one.name for one in (bench.there / "run").iterdir()] == ["old"]


@pytest.mark.parametrize("kind", [GridftpBench, PairBench])
def test_a_moment_without_a_proxy_costs_a_pause_and_no_job(
    kind: type[GridftpBench], gridftp: GridftpServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server may be away when a payload has ended: what that has made is not lost."""
    GridftpBench.servers = gridftp
    bench, asked = kind(tmp_path), list[int]()
    real = bench.credential

    def credential() -> Credential:
        asked.append(1)
        if len(asked) <= 3:
            raise NoUserProxy("its server does not answer", hint="wait", transient=True)
        return real()

    monkeypatch.setattr(bench, "credential", credential)
    (bench.job / "out").write_bytes(CONTENT)
    with bench.stack:
        assert bench.take(item("out", "out")) == Transferred(1, len(CONTENT))
    assert (bench.there / "out").read_bytes() == CONTENT
    assert len(asked) > 3


def test_a_job_logs_in_once_at_each_server(gridftp: GridftpServers, tmp_path: Path) -> None:
    GridftpBench.servers = gridftp
    for kind, logins in ((GridftpBench, 1), (PairBench, 2)):
        (tmp_path / kind.__name__).mkdir()
        bench, seen = kind(tmp_path / kind.__name__), list[int]()
        shown = bench.credential

        def credential(seen: list[int] = seen, shown: Callable[[], Credential] = shown) -> Credential:
            seen.append(1)
            return shown()

        bench.credential = credential  # type: ignore[method-assign]
        for name in "abc":
            (bench.job / name).write_text(name)
        with bench.stack:
            bench.take(*(item(name, name) for name in "abc"))
        assert (bench.delivered(), len(seen)) == (["a", "b", "c"], logins)


@pytest.mark.parametrize("kind", [GridftpBench, PairBench])
@pytest.mark.parametrize("heard", [0, 1, 2])
def test_an_answer_to_a_rename_that_is_lost_loses_nothing(
    gridftp: GridftpServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[GridftpBench], heard: int
) -> None:
    GridftpBench.servers = gridftp
    bench = kind(tmp_path)
    (bench.there / "run").mkdir()
    (bench.there / "run" / "a").write_text("old")
    (bench.job / "run").mkdir()
    (bench.job / "run" / "a").write_text("new")
    (bench.job / "b").write_text("b")
    with bench.stack:
        lose(monkeypatch, heard)
        bench.take(item("run", "run", recursive=True), item("b", "b"), overwrite=True)
        assert [(one.name, one.read_text()) for one in (bench.there / "run").iterdir()] == [("a", "new")]
        assert (bench.there / "b").read_text() == "b"


# --- what is damaged ----------------------------------------------------------------------------------------------


def damages(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, file: Callable[[Any], str]) -> None:
    """Change a file behind the back of a copy that went well."""
    real = getattr(module, name)

    def changed(*arguments: Any, **how: Any) -> Any:
        done = real(*arguments, **how)
        with open(file(arguments), "r+b") as opened:
            opened.write(b"damaged")
        return done

    monkeypatch.setattr(module, name, changed)


def test_what_was_changed_while_it_was_read_is_not_taken_for_whole(
    bench: GridftpBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    damages(monkeypatch, streamed, "get", lambda arguments: str(arguments[1].path))
    (bench.there / "in").write_bytes(CONTENT)
    with pytest.raises(ChecksumDiffers, match="changed meanwhile, or damaged on its way"):
        bench.bring(item("in", "in"))
    assert list(bench.job.iterdir()) == []


def test_what_was_damaged_on_its_way_gets_no_name(bench: GridftpBench, monkeypatch: pytest.MonkeyPatch) -> None:
    damages(monkeypatch, streamed, "put", lambda arguments: str(arguments[2]))
    (bench.there / "old").write_text("old")
    (bench.job / "out").write_bytes(CONTENT)
    with pytest.raises(ChecksumDiffers):
        bench.take(item("out", "old"), overwrite=True)
    assert (bench.there / "old").read_text() == "old"


def test_what_was_damaged_between_servers_gets_no_name(pair: PairBench, monkeypatch: pytest.MonkeyPatch) -> None:
    damages(monkeypatch, paired, "third_party", lambda arguments: str(arguments[2][0].destination))
    (pair.there / "old").write_text("old")
    (pair.job / "out").write_bytes(CONTENT)
    with pytest.raises(ChecksumDiffers, match="it has changed"):
        pair.take(item("out", "old"), overwrite=True)
    assert (pair.there / "old").read_text() == "old"
    (pair.there / "in").write_bytes(CONTENT)
    with pytest.raises(ChecksumDiffers):
        pair.bring(item("in", "in"))
    assert [one.name for one in pair.job.iterdir()] == ["out"]


# --- from server to server ----------------------------------------------------------------------------------------


def test_files_and_directories_pass_between_servers(pair: PairBench, between: Callable[..., Transferred]) -> None:
    (pair.top / "from" / "run" / "deep" / "empty").mkdir(parents=True)
    (pair.top / "from" / "run" / "deep" / "a").write_bytes(CONTENT)
    (pair.top / "from" / "b b").write_text("b")
    done = between(item("run", "new/run", recursive=True), item("b b", "new/b b"))
    assert done == Transferred(2, len(CONTENT) + 1)
    assert (pair.there / "new" / "run" / "deep" / "a").read_bytes() == CONTENT
    assert (pair.there / "new" / "run" / "deep" / "empty").is_dir()
    assert (pair.there / "new" / "b b").read_text() == "b"


def test_a_name_with_a_line_break_is_left_out_and_told(
    bench: GridftpBench, pair: PairBench, between: Callable[..., Transferred]
) -> None:
    for top in (bench.there, pair.top / "from"):
        (top / "run").mkdir()
        for name in ("a", "odd\nname", "z"):
            (top / "run" / name).write_text(name)
    assert bench.bring(item("run/", "run", recursive=True)).files == 2
    assert between(item("run", "run", recursive=True)).files == 2
    for one in (bench, pair):
        assert isinstance(one.used.reporter, RecordingReporter)
        (told,) = [message for message in one.used.reporter.messages if message.kind is Kind.WARNING]
        assert '/run" has a name with a line break, which begins with "odd": it is left out' in told.text


def test_what_is_there_is_kept_unless_the_user_wants_it_between_servers(
    pair: PairBench, between: Callable[..., Transferred]
) -> None:
    (pair.top / "from" / "a").write_text("new")
    (pair.there / "a").write_text("old")
    with pytest.raises(PathExists, match="would be overwritten"):
        between(item("a", "a"))
    with pytest.raises(PathNotFound):
        between(item("gone", "a"), overwrite=True)
    assert (pair.there / "a").read_text() == "old"
    between(item("a", "a"), overwrite=True)
    assert (pair.there / "a").read_text() == "new"


def test_one_file_that_is_refused_does_not_harm_the_others(
    pair: PairBench, between: Callable[..., Transferred]
) -> None:
    for name in "abcd":
        (pair.top / "from" / name).write_text(name)
    (pair.top / "from" / "link").symlink_to("/etc/hostname")
    with pytest.raises(GoclientError) as caught:
        between(*(item(name, name) for name in "ab"), item("link", "link"), *(item(name, name) for name in "cd"))
    assert "link" in caught.value.message
    assert pair.delivered() == []


@pytest.mark.parametrize(
    ("path", "hint"),
    [("elsewhere", "the site says how its servers see the node"), ("/etc", "the site must map the DN")],
)
def test_a_server_that_does_not_see_the_job_s_directory_is_told(pair: PairBench, path: str, hint: str) -> None:
    elsewhere = pair.top / path  # /etc is denied
    elsewhere.mkdir(exist_ok=True)

    class Blind(PairBench):
        def engine(self, context: JobContext) -> TransferEngine:
            return GridftpEngine(
                context, self.access(), shared=Shared(PurePosixPath(context.directory), PurePosixPath(elsewhere))
            )

    pair.__class__ = Blind
    (pair.there / "in").touch()
    with pytest.raises(EndpointError, match="does not see the job's directory") as caught:
        pair.bring(item("in", "in"))
    assert caught.value.code == "server-blind"
    assert caught.value.hint.startswith(hint)
    assert list(pair.job.iterdir()) == []


def tree(top: Path) -> list[str]:
    """All that is below a directory, but what attempts have left for others."""
    return sorted(str(one.relative_to(top)) for one in top.rglob("*") if ".goclient-" not in str(one))


@pytest.mark.parametrize("into", ["", "sub/"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_directory_is_not_copied_into_itself(bench: GridftpBench, into: str, overwrite: bool) -> None:
    (bench.there / "d/sub").mkdir(parents=True)
    copied = item(f"{bench.there}/d/", f"{bench.there}/d/{into}d", recursive=True)
    with pytest.raises(EndpointError, match="into itself") as raised:
        bench._run(TransferTask("stage-in", bench.far, bench.far, (copied,)), overwrite=overwrite)
    assert raised.value.code == "into-itself"
    assert tree(bench.there) == ["d", "d/sub"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_directory_that_is_in_itself_by_another_path_is_copied_once(
    bench: GridftpBench,
    overwrite: bool,
) -> None:
    (bench.there / "d/sub").mkdir(parents=True)
    (bench.there / "d/f").write_text("x")
    (bench.there / "other").symlink_to("d")
    copied = item(f"{bench.there}/d/", f"{bench.there}/other/sub/d", recursive=True)
    bench._run(TransferTask("stage-in", bench.far, bench.far, (copied,)), overwrite=overwrite)
    assert tree(bench.there) == ["d", "d/f", "d/sub", "d/sub/d", "d/sub/d/f", "d/sub/d/sub", "other"]


def test_what_is_above_the_job_s_directory_is_not_brought_into_it(pair: PairBench) -> None:
    above = item(f"{pair.job.parent}/", "all", recursive=True)
    assert pair.near is not None
    with pytest.raises(EndpointError, match="into itself"):
        pair._run(TransferTask("stage-in", pair.near, JOB, (above,), pair.near, Mode.SERVER))
    assert not list(pair.job.iterdir())


def test_what_is_above_the_job_s_directory_is_read_once(pair: PairBench) -> None:
    above = item(f"{pair.job.parent}/", "all", recursive=True)
    assert pair.near is not None
    pair._run(TransferTask("stage-in", pair.near, JOB, (above,)))
    assert (pair.job / "all/job").is_dir()
    assert not list((pair.job / "all/job").iterdir())
