"""Globus Auth and Transfer, through globus-sdk 4.

Every error of the SDK becomes one of goclient's here (``globus_errors.py``), and every document of the service
becomes a frozen value: no caller sees the SDK.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import globus_sdk

from goclient.errors import AmbiguousEndpoint, EndpointError, EndpointNotFound, PathExists, quoted, said
from goclient.model.endpoint import is_uuid
from goclient.model.plan import TransferItem
from goclient.services.exchange import allowed
from goclient.services.globus.access import GlobusAccess
from goclient.services.globus.app import acts_as, app, identity_of, login_end, retry, transport
from goclient.services.globus.collection import AccessRule, Collection
from goclient.services.globus.collection import FileInfo as FileInfo  # it is one of this module's answers
from goclient.services.globus.documents import Document, documents, number, part, text, text_or_none, uuid, words
from goclient.services.globus.errors import configured, translated

MAX_LABEL = 128  # characters of a task's label
SEARCH_LIMIT = 25
_NEARLY_UUID = re.compile(r"[0-9A-Fa-f-]{28,40}")
SERVICE_DOMAIN = "@clients.auth.globus.org"
SHOWN_LIMIT = 100  # what the service gives at most in one answer
MAX_LISTING = 48 << 20  # bytes: the service lists at most 100,000 entries, of about 400 bytes


@dataclass(frozen=True, slots=True)
class TaskState:
    """A transfer task as it stands: ``status`` is ACTIVE, INACTIVE, SUCCEEDED or FAILED; sizes in bytes."""

    task_id: str
    label: str
    status: str
    files: int
    bytes: int
    faults: int
    reason: str

    @classmethod
    def from_document(cls, document: Document) -> TaskState:
        """The state in a task document; raises KeyError, TypeError or ValueError if that is none."""
        fatal = words(part(document, "fatal_error"), "description")
        nice = words(document, "nice_status_short_description") or words(document, "nice_status")
        return cls(
            task_id=uuid(document, "task_id"),
            label=text_or_none(document, "label"),
            status=text(document, "status"),
            files=number(document, "files_transferred"),
            bytes=number(document, "bytes_transferred"),
            faults=number(document, "faults"),
            reason=fatal or ("" if nice in ("OK", "Queued") else nice),
        )


class Globus:
    """The Transfer service, asked by one identity; each method is one call, retried by the SDK where that is safe."""

    def __init__(self, access: GlobusAccess) -> None:
        with configured():
            asking = app(access)
            self._access = access
            self.reporter = access.reporter
            self._app = asking
            self._client = globus_sdk.TransferClient(app=asking, transport=transport(access), retry_config=retry())
            self.acts_as: str = acts_as(asking)
            self.is_service: bool = isinstance(asking, globus_sdk.ClientApp)
            self.identity: str = identity_of(asking)  # its id, empty if that is not known without asking
            self.login_end: datetime | None = login_end(asking)  # None for one that can be renewed

    def identity_called(self, typed: str) -> str:
        """The id of the identity with this id or user name; raises EndpointError if there is none.

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
            hint="that of a service is its client id; goclient whoami, typed by whoever it is, shows theirs",
            code="identity-not-found",
            subject=typed,
        )

    # --- endpoints and paths ---

    def collection(self, collection_id: str, *, called: str = "") -> Collection:
        """The collection with this id; raises EndpointError if there is none that the identity can see.

        ``called``: what the user calls it, for the error's message.
        """
        with translated(called or collection_id):
            return Collection.from_document(self._client.get_endpoint(collection_id).data)

    def resolve(self, name: str, *, known: Iterable[str] = ()) -> Collection:
        """The one collection whose canonical or display name is exactly ``name``.

        Raises EndpointError if there is none, with the nearest names of those found and of those ``known``, or if there
        are several, which it lists.
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
        near = ", ".join(map(quoted, _nearest_names(name, [*known, *(one.name for one in listed)])))
        hint = f"did you mean {near}? " if near else "use a name of your catalogue, an exact name, or a UUID; "
        if len(name) == 1:
            hint = f"a drive of a Windows computer is written ENDPOINT:/{name.upper()}/PATH; "
        if _NEARLY_UUID.fullmatch(name):
            hint = f"a UUID has 32 digits, in groups of 8-4-4-4-12, this has {len(name.replace('-', ''))}; "
        raise EndpointNotFound(
            f"no endpoint is called {quoted(name)}",
            hint=hint + "private collections are seen by those only who may use them",
            subject=name,
        )

    def search(self, words: str) -> tuple[list[Collection], bool]:
        """The collections that hold data and are described with these words, and whether there are more of them."""
        with translated(words):
            answer = self._client.endpoint_search(filter_fulltext=words, filter_non_functional=False, limit=SHOWN_LIMIT)
            found = [Collection.from_document(document) for document in documents(answer.data, "DATA")]
            return [one for one in found if one.holds_data], bool(answer["has_next_page"])

    def access_rules(self, collection_id: str, *, called: str = "") -> list[AccessRule]:
        """The access rules of a guest collection; raises EndpointError if the identity may not read them.

        ``called``: what the user calls the collection, for the error's message.
        """
        with translated(called or collection_id):
            answer = self._client.endpoint_acl_list(collection_id)
            return [AccessRule.from_document(document) for document in documents(answer.data, "DATA")]

    def listing(self, collection_id: str, folder: str, *, called: str = "") -> dict[str, FileInfo]:
        """What a directory holds, by name; raises EndpointError if it is none or cannot be read.

        ``called``: what the user calls the collection, for the error's message.
        """
        with translated(f"{called or collection_id}:{folder}"), allowed(MAX_LISTING):
            answer = self._client.operation_ls(collection_id, path=folder, show_hidden=True)
            entries = [FileInfo.from_document(document) for document in documents(answer.data, "DATA")]
        return {one.name: one for one in entries}

    def entry(self, collection_id: str, path: str, *, called: str = "") -> FileInfo:
        """Return what is at a path, also in a directory that may not be listed; raise EndpointError.

        ``called``: what the user calls the collection, for the error's message.
        """
        name = path.rstrip("/").rpartition("/")[2]
        with translated(f"{called or collection_id}:{path}"):
            answer: Document = self._client.operation_stat(collection_id, path).data
            return FileInfo.from_document({**answer, "name": name})

    def is_empty(self, collection_id: str, folder: str, *, called: str = "") -> bool:
        """Return True for a directory with nothing in it, of which no more than one entry is asked for.

        ``called``: what the user calls the collection, for the error's message.
        """
        with translated(f"{called or collection_id}:{folder}"):
            answer = self._client.operation_ls(collection_id, path=folder, show_hidden=True, limit=1)
            return not list(documents(answer.data, "DATA"))

    def mkdir(self, collection_id: str, folder: str, *, called: str = "") -> None:
        """None, once the directory is there; raises EndpointError if it cannot be made.

        ``called``: what the user calls the collection, for the error's message.
        """
        with suppress(PathExists), translated(f"{called or collection_id}:{folder}"):
            self._client.operation_mkdir(collection_id, folder)

    def remove(self, collection_id: str, folder: str, *, called: str = "") -> str:
        """The id of a new task that removes a directory, and all below it; ``called`` as for :meth:`mkdir`."""
        data = globus_sdk.DeleteData(
            collection_id,
            label="goclient probe",
            submission_id=self.submission_id(),
            recursive=True,
            notify_on_succeeded=False,
            notify_on_failed=False,
            notify_on_inactive=False,
        )
        data.add_item(folder)
        with translated(f"{called or collection_id}:{folder}"):
            return uuid(self._client.submit_delete(data).data, "task_id")

    # --- a job's own endpoint ---

    def create_personal(self, name: str) -> tuple[str, str]:
        """The id of a new private Globus Connect Personal collection, and its one-time setup key.

        Sent once: the call has no key that would make a second one harmless.
        """
        document = {"DATA_TYPE": "endpoint", "display_name": name, "is_globus_connect": True, "public": False}
        with translated(name), self._client.retry_config.tune(max_retries=0):
            answer = self._client.post("/v0.10/endpoint", data=document)
            return uuid(answer.data, "id"), text(answer.data, "globus_connect_setup_key")

    def delete(self, collection_id: str) -> None:
        """None, once the collection is gone."""
        with translated(collection_id):
            self._client.delete_endpoint(collection_id)

    # --- transfers ---

    def submission_id(self) -> str:
        """A new submission id: a transfer sent twice under one id is carried out once."""
        with translated("submission_id"):
            return uuid(self._client.get_submission_id().data, "value")

    def submit(
        self,
        source: str,
        destination: str,
        *,
        items: Sequence[TransferItem],
        label: str,
        submission_id: str,
        seconds: float,
    ) -> str:
        """The id of the task that moves the items; it ends after ``seconds`` at the latest."""
        data = globus_sdk.TransferData(
            source,
            destination,
            label=label[:MAX_LABEL],
            submission_id=submission_id,
            verify_checksum=True,
            deadline=(datetime.now().astimezone() + timedelta(seconds=seconds)).isoformat(timespec="seconds"),
            fail_on_quota_errors=True,
            notify_on_succeeded=False,
            notify_on_failed=False,
            notify_on_inactive=False,
        )
        for item in items:
            data.add_item(item.source, item.destination, recursive=item.recursive)
        with translated(label):
            return uuid(self._client.submit_transfer(data).data, "task_id")

    def task(self, task_id: str) -> TaskState:
        """The state of a task."""
        with translated(task_id):
            return TaskState.from_document(self._client.get_task(task_id).data)

    def faults(self, task_id: str) -> list[str]:
        """What went wrong in a task so far, newest first, each thing once."""
        with translated(task_id):
            events = self._client.task_event_list(task_id, limit=20, query_params={"filter": "is_error:1"})
            found = [
                f"{said(text(one, 'code'), 100)}: {words(one, 'details')}" for one in documents(events.data, "DATA")
            ]
        return list(dict.fromkeys(found))

    def cancel(self, task_id: str) -> None:
        """None, once the service is told that the task shall end."""
        with translated(task_id):
            self._client.cancel_task(task_id)

    def tasks_labelled(self, prefix: str) -> list[TaskState]:
        """The identity's tasks whose label begins with ``prefix``, oldest first."""
        with translated(prefix):
            found = self._client.task_list(
                filter=f"type:TRANSFER/label:~{prefix}*", orderby="request_time ASC", limit=1000
            )
            states = [TaskState.from_document(document) for document in documents(found.data, "DATA")]
        return [state for state in states if state.label.startswith(prefix)]


def _nearest_names(name: str, names: Iterable[str]) -> list[str]:
    """Up to five of the names: those that are nearly this one first, then the others."""
    import difflib  # only a mistake pays for it

    lowered = {one.lower(): one for one in names if one}
    near = difflib.get_close_matches(name.lower(), list(lowered), n=3, cutoff=0.5)
    contained = [one for one in lowered if name.lower() in one]
    return [lowered[one] for one in dict.fromkeys([*near, *contained])][:5]
