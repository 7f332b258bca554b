"""Modes: how a job's directory is reached. All that tells one from another is here, and in the engine of its tasks.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

from enum import Enum


class Mode(str, Enum):  # noqa: UP042  # StrEnum came with Python 3.11
    """A way to the job's directory, with the word of the globusPilot of 2012; ``how`` says it in a few words."""

    how: str

    GC = "gc", "Globus Connect on the node"
    SERVER = "server", "globus-endpoint-local"
    LOCAL = "local", "a copy"
    HTTPS = "https", "the collection's HTTPS server"

    def __new__(cls, word: str, how: str) -> Mode:
        """Make the member of a word."""
        made = str.__new__(cls, word)
        made._value_, made.how = word, how
        return made

    __str__ = str.__str__

    @classmethod
    def read(cls, word: str | None) -> Mode | None:
        """Return the mode of a word, None for any other word."""
        return next((mode for mode in cls if mode.value == word), None)

    @property
    def makes_endpoint(self) -> bool:
        """True if files pass through a Globus Connect endpoint that the job makes."""
        return self is Mode.GC

    @property
    def needs_server(self) -> bool:
        """True if files pass through a server that sees the directory, which the spec names."""
        return self is Mode.SERVER

    @property
    def copies_on_node(self) -> bool:
        """True if the other end is the node's own file system, and no endpoint is asked."""
        return self is Mode.LOCAL

    @property
    def asks_https(self) -> bool:
        """True if files pass between the directory and a collection's HTTPS server, without a transfer task."""
        return self is Mode.HTTPS


DEFAULT_MODE = Mode.GC  # of a direction that names none; a record does not write it
