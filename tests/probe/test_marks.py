"""A directory that a collection and nodes share is taken only if both sides can use what the other one makes."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.config.settings import SiteDirectory
from goclient.model.syntax.parse import parse_location
from goclient.probe.marks import Answers, Mark
from goclient.probe.nodes import Node, Sharing
from tests.strategies import FEW

MARK = Mark.new("id", "SITE1:/staging/", parse_location("SITE1:/staging/"))
ONE, OTHER = "0" * 16, "1" * 16
GOOD = Sharing("/pnfs/staging", ONE, "")


@pytest.mark.parametrize(
    ("told", "seen", "code", "level", "says"),
    [
        pytest.param([GOOD], {ONE}, "site", "ok", "SITE1:/staging/ is /pnfs/staging on the nodes of Q", id="one"),
        pytest.param([GOOD, Sharing("/pnfs/staging", OTHER, "")], {ONE, OTHER}, "site", "ok", "is /pnfs/", id="two"),
        pytest.param([Sharing("", "", "")], set(), "site-not-found", "error", "on 1 of 1 node of Q", id="none"),
        pytest.param([GOOD, Sharing("", "", "")], {ONE}, "site-not-found", "warning", "on 1 of 2 nodes", id="some"),
        pytest.param([Sharing("/d", ONE, "Denied")], set(), "site-closed", "error", "(/d there): Denied", id="closed"),
        pytest.param([GOOD], set(), "site-closed", "error", "is not seen by your account", id="unseen"),
        pytest.param(
            [GOOD, Sharing("/other", OTHER, "")], {ONE, OTHER}, "site-not-found", "warning", '"/pnfs/staging"'
        ),
    ],
)
def test_what_nodes_tell_is_judged(told: list[Sharing], seen: set[str], code: str, level: str, says: str) -> None:
    answers = Answers("Q", MARK, tuple(told), frozenset(seen))
    (found,) = answers.findings()
    assert (found.code, found.level, says in found.message) == (code, level, True), found
    assert (answers.directory() is not None) == (level == "ok")


def test_nothing_is_said_where_no_job_has_told_anything() -> None:
    answers = Answers("Q", MARK, (), frozenset())
    assert (answers.findings(), answers.directory()) == ([], None)


def test_what_the_site_has_to_type_is_in_the_quotes_of_a_shell() -> None:
    (found,) = Answers("Q", MARK, (Sharing("/a b;c", ONE, "no"),), frozenset()).findings()
    assert "setfacl -d -m g:GROUP:rwx '/a b;c'" in (found.hint or "")


anything = st.recursive(
    st.none() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)
)


@given(told=st.dictionaries(st.sampled_from(["mark", "node", "answer", "error"]), anything), seen=st.sets(st.text()))
@FEW
def test_a_node_can_tell_anything(told: dict[str, Any], seen: set[str]) -> None:
    sharing = Node(1, 1.0, {"shared": {"mark": MARK.name, **told}}).find_sharing(MARK.name)
    if sharing is None:
        assert told.get("mark", MARK.name) != MARK.name
        return
    found = Answers("Q", MARK, (sharing,), frozenset(seen)).directory()
    assert found is None or (found.node is not None and found.node.is_absolute())


@pytest.mark.parametrize("path", ["relative", "/a/../b", "/a\nb", "/a\x1b[31m", 7, None])
def test_a_path_that_is_none_counts_as_not_found(path: object) -> None:
    node = Node(1, 1.0, {"shared": {"mark": MARK.name, "node": path, "answer": ONE, "error": ""}})
    assert node.find_sharing(MARK.name) == Sharing("", "", "")
    assert node.find_sharing("another") is None


def test_a_directory_is_what_settings_would_say() -> None:
    found = Answers("Q", MARK, (GOOD,), frozenset({ONE})).directory()
    assert found is not None
    assert found._replace(seen=0.0) == SiteDirectory("id", PurePosixPath("/staging"), PurePosixPath("/pnfs/staging"))
    assert found.seen > 0
