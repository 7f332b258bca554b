"""Names that are right in their form and hardly meant: an error if nothing else can be, else a warning."""

from __future__ import annotations

import pytest

from goclient.errors import GoclientError
from goclient.errors.findings import Finding
from goclient.model.names import Problem, find_nearly_serial, queue_problem, respell_serial
from goclient.model.spec import TransferSpec
from goclient.model.syntax.parameters import read_typed
from goclient.preflight.base import Context
from goclient.preflight.mistakes import find_unlikely_mistakes
from goclient.preflight.offline import PayloadWords, UnlikelyNames
from goclient.secrets import hidden, register

UUID = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"


def mistakes(**items: list[str]) -> list[GoclientError]:
    typed = read_typed("", options=items)
    assert typed.errors == []
    return list(find_unlikely_mistakes(typed.spec, typed.spec.locations, count=9))


def doubts(*names: str) -> list[Finding]:
    spec = read_typed("", options={"Data": list(names), "OutputGO": ["S:/o"]}).spec
    return list(UnlikelyNames().findings(Context(spec)))


def doubts_of_words(words: str) -> list[Finding]:
    return list(PayloadWords().findings(Context(TransferSpec(), words=words)))


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("S:/a;S:/b", "S:/a,S:/b"),
        ("S:/a; S:/b", "S:/a,S:/b"),
        ("S:/a S:/b S:/c", "S:/a,S:/b,S:/c"),
        ("S:/a|S:/b", "S:/a,S:/b"),
        (f"{UUID}:/a {UUID[::-1].replace('-', '')[:8]}{UUID[8:]}:/b", "write"),
        ("\ufeffS:/a", "S:/a"),
        ("\u200bS:/a", "S:/a"),
        ('"S:/a"', "S:/a"),
        ("'S:/a'", "S:/a"),
        (f"{{{UUID}}}:/a", f"{UUID}:/a"),
        (f"<{UUID}>:/a", f"{UUID}:/a"),
    ],
)
def test_a_location_that_is_surely_another_is_a_mistake(text: str, right: str) -> None:
    (error,) = mistakes(StageinGOsrc=[text])
    assert right in error.hint


@pytest.mark.parametrize(
    "text",
    [
        "S:/my file.root",
        "S:/a;b",
        "S:/a b:c",
        "S:/12:30 x:/y",
        "my site:/a",
        '"Big" data:/a',
        f"x {UUID}:/a",
        "S:/a'",
        "S:/a|b",
    ],
)
def test_a_location_that_may_be_meant_is_none(text: str) -> None:
    assert mistakes(StageinGOsrc=[text]) == []


@pytest.mark.parametrize(
    ("name", "is_long"),
    [
        ("n" * 255, False),
        ("n" * 256, True),
        ("é" * 127, False),
        ("é" * 128, True),
        ("日" * 85, False),
        ("日" * 86, True),
        ("n" * 254 + "${SN}", False),
        ("n" * 255 + "${SN}", True),
        ("n" * 249 + "${SN/P}", False),
        ("n" * 250 + "${SN/P}", True),
        ("d/" * 200 + "n", False),
        ("n" * 256 + "/x", True),
    ],
)
def test_a_name_has_at_most_255_bytes(name: str, is_long: bool) -> None:
    assert [error.code for error in mistakes(Data=[name], OutputGO=["S:/o"])] == ["name-too-long"] * is_long


@pytest.mark.parametrize(
    ("names", "code", "hint"),
    [
        (["*.root"], "wildcard", "each name"),
        (["hits?.root"], "wildcard", "each name"),
        (["hits[a-c].root"], "wildcard", "each name"),
        (["out{1", "2}.root"], "wildcard", "write out1.root,out2.root"),
        (["x", "a{b", "c", "d}"], "wildcard", "write ab,ac,ad"),
        (["hits{1..3}"], "wildcard", "write hits1,hits2,hits3"),
        (["{a,b}"], "wildcard", "write a,b"),
        (["r/*"], "wildcard", "each name"),
        (["a.root b.root"], "joined", "write a.root,b.root"),
        (["a.root;b.root"], "joined", "write a.root,b.root"),
        (["a ; b"], "joined", "write a,b"),
        ([" a"], "blank", "with a comma alone"),
        (["a\u00a0"], "blank", "with a comma alone"),
        (["\u201ca"], "quote", "write a"),
        (["caf\u00e9", "cafe\u0301"], "look-alike", "copy it"),
        (["a", "\u0430"], "look-alike", "copy it"),
    ],
)
def test_a_name_that_a_payload_hardly_writes_is_a_warning(names: list[str], code: str, hint: str) -> None:
    (doubt,) = doubts(*names)
    assert (doubt.level, doubt.code, hint in doubt.hint) == ("warning", code, True), doubt


@pytest.mark.parametrize(
    "names",
    [
        ["hits[1].root", "hits[12].root"],
        ["my file.root"],
        ["a{b}", "{", "}"],
        ["x_${SN}.root", "${SN/P}"],
        ["user.jdoe:hits.root"],
        ["it's", "a=b", "#1", "~x"],
        ["café", "Zürich"],
        ["a b c.root"],
    ],
)
def test_an_ordinary_name_is_not_doubted(names: list[str]) -> None:
    assert doubts(*names) == []


@pytest.mark.parametrize(
    "typed", ["$SN", "$sn", "${sn}", "${Sn}", "$(SN)", "${ SN }", "${SN /P}", "${sn/p}", "%SN%", "%{SN}"]
)
def test_what_is_nearly_the_jobs_number_in_a_payload_is_a_warning(typed: str) -> None:
    (doubt,) = doubts_of_words(f"--seed x{typed}y --n ${{SN}} {typed}")
    assert (doubt.subject, doubt.code) == (typed, "placeholder")
    assert respell_serial(typed) in ("${SN}", "${SN/P}")
    assert respell_serial(typed) in doubt.hint


def test_other_variables_are_not_the_jobs_number() -> None:
    assert find_nearly_serial("$SNAP ${SNR} $_SN $1 ${SN} ${SN/P} {SN} SN %d %s $$ %S") == {}


@pytest.mark.parametrize("queue", ["", "TEST1", "ANALY_BNL_T3", "BNL-OSG.2/x", "a?b", "A:B@C+D#E=F~G"])
def test_a_queue_has_such_a_name(queue: str) -> None:
    assert queue_problem(queue) is None


@pytest.mark.parametrize(
    ("queue", "right"),
    [
        ("TEST1 ", "TEST1"),
        (" TEST1", "TEST1"),
        ("TEST1\n", "TEST1"),
        ("TEST1,TEST3", "TEST1"),
        ("TEST1; TEST3", "TEST1"),
        ("TEST1 TEST3", "TEST1"),
        ("'TEST1'", "TEST1"),
        ("\u201cTEST1\u201d", "TEST1"),
        ("TEST1\u00a0", "TEST1"),
        ("\uff34EST1", "TEST1"),
        ("T\u0415ST1", "TEST1"),
        ("$QUEUE", ""),
        ("*", ""),
    ],
)
def test_a_queue_with_other_signs_is_a_mistake(queue: str, right: str) -> None:
    problem = queue_problem(queue)
    assert isinstance(problem, Problem)
    assert problem.instead == right
    assert problem.instead or problem.remedy


JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqZG9lIn0.c2lnbmF0dXJl"
CREDENTIALS = {
    "a token": f"run.sh --token {JWT}", "as a header": f"curl -H 'Authorization: Bearer {JWT}'",
    "in JSON": '{"access_token": "Ag4xxxxxxxx"}',
    "with an equals sign": f"--auth={JWT}", "in a variable": f"TOKEN={JWT} run.sh",
    "unsigned": f"x {JWT.rpartition('.')[0]}.",
    "a key": "'-----BEGIN PRIVATE KEY----- MIIEvQIBADANBg'",
    "an RSA key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEvQIBADANBg",
    "one that is held": "--secret registered-for-this-test",
}  # fmt: skip


@pytest.mark.parametrize("payload", CREDENTIALS.values(), ids=CREDENTIALS)
def test_a_credential_among_a_payload_s_words_is_doubted_and_not_shown(payload: str) -> None:
    register("registered-for-this-test")
    (doubt,) = doubts_of_words(payload)
    assert (doubt.level, doubt.code) == ("warning", "credential")
    assert hidden(payload) != payload
    assert hidden(doubt.message) == doubt.message


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "--token 5",
        "tokenizer.json --password-file=p",
        "eyJ.a.b",
        "keyJames.root a.b.c",
        "--key=a --secret",
        "BEGIN KEY",
    ],
)
def test_a_payload_that_only_speaks_of_credentials_is_not_doubted(payload: str) -> None:
    assert doubts_of_words(payload) == []
