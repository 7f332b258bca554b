"""A word that is hardly meant is a warning: names that a payload does not write, words with a credential."""

from __future__ import annotations

import pytest

from goclient.errors.findings import Finding
from goclient.model.names import respell_serial
from goclient.model.spec import TransferSpec
from goclient.model.syntax.parameters import read_typed
from goclient.preflight.base import Context
from goclient.preflight.offline import PayloadWords, UnlikelyNames
from goclient.secrets import hide, register


def doubts(*names: str) -> list[Finding]:
    spec = read_typed("", options={"Data": list(names), "OutputGO": ["S:/o"]}).spec
    return list(UnlikelyNames().findings(Context(spec)))


def doubts_of_words(words: str) -> list[Finding]:
    return list(PayloadWords().findings(Context(TransferSpec(), words=words)))


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
    assert hide(payload) != payload
    assert hide(doubt.message) == doubt.message


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


ACCOUNT = ["u@h:7512"]


def spec_of(text: str = "", **items: list[str]) -> TransferSpec:
    typed = read_typed(text, options=items)
    assert typed.errors == []
    return typed.spec


def test_a_percent_code_on_a_server_is_a_warning() -> None:
    spec = spec_of(StageinGOsrc=["davs://h/a%20b,", "gsiftp://h/50%"], MyproxyGO=ACCOUNT)
    (found,) = UnlikelyNames().findings(Context(spec))
    assert (found.code, found.subject) == ("percent", "davs://h/a%20b,")
    assert "'davs://h/a b,'" in found.hint
