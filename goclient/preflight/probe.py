"""Probe: a directory is made at each destination, and removed again, if the user asks for it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from goclient.errors import EndpointError, GoclientError, Interrupted, LoginNeeded
from goclient.errors.conditions import PermissionDenied
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.preflight.base import Check, Connection, Context
from goclient.preflight.listings import Directory
from goclient.preflight.locations import ask_for_access
from goclient.preflight.staging import ask_site

NEEDED = 2.0  # seconds that a probe must have left: one that is begun should be removed


class Probe(Check):
    """Show whether each destination can be written, and the directory of a site in which files are left for jobs.

    Only directories are made: Globus takes no file but from another endpoint, and they tell of a server as much.
    """

    def __init__(self) -> None:
        self._left: dict[Directory, str] = {}  # the paths of probes that were begun, and are not known to be gone

    def findings(self, context: Context) -> list[Finding]:
        """Return a finding for each directory that the jobs write into, or the nearest above it that is there."""
        if not context.options.probe:
            return []
        locations = context.connection.locations
        listings = locations.listings
        targets = [one.target for one in locations.transfers if locations.knows(one.target)]
        known = [Directory.of(one) for one in targets if "$" not in one.directory and listings.is_known(one)]
        if (staging := context.options.staging) is not None and listings.has_listed(Directory.at(staging)):
            known.insert(0, Directory.at(staging))
        there = dict.fromkeys(map(listings.there, known))
        found = self._probe_all(list(there), context)
        context.writes_proven = not any(one.is_error for one in found)
        return found

    def _probe_all(self, directories: Sequence[Directory], context: Context) -> list[Finding]:
        connection = context.connection
        if context.deadline.left < NEEDED:
            message = "the destinations were not probed: there was no time left"
            return [Finding("warning", "not-probed", "--goProbe", message, "give more with --goTimeout")]
        try:
            late = connection.locations.listings.late
            answers = connection.parallel.map(lambda one: self._probe(one, connection), directories, late=late)
        except KeyboardInterrupt as stop:
            left = ", ".join(one.endpoint.show(path) for one, path in list(self._left.items()))
            hint = f"remove what the probes may have left: {left or 'nothing'}"
            raise Interrupted("interrupted", hint=hint) from stop
        return [self._judge(one, answers[one], context) for one in directories]

    def _probe(self, directory: Directory, connection: Connection) -> str:
        """Make a directory, remove it, and return the state in which that ended, "" if it is gone."""
        storage = connection.locations.listings.storage(directory)
        path = f"{directory.path}.goclient-probe-{secrets.token_hex(4)}"
        self._left[directory] = path
        probe = Directory(directory.endpoint, f"{path}/")
        storage.mkdir(probe)
        if not (state := storage.remove(probe)):
            self._left.pop(directory, None)
        return state

    def _judge(self, directory: Directory, answer: str | GoclientError, context: Context) -> Finding:
        shown, connection, staging = directory.display, context.connection, context.options.staging
        if isinstance(answer, LoginNeeded):
            return answer.finding
        if isinstance(answer, GoclientError) and not answer.transient:
            hint = answer.hint
            collection = connection.collections.get(directory.endpoint.text)
            if isinstance(answer, PermissionDenied) and collection is not None:
                is_staging = staging is not None and directory == Directory.at(staging)
                hint = ask_site(context) if is_staging else ask_for_access(collection, connection.identity) or hint
            hint = hint or "ask the endpoint's owner, or choose another directory"
            message = f"{shown} cannot be written: {answer.message.removeprefix(f'{quote(shown)}: ')}"
            return EndpointError(message, hint=hint, code=f"probe:{answer.code}", subject=shown).finding
        if directory in self._left:
            said = answer.message if isinstance(answer, GoclientError) else f"the removal ended as {answer}"
            message = f"it is not known whether the probe of {shown} is gone: {said}"
            hint = f"remove {directory.endpoint.show(self._left[directory])}"
            return Finding("warning", "probe-left", shown, message, hint)
        return Finding("ok", "probe", shown, f"{shown} can be written: a directory was made there, and removed")
