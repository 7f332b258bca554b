"""A page about jobs: one file of HTML that needs no network, for ``goclient status --html``.

Its summary, reasons and charts are plain HTML.  The table of jobs is made by the page's own script from JSON in it, a
part at a time, so that 10,000 jobs are shown at once.  What jobs and servers have written is never markup: it is
escaped here, it is text there, and the page's policy runs no script but its own, whose hash it names.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from goclient import __version__
from goclient.errors import GoclientError, RequestError, choose_write_error
from goclient.errors.wording import quote
from goclient.files.private import replace
from goclient.jobs.page_rows import document
from goclient.jobs.page_sections import (
    charts_section,
    escape_text,
    notes,
    reasons_section,
    summary_section,
    transfers_section,
)
from goclient.jobs.summary import summarize
from goclient.jobs.units import moment

if TYPE_CHECKING:
    from goclient.jobs.follow import Followed
    from goclient.jobs.summary import Summary

_BEGIN = b"<!doctype html>\n<!-- goclient status -->\n"
_MARK = re.compile(r"\{\{([a-z_]+)\}\}")
_MOST_REASONS = 50  # in the table of reasons; each job has its own in the table of jobs


def check_place(path: str) -> None:
    """Raise GoclientError for what a page must not take the place of, anything but an earlier one, or cannot be in."""
    try:
        if os.path.lexists(path) and not os.path.isfile(path):
            raise RequestError(f"{quote(path)} is not a file", hint="name another file", subject=path)
        with open(path, "rb") as file:
            is_page = file.read(len(_BEGIN)) in (b"", _BEGIN)
    except FileNotFoundError as error:
        if not os.path.isdir(os.path.dirname(path) or "."):
            raise _write_error(path, error) from error
        return
    except OSError as error:
        raise _write_error(path, error) from error
    if not is_page:
        message = f"{quote(path)} exists, and is not a page about jobs"
        raise RequestError(message, hint="name another file, or remove it", subject=path)


def write_page(path: str, followed: Followed, *, now: float) -> None:
    """Write a page about jobs, as they were found at a time; raise RequestError, or GoclientError.

    Readers of the file see an earlier page or this one, whole.
    """
    check_place(path)
    umask = os.umask(0o077)
    os.umask(umask)
    try:
        replace(path, page(followed, now=now).encode(), mode=0o666 & ~umask)
    except OSError as error:
        raise _write_error(path, error) from error


def page(followed: Followed, *, now: float) -> str:
    """Return the page as a text."""
    jobs = followed.jobs
    parts = {name: _resource(f"page.{name}") for name in ("html", "css", "js")}
    summary = summarize(jobs, transfers=followed.transfers, now=now)
    groups, others = summary.groups[:_MOST_REASONS], summary.groups[_MOST_REASONS:]
    values = {
        "style": parts["css"],
        "script": parts["js"],
        "style_hash": _hash(parts["css"]),
        "script_hash": _hash(parts["js"]),
        "version": __version__,
        "title": escape_text(_title(summary)),
        "heading": escape_text(summary.heading),
        "server": escape_text(followed.server),
        "now": moment(now),
        "now_iso": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        "notes": notes(followed),
        "summary": summary_section(jobs, summary) if jobs else "",
        "reasons": reasons_section(groups, others) if groups else "",
        "transfers": transfers_section(followed) if followed.transfers else "",
        "charts": charts_section(jobs, now),
        "data": _json(document(followed, groups, now)),
    }
    return _MARK.sub(lambda mark: values[mark[1]], parts["html"])


def _write_error(path: str, error: OSError) -> GoclientError:
    reason = error.strerror or str(error)
    return choose_write_error(error)(
        f"{quote(path)} cannot be written: {reason}", hint="name another file", subject=path
    )


def _resource(name: str) -> str:
    return files("goclient.jobs").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return how a Content-Security-Policy names the one text that may run (CSP 3, 2.3.1)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _title(summary: Summary) -> str:
    counts = ", ".join(f"{number:,} {state}" for state, number in summary.states.items())
    return f"{summary.heading}: {counts}" if counts else summary.heading


def _json(value: Mapping[str, Any]) -> str:
    """Return JSON that is inert inside a script element: nothing in it ends the element, or begins a comment."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
