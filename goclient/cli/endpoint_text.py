"""Describe an endpoint to a person, or to a program."""

from __future__ import annotations

from collections.abc import Sequence

from goclient.config.catalogue_toml import fields_of
from goclient.endpoints import View
from goclient.errors import GoclientError, LoginNeeded
from goclient.model.endpoint import read_endpoint
from goclient.services.globus.collection import GUEST_KINDS, Collection

WHO_ACTS = "the user's proxy, which the pilot retrieves (sendJob --myproxy)"
UNASKED = "not known: it is asked when a job is checked, with your proxy"


def view_rows(view: View) -> list[tuple[str, str]]:
    """Return pairs of a heading and what a person reads there."""
    one = view.collection
    called = ", ".join(view.names) or "(not in the catalogue)"
    if one is None:
        server = read_endpoint(view.where)
        return [
            ("is", server.title),
            ("url", view.where),
            ("in the catalogue", called),
            ("who acts there", WHO_ACTS),
            ("up", UNASKED),
        ]
    return [
        ("is", f"{one.kind}: {one.name or '(no display name)'}"),
        ("canonical name", one.canonical_name or "(none)"),
        ("id", one.id),
        ("in the catalogue", called),
        ("owner", one.owner or "(not told)"),
        ("up", _up(view, one)),
        ("your roles", ", ".join(one.roles) or "none"),
        *_writers(view, one),
        ("default directory", _directory(view, one)),
        ("consent", _consent(view)),
        ("HTTPS server", one.https_server or "none: jobs of the mode https cannot use it"),
    ]


def _up(view: View, one: Collection) -> str:
    if one.connected is False:
        return "no: Globus Connect Personal is not running on its computer"
    if one.paused:
        return "no: it is paused; its owner can choose Unpause in the menu of Globus Connect Personal"
    if one.connected:
        return "yes: Globus Connect Personal is connected"
    return "yes: it answers" if view.up else "not known: its default directory was not seen"


def _writers(view: View, one: Collection) -> list[tuple[str, str]]:
    """Return who may write, and where, as far as the user can know."""
    about = "who may write"
    if isinstance(view.rules, tuple):
        words = [rule.words() for rule in view.rules] or ["nobody yet: it has no access rules"]
        return [(about, line) for line in words]
    if one.entity_type in GUEST_KINDS:
        error = view.rules.message if isinstance(view.rules, GoclientError) else ""
        return [(about, error or "as its access rules say, which only its administrators and access managers can read")]
    if not one.holds_data:
        return [(about, "nobody: it holds no data itself, its collections do")]
    if one.is_personal:
        return [(about, "its owner's account on that computer, in the directories that are allowed there")]
    return [(about, "everybody with an account at its storage; the storage decides where")]


def _directory(view: View, one: Collection) -> str:
    if not one.holds_data:
        return "none"
    directory = one.first_directory
    if isinstance(view.found, int):
        return f"{directory} ({view.found} {'entry' if view.found == 1 else 'entries'})"
    if view.found is None:
        return f"{directory} (not checked)"
    if view.consent == "missing":
        return f"{directory} (not seen without the consent)"
    hint = f"; {view.found.hint}" if view.found.hint else ""
    return f"{directory} (not seen: {view.found.message}{hint})"


def _consent(view: View) -> str:
    if view.consent == "missing" and isinstance(view.found, LoginNeeded):
        return f"needed; {view.found.hint}"
    words = {"never": "not needed: its kind asks for none", "in-place": "nothing is missing"}
    return words.get(view.consent, "not known: its default directory was not seen")


def make_rows(found: Sequence[Collection]) -> list[tuple[str, str, str, str]]:
    """Return a row for each collection that was found: name, kind, owner, id."""
    return [(one.name or one.canonical_name, one.kind, one.owner, one.id) for one in found]


def make_documents(found: Sequence[Collection]) -> list[dict[str, str]]:
    """Return a JSON object for each collection that was found."""
    return [
        {
            "name": one.name or one.canonical_name,
            **fields_of(one.id),
            "entity_type": one.entity_type,
            "owner": one.owner,
        }
        for one in found
    ]
