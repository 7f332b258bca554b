"""Words that are nearly ours: what a user may have meant by a word that means nothing to the grammar.

A word is compared by its form first: any dash is a hyphen, however many there are, letters may be full-width, of either
case or of another alphabet, and invisible characters do not count.  Then by its letters.  A payload may have words of
its own that are nearly ours, so each has a weight: only what nobody else writes is a mistake by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from goclient.model.confusable import skeleton
from goclient.model.endpoint import GLOBUS_SCHEME, SCHEMES
from goclient.model.nearest import CLOSE, nearest
from goclient.model.syntax.keywords import NAMES
from goclient.model.syntax.options import KEYS

GLOBUS = "globus-"  # how nobody else's words begin
LONGEST = 32  # letters of a name that is compared
WIDE_EQUALS = "\uff1d"  # the full-width sign

# The other order of the two parts of a word, which may as well be a payload's own word.
_SWAPPED = {"-".join(reversed(name.split("-"))): name for name in NAMES if name.count("-") == 1}
_UNDASHED = {word.replace("-", ""): right for word, right in (*_SWAPPED.items(), *zip(NAMES, NAMES, strict=True))}
_KEYS = {key.lower(): key for key in KEYS}
EXACT = {f"--{key}": key for key in KEYS}
_BEGINNINGS = ("stagein", "stageout", "workingendpoint")  # how an abbreviation of ours begins


class Weight(IntEnum):
    """Degree to which a word is surely one of ours."""

    FAINT = 0  # many programs have it: it counts only beside the other half of its pair
    LIKELY = 1  # a payload may have it
    SURE = 2  # nobody else has it


class Near(NamedTuple):
    """Option that a word nearly is: one of KEYS, and how surely."""

    key: str
    weight: Weight


# --- words with dashes --------------------------------------------------------------------------------------------


def near_option(name: str, value: str) -> Near | None:
    """Return the option of KEYS that a name is nearly, but not quite; ``value`` is what stands behind it."""
    if len(name) > 2 * LONGEST or name in EXACT:
        return None
    key, is_form, is_case = _nearest_key(name)
    located = is_location(value)
    if not key:
        return Near("OutputGO", Weight.LIKELY) if located and plain_name(name) == "Output" else None
    if key == "Data":
        return Near(key, Weight.LIKELY if is_case or not name.isascii() else Weight.FAINT)
    if is_form:
        sure = is_case or located or key != "OutputGO"
        return Near(key, Weight.SURE if sure else Weight.LIKELY)
    if not (located or "go" in plain_name(name).lower()):
        return None  # stage-in=yes
    # --OutputGO_2 is a payload's
    begins = plain_name(name).lower().startswith(_BEGINNINGS) and name.lstrip("-").isalpha()
    is_ours = "GO" in plain_name(name) and (located or begins)
    return Near(key, Weight.SURE if is_ours else Weight.LIKELY)


def is_location(value: str) -> bool:
    """Return True if a value looks like ``ENDPOINT:/path``, or a link or URL that is one."""
    if "://" in value:
        return value.startswith((GLOBUS_SCHEME, *SCHEMES, "https://app.globus.org/"))
    return ":/" in value[1:]


def plain_name(name: str) -> str:
    """Return the letters of a name as they look, without dashes, underscores and quotes."""
    return skeleton(name).strip("\"'` ").replace("-", "").replace("_", "")


@lru_cache(4096)
def _nearest_key(name: str) -> tuple[str, bool, bool]:
    """Return the key that a name is nearly; whether it is but for its form, and but for the dashes."""
    plain = plain_name(name)
    lower = plain.lower()
    if key := _KEYS.get(lower, ""):
        return key, True, plain == key
    if not 6 <= len(plain) <= LONGEST or " " in plain:
        return "", False, False
    if lower.startswith(_BEGINNINGS):
        return next((key for key in KEYS if key.lower().startswith(lower)), _closest_key(lower)), False, False
    return (_closest_key(lower) if "go" in lower else ""), False, False


def _closest_key(lower: str) -> str:
    return _KEYS.get(_closest(lower, _KEYS), "")


def respell_option(word: str, known: Iterable[str]) -> str:
    """Return the word with the option of a program that its name is but for its form; or the empty string.

    Forms are look-alikes of a dash, letters of another width, invisible characters, and with a dash the case.
    """
    name, equals, value = word.partition("=" if "=" in word else WIDE_EQUALS)
    plain, dashed = plain_name(name), skeleton(name).startswith("-")
    same = [one for one in known if one.startswith("--") and plain_name(one).lower() == plain.lower()]
    option = next((one for one in same if dashed or (equals and plain_name(one) == plain)), "")
    return f"{option}={value}" if option and equals else option


# --- the words of the globusPilot ---------------------------------------------------------------------------------


@lru_cache(4096)
def nearest_bare(name: str) -> str:
    """Return the word of the globusPilot that a bare name is nearly, but not quite; or the empty string."""
    plain = _plain(name)
    if name in NAMES or not 4 <= len(plain) <= LONGEST or (name.startswith("-") and not plain.startswith(GLOBUS)):
        return ""
    for spelled in (plain, GLOBUS + plain, plain.removeprefix(GLOBUS)):
        if spelled in NAMES:
            return spelled
    return _closest(plain, NAMES) or _closest(plain.removeprefix(GLOBUS), NAMES)


def likely_bare(name: str) -> str:
    """Return the word of the globusPilot that a name might have been meant for, though it may well be a payload's."""
    plain = _plain(name)
    if name in NAMES:
        return ""
    return _SWAPPED.get(plain, "") or _UNDASHED.get(plain.replace("-", ""), "")


def _plain(name: str) -> str:
    return (name if name.isascii() else skeleton(name[: 2 * LONGEST])).lower().replace("_", "-").lstrip("-\"' ")


def _closest(name: str, known: Iterable[str]) -> str:
    return next(iter(nearest(name, known, most=1, ratio=CLOSE)), "")
