"""Engine for files over HTTPS: between the job's directory and a collection's HTTPS server, or a WebDAV server.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Protocol

from goclient.model.endpoint import JOB, Endpoint, GlobusEndpoint, WebdavEndpoint
from goclient.model.plan import TransferTask
from goclient.node.engines.base import JobContext, TransferEngine, TransferService, Transport
from goclient.node.engines.collection_end import CollectionEnd
from goclient.node.engines.far_end import FarEnd
from goclient.node.engines.streaming import Streaming
from goclient.services.https.client import HttpFiles
from goclient.services.https.collection import CollectionHttps


class Collections(Protocol):
    """Give what the HTTPS servers of collections need: where they are, and tokens of the pilot's identity in Globus."""

    @abstractmethod
    def https_server(self, collection_id: str) -> str:
        """Return the URL of a collection's HTTPS server; raise EndpointError if it has none."""

    @abstractmethod
    def https(self, collection_id: str) -> str:
        """Return an access token of the collection's https scope; raise GoclientError."""


class HttpsEngine(TransferEngine):
    """Carry out the tasks of one job between its directory and a WebDAV server, or a collection in the mode https.

    ``webdav`` makes the far end of a server that the user's proxy opens; ``service`` lists, makes directories and
    renames on collections, if there is one.  What may pass is tried again for ``patience`` seconds without a byte.
    """

    def __init__(
        self,
        job: JobContext,
        *,
        webdav: Callable[[Endpoint], FarEnd] | None = None,
        collections: Collections | None = None,
        service: TransferService | None = None,
        patience: float = 900.0,
    ) -> None:
        self.job = job
        self.patience = patience
        self._webdav = webdav
        self._collections = collections
        self._service = service

    def can_run(self, task: TransferTask) -> bool:
        """Return True for a task between the job's directory and what this engine can ask."""
        far = task.source if task.destination == JOB else task.destination
        if JOB not in (task.source, task.destination):
            return False
        if isinstance(far, WebdavEndpoint):
            return self._webdav is not None
        return task.mode.asks_https and isinstance(far, GlobusEndpoint) and self._collections is not None

    def start(self, task: TransferTask, label: str) -> Transport:
        """Return how a task is carried out; nothing is asked yet."""
        return Streaming(self.job, task, label, self.end, patience=self.patience)

    def end(self, endpoint: Endpoint) -> FarEnd:
        """Return the far end of a task, with connections of its own; raise EndpointError if it has no HTTPS server."""
        if isinstance(endpoint, WebdavEndpoint):
            assert self._webdav is not None, "can_run has said so"
            return self._webdav(endpoint)
        known = self._collections
        assert known is not None, "can_run has said so"
        if isinstance(endpoint, GlobusEndpoint) and not endpoint.is_resolved and self._service is not None:
            endpoint = GlobusEndpoint(self._service.resolve(endpoint.text).id, endpoint.display)
        http = HttpFiles(patience=self.patience)
        url, collection_id = known.https_server(endpoint.text), endpoint.text
        https = CollectionHttps(endpoint, url, lambda: known.https(collection_id), http)
        return CollectionEnd(https, self._service, overwrite=self.job.overwrite)
