"""Last step of the checks: directories that targets lack are made, if nothing is wrong."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

from goclient.errors import GoclientError
from goclient.errors.conditions import GlobusSilent
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.preflight.base import Check, Connection, Context
from goclient.preflight.listings import Directory
from goclient.preflight.locations import wrong_or_first
from goclient.preflight.paths import Targets


class NewDirectories(Check):
    """Make the directories that the user wants to be made, once all other checks have found no error."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a finding for each transfer with such a directory: made, not made, or missing if something is wrong."""
        if not context.new:
            return
        is_wrong = any(one.is_error for one in context.findings)
        made = None if is_wrong else make_directories(context.new, context.connection)
        targets, locations = Targets(context), context.connection.locations
        for transfer in locations.transfers:
            new = [one for one in locations.find_written(transfer) if Directory.of(one) in context.new]
            if made is None:
                yield from wrong_or_first([targets.judge_one(one, one, transfer).as_warning() for one in new])
            else:
                yield from wrong_or_first(list(_report(dict.fromkeys(map(Directory.of, new)), made)))


def _report(directories: Iterable[Directory], made: Mapping[Directory, GoclientError | None]) -> Iterator[Finding]:
    for directory in directories:
        if (problem := made.get(directory)) is not None:
            yield problem.finding
        else:  # one that is not in it was there by then
            message = f"the directory {directory.display} {'was made' if directory in made else 'is there by now'}"
            yield Finding("ok", "folder", directory.display, message)  # plain: a code of the JSON


def make_directories(directories: Iterable[Directory], connection: Connection) -> dict[Directory, GoclientError | None]:
    """Make directories that are missing, side by side, those above first.

    Returns for each that was missing None if it is there now, or why it could not be made.
    """
    listings = connection.locations.listings
    chains = {one: chain for one in dict.fromkeys(directories) if (chain := listings.chain(one))}
    failed: dict[Directory, GoclientError] = {}

    def depth(directory: Directory) -> int:
        return directory.path.count("/")

    def make(directory: Directory) -> None:
        listings.storage(directory).mkdir(directory)

    wanted = sorted({one for chain in chains.values() for one in chain}, key=depth)
    for _, level in itertools.groupby(wanted, key=depth):
        possible = [
            one
            for one in level
            if not any(one.endpoint == above.endpoint and one.path.startswith(above.path) for above in failed)
        ]
        for directory, answer in connection.parallel.map(make, possible, late=listings.late).items():
            if not isinstance(answer, GoclientError):
                listings.add(directory)
            elif isinstance(answer, GlobusSilent) or (answer.transient and directory.endpoint.needs_proxy):
                shown = directory.display  # it may be there now
                why = answer.message.removeprefix(f"{quote(shown)}: ")
                message = f"it is not known whether the directory {quote(shown)} was made: {why}"
                failed[directory] = answer.replace(message=message, subject=shown)
            else:
                failed[directory] = answer
    return {one: next((failed[up] for up in chain if up in failed), None) for one, chain in chains.items()}
