"""Scopes as Globus Auth writes them: names, each with what it depends on in brackets, ``a[*b c[d]] e``."""

from __future__ import annotations

import re

AUTH = "auth.globus.org"
TRANSFER_SCOPE = "urn:globus:auth:scope:transfer.api.globus.org:all"

_WORD = re.compile(r"\[|\]|[^\s\[\]]+")
_BY_URL = re.compile(r"https://auth\.globus\.org/scopes/([^/]+)/(\w+)")


def paths(text: str) -> list[tuple[str, ...]]:
    """Return each scope of a text as the way to it: ``a[*b] c`` is ``(a,)``, ``(a, b)``, ``(c,)``; raise ValueError."""
    found: list[tuple[str, ...]] = []
    above: tuple[str, ...] = ()
    for word in _WORD.findall(text):
        if word == "[":
            if not found:
                raise ValueError("a scope begins with a bracket")
            above = found[-1]
        elif word == "]":
            if not above:
                raise ValueError("a bracket is closed that was never opened")
            above = above[:-1]
        else:
            found.append((*above, word.lstrip("*")))
    if above:
        raise ValueError("a bracket is not closed")
    return found


def outermost(text: str) -> list[str]:
    """Return the scopes of a text that no other one depends on, each with its brackets."""
    found: list[str] = []
    depth = 0
    for word in _WORD.findall(text):
        depth -= word == "]"
        if depth == 0 and word not in ("[", "]"):
            found.append(word)
        else:
            found[-1] += f" {word}" if found[-1][-1] not in "[" and word not in ("[", "]") else word
        depth += word == "["
    return found


def resource_server(scope: str) -> str:
    """Return the service that a scope is for."""
    if scope.startswith("urn:globus:auth:scope:"):
        return scope.partition("[")[0].split(":")[4]
    by_url = _BY_URL.match(scope)
    return by_url.group(1) if by_url else AUTH


def data_access(collection: str) -> str:
    """Return the scope with which Transfer may touch the data of a mapped collection."""
    return f"https://auth.globus.org/scopes/{collection}/data_access"


def https(collection: str) -> str:
    """Return the scope of the tokens that a collection's HTTPS server takes."""
    return f"https://auth.globus.org/scopes/{collection}/https"


def of_collection(scope: str) -> tuple[str, str]:
    """Return the collection whose data a scope opens, and how: ``https`` or ``data_access``; empty texts for others."""
    by_url = _BY_URL.fullmatch(scope)
    return (by_url.group(1), by_url.group(2)) if by_url and by_url.group(2) in ("https", "data_access") else ("", "")
