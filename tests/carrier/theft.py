"""A thief who has all that carried jobs and their pilots leave, and tries what it opens.

Used by tests and by figures.  A round is a few jobs with either kind of credential, at a site whose pilot writes the
secrets of users into its log: submitted by the command line, ended in different ways, and their credentials taken back.
"""

from __future__ import annotations

import base64
import json
import random
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import requests

from goclient.sandbox.seed import CAMPAIGN
from tests.carrier.trial import BATCH, DYING, GUEST, MONITOR, NODE, PAYLOAD, PYTHON, read_all
from tests.commands import clean_environment, completed, run_command
from tests.sandboxes import Sandbox

SERVICE, TOKEN = "service", "token"
WITHIN = 120.0  # seconds that a site may take for a small job, on a busy machine
TRANSFER_SCOPE = "urn:globus:auth:scope:transfer.api.globus.org:all"
_TOKEN = re.compile(rb"sandbox\.[\w-]{40,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{40,}={0,2}")
_POINTS = 300  # the calls of an undisturbed job are fewer; a point beyond them ends nothing


class Place(NamedTuple):
    """A directory of a collection, by its name."""

    collection: str
    directory: str

    def is_granted(self, kind: str, own: str) -> bool:
        """True if jobs with this kind of credential open it as told: their own directory, or the guest collection."""
        return self.collection == "GUEST1" and (kind == TOKEN or self.directory == own)


@dataclass
class Loot:
    """Ids and secrets of clients, and tokens, that are found in files and in members of archives."""

    clients: set[tuple[str, str]] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)

    def read(self, places: Iterable[Path]) -> Loot:
        """Read every file, and every member of every archive; return this."""
        for _, content in read_all(places):
            self.tokens |= {one.decode() for one in _TOKEN.findall(content)}
            for blob in _BASE64.findall(content):
                self._unpack(blob)
        return self

    def _unpack(self, blob: bytes) -> None:
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            found = json.loads(base64.b64decode(blob))
            if "client_secret" in found:
                self.clients.add((found["client_id"], found["client_secret"]))
            self.tokens |= set(found.get("tokens", {}).values())


class Thief:
    """Tries what is found at one moment; what opens what is kept, as the jobs of one submission have the same."""

    def __init__(self, sandbox: Sandbox, own: str) -> None:
        self.sandbox, self.own = sandbox, own  # the jobs' own directory, in the guest collection
        self._known: dict[str, set[Place]] = {}
        self._clients: dict[tuple[str, str], set[Place]] = {}

    def reach(self, loot: Loot) -> set[tuple[str, Place]]:
        """Return what can be read or written, each with the kind of the credential that opens it."""
        opened = {(TOKEN, place) for token in loot.tokens for place in self._opened(token)}
        return opened | {(SERVICE, place) for client in loot.clients for place in self._opened_by(client)}

    def _opened_by(self, client: tuple[str, str]) -> set[Place]:
        if client not in self._clients:
            self._clients[client] = {place for token in self._minted(client) for place in self._opened(token)}
        return self._clients[client]

    def _minted(self, client: tuple[str, str]) -> list[str]:
        """The tokens that a client gets for Transfer, and for every collection's own servers, each time new ones."""
        ids = [row["id"] for row in self.sandbox.rows("select id from collections")]
        scopes = [TRANSFER_SCOPE, *(f"https://auth.globus.org/scopes/{one}/https" for one in ids)]
        forms = ({"grant_type": "client_credentials", "scope": scope} for scope in scopes)
        url = f"{self.sandbox.url}/v2/oauth2/token"
        answers = [requests.post(url, auth=client, data=form, timeout=WITHIN) for form in forms]
        return [answer.json()["access_token"] for answer in answers if answer.ok]

    def _opened(self, token: str) -> set[Place]:
        if token not in self._known:
            self._known[token] = set(self._try(token))
        return self._known[token]

    def _try(self, token: str) -> Iterator[Place]:
        session = requests.Session()
        session.headers.update({"Authorization": f"Bearer {token}", "X-Requested-With": "XMLHttpRequest"})
        for row in self.sandbox.rows("select id, display_name from collections"):
            mine = (self.own,) if row["display_name"] == "GUEST1" else ()
            for directory in (*DIRECTORIES.get(row["display_name"], ()), *mine):
                if _opens(session, self.sandbox.url, row["id"], directory):
                    yield Place(row["display_name"], directory)


def beyond(thief: Thief, loot: Loot, kinds: set[str]) -> list[str]:
    """Return what loot opens beyond what was granted; it opens something with all these kinds of credentials."""
    reached = thief.reach(loot)
    wrong = [f"{kind}: {_named(place)}" for kind, place in reached if not place.is_granted(kind, thief.own)]
    if {kind for kind, _ in reached} != kinds:
        wrong.append(f"the thief has found {len(loot.clients)} clients and {len(loot.tokens)} tokens only")
    return wrong


def good_after_the_end(sandbox: Sandbox, own: str, loot: Loot) -> list[str]:
    """Return what is still good once all was taken back."""
    wrong = [f"after the end, {kind}: {_named(place)}" for kind, place in Thief(sandbox, own).reach(loot)]
    valid = {row["access_token"] for row in sandbox.rows("select access_token from tokens")}
    wrong += [f"after the end, a token is valid: {one[:12]}" for one in loot.tokens & valid]
    if any(json.loads(row["data"]) for row in sandbox.rows("select data from secrets")):
        wrong.append("after the end, PanDA has a secret")
    return wrong


def _named(place: Place) -> str:
    return f"{place.collection}{place.directory}"


# Directories of the sandbox's collections, in each of which the thief lists, reads and writes.
DIRECTORIES = {
    "SITE1": ("/", "/home/osg_data/panda/", "/shared/", "/shared/campaign/"),
    "wdeng#ANLHEP_ATLAS8": ("/atlas/dq2/test/",),
    "mxp#MXP_BNL_TEST": ("/direct/usatlas+u/mxp/",),
    "CONSENT1": ("/data/",),
    "SESSION1": ("/data/",),
    "OTHER1": ("/data/",),
    "GUEST1": ("/", "/in/", "/private/", "/campaign/", "/campaign/in/", "/campaign/out/"),
}


def _opens(session: requests.Session, url: str, collection: str, directory: str) -> bool:
    """Return True if a directory can be listed, or a file in it written."""
    listed = session.get(f"{url}/v0.10/operation/endpoint/{collection}/ls", params={"path": directory}, timeout=WITHIN)
    place = f"{url}/https/{collection}{directory}stolen"
    written = session.put(place, data=b"x", timeout=WITHIN, allow_redirects=False)
    if written.ok:
        session.delete(place, timeout=WITHIN)
    return listed.status_code == 200 or written.status_code == 200


class Round:
    """A few jobs with each kind of credential in a sandbox, whose service client has no permission of its own."""

    def __init__(self, sandbox: Sandbox, number: int, *, jobs: int) -> None:
        self.sandbox, self.number, self.jobs = sandbox, number, jobs
        self.folder = sandbox.cwd / f"round-{number}"
        (self.folder / "bin").mkdir(parents=True)
        python = self.folder / "bin/python3"
        python.write_text(PYTHON.format(python=sys.executable, dying=DYING))
        python.chmod(0o755)
        self._pick = random.Random(number)
        self._told: dict[int, str] = {}  # the kind of the credential of each job that waits
        client = sandbox.env["GOCLIENT_CARRY_CLIENT_ID"]
        sandbox.rows("delete from rules where principal = ?", client)

    def play(self) -> list[str]:
        """Return what is wrong: what a thief reaches beyond what was granted, and what is still good after the end.

        A submission that is refused while credentials of the other kind are out is made once these are taken back.
        """
        wrong = []
        for kind in (SERVICE, TOKEN) if self.number % 2 else (TOKEN, SERVICE):
            if not self._submit(kind):
                wrong += self._end()
                assert self._submit(kind), "it is refused although nothing is out"
        return [f"round {self.number}: {one}" for one in (*wrong, *self._end())]

    def _end(self) -> list[str]:
        """Run the jobs that wait, have their credentials taken back; return what is wrong.

        The log of each job is judged by what its own submission was told, whatever credentials are in it.
        """
        own, site, kinds = f"{CAMPAIGN}round-{self.number}/", self.sandbox.root / "site", set(self._told.values())
        ends = [self._run() for _ in self._told]
        loot, thief = Loot().read((self.folder, site)), Thief(self.sandbox, own)
        wrong = beyond(thief, loot, kinds)
        for end in ends:
            told, log = self._told[end["PandaID"]], Loot().read([Path(end["directory"]).parent])
            if not (log.clients or log.tokens):
                wrong.append(f"the log of job {end['PandaID']} has no credential")
            wrong += [
                f"the log of a job with {told} opens {_named(place)} by {kind}"
                for kind, place in thief.reach(log)
                if not place.is_granted(told, own)
            ]
        revoked = run_command(("goclient", "credential", "revoke", "--json"), env=self.sandbox.env, cwd=self.folder)
        if revoked.code or len(revoked.json) != len(kinds):
            wrong.append(f"not all was taken back: {revoked.out}{revoked.err}")
        wrong += good_after_the_end(self.sandbox, own, loot)
        shutil.rmtree(site)  # what comes next has its own logs
        (self.folder / "seen").unlink(missing_ok=True)
        self._told.clear()
        return wrong

    def _submit(self, kind: str) -> bool:
        """Submit jobs with a kind of credential; return False if others are out, which open other things."""
        there = self.sandbox.path("SITE1", f"{GUEST}/round-{self.number}")
        there.mkdir(exist_ok=True)
        (there / "input.dat").write_bytes(b"what is to be read\n")
        values = {"seen": str(self.folder / "seen"), "seconds": 0, "code": self._pick.choice((0, 0, 3))}
        program = self.folder / "run.py"
        program.write_text(PAYLOAD.format(python=sys.executable, **values))
        program.chmod(0o755)
        place = f"GUEST1:{CAMPAIGN}round-{self.number}"
        words = ("--goCarry", "--computingSite=TEST1", "--transformation=./run.py", f"--goCredential={kind}")
        moves = (f"--StageinGOsrc={place}/input.dat", "--StageoutGOsrc=out.dat",
                 f"--StageoutGOdest={place}/{kind}.${{SN}}.dat", f"--njobs={self.jobs}")  # fmt: skip
        more = ("--goGrant",) if kind == SERVICE else ()
        sent = run_command(("sendJob.py", *words, *moves, *more, "--json"), env=self.sandbox.env, cwd=self.folder)
        if sent.code == 10 and "shared-credential" in [one["code"] for one in sent.json["findings"]]:
            return False
        assert sent.code == 0, sent.err + sent.out
        self._told |= {one["PandaID"]: kind for one in sent.json["jobs"]}
        return True

    def _run(self) -> dict[str, Any]:
        """Let a site run the next job, to its end, or to a point where it is killed; return what the site tells."""
        how = self._pick.choice(("", MONITOR, BATCH))
        point = self._pick.randrange(1, _POINTS) if how else 0
        env = {
            **clean_environment(self.folder),
            "NODE_BIN": f"{self.folder}/bin",
            "NODE_POINT": str(point),
            "NODE_HOW": how,
            "NODE_COUNT": str(self.folder / "points"),
        }
        words = ("--dir", str(self.sandbox.root), "--site=TEST1", "--once", "--json")
        done = completed(
            (sys.executable, str(NODE), "sandbox", "site", *words), env=env, cwd=self.folder, timeout=WITHIN
        )
        assert done.code == 0, done.err
        self.sandbox.rows("update jobs set status = 'failed' where panda_id = ? and status in ('activated', 'running')",
                          done.json["PandaID"])  # fmt: skip
        return dict(done.json)
