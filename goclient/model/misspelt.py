"""Words that are nearly ours: what a user may have meant by a word that means nothing to the grammar."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from goclient.model.globus_words import NAMES
from goclient.model.grammar import KEYS

GLOBUS = "globus-"  # how nobody else's words begin
CLOSE = 0.8  # of difflib's ratio: one or two letters

# The other order of the two parts of a word, which may as well be a payload's own word.
_SWAPPED = {"-".join(reversed(name.split("-"))): name for name in NAMES if name.count("-") == 1}


@lru_cache(4096)
def nearest_bare(name: str) -> str:
    """The word of the globusPilot that a bare name is nearly, but not quite; or the empty string."""
    plain = _plain(name)
    if name in NAMES or not 4 <= len(plain) <= 32 or (name.startswith("-") and not plain.startswith(GLOBUS)):
        return ""
    for spelled in (plain, GLOBUS + plain, plain.removeprefix(GLOBUS)):
        if spelled in NAMES:
            return spelled
    return _closest(plain, NAMES) or _closest(plain.removeprefix(GLOBUS), NAMES)


def likely_bare(name: str) -> str:
    """The word of the globusPilot that a name might have been meant for, though it may well be a payload's own."""
    plain = _plain(name)
    undashed = {word.replace("-", ""): meant for word, meant in {**_SWAPPED, **{one: one for one in NAMES}}.items()}
    if name in NAMES:
        return ""
    return _SWAPPED.get(plain, "") or undashed.get(plain.replace("-", ""), "")


@lru_cache(4096)
def nearest_dashed(name: str) -> str:
    """The option that a name ``--…`` is nearly, but not quite; or the empty string."""
    keys = {f"--{key}".lower(): f"--{key}" for key in KEYS}
    if name in keys.values() or not name.startswith("--") or len(name) > 32:
        return ""
    if name.lower() in keys:
        return keys[name.lower()] if name != "--data" else ""  # many programs have an option --data
    return keys.get(_closest(name.lower(), keys), "") if "go" in name.lower() else ""


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").lstrip("-")


def _closest(name: str, known: Iterable[str]) -> str:
    import difflib  # only such words pay for it

    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=CLOSE)), "")
