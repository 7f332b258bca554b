"""Routes of the sandbox itself, which no real service has: its faults, its settings, and what it was asked."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from werkzeug.wrappers import Response

from goclient.sandbox import faults, settings
from goclient.sandbox.http import Document, ServiceError, answer
from goclient.sandbox.panda import attempts
from goclient.sandbox.routes import Call, Routes

routes = Routes("/sandbox")


@routes.on("POST", "/trouble")
def inject_fault(call: Call) -> Response:
    """Inject one fault; refuse with everything that is wrong with it."""
    given = _read(call)
    if wrong := faults.find_mistakes(given):
        raise ServiceError(400, {"errors": wrong})
    fault = faults.read(given)
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


@routes.on("GET", "/settings")
def show_settings(call: Call) -> Document:
    """Show all settings."""
    return asdict(call.sandbox.tuning.now)


@routes.on("PUT", "/settings")
def change_settings(call: Call) -> Document:
    """Change the settings that a document names; refuse with everything that is wrong with it."""
    given = _read(call)
    if wrong := settings.find_mistakes(given):
        raise ServiceError(400, {"errors": wrong})
    call.sandbox.tuning.change(given)
    return show_settings(call)


@routes.on("DELETE", "/settings")
def reset_settings(call: Call) -> Document:
    """Set all settings back, and forget the requests that were counted."""
    call.sandbox.tuning.reset()
    call.sandbox.meter.clear()
    return show_settings(call)


@routes.on("POST", "/attempts")
def attempt_again(call: Call) -> Document:
    """Try a job again now: ``{"job_id": 1}``; tell the new attempt, which for a job of a task is another job."""
    given = _read(call)
    number = given.get("job_id") if isinstance(given, dict) else None
    with call.state.transaction():
        made = attempts.attempt_again(call.state, number) if isinstance(number, int) else None
    if made is None:
        raise ServiceError(400, {"errors": ["job_id must be the PandaID of a job"]})
    return dict(made)


@routes.on("GET", "/requests")
def list_requests(call: Call) -> Document:
    """List the requests, oldest first."""
    return call.sandbox.recorder.document()


@routes.on("DELETE", "/requests")
def clear_requests(call: Call) -> Document:
    """Forget all requests."""
    call.sandbox.recorder.clear()
    return call.sandbox.recorder.document()


def _read(call: Call) -> Any:
    """Return the JSON of a request, None if it is not JSON."""
    try:
        return json.loads(call.get_data())
    except ValueError:
        return None
