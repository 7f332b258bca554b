"""Against the real server, and crosswise with the real tools."""

from __future__ import annotations

import os
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goclient.errors import MyproxyError
from goclient.services.gsi import tls
from goclient.services.gsi.identity import Search, find_identity
from goclient.services.gsi.pem import write_proxy
from goclient.services.gsi.server import Server
from goclient.services.myproxy import delegation
from goclient.services.myproxy.client import MyProxy, Terms
from goclient.services.myproxy.delegation import Asked
from goclient.services.myproxy.policy import dn_of, pattern_of
from tests.myproxy_grid import HOUR, OTHER_PILOT, OTHER_USER, PILOT, USER, Grid, RealServer

ROBOTS = "/C=TW/O=Test Grid/OU=Robots/CN="
ODD_PILOTS = ["A  b c", "x (y)", "host/foo.example.org", "st*r?", "Zoë", "x|*", "[a]{2}^$+.", "back\\slash\\\\two\\x41"]


def code_of(error: pytest.ExceptionInfo[MyproxyError]) -> str:
    assert error.value.hint
    return error.value.code


@pytest.mark.parametrize("highest", ["TLSv1_2", "TLSv1_3"])
def test_a_deposit_is_made_looked_at_retrieved_and_destroyed(
    real: RealServer, highest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "HIGHEST", ssl.TLSVersion[highest])
    account = f"all-{highest}"
    user = real.as_(USER)
    assert user.info(account) == ()
    end = real.put(account, name="panda", description="for the pilots", retrieval_lifetime=12 * HOUR)
    (deposit,) = user.info(account)
    assert (deposit.name, deposit.owner, deposit.description) == ("panda", USER, "for the pilots")
    assert dn_of(deposit.retrievers) == PILOT
    assert deposit.end == end == pytest.approx(time.time() + 24 * HOUR, abs=60)
    assert user.info(account, name="panda") == (deposit,)
    assert user.info(account, name="") == ()
    pem = real.as_(PILOT).get(account, name="panda", lifetime=HOUR)
    assert pem.index(b"BEGIN CERTIFICATE") < pem.index(b"BEGIN RSA PRIVATE KEY") < pem.rindex(b"BEGIN CERTIFICATE")
    user.destroy(account, name="panda")
    assert user.info(account) == ()
    with pytest.raises(MyproxyError) as caught:
        user.destroy(account, name="panda")
    assert code_of(caught) == "myproxy-none"


def test_several_deposits_of_one_account_are_all_told(real: RealServer) -> None:
    for name in ("", "a", "b.c_d"):
        real.put("several", name=name, description=f"of {name}")
    assert {one.name: one.description for one in real.as_(USER).info("several")} == {
        "": "of ", "a": "of a", "b.c_d": "of b.c_d",
    }  # fmt: skip


@pytest.mark.parametrize("name", ODD_PILOTS)
def test_only_the_pilot_that_was_named_retrieves_however_odd_its_name(real: RealServer, name: str) -> None:
    account = f"odd{ODD_PILOTS.index(name)}"
    real.put(account, retrievers=pattern_of(ROBOTS + name))
    assert real.as_(ROBOTS + name).get(account, lifetime=HOUR)
    for other in (PILOT, OTHER_PILOT, ROBOTS + "x", ROBOTS + "star", USER):
        with pytest.raises(MyproxyError) as caught:
            real.as_(other).get(account, lifetime=HOUR)
        assert code_of(caught) == "myproxy-not-retriever"


def test_a_dn_may_be_the_account_and_is_told_as_it_is_in_the_certificate(real: RealServer) -> None:
    for dn in (USER, ROBOTS + "x (y) Zoë/1"):
        user = real.as_(dn)
        own = real.grid.identity(dn).dn
        user.put(own, Terms(pattern_of(PILOT), HOUR, 0, name="panda"))
        assert [one.owner for one in user.info(own)] == [own]
        assert real.as_(PILOT).get(own, name="panda", lifetime=60)


def test_a_refused_retrieval_ends_after_the_key_that_was_being_made(
    real: RealServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A process that ends while cryptography works in a thread is aborted, with SIGABRT instead of an exit code.
    began, made = threading.Event(), threading.Event()

    def slow() -> Asked:
        began.set()
        time.sleep(2)
        made.set()
        return ask()

    ask = delegation.ask
    monkeypatch.setattr(delegation, "ask", slow)
    with pytest.raises(MyproxyError):
        real.as_(PILOT).get("absent", lifetime=HOUR)
    assert (began.is_set(), made.is_set()) == (True, True)


REFUSALS = {
    "retrieved by another pilot": (OTHER_PILOT, "get", "myproxy-not-retriever"),
    "retrieved by its owner": (USER, "get", "myproxy-not-retriever"),
    "overwritten by somebody else": (OTHER_USER, "put", "myproxy-not-owner"),
    "destroyed by somebody else": (OTHER_USER, "destroy", "myproxy-not-owner"),
    "made to last for ever": (USER, "long", "myproxy-lifetime"),
    "retrieved, but is not there": (PILOT, "absent", "myproxy-none"),
    "destroyed, but is not there": (USER, "nothing", "myproxy-none"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_of_the_server_says_what_to_do(real: RealServer, case: str) -> None:
    dn, what, code = REFUSALS[case]
    real.put("mine")
    somebody = real.as_(dn)
    calls: dict[str, Callable[[], object]] = {
        "get": lambda: somebody.get("mine", lifetime=HOUR),
        "put": lambda: somebody.put("mine", Terms(pattern_of(PILOT), HOUR, 0)),
        "destroy": lambda: somebody.destroy("mine"),
        "long": lambda: real.put("long", lifetime=300 * HOUR),
        "absent": lambda: somebody.get("absent", lifetime=HOUR),
        "nothing": lambda: somebody.destroy("absent"),
    }
    with pytest.raises(MyproxyError) as caught:
        calls[what]()
    assert code_of(caught) == code
    if code == "myproxy-lifetime":
        assert caught.value.hint == "give at most what the server allows: --lifetime 200"


def test_others_are_not_told_of_a_deposit(real: RealServer) -> None:
    real.put("private")
    assert real.as_(OTHER_USER).info("private") == ()


def test_a_deposit_ends_with_the_certificate_and_that_is_what_is_said(real: RealServer, tmp_path: Path) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    short = real.grid.authority.issue(USER, into=tmp_path, name="short", names=(), end=end)
    identity = find_identity(Search({}, tmp_path, os.getuid(), certificate=str(short.certificate), key=str(short.key)))
    user = MyProxy([real.address], tls.Credential(identity), trust=tls.Trust(real.grid.authorities))
    said = user.put("short", Terms(pattern_of(PILOT), 100 * HOUR, 0))
    assert said == user.info("short")[0].end == int(end.timestamp())


def test_a_key_with_a_pass_phrase_is_asked_for_it_once(real: RealServer, tmp_path: Path) -> None:
    kept = real.grid.authority.issue(USER, into=tmp_path, name="kept", names=(), passphrase="open sesame")
    identity = find_identity(Search({}, tmp_path, os.getuid(), certificate=str(kept.certificate), key=str(kept.key)))
    asked: list[str] = []

    def answer() -> str:
        asked.append("?")
        return "open sesame"

    user = MyProxy([real.address], tls.Credential(identity, answer), trust=tls.Trust(real.grid.authorities))
    user.put("kept", Terms(pattern_of(PILOT), HOUR, 0))
    assert user.info("kept")
    assert asked == ["?"]
    for wrong in (lambda: "wrong", lambda: ""):
        other = MyProxy([real.address], tls.Credential(identity, wrong), trust=tls.Trust(real.grid.authorities))
        with pytest.raises(MyproxyError) as caught:
            other.info("kept")
        assert code_of(caught) == "identity-passphrase"
        with pytest.raises(MyproxyError) as caught:
            other.put("kept", Terms("*", HOUR, 0))
        assert code_of(caught) == "identity-passphrase"
    with pytest.raises(MyproxyError) as caught:
        MyProxy([real.address], tls.Credential(identity), trust=tls.Trust(real.grid.authorities)).info("kept")
    assert code_of(caught) == "identity-encrypted"


# --- crosswise ------------------------------------------------------------------------------------------------


def test_the_c_tools_see_and_destroy_our_deposits(real: RealServer) -> None:
    real.put("cross", name="panda", description="ours")
    shown = real.tool("myproxy-info", "-l", "cross")
    assert shown.returncode == 0, shown.stderr
    assert "name: panda" in shown.stdout
    assert "ours" in shown.stdout
    gone = real.tool("myproxy-destroy", "-l", "cross", "-k", "panda")
    assert gone.returncode == 0, gone.stderr
    assert real.as_(USER).info("cross") == ()


def test_myproxy_logon_retrieves_our_deposit(real: RealServer, tmp_path: Path) -> None:
    real.put("logon")
    out = str(tmp_path / "proxy")
    got = real.tool("myproxy-logon", "-n", "-l", "logon", "-o", out, dn=PILOT)
    assert got.returncode == 0, got.stderr
    refused = real.tool("myproxy-logon", "-n", "-l", "logon", "-o", out, dn=OTHER_PILOT)
    assert refused.returncode != 0


def test_the_deposit_of_myproxy_init_is_seen_retrieved_and_destroyed(real: RealServer, tmp_path: Path) -> None:
    made = real.tool("myproxy-init", "-l", "theirs", "-x", "-Z", PILOT, "-c", "24", TMPDIR=str(tmp_path))
    assert made.returncode == 0, made.stderr
    (deposit,) = real.as_(USER).info("theirs")
    assert dn_of(deposit.retrievers) == PILOT
    assert deposit.owner == USER
    assert real.as_(PILOT).get("theirs", lifetime=HOUR)
    real.as_(USER).destroy("theirs")
    assert real.tool("myproxy-info", "-l", "theirs").returncode != 0


def test_the_wrong_order_of_flags_of_the_c_tool_is_seen_in_the_policy(real: RealServer, tmp_path: Path) -> None:
    made = real.tool("myproxy-init", "-l", "swapped", "-Z", PILOT, "-x", "-c", "24", TMPDIR=str(tmp_path))
    assert made.returncode == 0, made.stderr
    (deposit,) = real.as_(USER).info("swapped")
    assert dn_of(deposit.retrievers) is None


def test_our_proxies_pass_the_tools_that_judge_proxies(real: RealServer, tmp_path: Path) -> None:
    real.put("judged")
    path = tmp_path / "proxy"
    write_proxy(path, real.as_(PILOT).get("judged", lifetime=HOUR))
    assert path.stat().st_mode & 0o7777 == 0o600
    _judged(real.grid, path, "RFC 3820 compliant impersonation proxy")
    proxy = find_identity(Search({}, tmp_path, os.getuid(), proxy=str(path)))
    assert (proxy.base, proxy.is_proxy, proxy.is_limited) == (USER, True, False)
    assert MyProxy([real.address], tls.Credential(proxy), trust=tls.Trust(real.grid.authorities)).info("judged")


def _judged(grid: Grid, path: Path, kind: str) -> None:
    env = grid.environment(USER)
    shown = subprocess.run(["grid-proxy-info", "-file", str(path)], env=env, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert kind in shown.stdout
    assert USER in shown.stdout
    words = [
        "openssl",
        "verify",
        "-allow_proxy_certs",
        "-CApath",
        str(grid.authorities),
        "-untrusted",
        str(path),
        str(path),
    ]
    verified = subprocess.run(words, env=env, capture_output=True, text=True)
    assert verified.returncode == 0, verified.stderr


@pytest.mark.parametrize("limited", [False, True])
def test_what_is_made_of_a_proxy_of_the_c_tool_is_as_limited_as_it(
    real: RealServer, limited: bool, tmp_path: Path
) -> None:
    path = tmp_path / "made"
    made = real.tool("grid-proxy-init", "-rfc", "-out", str(path), *(["-limited"] if limited else []))
    assert made.returncode == 0, made.stderr
    if limited:
        with pytest.raises(MyproxyError) as caught:
            find_identity(Search({}, tmp_path, os.getuid(), proxy=str(path), deposit=True))
        assert code_of(caught) == "identity-limited"
    identity = find_identity(Search({}, tmp_path, os.getuid(), proxy=str(path), deposit=True, allow_limited=True))
    assert (identity.is_limited, bool(identity.warnings)) == (limited, limited)
    account = f"limited{limited}"
    user = MyProxy([real.address], tls.Credential(identity), trust=tls.Trust(real.grid.authorities))
    user.put(account, Terms(pattern_of(PILOT), HOUR, 0))
    out = tmp_path / "got"
    write_proxy(out, real.as_(PILOT).get(account, lifetime=60))
    _judged(real.grid, out, f"RFC 3820 compliant {'limited' if limited else 'impersonation'} proxy")


# --- many, and the end of one ---------------------------------------------------------------------------------


def test_twenty_deposits_at_once_all_arrive(real: RealServer) -> None:
    errors: list[BaseException] = []

    def deposit(number: int) -> None:
        try:
            real.put(f"many{number}")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=deposit, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for number in range(20):
        assert len(real.as_(USER).info(f"many{number}")) == 1


def test_the_first_server_of_a_list_that_can_be_spoken_to_is_used(real: RealServer) -> None:
    servers = [Server("localhost", 1), Server("no-such-host.invalid"), real.address]
    user = MyProxy(
        servers, tls.Credential(real.grid.identity(USER)), trust=tls.Trust(real.grid.authorities), timeout=10
    )
    assert user.info("nobody") == ()
    assert user.server == real.address
    assert [one.code for one in user.skipped] == ["myproxy-unreachable"] * 2


def test_what_else_is_in_the_file_of_a_certificate_is_not_deposited(real: RealServer, tmp_path: Path) -> None:
    """An authority, and a certificate of somebody else, of which no chain is made."""
    own, other = real.grid.credential(USER), real.grid.credential(OTHER_USER)
    both = tmp_path / "both.pem"
    authority = real.grid.authority.file("0")
    both.write_bytes(b"".join(path.read_bytes() for path in (own.certificate, other.certificate, authority)))
    identity = find_identity(Search({}, tmp_path, os.getuid(), certificate=str(both), key=str(own.key), deposit=True))
    client = MyProxy([real.address], tls.Credential(identity), trust=tls.Trust(real.grid.authorities))
    client.put("more", Terms(pattern_of(PILOT), 24 * HOUR, 0))
    got = real.as_(PILOT).get("more", lifetime=HOUR)
    assert got.count(b"BEGIN CERTIFICATE") == 3, "the new proxy, the deposited one, the user's own"
