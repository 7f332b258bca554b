"""Calls of a web service of Globus, and its answers: globus-sdk's client and that of a node share them.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from goclient.services.globus.documents import MAX_RUN, Document, parse

AUTH, TRANSFER = "Globus Auth", "Globus Transfer"  # the services, as errors name them
MAX_ANSWER = 12 << 20  # bytes of an answer


class Answer(NamedTuple):
    """Answer of a service, by its name."""

    service: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def document(self) -> Document | None:
        """Return the JSON object of its body, None for anything else."""
        with suppress(ValueError):
            value = parse(self.content, longest=MAX_RUN)
            return value if isinstance(value, dict) else None
        return None


class Subject(NamedTuple):
    """Subject of a call, as an error names it; ``collection`` is what the user calls one that is asked, if any."""

    name: str
    collection: str = ""


@dataclass(frozen=True)
class Call:
    """One call: a path below that of the service, and what is sent there: a JSON object, a form, or nothing.

    ``most``: the bytes that its answer may have.  ``repeats``: it may be sent again when nobody knows what has become
    of it.
    """

    method: str
    path: str
    subject: Subject
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    most: int = MAX_ANSWER
    repeats: bool = True
