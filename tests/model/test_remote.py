"""A server's description of a file says what may be done with it, and what it tells of a task, how that stands."""

from __future__ import annotations

import pytest

from goclient.model.remote import FileInfo, NewEndpoint, TaskState


@pytest.mark.parametrize(
    ("permissions", "mode"), [("0644", 0o644), ("755", 0o755), ("", None), ("rw-r--r--", None), ("8", None)]
)
def test_the_mode_of_a_file_is_known_if_its_digits_are_octal(permissions: str, mode: int | None) -> None:
    assert FileInfo("a", False, 0, permissions=permissions).mode == mode


@pytest.mark.parametrize(
    ("is_directory", "rights", "is_unreadable", "is_closed"),
    [
        pytest.param(False, None, False, False, id="a-server-that-tells-nothing"),
        pytest.param(False, "r", False, True, id="a-file-to-read"),
        pytest.param(False, "w", True, True, id="a-file-that-may-only-be-written"),
        pytest.param(True, "elcm", False, False, id="a-directory-of-one's-own"),
        pytest.param(True, "el", False, True, id="a-directory-to-list"),
        pytest.param(True, "m", True, False, id="a-directory-that-only-takes-directories"),
        pytest.param(True, "", True, True, id="no-rights"),
    ],
)
def test_rights_say_what_cannot_be_read_and_where_nothing_can_be_made(
    is_directory: bool, rights: str | None, is_unreadable: bool, is_closed: bool
) -> None:
    info = FileInfo("a", is_directory, 0, rights=rights)
    assert (info.is_unreadable, info.is_closed) == (is_unreadable, is_closed)


@pytest.mark.parametrize(
    ("status", "is_active", "is_paused", "is_over", "has_succeeded"),
    [
        ("ACTIVE", True, False, False, False),
        ("INACTIVE", False, True, False, False),
        ("SUCCEEDED", False, False, True, True),
        ("FAILED", False, False, True, False),
    ],
)
def test_a_task_is_active_or_paused_or_over(
    status: str, is_active: bool, is_paused: bool, is_over: bool, has_succeeded: bool
) -> None:
    state = TaskState("id", "label", status, 0, 0, 0, "")
    assert (state.is_active, state.is_paused, state.is_over) == (is_active, is_paused, is_over)
    assert state.has_succeeded is has_succeeded


def test_the_key_of_a_new_endpoint_is_not_shown() -> None:
    assert "s3cret" not in repr(NewEndpoint("id", "s3cret"))
