"""Show what is known of one endpoint; give endpoints names, and take them away."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from goclient.config import catalogue, catalogue_changes
from goclient.config.catalogue_toml import check_name, check_where, command, fields_of
from goclient.errors import Collector, EndpointError, GoclientError, RequestError, raise_all
from goclient.errors.conditions import ConsentNeeded, GlobusTimeout
from goclient.errors.wording import quote
from goclient.model.endpoint import Catalogue, GlobusEndpoint, UrlEndpoint, is_uuid
from goclient.model.nearest import nearest
from goclient.model.syntax.parse import parse_endpoint
from goclient.reporter.base import SILENT, Reporter
from goclient.services.deadline import Deadline
from goclient.services.globus.collection import GUEST_KINDS, RULE_READERS, AccessRule, Collection
from goclient.services.parallel import Parallel

if TYPE_CHECKING:
    from goclient.services.globus.sdk import Globus

T = TypeVar("T")
PATIENCE = 30.0  # seconds that all questions of one command may take


@dataclass(frozen=True, slots=True)
class View:
    """Endpoint that was called ``name`` and means ``where``; of a server no more is known.

    ``names`` are all that the catalogue has for it.  ``rules`` are a guest collection's, None if they cannot be read.
    ``found`` is how many entries its default directory has, or why that is not known; None if nobody looked.
    """

    name: str
    where: str
    names: tuple[str, ...]
    collection: Collection | None = None
    rules: tuple[AccessRule, ...] | GoclientError | None = None
    found: int | GoclientError | None = None

    @property
    def up(self) -> bool | None:
        """Return True if it is up, False if not; None if that is not known."""
        if self.collection is None:
            return None
        if _asleep(self.collection):
            return False
        return True if isinstance(self.found, int) or self.collection.is_personal else None

    @property
    def consent(self) -> str:
        """Return ``never`` if its kind asks for none, ``in-place``, ``missing``, or ``unknown``."""
        if isinstance(self.found, ConsentNeeded):
            return "missing"
        if self.collection is None or not self.collection.may_ask_consent:
            return "never"
        return "in-place" if isinstance(self.found, int) else "unknown"

    def document(self) -> dict[str, Any]:
        """Return the JSON object of it; what is not known is null."""
        start: dict[str, Any] = {"name": self.name, **fields_of(self.where), "names": list(self.names)}
        one = self.collection
        if one is None:
            return start
        wrong = self.found if isinstance(self.found, GoclientError) else None
        rules = [rule.document() for rule in self.rules] if isinstance(self.rules, tuple) else None
        return {
            **start,
            "display_name": one.name,
            "canonical_name": one.canonical_name,
            "entity_type": one.entity_type,
            "up": self.up,
            "connected": one.connected,
            "paused": one.paused,
            "owner": one.owner,
            "roles": list(one.roles),
            "rules": rules,
            "default_directory": one.default_directory,
            "entries": self.found if isinstance(self.found, int) else None,
            "consent": self.consent,
            "https_server": one.https_server or None,
            "problem": {"code": wrong.code, "message": wrong.message, "hint": wrong.hint} if wrong else None,
        }


def view(name: str, *, names: Catalogue, globus: Callable[[], Globus]) -> View:
    """Return what is known of an endpoint; raises EndpointError if there is none, LoginNeeded if nobody may ask."""
    end = names[name] if name in names else parse_endpoint(name)
    where = end.text
    if isinstance(end, UrlEndpoint):
        return View(name, where, _names(where, names))
    service = globus()
    one = service.collection(GlobusEndpoint(where, name)) if is_uuid(where) else service.resolve(name, known=names)
    return View(
        name=name,
        where=one.id,
        names=_names(one.id, names),
        collection=one,
        rules=_rules(service, one, name),
        found=_count_entries(service, one, name),
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """A name of the catalogue and what it means; ``own``: it is in the user's file, not the site's."""

    name: str
    where: str
    own: bool


@dataclass(frozen=True, slots=True)
class Removed:
    """File that a name was taken out of, and ``where`` it means from now on, as the site says, or ""."""

    path: str
    where: str


@dataclass(frozen=True, slots=True)
class Added:
    """A name that means ``where`` in the file ``path``, which was ``written`` for it unless it said so already.

    ``hidden`` is what the site's file says of the name, empty if nothing else; ``collection`` what Globus said of it.
    """

    name: str
    where: str
    path: str
    written: bool
    hidden: str = ""
    collection: Collection | None = None


def add(name: str, typed: str, *, user: str, site: str, globus: Callable[[], Globus] | None) -> Added:
    """Put an entry into the user's file; nothing is written if it, or the site's, has the same.

    ``globus`` gives the service that is asked for a collection first; None asks nobody.
    Raises everything that is wrong with the name, with what it is to mean, and with the files; then EndpointError
    for a collection that cannot be used.
    """
    found, where = Collector(), ""
    own: dict[str, str] = {}
    sites: dict[str, str] = {}
    with found:
        check_name(name)
    with found:
        where = check_where(typed)
    with found:
        own = catalogue.read(user)
        if where and own.get(name, where) != where:
            raise catalogue_changes.refuse_taken(user, name, own[name])
    with found:
        sites = catalogue.read(site)
    raise_all(found.errors)
    if where in (own.get(name), sites.get(name) if name not in own else None):
        return Added(name, where, user if name in own else site, written=False)
    one = None
    if globus is not None and is_uuid(where):
        one = patiently(lambda: usable(where, name=name, globus=globus()))
    written = catalogue_changes.add(user, name, where)
    return Added(name, where, user, written, sites.get(name, ""), one)


def remove(name: str, *, user: str, site: str) -> Removed:
    """Take a name out of the user's file; raises RequestError if it has no such entry."""
    if catalogue_changes.remove(user, name):
        left = ""
        with suppress(GoclientError):
            left = catalogue.read(site).get(name, "")
        return Removed(user, left)
    others = catalogue.read(site)
    if name in others:
        raise RequestError(
            f"{quote(name)} is only in the site's catalogue {quote(site)}, which is not changed from here",
            hint=f"an entry of yours replaces it: {command('add', name, 'UUID')}",
            code="site-entry",
            subject=name,
        )
    near = " or ".join(map(quote, nearest(name, (*others, *catalogue.read(user)))))
    hint = f"did you mean {near}?" if near else f"{command('list')} shows the names"
    raise RequestError(f"{quote(name)} is not in the catalogue {quote(user)}", hint=hint, code="no-entry", subject=name)


def usable(collection_id: str, *, name: str, globus: Globus) -> Collection:
    """Return the collection that a name is to mean; raises EndpointError if there is none, or if it holds no data."""
    one = globus.collection(GlobusEndpoint(collection_id))
    if one.holds_data:
        return one
    raise EndpointError(
        f"{quote(collection_id)} cannot be {quote(name)}: it is the GCSv5 endpoint {quote(one.name)}, which holds "
        "no data itself, its collections do",
        hint=f"ask {one.owner or 'its owner'} for one of them, or search: {command('list', search='TEXT')}",
        code="no-collection",
        subject=collection_id,
    )


def patiently(call: Callable[[], T], reporter: Reporter = SILENT) -> T:
    """Return what ``call`` gives, or raise what it does; raise EndpointError if it takes too long.

    All that a command asks of Globus is one call.
    """
    answer = Parallel(Deadline(PATIENCE), reporter).map(lambda _: call(), [None])[None]
    if not isinstance(answer, GoclientError):
        return answer
    if isinstance(answer, GlobusTimeout):  # with no --goTimeout
        raise answer.replace(hint="status.globus.org tells if it is Globus; type the command again later")
    raise answer


def _names(where: str, names: Catalogue) -> tuple[str, ...]:
    return tuple(name for name, entry in names.items() if entry.text == where)


def _asleep(one: Collection) -> bool:
    """Return True for a Globus Connect Personal that answers nothing now."""
    return one.connected is False or bool(one.paused)


def _rules(service: Globus, one: Collection, name: str) -> tuple[AccessRule, ...] | GoclientError | None:
    """Return a guest collection's access rules, or why they cannot be read; None if the user may not read them."""
    if one.entity_type not in GUEST_KINDS or RULE_READERS.isdisjoint(one.roles):
        return None
    try:
        return tuple(service.access_rules(GlobusEndpoint(one.id, name)))
    except GoclientError as error:
        return error


def _count_entries(service: Globus, one: Collection, name: str) -> int | GoclientError | None:
    """Return how many entries the default directory has, or why that is not known; None where there is none."""
    if not one.holds_data or _asleep(one):
        return None
    try:
        return len(service.listing(GlobusEndpoint(one.id, name), one.first_directory))
    except GoclientError as error:
        return error
