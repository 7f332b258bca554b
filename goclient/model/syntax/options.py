"""Grammar of transfers: from items of the words ``--Name=value`` to a TransferSpec.

The seven words of ``KEYS`` are what users type, on the command line of ``sendJob`` or among the words of
``--jobParameters``; a job record has those of ``WORDS``.  ``model/syntax/text_words.py`` finds the words in a text,
``model/syntax/keywords.py`` reads the keywords of the globusPilot, and ``model/records/`` writes and reads a record.

Everything that is wrong is reported at once; nothing but :class:`goclient.errors.GoclientError` is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from goclient.errors import GoclientError, RequestError, raise_all
from goclient.errors.conditions import ListRuleError, NotALocation, OutputNotNamed
from goclient.errors.wording import quote
from goclient.model.endpoint import SCHEMES, Endpoint, is_uuid, read_endpoint
from goclient.model.location import JOB_DIRECTORY, Location, Transfer
from goclient.model.mode import DEFAULT_MODE, Mode
from goclient.model.names import Problem, endpoint_problem
from goclient.model.spec import MyproxyAccount, TransferSpec, make_transfer
from goclient.model.syntax.lists import list_some, shorten
from goclient.model.syntax.parse import (
    check_user,
    node_location,
    own_location,
    parse_destination,
    parse_endpoint,
    parse_location,
    parse_name,
    refuse,
)
from goclient.model.syntax.shell import shell_word
from goclient.model.syntax.word_reader import Items, WordReader

# What users type, in the order in which a record has it.
KEYS = ("StageinGOsrc", "StageinGOdest", "StageoutGOsrc", "StageoutGOdest", "OutputGO", "WorkingendpointGO", "Data")
# The pairs of lists: what is moved, and where to.
LISTS = (("StageinGOsrc", "StageinGOdest"), ("StageoutGOsrc", "StageoutGOdest"), ("Data", "OutputGO"))
# What a record says beside it: how the job's directory is reached, by which server, who asks, whose proxy it is.
IN_MODE, OUT_MODE, LOCAL_ENDPOINT, USER, MYPROXY = "InmodeGO", "OutmodeGO", "LocalendpointGO", "UserGO", "MyproxyGO"
# The word that allows files to be overwritten; users type --goOverwrite.
OVERWRITE = "OverwriteGO"
# What an option of its own says of transfers in either syntax: items that stand beside those of KEYS.
OPTIONS = {OVERWRITE, MYPROXY, IN_MODE, OUT_MODE}
# All words of a record, in the order in which they are written.
WORDS = (*KEYS, IN_MODE, OUT_MODE, LOCAL_ENDPOINT, USER, MYPROXY, OVERWRITE)
_OF_2012 = "globus-endpoint-local="  # what names, in the other syntax, any server that sees the job's directory
# The name that a job's Globus Connect endpoint begins with if the user gave none.
DEFAULT_WORKING = "goclient"

Read = Callable[[str], Location]


def read_spec(items: Items, columns: Items | None = None) -> tuple[TransferSpec, list[GoclientError]]:
    """Return the spec that the items of each word mean as far as they are right, and every mistake, the words quoted.

    ``columns`` says of some words where each item stands, as the end of a message.
    """
    builder = _Builder(items, columns or {})
    return builder.spec(), shorten(builder.errors)


def spec_from(items: Items) -> TransferSpec:
    """Return the spec that the items of each word mean; raises every mistake in them."""
    spec, errors = read_spec(items)
    raise_all(errors)
    return spec


class _Builder(WordReader):
    """Builds a spec from items, keeping every mistake for one report."""

    def __init__(self, items: Items, columns: Items) -> None:
        super().__init__(items, columns)
        self.working, self.named_server = self._read_working()
        self.in_mode = self._mode(IN_MODE)
        self.out_mode = self._mode(OUT_MODE)

    def _read_working(self) -> tuple[str, Endpoint | None]:
        """Return the name of the job's directory, and the server that sees it, if the user named one."""
        name = self.one("WorkingendpointGO", "name")
        if name is None:
            return DEFAULT_WORKING, None
        if is_uuid(name):
            return DEFAULT_WORKING, read_endpoint(name)
        problem = endpoint_problem(name)
        if ":" in name or "/" in name or "$" in name or len(name) > 64:
            problem = Problem("a name has no colon, slash or $, and at most 64 characters")
        if problem:
            hint = "give a name only, or the bare UUID of a collection that sees the job's directory"
            if problem.instead:
                hint = f"write --WorkingendpointGO={shell_word(problem.instead)}"
            if name.startswith(SCHEMES):
                hint += f"; a server that sees it is named in --jobParameters, with in-mode=server: {_OF_2012}{name}"
            message = f"--WorkingendpointGO={quote(name)}: {problem.what}"
            self.wrong("WorkingendpointGO", message, hint, "working-endpoint")
            return DEFAULT_WORKING, None
        return name, None

    def _mode(self, key: str) -> Mode:
        text = self.one(key, "mode")
        mode = Mode.read(text)
        if text is not None and mode is None:
            self.wrong(key, f"--{key}={quote(text)} is not a mode", f"one of {', '.join(Mode)}", "mode")
        return mode or (Mode.SERVER if self.named_server else DEFAULT_MODE)

    def _server(self) -> Endpoint | None:
        """Return the server that sees the job's directory, if a mode needs it."""
        given = self.get(LOCAL_ENDPOINT)
        server = self.value(LOCAL_ENDPOINT, "endpoint", parse_endpoint)
        if server is None and len(given) == 1:
            return None
        server = server or self.named_server
        if self.named_server not in (None, server):
            message = f"--{LOCAL_ENDPOINT}={quote(given[0])} and --WorkingendpointGO={quote(self.named_server)}"
            self.wrong(LOCAL_ENDPOINT, message, "one server sees the job's directory: name it once", "mode")
        if not (self.in_mode.needs_server or self.out_mode.needs_server):
            if server is not None:
                key = LOCAL_ENDPOINT if given else "WorkingendpointGO"
                hint = "leave it out, or leave out the mode (--goVia)"
                message = f'--{key}={quote(server)} names a server, but neither mode is "server"'
                self.wrong(key, message, hint, "mode")
            return None
        if server is None and not given:
            message = f"a mode is server, and there is no --{LOCAL_ENDPOINT}"
            self.wrong(LOCAL_ENDPOINT, message, "say which server sees the job's directory", "mode")
        return server

    # --- lists ---

    def locations(self, key: str, read: Read) -> list[Location | None]:
        """Return the locations of one list, None for a wrong one; those on the working endpoint are the job's own."""
        found: list[Location | None] = []
        working, told = self.working, None
        for number, text in enumerate(self.get(key)):
            try:
                place = read(text)
                found.append(place if place.endpoint.text != working else own_location(text, place))
            except RequestError as error:
                from goclient.model.syntax.misread import of_a_list, of_own_place  # 1 ms, which mistakes alone cost

                found.append(None)
                problem = of_own_place(text, working)
                if problem is None and isinstance(error, NotALocation):
                    problem = of_a_list(self.get(key), number, f"--{key}")
                if problem is None or problem != told:  # the pieces of one thing are told once
                    self.refuse(key, refuse(text, problem) if problem is not None else error, item=number)
                told = problem
        return found

    def pair(
        self, lists: tuple[str, str], reads: tuple[Read, Read], *, into: bool = False, default: Location | None = None
    ) -> tuple[Transfer, ...]:
        """Return one transfer a source; ``into``: destinations are directories; ``default``: if there are none.

        ``reads`` are what reads a source, and a destination.  Moves of which an end is wrong are left out: their
        mistakes are reported.
        """
        sources, destinations = (self.locations(key, read) for key, read in zip(lists, reads, strict=True))
        allowed = {0, 1, len(sources)} if sources and default else {min(1, len(sources)), len(sources)}
        if len(destinations) not in allowed:
            self._wrong_count(*lists, optional=default is not None)
            return ()
        if not destinations:
            destinations = [default]
        if into or (len(destinations) == 1 and len(sources) > 1):
            destinations = [place and place.as_directory for place in destinations]
        if len(destinations) == 1:
            destinations *= len(sources)
        pairs = zip(sources, destinations, strict=True)
        transfers: list[Transfer] = []
        for number, (source, target) in enumerate(pairs):
            try:
                if source and target:
                    transfers.append(make_transfer(source, target))
            except NotALocation as error:
                self.refuse(lists[0], error, item=number)
        return tuple(transfers)

    def _wrong_count(self, sources_key: str, destinations_key: str, *, optional: bool) -> None:
        sources, destinations = self.get(sources_key), self.get(destinations_key)
        kind = ListRuleError
        if not destinations:
            message, hint = f"--{sources_key} without --{destinations_key}", f"say where {list_some(sources)} goes"
        elif not sources:
            message, hint = (
                f"--{destinations_key} without --{sources_key}",
                f"say what goes to {list_some(destinations)}",
            )
            kind = OutputNotNamed if sources_key == "Data" else kind
        else:
            message = (
                f"--{destinations_key} has {len(destinations)} destinations ({list_some(destinations)}) "
                f"for the {len(sources)} of --{sources_key} ({list_some(sources)})"
            )
            hint = "give one directory for all, or one destination for each, in the same order"
            if optional:
                hint += ", or none: the job's directory"
        self.wrong(destinations_key if destinations else sources_key, message, hint, kind=kind)

    def spec(self) -> TransferSpec:
        """Return the spec of all that is right; what is wrong is in ``errors`` then."""
        source, own_end = (
            (node_location, self._read_own) if self.in_mode.copies_on_node else (parse_location, self._read_into_job)
        )
        stage_in = self.pair(LISTS[0], (source, own_end), default=JOB_DIRECTORY)
        copied = self.out_mode.copies_on_node
        target = node_location if copied else parse_destination
        stage_out = self.pair(LISTS[1], (self._read_own if copied else self._read_name_or_location, target))
        output = self.pair(LISTS[2], (parse_name, target), into=True)
        self._own_directory("StageinGOsrc", [transfer.source for transfer in stage_in], "empty before the job")
        for key, transfers in (("StageoutGOdest", stage_out), ("OutputGO", output)):
            self._own_directory(key, [transfer.destination for transfer in transfers], "removed after the job")
        if list(self.get(OVERWRITE)) not in ([], ["yes"]):
            message = f"--{OVERWRITE}={list_some(self.get(OVERWRITE))}"
            self.wrong(OVERWRITE, message, "it is yes, or not there", "overwrite")
        moved = bool(stage_in or stage_out or output or self.get("WorkingendpointGO"))
        server = self._server()
        reached = moved or server is not None
        return TransferSpec(
            stage_in=stage_in,
            stage_out=stage_out,
            output=output,
            working=self.working if moved else None,
            in_mode=self.in_mode if reached else DEFAULT_MODE,
            out_mode=self.out_mode if reached else DEFAULT_MODE,
            local_endpoint=server,
            user=self.value(USER, "user", check_user),
            myproxy=self.value(MYPROXY, "account", MyproxyAccount.read),
            overwrite=moved and self.get(OVERWRITE) == ["yes"],
        )

    def _read_own(self, text: str) -> Location:
        """Return a location in the job's directory, for the mode local, which asks no endpoint."""
        place = self._read_name_or_location(text)
        if not place.in_job and place.endpoint.text != self.working:
            problem = f"{quote(text)}: the mode local copies on the node, and asks no endpoint"
            raise RequestError(problem, hint="name a place in the job's directory", code="mode")
        return place

    def _read_into_job(self, text: str) -> Location:
        """Return the destination of a stage-in; of a relative path the hint says how it is written in the job."""
        try:
            return parse_destination(text)
        except RequestError as error:
            from goclient.model.syntax.misread import reads  # as in locations

            own = f"{self.working}:/{text.removeprefix('./')}"
            if ":" in text or text.startswith(("/", "~")) or not reads(own):
                raise
            hint = f"write {shell_word(own)} for the job's directory; for another endpoint: {error.hint}"
            raise error.replace(hint=hint) from error

    def _read_name_or_location(self, text: str) -> Location:
        """Return the place of a stage-out source: a name in the job's directory, or a location."""
        if ":" not in text:
            return parse_name(text)
        try:
            return parse_location(text)
        except RequestError as error:
            from goclient.model.syntax.misread import reads  # as in locations

            own = f"{self.working}:/{text}"
            if ":/" in text or len(text) > 255 or not reads(own):
                raise
            hint = f"{error.hint}; a name with a colon in the job's directory is written {shell_word(own)}"
            raise error.replace(hint=hint) from error

    def _own_directory(self, key: str, locations: Sequence[Location], why: str) -> None:
        """Keep a mistake for each location that is in the job's own directory and cannot be."""
        for place in dict.fromkeys(place for place in locations if place.in_job):
            self.wrong(
                key,
                f"--{key}={quote(f'{self.working}:{place.path}')} is in the job's own directory, which is {why}",
                "name another endpoint, or call the job's own something else with --WorkingendpointGO",
                "own-directory",
            )
