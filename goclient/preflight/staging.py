"""Check of the directory of a site in which files are left for jobs, and those that the jobs leave there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from goclient.errors import EndpointError, GoclientError
from goclient.errors.conditions import NotADirectory, PathNotFound
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.model.endpoint import Catalogue, read_endpoint
from goclient.model.location import Location
from goclient.model.syntax.shell import shell_word
from goclient.preflight.base import Check, Context
from goclient.preflight.listings import Directory, Listings
from goclient.preflight.locations import nobody_may
from goclient.preflight.misspelt import GLOBUS_COMMAND, hint_of_near
from goclient.preflight.paths import WRITE
from goclient.services.globus.collection import GUEST_KINDS, Collection


def name_staging(top: Location, names: Catalogue, collections: Mapping[str, Collection]) -> Location:
    """Return a site's directory with its collection as a person knows it: by the catalogue, or by Globus."""
    for endpoint in names.values():
        if endpoint == top.endpoint:
            return Location(endpoint, top.path)
    found = collections.get(top.endpoint.text)
    return top if found is None else Location(read_endpoint(top.endpoint.text, found.name), top.path)


class Staging(Check):
    """Look whether the site's directory is there, and can be written as far as its mode tells.

    What the rules of a guest collection say is the matter of UserPermissions; Probe tries it.
    """

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield one finding, if files are left for the jobs; Endpoints says whether the collection can be used."""
        top, connection = context.options.staging, context.connection
        if top is None or connection.globus is None or top.endpoint.text not in connection.collections:
            return
        listings, directory = connection.locations.listings, Directory.at(top)
        inside = top.with_path(f"{top.path}CAMPAIGN")  # as the directory of one will be
        listings.fetch([inside], about=[directory])
        found, itself = listings.entry(inside), listings.itself(directory)
        left = f"{quote(top.display)}, where files for the jobs are left,"
        setting = f"[site.{context.job.queues[0]}] directory in the settings"
        if isinstance(found, NotADirectory):
            message = f"{left} is a file, not a directory"
            yield found.replace(message=message, hint=f"correct {setting}", subject=top.display).finding
        elif isinstance(found, PathNotFound):
            near = _find_near(listings, directory)
            path = shell_word(f"{top.endpoint.text}:{top.path}")
            hint = f"{near or 'ask the site, or'} correct {setting}; if the pilots may write into what you make there, "
            hint += f"type: globus mkdir {path}; {GLOBUS_COMMAND}"
            yield found.replace(message=f"{left} does not exist", hint=hint, subject=top.display).finding
        elif isinstance(found, GoclientError):
            yield connection.locations.explain_unlisted(top, found, connection.identity)
        elif itself is not None and nobody_may(itself, WRITE):
            message = f"nobody can write into {left[:-1]}: its mode is {itself.permissions}"
            error = EndpointError(message, hint=ask_site(context), code="read-only", subject=top.display)
            yield error.finding.as_warning() if context.options.probe else error.finding
        else:
            yield Finding("ok", "staging", top.display, f"files for the jobs are left at {top.display}")


def ask_site(context: Context) -> str:
    """Return what the site must grant so that the user can bring files for jobs: a line to type there."""
    top, connection = context.options.staging, context.connection
    assert top is not None, "files are left there"
    collection = connection.collections[top.endpoint.text]
    owner = "" if collection.is_of(connection.identity) else f"ask {collection.owner or 'its owner'} to "
    if collection.entity_type in GUEST_KINDS:
        words = ("--identity", connection.identity, "--permissions", "rw", f"{collection.id}:{top.path}")
        return f"{owner}type: {' '.join(map(shell_word, ('globus', 'endpoint', 'permission', 'create', *words)))}"
    return f"{owner}type, with the ACCOUNT that you are mapped to: setfacl -m u:ACCOUNT:rwx {shell_word(top.path)}"


def _find_near(listings: Listings, directory: Directory) -> str:
    """Return what the first part of a path that is not there may have meant, as a hint; empty if nothing is near."""
    listings.climb()
    missing = listings.missing(directory)
    if missing is None:
        return ""
    return hint_of_near(missing.part.name, (one for one, entry in missing.entries.items() if entry.is_directory))
