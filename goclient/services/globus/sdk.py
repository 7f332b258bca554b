"""Globus Auth and Transfer, through globus-sdk 4: for the preflight, for logins, and for what became of jobs.

Every error of the SDK becomes one of goclient's here (``errors.py``), and every document of the service becomes a
frozen value: no caller sees the SDK.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import globus_sdk

from goclient.errors import EndpointError
from goclient.errors.conditions import AmbiguousEndpoint, EndpointNotFound
from goclient.errors.wording import quote
from goclient.model.endpoint import Endpoint, GlobusEndpoint, is_uuid
from goclient.model.nearest import nearest
from goclient.model.remote import FileInfo, TaskState, TransferredFile
from goclient.model.request import Grant
from goclient.services.exchange import allow
from goclient.services.globus.access import GlobusAccess
from goclient.services.globus.app import Caller, app, retry, transport
from goclient.services.globus.calls import Call, Subject
from goclient.services.globus.collection import AccessRule, Collection, read_transferred_file
from goclient.services.globus.consents import has_https_token
from goclient.services.globus.documents import Document, documents, text, uuid
from goclient.services.globus.errors import check_settings, translate
from goclient.services.globus.refusals import check_document
from goclient.services.globus.states import read_file_info, read_task_state
from goclient.services.globus.transfers import SEARCH_LIMIT, Transfers

_NEARLY_UUID = re.compile(r"[0-9A-Fa-f-]{28,40}")
SERVICE_DOMAIN = "@clients.auth.globus.org"


class Globus(Transfers):
    """Transfer service, asked by one identity; each method is one call, retried by the SDK where that is safe.

    ``collection`` is an endpoint with the id of a collection; errors show what the user typed for it.
    """

    def __init__(self, access: GlobusAccess) -> None:
        with check_settings():
            asking = app(access)
            self._access = access
            self.reporter = access.reporter
            self._app = asking
            self._client = globus_sdk.TransferClient(app=asking, transport=transport(access), retry_config=retry())
            caller = Caller.of(asking)
            self.acts_as: str = caller.description
            self.is_service: bool = isinstance(asking, globus_sdk.ClientApp)
            self.identity: str = caller.identity  # its id, empty if that is not known without asking
            self.login_end: datetime | None = caller.login_end  # None for one that can be renewed

    def forget(self) -> None:
        """Make the tokens void that this process got as a service; raise GoclientError if that is not certain."""
        assert self.is_service, "a person's are kept in a file"
        with translate("the login"):
            self._app.logout()

    def ask(self, call: Call) -> Document:
        """Return the document that a call is answered with; raise GoclientError."""
        with translate(*call.subject), allow(call.most):
            asked: Any = {"query_params": dict(call.query), "data": call.body}
            answer: Document = self._client.request(call.method, f"/v0.10{call.path}", **asked).data
            return answer

    def identity_called(self, typed: str) -> str:
        """Return the id of the identity with this id or user name; raise EndpointError if there is none.

        A service is called after its client id, which is the id of its identity.
        """
        name = typed.removesuffix(SERVICE_DOMAIN)
        with (
            translate(typed),
            globus_sdk.AuthClient(app=self._app, transport=transport(self._access), retry_config=retry()) as client,
        ):
            found_by = client.get_identities(ids=name) if is_uuid(name) else client.get_identities(usernames=name)
            answer: Document = found_by.data
            found = [uuid(one, "id") for one in documents(answer, "identities")]
        if len(found) == 1:
            return found[0]
        raise EndpointError(
            f"Globus knows no identity {quote(typed)}",
            hint="that of a service is its client id; goclient whoami shows an identity to its owner",
            code="identity-not-found",
            subject=typed,
        )

    def collection(self, collection: Endpoint) -> Collection:
        """Return what the service knows of a collection; raise EndpointError if the identity cannot see it."""
        with translate(collection.display):
            return Collection.from_document(self._client.get_endpoint(collection.text).data)

    def resolve(self, name: str, *, known: Iterable[str] = ()) -> Collection:
        """Return the one collection whose canonical or display name is exactly ``name``.

        Raises EndpointNotFound, with the nearest names of those found and of those ``known``, or AmbiguousEndpoint,
        which lists the candidates.
        """
        with translate(name):
            answer = self._search(name, most=SEARCH_LIMIT)
            listed = [Collection.from_document(document) for document in documents(answer, "DATA")]
        found = [one for one in listed if name in (one.canonical_name, one.name)]
        if len(found) == 1:
            return found[0]
        if found:
            candidates = ", ".join(f"{one.name} of {one.owner or 'nobody'}, {one.id}" for one in found)
            message = f"{len(found)} endpoints are called {quote(name)}: {candidates}"
            raise AmbiguousEndpoint(message, hint="use the UUID of the one that you mean", subject=name)
        names = [*known, *(one.name for one in listed)]
        contained = (one for one in names if name.lower() in one.lower())
        near = ", ".join(map(quote, list(dict.fromkeys([*nearest(name, names), *contained]))[:5]))
        hint = f"did you mean {near}? " if near else "use a name of your catalogue, an exact name, or a UUID; "
        if len(name) == 1:
            hint = f"a drive of a Windows computer is written ENDPOINT:/{name.upper()}/PATH; "
        if _NEARLY_UUID.fullmatch(name):
            hint = f"a UUID has 32 digits, in groups of 8-4-4-4-12, this has {len(name.replace('-', ''))}; "
        raise EndpointNotFound(
            f"no endpoint is called {quote(name)}",
            hint=hint + "a private collection is seen only by those who may use it",
            subject=name,
        )

    def has_https_token(self, collection: Endpoint) -> bool:
        """Return True unless somebody must log in before they can use a collection's HTTPS server; nobody is asked."""
        return has_https_token(self._app, collection.text)

    def search(self, words: str) -> tuple[list[Collection], bool]:
        """Return the collections that hold data and are described with these words, and True if there are more."""
        with translate(words):
            answer = self._search(words)
            found = [Collection.from_document(document) for document in documents(answer, "DATA")]
            return [one for one in found if one.holds_data], bool(answer["has_next_page"])

    def access_rules(self, collection: Endpoint) -> list[AccessRule]:
        """Return the access rules of a guest collection; raise EndpointError if the identity may not read them."""
        with translate(collection.display):
            answer = self._client.endpoint_acl_list(collection.text)
            return [AccessRule.from_document(document) for document in documents(answer.data, "DATA")]

    def grant(self, grant: Grant) -> str:
        """Give a permission, or another end to the rule that it has; return the id of its rule; raise EndpointError."""
        path, body = f"/endpoint/{grant.collection}/access", {"DATA_TYPE": "access", "expiration_date": grant.until}
        subject = Subject(f"the permission for {grant.path}", grant.collection)
        if grant.rule:
            self.ask(Call("PUT", f"{path}/{grant.rule}", subject, body={**body, "permissions": grant.permissions}))
            return grant.rule
        who = {"principal_type": "identity", "principal": grant.principal}
        body |= {**who, "path": grant.path, "permissions": grant.permissions}
        try:
            with check_document(subject.name):
                return text(self.ask(Call("POST", path, subject, body=body)), "access_id")
        except EndpointError:  # it was made, and the answer was lost
            for rule in self.rules_of(grant):
                if rule.permissions == grant.permissions and rule.expires:
                    return rule.id
            raise

    def rules_of(self, grant: Grant) -> list[AccessRule]:
        """Return the rules of a grant's principal for its directory; none of a collection that is gone."""
        try:
            rules = self.access_rules(GlobusEndpoint(grant.collection))
        except EndpointNotFound:
            return []
        return [one for one in rules if (one.principal, one.path) == (grant.principal, grant.path)]

    def take_back(self, grant: Grant) -> None:
        """Remove the rule of a grant, which has no other end; raise EndpointError."""
        for rule in self.rules_of(grant):
            subject = Subject(f"the permission for {grant.path}", grant.collection)
            self.ask(Call("DELETE", f"/endpoint/{grant.collection}/access/{rule.id}", subject))

    def entry(self, collection: Endpoint, path: str) -> FileInfo:
        """Return what is at a path, also in a directory that may not be listed; raise EndpointError."""
        name = path.rstrip("/").rpartition("/")[2]
        with translate(collection.show(path), collection.display):
            answer: Document = self._client.operation_stat(collection.text, path).data
            return read_file_info({**answer, "name": name})

    def is_empty(self, collection: Endpoint, directory: str) -> bool:
        """Return True for a directory with nothing in it, of which no more than one entry is asked for."""
        with translate(collection.show(directory), collection.display):
            answer = self._client.operation_ls(collection.text, path=directory, show_hidden=True, limit=1)
            return not list(documents(answer.data, "DATA"))

    def task(self, task_id: str) -> TaskState:
        """Return the state of a task."""
        with translate(task_id):
            return read_task_state(self._client.get_task(task_id).data)

    def list_transferred(self, task_id: str) -> list[TransferredFile]:
        """Return the files that a task has transferred; the task must be over."""
        with translate(task_id):
            pages = self._client.paginated.task_successful_transfers(task_id)
            return [read_transferred_file(one) for page in pages for one in documents(page.data, "DATA")]
