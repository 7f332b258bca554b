"""Engine for transfers between Globus collections: it submits a task to the service, and waits until it is done."""

from __future__ import annotations

from collections.abc import Sequence

from goclient.errors import Collector, raise_all
from goclient.model.campaign import job_label
from goclient.model.endpoint import Endpoint, GlobusEndpoint, JobDirectory
from goclient.model.plan import TransferItem, TransferTask
from goclient.model.remote import TransferRequest
from goclient.node.delivery import Delivery
from goclient.node.engines.base import JobContext, Steps, TransferEngine, Transferred, TransferService, Transport
from goclient.node.engines.globus_ends import CollectionStore, End, InJob, Remote
from goclient.node.engines.globus_task import GlobusTask, Patience, Watch
from goclient.node.shared_filesystem import SAME, Shared, check_sees


class GlobusEngine(TransferEngine):
    """Carry out the tasks of one job whose ends are collections, or the job's directory.

    ``connect`` is the node's own endpoint, if the job has one; ``shared`` says how a server sees the directory.
    """

    def __init__(
        self,
        job: JobContext,
        service: TransferService,
        patience: Patience,
        *,
        connect: Endpoint | None = None,
        shared: Shared = SAME,
    ) -> None:
        self.job = job
        self.service = service
        self.patience = patience
        self.watch = Watch(service)
        self._connect = connect
        self._shared = shared
        self._resolved: dict[str, Endpoint] = {}

    def can_run(self, task: TransferTask) -> bool:
        """Return True if both ends are collections, or the job's directory, and Globus goes between them."""
        return not task.asks_https and all(
            isinstance(end, (GlobusEndpoint, JobDirectory)) for end in (task.source, task.destination)
        )

    def start(self, task: TransferTask, label: str) -> Transport:
        """Return how a task is carried out; nothing is asked yet."""
        return _Transport(self, task, label)

    def end(self, task: TransferTask, endpoint: Endpoint) -> End:
        """Return one end of a task; raise EndpointError for a server that does not see the job's directory."""
        directory = self.job.directory
        if endpoint.is_remote:
            return Remote(self.resolve(endpoint), self.service)
        if task.server is not None:
            server = self.resolve(task.server)
            seen_as = self._shared.path(directory, server.text)
            check_sees(self.service.listing, server, directory=directory, seen_as=seen_as)
            return InJob(server, self.job, f"{seen_as}/")
        assert self._connect is not None, "a job that transfers files of its own has an endpoint on the node"
        return InJob(self._connect, self.job, f"{directory}/")

    def resolve(self, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint with its id, also for a name that was submitted with --noCheck."""
        if not isinstance(endpoint, GlobusEndpoint) or endpoint.is_resolved:
            return endpoint
        if endpoint.text not in self._resolved:
            found = self.service.resolve(endpoint.text)
            self._resolved[endpoint.text] = GlobusEndpoint(found.id, endpoint.display)
        return self._resolved[endpoint.text]


class _Transport(Transport):
    """A task of Globus on its way."""

    def __init__(self, engine: GlobusEngine, task: TransferTask, label: str) -> None:
        self._engine = engine
        self._task = task
        self._label = label
        self._known: Delivery | None = None

    def check_ahead(self) -> None:
        """List the destinations of the items, if they are not in the job's directory."""
        if self._task.destination.is_remote:
            self._delivery.check()

    @property
    def _delivery(self) -> Delivery:
        if self._known is None:
            engine, collection = self._engine, self._engine.resolve(self._task.destination)
            store = CollectionStore(collection, engine.service, engine.job.attempt.origin)
            self._known = Delivery(store, engine.job, self._task.items)
        return self._known

    def steps(self) -> Steps:
        """Transfer the items in one task; one that is done, says the journal, is not done again."""
        engine, task = self._engine, self._task
        carrier = GlobusTask(engine.job, engine.service, engine.watch, label=self._label, phase=task.phase)
        if carrier.last is not None and (done := Transferred.read(carrier.last)) is not None:
            return done
        source, destination = engine.end(task, task.source), engine.end(task, task.destination)
        items = self._items(source, destination, again=carrier.may_be_submitted)
        yield 0.0  # nothing is sent until all tasks of the phase are checked
        if not items:
            return Transferred(0, 0)
        request = TransferRequest(
            source.collection.text,
            destination.collection.text,
            tuple(
                item._replace(source=source.top + item.source, destination=destination.top + item.destination)
                for item in items
            ),
            job_label(engine.job.panda_id, engine.job.campaign, task.phase),
            carrier.submission_id,
            engine.patience.deadline,
        )
        return (yield from carrier.carry_out(request, engine.patience))

    def _items(self, source: End, destination: End, *, again: bool) -> Sequence[TransferItem]:
        """Return the items as they are sent; raise an error for all that are missing, or whose name is taken."""
        collector = Collector()
        items: Sequence[TransferItem] = self._task.items
        with collector:
            if isinstance(destination, InJob):
                items = destination.settle_all(items, again=again)
            else:
                items = self._delivery.begin()
        settled = []
        for item in items:
            with collector:
                found = source.entry(item.source)
                source.check(item.source)
                is_directory = found is not None and found.is_directory
                settled.append(item._replace(recursive=item.recursive or is_directory))
        raise_all(collector.errors)
        return settled

    def deliver(self) -> None:
        """Give the files their names, if they are not in the job's directory."""
        if self._task.destination.is_remote:
            self._delivery.place(patience=self._engine.patience.faults)
