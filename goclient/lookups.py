"""Lookups: what a client tells of endpoints, settings and the nodes of a queue, and who asks Globus.

What only some of the calls need is imported in them, as in ``client.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from goclient.config import catalogue, environment
from goclient.config.connections import Connections
from goclient.config.settings import Setting
from goclient.errors import Collector, RequestError, UsageError, raise_all
from goclient.errors.wording import quote
from goclient.model.endpoint import UrlEndpoint
from goclient.model.syntax.parse import parse_endpoint
from goclient.model.typed import check_text, in_keywords, read_keywords, read_texts

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from goclient.endpoints import Added, Entry, Removed, View
    from goclient.model.endpoint import Catalogue, Endpoint
    from goclient.model.probe_options import ProbeOptions
    from goclient.model.typed import Typed
    from goclient.probes import Probed
    from goclient.services.globus.collection import Collection
    from goclient.services.globus.login import Identity, LoginRequest, Logout
    from goclient.services.globus.login_flow import Person


T = TypeVar("T", bound="DataclassInstance")


class Lookups:
    """Look up and keep names of endpoints, log in and out, show settings, and ask the nodes of a queue."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._reporter = connections.reporter

    # --- endpoints, and who asks --------------------------------------------------------------------------------

    def catalogue(self) -> dict[str, Endpoint]:
        """Return the endpoints that have a name, by it; the ``text`` of one is a collection's id, or a server's URL."""
        return self._connections.catalogue()

    def endpoints(self) -> list[Entry]:
        """Return the entries of the catalogue, by name; warn if the file that should have them does not exist."""
        from goclient.endpoints import Entry

        self._warn_of_missing_catalogue()
        own = catalogue.read(environment.user_catalogue(self._connections.env))
        return [Entry(name, one.text, name in own) for name, one in sorted(self.catalogue().items())]

    def search_endpoints(self, text: str) -> tuple[list[Collection], bool]:
        """Return the collections that Globus finds for these words, and whether there are more."""
        from goclient.endpoints import patiently

        check_text("text", text)
        return patiently(lambda: self._connections.globus().search(text), self._reporter)

    def endpoint(self, name: str) -> View:
        """Return what is known of the endpoint with a name of the catalogue or of Globus, or with an id."""
        from goclient import endpoints

        check_text("name", name)
        self._warn_of_missing_catalogue()
        names, globus = self.catalogue(), self._connections.globus
        return endpoints.patiently(lambda: endpoints.view(name, names=names, globus=globus), self._reporter)

    def add_endpoint(self, name: str, where: str, *, check: bool = True) -> Added:
        """Give an endpoint a name in the user's catalogue; ``check``: ask Globus for a collection first."""
        from goclient import endpoints

        check_text("name", name)
        check_text("where", where)
        user, globus = environment.user_catalogue(self._connections.env), self._connections.globus
        return endpoints.add(name, where, user=user, site=environment.SITE_CATALOGUE, globus=globus if check else None)

    def remove_endpoint(self, name: str) -> Removed:
        """Take a name out of the user's catalogue; raises RequestError if it is not there."""
        from goclient import endpoints

        check_text("name", name)
        user = environment.user_catalogue(self._connections.env)
        return endpoints.remove(name, user=user, site=environment.SITE_CATALOGUE)

    def whoami(self) -> Identity:
        """Return who asks Globus; raises LoginNeeded if nobody is logged in."""
        from goclient.services.globus.login import whoami  # globus-sdk, which most calls need not

        return whoami(self._connections.globus_access())

    def login(
        self, person: Person, *, endpoints: Sequence[str] = (), https: Sequence[str] = (), session: Sequence[str] = ()
    ) -> Identity:
        """Log in to Globus, and return who is logged in then.

        ``person`` is how they are asked.  goclient may then touch the data of ``endpoints``, and use the HTTPS servers
        of ``https``.  ``session``: ``identity=ID``, ``domain=NAME``, ``policy=ID`` or ``mfa``, as an error may demand.
        """
        from goclient.services.globus.login import login  # globus-sdk, which most calls need not

        endpoints, https = read_texts("endpoints", endpoints), read_texts("https", https)
        session = read_texts("session", session)
        if endpoints or https:
            self._warn_of_missing_catalogue()
        wanted = _login_request(self._connections, endpoints=endpoints, https=https, session=session)
        return login(self._connections.globus_access(), wanted, person)

    def logout(self) -> Logout:
        """Log out of Globus: make the tokens void, and remove them from this machine."""
        from goclient.services.globus.login import logout  # globus-sdk, which most calls need not

        return logout(self._connections.globus_access())

    def settings(self) -> list[Setting]:
        """Return every setting, with where it comes from."""
        return self._connections.list_settings()

    # --- the nodes of a queue ---

    def probe(self, queue: str, **options: Any) -> Probed:
        """Ask what the worker nodes of a queue have, by jobs that look, and keep it for later checks.

        Options are those of ``goclient probe``: ``njobs``, ``collection``, ``path``, ``shared``, ``wait``, ``detach``,
        ``again``.  What a carried job would lack there is in the result's ``findings``, what was seen in its ``nodes``.
        After ``detach=True``, or StillRunning after ``wait`` seconds, the same call waits for the jobs that were sent.
        """
        from goclient.model.probe_options import ProbeOptions

        check_text("queue", queue, empty='write queue="…"')
        with in_keywords():
            typed = self._read(ProbeOptions, {**options, "QUEUE": [queue]})
            raise_all(typed.errors)
            return self.probe_typed(typed.options)

    def probe_typed(self, options: ProbeOptions) -> Probed:
        """Probe a queue as a command line has it."""
        from goclient.probes import probe  # as submissions need none of it

        return probe(options, self._connections)

    def _warn_of_missing_catalogue(self) -> None:
        if missing := environment.missing_catalogue(self._connections.env):
            self._reporter.warning(*missing)

    def _read(self, kind: type[T], options: dict[str, Any], *, requires: bool = False) -> Typed[T]:
        """Return the options of a call; those that are left out are as the settings say."""
        return read_keywords(kind, options, lambda: self._connections.settings.job, requires=requires)


def _login_request(
    connections: Connections, *, endpoints: Sequence[str], https: Sequence[str], session: Sequence[str]
) -> LoginRequest:
    """Return what a login is to give, names of the catalogue replaced; raises all that is wrong with it."""
    from goclient.services.globus.login import SESSION_KINDS, LoginRequest  # globus-sdk, 0.1 s

    collected = Collector()
    for value in session:
        kind, _, what = value.partition("=")
        if value != "mfa" and not (kind in SESSION_KINDS and what):
            hint = "write identity=ID, domain=NAME, policy=ID or mfa"
            message = f"--session {quote(value)} is not known"
            collected.errors.append(UsageError(message, hint=hint, code="unknown-value", subject="--session"))
    names: Catalogue = {}
    with collected:
        names = connections.catalogue() if endpoints or https else {}
    wanted = {}
    for typed in (*endpoints, *https):
        with collected:
            end = parse_endpoint(typed)
            end = names.get(end.text, end)
            wanted[typed] = end.text
            if isinstance(end, UrlEndpoint):
                hint = "leave it out: Globus does not reach it"
                message = f"{quote(typed)} is {end.title}, and has no consents"
                raise RequestError(message, hint=hint, code="not-globus")
    raise_all(collected.errors)
    return LoginRequest(wanted, session, https)
