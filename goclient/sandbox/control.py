"""Routes of the sandbox itself, which no real service has: its faults, and what it was asked."""

from __future__ import annotations

import json
from dataclasses import asdict

from werkzeug.wrappers import Response

from goclient.sandbox.faults import Fault, find_mistakes
from goclient.sandbox.http import Document, ServiceError, answer
from goclient.sandbox.routes import Call, Routes

routes = Routes("/sandbox")


@routes.on("POST", "/trouble")
def inject_fault(call: Call) -> Response:
    """Inject one fault; refuse with everything that is wrong with it."""
    try:
        given = json.loads(call.get_data())
    except ValueError:
        given = None
    if wrong := find_mistakes(given):
        raise ServiceError(400, {"errors": wrong})
    fault = Fault(**given)
    call.sandbox.faults.add(fault)
    return answer(asdict(fault), 201)


@routes.on("GET", "/trouble")
def list_faults(call: Call) -> Document:
    """List all faults, oldest first."""
    return call.sandbox.faults.document()


@routes.on("DELETE", "/trouble")
def clear_faults(call: Call) -> Document:
    """End all faults."""
    call.sandbox.faults.clear()
    return call.sandbox.faults.document()


@routes.on("GET", "/requests")
def list_requests(call: Call) -> Document:
    """List the requests, oldest first."""
    return call.sandbox.recorder.document()


@routes.on("DELETE", "/requests")
def clear_requests(call: Call) -> Document:
    """Forget all requests."""
    call.sandbox.recorder.clear()
    return call.sandbox.recorder.document()
