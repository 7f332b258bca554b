"""Options of a job that brings its own transfers stand with --goCarry, and some never do."""

from __future__ import annotations

from typing import Any

import pytest

from goclient.model.options import PackedOptions, SubmitOptions
from goclient.preflight.options import find_wrong_carry_options


@pytest.mark.parametrize(
    ("typed", "subjects"),
    [
        ({}, []),
        ({"goCarry": True}, []),
        ({"goCarry": True, "goFiles": ("a",), "goConnect": "x", "goGrant": True, "goShareSecrets": True}, []),
        ({"goCarry": True, "goCredential": "token"}, []),
        ({"goFiles": ("a",), "goConnect": "x"}, ["--goFiles"]),
        ({"goCarry": True, "goVia": "site", "goFiles": ("a",)}, []),
        ({"goCarry": True, "goVia": "site", "goCredential": "token"}, ["--goCredential"]),
        ({"goCarry": True, "goVia": "site", "goConnect": "x", "goGrant": True}, ["--goConnect", "--goGrant"]),
        ({"goCredential": "service"}, ["--goCredential"]),
        ({"goCarry": True, "goCredential": "token", "noCheck": True}, ["--noCheck"]),
        ({"goCarry": True, "goGrant": True, "noCheck": True}, ["--noCheck"]),
        ({"goCarry": True, "goGrant": True, "goCredential": "token"}, ["--goGrant"]),
        ({"goCarry": True, "goLenient": True, "myproxy": "me"}, ["--goLenient", "--myproxy"]),
        ({"goLenient": True, "myproxy": "me"}, []),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_told_with_what_to_leave_out(typed: dict[str, Any], subjects: list[str]) -> None:
    errors = list(find_wrong_carry_options(SubmitOptions(**typed)))
    assert [one.subject for one in errors] == subjects
    assert all(one.code == "combination" and one.subject in one.hint for one in errors)


def test_a_command_that_has_not_all_of_these_options_is_judged_by_those_it_has() -> None:
    assert list(find_wrong_carry_options(PackedOptions(goCarry=True, goCredential="token"))) == []
