"""The MyProxy double answers a client without any manners as the real server does, byte for byte."""

from __future__ import annotations

import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from goclient.sandbox.myproxy.authority import make_key
from goclient.sandbox.myproxy.policy import matches
from tests.myproxy_servers import (
    LIMITED,
    PEOPLE,
    PILOT,
    SCOPE,
    Grid,
    ask,
    make_grid,
    put,
    request,
    store_of,
)

BOUND = 60.0  # seconds
GET, PUT, INFO, DESTROY = range(4)


# --- policies ---

POLICIES = [
    *("*", "*pilot one", PILOT, PILOT.upper(), f"{SCOPE}/OU=Robots/CN=pilot ???", f"{SCOPE}/OU=Robots/CN=pilot .*"),
    *("pilot one", "none|*", "none|/none", "", "(", "a{", "*[[:alpha:]]", "*[^e]", "*pilot one\\"),
    *(f"subject:{PILOT}", f"SUBJECT:{PILOT}", f"FQAN:{PILOT}", "FQAN:*"),
    *(r"*pilot\ one", r"*pilot\\ one", r"*\.*one", r".*one", r"*(one|two)", r"*o\?ne"),
    r"/C=TW/O=Test Grid/OU=Robots/CN=J (R) [1] {2}^$|*?.\\",
    r"/C=TW/O=Test Grid/OU=Robots/CN=J \(R\) \[1\] \{2\}\^\$\|\\\*\\\?.\\\\",
    r"/C=TW/O=Test Grid/OU=Robots/CN=J \(R\) \[1\] \{2\}\^\$\|\*\?.\\\\",
    *("*/CN=pilot/grid.example.org+x", r"*/CN=pilot\\\\/grid.example.org\\\\\+x", r"*/CN=pilot\/grid.example.org\+x"),
    *("*Jürgen*", r"*J\xC3\xBCrgen*", r"*J\\\\xC3\\\\xBCrgen M\\\\xC3\\\\xBCller \\\\xE6\\\\x9E\\\\x97"),
]
ROBOTS = [who for who, rest in PEOPLE.items() if "Robots" in rest]


def test_a_policy_matches_the_same_names(grid: Grid, double: int, real: int) -> None:
    """The policies are written into the real server's store, where a deposit of each would take its time."""
    assert b"RESPONSE=0" in put(grid, real, "jdoe", request(PUT, "policy", RETRIEVER_TRUSTED="none"))
    stored = store_of(grid) / "policy.data"
    before = stored.read_text()
    let_in: dict[str, list[str]] = {}
    for policy in POLICIES:
        stored.write_text(before.replace("TRUSTED_RETRIEVERS=none", f"TRUSTED_RETRIEVERS={policy}"))
        let_in[policy] = [who for who in ROBOTS if b"RESPONSE=0" in ask(grid, real, who, request(GET, "policy"))]
    names = {who: grid.people[who].dn for who in ROBOTS}
    assert let_in == {one: [who for who in ROBOTS if matches(as_sent(one), names[who])] for one in POLICIES}
    assert let_in[PILOT] == ["pilot"]
    assert let_in[POLICIES[-1]] == ["unicode"]
    assert let_in[r"*/CN=pilot\\\\/grid.example.org\\\\\+x"] == ["slash"]
    assert let_in[r"/C=TW/O=Test Grid/OU=Robots/CN=J \(R\) \[1\] \{2\}\^\$\|\\\*\\\?.\\\\"] == ["signs"]


def as_sent(text: str) -> str:
    return text.encode().decode("latin-1")


@pytest.mark.parametrize("field", ["RETRIEVER_TRUSTED", "RETRIEVER"])
@pytest.mark.parametrize("policy", [PILOT, "*two", "", POLICIES[-1]])
def test_a_deposit_s_policy_lets_the_same_ones_in(grid: Grid, double: int, real: int, field: str, policy: str) -> None:
    more = {"passphrase": "secret7"} if field == "RETRIEVER" else {}
    answered = []
    for port in (real, double):
        stored = put(grid, port, "jdoe", request(PUT, "policies", **more, **{field: policy}))
        assert b"RESPONSE=0" in stored
        answered.append([ask(grid, port, who, request(GET, "policies", **more)) for who in ROBOTS])
    assert answered[0] == answered[1]


# --- mistakes ---

ANSWERED = {
    "another version": request(INFO, "u").replace(b"v2", b"v3"),
    "no version": request(INFO, "u").replace(b"VERSION=MYPROXYv2\n", b""),
    "an unknown command": request(99, "u"),
    "an unknown command of another version": request(99, "u").replace(b"v2", b"v3"),
    "a command that is a word": request("INFO", "u"),
    "a command in sixteens": request("0x2", "u"),
    "a command in eights": request("02", "u"),
    "no user name": request(INFO, "u").replace(b"USERNAME=u\n", b""),
    "an empty user name": request(INFO, ""),
    "no pass phrase": request(INFO, "u").replace(b"PASSPHRASE=\n", b""),
    "no lifetime": request(INFO, "u").replace(b"LIFETIME=0\n", b""),
    "a lifetime that is a word": request(INFO, "u", lifetime="long"),
    "an empty lifetime": request(INFO, "u", lifetime=""),
    "garbage": b"hello\0",
    "no NUL": request(INFO, "u")[:-1],
    "CR LF": request(INFO, "u").replace(b"\n", b"\r\n"),
    "two user names": request(INFO, "u").replace(b"USERNAME=u\n", b"USERNAME=u\nUSERNAME=u\n"),
    "a user name in a description": request(INFO, "u", CRED_DESC="my USERNAME=x"),
    "what follows a NUL": request(INFO, "u") + b"USERNAME=x\n\0",
    "a name that nobody has": request(INFO, "u", CRED_NAME="none"),
    "an empty name": request(GET, "u", CRED_NAME=""),
    "a name of another's": request(DESTROY, "u", CRED_NAME="none"),
    "a pass phrase that is too short": request(PUT, "u", passphrase="abc"),
    "UTF-8": request(INFO, "ü"),
}


@pytest.mark.parametrize("name", ANSWERED)
@pytest.mark.parametrize("who", ["jdoe", None], ids=["known", "anonymous"])
def test_a_request_with_a_mistake_is_answered_byte_for_byte_alike(
    grid: Grid, double: int, real: int, name: str, who: str | None
) -> None:
    assert ask(grid, double, who, ANSWERED[name]) == ask(grid, real, who, ANSWERED[name])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda one: one.name)
def test_what_is_stored_is_told_byte_for_byte_alike(
    grid: Grid, double: int, real: int, version: ssl.TLSVersion
) -> None:
    told, account = [], f"told-{version.name}"
    for port in (double, real):
        fields = {"RETRIEVER": "a", "RENEWER": "b", "RETRIEVER_TRUSTED": "c", "KEYRETRIEVERS": "d", "CRED_DESC": "é"}
        for more in ({"CRED_NAME": "only"}, {"CRED_NAME": "second"}, fields):
            assert b"RESPONSE=0" in put(grid, port, "jdoe", request(PUT, account, **more))
            told.append(ask(grid, port, "jdoe", request(INFO, account), version=version).split(b"\n"))
    assert told[0] == told[3]
    assert f"CRED_second_OWNER={SCOPE}/OU=People/CN=J Doe".encode() in told[2]
    assert b"ADDL_CREDS=only,second" in told[2]
    alike = [sorted(line.replace(b"second,only", b"only,second") for line in told[place]) for place in (2, 5)]
    assert alike[0] == alike[1], "but for their order, which in the real server is that of its folder"


FOREIGN: Any = make_key()
CHAINS: dict[str, dict[str, Any]] = {
    "a proxy as it should be": {},
    "a limited one": {"chain": lambda one: [one.proxy(info=LIMITED), one.certificate]},
    "one of before RFC 3820": {"chain": lambda one: [one.proxy(info=None, name="proxy"), one.certificate]},
    "one that is over": {"chain": lambda one: [one.proxy(seconds=-10), one.certificate]},
    "one signed by somebody else": {"chain": lambda one: [replace(one, key=FOREIGN).proxy(), one.certificate]},
    "only the half": {"bent": lambda message: message[:400]},
}
STRICTER: dict[str, dict[str, Any]] = {
    "of somebody else": {"signer": "other"},
    "for another key": {"chain": lambda one: [replace(one, wanted=FOREIGN.public_key()).proxy(), one.certificate]},
    "without the user's certificate": {"chain": lambda one: [one.proxy()]},
    "no proxy at all": {"chain": lambda one: [one.certificate]},
    "nothing": {"bent": lambda _: b"\0"},
    "garbage": {"bent": lambda _: b"\2hello"},
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_is_taken_or_refused_alike(grid: Grid, double: int, real: int, name: str) -> None:
    message = request(PUT, "chains")
    assert put(grid, double, "jdoe", message, **CHAINS[name]) == put(grid, real, "jdoe", message, **CHAINS[name])


@pytest.mark.parametrize("name", STRICTER)
def test_a_chain_that_the_real_server_takes_or_breaks_at_is_refused_and_leaves_the_old_one(
    grid: Grid, double: int, name: str
) -> None:
    assert b"RESPONSE=0" in put(grid, double, "jdoe", request(PUT, "kept", CRED_DESC="old"))
    answered = put(grid, double, "jdoe", request(PUT, "kept", CRED_DESC="new"), **STRICTER[name])
    assert b"RESPONSE=1\nERROR=" in answered
    assert b"CRED_DESC=old" in ask(grid, double, "jdoe", request(INFO, "kept"))


def test_a_deposit_that_is_over_is_told_but_not_given(grid: Grid, double: int, real: int) -> None:
    message, get = request(PUT, "over", RETRIEVER_TRUSTED="*"), request(GET, "over")
    for port in (double, real):
        stored = put(grid, port, "jdoe", message, chain=lambda one: [one.proxy(seconds=1.5), one.certificate])
        assert b"RESPONSE=0" in stored
        end = time.monotonic() + BOUND
        while b"RESPONSE=0" in ask(grid, port, "pilot", get):
            assert time.monotonic() < end
    assert ask(grid, double, "pilot", get) == ask(grid, real, "pilot", get)
    assert b"certificate has expired" in ask(grid, double, "pilot", get)
    told = request(INFO, "over")
    assert ask(grid, double, "jdoe", told) == ask(grid, real, "jdoe", told)


def test_a_certificate_that_was_taken_back_gets_no_answer(grid: Grid, double: int, real: int) -> None:
    revoked = grid.authority.issue(f"{SCOPE}/OU=People/CN=Gone", into=grid.folder, name="gone", names=())
    grid.authority.revoke(revoked)
    grid.people["gone"] = revoked
    for port in (double, real):
        answered = b""
        with suppress(OSError):
            answered = ask(grid, port, "gone", request(INFO, "u"))
        assert b"RESPONSE" not in answered


def test_a_stranger_s_certificate_gets_no_answer(grid: Grid, double: int, tmp_path: Path) -> None:
    grid.people["stranger"] = make_grid(tmp_path, {"j": "OU=People/CN=J Doe"}).people["j"]
    with pytest.raises(OSError, match=r"unknown ca|reset|EOF"):
        ask(grid, double, "stranger", request(INFO, "u"))


def test_old_tls_is_refused(grid: Grid, double: int) -> None:
    with pytest.warns(DeprecationWarning, match="TLSv1_1"), pytest.raises(ssl.SSLError):
        ask(grid, double, "jdoe", request(INFO, "u"), version=ssl.TLSVersion.TLSv1_1)


def test_many_at_once_are_all_served(grid: Grid, double: int) -> None:
    def one(number: int) -> bytes:
        stored = put(grid, double, "jdoe", request(PUT, f"many{number}", RETRIEVER_TRUSTED=PILOT))
        return stored + ask(grid, double, "pilot", request(GET, f"many{number}"))

    with ThreadPoolExecutor(20) as pool:
        assert all(answered.count(b"RESPONSE=0") == 2 for answered in pool.map(one, range(20)))
