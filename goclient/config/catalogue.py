"""Files of the endpoint catalogue, read with care."""

from __future__ import annotations

from typing import TYPE_CHECKING

from goclient.config.file import ConfigFile
from goclient.errors import Collector, RequestError, raise_all
from goclient.model.endpoint import Endpoint, read_endpoint

if TYPE_CHECKING:
    from goclient.config.catalogue_toml import Problem


def merge(user: str, site: str) -> dict[str, Endpoint]:
    """Return the endpoint of each name, in the user's file or else in the site's; raises everything wrong with both."""
    found = Collector()
    entries: dict[str, str] = {}
    for path in (site, user):
        with found:
            entries |= read(path)
    raise_all(found.errors)
    return {name: read_endpoint(where, name) for name, where in entries.items()}


def read(path: str) -> dict[str, str]:
    """Return what each name of a file means; nothing if there is no file.

    Raises RequestError for a file that cannot be read, that others may change, or that is not a catalogue.
    """
    text, errors = file_at(path).read()
    entries: dict[str, str] = {}
    if text:
        from goclient.config.catalogue_toml import read_entries  # tomllib is loaded only where there is a file

        entries, problems = read_entries(text)
        errors += [wrong_entry(path, one) for one in problems]
    raise_all(errors)
    return entries


def file_at(path: str) -> ConfigFile:
    """Return the file of a catalogue."""
    return ConfigFile(path, "endpoint catalogue", "GOCLIENT_ENDPOINTS", "catalogue")


def wrong_entry(path: str, problem: Problem) -> RequestError:
    """Return the error of a wrong entry, or of a text that is not TOML."""
    from goclient.config.catalogue_toml import command  # as in read

    file = file_at(path)
    if problem.name is None:
        return file.wrong(problem.text, file.remedy, line=problem.line)
    hint = f"correct it with an editor, or type {command('remove', problem.name)} if the file is your own"
    return file.wrong(problem.text, hint, line=problem.line)
