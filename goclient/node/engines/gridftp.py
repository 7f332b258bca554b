"""Engine for GridFTP servers: with the job's directory, and between two servers, as the user whose proxy is there."""

from __future__ import annotations

from goclient.model.endpoint import JOB, Endpoint, GridftpEndpoint
from goclient.model.plan import TransferTask
from goclient.node.engines.base import JobContext, TransferEngine, Transport
from goclient.node.engines.far_end import FarEnd
from goclient.node.engines.gridftp_end import Access, GridftpEnd
from goclient.node.engines.gridftp_pair import Pair
from goclient.node.engines.streaming import Streaming
from goclient.node.shared_filesystem import SAME, Shared


class GridftpEngine(TransferEngine):
    """Carry out the tasks of one job whose ends are GridFTP servers, or the job's directory.

    ``shared`` says how a server sees the directory, where files pass from server to server.
    """

    def __init__(self, job: JobContext, access: Access, *, shared: Shared = SAME) -> None:
        self.job = job
        self.access = access
        self._shared = shared

    def can_run(self, task: TransferTask) -> bool:
        """Return True if both ends are GridFTP servers, or the job's directory as a server sees it, or this node."""
        ends = [task.server or end if end == JOB else end for end in (task.source, task.destination)]
        servers = sum(isinstance(end, GridftpEndpoint) for end in ends)
        return servers == 2 or (servers == 1 and JOB in ends)

    def start(self, task: TransferTask, label: str) -> Transport:
        """Return how a task is carried out; nothing is asked yet."""
        if JOB in (task.source, task.destination) and task.server is None:
            return Streaming(self.job, task, label, end=self._end, patience=self.access.patience)
        return Pair(self.job, task, label, access=self.access, shared=self._shared)

    def _end(self, endpoint: Endpoint) -> FarEnd:
        assert isinstance(endpoint, GridftpEndpoint), "can_run has said so"
        return GridftpEnd(endpoint, self.access, overwrite=self.job.overwrite)
