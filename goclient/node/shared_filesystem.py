"""A server that sees the job's directory: in the mode ``server``, files pass through it instead of Globus Connect."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from goclient.errors import EndpointError, quoted
from goclient.model.endpoint import Endpoint
from goclient.services.globus.sdk import Globus


@dataclass(frozen=True, slots=True)
class Shared:
    """What a site knows of its servers: a directory of the node, and the path that it has on them, or on ``server``."""

    here: PurePosixPath
    there: PurePosixPath
    server: Endpoint | None = None  # None for all of them

    def path(self, folder: Path, server: Endpoint | None = None) -> str:
        """Return the path of a directory of this node on a server; the same unless it is in the shared one."""
        if not PurePosixPath(folder).is_relative_to(self.here) or self.server not in (None, server):
            return str(folder)
        return str(self.there / PurePosixPath(folder).relative_to(self.here))


SAME = Shared(PurePosixPath("/"), PurePosixPath("/"))  # as in 2012: a server has the node's own paths


def check_sees(globus: Globus, server: str, *, called: str, folder: Path, seen_as: str) -> None:
    """None, once a file made in the folder was seen through the server; raises EndpointError if it is not.

    Without this, files would go to, or come from, a directory that only has the same path.  A service that cannot
    tell now makes no server blind: its own error is raised.
    """
    mark = folder / f".goclient-{secrets.token_hex(8)}"
    try:
        mark.touch(mode=0o600, exist_ok=False)
        seen = mark.name in globus.listing(server, f"{seen_as}/")
        problem = "another directory has that path there"
    except EndpointError as error:
        if error.transient:
            raise
        seen, problem = False, error.message
    except OSError as error:
        seen, problem = False, f"no file can be made in it: {error.strerror}"
    finally:
        with suppress(OSError):
            mark.unlink()
    if not seen:
        raise EndpointError(
            f"the server {quoted(called)} does not see the job's directory as {quoted(seen_as)}: {problem}",
            hint="the site says how its servers see the node: goclient pilot --sharedFolder HERE=THERE",
            code="server-blind",
            subject=called,
        )
