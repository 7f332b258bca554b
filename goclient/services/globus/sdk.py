"""Globus Auth and Transfer, through globus-sdk 4.

Every error of the SDK becomes one of goclient's here (``errors.py``), and every document of the service becomes a
frozen value: no caller sees the SDK.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import globus_sdk

from goclient.errors import EndpointError
from goclient.errors.conditions import AmbiguousEndpoint, EndpointNotFound, PathExists
from goclient.errors.wording import quoted, said
from goclient.model.endpoint import Endpoint, is_uuid
from goclient.model.nearest import nearest
from goclient.model.remote import FileInfo, Listing, NewEndpoint, TaskState, TransferredFile, TransferRequest
from goclient.services.exchange import allowed
from goclient.services.globus.access import GlobusAccess
from goclient.services.globus.app import Caller, app, retry, transport
from goclient.services.globus.collection import (
    AccessRule,
    Collection,
    read_file_info,
    read_task_state,
    read_transferred_file,
)
from goclient.services.globus.consents import has_https_token
from goclient.services.globus.documents import Document, check_result, documents, text, uuid, words
from goclient.services.globus.errors import configured, translated

MAX_LABEL = 128  # characters of a task's label
SEARCH_LIMIT = 25
_NEARLY_UUID = re.compile(r"[0-9A-Fa-f-]{28,40}")
SERVICE_DOMAIN = "@clients.auth.globus.org"
SHOWN_LIMIT = 100  # what the service gives at most in one answer
_SILENT: Any = {"notify_on_succeeded": False, "notify_on_failed": False, "notify_on_inactive": False}  # no mail
MAX_LISTING = 48 << 20  # bytes: the service lists at most 100,000 entries, of about 400 bytes


class Globus:
    """Transfer service, asked by one identity; each method is one call, retried by the SDK where that is safe.

    ``collection`` is an endpoint with the id of a collection; errors show what the user typed for it.
    """

    def __init__(self, access: GlobusAccess) -> None:
        with configured():
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

    def identity_called(self, typed: str) -> str:
        """Return the id of the identity with this id or user name; raise EndpointError if there is none.

        A service is called after its client id, which is the id of its identity.
        """
        name = typed.removesuffix(SERVICE_DOMAIN)
        with (
            translated(typed),
            globus_sdk.AuthClient(app=self._app, transport=transport(self._access), retry_config=retry()) as client,
        ):
            found_by = client.get_identities(ids=name) if is_uuid(name) else client.get_identities(usernames=name)
            answer: Document = found_by.data
            found = [uuid(one, "id") for one in documents(answer, "identities")]
        if len(found) == 1:
            return found[0]
        raise EndpointError(
            f"Globus knows no identity {quoted(typed)}",
            hint="that of a service is its client id; goclient whoami shows an identity to its owner",
            code="identity-not-found",
            subject=typed,
        )

    # --- endpoints and paths ---

    def collection(self, collection: Endpoint) -> Collection:
        """Return what the service knows of a collection; raise EndpointError if the identity cannot see it."""
        with translated(collection.display):
            return Collection.from_document(self._client.get_endpoint(collection.text).data)

    def has_https_token(self, collection: Endpoint) -> bool:
        """Return True unless somebody must log in before they can use a collection's HTTPS server; nobody is asked."""
        return has_https_token(self._app, collection.text)

    def resolve(self, name: str, *, known: Iterable[str] = ()) -> Collection:
        """Return the one collection whose canonical or display name is exactly ``name``.

        Raises EndpointNotFound, with the nearest names of those found and of those ``known``, or AmbiguousEndpoint,
        which lists the candidates.
        """
        with translated(name):
            answer = self._client.endpoint_search(filter_fulltext=name, filter_non_functional=False, limit=SEARCH_LIMIT)
            listed = [Collection.from_document(document) for document in documents(answer.data, "DATA")]
        found = [one for one in listed if name in (one.canonical_name, one.name)]
        if len(found) == 1:
            return found[0]
        if found:
            candidates = ", ".join(f"{one.name} of {one.owner or 'nobody'}, {one.id}" for one in found)
            message = f"{len(found)} endpoints are called {quoted(name)}: {candidates}"
            raise AmbiguousEndpoint(message, hint="use the UUID of the one that you mean", subject=name)
        names = [*known, *(one.name for one in listed)]
        contained = (one for one in names if name.lower() in one.lower())
        near = ", ".join(map(quoted, list(dict.fromkeys([*nearest(name, names), *contained]))[:5]))
        hint = f"did you mean {near}? " if near else "use a name of your catalogue, an exact name, or a UUID; "
        if len(name) == 1:
            hint = f"a drive of a Windows computer is written ENDPOINT:/{name.upper()}/PATH; "
        if _NEARLY_UUID.fullmatch(name):
            hint = f"a UUID has 32 digits, in groups of 8-4-4-4-12, this has {len(name.replace('-', ''))}; "
        raise EndpointNotFound(
            f"no endpoint is called {quoted(name)}",
            hint=hint + "a private collection is seen only by those who may use it",
            subject=name,
        )

    def search(self, words: str) -> tuple[list[Collection], bool]:
        """Return the collections that hold data and are described with these words, and True if there are more."""
        with translated(words):
            answer = self._client.endpoint_search(filter_fulltext=words, filter_non_functional=False, limit=SHOWN_LIMIT)
            found = [Collection.from_document(document) for document in documents(answer.data, "DATA")]
            return [one for one in found if one.holds_data], bool(answer["has_next_page"])

    def access_rules(self, collection: Endpoint) -> list[AccessRule]:
        """Return the access rules of a guest collection; raise EndpointError if the identity may not read them."""
        with translated(collection.display):
            answer = self._client.endpoint_acl_list(collection.text)
            return [AccessRule.from_document(document) for document in documents(answer.data, "DATA")]

    def listing(self, collection: Endpoint, directory: str) -> Listing:
        """Return what a directory holds, by name; raise EndpointError if it cannot be listed."""
        with translated(collection.show(directory), collection.display), allowed(MAX_LISTING):
            answer = self._client.operation_ls(collection.text, path=directory, show_hidden=True)
            entries = [read_file_info(document) for document in documents(answer.data, "DATA")]
            can_rename = answer.data.get("rename_supported") is not False
        return Listing({one.name: one for one in entries}, can_rename=can_rename)

    def entry(self, collection: Endpoint, path: str) -> FileInfo:
        """Return what is at a path, also in a directory that may not be listed; raise EndpointError."""
        name = path.rstrip("/").rpartition("/")[2]
        with translated(collection.show(path), collection.display):
            answer: Document = self._client.operation_stat(collection.text, path).data
            return read_file_info({**answer, "name": name})

    def is_empty(self, collection: Endpoint, directory: str) -> bool:
        """Return True for a directory with nothing in it, of which no more than one entry is asked for."""
        with translated(collection.show(directory), collection.display):
            answer = self._client.operation_ls(collection.text, path=directory, show_hidden=True, limit=1)
            return not list(documents(answer.data, "DATA"))

    def mkdir(self, collection: Endpoint, directory: str) -> None:
        """Make a directory, unless it is there; raise EndpointError if it cannot be made."""
        with suppress(PathExists), translated(collection.show(directory), collection.display):
            check_result(self._client.operation_mkdir(collection.text, directory).data)

    def rename(self, collection: Endpoint, old: str, new: str) -> None:
        """Give a file or a directory another path; raise PathExists if that is not free, or another EndpointError."""
        with translated(collection.show(new), collection.display):
            check_result(self._client.operation_rename(collection.text, old, new).data)

    def remove(self, collection: Endpoint, *directories: str, label: str = "goclient probe") -> str:
        """Submit a task that removes directories, and all below them; return its id."""
        data = globus_sdk.DeleteData(
            collection.text,
            label=label[:MAX_LABEL],
            submission_id=self.submission_id(),
            recursive=True,
            ignore_missing=True,
            **_SILENT,
        )
        for directory in directories:
            data.add_item(directory)
        with translated(collection.show(directories[0]), collection.display):
            return uuid(self._client.submit_delete(data).data, "task_id")

    # --- a job's own endpoint ---

    def create_personal(self, name: str) -> NewEndpoint:
        """Create a private Globus Connect Personal collection.

        Sent once: the call has no key that would make a second one harmless.
        """
        document = {"DATA_TYPE": "endpoint", "display_name": name, "is_globus_connect": True, "public": False}
        with translated(name), self._client.retry_config.tune(max_retries=0):
            answer = self._client.post("/v0.10/endpoint", data=document)
            return NewEndpoint(uuid(answer.data, "id"), text(answer.data, "globus_connect_setup_key"))

    def personal_called(self, name: str) -> list[str]:
        """Return the ids of the identity's own Globus Connect Personal collections with exactly this name."""
        with translated(name):
            answer = self._client.endpoint_search(
                filter_fulltext=name, filter_scope="my-gcp-endpoints", filter_non_functional=False, limit=SHOWN_LIMIT
            )
            found = [Collection.from_document(document) for document in documents(answer.data, "DATA")]
        return [one.id for one in found if one.name == name]

    def delete(self, collection_id: str) -> None:
        """Delete a collection."""
        with translated(collection_id):
            check_result(self._client.delete_endpoint(collection_id).data)

    # --- transfers ---

    def submission_id(self) -> str:
        """Return a new submission id: a transfer sent twice under one id is carried out once."""
        with translated("submission_id"):
            return uuid(self._client.get_submission_id().data, "value")

    def submit(self, request: TransferRequest) -> str:
        """Submit a transfer; return the id of its task."""
        end = datetime.now().astimezone() + timedelta(seconds=request.seconds)
        data = globus_sdk.TransferData(
            request.source,
            request.destination,
            label=request.label[:MAX_LABEL],
            submission_id=request.submission_id,
            verify_checksum=True,
            deadline=end.isoformat(timespec="seconds"),
            fail_on_quota_errors=True,
            **_SILENT,
        )
        for item in request.items:
            data.add_item(item.source, item.destination, recursive=item.recursive)
        with translated(request.label):
            return uuid(self._client.submit_transfer(data).data, "task_id")

    def task(self, task_id: str) -> TaskState:
        """Return the state of a task."""
        with translated(task_id):
            return read_task_state(self._client.get_task(task_id).data)

    def tasks(self, task_ids: Sequence[str]) -> dict[str, TaskState]:
        """Return the states of the identity's tasks by their ids, in one call, without those that are not known."""
        with translated(task_ids[0]):
            found = self._client.task_list(filter={"task_id": list(task_ids)}, limit=len(task_ids))
            return {one.task_id: one for one in map(read_task_state, documents(found.data, "DATA"))}

    def transferred(self, task_id: str) -> list[TransferredFile]:
        """Return the files that a task has transferred; the task must be over."""
        with translated(task_id):
            pages = self._client.paginated.task_successful_transfers(task_id)
            return [read_transferred_file(one) for page in pages for one in documents(page.data, "DATA")]

    def faults(self, task_id: str) -> list[str]:
        """Return what went wrong in a task so far, newest first, each thing once."""
        with translated(task_id):
            events = self._client.task_event_list(task_id, limit=20, query_params={"filter": "is_error:1"})
            found = [
                f"{said(text(one, 'code'), 100)}: {words(one, 'details')}" for one in documents(events.data, "DATA")
            ]
        return list(dict.fromkeys(found))

    def cancel(self, task_id: str) -> None:
        """Tell the service to end a task."""
        with translated(task_id):
            check_result(self._client.cancel_task(task_id).data)

    def tasks_labelled(self, prefix: str) -> list[TaskState]:
        """Return the identity's tasks whose label begins with ``prefix``, oldest first."""
        with translated(prefix):
            found = self._client.task_list(
                filter=f"type:TRANSFER/label:~{prefix}*", orderby="request_time ASC", limit=1000
            )
            states = [read_task_state(document) for document in documents(found.data, "DATA")]
        return [state for state in states if state.label.startswith(prefix)]
