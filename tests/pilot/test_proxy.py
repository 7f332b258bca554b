"""The proxy of a job's owner: retrieved before anything else, proven, renewed, removed; nobody else's is touched."""

from __future__ import annotations

import errno
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from goclient.config.grid import Accounts
from goclient.errors import EndpointError, MyproxyError, RequestError
from goclient.errors.myproxy import IdentityError, NoUserProxy
from goclient.files.private import replace
from goclient.job_journal import JOBS, JobJournal, job_files
from goclient.journal import Entry
from goclient.model.spec import MyproxyAccount, TransferSpec
from goclient.node.engines.base import Attempt
from goclient.node.payload import PAYLOAD
from goclient.pilot import deposit as deposits
from goclient.pilot import proxy as module
from goclient.pilot.deposit import SHORTEST, Deposit
from goclient.pilot.proxy import FILE, UserProxy, user_proxy
from goclient.pilot.recovery import recover
from goclient.pilot.report import Outcome, PilotCode
from goclient.pilot.taken import TakenJob
from goclient.reporter.recording import RecordingReporter
from goclient.services.gsi import pem
from goclient.services.gsi.identity import Identity, Search, find_identity
from goclient.services.gsi.tls import Credential, Trust
from tests.myproxy_grid import closed_port
from tests.myproxy_servers import LIMITED, PEOPLE, SCOPE, Grid, make_grid, put, request, the_double
from tests.node.transfers import job_context
from tests.pilot.owners import HOUR, Site, State, default_proxies, deposit, job_of
from tests.servers.proxies import make_proxy

JDOE, PILOT = (f"{SCOPE}/{PEOPLE[who]}" for who in ("jdoe", "pilot"))
LEFT = Entry("delivery", "gsiftp://localhost/out/.goclient-17-1/", "intended", ("gsiftp://localhost", "/out", "17"))
PAYLOAD_SCRIPT = """#!/bin/sh
cd "$(dirname "$0")"
env > environment.txt
ls -A {work}/*/ > listing.txt
stat -c %a {work}/*/user.pem > mode.txt
"""


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    return make_grid(tmp_path_factory.mktemp("grid"), PEOPLE)


@pytest.fixture(scope="module")
def port(grid: Grid) -> Iterator[int]:
    """A MyProxy server with a deposit of J Doe for the pilot, in the account jdoe."""
    with the_double(grid) as port:
        made = (("old", "jdoe", 1), ("jdoe", "jdoe", HOUR), ("other", "other", HOUR))
        for account, who, lifetime in made:
            deposit(grid.people[who], grid.authority.directory, port, account, to=PILOT, lifetime=lifetime)
        deposit(grid.people["jdoe"], grid.authority.directory, port, "wrong", to=grid.people["pilot2"].dn)
        limited = request(1, "limited", LIFETIME="0", RETRIEVER_TRUSTED=PILOT)
        assert b"RESPONSE=0" in put(
            grid, port, "jdoe", limited, chain=lambda one: [one.proxy(info=LIMITED), one.certificate]
        )
        yield port


@pytest.fixture
def site(grid: Grid, port: int, tmp_path: Path) -> Site:
    """A site whose pilot has a proxy of its own, and nothing else."""
    env = grid.environment("pilot", port)
    own = make_proxy(grid.people["pilot"], tmp_path / "pilot.pem")
    for name in ("X509_USER_CERT", "X509_USER_KEY"):
        del env[name]
    return Site(tmp_path, {**env, "X509_USER_PROXY": str(own)})


def record(account: str) -> str:
    """The text of a job with this account, which writes nothing anywhere."""
    return f"--goclient=v1:1 --MyproxyGO={account}"


def run(site: Site, parameters: str, owner: str = JDOE, *, patience: float = 0.0) -> Outcome:
    """Run one job of that owner."""
    site.server.jobs = [job_of(parameters, owner)]
    outcome = site.pilot(patience=patience).run_one()
    assert outcome is not None
    return outcome


def test_the_proxy_is_there_while_the_job_runs_for_the_pilot_alone_and_gone_afterwards(
    site: Site, port: int, tmp_path: Path
) -> None:
    script = tmp_path / "payload.sh"
    script.write_text(PAYLOAD_SCRIPT.format(work=tmp_path / "work"))
    script.chmod(0o755)
    own, others = State.of(tmp_path / "pilot.pem"), default_proxies()
    site.server.jobs = [job_of(record(f"jdoe@localhost:{port}"), JDOE, script)]
    outcome = site.pilot().run_one()
    assert outcome is not None
    assert outcome.error is None
    assert (tmp_path / "mode.txt").read_text().split() == ["600"]
    assert sorted((tmp_path / "listing.txt").read_text().split()) == ["job", "job.json", "pilot.log", FILE]
    environment = (tmp_path / "environment.txt").read_text()
    assert FILE not in environment
    assert "X509_USER" not in environment
    assert list((tmp_path / "work").iterdir()) == []
    assert State.of(tmp_path / "pilot.pem") == own
    assert default_proxies() == others
    assert not site.globus_asked


# --- what can be wrong ---


@dataclass(frozen=True)
class Failure:
    """A job whose proxy is not retrieved: its account and owner, and what the server is told of it."""

    account: str
    says: str
    who: str  # has to do something, and what
    owner: str = JDOE
    kind: type[MyproxyError] = NoUserProxy
    env: Mapping[str, str] = field(default_factory=dict)
    write: Callable[[str, bytes], None] = replace  # how a proxy gets on the node's disk


def fill(path: str, _: bytes) -> None:
    """Write nothing: the disk is full."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


def spoil(path: str, pem: bytes) -> None:
    """Write what a server or a deposit has damaged: a proxy without its end."""
    replace(path, pem[: len(pem) // 2])


def deposit_command(account: str) -> str:
    """Return what the owner of a job must type to let the pilot of these tests retrieve."""
    what = f"goclient myproxy deposit --server localhost --port PORT --user {account}"
    return f"the job's owner must type: {what} --retriever '{PILOT}'"


OTHER = f"{SCOPE}/{PEOPLE['other']}"
SITE_S = "the site must set that right, and look: goclient pilot --whoami"
FAILURES = {
    "no deposit": Failure("nobody", 'nothing is deposited in "nobody@localhost:PORT"', deposit_command("nobody")),
    "for another pilot": Failure(
        "wrong",
        "is not for this pilot, or its server does not trust",
        f"{deposit_command('wrong')}; if that was done, the server's operators must",
    ),
    "expired": Failure("old", "has expired", deposit_command("old")),
    "ends too soon": Failure("ends", "has expired: what it gives ends at", deposit_command("ends")),
    "of somebody else": Failure(
        "other", f'is "{OTHER}"\'s, and the job is "{JDOE}"\'s', "must deposit a proxy of their own, in an account"
    ),
    "owner not told": Failure("jdoe", "the server does not say whose the job is", "must deposit", owner=""),
    "pilot without a certificate": Failure(
        "jdoe", "this pilot cannot retrieve the proxy in", SITE_S, kind=IdentityError, env={"X509_USER_PROXY": ""}
    ),
    "pilot's proxy is not there": Failure(
        "jdoe", 'none.pem" is not there', SITE_S, kind=IdentityError, env={"X509_USER_PROXY": "none.pem"}
    ),
    "pilot's proxy has expired": Failure(
        "jdoe", "expired on", SITE_S, kind=IdentityError, env={"X509_USER_PROXY": "expired.pem"}
    ),
    "no authorities": Failure(
        "jdoe",
        f'was not retrieved as "{PILOT}"',
        "the site must type: goclient pilot --whoami",
        env={"X509_CERT_DIR": "empty"},
    ),
    "full disk": Failure(
        "jdoe",
        'user.pem.new" cannot be written: No space left on device',
        "the site must look at the node's TMPDIR: df -h WORK; ls -ld WORK",
        write=fill,
    ),
    "damaged": Failure(
        "jdoe", 'the proxy in "jdoe@localhost:PORT" cannot be used: ', deposit_command("jdoe"), write=spoil
    ),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a_failure_says_what_who_must_type_before_anything_of_the_job_is_done(
    site: Site, grid: Grid, port: int, tmp_path: Path, failure: Failure, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(pem, "replace", failure.write)
    make_proxy(grid.people["pilot"], tmp_path / "expired.pem", seconds=-60)
    site.env |= {name: str(tmp_path / value) if value else "" for name, value in failure.env.items()}
    if failure.account == "ends":  # soon, but not before it is retrieved
        deposit(grid.people["jdoe"], grid.authority.directory, port, "ends", to=PILOT, lifetime=50)
    outcome = run(site, record(f"{failure.account}@localhost:{port}"), failure.owner)
    assert isinstance(outcome.error, failure.kind)
    (_, _, told) = site.server.reports[-1]
    assert told["pilot_error_code"] == PilotCode.NO_PROXY
    diagnosis = told["pilot_error_diag"].replace(str(port), "PORT").replace(str(tmp_path / "work"), "WORK")
    assert failure.says in diagnosis
    assert failure.who in diagnosis
    assert "the payload runs" not in site.said
    assert not site.globus_asked
    assert list((tmp_path / "work").iterdir()) == []


def test_a_server_that_is_away_is_asked_again_and_may_be_misspelt(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY", (0.01, 0.01))
    outcome = run(site, record(f"jdoe@localhost:{closed_port()}"), patience=0.005)
    assert isinstance(outcome.error, NoUserProxy)
    assert outcome.error.transient
    assert site.said.count("not retrieved yet") == 1
    assert "submit the job again once the server is back; if it is named wrong, the" in outcome.error.hint
    assert "the job's owner must correct --myproxy: \"jdoe@localhost:" in outcome.error.hint
    assert "MYPROXY_SERVER" not in outcome.error.hint  # which is not where its owner has named it


def answer_as_web_server(listening: socket.socket) -> None:
    """Answer in plain text until the socket is closed."""
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("no-such-host.invalid", "is not known"),
        ("127.0.0.1", "is not trusted"),
        ("localhost:WEB", "cannot be spoken to"),
    ],
)
def test_a_host_that_is_no_myproxy_server_is_corrected_by_the_job_s_owner_at_once(
    site: Site, port: int, host: str, says: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        web = threading.Thread(target=answer_as_web_server, args=(listening,), daemon=True)
        web.start()
        account = host.replace("WEB", str(listening.getsockname()[1])) if "WEB" in host else f"{host}:{port}"
        outcome = run(site, record(f"jdoe@{account}"), patience=60.0)
    assert isinstance(outcome.error, NoUserProxy)
    assert says in outcome.error.message
    assert f'the job\'s owner must correct --myproxy: "jdoe@{account}"' in outcome.error.hint
    assert "not retrieved yet" not in site.said


def test_a_limited_proxy_is_one_with_a_warning(site: Site, port: int) -> None:
    assert run(site, record(f"limited@localhost:{port}")).error is None
    assert "is limited: so is all that is made of it" in site.said


@pytest.mark.parametrize("owner", [JDOE, f"{JDOE}/CN=1234567", f"{JDOE}/CN=limited proxy", "J Doe", "J Doe 17"])
def test_the_owner_is_known_by_the_dn_or_by_the_name_in_a_token(site: Site, port: int, owner: str) -> None:
    assert run(site, record(f"jdoe@localhost:{port}"), owner).error is None


# --- the account of a text of 2012 ---


def words_of_2012(folder: Path, user: str) -> str:
    """A job of 2012 that copies a file on the node."""
    (folder / "in.dat").write_text("x")
    return f"globus-user={user} in-mode=local dir-in={folder} files-in=in.dat"


def test_the_globus_user_s_account_is_tried_at_the_site_s_server(site: Site, tmp_path: Path) -> None:
    assert run(site, words_of_2012(tmp_path, "jdoe")).error is None
    assert f"was retrieved: {JDOE}, until" in site.said


@pytest.mark.parametrize("user", ["nobody", "other", "a\\ b"])
def test_a_guess_may_fail_without_the_job(site: Site, tmp_path: Path, user: str) -> None:
    assert run(site, words_of_2012(tmp_path, user)).error is None
    assert "was retrieved" not in site.said


def test_a_site_without_a_myproxy_server_tries_none(site: Site, tmp_path: Path) -> None:
    del site.env["MYPROXY_SERVER"]
    assert run(site, words_of_2012(tmp_path, "jdoe")).error is None
    assert "proxy" not in site.said


def test_a_job_with_a_server_needs_the_account_that_was_guessed(site: Site) -> None:
    words = "in-mode=gc globus-endpoint-in=gsiftp://localhost dir-in=/d files-in=in.dat"
    outcome = run(site, f"globus-user=nobody {words}")
    assert isinstance(outcome.error, NoUserProxy)
    assert "nothing is deposited in" in outcome.error.message
    assert outcome.error.hint.endswith("or name the right account: --myproxy (this one was guessed)")
    assert not site.globus_asked


def test_a_job_with_a_server_and_no_account_says_what_to_add(site: Site) -> None:
    outcome = run(site, "--goclient=v1:2 --StageinGOsrc=gsiftp://localhost/d/in.dat --WorkingendpointGO=OSGDEV")
    assert isinstance(outcome.error, NoUserProxy)
    assert "names no MyProxy account" in outcome.error.message
    assert "--myproxy USER@HOST" in outcome.error.hint


# --- how long it lasts ---


@dataclass(frozen=True)
class Lasting(Deposit):
    """A deposit whose proxies end so many seconds from now, one after the other; then there is none."""

    ends: list[float] = field(default_factory=list)

    def retrieve(self, path: Path) -> Identity:
        if not self.ends:
            raise NoUserProxy("nothing is there", hint="deposit one")
        end = time.time() + self.ends.pop(0)
        return super().retrieve(path)._replace(end=int(end))


@pytest.fixture
def lasting(site: Site, port: int, tmp_path: Path) -> Callable[..., UserProxy]:
    """Makes the proxy of a job whose deposit gives proxies that end so."""

    def make(*ends: float) -> UserProxy:
        context = job_context(tmp_path)
        account = MyproxyAccount(user="jdoe", host="localhost", port=port)
        deposit = Lasting(account, JDOE, Accounts(site.env), ends=list(ends))
        return UserProxy(deposit, context.scratch / FILE, context.journal, context.reporter)

    return make


def fresh(proxy: UserProxy) -> Path:
    """Return the file of a proxy that lasts for a login."""
    return Path(proxy.credential().identity.certificate)


def retrievals_left(proxy: UserProxy) -> int:
    """How many proxies a deposit still gives."""
    assert isinstance(proxy._deposit, Lasting)
    return len(proxy._deposit.ends)


def test_a_proxy_that_lasts_is_retrieved_once(lasting: Callable[..., UserProxy]) -> None:
    proxy = lasting(12 * HOUR, 12 * HOUR)
    threads = [threading.Thread(target=proxy.credential) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert fresh(proxy) == proxy.path
    assert proxy.credential().identity.base == JDOE
    assert retrievals_left(proxy) == 1


@pytest.mark.parametrize(("hours", "renewed"), [(10.9, False), (11.1, True)])
def test_a_proxy_is_renewed_while_the_job_runs_an_hour_before_its_end(
    lasting: Callable[..., UserProxy], monkeypatch: pytest.MonkeyPatch, hours: float, renewed: bool
) -> None:
    proxy = lasting(12 * HOUR, 24 * HOUR)
    proxy.credential()
    later = time.time() + hours * HOUR
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: later))
    proxy.credential()
    assert (retrievals_left(proxy) == 0) is renewed
    proxy.credential()
    assert (retrievals_left(proxy) == 0) is renewed


def test_a_proxy_of_half_a_day_is_asked_for(site: Site, grid: Grid, port: int, tmp_path: Path) -> None:
    deposit(grid.people["jdoe"], grid.authority.directory, port, "long", to=PILOT, lifetime=36 * HOUR)
    account = MyproxyAccount(user="long", host="localhost", port=port)
    found = Deposit(account, JDOE, Accounts(site.env)).retrieve(tmp_path / FILE)
    assert 11.9 < (found.end - time.time()) / HOUR < 12.1


def test_a_proxy_is_renewed_before_it_ends_and_readers_see_a_whole_one(lasting: Callable[..., UserProxy]) -> None:
    proxy = lasting(SHORTEST - 1, 12 * HOUR)
    before = State.of(fresh(proxy))
    assert State.of(fresh(proxy)).content != before.content
    assert proxy.path.stat().st_mode & 0o777 == 0o600


def test_a_proxy_that_is_renewed_while_it_is_read_is_read_again(
    grid: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, newer = (make_proxy(grid.people["jdoe"], tmp_path / name) for name in ("user.pem", "newer.pem"))
    found = find_identity(Search({}, tmp_path, os.getuid(), proxy=str(path)))
    load, meanwhile = ssl.SSLContext.load_cert_chain, [newer]

    def renewing(context: ssl.SSLContext, certificate: str, key: str, password: str) -> None:
        load(context, certificate, meanwhile.pop() if meanwhile else key, password)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", renewing)
    Trust(grid.authority.directory).context(Credential(found), check_lists=False)
    meanwhile += [newer, newer]
    with pytest.raises(IdentityError, match="is not the key of the certificate"):
        Trust(grid.authority.directory).context(Credential(found), check_lists=False)


def test_a_renewal_that_fails_is_a_warning_while_the_proxy_lasts(
    lasting: Callable[..., UserProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AGAIN", -1.0)
    proxy = lasting(2 * SHORTEST)
    monkeypatch.setattr(module, "RENEW", 4 * HOUR)
    proxy._renew_at = 0.0
    before = State.of(fresh(proxy))
    proxy._renew_at = 0.0
    assert State.of(fresh(proxy)) == before


def test_a_proxy_that_has_ended_and_is_not_renewed_is_an_error(lasting: Callable[..., UserProxy]) -> None:
    proxy = lasting(0.0)
    proxy.credential()
    with pytest.raises(NoUserProxy, match="nothing is there"):
        proxy.credential()


@pytest.mark.parametrize(("hours", "retrieved"), [(10.9, False), (11.1, True)])
def test_the_clean_up_after_a_job_retrieves_no_proxy_while_the_job_s_lasts(
    lasting: Callable[..., UserProxy], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hours: float, retrieved: bool
) -> None:
    proxy = lasting(12 * HOUR, 24 * HOUR)
    content = fresh(proxy).read_bytes()
    proxy._journal.append(LEFT)
    proxy.remove()
    assert not proxy.path.exists()
    now = time.time()
    later = SimpleNamespace(time=lambda: now + hours * HOUR)
    for one in (module, deposits):
        monkeypatch.setattr(one, "time", later)
    again = proxy.again(tmp_path / "again.pem", proxy._journal, RecordingReporter())
    assert fresh(again) == tmp_path / "again.pem"
    assert again.path.read_bytes() == content  # or, at that time, from a deposit that has ended
    assert again.path.stat().st_mode & 0o777 == 0o600
    assert (retrievals_left(proxy) == 0) is retrieved
    again.remove()
    assert not again.path.exists()


def test_a_proxy_is_gone_even_if_the_journal_cannot_be_written(
    lasting: Callable[..., UserProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = lasting(12 * HOUR, 12 * HOUR)
    proxy.credential()
    there: list[bool] = []

    def full(_: Entry) -> None:
        there.append(proxy.path.exists())
        raise RequestError("the journal cannot be written: no space is left")

    monkeypatch.setattr(proxy._journal, "append", full)
    with pytest.raises(RequestError, match="cannot be written"):
        proxy.remove()
    assert there == [False]  # before the journal says so
    with pytest.raises(NoUserProxy, match="the job is over"):
        proxy.credential()


def test_a_clean_up_writes_to_the_journal_that_it_has_opened_anew(
    lasting: Callable[..., UserProxy], tmp_path: Path
) -> None:
    proxy = lasting(12 * HOUR)
    proxy._journal = first = JobJournal(tmp_path / "state", 17, 1)
    proxy.credential()
    first.append(LEFT)
    proxy.remove()
    first.close()
    journal = JobJournal(tmp_path / "state", 17, 1)
    again = proxy.again(tmp_path / "again.pem", journal, RecordingReporter())
    again.credential()
    assert [one.state for one in journal.latest("proxy")] == ["done", "accepted"]
    again.remove()
    assert [one.state for one in journal.latest("proxy")] == ["done", "done"]
    journal.close()


@pytest.mark.parametrize(("left", "kept"), [([], False), ([LEFT], True), ([LEFT, LEFT.then("done")], False)])
def test_the_key_is_kept_only_while_something_of_the_job_is_left_at_a_server(
    lasting: Callable[..., UserProxy], left: list[Entry], kept: bool
) -> None:
    proxy = lasting(12 * HOUR)
    proxy.credential()
    for one in left:
        proxy._journal.append(one)
    proxy.remove()
    assert bool(proxy._content) is kept


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, EndpointError("a transfer failed")], ids=str)
def test_however_a_job_ends_its_proxy_is_gone_at_once(
    site: Site, port: int, tmp_path: Path, error: type[BaseException] | BaseException | None
) -> None:
    spec = TransferSpec(myproxy=MyproxyAccount(user="jdoe", host="localhost", port=port))
    context = job_context(tmp_path / "job")
    with (
        suppress(KeyboardInterrupt, EndpointError),
        user_proxy(spec, JDOE, context=context, accounts=lambda: Accounts(site.env), patience=0.0) as proxy,
    ):
        assert proxy is not None
        assert proxy.path.exists()
        if error is not None:
            raise error
    assert [one.name for one in context.scratch.iterdir()] == ["job"]


# --- after a death ---


def test_a_job_that_is_carried_on_has_its_proxy_again_and_a_dead_one_leaves_none(
    site: Site, port: int, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    journal = JobJournal(tmp_path / "state", 17, 1)
    parameters = record(f"jdoe@localhost:{port}")
    site.server.jobs = [job_of(parameters, JDOE)]
    assert site.server.acquire("TEST1", node="here") is not None
    taken = TakenJob(journal, "TEST1", Attempt("17", 1), assigned=job_of(parameters, JDOE)).begin()
    scratch = taken.with_scratch(tmp_path / "work").scratch
    assert scratch is not None
    (scratch / FILE).write_text("what the dead pilot left")
    journal.append(PAYLOAD)
    journal.append(PAYLOAD.then("done"))
    journal.close()
    recover(site.pilot())
    assert site.server.ends == [(17, "finished")]
    assert f"was retrieved: {JDOE}, until" in site.said
    assert not scratch.exists()


@pytest.mark.parametrize(("account", "is_open"), [("nobody", False), ("away", True)])
def test_what_is_left_without_a_deposit_is_told_once_and_where(
    site: Site, port: int, tmp_path: Path, account: str, is_open: bool
) -> None:
    (tmp_path / "work").mkdir()
    journal = JobJournal(tmp_path / "state", 17, 1)
    site.server.jobs = [job_of(record(f"jdoe@localhost:{port}"), JDOE)]
    assigned = site.server.acquire("TEST1", node="here")
    TakenJob(journal, "TEST1", Attempt("17", 1), assigned=assigned).begin()
    where = f"nobody@localhost:{closed_port() if account == 'away' else port}"
    journal.append(Entry("proxy", "user.pem", "done", (where, JDOE)))
    hidden = "gsiftp://localhost/out/.goclient-17-1/"
    journal.append(Entry("delivery", hidden, "intended", ("gsiftp://localhost:2811", "/out", "17")))
    journal.close()
    recover(site.pilot())
    assert site.server.ends == [(17, "failed")]
    assert [one.is_open for one in job_files(tmp_path / "state")] == [is_open]
    assert (f'not removed: "{hidden}": nothing is deposited in "{where}"' in site.said) is not is_open
    said = site.said
    recover(site.pilot())
    assert (site.said == said) is not is_open
    assert list((tmp_path / "work").iterdir()) == []


def test_a_clean_up_takes_the_proxy_away_that_it_has_retrieved(site: Site, port: int, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    journal = JobJournal(tmp_path / "state", 17, 1)
    site.server.jobs = [job_of(record(f"jdoe@localhost:{port}"), JDOE)]
    TakenJob(journal, "TEST1", Attempt("17", 1), assigned=site.server.acquire("TEST1", node="here")).begin()
    journal.append(Entry("proxy", "user.pem", "done", (f"jdoe@localhost:{port}", JDOE)))
    away = f"gsiftp://localhost:{closed_port()}"
    journal.append(Entry("delivery", f"{away}/out/.goclient-17-1/", "intended", (away, "/out", "17")))
    journal.close()
    recover(site.pilot())
    assert f"was retrieved: {JDOE}, until" in site.said
    assert [one.state for one in JobJournal(tmp_path / "state", 17, 1).latest("proxy")] == ["done", "done"]
    assert list((tmp_path / "work").iterdir()) == []


def test_nothing_is_retrieved_for_a_job_that_is_over(lasting: Callable[..., UserProxy]) -> None:
    proxy = lasting(12 * HOUR, 12 * HOUR)
    proxy.credential()
    proxy.remove()
    with pytest.raises(NoUserProxy, match="the job is over"):
        proxy.credential()
    assert not proxy.path.exists()


def test_the_journal_has_no_secret(site: Site, port: int, tmp_path: Path) -> None:
    assert run(site, record(f"jdoe@localhost:{port}")).error is None
    (journal,) = (tmp_path / "state" / JOBS).iterdir()
    text = journal.read_text()
    entries = [entry for entry in map(json.loads, text.splitlines()) if entry["what"] == "proxy"]
    assert [(entry["state"], entry["subjects"]) for entry in entries] == [
        ("accepted", [f"jdoe@localhost:{port}", JDOE]),
        ("done", [f"jdoe@localhost:{port}", JDOE]),
    ]
    assert "PRIVATE" not in text
