"""Frozen records: as frozen dataclasses are, but that their methods are compiled once for all of them."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from typing import Any

import pytest

from goclient.model.frozen import Frozen


class Job(Frozen):
    name: str
    count: int = 1
    words: list[str] = field(default_factory=list)
    secret: str = field(default="", repr=False, compare=False)


class Task(Job):
    number: int = 0


@dataclass(frozen=True)
class Reference:
    name: str
    count: int = 1
    words: list[str] = field(default_factory=list)
    secret: str = field(default="", repr=False, compare=False)


@pytest.mark.parametrize("named", [{}, {"count": 2}, {"words": ["a"], "secret": "s"}])
def test_a_record_has_the_values_the_text_and_the_equals_of_a_dataclass(named: dict[str, Any]) -> None:
    one, other = Job("a", **named), Reference("a", **named)
    assert asdict(one) == asdict(other)
    assert repr(one) == repr(other).replace("Reference", "Job")
    assert one == Job("a", **named | {"secret": "another"})
    assert one != Job("b", **named)
    assert one != other
    assert one != Task("a", **named)


def test_a_default_that_is_made_is_made_for_each() -> None:
    assert Job("a").words is not Job("a").words


def test_equal_records_are_one_key() -> None:
    plain = {Task("a", words=()), Task("a", 1, (), "another secret")}  # type: ignore[arg-type]  # can be hashed
    assert len(plain) == 1


def test_a_record_cannot_be_changed() -> None:
    one = Job("a")
    with pytest.raises(FrozenInstanceError):
        one.name = "b"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del one.name
    assert (replace(one, count=3), one) == (Job("a", 3), Job("a"))


def test_a_subclass_has_the_fields_of_its_base_before_its_own() -> None:
    assert [one.name for one in fields(Task)] == ["name", "count", "words", "secret", "number"]
    assert Task("a", 2, ["x"], "s", 7) == Task("a", number=7, words=["x"], count=2)


@pytest.mark.parametrize(
    ("values", "named", "wrong"),
    [
        pytest.param((), {}, "name", id="one is missing"),
        pytest.param((), {"count": 2}, "name", id="another is given"),
        pytest.param(("a",), {"name": "b"}, "name", id="one is given twice"),
        pytest.param(("a",), {"nmae": "b"}, "nmae", id="there is no such field"),
        pytest.param(("a", 1, [], "", 5), {}, "5 values", id="there are too many"),
    ],
)
def test_values_that_are_not_those_of_the_fields_are_refused(
    values: tuple[Any, ...], named: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(TypeError, match=rf"\bJob\b.*{wrong}"):
        Job(*values, **named)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_record_can_be_copied(copied: Any) -> None:
    assert copied(Task("a", words=["x"])) == Task("a", words=["x"])
