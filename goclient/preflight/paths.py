"""Checks of paths: each source and target, and the directories that targets are in."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from goclient.errors import EndpointError, GoclientError, LoginNeeded
from goclient.errors.conditions import NotADirectory, PathExists, PathNotFound
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.model.location import Location, Transfer
from goclient.model.remote import FileInfo
from goclient.model.spec import TransferSpec
from goclient.model.wildcards import has_wildcards
from goclient.preflight.base import Check, Context
from goclient.preflight.listings import Directory
from goclient.preflight.locations import few, kind_of, nobody_may, wrong_or_first
from goclient.preflight.misspelt import hint_of_near
from goclient.preflight.sources import judge_source

WRITE = 0o222  # the permission bits of everybody


class Paths(Check):
    """Judge the source and the target of each transfer, and settle which of them are directories."""

    def findings(self, context: Context) -> list[Finding]:
        """Return the findings in the order of the transfers; directories that will be made are judged last of all."""
        connection, options = context.connection, context.options
        locations = connection.locations
        if options.make_directories:
            named = (one for one in locations.transfers if options.make_numbered or "$" not in one.target.directory)
            wanted = (Directory.of(location) for one in named for location in locations.find_written(one))
            context.new = {one: None for one in wanted if locations.listings.chain(one)}
        sources = [judge_source(one, locations, connection.identity) for one in locations.transfers]
        targets = Targets(context)
        try:
            context.resolved = context.resolved.with_locations(locations.settle)
        except GoclientError as error:  # a name that cannot be in the directory that a destination is
            return list(error.findings)
        pairs = zip(locations.transfers, sources, strict=True)
        return [finding for transfer, ours in pairs for finding in (*ours, *targets.judge(transfer))]


class Targets:
    """Judge the targets of transfers."""

    def __init__(self, context: Context) -> None:
        self._locations = context.connection.locations
        self._listings = self._locations.listings
        self._identity = context.connection.identity
        self._overwrite = context.spec.overwrite
        self._new_below = context.options.new_below
        self._has_tokens = context.options.token_wait is not None  # HTTPS alone makes no directory
        self._by_https = set() if context.options.carried else _list_uploads(context.resolved)
        self._makes = context.options.make_directories
        self._new = context.new

    def judge(self, transfer: Transfer) -> list[Finding]:
        """Return a finding for the target of a transfer, or for each job in which something is wrong with it.

        There is none for one in a directory that will be made.
        """
        if not self._locations.knows(transfer.destination):
            return []
        sources = itertools.cycle(self._locations.in_jobs(transfer.source))
        pairs = list(zip(sources, self._locations.find_written(transfer), strict=False))
        if any(target.is_in(source) for source, target in pairs):
            shown = transfer.source.display
            message, hint = f"{quote(shown)} would be written onto or into itself", "name another place"
            return [EndpointError(message, hint=hint, code="onto-itself", subject=shown).finding]
        there = (pair for pair in pairs if Directory.of(pair[1]) not in self._new)
        return wrong_or_first([self.judge_one(target, source, transfer) for source, target in there])

    def judge_one(self, location: Location, source: Location, transfer: Transfer) -> Finding:
        """Return the finding of what a source would be written to in one job."""
        found, shown = self._listings.entry(location), location.display
        if isinstance(found, GoclientError):
            return self._without_directory(location, found, transfer)
        if found is None:
            return Finding("ok", "target", shown, f"nothing is in the way of {shown}")
        other = self._kind_not_replaced(found, source)
        hint = "choose another name or directory"
        if not self._overwrite:
            kind = "directory whose files may be" if found.is_directory else "file that would be"
            message = f"{quote(shown)} exists: {kind_of(found) or f'a {kind} overwritten'}"
            hint += "" if other else ", or allow it with --goOverwrite"
            return PathExists(message, hint=hint, subject=shown).finding
        if other:
            message = f"{quote(shown)} exists: {other}, which --goOverwrite does not replace"
            if found.is_directory and not self._locations.knows(source):
                hint = f"if {quote(source.name)} is a directory, too, type a / at its end; else choose another name"
            return PathExists(message, hint=hint, subject=shown).finding
        return Finding("ok", "target", shown, f"{shown} exists and will be overwritten")

    def _kind_not_replaced(self, found: FileInfo, source: Location) -> str:
        """Return what cannot be replaced by a source, because the two are not of a kind; empty if it can."""
        entry = self._listings.entry(source) if self._locations.knows(source) and source.name else None
        known = isinstance(entry, FileInfo) and entry.is_directory
        is_directory = source.is_directory or known or not source.name
        if found.is_directory != is_directory:
            return "a directory" if found.is_directory else "a file"
        return kind_of(found)

    def _without_directory(self, location: Location, error: GoclientError, transfer: Transfer) -> Finding:
        directory, top = Directory.of(location), self._new_below
        by_https = bool(self._by_https) and transfer in self._by_https
        shown = directory.display
        if isinstance(error, NotADirectory):
            message = f"{quote(shown.rstrip('/'))} is a file: nothing can be written into it"
            return NotADirectory(message, hint="name a directory, or another name for the file", subject=shown).finding
        if not isinstance(error, PathNotFound):
            return self._locations.explain_unlisted(location, error, self._identity)
        if top is not None and shown.startswith(top.display):
            if self._listings.there(directory).path.startswith(top.path):
                if not by_https:
                    return Finding("ok", "target", shown, f"{shown} is made when files come")
                message = f"{shown} is made when files come only if the pilot has a Globus login: HTTPS makes none"
                hint = "ask the site, or leave out --goVia https"
                return Finding("warning", "no-folder", shown, message, hint)  # plain: a code of the JSON
            directory, shown = Directory(directory.endpoint, top.path), top.display
        makes = "Globus will make it" if directory.endpoint.is_globus else "it is made when files come"
        message, near = f"the directory {quote(shown)} does not exist: {makes}", ""
        if missing := self._listings.missing(directory):
            name = missing.part.name
            near = hint_of_near(name, (one for one, entry in missing.entries.items() if entry.is_directory))
            if has_wildcards(name):
                message += f", with that name: there are no wildcards in {quote(name)}"
        hint = f"{near} " if near else "if it is a typo, correct it; "
        hint += "--goMkdir makes it once nothing else is wrong" if self._makes else "--goMkdir makes it now"
        if self._has_tokens or by_https:
            makes = "a job with tokens makes none" if self._has_tokens else "HTTPS makes none: a pilot may have no more"
            message = f"the directory {quote(shown)} does not exist, and {makes}"
            code = "no-folder"  # plain: a code of the JSON
            return PathNotFound(message, hint=hint, code=code, subject=location.display).finding
        return Finding("warning", "no-folder", location.display, message, hint)  # plain: a code of the JSON


def _list_uploads(spec: TransferSpec) -> set[Transfer]:
    """Return the transfers that take something from the job's directory to a collection's HTTPS server."""
    return {
        one
        for _, mode, transfers in spec.phases
        if mode.asks_https
        for one in transfers
        if one.source.in_job and one.destination.endpoint.is_globus
    }


class ReadOnly(Check):
    """Refuse directories that the user, or nobody, may write into, as a server or their modes say.

    That is a warning if a probe tells more.  That a directory can be written is not said: a server's rights and modes
    do not show quotas, lists of access and what is exported read-only.
    """

    def findings(self, context: Context) -> Iterable[Finding]:
        """Return a few findings, one for each directory."""
        locations, found = context.connection.locations, []
        written = (location for transfer in locations.transfers for location in locations.find_written(transfer))
        for directory in dict.fromkeys(map(locations.listings.there, dict.fromkeys(map(Directory.of, written)))):
            entry, shown = locations.listings.itself(directory), quote(directory.display)
            if entry is None or not entry.is_directory:
                continue
            if entry.is_closed:
                code, message = "not-writable", f"{shown} cannot be written, as far as its server tells: it gives you "
                message += f"the rights {quote(entry.rights or '')} there" if entry.rights else "no rights there"
            elif nobody_may(entry, WRITE):
                code, message = "read-only", f"nobody can write into {shown}: its mode is {entry.permissions}"
            else:
                continue
            hint = (
                "name another directory, or add --goProbe, which tries whether its storage lets you write all the same"
            )
            error = EndpointError(message, hint=hint, code=code, subject=directory.display)
            found.append(error.finding.as_warning() if context.options.probe else error.finding)
        return few(found)


class ServerLogin(Check):
    """Report a consent or a session that the server which sees the job's directory asks for."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield one finding if a login is needed; whether the directory is there does not matter."""
        locations = context.connection.locations
        found = locations.listings.entry(locations.server) if locations.server is not None else None
        if isinstance(found, LoginNeeded):
            yield found.finding
