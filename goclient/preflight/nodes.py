"""Check of the worker nodes of a carried job's queue, as a probe has seen them: ``goclient probe``."""

from __future__ import annotations

from collections.abc import Iterator

from goclient.errors import GoclientError
from goclient.errors.findings import Finding
from goclient.model.endpoint import GlobusEndpoint
from goclient.preflight.base import Check, Context
from goclient.probe.kept import file_of, judge, load
from goclient.probe.nodes import AUTH, FILES, TRANSFER


class Nodes(Check):
    """Tell what the last probe of a queue has found of what the job needs there; nobody is asked."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a warning for each defect of the nodes: they may be mended since, and others may run the job."""
        if not context.options.carried or context.queues is None:
            return
        try:
            source = context.queues()
        except GoclientError:  # QueueState tells it
            return
        ids = [one.text for one in context.resolved.endpoints if isinstance(one, GlobusEndpoint)]
        wanted = {FILES, *((AUTH, TRANSFER, *ids) if ids else ())}
        for queue in context.job.queues:
            kept = load(file_of(source, queue))
            for one in judge(queue, kept.nodes, wanted=wanted, needs=context.input_size):
                yield one.as_warning()
