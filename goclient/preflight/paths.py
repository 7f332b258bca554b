"""The check of paths: each source and target, after the directories that are missing at destinations were made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from goclient.errors import Finding, GlobusSilent, GoclientError, LoginNeeded, quoted
from goclient.preflight.base import Check, Connection, Context
from goclient.preflight.destinations import Targets
from goclient.preflight.listings import Directory
from goclient.preflight.sources import judge_source


class Paths(Check):
    """Judge the source and the target of each transfer, and settle which of them are directories."""

    def findings(self, context: Context) -> list[Finding]:
        """Return the findings in the order of the transfers.

        Directories are made only if the user wants it and nothing is known to be wrong.
        """
        connection, options = context.connection, context.options
        locations = connection.locations
        sources = [judge_source(one, locations, connection.identity) for one in locations.transfers]
        made: dict[Directory, GoclientError | None] = {}
        if (
            options.make_directories
            and not context.has_errors
            and not any(one.is_error for of in sources for one in of)
        ):
            named = (one for one in locations.transfers if options.make_numbered or "$" not in one.target.directory)
            wanted = (Directory.of(location) for one in named for location in locations.written(one))
            made = make_directories(wanted, connection)
        targets = Targets(connection, overwrite=context.spec.overwrite, made=made)
        found = [
            finding
            for transfer, ours in zip(locations.transfers, sources, strict=True)
            for finding in (*ours, *targets.judge(transfer))
        ]
        context.resolved = context.resolved.with_locations(locations.settle)
        return found


def make_directories(directories: Iterable[Directory], connection: Connection) -> dict[Directory, GoclientError | None]:
    """Make directories that are missing, side by side, those above first.

    Returns for each that was missing None if it is there now, or why it could not be made.
    """
    listings, globus = connection.locations.listings, connection.globus
    chains = {one: chain for one in dict.fromkeys(directories) if (chain := listings.chain(one))}
    failed: dict[Directory, GoclientError] = {}

    def depth(directory: Directory) -> int:
        return directory.path.count("/")

    def make(directory: Directory) -> None:
        globus.mkdir(directory.endpoint.text, directory.path, called=directory.endpoint.display)

    wanted = sorted({one for chain in chains.values() for one in chain}, key=depth)
    for _, level in groupby(wanted, key=depth):
        possible = [
            one
            for one in level
            if not any(one.endpoint == above.endpoint and one.path.startswith(above.path) for above in failed)
        ]
        for directory, answer in connection.parallel.map(make, possible).items():
            if isinstance(answer, GlobusSilent):  # it may be there now
                shown = directory.display
                message = f"it is not known whether the directory {quoted(shown)} was made: {answer.message}"
                failed[directory] = answer.replace(message=message, subject=shown)
            elif isinstance(answer, GoclientError):
                failed[directory] = answer
            else:
                listings.add(directory)
    return {one: next((failed[up] for up in chain if up in failed), None) for one, chain in chains.items()}


class ServerLogin(Check):
    """Report a consent or a session that the server which sees the job's directory asks for."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield one finding if a login is needed; whether the directory is there does not matter."""
        locations = context.connection.locations
        found = locations.listings.entry(locations.server) if locations.server is not None else None
        if isinstance(found, LoginNeeded):
            yield found.finding
