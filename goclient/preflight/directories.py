"""Making the folders that are missing at destinations, side by side, those above first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import TYPE_CHECKING

from goclient.errors import EndpointError, GoclientError, quoted
from goclient.model.endpoint import GlobusEndpoint
from goclient.preflight.listings import Folder, Listings
from goclient.services.parallel import Parallel

if TYPE_CHECKING:
    from goclient.services.globus.sdk import Globus


def make_folders(
    folders: Iterable[Folder], listings: Listings, globus: Globus, parallel: Parallel, names: Mapping[str, str]
) -> dict[Folder, GoclientError | None]:
    """For each folder that was missing None once it is there, or why it could not be made.

    ``names`` are what the user calls the collections.  What could be made is in the listings then.
    """
    chains = {folder: chain for folder in dict.fromkeys(folders) if (chain := listings.chain(folder))}
    wanted = sorted({one for chain in chains.values() for one in chain}, key=_depth)
    failed: dict[Folder, GoclientError] = {}

    def make(folder: Folder) -> None:
        globus.mkdir(GlobusEndpoint(folder[0], names.get(folder[0], "")), folder[1])

    for _, level in groupby(wanted, key=_depth):
        possible = [one for one in level if not any(one[0] == up[0] and one[1].startswith(up[1]) for up in failed)]
        for folder, answer in parallel.map(make, possible).items():
            if isinstance(answer, GoclientError):
                failed[folder] = _unsure(folder, answer, names) if answer.code in UNSURE else answer
            else:
                listings.made(folder)
    return {folder: next((failed[one] for one in chain if one in failed), None) for folder, chain in chains.items()}


UNSURE = ("globus-timeout", "globus-unreachable")  # after these a folder may be there


def _unsure(folder: Folder, error: GoclientError, names: Mapping[str, str]) -> EndpointError:
    """The error of a folder that may have been made, or not."""
    shown = f"{names.get(folder[0], folder[0])}:{folder[1]}"
    message = f"it is not known whether the folder {quoted(shown)} was made: {error.message}"
    return EndpointError(message, hint=error.hint, code=error.code, subject=shown, transient=True)


def _depth(folder: Folder) -> int:
    return folder[1].count("/")
