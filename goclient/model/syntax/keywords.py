"""Keywords of the globusPilot: the bare words ``globus-endpoint-in=… files-in=…``, to a TransferSpec.

Each direction has four words: the mode, the endpoint that is far from the job, a directory there, and a list of
files.  A file keeps its path below the directory: ``dir-in=/data files-in=run/a`` brings ``/data/run/a`` to ``run/a``
in the job's directory.  The modes say how that directory is reached (``model/mode.py``).

As in the globusPilot, directories are ``/`` unless given, and a direction without files moves nothing; in the mode
``server`` a missing endpoint is the local one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from goclient.errors import GoclientError, RequestError
from goclient.errors.conditions import ListRuleError, UnreadWord
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.model.endpoint import JOB, NODE, Endpoint
from goclient.model.location import JOB_DIRECTORY, Location, Transfer
from goclient.model.mode import DEFAULT_MODE, Mode
from goclient.model.names import LocationError, path_problem
from goclient.model.spec import MyproxyAccount, TransferSpec
from goclient.model.syntax.files_in import Words, parse_brought
from goclient.model.syntax.lists import ReadLines, shorten, split_items
from goclient.model.syntax.options import DEFAULT_WORKING, IN_MODE, MYPROXY, OVERWRITE
from goclient.model.syntax.parse import check_user, node_location, parse_endpoint, parse_name, refuse
from goclient.model.syntax.shell import Word
from goclient.model.syntax.word_reader import Items

T = TypeVar("T")


class _Direction(NamedTuple):
    """Keywords of one direction, and the verb for it."""

    mode: str
    endpoint: str
    directory: str
    files: str
    verb: str


_IN = _Direction("in-mode", "globus-endpoint-in", "dir-in", "files-in", "brought")
_OUT = _Direction("out-mode", "globus-endpoint-out", "dir-out", "files-out", "taken away")
_USER, _LOCAL = "globus-user", "globus-endpoint-local"

# All ten; nobody else has words like the first of these, so that one of them shows that a text means transfers.
TELLING = (_USER, _IN.endpoint, _LOCAL, _OUT.endpoint, _IN.mode, _OUT.mode)
NAMES = (*TELLING, _IN.directory, _IN.files, _OUT.directory, _OUT.files)

_WAYS = [f"{mode} ({mode.how})" for mode in Mode]
_HOW = f"{_IN.mode} and {_OUT.mode} are {', '.join(_WAYS[:-1])} or {_WAYS[-1]}"


class Read(NamedTuple):
    """Meaning of the words as far as they are right, every mistake, and warnings about words without effect."""

    spec: TransferSpec
    errors: list[GoclientError]
    warnings: list[Finding]


def read_globus_words(
    given: Sequence[Word], options: Items, *, read_lines: ReadLines | None = None, misspelt: Iterable[str] = ()
) -> Read:
    """Return what these words of a text mean, at least one; the files of a list may be in a file, ``files-in=@FILE``.

    ``options`` are those beside the text, of which OPTIONS count here.  ``misspelt``: the names that were meant by
    words that are reported already, and so are not missed.
    """
    reader = _Reader(given, read_lines, misspelt)
    return Read(reader.spec(options), shorten(reader.errors), reader.warnings)


class _Reader:
    """Builds a spec from the words, keeping every mistake for one report."""

    def __init__(self, given: Sequence[Word], read_lines: ReadLines | None, already_wrong: Iterable[str]) -> None:
        self.given: dict[str, list[Word]] = {name: [] for name in NAMES}
        for word in given:
            self.given[word.name].append(word)
        self.read_lines = read_lines
        self.errors: list[GoclientError] = []
        self.warnings: list[Finding] = []
        self.option = given[0].source.option
        self.bad = set(already_wrong)  # the names of words that are wrong, and not to be missed again

    def wrong(
        self, name: str, message: str, hint: str, code: str = "", *, kind: type[RequestError] = RequestError
    ) -> None:
        """Keep the mistake in a word."""
        self.refuse(name, message, kind("", hint=hint, code=code))

    def refuse(self, name: str, message: str, error: RequestError) -> None:
        """Keep the mistake in a word whose value raised an error, with this message."""
        self.bad.add(name)
        self.errors.append(error.replace(message=f"{self.option}: {message}", subject=name))

    def miss(
        self, name: str, message: str, hint: str, code: str = "", *, kind: type[RequestError] = RequestError
    ) -> None:
        """Keep a mistake because a word is not there, unless it was meant by one that is wrong."""
        if name not in self.bad:
            self.wrong(name, message, hint, code, kind=kind)

    def without_effect(self, name: str, why: str) -> None:
        """Warn of a word that is right and has no effect."""
        word = self.first(name)
        if word is not None and name not in self.bad:
            message = f"{self.option}: {word} has no effect: {why}"
            self.warnings.append(Finding("warning", "no-effect", name, message, "leave it out, or complete it"))

    def first(self, name: str) -> Word | None:
        return next(iter(self.given[name]), None)

    def value(self, name: str, read: Callable[[str], T]) -> T | None:
        """Return what ``read`` makes of the value of a word; None if the word is not there, or is wrong."""
        word = self.first(name)
        if word is None or name in self.bad:
            return None
        try:
            return read(word.argument)
        except RequestError as error:
            self.refuse(name, f"{word}: {error.message}", error)
            return None

    def spec(self, options: Items) -> TransferSpec:
        """Return the spec of all that is right; the words say the modes, the ``options`` what no word says."""
        self._check_counts()
        if IN_MODE in options:
            message = f"{self.option}: --goVia={quote(options[IN_MODE][0])} is about transfers that are options"
            hint = f"write {_IN.mode}={options[IN_MODE][0]} and {_OUT.mode}={options[IN_MODE][0]} among the words"
            self.errors.append(RequestError(message, hint=hint, code="two-syntaxes", subject="--goVia"))
        user, local = self.value(_USER, check_user), self.value(_LOCAL, parse_endpoint)
        in_mode, stage_in = self._direction(_IN, local, outwards=False)
        out_mode, output = self._direction(_OUT, local, outwards=True)
        server = in_mode.needs_server or out_mode.needs_server
        moved = bool(stage_in or output)
        if not server:
            self.without_effect(_LOCAL, "only the mode server uses it")
        if not moved and not self.bad:
            for name in (_USER, _IN.mode, _OUT.mode):
                self.without_effect(name, "nothing is moved without files-in or files-out")
        return TransferSpec(
            stage_in=stage_in,
            output=output,
            working=DEFAULT_WORKING if moved else None,
            in_mode=in_mode,
            out_mode=out_mode,
            local_endpoint=local if server else None,
            user=user if moved else None,
            myproxy=MyproxyAccount.read(options[MYPROXY][0]) if moved and MYPROXY in options else None,
            overwrite=moved and OVERWRITE in options,
        )

    def _check_counts(self) -> None:
        for name, words in self.given.items():
            empty = next((word for word in words if not word.argument), None)
            if empty is not None:
                hint = f"write {name}=VALUE without a blank at the =, or leave it out{empty.or_quoted('; if')}"
                self.wrong(name, f"{empty} has no value", hint, "no-value", kind=UnreadWord)
            elif len(words) > 1 and name not in (_IN.files, _OUT.files):
                each = " and ".join(map(str, words[:5]))
                self.wrong(name, f"{name} is given {len(words)} times: {each}", "give it once", "twice")

    # --- one direction ---

    def _direction(
        self, way: _Direction, local: Endpoint | None, *, outwards: bool
    ) -> tuple[Mode, tuple[Transfer, ...]]:
        """Return the mode of a direction, and its transfers."""
        mode = self._mode(way)
        endpoint = self.value(way.endpoint, parse_endpoint)
        on_node = mode is not None and mode.copies_on_node
        read = (lambda path: node_location(path).path) if on_node else partial(_directory, way.directory)
        directory = self.value(way.directory, read)
        own = self._own(way, outwards)
        files = self.first(way.files)
        if files is None:
            for name in (way.endpoint, way.directory):
                self.without_effect(name, f"nothing is {way.verb} without {way.files}")
            return DEFAULT_MODE, ()
        if mode is None:
            self.miss(way.mode, f"{files} without {way.mode}", f"add {way.mode}={DEFAULT_MODE}: {_HOW}", "mode")
            return DEFAULT_MODE, ()
        far = self._far_endpoint(way, mode, endpoint, local)
        if self.first(way.directory) is None:
            directory = "/"
        if far is None or directory is None:
            return mode, ()
        if outwards and own and self.first(way.directory) is None and way.directory not in self.bad:
            message = f"{self.option}: {files} without {way.directory} goes to / there"
            hint = f"add {way.directory}=/~/ for the home directory, or another directory"
            hint = hint if not on_node else f"add {way.directory}=/PATH, a directory of the node"
            self.warnings.append(Finding("warning", "no-directory", way.directory, message, hint))
        word = self.first(way.directory) or files
        try:
            place, word = Location(far, directory), files
            return mode, tuple(_move(one, place, outwards) for one in own)
        except LocationError as error:  # a path that this kind of endpoint does not have
            wrong = refuse(far.display, error.problem)
            self.refuse(word.name, f"{word}: {wrong.message}", wrong)
            return mode, ()

    def _mode(self, way: _Direction) -> Mode | None:
        """Return the mode of a direction; None if it is not said, or wrong."""
        word = self.first(way.mode)
        if word is None or way.mode in self.bad:
            return None
        mode = Mode.read(word.argument)
        if mode is None:
            self.wrong(way.mode, f"{word} is not a mode", f"{_HOW}{word.or_quoted('; if')}", "mode")
        return mode

    def _own(self, way: _Direction, outwards: bool) -> list[Location]:
        """Return the location of each file in the job's directory."""
        locations = []
        given, far = self.first(way.directory), self.first(way.endpoint)
        context = Words(
            way.files,
            way.directory,
            given.argument if given is not None else "/",
            far.argument if far is not None else "",
        )
        for word in self.given[way.files] if way.files not in self.bad else ():
            try:
                names = split_items(way.files, [word.argument], self.read_lines)
            except RequestError as error:
                self.refuse(way.files, f"{word}: {error.message}", error)
                continue
            for name in names:
                try:
                    locations.append(parse_name(name) if outwards else parse_brought(name, context))
                except RequestError as error:
                    message = f"{way.files}={error.message} (column {word.start + 1})"
                    self.refuse(way.files, message, error)
        return locations

    def _far_endpoint(
        self, way: _Direction, mode: Mode, endpoint: Endpoint | None, local: Endpoint | None
    ) -> Endpoint | None:
        """Return the endpoint that is far from the job; None if a word that says so is wrong or missing."""
        if mode.copies_on_node:
            self.without_effect(way.endpoint, f"the mode {mode} copies on the node: {way.directory} is there")
            return NODE
        said = self.first(way.mode)
        if mode.needs_server and local is None:
            self.miss(_LOCAL, f"{said} without {_LOCAL}", "name the server that sees the job's directory", "mode")
        if self.first(way.endpoint) is None:
            endpoint = local
            if not mode.needs_server:
                hint = f"add {way.endpoint}=ENDPOINT; files that are on the node itself need {way.mode}={Mode.LOCAL}"
                self.miss(way.endpoint, f"{said} without {way.endpoint}", hint, kind=ListRuleError)
                return None
        if endpoint is not None and endpoint.text == DEFAULT_WORKING:
            word = self.first(way.endpoint) or self.first(_LOCAL)
            hint = "give the collection's UUID"
            self.wrong(way.endpoint, f"{word}: the job's own endpoint goes by that name", hint, "own-directory")
            return None
        return endpoint


def _directory(word: str, path: str) -> str:
    if problem := path_problem(path):
        instead = f"{word}={problem.instead}" if problem.instead else ""
        raise refuse(path, problem._replace(instead=instead))
    return path


def _move(own: Location, far: Location, outwards: bool) -> Transfer:
    """Return the transfer of a file between the job's directory and the same path below a directory far away."""
    top = far.path.rstrip("/")
    if outwards:
        return Transfer(source=own, destination=far.with_path(top + own.directory))
    here = JOB_DIRECTORY if own.directory == "/" else Location(JOB, own.directory)
    return Transfer(source=far.with_path(top + own.path), destination=here)
