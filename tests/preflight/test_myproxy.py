"""The look at a MyProxy account before a job is submitted, and the deposit as part of the submission."""

from __future__ import annotations

import shlex
import time

import pytest
import requests

from goclient.sandbox.myproxy.authority import load_authority
from goclient.sandbox.myproxy.grid import Grid
from tests.commands import Result
from tests.pace import within
from tests.sandboxes import Sandbox

INPUT = "--StageinGOsrc=SITE1:/home/osg_data/panda/0064.file"
OTHER = "/C=TW/O=Sandbox/OU=Robots/CN=Another"


def check(sandbox: Sandbox, *words: str, **more: str) -> Result:
    return sandbox.run("goclient", "check", INPUT, *words, "--json", **more)


def found(result: Result, level: str) -> list[tuple[str, str]]:
    return [(one["code"], one["hint"]) for one in result.json["findings"] if one["level"] == level]


def codes(result: Result, level: str) -> list[str]:
    return [code for code, _ in found(result, level)]


def pilot(sandbox: Sandbox) -> str:
    return sandbox.env["SANDBOX_PILOT_DN"]


def deposit(sandbox: Sandbox, account: str, *words: str) -> Result:
    done = sandbox.run("goclient", "myproxy", "deposit", "-l", account, "-Z", pilot(sandbox), *words)
    assert done.code == 0, done.err
    return done


def do(sandbox: Sandbox, hint: str) -> None:
    """Types the command of a hint."""
    words = shlex.split(hint.partition(": ")[2])
    assert words[:3] == ["goclient", "myproxy", "deposit"]
    done = sandbox.run(*words)
    assert done.code == 0, done.err


# --- what is found ------------------------------------------------------------------------------------------


@pytest.mark.conformance  # it takes long
def test_a_deposit_for_the_pilot_is_found_and_rides_in_the_record(shared_sandbox: Sandbox) -> None:
    deposit(shared_sandbox, "wdeng")
    right = check(shared_sandbox, "--myproxy=wdeng", f"--pilot={pilot(shared_sandbox)}")
    assert (right.code, codes(right, "ok")[-3:]) == (0, ["identity", "myproxy-deposit", "myproxy-policy"])
    port = int(shared_sandbox.env["MYPROXY_SERVER_PORT"])
    for typed in ("wdeng", "wdeng@localhost", f"wdeng@localhost:{port}"):
        sent = shared_sandbox.submit(INPUT, f"--myproxy={typed}", "--noSubmit", "--json")
        assert sent.code == 0, sent.err
        assert sent.json["spec"]["myproxy"] == {"user": "wdeng", "host": "localhost", "port": port}
    done = shared_sandbox.submit(INPUT, "--myproxy=wdeng", "--json").json
    panda_id = done["jobs"][0]["PandaID"]
    (row,) = shared_sandbox.rows("select attributes from jobs where panda_id = ?", panda_id)
    assert f"--MyproxyGO=wdeng@localhost:{port}" in row["attributes"]
    record = shared_sandbox.run("goclient", "check", "--pandaid", str(panda_id), "--json")
    assert "myproxy-deposit" in codes(record, "ok")
    shown = shared_sandbox.run("goclient", "explain", "--pandaid", str(panda_id)).out
    assert f"wdeng@localhost:{port}" in shown


LACKS: dict[str, tuple[list[str], list[str], str]] = {
    "no deposit": ([], [], "myproxy-none"),
    "one with a name only": (["-k", "panda"], [], "myproxy-none"),
    "one that ends too soon": (["-c", "10"], [], "myproxy-ends"),
    "one that does not last as long as it is needed": (["-t", "12"], ["--goNeeds", "500"], "myproxy-ends"),
}


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize(("made", "asked", "code"), LACKS.values(), ids=LACKS)
def test_what_an_account_lacks_is_an_error_and_its_hint_mends_it(
    sandbox: Sandbox, made: list[str], asked: list[str], code: str
) -> None:
    if made:
        deposit(sandbox, "lacks", *made)
    words = ["--myproxy=lacks", *asked]
    wrong = sandbox.submit(INPUT, *words, "--json")
    assert (wrong.code, [code for code, _ in found(wrong, "error")]) == (80, [code])
    assert sandbox.rows("select * from jobs") == []
    do(sandbox, found(wrong, "error")[0][1])
    assert sandbox.submit(INPUT, *words).code == 0


def test_the_hint_of_info_mends_in_a_sandbox_and_elsewhere_says_how_to_learn_the_dn(sandbox: Sandbox) -> None:
    info = ("goclient", "myproxy", "info", "--user", "lacks")
    for unknown in ({"SANDBOX_PILOT_DN": ""}, {"MYPROXY_SERVER": "127.0.0.2"}):
        said = sandbox.run(*info, **unknown)
        assert said.code == 80
        assert pilot(sandbox) not in said.err
    without = sandbox.run(*info, SANDBOX_PILOT_DN="")
    assert "--retriever DN-OF-THE-PILOT; ask the site for its pilot's DN; or" in without.err
    do(sandbox, sandbox.run(*info).err.splitlines()[1])
    assert sandbox.run(*info).code == 0


@pytest.mark.conformance  # it takes long
def test_a_deposit_for_another_pilot_or_for_nobody_is_an_error(sandbox: Sandbox) -> None:
    deposit(sandbox, "wdeng")
    wrong = check(sandbox, "--myproxy=wdeng", f"--pilot={OTHER}")
    ((code, hint),) = found(wrong, "error")
    assert (wrong.code, code) == (80, "myproxy-pilot")
    assert shlex.quote(OTHER) in hint or OTHER in hint
    do(sandbox, hint)
    assert check(sandbox, "--myproxy=wdeng", f"--pilot={OTHER}").code == 0

    sandbox.rows("update deposits set trusted = null")
    nobody = check(sandbox, "--myproxy=wdeng")
    assert codes(nobody, "error") == ["myproxy-no-policy"]
    sandbox.rows("update deposits set trusted = ?", "FQAN:/atlas/*")
    unsure = check(sandbox, "--myproxy=wdeng", f"--pilot={OTHER}")
    assert (unsure.code, codes(unsure, "warning")) == (0, ["myproxy-pilot"])


def test_an_account_of_somebody_else_shows_nothing(sandbox: Sandbox) -> None:
    deposit(sandbox, "wdeng")
    others = {"X509_USER_CERT": sandbox.env["SANDBOX_OTHER_CERT"], "X509_USER_KEY": sandbox.env["SANDBOX_OTHER_KEY"]}
    result = check(sandbox, "--myproxy=wdeng", **others)
    assert (result.code, codes(result, "error")) == (80, ["myproxy-none"])


TROUBLE: dict[str, tuple[int, dict[str, str], list[str], str]] = {
    "no server is set": (10, {"MYPROXY_SERVER": ""}, ["--myproxy=wdeng"], "no MyProxy server is set"),
    "a server that is not there": (80, {}, ["--myproxy=wdeng@localhost:1"], "Connection refused"),
    "a port that is none": (10, {}, ["--myproxy=wdeng@localhost:x"], '"x" is not a port'),
    "no user": (10, {}, ["--myproxy=@localhost"], "the user has no name"),
    "no host": (10, {}, ["--myproxy=wdeng@"], "names no server"),
    "no certificate": (80, {"X509_USER_CERT": "/nowhere/c.pem"}, ["--myproxy=wdeng"], "/nowhere/c.pem"),
    "no authorities": (10, {"X509_CERT_DIR": "/nowhere"}, ["--myproxy=wdeng"], "/nowhere"),
    "a pilot that is no DN": (10, {}, ["--myproxy=wdeng", "--pilot=Nurcan"], '"Nurcan" is not a DN'),
}


@pytest.mark.parametrize(("code", "env", "words", "said"), TROUBLE.values(), ids=TROUBLE)
def test_what_cannot_be_asked_is_an_error_of_its_own(
    shared_sandbox: Sandbox, code: int, env: dict[str, str], words: list[str], said: str
) -> None:
    result = shared_sandbox.submit(INPUT, *words, **env)
    assert (result.code, result.out) == (code, "")
    assert result.err.count(said) == 1
    assert check(shared_sandbox, *words, **env).err.count(said) <= 1


ALONE = {
    "a pilot without an account": (["--pilot=/CN=x"], "no --myproxy"),
    "a deposit without an account": (["--deposit", "--pilot=/CN=x"], "no --myproxy"),
    "a deposit for nobody": (["--deposit", "--myproxy=a"], "for whom"),
}


@pytest.mark.parametrize(("words", "said"), ALONE.values(), ids=ALONE)
def test_options_that_need_one_another_are_told(shared_sandbox: Sandbox, words: list[str], said: str) -> None:
    result = shared_sandbox.submit(INPUT, *words)
    assert (result.code, said in result.err) == (10, True)


def test_all_of_it_is_told_at_once_with_what_globus_finds(shared_sandbox: Sandbox) -> None:
    result = shared_sandbox.submit("--StageinGOsrc=SITE1:/home/osg_data/panda/0065.file", "--myproxy=nothing", "--json")
    assert (result.code, codes(result, "error")) == (40, ["path-not-found", "myproxy-none"])


def test_without_checks_nobody_is_asked(shared_sandbox: Sandbox) -> None:
    sent = shared_sandbox.submit(INPUT, "--myproxy=wdeng@localhost:1", "--noCheck", "--noSubmit", "--json")
    assert (sent.code, sent.json["spec"]["myproxy"]["port"]) == (0, 1)


def test_a_silent_server_ends_with_the_time_that_the_user_gives(sandbox: Sandbox) -> None:
    trouble = {"route": "INFO /myproxy/*", "kind": "delay", "seconds": 30}
    made = requests.post(f"{sandbox.url}/sandbox/trouble", json=trouble, timeout=60)
    assert made.ok, made.text
    with within(15.0):
        result = check(sandbox, "--myproxy=wdeng", "--goTimeout=2")
    assert (result.code, len(found(result, "error"))) == (80, 1)


# --- the Globus user of 2012 --------------------------------------------------------------------------------

WORDS = "--jobParameters=globus-user=mxp globus-endpoint-in=SITE1 in-mode=gc files-in=home/osg_data/panda/0064.file"


@pytest.mark.conformance  # it takes long
def test_the_account_of_a_globus_user_is_looked_at_and_stops_nothing(sandbox: Sandbox) -> None:
    def looked(**more: str) -> Result:
        return sandbox.run("goclient", "check", WORDS, "--json", **more)

    assert (looked().code, codes(looked(), "warning")) == (0, ["myproxy-none"])
    assert codes(looked(MYPROXY_SERVER=""), "warning") == []
    deposit(sandbox, "mxp")
    assert codes(looked(), "warning") == []
    assert "--MyproxyGO" not in sandbox.submit(WORDS, "--noSubmit").out, "nobody has named an account"


# --- the deposit --------------------------------------------------------------------------------------------


@pytest.mark.conformance  # it takes long
def test_a_deposit_that_is_missing_is_made_once_before_the_job_is_sent_and_said(sandbox: Sandbox) -> None:
    words = (INPUT, "--myproxy=wdeng", f"--pilot={pilot(sandbox)}", "--deposit")
    tried = sandbox.submit(*words, "--noSubmit")
    assert (tried.code, sandbox.rows("select * from deposits")) == (0, [])
    checked = check(sandbox, *words[1:])
    assert (checked.code, codes(checked, "warning")) == (0, ["myproxy-to-deposit"])
    assert sandbox.rows("select * from deposits") == []

    sent = sandbox.submit(*words)
    assert (sent.code, "deposited: a proxy of /C=TW/O=Sandbox" in sent.err) == (0, True)
    (made,) = sandbox.rows("select * from deposits")
    assert sandbox.submit(*words).code == 0
    assert sandbox.rows("select * from deposits") == [made], "it is there already"
    out = sandbox.cwd / "proxy"
    own = {"X509_USER_CERT": sandbox.env["SANDBOX_PILOT_CERT"], "X509_USER_KEY": sandbox.env["SANDBOX_PILOT_KEY"]}
    assert sandbox.run("goclient", "myproxy", "retrieve", "-l", "wdeng", "-o", str(out), **own).code == 0


def test_a_deposit_that_cannot_be_looked_at_is_said_to_be_made(sandbox: Sandbox) -> None:
    trouble = {"route": "INFO /myproxy/*", "kind": "reset"}
    assert requests.post(f"{sandbox.url}/sandbox/trouble", json=trouble, timeout=60).ok
    result = sandbox.run("goclient", "myproxy", "deposit", "-l", "wdeng", "-Z", pilot(sandbox))
    assert (result.code, "the deposit was made" in result.err) == (80, True)
    assert "goclient myproxy info" in result.err
    assert len(sandbox.rows("select * from deposits")) == 1


def test_with_a_locked_key_a_deposit_that_is_due_stops_the_submission(sandbox: Sandbox) -> None:
    authority = load_authority(Grid(sandbox.root / "grid"))
    own = authority.issue("/C=TW/O=Sandbox/CN=Locked", into=sandbox.cwd, name="locked", passphrase="secret")
    locked = {"X509_USER_CERT": str(own.certificate), "X509_USER_KEY": str(own.key)}
    words = (INPUT, "--myproxy=wdeng", f"--pilot={pilot(sandbox)}")
    refused = sandbox.submit(*words, "--deposit", **locked)
    assert (refused.code, "no terminal" in refused.err, sandbox.rows("select * from jobs")) == (80, True, [])
    assert "--passphrase-fd" not in refused.err
    assert "was not checked" in sandbox.submit(*words, **locked).err


def test_a_pilot_that_is_oneself_is_an_error(shared_sandbox: Sandbox) -> None:
    result = check(shared_sandbox, "--myproxy=wdeng", "--pilot=/C=TW/O=Sandbox/OU=People/CN=Jane Doe")
    assert (result.code, codes(result, "error")) == (80, ["myproxy-own-dn"])


@pytest.mark.conformance  # it takes long
def test_a_deposit_has_one_end_for_all_that_it_asks(sandbox: Sandbox) -> None:
    for route, seconds in (("PUT /myproxy/*", 2.5), ("INFO /myproxy/*", 60)):
        trouble = {"route": route, "kind": "delay", "seconds": seconds}
        assert requests.post(f"{sandbox.url}/sandbox/trouble", json=trouble, timeout=60).ok
    with within(7.0):  # two ends of 6 seconds would be 8.5 at least
        result = sandbox.run("goclient", "myproxy", "deposit", "-l", "wdeng", "-Z", pilot(sandbox), "--timeout", "6")
    assert (result.code, "the deposit was made" in result.err) == (80, True)


def test_a_deposit_that_fails_stops_the_submission(sandbox: Sandbox) -> None:
    trouble = {"route": "PUT /myproxy/*", "kind": "reset"}
    assert requests.post(f"{sandbox.url}/sandbox/trouble", json=trouble, timeout=60).ok
    result = sandbox.submit(INPUT, "--myproxy=wdeng", f"--pilot={pilot(sandbox)}", "--deposit")
    assert (result.code, sandbox.rows("select * from jobs")) == (80, [])


def test_a_deposit_lasts_as_long_as_the_job_may_need_it(sandbox: Sandbox) -> None:
    words = ("--myproxy=wdeng", f"--pilot={pilot(sandbox)}", "--deposit", "--goNeeds=400")
    assert sandbox.submit(INPUT, *words).code == 0
    (found,) = sandbox.run("goclient", "myproxy", "info", "-l", "wdeng", "--json").json["deposits"]
    assert found["end"] - time.time() > 399 * 3600
    far = sandbox.submit(INPUT, *words[:-1], "--goNeeds=8760")
    assert (far.code, "cannot last 8760 hours" in far.err) == (80, True)
