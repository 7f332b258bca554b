"""A server that sees the job's directory: in the mode ``server``, files pass through it instead of Globus Connect."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from goclient.errors import EndpointError
from goclient.errors.conditions import PermissionDenied
from goclient.errors.wording import quote
from goclient.model.endpoint import Endpoint
from goclient.model.remote import Listing

E = TypeVar("E", bound=Endpoint)
_OPTION = ", or leaves out the UUID of --WorkingendpointGO"


@dataclass(frozen=True)
class Shared:
    """A directory of the node, and the path that it has on the servers of the site, or on ``server`` alone."""

    here: PurePosixPath
    there: PurePosixPath
    server: str | None = None  # the id of a collection

    def path(self, directory: Path, server: str | None = None) -> str:
        """Return the path of a directory of this node on a server; the same unless it is in the shared directory."""
        if not PurePosixPath(directory).is_relative_to(self.here) or self.server not in (None, server):
            return str(directory)
        return str(self.there / PurePosixPath(directory).relative_to(self.here))


SAME = Shared(PurePosixPath("/"), PurePosixPath("/"))  # as in 2012: a server has the node's own paths


def check_sees(listing: Callable[[E, str], Listing], server: E, *, directory: Path, seen_as: str) -> None:
    """Check that a file made in the directory can be seen through the server; raise EndpointError if it cannot.

    Without this, files would go to, or come from, a directory that only has the same path.  If the service cannot
    tell now, its own error is raised.
    """
    hint = "the site says how its servers see the node: goclient pilot --sharedFolder HERE=THERE"
    mark = directory / f".goclient-{os.urandom(8).hex()}"
    try:
        mark.touch(mode=0o600, exist_ok=False)
        seen = mark.name in listing(server, f"{seen_as}/")
        problem = "another directory has that path there"
    except EndpointError as error:
        if error.transient:
            raise
        seen, problem = False, error.message
        if isinstance(error, PermissionDenied):
            hint = _to_let_in(server, hint)
    except OSError as error:
        seen, problem = False, f"no file can be made in it: {error.strerror}"
    finally:
        with suppress(OSError):
            mark.unlink()
    if not seen:
        raise EndpointError(
            f"the server {quote(server.display)} does not see the job's directory as {quote(seen_as)}: {problem}",
            hint=hint,
            code="server-blind",
            subject=server.display,
        )


def _to_let_in(server: Endpoint, otherwise: str) -> str:
    """Return what mends a server that denies the job's directory, which is its pilot's account's alone."""
    whom, option = ("the DN of the job's owner", "") if server.needs_proxy else ("the pilot's Globus client", _OPTION)
    return (
        f"the site must map {whom} to the account of the pilot there, which alone may enter the job's directory; "
        f"or the job's owner types gc in place of server{option}; if it has another path there, {otherwise}"
    )
