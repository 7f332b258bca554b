"""The probe: something is really made at each destination, and removed again, if the user asks for it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from goclient.check.parallel import Asker
from goclient.errors import EndpointError, GoclientError
from goclient.model.finding import Finding
from goclient.model.spec import Place, TransferSpec

if TYPE_CHECKING:
    from goclient.services.globus import Globus

POLL = 0.2  # seconds between looks at the task that removes the probe


def probed(spec: TransferSpec, globus: Globus, asker: Asker, *, names: Mapping[str, str]) -> list[Finding]:
    """A finding for each folder that is written to: whether a directory could be made there, and is removed again.

    Only a directory: Globus takes no file but from another endpoint.  ``names`` are what the user calls the
    collections; only on these is anything made.  A folder that differs from job to job is not probed.
    """
    places = [Place(endpoint=move.target.endpoint, path=move.target.folder) for move in spec.moves]
    folders = [place for place in dict.fromkeys(places) if place.endpoint in names and "$" not in place.path]
    answers = asker.ask(lambda place: _probe(globus, place), folders)
    return [_finding(place, answers[place], names) for place in folders]


def _probe(globus: Globus, place: Place) -> str:
    """The state of the task that has removed the probe."""
    path = f"{place.path}.goclient-probe-{secrets.token_hex(4)}"
    globus.mkdir(str(place.endpoint), path)
    task = globus.remove(str(place.endpoint), f"{path}/")
    while (state := globus.task(task).status) == "ACTIVE":
        time.sleep(POLL)
    return state


def _finding(place: Place, answer: str | GoclientError, names: Mapping[str, str]) -> Finding:
    shown = str(Place(endpoint=names[str(place.endpoint)], path=place.path))
    if isinstance(answer, GoclientError):
        hint = answer.hint or "ask the endpoint's owner, or choose another folder"
        message = f"{shown} cannot be written: {answer.message}"
        return Finding.failed(EndpointError(message, hint=hint, code=f"probe:{answer.code}", subject=shown))
    if answer != "SUCCEEDED":
        message = f"a directory could be made in {shown}, but not be removed again: {answer}"
        return Finding("warning", "probe-left", shown, message, "remove .goclient-probe-* there")
    return Finding("ok", "probe", shown, f"{shown} can be written: a directory was made there, and removed")
