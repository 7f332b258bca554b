"""Find the directory that a collection and the nodes of a queue share: a mark, and what the nodes answer to it.

The user's account makes a directory with a name that nobody can guess.  A job that finds it makes another one in it,
which the user's account must see.  So each of the two accounts has shown that it can use what the other one makes.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from goclient.config.settings import SiteDirectory
from goclient.errors import EndpointError, GoclientError
from goclient.errors.findings import Finding
from goclient.errors.wording import pluralize, quote
from goclient.model.endpoint import GlobusEndpoint
from goclient.model.location import Location
from goclient.model.syntax.shell import shell_word

if TYPE_CHECKING:
    from goclient.probe.nodes import Node, Sharing
    from goclient.services.globus.sdk import Globus

POLL = 0.2  # seconds between two questions about the task that removes a mark


@dataclass(frozen=True, slots=True)
class Mark:
    """Mark in a directory of a collection: its ``name`` there.  ``text`` is the directory as the user types it."""

    collection: str  # its id
    text: str
    typed: str  # what the user calls the collection
    directory: str  # without a slash at its end
    name: str

    @classmethod
    def new(cls, collection: str, text: str, location: Location) -> Mark:
        """Return a mark that nobody can guess."""
        name = f".goclient-probe-{secrets.token_hex(8)}"
        return cls(collection, text, location.endpoint.display, location.path.rstrip("/"), name)

    @property
    def endpoint(self) -> GlobusEndpoint:
        """Return the collection, which is shown as it was typed."""
        return GlobusEndpoint(self.collection, self.typed)

    @property
    def path(self) -> str:
        """Return its path in the collection."""
        return f"{self.directory}/{self.name}/"

    @property
    def place(self) -> str:
        """Return its directory as it is shown to the user."""
        return self.endpoint.show(f"{self.directory}/")


def remove(mark: Mark, globus: Globus) -> list[Finding]:
    """Remove a mark, and the answers in it; return a warning if it may be left."""
    try:
        task = globus.remove(mark.endpoint, mark.path)
        while (state := globus.task(task)).is_active:
            time.sleep(POLL)
        problem = "" if state.has_succeeded else state.reason or state.status
    except GoclientError as error:
        problem = error.message
    if not problem:
        return []
    shown = mark.endpoint.show(mark.path)
    message = f"what the jobs made in {quote(shown)} was not removed: {problem}"
    hint = f"remove {shown}; your account must be able to remove what jobs leave there"
    return [Finding("warning", "probe-left", shown, message, hint)]


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of the nodes of a queue to a mark, and those which the user's account sees."""

    queue: str
    mark: Mark
    told: tuple[Sharing, ...]
    seen: frozenset[str]

    def directory(self) -> SiteDirectory | None:
        """Return the directory if all nodes have it at one path, and each can use what the other side makes there."""
        paths = {one.path for one in self.told if one.path and not one.error and one.answer in self.seen}
        if len(paths) != 1 or not all(one.answer in self.seen for one in self.told):
            return None
        node = PurePosixPath(paths.pop())
        return SiteDirectory(self.mark.collection, PurePosixPath(self.mark.directory), node, seen=time.time())

    def findings(self) -> list[Finding]:
        """Return what is wrong with the directory, or that the nodes share it."""
        place, total = self.mark.place, len(self.told)
        if not self.told:  # that no job has told anything is a finding of its own
            return []
        missing = sum(not one.path for one in self.told)
        if missing:
            message = f"{quote(place)} was not found on {missing} of {pluralize(total, 'node')} of {self.queue}"
            hint = "name a directory above it as the nodes have it, with --path /DIR; or ask the site"
            error = EndpointError(message, hint=hint, code="site-not-found", subject=place)
            return [error.finding if missing == total else error.finding.as_warning()]
        path = self.told[0].path
        grant = f"ask the site to type, with a GROUP that both accounts are in: chgrp GROUP {shell_word(path)}; "
        grant += f"chmod g+rwxs {shell_word(path)}; setfacl -d -m g:GROUP:rwx {shell_word(path)}"
        if errors := [one.error for one in self.told if one.error]:
            message = f"jobs at {self.queue} may not write into what you make in {quote(place)} ({path} there): "
            return [EndpointError(message + errors[0], hint=grant, code="site-closed", subject=place).finding]
        if any(one.answer not in self.seen for one in self.told):
            message = f"what jobs at {self.queue} make in {path} is not seen by your account in {quote(place)}"
            return [EndpointError(message, hint=grant, code="site-closed", subject=place).finding]
        if len(paths := sorted({one.path for one in self.told})) > 1:
            message = f"{quote(place)} has several paths on the nodes of {self.queue}: {', '.join(map(quote, paths))}"
            hint = "ask the site for one that all of them have, and set it"
            return [Finding("warning", "site-not-found", place, message, hint)]
        message = f"{place} is {path} on the nodes of {self.queue}: files for jobs can be left there"
        return [Finding("ok", "site", place, message)]


def read_answers(queue: str, mark: Mark, nodes: Sequence[Node], *, globus: Globus) -> Answers:
    """Return what the nodes have told of a mark, and what the user's account sees of it; raise GoclientError."""
    told = tuple(one for node in nodes if (one := node.find_sharing(mark.name)) is not None)
    seen = set()
    for one in told:
        if one.path and not one.error:
            try:
                globus.listing(mark.endpoint, f"{mark.path}{one.answer}/")
                seen.add(one.answer)
            except EndpointError as error:
                if error.transient:
                    raise
    return Answers(queue, mark, told, frozenset(seen))
