"""A link of Globus' web application: the page of its file manager, whose address names one or two places.

``https://app.globus.org/file-manager?origin_id=UUID&origin_path=%2Fdata%2F&destination_id=…&destination_path=…``:
the origin is the left side of the page, the destination the right one, if it is open.
"""

from __future__ import annotations

import re
from typing import Literal

from goclient.model.names import UUID, LocationError, Problem

Side = Literal["origin", "destination"]

_PAGE = r"(?i)(?:https?://)?app(?:\.[a-z]{1,20})?\.globus\.org(?:[/?#]|$)"  # compiled where a text may be one
_MOST_FIELDS = 50  # of the address; the application has six


def is_link(text: str) -> bool:
    """Return True if a text is an address of Globus' web application."""
    return (
        text[:1] in "AHah"
        and text[:5].lower() in {"https", "http:", "app.g", "app.s", "app.p", "app.t"}
        and bool(re.match(_PAGE, text))
    )


def read_link(text: str, side: Side) -> tuple[str, str]:
    """Return the collection's id and the path that a link names on a side, or on the other if it has one only.

    Raises LocationError with what is wrong with it.
    """
    from urllib.parse import parse_qs, urlsplit  # only a link pays for it

    try:
        fields = parse_qs(urlsplit(text).query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise LocationError(Problem("the link is damaged", "copy it again, or write ENDPOINT:/path")) from error
    other: Side = "destination" if side == "origin" else "origin"
    used = side if f"{side}_id" in fields else other
    ids, paths = (list(dict.fromkeys(fields.get(f"{used}_{what}", ()))) for what in ("id", "path"))
    if len(ids) > 1 or len(paths) > 1:
        raise LocationError(Problem(f"the link names two locations as its {used}", "write the one that you mean"))
    if not ids:
        shown = UUID.search(text)
        what = "the link names no directory: it is not one of the file manager with a collection"
        if not shown:
            raise LocationError(Problem(what, "copy it again when the file manager shows the directory"))
        raise LocationError(Problem(what, "the directory, or your home directory", f"{shown[0]}:/~/"))
    if not UUID.fullmatch(ids[0]):
        raise LocationError(Problem(f"the link's {used}_id is not the UUID of a collection", "copy the link again"))
    if not paths or not paths[0]:
        what = "the link names a collection, and no directory there"
        raise LocationError(Problem(what, "the directory, or your home directory", f"{ids[0]}:/~/"))
    return ids[0], paths[0]
