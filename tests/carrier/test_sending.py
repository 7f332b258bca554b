"""Archives and secrets of jobs are in the journal as they go; a secret that the server lost is set again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest

from goclient.carrier.carried import Luggage
from goclient.carrier.plan import CarrierPlan
from goclient.carrier.secret import OthersShared, Secret
from goclient.carrier.sending import SECRET, UPLOAD, confirm_secret, send_luggage, store_secret
from goclient.errors import ServerError
from goclient.errors.sent import ReplyLost
from goclient.journal import Journal, this_process
from goclient.model.request import Credential
from tests.killed import COLLECTION, SERVICE

VALUE = Secret.of(Credential(SERVICE["GOCLIENT_CARRY_CLIENT_ID"], SERVICE["GOCLIENT_CARRY_CLIENT_SECRET"]))
PLAN = CarrierPlan(name="n", tasks=(), overwrite=False, working="", program="https://h/run.sh")
LUGGAGE = Luggage(PLAN, "jobO.x.tar.gz", b"archive", "https://cache.example", VALUE, "sum")


@dataclass
class Server:
    """Keeps files, and all secrets as one value, of which it loses what is set while another one is."""

    name: str = "https://panda.example"
    files: dict[str, bytes] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    sets: int = 0
    loses: int = 0  # so many of the next secrets
    refuses: int = 0
    fails: Callable[[], Exception] | None = None

    def at(self, url: str) -> Server:
        assert url == LUGGAGE.file_server
        return self

    def upload(self, name: str, data: bytes) -> None:
        if self.fails is not None:
            raise self.fails()
        self.files[name] = data

    def secrets(self) -> dict[str, str]:
        return dict(self.kept)

    def set_secret(self, key: str, value: str | None) -> None:
        self.sets += 1
        if self.refuses >= self.sets:
            raise ServerError("refused")
        before = dict(self.kept)
        threading.Event().wait(0.005)  # between the reading and the writing
        self.loses -= 1
        if self.loses < 0:
            self.kept = {name: one for name, one in {**before, key: value}.items() if one is not None}


def sent(server: Server, path: Path) -> None:
    journal = Journal(path)
    send_luggage(LUGGAGE, "k1", server=server, journal=journal, note=journal.append)


def states(path: Path) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [(one.what, one.key, one.state, one.subjects) for one in Journal(path).entries()]


def test_each_is_in_the_journal_before_and_after_and_no_secret_is(tmp_path: Path) -> None:
    path, server = tmp_path / "journal.jsonl", Server()
    sent(server, path)
    upload, secret = (UPLOAD, "k1.upload"), (SECRET, "k1.secret")
    use = (VALUE.key, "service", VALUE.identity, "", server.name, this_process())
    assert states(path) == [
        (*upload, "intended", ("jobO.x.tar.gz",)),
        (*upload, "done", ("jobO.x.tar.gz",)),
        (*secret, "intended", use),
        (*secret, "accepted", use),
    ]
    assert (server.files, server.kept) == ({"jobO.x.tar.gz": b"archive"}, {VALUE.key: VALUE.value})
    assert VALUE.value not in path.read_text() + repr(LUGGAGE)


@pytest.mark.parametrize(("error", "state"), [(ReplyLost("lost"), "unknown"), (ServerError("no"), "refused")])
def test_an_archive_that_did_not_arrive_ends_the_submission(tmp_path: Path, error: ServerError, state: str) -> None:
    with pytest.raises(ServerError) as raised:
        sent(Server(fails=lambda: error), tmp_path / "journal.jsonl")
    assert not isinstance(raised.value, ReplyLost), "no job was sent, and that is known"
    assert [one[2] for one in states(tmp_path / "journal.jsonl")] == ["intended", state]


def test_a_secret_that_cannot_be_read_back_may_be_there(tmp_path: Path) -> None:
    server = Server()
    read = server.secrets

    def refused() -> dict[str, str]:
        if server.sets:
            raise ServerError("forbidden")
        return read()

    server.secrets = refused  # type: ignore[method-assign]
    with pytest.raises(ServerError, match="forbidden; no job was sent"):
        sent(server, tmp_path / "journal.jsonl")
    assert VALUE.key in server.kept
    assert states(tmp_path / "journal.jsonl")[-1][:3] == (SECRET, "k1.secret", "unknown")
    others = Server(kept={"another": "x"})
    with pytest.raises(OthersShared):
        sent(others, tmp_path / "others.jsonl")
    assert states(tmp_path / "others.jsonl")[-1][2] == "refused"


def test_a_signal_while_the_archive_is_sent_leaves_it_unknown(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        sent(Server(fails=KeyboardInterrupt), tmp_path / "journal.jsonl")  # type: ignore[arg-type]  # no Exception
    assert [one[2] for one in states(tmp_path / "journal.jsonl")] == ["intended", "unknown"]


def test_a_secret_that_is_there_is_not_set_again(tmp_path: Path) -> None:
    server = Server(kept={VALUE.key: VALUE.value, "___file___:goclient-0123456789abcdef.json": "stays"})
    store_secret(VALUE, server, Journal(tmp_path / "journal"))
    assert server.sets == 0


def test_a_secret_that_is_not_ours_is_shared_only_if_the_user_says_so(tmp_path: Path) -> None:
    server = Server(kept={"grid password": "x", "___file___:key.pem": "y", VALUE.key: VALUE.value})
    with pytest.raises(OthersShared, match=r'2 secrets of yours .*: "key.pem", "grid password"; ') as raised:
        store_secret(VALUE, server, Journal(tmp_path / "journal"))
    assert raised.value.hint == "type: pbook delete_secret key.pem; or accept it with --goShareSecrets"
    assert server.sets == 0
    store_secret(replace(VALUE, shares=True), server, Journal(tmp_path / "journal"))


def test_a_secret_that_the_server_loses_is_set_again(tmp_path: Path) -> None:
    server = Server(loses=2)
    store_secret(VALUE, server, Journal(tmp_path / "journal"))
    assert (server.sets, server.kept) == (3, {VALUE.key: VALUE.value})
    with pytest.raises(ServerError, match="has not kept the secret"):
        store_secret(VALUE, Server(loses=9), Journal(tmp_path / "journal"))


def test_the_first_secret_of_two_at_one_moment_is_set_again(tmp_path: Path) -> None:
    server = Server(refuses=2)  # it inserts a row that another call has just inserted
    store_secret(VALUE, server, Journal(tmp_path / "journal"))
    assert server.kept == {VALUE.key: VALUE.value}
    with pytest.raises(ServerError, match="refused"):
        store_secret(VALUE, Server(refuses=9), Journal(tmp_path / "journal"))


def test_a_secret_that_another_machine_has_replaced_is_there_once_the_jobs_are(tmp_path: Path) -> None:
    journal, server, warnings = Journal(tmp_path / "journal.jsonl"), Server(), list[str]()

    def confirm() -> None:
        confirm_secret(VALUE, "k1", server=server, journal=journal, warn=lambda *texts: warnings.extend(texts))

    sent(server, journal.path)
    server.kept.clear()
    confirm()
    assert (server.kept, warnings) == ({VALUE.key: VALUE.value}, [])
    server.kept, server.loses = {}, 9
    confirm()
    assert "may be lost" in warnings[0]


def test_a_secret_that_was_taken_back_meanwhile_stays_away(tmp_path: Path) -> None:
    journal, server = Journal(tmp_path / "journal.jsonl"), Server()
    sent(server, journal.path)
    server.kept.clear()
    (entry,) = journal.latest(SECRET)
    journal.append(entry.then("done"))
    confirm_secret(VALUE, "k1", server=server, journal=journal, warn=lambda *_: None)
    assert server.kept == {}


def test_twenty_at_once_lose_none(tmp_path: Path) -> None:
    server = Server()
    secrets = [Secret.of(Credential(f"{COLLECTION[:-2]}{number:02}", f"secret-{number}")) for number in range(20)]
    secrets = [replace(one, shares=True) for one in secrets]
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(partial(store_secret, server=server, journal=Journal(tmp_path / "journal")), secrets))
    assert server.kept == {one.key: one.value for one in secrets}
    assert server.sets == 20
