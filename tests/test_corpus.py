"""A corpus of submissions, each in a file of ``tests/corpus/``: wrong ones are found and mended, right ones pass.

A file has these keys; ``$NAME`` stands for an id or a URL of the sandbox (``Case.fill`` has the names).

``about``: what happened, in words.  ``typed``: the words after ``sendJob.py`` and what every job needs; with
``alone = true`` nothing is added.  ``as``: who types: "service" (the sandbox's user, the default), "person" (has
logged in, and consented to nothing) or "stranger" (a person who has not logged in).

What is there before: ``[there]`` files of collections (``"SITE1:/d/"`` is a folder), ``[made]`` what else is there (a
``pipe``, a ``socket``, a ``link TARGET``, a file of ``size BYTES``, or the ``mode 0500`` of what is), ``[payloads]``
files of ``$SANDBOX_URL/transformations/``, ``[queues]`` of PanDA, each a status and MB of ``maxwdir``, ``[here]`` files
beside the user, ``[environment]`` variables, ``catalogue`` the text of it, ``[[trouble]]`` of the sandbox,
``awake = true`` the laptop of the sandbox runs, ``ended = true`` the person's login is over.

A wrong one has ``exit``, ``code``, ``message`` (a part of it), ``names`` (the wrong value, as the message shows it)
and ``reports`` (how many errors are told, one unless it is said).  ``found = "warning"``: the job is sent all the
same, after a warning; ``found = false``: nobody can know before; ``why`` says why.  ``[mended]`` is how the user gets
what was wanted: ``hint`` a part of the hint, ``typed`` other words, ``command`` a command that the hint has, and what
the user changes otherwise: ``here``, ``there``, ``environment``, ``catalogue``, ``awake``, ``calm = true`` (the
trouble is over).

Without ``typed`` or anything else that the user changes, the hint itself is typed, literally.  ``siblings`` are other
words of the same fault, a list each; nobody is asked for them, and the hint of each is typed literally, too.

A right one has ``tasks`` and ``items``, as its record is explained, and if there are any, ``jobs`` (one unless it is
said), ``warnings`` (the codes) and ``payload`` (the words that are left to it).
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from goclient.errors.wording import printable
from goclient.jobs.explain import explain
from goclient.model.records.panda_job import decode_jobs
from tests.commands import TIMEOUT, Result, completed
from tests.sandboxes import Sandbox

pytestmark = pytest.mark.conformance  # it takes a fifth of the time that all other tests take

CORPUS = Path(__file__).parent / "corpus"
PROG = "sendJob.py: "
SHARE = 0.97  # of the wrong ones, found before submission
STOPPED = 0.70  # of the wrong ones, not sent
COLLECTIONS = {
    "SITE1": "SITE1",
    "ATLAS8": "wdeng#ANLHEP_ATLAS8",
    "BNL": "mxp#MXP_BNL_TEST",
    "OU": "mxp#MXP_OU_TEST",
    **{name: name for name in ("CONSENT1", "SESSION1", "OTHER1", "GUEST1", "LAPTOP", "ENDPOINT1")},
}
BEFORE = {"about", "typed", "alone", "as", "there", "made", "payloads", "queues", "here", "environment", "catalogue"}
BEFORE |= {"trouble", "awake", "ended"}
WRONG = BEFORE | {"exit", "code", "message", "names", "reports", "found", "why", "mended", "siblings"}
MENDED = {"hint", "typed", "command", "here", "there", "made", "payloads", "environment", "catalogue", "awake", "calm"}
RIGHT = BEFORE | {"tasks", "items", "jobs", "warnings", "payload"}


def read(kind: str) -> dict[str, dict[str, Any]]:
    """The cases of a kind by their names."""
    return {path.stem: tomllib.loads(path.read_text()) for path in sorted((CORPUS / kind).glob("*.toml"))}


def cases(kind: str) -> list[Any]:
    return [pytest.param(case, id=name) for name, case in read(kind).items()]


# --- the corpus itself --------------------------------------------------------------------------------------


def test_the_corpus_is_as_large_as_it_is_said_to_be_and_its_files_have_known_keys() -> None:
    wrong, right = read("wrong"), read("right")
    assert len(wrong) >= 60
    assert len(right) >= 100
    for name, case in wrong.items():
        assert set(case) <= WRONG, name
        assert set(case.get("mended", {})) <= MENDED, name
        assert ("why" in case) == ("found" in case), name
        assert ("mended" in case) == (case.get("found") is not False), name
    for name, case in right.items():
        assert set(case) <= RIGHT, name
    typed = [json.dumps({**case, "about": ""}, sort_keys=True) for case in (*wrong.values(), *right.values())]
    assert len(set(typed)) == len(typed), "each is another one"


def test_of_the_wrong_ones_nearly_all_are_found_before_submission() -> None:
    """That each is found as its file says, is what the other tests are for."""
    wrong = read("wrong").values()
    stopped = sum("found" not in case for case in wrong) / len(wrong)
    found = sum(case.get("found", True) is not False for case in wrong) / len(wrong)
    print(f"{len(wrong)} wrong submissions: {found:.1%} found before submission, {stopped:.1%} not sent")
    assert found >= SHARE
    assert stopped >= STOPPED


# --- a case in a sandbox ------------------------------------------------------------------------------------


@dataclass
class Case:
    """One case of the corpus, in a sandbox and with a user of its own."""

    case: dict[str, Any]
    sandbox: Sandbox
    folder: Path
    globus: str
    ids: dict[str, str]

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.home.mkdir()
        self.environment: dict[str, str] = {}

    @property
    def env(self) -> dict[str, str]:
        own = self.sandbox.env
        native = {"GOCLIENT_CLIENT_ID": own["SANDBOX_NATIVE_CLIENT_ID"], "GOCLIENT_CLIENT_SECRET": ""}
        programs = (own["PATH"], os.path.dirname(sys.executable), os.path.dirname(self.globus))
        named = {
            "HOME": str(self.home),
            "GOCLIENT_STATE": str(self.folder / "state"),
            "PATH": os.pathsep.join(filter(None, programs)),
        }
        return own | (native if self.is_person else {}) | named | self.environment

    @property
    def is_person(self) -> bool:
        return bool(self.case.get("as", "service") != "service")

    def fill(self, text: str) -> str:
        """The text with the sandbox's ids and variables in place of their names."""
        known = self.ids | {name: value for name, value in self.sandbox.env.items() if name[:3] in ("SAN", "GOC")}
        known["CASE_HOME"] = str(self.home)
        return re.sub(r"\$([A-Z0-9_]+)", lambda found: known.get(found[1], found[0]), text)

    def filled(self, value: Any) -> Any:
        """A document with all its texts filled."""
        if isinstance(value, dict):
            return {name: self.filled(one) for name, one in value.items()}
        return [self.filled(one) for one in value] if isinstance(value, list) else (
            self.fill(value) if isinstance(value, str) else value
        )  # fmt: skip

    def prepare(self, given: dict[str, Any]) -> None:
        """Make it as it was before a command was typed."""
        for location, text in given.get("there", {}).items():
            collection, _, path = location.partition(":")
            self._write(self.sandbox.path(collection, path), text, is_folder=path.endswith("/"))
        for location, what in given.get("made", {}).items():
            collection, _, path = location.partition(":")
            _make(self.sandbox.path(collection, path), *what.split(" "))
        for name, text in given.get("payloads", {}).items():
            self._write(self.sandbox.root / "transformations" / name, text, is_folder=False)
        for name, (status, size) in given.get("queues", {}).items():
            self.sandbox.rows("insert into queues values (?, ?, ?)", name, status, size)
        for path, text in given.get("here", {}).items():
            self._write(self.folder / path, text, is_folder=path.endswith("/"))
        self.environment |= self.filled(given.get("environment", {}))
        if "catalogue" in given:
            Path(self.sandbox.env["GOCLIENT_ENDPOINTS"]).write_text(self.fill(given["catalogue"]))
        for trouble in given.get("trouble", ()):
            requests.post(
                f"{self.sandbox.url}/sandbox/trouble", json=self.filled(trouble), timeout=TIMEOUT
            ).raise_for_status()
        if given.get("calm"):
            requests.delete(f"{self.sandbox.url}/sandbox/trouble", timeout=TIMEOUT).raise_for_status()

    def _write(self, path: Path, text: str, *, is_folder: bool) -> None:
        (path if is_folder else path.parent).mkdir(parents=True, exist_ok=True)
        if not is_folder:
            path.write_text(self.fill(text), encoding="utf-8", newline="")

    def send(self, *words: str, typed: list[str] | None = None) -> Result:
        """Run sendJob.py with the words that were typed, or with other ones, and these before them."""
        return self._ran(["sendJob.py", *words, *self._typed(typed or self.case["typed"])])

    def _typed(self, typed: list[str]) -> list[str]:
        url = f"{self.sandbox.url}/transformations/datatransfer.sh"
        every = [] if self.case.get("alone") else ["--computingSite=TEST1", f"--transformation={url}"]
        return [*every, *map(self.fill, typed)]

    def carry_out(self, command: str) -> None:
        """Does what a hint says."""
        if command.startswith("globus ") and not self.globus:
            pytest.skip("GOCLIENT_TEST_GLOBUS does not name the globus command: make test sets it up")
        if command.startswith("goclient login") and self.is_person:
            self.log_in(*shlex.split(command)[2:])
        else:
            result = self._ran(["sh", "-c", command])
            assert result.code == 0, result.err

    def log_in(self, *words: str) -> None:
        """Types ``goclient login``, opens the page that it shows, and types the code from there."""
        command = [sys.executable, "-m", "goclient", "login", "--no-browser", *words]
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        with subprocess.Popen(command, env=self.env, cwd=self.folder, text=True, **pipes) as process:
            assert process.stderr is not None
            assert process.stdin is not None
            for line in process.stderr:
                if line.strip().startswith("http"):
                    page = requests.get(line.strip(), timeout=TIMEOUT)
                    process.stdin.write(f"{page.headers['X-Sandbox-Code']}\n")
                    process.stdin.flush()
            assert process.wait(TIMEOUT) == 0

    def _ran(self, words: list[str]) -> Result:
        return _sane(completed(words, env=self.env, cwd=self.folder))

    @contextmanager
    def awake(self, given: dict[str, Any]) -> Iterator[None]:
        """The laptop runs meanwhile, if it is said so."""
        lock = self.folder / "lock"
        with open(lock, "w") as file:
            if given.get("awake"):
                fcntl.flock(file, fcntl.LOCK_EX)
            self.sandbox.rows(
                "update collections set lock_file = ?, allowed = ? where display_name = 'LAPTOP'",
                *(str(lock), json.dumps([str(self.sandbox.path("LAPTOP"))])),
            )
            yield

    def asked_of_panda(self) -> list[str]:
        asked = requests.get(f"{self.sandbox.url}/sandbox/requests", timeout=TIMEOUT).json()["requests"]
        paths = [one["path"] for one in asked if one["path"].startswith(("/server/", "/api/v1/"))]
        return [path for path in paths if not path.endswith(("/get_site_specs", "/get_user_secrets"))]


def _make(path: Path, kind: str, value: str = "") -> None:
    """Make something of a kind at a path, or change the mode of what is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "mode":
        path.chmod(int(value, 8))
    elif kind == "link":
        path.symlink_to(value)
    elif kind == "size":
        path.touch()
        os.truncate(path, int(value))
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        os.mknod(path, stat.S_IFSOCK | 0o644)


def _sane(result: Result) -> Result:
    assert "Traceback" not in result.err, result.err
    assert all(c == "\n" or c.isprintable() for c in result.err), "a terminal would obey it"
    return result


@pytest.fixture(scope="module")
def seeded(shared_sandbox: Sandbox) -> dict[str, Any]:
    """Return what a new sandbox holds that a case may change."""
    top = shared_sandbox.root / "collections"
    named = {row["display_name"]: row["id"] for row in shared_sandbox.rows("select id, display_name from collections")}
    ids = {short: str(named[name]) for short, name in COLLECTIONS.items()}
    ids["RULE"] = str(shared_sandbox.rows("select id from rules where path = '/in/'")[0]["id"])
    return {
        "files": set(top.rglob("*")),
        "payloads": set((shared_sandbox.root / "transformations").rglob("*")),
        "catalogue": Path(shared_sandbox.env["GOCLIENT_ENDPOINTS"]).read_text(),
        "rules": {row["id"]: row["permissions"] for row in shared_sandbox.rows("select id, permissions from rules")},
        "ids": ids,
    }


@pytest.fixture
def prepared(
    request: pytest.FixtureRequest,
    shared_sandbox: Sandbox,
    seeded: dict[str, Any],
    tmp_path: Path,
) -> Iterator[Case]:
    """A case with everything that is before it; afterwards the sandbox is as new, but for the jobs."""
    globus = os.environ.get("GOCLIENT_TEST_GLOBUS", "")
    case = Case(request.param, shared_sandbox, tmp_path, globus, seeded["ids"])
    try:
        if case.case.get("as") == "person":
            case.log_in()
        shared_sandbox.rows("delete from secrets")  # of other cases, and tests: one credential stops another
        if case.case.get("ended"):
            shared_sandbox.rows("delete from tokens")
        case.prepare(case.case)
        requests.delete(f"{shared_sandbox.url}/sandbox/requests", timeout=TIMEOUT)
        yield case
    finally:
        _made_new(shared_sandbox, seeded)


def _made_new(sandbox: Sandbox, seeded: dict[str, Any]) -> None:
    requests.delete(f"{sandbox.url}/sandbox/trouble", timeout=TIMEOUT)
    new = set(_below(sandbox.root / "collections")) - seeded["files"]
    new |= set((sandbox.root / "transformations").rglob("*")) - seeded["payloads"]
    for path in sorted(new, reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    sandbox.rows("delete from queues where name not in ('TEST1', 'TEST3', 'ANALY_BNL_T3', 'OFFLINE1')")
    catalogue = Path(sandbox.env["GOCLIENT_ENDPOINTS"])
    catalogue.write_text(seeded["catalogue"])
    catalogue.chmod(0o600)
    sandbox.rows("delete from consents")
    for row in sandbox.rows("select id, permissions from rules"):
        if row["id"] not in seeded["rules"]:
            sandbox.rows("delete from rules where id = ?", row["id"])
        elif row["permissions"] != seeded["rules"][row["id"]]:
            sandbox.rows("update rules set permissions = ? where id = ?", seeded["rules"][row["id"]], row["id"])


def _below(folder: Path) -> Iterator[Path]:
    """All paths below a folder, those in a directory that its owner alone may enter, too."""
    for path in folder.iterdir():
        yield path
        if path.is_dir() and not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o700)
            yield from _below(path)


# --- the wrong ones -----------------------------------------------------------------------------------------


def reports(result: Result, level: str) -> list[tuple[str, str]]:
    """The messages of a level on stderr, each with its hint."""
    found: list[tuple[str, str, str]] = []
    for line in result.err.splitlines():
        if line.startswith(PROG):
            kind, _, message = line.removeprefix(PROG).partition(": ")
            found.append((kind, message, ""))
        elif line.startswith("    ") and found:
            found[-1] = (*found[-1][:2], line.strip())
    return [(message, hint) for kind, message, hint in found if kind == level]


def codes(result: Result, level: str) -> list[str]:
    """The codes of an error and of the findings of a level in the JSON document of a command."""
    findings = [one["code"] for one in result.json.get("findings", ()) if one["level"] == level]
    errors = [result.json["error"]["code"]] if level == "error" else []
    return errors + [code for code in findings if code not in errors]


@pytest.mark.parametrize("prepared", cases("wrong"), indirect=True)
def test_a_wrong_submission_is_found_before_it_is_sent_and_the_remedy_mends_it(prepared: Case) -> None:
    case = prepared.case
    found = case.get("found", "error")
    with prepared.awake(case):
        result = prepared.send("--json", *(["--noSubmit"] if "found" in case else []))
    if found is False:
        assert (result.code, reports(result, "error"), reports(result, "warning")) == (0, [], [])
        return
    assert prepared.asked_of_panda() == [], "nothing has reached PanDA"
    assert result.code == case.get("exit", 0), result.err
    assert case["code"] in codes(result, found), result.out
    told = reports(result, found)
    assert len(told) == case.get("reports", 1), result.err
    names, message = prepared.fill(case["names"]), prepared.fill(case["message"])
    hints = [hint for text, hint in told if names in text and message in text]
    assert hints, f"{names} and {message} are not in {result.err}"
    assert_no_hint_is_refused(prepared, told)
    assert_mended(prepared, hints, told)
    for typed in case.get("siblings", ()):
        assert_sibling(prepared, typed)


def assert_sibling(prepared: Case, typed: list[str]) -> None:
    """It is found as the case is, without asking anybody, and its hints mend it as they are typed."""
    found = prepared.case.get("found", "error")
    asked = ["--json", "--noSubmit", "--noCheck"]
    typed = [prepared.fill(word) for word in typed]
    result = prepared.send(*asked, typed=typed)
    assert result.code == prepared.case.get("exit", 0), f"{typed}: {result.err}"
    assert prepared.case["code"] in codes(result, found), f"{typed}: {result.out}"
    again = typed_literally(typed, reports(result, found))
    assert again != typed, f"nothing to type for {typed}: {result.err}"
    mended = prepared.send(*asked, typed=again)
    assert (mended.code, reports(mended, "error")) == (0, []), f"{typed}: {again}: {mended.err}"
    assert prepared.case["code"] not in codes(mended, "warning"), f"{typed}: {again}: {mended.err}"


def assert_no_hint_is_refused(prepared: Case, told: list[tuple[str, str]]) -> None:
    """Check that what the hints propose, typed literally, has the same mistakes no more."""
    typed = [prepared.fill(word) for word in prepared.case["typed"]]
    again = typed_literally(typed, told)
    if again != typed and prepared.case.get("exit") in (2, 10):
        result = prepared.send("--noSubmit", "--noCheck", typed=again)
        left = {message for message, _ in reports(result, "error")} & {
            message for message, hint in told if proposed(hint)
        }
        assert left == set(), f"{again}: {result.err}"


_SHELL_WORD = re.compile(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""")
_PROPOSAL = re.compile(r"(?:\bwrite|did you mean|retype the blanks:|, add|^add) (.+)")
_PROSE = {"the", "a", "an", "each", "one", "what", "it", "its", "them", "--Data=…"}


def proposed(hint: str) -> str:
    """Return what a hint says to type, as it stands there, or the empty string."""
    found = _PROPOSAL.search(hint)
    words: list[str] = []
    for word in _SHELL_WORD.findall(found[1]) if found else ():
        value_follows = bool(words) and words[-1].startswith("--") and "=" not in words[-1]
        if words and not (value_follows or "=" in word or word.startswith("--")):
            break
        words.append(word.rstrip("?;,:"))
        if word[-1] in "?;,:":
            break
    return "" if not words or words[0] in _PROSE else " ".join(words).replace("ENDPOINT", "SITE1")


def typed_literally(typed: list[str], told: list[tuple[str, str]]) -> list[str]:
    """The words with what the hints propose in place of what their messages quote."""
    for message, hint in told:
        new = proposed(hint)
        shown = re.findall(r'"((?:[^"]|(?<=\\)")*)"', message)
        old = next((piece for one in shown for piece in pieces(typed) if printable(piece) == one), "")
        if new and old:
            typed = [one for word in typed for one in replaced(word, old, new)]
    return typed


def pieces(typed: list[str]) -> Iterator[str]:
    """Yield what a message may quote of words: a word, its value, the words and items in it."""
    for word in typed:
        value = word.partition("=")[2]
        yield from (word, word.partition("=")[0], value)
        for one in value.split(" ") if word.startswith("--jobParameters=") else (value,):
            yield from (one, one.partition("=")[2], *one.partition("=")[2].split(","), *one.split(","))


def replaced(word: str, old: str, new: str) -> list[str]:
    """The words that a word is with the new text in place of the old one."""
    if old not in word:
        return [word]
    if word.startswith("--jobParameters="):  # a shell reads it later
        return [word.replace(old, new, 1)]
    words = shlex.split(new)
    if word == old or (words[0].startswith("--") and word.startswith(words[0].partition("=")[0])):
        return words if "=" in words[0] or "=" not in word else [word.replace(word.partition("=")[0], words[0])]
    return [word.replace(old, " ".join(words), 1)]


def assert_mended(prepared: Case, hints: list[str], told: list[tuple[str, str]]) -> None:
    """The hint says what mends it, and that does."""
    mended = prepared.case["mended"]
    said, command = prepared.fill(mended.get("hint", "")), prepared.fill(mended.get("command", ""))
    assert any(hint and said in hint and command in hint for hint in hints), f"{said} {command} is not in {hints}"
    for hint in hints:
        assert "globus-cli" in hint or ("globus ls" not in hint and "globus endpoint" not in hint), "it is not ours"
        assert "single quotes" in hint or "${SN" not in re.sub("'[^']*'", "", hint), "a shell puts nothing for it"
    prepared.prepare(mended)
    if command:
        prepared.carry_out(command)
    literally = typed_literally([prepared.fill(word) for word in prepared.case["typed"]], told)
    typed = mended.get("typed") or (literally if set(mended) <= {"hint"} else None)
    with prepared.awake(mended):
        result = prepared.send(typed=typed)
    assert (result.code, reports(result, "error")) == (0, []), result.err
    if prepared.case.get("found") == "warning":
        assert reports(result, "warning") == [], "it is mended"


# --- the right ones -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("prepared", cases("right"), indirect=True)
def test_a_right_submission_is_not_refused_and_does_what_it_says(prepared: Case) -> None:
    case = prepared.case
    with prepared.awake(case):
        result = prepared.send("--json", "--noSubmit")
    assert result.code == 0, result.err
    assert reports(result, "error") == []
    assert codes(result, "warning") == case.get("warnings", []), result.err
    records = decode_jobs(result.json["record"])
    assert len(records) == case.get("jobs", 1)
    for record in (records[0], records[-1]):
        explained = explain(record.get("jobParameters") or "", catalogue={})
        assert explained.warnings == ()
        plan = explained.document()["plan"]
        assert (len(plan), sum(len(task["items"]) for task in plan)) == (case["tasks"], case["items"]), plan
    if "payload" in case:
        assert explained.payload == prepared.fill(case["payload"])
