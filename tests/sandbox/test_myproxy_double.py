"""The MyProxy double answers as the real server does: to the C tools, and to a client that makes mistakes."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from goclient.sandbox.authority import make_key
from tests.myproxy_servers import (
    LIMITED,
    SCOPE,
    Grid,
    Said,
    ask,
    make_grid,
    put,
    request,
    the_double,
    the_real_one,
    tool,
)

BOUND = 20.0  # seconds
PEOPLE = {
    "jdoe": "OU=People/CN=J Doe",
    "other": "OU=People/CN=A Smith",
    "pilot": "OU=Robots/CN=pilot one",
    "pilot2": "OU=Robots/CN=pilot two",
    "signs": "OU=Robots/CN=J (R) [1] {2}^$|*?.\\",
    "slash": "OU=Robots/CN=pilot\\/grid.example.org\\+x",
    "unicode": "OU=Robots/CN=Jürgen Müller 林",
}
PILOT = f"{SCOPE}/OU=Robots/CN=pilot one"
GET, PUT, INFO, DESTROY = range(4)


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    return make_grid(tmp_path_factory.mktemp("grid"), PEOPLE)


@pytest.fixture(scope="module")
def double(grid: Grid) -> Iterator[int]:
    with the_double(grid) as port:
        yield port


@pytest.fixture(scope="module")
def real(grid: Grid) -> Iterator[int]:
    with the_real_one(grid) as port:
        yield port


# --- the C tools ---

INIT = ("jdoe", "myproxy-init -x -Z PILOT")
CASES = {
    "a deposit is there until it is destroyed": [
        INIT,
        ("jdoe", "myproxy-info"),
        ("pilot", "myproxy-logon -n"),
        ("jdoe", "myproxy-destroy"),
        ("jdoe", "myproxy-info"),
        ("pilot", "myproxy-logon -n"),
        ("jdoe", "myproxy-destroy"),
    ],
    "somebody else's account": [
        INIT,
        ("other", "myproxy-info"),
        ("other", "myproxy-destroy"),
        ("other", "myproxy-init -n"),
        ("other", "myproxy-init -n -k second"),
        ("jdoe", "myproxy-init -n -k second"),
    ],
    "the wrong retrievers": [
        INIT,
        ("pilot2", "myproxy-logon -n"),
        ("other", "myproxy-logon -n"),
        ("jdoe", "myproxy-logon -n"),
    ],
    "no policy": [("jdoe", "myproxy-init -n"), ("jdoe", "myproxy-info"), ("pilot", "myproxy-logon -n")],
    "a name instead of a DN": [
        ("jdoe", "myproxy-init -Z NAME"),
        ("jdoe", "myproxy-info"),
        ("pilot", "myproxy-logon -n"),
    ],
    "the wrong order of two flags": [
        ("jdoe", "myproxy-init -Z PILOT -x"),
        ("jdoe", "myproxy-info"),
        ("pilot", "myproxy-logon -n"),
    ],
    "a pass phrase": [
        ("jdoe", "myproxy-init -S", "secret7\n"),
        ("other", "myproxy-logon -S", "secret7\n"),
        ("pilot", "myproxy-logon -S", "wrong77\n"),
        ("pilot", "myproxy-logon -n"),
    ],
    "a pass phrase and who may use it": [
        ("jdoe", "myproxy-init -S -x -r PILOT", "secret7\n"),
        ("jdoe", "myproxy-info"),
        ("pilot", "myproxy-logon -S", "secret7\n"),
        ("pilot2", "myproxy-logon -S", "secret7\n"),
        ("other", "myproxy-logon -S", "secret7\n"),
    ],
    "a pass phrase that is too short": [("jdoe", "myproxy-init -S", "abc\n")],
    "names": [
        INIT,
        ("jdoe", "myproxy-init -x -Z PILOT -k b -K description"),
        ("jdoe", "myproxy-info"),
        ("jdoe", "myproxy-info -k b"),
        ("pilot", "myproxy-logon -n -k b"),
        ("pilot", "myproxy-logon -n -k c"),
        ("jdoe", "myproxy-destroy -k b"),
        ("jdoe", "myproxy-info"),
    ],
    "nothing but a name": [
        ("jdoe", "myproxy-init -x -Z PILOT -k b"),
        ("jdoe", "myproxy-info"),
        ("pilot", "myproxy-logon -n"),
        ("pilot", "myproxy-logon -n -k b"),
    ],
    "a name that meets an account": [
        ("jdoe", "myproxy-init -n -l USER-b"),
        ("jdoe", "myproxy-init -x -Z PILOT -k b"),
        ("jdoe", "myproxy-info -l USER-b"),
        ("jdoe", "myproxy-info"),
    ],
    "lifetimes": [
        ("jdoe", "myproxy-init -x -Z PILOT -c 4 -t 2"),
        ("jdoe", "myproxy-info"),
        ("pilot", "myproxy-logon -n -t 100"),
        ("pilot", "grid-proxy-info -f FILE -e -valid 1:58"),
        ("pilot", "grid-proxy-info -f FILE -e -valid 2:01"),
        ("jdoe", "myproxy-init -x -Z PILOT -c 4 -t 0"),
        ("pilot", "myproxy-logon -n -t 100"),
        ("pilot", "grid-proxy-info -f FILE -e -valid 3:58"),
        ("pilot", "grid-proxy-info -f FILE -e -valid 4:01"),
    ],
    "a slash in the account's name": [
        ("jdoe", "myproxy-init -x -Z PILOT -l /USER/x"),
        ("jdoe", "myproxy-info -l /USER/x"),
        ("pilot", "myproxy-logon -n -l /USER/x"),
        ("jdoe", "myproxy-destroy -l /USER/x"),
    ],
    "renewers, which this server has none of": [
        ("jdoe", "myproxy-init -x -R *"),
        ("jdoe", "myproxy-info"),
        ("pilot", "myproxy-logon -n"),
    ],
}


def run_case(grid: Grid, port: int, name: str, steps: list[tuple[str, ...]]) -> list[Said]:
    """What the tools say, in an account of the case's own."""
    user = f"user{list(CASES).index(name)}"
    got = str(grid.folder / f"got-{user}-{port}")
    said = []
    for who, line, *rest in steps:
        named = {"PILOT": PILOT, "NAME": "pilot one", "FILE": got}
        words = [named.get(word, word).replace("USER", user) for word in line.split()]
        if words[0].startswith("myproxy-") and "-l" not in words:
            words += ["-l", user]
        if words[0] == "myproxy-logon":
            words += ["-o", got]
        one = tool(grid, port, who, words, stdin=rest[0] if rest else "")
        said.append(Said(one.code, one.text.replace(got, "FILE")))
    return said


@pytest.mark.parametrize("name", CASES)
def test_the_c_tools_say_the_same_of_both_servers(grid: Grid, double: int, real: int, name: str) -> None:
    steps = CASES[name]
    said = run_case(grid, double, name, steps)
    assert said == run_case(grid, real, name, steps)


def test_what_the_pilot_gets_is_a_proxy_of_the_user(grid: Grid, double: int, real: int) -> None:
    for port in (real, double):
        got = str(grid.folder / f"proxy-{port}")
        assert tool(grid, port, "jdoe", ["myproxy-init", "-l", "mine", "-x", "-Z", PILOT]).code == 0
        assert tool(grid, port, "pilot", ["myproxy-logon", "-n", "-l", "mine", "-o", got]).code == 0
        identity = tool(grid, port, "pilot", ["grid-proxy-info", "-f", got, "-identity", "-type", "-strength"])
        assert identity == Said(0, f"{SCOPE}/OU=People/CN=J Doe\nRFC 3820 compliant impersonation proxy\n2048")
        verified = ["openssl", "verify", "-allow_proxy_certs", "-CApath", str(grid.authority.folder)]
        assert tool(grid, port, "pilot", [*verified, "-untrusted", got, got]).code == 0
        own = {"X509_USER_CERT": got, "X509_USER_KEY": got}  # the tools prefer these to X509_USER_PROXY
        assert tool(grid, port, "pilot", ["myproxy-info", "-l", "mine"], **own).code == 0, "it is the user who asks"
        deeper = tool(grid, port, "pilot", ["myproxy-init", "-n", "-l", "deeper"], **own)
        assert deeper.code == 0, deeper.text
        assert tool(grid, port, "jdoe", ["myproxy-info", "-l", "deeper"]).code == 0


def test_a_deposit_beyond_the_server_s_maximum_is_refused_in_the_same_words(grid: Grid) -> None:
    said = []
    with the_real_one(grid, more="max_cred_lifetime 24\n") as real, the_double(grid, max_lifetime=86_400) as double:
        for port in (real, double):
            init = ["myproxy-init", "-n", "-l", "long", "-c"]
            said.append([tool(grid, port, "jdoe", [*init, hours]) for hours in ("168", "24")])
    assert said[0] == said[1]
    assert [one.code for one in said[0]] == [1, 0]
    assert "Credential lifetime (168 hours) exceeds maximum allowed by server (24 hours)." in said[0][0].text


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


@pytest.mark.parametrize(
    ("field", "policies"), [("RETRIEVER_TRUSTED", POLICIES), ("RETRIEVER", [PILOT, "*two", "", "FQAN:*"])]
)
def test_a_policy_lets_the_same_ones_in(grid: Grid, double: int, real: int, field: str, policies: list[str]) -> None:
    robots = [who for who, rest in PEOPLE.items() if "Robots" in rest]
    more = {"passphrase": "secret7"} if field == "RETRIEVER" else {}

    def retrievers(port: int, number: int) -> list[str]:
        account, policy = f"{field}{number}", policies[number]
        stored = put(grid, port, "jdoe", request(PUT, account, **more, **{field: policy}))
        assert b"RESPONSE=0" in stored, (policy, stored)
        return [who for who in robots if b"RESPONSE=0" in ask(grid, port, who, request(GET, account, **more))]

    let_in = {}
    with ThreadPoolExecutor(4) as pool:
        for port in (real, double):
            found = pool.map(partial(retrievers, port), range(len(policies)))
            let_in[port] = dict(zip(policies, found, strict=True))
    assert let_in[double] == let_in[real]
    if field == "RETRIEVER_TRUSTED":
        assert let_in[double][POLICIES[-1]] == ["unicode"]
    assert let_in[double][PILOT] == ["pilot"]


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
