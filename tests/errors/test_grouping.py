"""Many findings of one cause are told as one, with a few names; what has another cause is told by itself."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from goclient.errors.findings import Finding
from goclient.errors.grouping import group_findings


def missing(path: str, hint: str = "look") -> Finding:
    name = path.rpartition("/")[2]
    return Finding("error", "not-found", f"A:{path}", f'"A:{path}": there is no "{name}" there', hint)


def empty(path: str) -> Finding:
    return Finding("warning", "empty", f"A:{path}", f'"A:{path}" is empty', "look")


def test_many_of_one_cause_in_a_directory_are_one_with_a_few_names() -> None:
    (one,) = group_findings(missing(f"/d/f{n}") for n in range(2_001))
    assert one.message == '"A:/d/f0": there is no "f0" there; and 2,000 more like it: "f1", "f2", "f3", …'
    assert one.hint == "look"


def test_a_hint_that_is_for_the_first_alone_says_so() -> None:
    (one,) = group_findings(missing(f"/d/f{n}", f"did you mean g{n}?") for n in range(4))
    assert one.message.endswith('; and 3 more like it: "f1", "f2", "f3"')
    assert one.hint == 'for "f0": did you mean g0?'


def test_files_of_many_directories_are_one_if_one_hint_mends_them() -> None:
    (one,) = group_findings(missing(f"/d{n}/f") for n in range(9))
    assert one.message.endswith('; and 8 more like it: "A:/d1/f", "A:/d2/f", "A:/d3/f", …')


def test_three_of_a_kind_and_other_causes_are_told_each() -> None:
    few = [missing("/d/f0"), empty("/d/f0"), missing("/d/f1", "other"), empty("/d/f1"), missing("/d/f2")]
    assert sorted(group_findings(few)) == sorted(few)


def test_what_is_said_of_options_is_told_each() -> None:
    options = [Finding("error", "option", f"--x{n}", f'--x{n} "a" is wrong', "leave it out") for n in range(9)]
    assert group_findings(options) == options


def test_what_is_said_of_one_target_is_told_each_and_what_is_equal_once() -> None:
    both = [
        Finding(
            "error", "one-destination", "W:/in/f", f'"A:/d0/f" and "A:/d{n}/f" would both be written to "W:/in/f"', "x"
        )
        for n in range(1, 40)
    ]
    assert group_findings(both) == both
    assert group_findings([Finding("error", "login", "", "you are not logged in", "type it")] * 9) == [
        Finding("error", "login", "", "you are not logged in", "type it")
    ]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 30), st.booleans()), max_size=60))
def test_every_finding_is_told_or_counted(files: list[tuple[int, int, bool]]) -> None:
    findings = [missing(f"/d{directory}/f{name}", "look" if same else f"see {name}") for directory, name, same in files]
    told = group_findings(findings)
    more = [re.search(r"; and ([\d,]+) more like it: ", one.message) for one in told]
    assert len(told) + sum(int(one[1].replace(",", "")) for one in more if one) == len(set(findings))
