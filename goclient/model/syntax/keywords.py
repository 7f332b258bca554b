"""Keywords of the globusPilot: the bare words ``globus-endpoint-in=… files-in=…``, to a TransferSpec.

Each direction has four words: the mode, the endpoint that is far from the job, a directory there, and a list of
files.  A file keeps its path below the directory: ``dir-in=/data files-in=run/a`` brings ``/data/run/a`` to ``run/a``
in the job's directory.  The modes say how that directory is reached:

* ``gc``: through a Globus Connect endpoint that is made on the node;
* ``server``: through ``globus-endpoint-local``, a server that sees the job's directory;
* ``local``: not at all, the directory ``dir-in`` or ``dir-out`` is one of the node.

As in the globusPilot, directories are ``/`` unless given, and a direction without files moves nothing; in the mode
``server`` a missing endpoint is the local one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple, TypeVar

from goclient.errors import GoclientError, RequestError
from goclient.errors.conditions import ListRuleError, UnreadWord
from goclient.errors.findings import Finding
from goclient.errors.wording import quoted
from goclient.model.endpoint import JOB, NODE, Endpoint
from goclient.model.location import JOB_DIRECTORY, Location, Transfer
from goclient.model.names import path_problem
from goclient.model.plan import MODES, Mode
from goclient.model.spec import TransferSpec
from goclient.model.syntax.files_in import Words, parse_brought
from goclient.model.syntax.lists import ReadLines, shortened, split_items
from goclient.model.syntax.options import DEFAULT_WORKING
from goclient.model.syntax.parse import checked_user, node_location, parse_endpoint, parse_name, refuse

T = TypeVar("T")


class GlobusWord(NamedTuple):
    """One such word of a text, its value (empty if it has none), and the column, from 1, at which it stands."""

    text: str
    column: int

    @property
    def name(self) -> str:
        """Name before the equals sign."""
        return self.text.partition("=")[0]

    @property
    def value(self) -> str:
        """Value behind it."""
        return self.text.partition("=")[2]

    def __str__(self) -> str:
        return f"{quoted(self.text)} at column {self.column}"


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

_HOW = "in-mode and out-mode are gc (Globus Connect on the node), server (globus-endpoint-local) or local (a copy)"


class Read(NamedTuple):
    """Meaning of the words as far as they are right, every mistake, and warnings about words without effect."""

    spec: TransferSpec
    errors: list[GoclientError]
    warnings: list[Finding]


def read_globus_words(
    given: Sequence[GlobusWord], *, overwrite: bool, read_lines: ReadLines | None = None, misspelt: Iterable[str] = ()
) -> Read:
    """Return what these words of a text mean; the files of a list may be in a file, ``files-in=@FILE``.

    ``misspelt``: the names that were meant by words that are reported already, and so are not missed.
    """
    reader = _Reader(given, read_lines, misspelt)
    return Read(reader.spec(overwrite), shortened(reader.errors), reader.warnings)


class _Reader:
    """Builds a spec from the words, keeping every mistake for one report."""

    def __init__(self, given: Sequence[GlobusWord], read_lines: ReadLines | None, already_wrong: Iterable[str]) -> None:
        self.given = {name: [word for word in given if word.name == name] for name in NAMES}
        self.read_lines = read_lines
        self.errors: list[GoclientError] = []
        self.warnings: list[Finding] = []
        self.bad = set(already_wrong)  # the names of words that are wrong, and not to be missed again

    def wrong(
        self, name: str, message: str, hint: str, code: str = "", *, kind: type[RequestError] = RequestError
    ) -> None:
        """Keep the mistake in a word."""
        self.refused(name, message, kind("", hint=hint, code=code))

    def refused(self, name: str, message: str, error: RequestError) -> None:
        """Keep the mistake in a word whose value raised an error, with this message."""
        self.bad.add(name)
        self.errors.append(error.replace(message=f"--jobParameters: {message}", subject=name))

    def missed(
        self, name: str, message: str, hint: str, code: str = "", *, kind: type[RequestError] = RequestError
    ) -> None:
        """Keep a mistake because a word is not there, unless it was meant by one that is wrong."""
        if name not in self.bad:
            self.wrong(name, message, hint, code, kind=kind)

    def without_effect(self, name: str, why: str) -> None:
        """Warn of a word that is right and has no effect."""
        word = self.first(name)
        if word is not None and name not in self.bad:
            message = f"--jobParameters: {word} has no effect: {why}"
            self.warnings.append(Finding("warning", "no-effect", name, message, "leave it out, or complete it"))

    def first(self, name: str) -> GlobusWord | None:
        return next(iter(self.given[name]), None)

    def value(self, name: str, read: Callable[[str], T]) -> T | None:
        """Return what ``read`` makes of the value of a word; None if the word is not there, or is wrong."""
        word = self.first(name)
        if word is None or name in self.bad:
            return None
        try:
            return read(word.value)
        except RequestError as error:
            self.refused(name, f"{word}: {error.message}", error)
            return None

    def spec(self, overwrite: bool) -> TransferSpec:
        """Return the spec of all that is right."""
        self._check_counts()
        user, local = self.value(_USER, checked_user), self.value(_LOCAL, parse_endpoint)
        in_mode, stage_in = self._direction(_IN, local, outwards=False)
        out_mode, output = self._direction(_OUT, local, outwards=True)
        server = "server" in (in_mode, out_mode)
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
            overwrite=overwrite and moved,
        )

    def _check_counts(self) -> None:
        for name, words in self.given.items():
            empty = next((word for word in words if not word.value), None)
            if empty is not None:
                hint = f"write {name}=VALUE without a blank at the =, or leave it out; if it is the payload's own "
                hint += "word, put it in quotes"
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
        read = (lambda path: node_location(path).path) if mode == "local" else partial(_directory, way.directory)
        directory = self.value(way.directory, read)
        own = self._own(way, outwards)
        files = self.first(way.files)
        if files is None:
            for name in (way.endpoint, way.directory):
                self.without_effect(name, f"nothing is {way.verb} without {way.files}")
            return "gc", ()
        if mode is None:
            self.missed(way.mode, f"{files} without {way.mode}", f"add {way.mode}=gc: {_HOW}", "mode")
            return "gc", ()
        far = self._far_endpoint(way, mode, endpoint, local)
        if self.first(way.directory) is None:
            directory = "/"
        if far is None or directory is None:
            return mode, ()
        if outwards and own and self.first(way.directory) is None and way.directory not in self.bad:
            message = f"--jobParameters: {files} without {way.directory} goes to / there"
            hint = f"add {way.directory}=/~/ for the home directory, or another directory"
            hint = hint if mode != "local" else f"add {way.directory}=/PATH, a directory of the node"
            self.warnings.append(Finding("warning", "no-directory", way.directory, message, hint))
        place = Location(far, directory)
        return mode, tuple(_move(one, place, outwards) for one in own)

    def _mode(self, way: _Direction) -> Mode | None:
        """Return the mode of a direction; None if it is not said, or wrong."""
        word = self.first(way.mode)
        if word is None or way.mode in self.bad:
            return None
        for mode in MODES:
            if word.value == mode:
                return mode
        hint = f"{_HOW}; if it is the payload's own word, put it in quotes"
        self.wrong(way.mode, f"{word} is not a mode", hint, "mode")
        return None

    def _own(self, way: _Direction, outwards: bool) -> list[Location]:
        """Return the location of each file in the job's directory."""
        locations = []
        given, far = self.first(way.directory), self.first(way.endpoint)
        context = Words(
            way.files, way.directory, given.value if given is not None else "/", far.value if far is not None else ""
        )
        for word in self.given[way.files] if way.files not in self.bad else ():
            try:
                names = split_items(way.files, [word.value], self.read_lines)
            except RequestError as error:
                self.refused(way.files, f"{word}: {error.message}", error)
                continue
            for name in names:
                try:
                    locations.append(parse_name(name) if outwards else parse_brought(name, context))
                except RequestError as error:
                    message = f"{way.files}={error.message} (column {word.column})"
                    self.refused(way.files, message, error)
        return locations

    def _far_endpoint(
        self, way: _Direction, mode: Mode, endpoint: Endpoint | None, local: Endpoint | None
    ) -> Endpoint | None:
        """Return the endpoint that is far from the job; None if a word that says so is wrong or missing."""
        if mode == "local":
            self.without_effect(way.endpoint, f"the mode local copies on the node: {way.directory} is there")
            return NODE
        said = self.first(way.mode)
        if mode == "server" and local is None:
            self.missed(_LOCAL, f"{said} without {_LOCAL}", "name the server that sees the job's directory", "mode")
        if self.first(way.endpoint) is None:
            endpoint = local
            if mode == "gc":
                hint = f"add {way.endpoint}=ENDPOINT; files that are on the node itself need {way.mode}=local"
                self.missed(way.endpoint, f"{said} without {way.endpoint}", hint, kind=ListRuleError)
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
        raise refuse(path, replace(problem, instead=instead))
    return path


def _move(own: Location, far: Location, outwards: bool) -> Transfer:
    """Return the transfer of a file between the job's directory and the same path below a directory far away."""
    top = far.path.rstrip("/")
    if outwards:
        return Transfer(source=own, destination=far.with_path(top + own.directory))
    here = JOB_DIRECTORY if own.directory == "/" else Location(JOB, own.directory)
    return Transfer(source=far.with_path(top + own.path), destination=here)
