"""The C tools of MyProxy say the same, whether they ask the double or the real server."""

from __future__ import annotations

import pytest

from tests.myproxy_servers import PILOT, SCOPE, Grid, Said, the_double, the_real_one, tool

INIT = ("jdoe", "myproxy-init -x -Z PILOT")
CASES: dict[str, list[tuple[str, ...]]] = {
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
    """Return what the tools say, in an account of the case's own."""
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
        verified = ["openssl", "verify", "-allow_proxy_certs", "-CApath", str(grid.authority.directory)]
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
    texts = [[one.text.replace("(167 hours)", "(168 hours)") for one in tools] for tools in said]
    assert texts[0] == texts[1]
    assert "Credential lifetime (168 hours) exceeds maximum allowed by server (24 hours)." in texts[0][0]
    assert [[one.code for one in tools] for tools in said] == [[1, 0]] * 2
