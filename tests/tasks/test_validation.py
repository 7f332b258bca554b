"""Meaning of a request for tasks, and what is wrong with it, before panda-client runs."""

from __future__ import annotations

from typing import Any, cast

import pytest

from goclient.errors import GoclientError, RequestError
from goclient.errors.conditions import OutputNotNamed
from goclient.tasks.validation import TaskRequest, validate_task


def refused(server: str | None = None, **items: list[str]) -> GoclientError:
    request = TaskRequest(items, "", server, False, cast(Any, None), lambda _: None)
    with pytest.raises(RequestError) as raised:
        validate_task(request, lambda _: [], merging=False)
    return raised.value


@pytest.mark.parametrize(("server", "hint"), [(None, "use --useGOForOutput, else add --Data=NAME"),
                                              ("SITE1:/o/", "leave out --OutputGO, or add --Data=NAME")])  # fmt: skip
def test_a_directory_for_outputs_that_are_not_named_has_the_hint_of_a_task(server: str | None, hint: str) -> None:
    error = refused(server, OutputGO=["SITE1:/a/"])
    assert (type(error), error.subject) == (OutputNotNamed, "--OutputGO")
    assert hint in error.hint


def test_other_lists_that_do_not_go_together_are_told_as_for_a_job() -> None:
    for items in ({"StageoutGOdest": ["SITE1:/a/"]}, {"OutputGO": ["SITE1:/a/", "SITE1:/b/"], "Data": ["x", "y", "z"]}):
        assert "task" not in refused(None, **items).hint
