"""Directory at a site in which the files of jobs are left for them: as the settings have it, ``[site.QUEUE]``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from goclient.config.connections import Connections
from goclient.config.settings import SiteDirectory, user_file
from goclient.errors import RequestError
from goclient.errors.wording import quote
from goclient.model.endpoint import NODE, read_endpoint
from goclient.model.location import directory_problem
from goclient.model.options import TransferOptions

if TYPE_CHECKING:
    from goclient.model.staging import StagingArea

SITE = "site"  # the word of --goVia
# It stands for one that is missing, which is an error, so that no other is told because of that.
SOME_DIRECTORY = SiteDirectory("00000000-0000-0000-0000-000000000000", PurePosixPath("/site"), PurePosixPath("/site"))


def site_directory(
    options: TransferOptions, connections: Connections, find: Callable[[str], SiteDirectory | None]
) -> SiteDirectory:
    """Return the directory of the queue that these options name; raise RequestError if there is none.

    Where no setting says anything of a queue, ``find`` tells it.
    """
    queue = getattr(options, "computingSite", None)
    if queue is None:
        message = "--goVia site is for sendJob: the jobs of a task are made by the server, as many as it likes"
        raise RequestError(message, hint="leave out --goVia site", code="combination", subject="--goVia")
    if not queue:
        message = "--goVia site does not say at which site"
        raise RequestError(message, hint="add --computingSite", code="combination", subject="--goVia")
    if options.WorkingendpointGO:
        message = f"--WorkingendpointGO={quote(options.WorkingendpointGO)} and --goVia site: with the latter no job "
        message += "has an endpoint"
        raise RequestError(message, hint="leave out one of the two", code="combination", subject="--goVia")
    found = connections.settings.site(queue)
    if not found.is_set:
        found = find(queue) or found
    if missing := [name for name, value in found._asdict().items() if value is None]:
        message = f"--goVia site: no setting says where files for jobs at {quote(queue)} are left"
        message += f" ({', '.join(missing)})"
        hint = "\n".join(_lines_to_add(queue, missing, connections))
        raise RequestError(message, hint=hint, code="no-site-directory", subject="--goVia")
    if problem := directory_problem(NODE, str(found.node)):  # as a node has told it: settings are checked when read
        message = f"--goVia site: the nodes of {quote(queue)} have the directory at {quote(found.node)}: {problem}"
        hint = f"let them tell another one: goclient probe {queue} --shared COLLECTION:/PATH"
        raise RequestError(message, hint=hint, code="no-site-directory", subject="--goVia")
    return found


_EXAMPLES = {
    "collection": '"UUID of a collection that sees the directory"',
    "directory": '"/PATH on that collection"',
    "node": '"/PATH on the nodes"',
}


def _lines_to_add(queue: str, missing: Sequence[str], connections: Connections) -> Iterator[str]:
    """Yield where to add settings of a queue, and the lines, as they can be pasted there."""
    path, found = user_file(connections.env), connections.settings.found
    has_table = any(found[name].source == path for key in _EXAMPLES if (name := f"site.{queue}.{key}") in found)
    header = f"[site.{_key(queue)}]"
    yield f"add to {path}{f', below its line {header}' if has_table else ''}, with what is true in the quotes:"
    yield from () if has_table else [header]
    yield from (f"{name} = {_EXAMPLES[name]}" for name in missing)
    if len(missing) == len(_EXAMPLES):
        yield f"or let its nodes tell: goclient probe {queue} --shared COLLECTION:/PATH"


def _key(queue: str) -> str:
    """Return a queue as a key of TOML."""
    plain = all(one.isascii() and (one.isalnum() or one in "-_") for one in queue)
    return queue if plain else f'"{queue}"'


def area_in(site: SiteDirectory, campaign: str, name: str) -> StagingArea:
    """Return the directory of a submission, which nobody else has: ``name`` is that of its jobs."""
    from goclient.model.staging import StagingArea  # other jobs need none of it

    own = f"{campaign}.{name[:8]}"
    return StagingArea(read_endpoint(str(site.collection)), f"{site.directory}/{own}", f"{site.node}/{own}")
