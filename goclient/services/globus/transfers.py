"""Calls of the Transfer service that every client of ours makes: what is sent, and what its answer means.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from contextlib import suppress

from goclient.errors.conditions import PathExists
from goclient.model.endpoint import Endpoint
from goclient.model.remote import Listing, TaskState
from goclient.services.globus.calls import Call, Subject
from goclient.services.globus.documents import Document, check_result, documents, read_each, rows, text, uuid
from goclient.services.globus.refusals import check_document
from goclient.services.globus.states import read_file_info, read_readable_task

MAX_LABEL = 128  # characters of a task's label
MAX_LISTING = 48 << 20  # bytes: the service lists at most 100,000 entries, of about 400 bytes
SEARCH_LIMIT = 25
MOST_TASKS = 1000  # of a list, however it is paged (globus-sdk, TransferClient.task_list)
SHOWN_LIMIT = 100  # what the service gives at most in one answer
SILENT_TASK = {"notify_on_succeeded": False, "notify_on_failed": False, "notify_on_inactive": False}  # no mail


class Transfers(ABC):
    """Transfer service, asked by one identity; each method is one call, made again where that is safe.

    ``collection`` is an endpoint with the id of a collection; errors show what the user typed for it.
    """

    @abstractmethod
    def ask(self, call: Call) -> Document:
        """Return the document that a call is answered with; raise GoclientError."""

    def _search(self, text: str, *, most: int = SHOWN_LIMIT, scope: str = "") -> Document:
        """Return what a search for collections that work has found, at most so many."""
        query = {"filter_fulltext": text, "filter_non_functional": "0", "limit": str(most)}
        if scope:
            query["filter_scope"] = scope
        return self.ask(Call("GET", "/endpoint_search", Subject(text), query=query))

    def listing(self, collection: Endpoint, directory: str) -> Listing:
        """Return what a directory holds, by name; raise EndpointError if it cannot be listed."""
        query = {"path": directory, "show_hidden": "1"}
        subject, most = in_collection(collection, directory), MAX_LISTING
        with check_document(subject.name):
            answer = self.ask(Call("GET", operation(collection, "ls"), subject, query=query, most=most))
            entries = [read_file_info(document) for document in documents(answer, "DATA")]
            can_rename = answer.get("rename_supported") is not False
        return Listing({one.name: one for one in entries}, can_rename=can_rename)

    def mkdir(self, collection: Endpoint, directory: str) -> None:
        """Make a directory, unless it is there; raise EndpointError if it cannot be made."""
        body, subject = {"DATA_TYPE": "mkdir", "path": directory}, in_collection(collection, directory)
        with suppress(PathExists), check_document(subject.name):
            check_result(self.ask(Call("POST", operation(collection, "mkdir"), subject, body=body)))

    def submission_id(self) -> str:
        """Return a new submission id: a transfer sent twice under one id is carried out once."""
        with check_document("submission_id"):
            return uuid(self.ask(Call("GET", "/submission_id", Subject("submission_id"))), "value")

    def remove(self, collection: Endpoint, *directories: str, label: str = "goclient probe") -> str:
        """Submit a task that removes directories, and all below them; return its id."""
        body = {
            "DATA_TYPE": "delete",
            "endpoint": collection.text,
            "label": label[:MAX_LABEL],
            "submission_id": self.submission_id(),
            "recursive": True,
            "ignore_missing": True,
            **SILENT_TASK,
            "DATA": [{"DATA_TYPE": "delete_item", "path": one} for one in directories],
        }
        subject = in_collection(collection, directories[0])
        with check_document(subject.name):
            return uuid(self.ask(Call("POST", "/delete", subject, body=body)), "task_id")

    def tasks_labelled(
        self, prefix: str, *, inside: str = "", since: float | None = None, kinds: str = "TRANSFER"
    ) -> list[TaskState]:
        """Return the identity's tasks whose label begins with ``prefix``, and has ``inside`` behind it, oldest first.

        ``since``: those that were asked for at this time, in seconds since 1970, or later.  ``kinds`` are the
        service's, with commas: TRANSFER, DELETE.
        """
        found: dict[str, TaskState] = {}
        start, more = "" if since is None else time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since)), True
        while more:  # the service gives the first 1,000 that a filter lets through, and no others
            pattern = f"{prefix}*{inside}*" if inside else f"{prefix}*"
            chosen = f"type:{kinds}/label:~{pattern}" + (f"/request_time:{start}," if start else "")
            query = {"filter": chosen, "orderby": "request_time ASC", "limit": str(MOST_TASKS)}
            with check_document(prefix):
                answer = self.ask(Call("GET", "/task_list", Subject(prefix), query=query))
                states = read_each(answer, "DATA", read_readable_task)
                found.update({state.task_id: state for state in states if state.label.startswith(prefix)})
                is_full = len(rows(answer, "DATA")) >= MOST_TASKS
                last = read_each(answer, "DATA", lambda one: text(one, "request_time"))[-1] if is_full else start
                start, more = last, last != start
        return list(found.values())


def operation(collection: Endpoint, name: str) -> str:
    """Return the path of an operation in a collection."""
    return f"/operation/endpoint/{collection.text}/{name}"


def in_collection(collection: Endpoint, path: str) -> Subject:
    """Return the subject of a call about a path of a collection."""
    return Subject(collection.show(path), collection.display)
