"""Transfers of a job: side by side, each once whatever happens, and delivered when all have arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from goclient.errors import EndpointError, GoclientError, Several, TransferFailed
from goclient.errors.conditions import PathExists, PathNotFound, TooManyTasks
from goclient.journal import Entry
from goclient.model.endpoint import JOB, Endpoint, GlobusEndpoint
from goclient.model.plan import Phase, TransferItem, TransferTask
from goclient.model.remote import Listing, TaskState, TransferRequest
from goclient.node.engines import globus_task
from goclient.node.engines.base import JobContext
from goclient.node.engines.globus import GlobusEngine
from goclient.node.engines.globus_task import Patience
from goclient.node.transfers import Transfers
from goclient.reporter.recording import RecordingReporter
from tests.node.transfers import Service, job_context

ONE = GlobusEndpoint("11111111-1111-4111-8111-111111111111", "ONE")
TWO = GlobusEndpoint("22222222-2222-4222-8222-222222222222", "TWO")
NODE = GlobusEndpoint("33333333-3333-4333-8333-333333333333", "the node")


class Scripted(Service):
    """A service that fails or waits as often as a test says, and keeps what it was asked."""

    def __init__(self, top: Path) -> None:
        super().__init__({ONE.text: top / "one", TWO.text: top / "two", NODE.text: Path("/")})
        for end in (ONE, TWO):
            self.collections[end.text].mkdir()
        self.looks: list[int] = []  # how many tasks were asked for at once
        self.sent: list[str] = []  # submission ids
        self.refusals: list[GoclientError] = []
        self.queued = 0  # so many looks show nothing but queued tasks
        self.away: list[GoclientError] = []  # of listings

    def listing(self, collection: Endpoint, directory: str) -> Listing:
        if self.away:
            raise self.away.pop()
        return super().listing(collection, directory)

    def submit(self, request: TransferRequest) -> str:
        self.sent.append(request.submission_id)
        if self.refusals:
            raise self.refusals.pop(0)
        return super().submit(request)

    def tasks(self, task_ids: Sequence[str]) -> dict[str, TaskState]:
        self.looks.append(len(task_ids))
        if self.queued > 0:
            self.queued -= 1
            return {one: TaskState(one, "", "ACTIVE", 0, 0, 0, "", is_queued=True) for one in task_ids}
        return super().tasks(task_ids)


@pytest.fixture(autouse=True, scope="module")
def quickly() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(globus_task, "POLL", (0.01, 0.01))
        yield


@pytest.fixture
def service(tmp_path: Path) -> Scripted:
    return Scripted(tmp_path)


@pytest.fixture
def context(tmp_path: Path) -> JobContext:
    return job_context(tmp_path / "scratch")


Make = Callable[..., Transfers]


@pytest.fixture
def transfers(service: Scripted, context: JobContext) -> Make:
    """Makes the transfers of a job, or of what a second pilot makes of its journal."""

    def make(*tasks: TransferTask, faults: float = 60.0) -> Transfers:
        return Transfers(tasks, context, [GlobusEngine(context, service, Patience(60.0, faults), connect=NODE)])

    return make


def bring(end: Endpoint, *names: str) -> TransferTask:
    return TransferTask("stage-in", end, JOB, tuple(TransferItem(f"/{one}", one, recursive=False) for one in names))


def take(end: Endpoint, *names: str, phase: Phase = "output") -> TransferTask:
    return TransferTask(phase, JOB, end, tuple(TransferItem(one, f"/{one}", recursive=False) for one in names))


def write(service: Service, end: Endpoint, *names: str) -> None:
    for name in names:
        service.collections[end.text].joinpath(name).write_text(name)


def seen(service: Service, end: Endpoint) -> list[str]:
    return sorted(one.name for one in service.collections[end.text].iterdir() if not one.name.startswith("."))


def said(context: JobContext) -> str:
    assert isinstance(context.reporter, RecordingReporter)
    return "\n".join(message.line for message in context.reporter.messages)


def test_tasks_of_a_phase_run_side_by_side_and_are_asked_for_together(
    service: Scripted, context: JobContext, transfers: Make
) -> None:
    write(service, ONE, "a")
    write(service, TWO, "b")
    service.queued = 2
    transfers(bring(ONE, "a"), bring(TWO, "b")).bring()
    assert sorted(path.name for path in context.directory.iterdir()) == ["a", "b"]
    assert max(service.looks) == 2
    assert said(context).count("is queued behind others") == 2


def test_all_that_is_missing_in_a_phase_is_told_at_once_and_nothing_is_sent(service: Scripted, transfers: Make) -> None:
    write(service, ONE, "a")
    with pytest.raises(TransferFailed) as raised:
        transfers(bring(ONE, "a", "gone", "lost"), bring(TWO, "none")).bring()
    assert isinstance(raised.value.error, Several)
    assert [type(one) for one in raised.value.error.parts] == [PathNotFound] * 3
    assert [one.subject for one in raised.value.error.parts] == ["/gone", "/lost", "/none"]
    assert service.sent == []


def test_a_task_that_fails_cancels_those_beside_it(service: Scripted, transfers: Make) -> None:
    write(service, ONE, "a")
    write(service, TWO, "b")
    service.refusals, service.queued = [EndpointError("not allowed")], 100
    with pytest.raises(TransferFailed, match="stage-in: not allowed"):
        transfers(bring(ONE, "a"), bring(TWO, "b")).bring()
    assert service.cancelled == list(service.tasks_sent)


def test_nothing_has_its_name_before_all_has_arrived(service: Scripted, context: JobContext, transfers: Make) -> None:
    for name in ("a", "b"):
        (context.directory / name).write_text(name)
    with pytest.raises(TransferFailed, match=r"output: .*did not create this file"):
        transfers(take(ONE, "a", phase="stage-out"), take(TWO, "b", "gone")).take()
    assert (seen(service, ONE), seen(service, TWO)) == ([], [])
    (context.directory / "gone").write_text("it is there")
    job = transfers(take(ONE, "a", phase="stage-out"), take(TWO, "b", "gone"))
    job.take()
    assert (seen(service, ONE), seen(service, TWO)) == ([], [])
    job.deliver()
    assert (seen(service, ONE), seen(service, TWO)) == (["a"], ["b", "gone"])
    assert len(service.sent) == 2, "what the journal calls done is not done again"


STATES = [
    pytest.param("intended", 1, id="its answer is not known: sent again under its id"),
    pytest.param("unknown", 1, id="its answer was lost: sent again under its id"),
    pytest.param("accepted", 0, id="it is watched"),
    pytest.param("done", 0, id="it is done"),
    pytest.param("failed", 1, id="it has failed: another one"),
]


@pytest.mark.parametrize(("state", "sent"), STATES)
def test_a_transfer_that_the_journal_knows_is_not_sent_twice(
    service: Scripted, context: JobContext, transfers: Make, state: str, sent: int
) -> None:
    write(service, ONE, "a")
    request = TransferRequest(
        ONE.text, NODE.text, (TransferItem("/a", f"{context.directory}/a", False),), "", "7", 60.0
    )
    Service.submit(service, request)
    subjects = ("7",) if state in ("intended", "unknown") else ("7", "7")
    entry = Entry("transfer", "stage-in.1", state, subjects, "files=1 bytes=1" if state == "done" else "")
    context.journal.append(entry)
    transfers(bring(ONE, "a")).bring()
    assert len(service.sent) == sent
    assert ("7" in service.sent) == (state in ("intended", "unknown"))
    last = context.journal.last("transfer", "stage-in.1")
    assert last is not None
    assert last.state == "done"


def test_a_lost_answer_sends_the_same_submission_again(service: Scripted, transfers: Make) -> None:
    write(service, ONE, "a")
    service.refusals = [EndpointError("no answer", transient=True)] * 2
    transfers(bring(ONE, "a")).bring()
    assert len(service.sent) == 3
    assert len(set(service.sent)) == 1


def test_a_service_that_stays_away_ends_the_job_as_unknown(
    service: Scripted, context: JobContext, transfers: Make
) -> None:
    write(service, ONE, "a")
    service.refusals = [EndpointError("no answer", transient=True)] * 2
    with pytest.raises(TransferFailed, match="no answer"):
        transfers(bring(ONE, "a"), faults=0.0).bring()
    last = context.journal.last("transfer", "stage-in.1")
    assert last is not None
    assert last.state == "unknown"


def test_an_identity_with_too_many_tasks_waits_for_its_turn_and_says_so(
    service: Scripted, context: JobContext, transfers: Make
) -> None:
    write(service, ONE, "a")
    service.refusals = [TooManyTasks("too many transfer tasks wait", transient=True)] * 3
    transfers(bring(ONE, "a"), faults=0.0).bring()
    assert said(context).count("waiting for a turn: too many transfer tasks wait") == 1


def test_what_is_in_the_way_anywhere_is_found_before_the_payload(service: Scripted, transfers: Make) -> None:
    write(service, ONE, "a")
    write(service, TWO, "b")
    with pytest.raises(Several) as raised:
        transfers(take(ONE, "a", phase="stage-out"), take(TWO, "b", "c")).check_ahead()
    assert [one.code for one in raised.value.parts] == ["stage-out:exists", "output:exists"]


def test_a_service_that_cannot_tell_ahead_stops_nothing(
    service: Scripted, context: JobContext, transfers: Make
) -> None:
    write(service, ONE, "a")
    (context.directory / "a").write_text("a")
    service.away = [EndpointError("no answer", transient=True)]
    job = transfers(take(ONE, "a"))
    job.check_ahead()
    assert "not checked ahead: output: no answer" in said(context)
    with pytest.raises(TransferFailed) as raised:
        job.take()
    assert isinstance(raised.value.error, PathExists)
