"""Facts that a server tells of files, in MLST and MLSC (RFC 3659, 7)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from goclient.model.remote import FileInfo, Listing
from goclient.services.gridftp.replies import decode

_FACTS = re.compile(rb" ?((?:[A-Za-z0-9.-]+=[^;]*;)+) (.*)", re.DOTALL)
_DIRECTORIES = ("dir", "cdir", "pdir")


def entry_of(line: bytes, *, name: str | None = None) -> FileInfo | None:
    """Return the entry that a line tells of, None if it tells of nothing; ``name`` replaces what the line has.

    A name with a line break in it gives a line without facts.
    """
    found = _FACTS.fullmatch(line)
    if found is None:
        return None
    facts: dict[str, str] = {}
    for fact in decode(found[1]).split(";"):
        key, _, value = fact.partition("=")
        facts[key.lower()] = value
    kind, size = facts.get("type", "").lower(), facts.get("size", "")
    return FileInfo(
        name=decode(found[2]) if name is None else name,
        is_directory=kind in _DIRECTORIES,
        size=int(size) if size.isascii() and size.isdigit() and len(size) < 17 else 0,
        type="dir" if kind in _DIRECTORIES else kind,
        permissions=facts.get("unix.mode", ""),
        link_target=unquote(facts.get("unix.slink", ""), errors="surrogateescape"),
        rights=facts["perm"].lower() if "perm" in facts else None,
    )


def listing_of(lines: Iterable[bytes]) -> Listing:
    """Return what a directory holds; a name that no file has, or that could lead out of it, is left out.

    So is one with a line break: the rest of it is a line without facts.
    """
    entries: dict[str, FileInfo] = {}
    cut: dict[str, None] = {}
    last = ""
    for line in lines:
        entry = entry_of(line)
        if entry is None:
            if entries.pop(last, None) is not None:
                cut[last] = None
        else:
            last = entry.name
            if last not in ("", ".", "..") and not {"/", "\0"} & {*last}:
                entries[last] = entry
    return Listing(entries, cut=tuple(cut))
