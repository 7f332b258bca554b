"""Words that users of myproxy-init type mean what they mean there, and one pilot is one DN."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from goclient.cli.commands import myproxy
from goclient.cli.options.myproxy import OPTIONS, seconds
from goclient.errors import GoclientError
from tests.cli.commands.test_myproxy import PILOT, Server, typed
from tests.commands import MODULES, Run
from tests.myproxy_servers import PATH, SCOPE, TOOLS, Grid, make_grid, the_double, the_real_one, tool

C_TOOLS = {"deposit": "myproxy-init", "info": "myproxy-info", "retrieve": "myproxy-logon", "destroy": "myproxy-destroy"}
PEOPLE = {
    "user": "OU=People/CN=J Doe",
    "pilot": "OU=Robots/CN=The Pilot (atlas)",
    "robot": "OU=Robots/CN=Another",
    "unicode": "OU=Robots/CN=Čeněk Müller 林",
    "signs": "OU=Robots/O=University of California, San Diego/CN=J (R) [1] {2}^$|*?.\\",
    "slash": "OU=Robots/CN=pilot\\/grid.example.org\\+x",
}


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    return make_grid(tmp_path_factory.mktemp("grid"), PEOPLE)


@pytest.fixture(scope="module")
def double(grid: Grid, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with the_double(grid) as port:
        yield Server(grid, port, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def real(grid: Grid, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with the_real_one(grid) as port:
        yield Server(grid, port, tmp_path_factory.mktemp("home"))


# --- one DN -----------------------------------------------------------------------------------------------------

NOT_ONE_DN = {
    "everybody": "*", "a name": "pilot", "a name with blanks": "The Pilot (atlas)", "a host": "pilot.example.org",
    "a place for a DN": "DN-OF-THE-PILOT", "a variable": "$SANDBOX_PILOT_DN", "a file": "/tmp/pilot.pem",
    "an account": "pilot@example.org", "two ends of a kind": "CN=a,CN=b",
}  # fmt: skip


@pytest.mark.parametrize("text", NOT_ONE_DN.values(), ids=NOT_ONE_DN)
def test_what_is_not_one_dn_is_refused_with_how_to_learn_it(double: Server, text: str) -> None:
    refused = double.run("user", "deposit", "-l", "no", "--retriever", text)
    assert (refused.code, refused.out) == (80, "")
    for said in (f'"{text}"', "ask the site", "openssl x509 -noout -subject -nameopt compat -in"):
        assert said in refused.err
    assert double.run("user", "info", "-l", "no").code == 80


@pytest.mark.parametrize("text", [*NOT_ONE_DN.values(), "/C = TW/O = Test Grid", f"{PILOT}/"])
@pytest.mark.parametrize(
    "command", [("sendJob.py", "--computingSite=A", "--transformation=http://example.org/x"), ("goclient", "check")]
)
def test_the_pilot_of_a_job_is_one_dn_too(run: Run, command: tuple[str, ...], text: str) -> None:
    refused = run(*command, "--StageinGOsrc=A:/a", "--myproxy=jdoe@localhost", f"--pilot={text}")
    said = refused.err + refused.out  # goclient check prints findings
    assert (refused.code, f'--pilot: "{text}"' in said or f'--pilot: the DN "{text}"' in said) == (10, True), said
    assert "openssl x509" in said or "give it as" in said


@pytest.mark.parametrize("who", ["unicode", "signs", "slash", "pilot"])
def test_every_way_in_which_openssl_prints_a_pilot_leads_to_its_deposit(real: Server, who: str) -> None:
    certificate = real.grid.people[who].certificate
    for options in (["-nameopt", "compat"], [], ["-nameopt", "RFC2253"], ["-nameopt", "oneline"]):
        words = ["openssl", "x509", "-noout", "-subject", *options, "-in", str(certificate)]
        shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
        refused = real.run("user", "deposit", "-l", who, "--retriever", shown)
        (hint,) = re.findall("give it as (.*)", refused.err)
        right = subprocess.run(["sh", "-c", f"printf %s {hint}"], capture_output=True, text=True, check=True).stdout
        made = real.run("user", "deposit", "-l", who, "--retriever", right)
        assert (refused.code, made.code) == (80, 0), made.err
        assert real.run(who, "retrieve", "-l", who, "-q", "-o", str(real.home / who)).code == 0
        assert real.run("robot", "retrieve", "-l", who, "-o", str(real.home / "no")).code == 80


def test_a_star_in_a_dn_is_a_star_and_that_is_said(double: Server) -> None:
    done = double.run("user", "deposit", "-l", "star", "--retriever", f"{SCOPE}/CN=*")
    assert (done.code, "stand for themselves" in done.err) == (0, True)
    assert f'--retriever-pattern "{SCOPE}/CN=*"' in done.err


# --- patterns ---------------------------------------------------------------------------------------------------

EVERYBODY = ["*", "/*", "?*", "**", "x|*", "*CN=*", "*/CN=*", "SUBJECT:*", "/*=*"]


@pytest.mark.parametrize("pattern", EVERYBODY)
def test_a_pattern_of_everybody_is_asked_for(double: Server, pattern: str) -> None:
    words = ["deposit", "-l", "all", "-c", "5", "--retriever-pattern", pattern]
    refused = double.run("user", *words)
    assert (refused.code, "everybody" in refused.err) == (2, True)
    assert double.run("user", "info", "-l", "all").code == 80
    (hint,) = re.findall("or allow it: (.*)", refused.err)
    assert double.run("user", *words[:-2], *shlex.split(hint)).code == 0
    assert double.run("user", "destroy", "-l", "all", "--yes").code == 0


@pytest.mark.parametrize("words", [["-Z", "*"], ["-x", "-Z", "*"]])
def test_everybody_of_myproxy_init_is_asked_for_too(double: Server, words: list[str]) -> None:
    assert double.run("user", "deposit", "-l", "all", *words).code == 2


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 130), ("\n", 130)])
def test_on_a_terminal_the_question_is_asked(double: Server, answer: str, code: int) -> None:
    words = ["deposit", "-l", f"tty{code}", "-c", "5", "--retriever-pattern", "*"]
    command = [sys.executable, *MODULES["goclient"], "myproxy", *words]
    shown, ended = typed(command, double.env("user"), answer, after="[y/N]")
    assert ended == code, shown
    assert (double.run("user", "info", "-l", f"tty{code}").code == 0) == (code == 0)


@pytest.mark.parametrize("pattern", [f"{SCOPE}/OU=Robots/*", "*/CN=The Pilot*", "/C=TW/*|/C=DE/*", "*Pilot*"])
def test_any_other_pattern_is_not_asked_for(double: Server, pattern: str) -> None:
    assert double.run("user", "deposit", "-l", "some", "-c", "5", "--retriever-pattern", pattern).code == 0


NOBODY = {
    "pilot": '"pilot"', "CN=The*": "--retriever-pattern '*/CN=The*'",
    "The Pilot*": "--retriever-pattern '*/CN=The Pilot*'", ".*": "--retriever-pattern '*'",
    ".*/CN=x": "--retriever-pattern '*/CN=x'", "/C = TW/O = Test": 'give it as "/C=TW/O=Test"',
    "SUBJECT:CN=*": "nobody fits", "DN-OF-THE-PILOT": "nobody fits",
}  # fmt: skip


@pytest.mark.parametrize("pattern", NOBODY)
def test_a_pattern_that_nobody_fits_is_refused(double: Server, pattern: str) -> None:
    refused = double.run("user", "deposit", "-l", "nobody", "--retriever-pattern", pattern)
    assert (refused.code, NOBODY[pattern] in refused.err) == (80, True), refused.err


# --- the options of the C tools ---------------------------------------------------------------------------------


def flags(action: str) -> list[tuple[str, str, bool]]:
    """Return each option of a C tool as it says itself: short, long, and whether it takes a value."""
    usage = subprocess.run([C_TOOLS[action], "-usage"], env={"PATH": PATH}, capture_output=True, text=True)
    found = re.findall(r"^ +(-\w) \| (--\w+) +(?:(<\S+(?: #>)?|#) )?", usage.stdout + usage.stderr, re.MULTILINE)
    return [(short, long, bool(value)) for short, long, value in found]


def mistakes(action: str, *words: str) -> list[GoclientError]:
    """Return what is wrong with the options of an action."""
    try:
        myproxy.parse(OPTIONS[action], action, words=words)
    except GoclientError as error:
        return list(error.parts)
    except SystemExit:
        return []
    return []


@pytest.mark.parametrize("action", C_TOOLS)
def test_each_option_of_the_c_tool_is_taken_or_it_is_said_what_to_do(
    action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if not all(map(Path("/usr/bin").joinpath, TOOLS)) or not flags(action):
        pytest.skip("the C tools are not installed: apt-get install myproxy")
    taken = set()
    for short, long, has_value in flags(action):
        for name in (short, long):
            value = ["5"] if has_value else []
            errors = [one for one in mistakes(action, name, *value, "-o", "x") if one.subject not in ("--out", "-o")]
            for error in errors:
                assert (error.code, error.subject) == ("unknown-option", name), error.message
                assert not re.search("did you mean|--help lists", error.hint), error.hint
            if not errors:
                taken.add(long)
    wanted = {"--help", "--usage", "--verbose", "--version", "--username", "--pshost", "--psport", "--dn_as_username"}
    wanted |= {
        "deposit": {"--cred_lifetime", "--proxy_lifetime", "--certfile", "--keyfile", "--regex_dn_match",
                    "--match_cn_only", "--renewable_by", "--retrievable_by_cert", "--no_passphrase", "--credname",
                    "--creddesc"},
        "retrieve": {"--proxy_lifetime", "--out", "--credname", "--no_passphrase", "--quiet"},
    }.get(action, {"--credname"})  # fmt: skip
    assert taken == wanted


MISTAKEN = {
    ("deposit", "-r"): "--retriever DN", ("deposit", "-rpilot"): "--retriever DN",
    ("deposit", "--retrievable_by=x"): "-R is about renewal",
    ("deposit", "-a"): "leave it out", ("deposit", "-S"): "--passphrase-fd 0", ("deposit", "-A"): "--renewer DN",
    ("deposit", "-o"): "retrieve", ("deposit", "-w"): "--renewer", ("info", "-Z"): "goclient myproxy deposit",
    ("info", "-t"): "deposit and goclient myproxy retrieve", ("destroy", "-o"): "goclient myproxy retrieve",
    ("retrieve", "-Z"): "goclient myproxy deposit", ("retrieve", "-c"): "goclient myproxy deposit",
    ("retrieve", "-N"): "goclient myproxy info", ("retrieve", "-b"): "X509_CERT_DIR",
}  # fmt: skip


@pytest.mark.parametrize(("action", "flag"), MISTAKEN)
def test_a_flag_that_is_mistaken_for_another_is_explained(action: str, flag: str) -> None:
    errors = [one for one in mistakes(action, flag, "x") if one.code == "unknown-option"]
    assert [MISTAKEN[action, flag] in error.hint for error in errors] == [True], errors


@pytest.mark.parametrize(("words", "hint"), [
    (("--retriever", "/CN=a", "--retriever", "/CN=b"), "name one DN, or all of them with one --retriever-pattern"),
    (("-Z", "/CN=a", "-Z", "/CN=b"), "name one DN, or all of them with one --retriever-pattern"),
    (("-p", "1", "-p", "2"), "give it once"),
])  # fmt: skip
def test_an_option_that_is_given_again_says_what_to_do(words: tuple[str, ...], hint: str) -> None:
    assert [hint in error.hint for error in mistakes("deposit", *words) if error.code == "twice"] == [True]


LONG = {
    "short": ["-s", "localhost", "-l", "flags", "-c", "20", "-t", "1:30", "-k", "n", "-K", "words", "-n", "-x", "-Z"],
    "long": ["--pshost", "localhost", "--username", "flags", "--cred_lifetime", "20", "--proxy_lifetime", "1:30",
             "--credname", "n", "--creddesc", "words", "--no_passphrase", "--regex_dn_match", "--retrievable_by_cert"],
    "with signs": ["--pshost=localhost", "--username=flags", "--cred_lifetime=20", "--proxy_lifetime=01:30",
                   "--credname=n", "--creddesc=words", "--match_cn_only", "-Z"],
    "ours": ["--server", "localhost", "--user", "flags", "--lifetime", "20:00", "--proxy-lifetime", "1:30",
             "--credname", "n", "-K", "words", "--retriever"],
}  # fmt: skip


@pytest.mark.parametrize("words", LONG.values(), ids=LONG)
def test_the_names_of_the_c_tool_make_the_same_deposit(real: Server, words: list[str]) -> None:
    made = real.run("user", "deposit", *words, PILOT, "--json")
    assert made.code == 0, made.err
    assert (made.json["proxy_lifetime"], abs(made.json["end"] - time.time() - 20 * 3600) < 300) == (5400, True)
    (found,) = real.run("user", "info", "--username", "flags", "-k", "n", "--json").json["deposits"]
    assert found["description"] == "words"
    out = str(real.home / "flags.pem")
    got = real.run("pilot", "retrieve", "--username=flags", "-k", "n", "--proxy_lifetime", "9", "--out", out, "--json")
    assert abs(got.json["end"] - time.time() - 5400) < 300
    shown = tool(real.grid, real.port, "user", ("myproxy-info", "-l", "flags"))
    assert "words" in shown.text


def test_minutes_are_minutes(real: Server) -> None:
    shown = real.run("user", "deposit", "-l", "minutes", "-c", "1:30", "-t", "0:45", "--retriever", PILOT)
    assert (shown.code, "last 45 minutes at most" in shown.out) == (0, True), shown.err
    out = str(real.home / "minutes.pem")
    got = real.run("pilot", "retrieve", "-l", "minutes", "-t", "0:30", "-o", out, "--json").json
    assert abs(got["end"] - time.time() - 1800) < 300
    assert [seconds(text) for text in ("1", "0:05", "10:30", "007:00")] == [3600, 300, 37800, 25200]


def test_a_renewer_is_one_dn_or_a_pattern_that_is_said_to_be_one(double: Server) -> None:
    words = ["deposit", "-l", "renew", "-c", "5", "--retriever", PILOT]
    assert double.run("user", *words, "-R", "pilot").code == 80
    assert double.run("user", *words, "--renewable_by", f"{SCOPE}/CN=x").code == 0
    assert double.run("user", *words, "-x", "-R", f"{SCOPE}/*", "--json").code == 0
    (found,) = double.run("user", "info", "-l", "renew", "--json").json["deposits"]
    assert found["renewers"] == f"{SCOPE}/*"


def test_a_common_name_is_taken_for_one_as_myproxy_init_does_and_that_is_said(double: Server) -> None:
    done = double.run("user", "deposit", "-l", "cn", "-c", "5", "-Z", "The Pilot (atlas)")
    assert (done.code, "is a common name" in done.err) == (0, True)
    both = double.run("user", "deposit", "-l", "cn", "-Z", "The Pilot", "--retriever", PILOT)
    assert (both.code, "one policy" in both.err) == (2, True)
