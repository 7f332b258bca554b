"""A policy lets in whom it is to let in, as the server reads it."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import MyproxyError
from goclient.services.gsi.names import base_dn
from goclient.services.myproxy.policy import (
    check_dn,
    dn_of,
    fits_everybody,
    is_portable,
    matches,
    pattern_of,
)
from tests.strategies import examples

LIBC = ctypes.CDLL(None)
REG_EXTENDED = 1
BASE = "/DC=org/DC=doegrids/OU=People/CN="
ODD = [
    "Nurcan Ozturk 18551", "A  b", "x (y)", "st*r?", "Zoë Ünal", "x|*", "[a]{2}^$+.", "back\\slash", "host/a.org",
    "\\", "a.b", "a\\x", "{1}", ".*", "\\*", "*", "?", "",
]  # fmt: skip
VALUES = st.sampled_from("ab1 .*?\\()[]{}|^$+/-=é")
DNS = st.lists(
    st.tuples(st.sampled_from(["CN", "OU", "DC", "1.2.3"]), st.text(VALUES, max_size=8)), min_size=1, max_size=4
).map(lambda parts: "".join(f"/{kind}={value}" for kind, value in parts).rstrip("/"))  # fmt: skip
PATTERNS = st.text(st.sampled_from("ab*?.\\()|^$+/=[]{}1,x:-"), max_size=10)


def libc_fits(expression: str, text: str) -> bool:
    """Return what the server does: regcomp and regexec; an expression that is none matches nothing."""
    compiled = ctypes.create_string_buffer(1024)  # a regex_t has 64 bytes
    if LIBC.regcomp(compiled, expression.encode(), REG_EXTENDED):
        return False
    found = LIBC.regexec(compiled, text.encode(), 0, None, 0)
    LIBC.regfree(compiled)
    return bool(found == 0)


def translated(pattern: str) -> str:
    """myproxy_server_config.c's regex_compare, written anew."""
    found, escaped = "^(", False
    for char in pattern:
        if char == "\\" and not escaped:
            escaped = True
            continue
        plain = {"*": ".*", "?": ".", ".": "\\."}
        if char in plain:
            found += char if escaped else plain[char]
        elif char == "\\":
            found += "\\"
        else:
            found += "\\" + char if escaped else char
        escaped = False
    return found + ")$"


@given(DNS, DNS)
def test_the_pattern_of_a_dn_matches_it_and_no_other(dn: str, other: str) -> None:
    dn, other = check_dn(dn), check_dn(other)
    pattern = pattern_of(dn)
    assert libc_fits(translated(pattern), dn)
    assert libc_fits(translated(pattern), other) == (dn == other)
    assert dn_of(pattern) == dn
    assert matches(pattern, other) == (dn == other)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_matches_itself_only(name: str) -> None:
    pattern = pattern_of(BASE + name)
    dn = check_dn(BASE + name)
    assert libc_fits(translated(pattern), dn)
    for other in ODD:
        assert libc_fits(translated(pattern), check_dn(BASE + other)) == (other == name)


@given(PATTERNS, DNS)
@examples(500)
def test_what_is_judged_is_judged_as_the_server_does(pattern: str, dn: str) -> None:
    dn = check_dn(dn)
    found = matches(pattern, dn)
    if found is not None:
        assert found == libc_fits(translated(pattern), dn)
    only = dn_of(pattern)
    if only is not None and "\0" not in only:
        assert libc_fits(translated(pattern), only)


@given(st.text(st.sampled_from("ab()|*+?{},12[]^-.$\\:"), max_size=12), st.text(st.sampled_from("ab-^1]"), max_size=6))
@examples(1000)
def test_any_pattern_is_judged_as_the_c_library_reads_it_or_not_at_all(pattern: str, text: str) -> None:
    found = matches(f"/CN=a{pattern}", f"/CN=a{text}")
    if found is not None:
        assert found == libc_fits(translated(f"/CN=a{pattern}"), f"/CN=a{text}"), (pattern, text)


GLOBS = st.lists(st.text(st.sampled_from("ab*?.=/ -"), min_size=1, max_size=8), min_size=1, max_size=3).map("|".join)


@given(GLOBS, st.text(st.sampled_from("ab.-"), min_size=1, max_size=6))
@examples(500)
def test_stars_question_marks_and_bars_are_always_judged(pattern: str, text: str) -> None:
    found = matches(pattern, f"/CN={text}")
    assert found is not None
    assert found == libc_fits(translated(pattern), f"/CN={text}"), (pattern, text)
    assert is_portable(pattern)


JUDGED = {
    "a star": ("*/CN=x", "/C=TW/CN=x", True),
    "a star that is not there": ("*/CN=x", "/C=TW/CN=xy", False),
    "two DNs": ("/CN=a|/CN=b", "/CN=b", True),
    "another of two DNs": ("/CN=a|/CN=b", "/CN=c", False),
    "one of two patterns": ("/C=TW/*|/C=DE/*", "/C=DE/CN=x", True),
    "a question mark": ("/CN=?", "/CN=x", True),
    "a question mark for two": ("/CN=?", "/CN=xy", False),
    "a bracket that is one": ("/CN=\\[a\\]*", "/CN=[a]b", True),
    "a star that is one": ("/CN=\\\\\\*?", "/CN=*b", True),
    "a dot": ("/CN=a.b*", "/CN=axb", False),
    "everybody": ("x|*", "/CN=anybody", True),
    "a class": ("/CN=[[:alpha:]x-z]+", "/CN=abz", None),
    "a class without": ("/CN=[^0-9]", "/CN=1", None),
    "a repetition": ("/CN=a{2,3}", "/CN=aaa", None),
    "a repetition that is too long": ("/CN=a{2}", "/CN=aaa", None),
    "a group": ("/CN=(a|b)", "/CN=a", None),
    "any character, of an expression": ("/CN=a\\.b", "/CN=axb", True),
    "a star of an expression": ("/CN=a\\*", "/CN=aaa", None),
    "the prefix of a name": ("SUBJECT:/CN=x", "/CN=x", True),
    "what the C tool stores for -Z DN -x": ("*/CN=/C=TW/CN=x", "/C=TW/CN=x", False),
    "attributes of VOMS": ("FQAN:/atlas/*", "/CN=x", None),
    "a backward reference": ("(/CN=a)\\\\1", "/CN=a", None),
    "a word's edge": ("/CN=\\w", "/CN=a", None),
    "an empty alternative": ("/CN=a|", "/CN=a", None),
    "too large": ("/CN=((((a{255}){255})*)*)", "/CN=a", None),
    "too deep": ("(" * 60 + "/CN=a" + ")" * 60, "/CN=a", None),
    "a star of nothing": ("\\*", "/CN=a", None),
    "no end": ("/CN=[a", "/CN=a", None),
    "an interval the wrong way round": ("/CN=a{3,2}", "/CN=a", None),
    "a class that is none": ("/CN=[[:foo:]]", "/CN=a", None),
    "an equivalence class": ("/CN=[[=a=]]", "/CN=a", None),
    "a range the wrong way round": ("/CN=[z-a]", "/CN=a", None),
    "an open parenthesis": ("(/CN=a", "/CN=a", None),
    "a closed one": ("/CN=a)", "/CN=a", None),
    "a repeated anchor": ("^\\*/CN=a", "/CN=a", None),
}


@pytest.mark.parametrize("case", JUDGED)
def test_a_policy_is_judged_or_it_is_said_that_it_cannot_be(case: str) -> None:
    pattern, dn, judgement = JUDGED[case]
    assert matches(pattern, dn) is judgement
    if judgement is None:
        assert not fits_everybody(pattern)
        assert is_portable(pattern) == pattern.startswith("FQAN:")


def test_a_policy_made_to_take_for_ever_does_not() -> None:
    dn = "/CN=" + "a" * 1000
    assert matches("/CN=" + "*a" * 100 + "*b", dn) is False
    assert matches("/CN=" + "?*a" * 100 + "b|" + "*a?" * 300 + "*b", dn) is False
    assert matches("/CN=((a+)+)+b", dn) is None


def test_a_dn_with_commas_is_refused_with_what_to_type() -> None:
    with pytest.raises(MyproxyError) as caught:
        pattern_of("CN=Wen Deng,OU=People\\, all,DC=doegrids,DC=org")
    assert '"/DC=org/DC=doegrids/OU=People, all/CN=Wen Deng"' in caught.value.hint
    with pytest.raises(MyproxyError) as caught:
        pattern_of("DC=org, DC=doegrids, CN=x")
    assert '"/DC=org/DC=doegrids/CN=x"' in caught.value.hint


@pytest.mark.parametrize("text", ["", "wdeng", "/", "/wdeng", "/=x", "/CN=a\nb", "/CN=\x1b[m", "/CN=" + "a" * 1020])
def test_what_is_no_dn_is_refused(text: str) -> None:
    with pytest.raises(MyproxyError) as caught:
        pattern_of(text)
    assert caught.value.code == "myproxy-dn"
    assert caught.value.message.isprintable()


def test_a_slash_in_a_value_is_written_as_openssl_3_does() -> None:
    assert check_dn("/O=Grid/CN=host/a.example.org") == "/O=Grid/CN=host\\/a.example.org"
    assert check_dn("/O=Grid/CN=host\\/a.example.org") == "/O=Grid/CN=host\\/a.example.org"
    assert check_dn("/CN=a+UID=b") == "/CN=a+UID=b"
    assert check_dn("/CN=C++") == "/CN=C\\+\\+"
    assert check_dn("/CN=Zoë") == "/CN=Zo\\xC3\\xAB"


PROXIES = {
    "/CN=a/CN=proxy": "/CN=a", "/CN=a/CN=limited proxy/CN=proxy": "/CN=a", "/CN=a/CN=123/CN=456": "/CN=a",
    "/CN=a 1": "/CN=a 1", "/CN=12": "/CN=12", "/CN=a/CN=b": "/CN=a/CN=b", "/CN=a\\/CN=12": "/CN=a\\/CN=12", "": "",
}  # fmt: skip


@pytest.mark.parametrize("dn", PROXIES)
def test_the_person_behind_a_proxy_is_known(dn: str) -> None:
    assert base_dn(dn) == PROXIES[dn]


def test_wildcards_are_recognised() -> None:
    assert dn_of("*") is None
    assert dn_of("/CN=a|/CN=b") is None
    assert dn_of("/DC=org/CN=a.b") == "/DC=org/CN=a.b"
    assert dn_of("/CN=a\\.b") is None  # here a backslash makes it any character
    assert dn_of("") is None


def test_the_c_library_is_the_one_that_was_compared_with() -> None:
    assert sys.platform == "linux"
    assert subprocess.run(["getconf", "GNU_LIBC_VERSION"], capture_output=True, check=True).stdout
