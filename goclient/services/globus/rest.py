"""Globus Auth and Transfer as a worker node asks them: with tokens that somebody else gives, and without globus-sdk.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from goclient import secrets
from goclient.errors.conditions import AmbiguousEndpoint, EndpointNotFound
from goclient.errors.wording import cite, quote
from goclient.model.endpoint import Endpoint
from goclient.model.remote import NewEndpoint, TaskState, TransferRequest
from goclient.services.globus.calls import AUTH, TRANSFER, Call, Subject
from goclient.services.globus.documents import (
    Document,
    check_result,
    documents,
    read_each,
    text,
    text_or_none,
    uuid,
    words,
)
from goclient.services.globus.json_service import JsonService, Manner, value_of
from goclient.services.globus.refusals import UNAUTHORIZED, check_document, read_scopes
from goclient.services.globus.states import https_url, read_task_state
from goclient.services.globus.transfers import MAX_LABEL, SILENT_TASK, Transfers, in_collection, operation

USUAL = Manner()
API = "/v0.10"  # of Transfer


class Token(Protocol):
    """Give an access token for Transfer; threads may share it."""

    def __call__(self, *, refused: str = "", scopes: Sequence[str] = ()) -> str:
        """Return the token; raise GoclientError.

        ``refused`` is one that the service did not accept, ``scopes`` are those that it asks a consent for: then
        another token is returned, if that can be had, or the same.
        """


class Named(NamedTuple):
    """A collection, and its two names."""

    id: str
    name: str
    canonical_name: str


class RestTransfer(Transfers):
    """Transfer service, asked with tokens; a call that is refused for its token is made once more with a fresh one."""

    def __init__(self, url: str, token: Token, manner: Manner = USUAL) -> None:
        self._service = JsonService(TRANSFER, url.rstrip("/") + API, manner)
        self._token = token

    def while_waiting(self, call: Callable[[], object]) -> None:
        """Have something done each second while the service wants to be left alone, until it returns True."""
        self._service.meanwhile = call

    def ask(self, call: Call) -> Document:
        """Return the document that a call is answered with; raise GoclientError."""
        sent = ""

        def bearer() -> str:
            nonlocal sent
            sent = self._token()
            return f"Bearer {sent}"

        answer = self._service.ask(call, bearer)
        scopes = read_scopes(answer)
        if scopes or answer.status == UNAUTHORIZED:  # nothing was done
            fresh = self._token(refused=sent, scopes=scopes)
            if fresh != sent:
                answer = self._service.ask(call, lambda: f"Bearer {fresh}")
        found: Document = value_of(answer, call.subject)
        return found

    def https_server(self, collection_id: str) -> str:
        """Return the URL of a collection's HTTPS server; raise EndpointError if it has none."""
        with check_document(collection_id):
            found = self.ask(Call("GET", f"/endpoint/{collection_id}", Subject(collection_id)))
            return https_url(text_or_none(found, "https_server"), collection_id)

    def resolve(self, name: str) -> Named:
        """Return the one collection whose canonical or display name is exactly ``name``; raise EndpointError."""
        found = [one for one in self._find_named(name) if name in (one.canonical_name, one.name)]
        if len(found) == 1:
            return found[0]
        hint = "use the UUID of the one that you mean"
        if found:
            ids = ", ".join(one.id for one in found)
            raise AmbiguousEndpoint(f"{len(found)} endpoints are called {quote(name)}: {ids}", hint=hint, subject=name)
        raise EndpointNotFound(f"no endpoint is called {quote(name)}", hint=hint, subject=name)

    def _find_named(self, name: str, *, scope: str = "") -> list[Named]:
        """Return the collections that a search for a name finds."""
        with check_document(name):
            return [
                Named(uuid(one, "id"), text_or_none(one, "display_name"), text_or_none(one, "canonical_name"))
                for one in documents(self._search(name, scope=scope), "DATA")
            ]

    def rename(self, collection: Endpoint, old: str, new: str) -> None:
        """Give a file or a directory another path; raise PathExists if that is not free, or another EndpointError."""
        body, subject = {"DATA_TYPE": "rename", "old_path": old, "new_path": new}, in_collection(collection, new)
        with check_document(subject.name):
            check_result(self.ask(Call("POST", operation(collection, "rename"), subject, body=body)))

    # --- a job's own endpoint ---

    def create_personal(self, name: str) -> NewEndpoint:
        """Create a private Globus Connect Personal collection.

        Sent once: the call has no key that would make a second one harmless.
        """
        body = {"DATA_TYPE": "endpoint", "display_name": name, "is_globus_connect": True, "public": False}
        with check_document(name):
            made = self.ask(Call("POST", "/endpoint", Subject(name), body=body, repeats=False))
            return NewEndpoint(uuid(made, "id"), text(made, "globus_connect_setup_key"))

    def personal_called(self, name: str) -> list[str]:
        """Return the ids of the identity's own Globus Connect Personal collections with exactly this name."""
        return [one.id for one in self._find_named(name, scope="my-gcp-endpoints") if one.name == name]

    def delete(self, collection_id: str) -> None:
        """Delete a collection."""
        with check_document(collection_id):
            check_result(self.ask(Call("DELETE", f"/endpoint/{collection_id}", Subject(collection_id))))

    # --- tasks ---

    def submit(self, request: TransferRequest) -> str:
        """Submit a transfer; return the id of its task."""
        end = datetime.now().astimezone() + timedelta(seconds=request.seconds)
        items = [
            {
                "DATA_TYPE": "transfer_item",
                "source_path": item.source,
                "destination_path": item.destination,
                "recursive": item.recursive,
            }
            for item in request.items
        ]
        body = {
            "DATA_TYPE": "transfer",
            "source_endpoint": request.source,
            "destination_endpoint": request.destination,
            "label": request.label[:MAX_LABEL],
            "submission_id": request.submission_id,
            "verify_checksum": True,
            "deadline": end.isoformat(timespec="seconds"),
            "fail_on_quota_errors": True,
            **SILENT_TASK,
            "DATA": items,
        }
        with check_document(request.label):
            return uuid(self.ask(Call("POST", "/transfer", Subject(request.label), body=body)), "task_id")

    def tasks(self, task_ids: Sequence[str]) -> dict[str, TaskState]:
        """Return the states of the identity's tasks by their ids, in one call, without those that are not known."""
        query = {"filter": f"task_id:{','.join(task_ids)}", "limit": str(len(task_ids))}
        with check_document(task_ids[0]):
            found = self.ask(Call("GET", "/task_list", Subject(task_ids[0]), query=query))
            return {one.task_id: one for one in read_each(found, "DATA", read_task_state)}

    def faults(self, task_id: str) -> list[str]:
        """Return what went wrong in a task so far, newest first, each thing once."""
        query = {"limit": "20", "filter": "is_error:1"}
        with check_document(task_id):
            events = self.ask(Call("GET", f"/task/{task_id}/event_list", Subject(task_id), query=query))
            found = [f"{cite(text(one, 'code'), 100)}: {words(one, 'details')}" for one in documents(events, "DATA")]
        return list(dict.fromkeys(found))

    def cancel(self, task_id: str) -> None:
        """Tell the service to end a task."""
        with check_document(task_id):
            check_result(self.ask(Call("POST", f"/task/{task_id}/cancel", Subject(task_id))))


class RestAuth:
    """Globus Auth, asked by a service client with its secret."""

    def __init__(self, url: str, manner: Manner = USUAL) -> None:
        self._service = JsonService(AUTH, url, manner)

    @property
    def clock(self) -> float | None:
        """Return the seconds by which its clock is ahead of this node's, None until it has answered."""
        return self._service.clock

    def client_token(self, client_id: str, secret: str, scopes: Iterable[str]) -> dict[str, str]:
        """Return the access tokens of a client for some scopes, by their resource servers; raise LoginNeeded."""
        form = {"grant_type": "client_credentials", "scope": " ".join(scopes)}
        subject = f"the service client {client_id}"
        with check_document(subject):
            found: Any = self._ask("token", form, client_id, secret=secret)
            tokens = [found, *documents(found, "other_tokens")]
            return {text(one, "resource_server"): text(one, "access_token") for one in tokens}

    def revoke(self, token: str, client_id: str, *, secret: str) -> None:
        """Take a token of a client back: nobody can use it any more."""
        self._ask("token/revoke", {"token": token}, client_id, secret=secret)

    def _ask(self, route: str, form: dict[str, str], client_id: str, *, secret: str) -> Document:
        """Return the answer to a form, whose credentials, and those of the answer, are registered."""
        basic = b64encode(f"{client_id}:{secret}".encode()).decode()
        secrets.register(secret, basic)
        secrets.register_form(form)
        call = Call("POST", f"/v2/oauth2/{route}", Subject(f"the service client {client_id}"), form=form)
        answer = self._service.ask(call, lambda: f"Basic {basic}")
        secrets.register_answer(answer.content)
        found: Document = value_of(answer, call.subject)
        return found


class ServiceTokens:
    """HTTPS servers of collections: where they are, which Transfer says, and a token for each.

    ``token`` gives that of a collection, by its id.
    """

    def __init__(self, transfer: RestTransfer, token: Callable[[str], str]) -> None:
        self._transfer = transfer
        self._servers: dict[str, str] = {}
        self._lock = threading.Lock()
        self.https = token

    def https_server(self, collection_id: str) -> str:
        """Return the URL of a collection's HTTPS server, which is asked for once; raise EndpointError."""
        with self._lock:
            if collection_id not in self._servers:
                self._servers[collection_id] = self._transfer.https_server(collection_id)
            return self._servers[collection_id]
