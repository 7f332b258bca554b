"""Contexts for checks, of small specs and of services that these tests make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from goclient.errors import Finding
from goclient.model.request import Job
from goclient.model.spec import TransferSpec
from goclient.preflight.base import Check, Context, PreflightOptions
from goclient.preflight.connect import connect
from goclient.preflight.payload import Payload
from goclient.preflight.queue import QueueState
from goclient.reporter.base import SILENT, Reporter
from goclient.services.panda.access import QueueSource


def connected(
    spec: TransferSpec,
    service: Any,
    *,
    count: int = 1,
    options: PreflightOptions | None = None,
    catalogue: Mapping[str, str] | None = None,
) -> Context:
    """Return the context of a preflight that has asked ``service``, which is made like Globus."""
    context = Context(spec, count=count, options=options or PreflightOptions(seconds=10.0))
    connect(context, catalogue or {}, service)
    return context


def run(context: Context, *checks: Check) -> list[Finding]:
    """Start these checks and return what they find, in order; it is in the context, too."""
    for check in checks:
        check.start(context)
    for check in checks:
        context.findings += check.findings(context)
    return context.findings


def check_job(
    job: Job,
    source: Callable[[], QueueSource],
    seconds: float,
    *,
    input_size: int = 0,
    reporter: Reporter = SILENT,
) -> list[Finding]:
    """Return what is found of the queue and the payload of a job within so many seconds."""
    options = PreflightOptions(seconds=seconds)
    context = Context(TransferSpec(), job=job, options=options, queues=source, reporter=reporter)
    context.input_size = input_size
    return run(context, QueueState(), Payload())
