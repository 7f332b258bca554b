"""The probe: something is really made at each destination, and removed again, if the user asks for it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from goclient.errors import EndpointError, Finding, GoclientError, Interrupted, LoginNeeded
from goclient.model.endpoint import GlobusEndpoint, read_endpoint
from goclient.model.location import Location
from goclient.preflight.seen import ask_for_access
from goclient.services.parallel import Parallel

if TYPE_CHECKING:
    from goclient.services.globus.collection import Collection
    from goclient.services.globus.sdk import Globus

POLL = 0.2  # seconds between looks at the task that removes the probe
NEEDED = 2.0  # seconds that a probe must have left: one that is begun should be removed


class Probe:
    """The probes of one preflight; ``names`` are what the user calls the ``collections``, both by their ids.

    Only directories are made: Globus takes no file but from another endpoint.
    """

    def __init__(
        self, globus: Globus, parallel: Parallel, names: Mapping[str, str], collections: Mapping[str, Collection]
    ) -> None:
        self._globus = globus
        self._collections = collections
        self._parallel = parallel
        self._names = names
        self._left: dict[Location, str] = {}  # the probes that were begun, and are not known to be gone

    def findings(self, folders: Sequence[Location]) -> list[Finding]:
        """A finding for each folder: whether a directory could be made there, and is removed again."""
        if self._parallel.seconds_left() < NEEDED:
            message = "the destinations were not probed: there was no time left"
            return [Finding("warning", "not-probed", "--goProbe", message, "give more with --goTimeout")]
        try:
            answers = self._parallel.map(self._probe, folders)
        except KeyboardInterrupt as stop:
            left = ", ".join(map(self._shown_left, list(self._left)))
            raise Interrupted(
                "interrupted", hint=f"remove what the probes may have left: {left or 'nothing'}"
            ) from stop
        return [self._finding(location, answers[location]) for location in folders]

    def _probe(self, location: Location) -> str:
        """The state of the task that has removed the probe."""
        endpoint = GlobusEndpoint(location.endpoint.text, self._names[location.endpoint.text])
        path = f"{location.path}.goclient-probe-{secrets.token_hex(4)}"
        self._left[location] = path
        self._globus.mkdir(endpoint, path)
        task = self._globus.remove(endpoint, f"{path}/")
        while (state := self._globus.task(task).status) == "ACTIVE":
            time.sleep(POLL)
        if state == "SUCCEEDED":
            self._left.pop(location, None)
        return state

    def _shown(self, location: Location) -> str:
        return str(Location(read_endpoint(self._names[location.endpoint.text]), location.path))

    def _shown_left(self, location: Location) -> str:
        return self._shown(location.with_path(self._left[location]))

    def _finding(self, location: Location, answer: str | GoclientError) -> Finding:
        shown = self._shown(location)
        if isinstance(answer, LoginNeeded):
            return answer.finding
        if isinstance(answer, GoclientError) and not answer.transient:
            found = self._collections[location.endpoint.text] if answer.code == "permission" else None
            hint = found and ask_for_access(found, self._globus.identity)
            hint = hint or answer.hint or "ask the endpoint's owner, or choose another folder"
            message = f"{shown} cannot be written: {answer.message}"
            return EndpointError(message, hint=hint, code=f"probe:{answer.code}", subject=shown).finding
        if location in self._left:
            said = answer.message if isinstance(answer, GoclientError) else f"the removal ended as {answer}"
            message = f"it is not known whether the probe of {shown} is gone: {said}"
            return Finding("warning", "probe-left", shown, message, f"remove {self._shown_left(location)}")
        return Finding("ok", "probe", shown, f"{shown} can be written: a directory was made there, and removed")
