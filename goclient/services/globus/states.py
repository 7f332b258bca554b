"""Read what Transfer says of an entry in a directory, of a task, and of where a collection serves HTTPS.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

from goclient.errors import EndpointError
from goclient.errors.wording import cite, quote
from goclient.model.remote import FileInfo, TaskState
from goclient.services.globus.documents import Document, number, part, text, text_or_none, uuid, words
from goclient.services.loopback import is_https


def read_file_info(document: Document) -> FileInfo:
    """Return the entry of a file document; raise KeyError, TypeError or ValueError for another document."""
    name, kind = text(document, "name"), text(document, "type")
    if "/" in name:
        raise ValueError(f"an entry of a directory is called {quote(name)}")
    more = (text_or_none(document, key) for key in ("permissions", "link_target"))
    return FileInfo(name, kind == "dir", number(document, "size"), kind, *more)


def read_task_state(document: Document) -> TaskState:
    """Return the state in a task document; raise KeyError, TypeError or ValueError for another document."""
    fatal = words(part(document, "fatal_error"), "description")
    nice = words(document, "nice_status_short_description") or words(document, "nice_status")
    return TaskState(
        task_id=uuid(document, "task_id"),
        label=text_or_none(document, "label"),
        status=text(document, "status"),
        files=number(document, "files_transferred"),
        bytes=number(document, "bytes_transferred"),
        faults=number(document, "faults"),
        reason=fatal or ("" if nice in ("OK", "Queued") else nice),
        destination=text_or_none(document, "destination_endpoint_id"),
        is_queued=words(document, "nice_status") == "Queued",
    )


def read_readable_task(document: Document) -> TaskState:
    """Return the state in a task document, UNKNOWN if only its id and label can be read; else raise as above."""
    try:
        return read_task_state(document)
    except (KeyError, TypeError, ValueError) as error:
        why = f"what Globus tells of it cannot be read: {cite(repr(error))}"
        label = text_or_none(document, "label")
        return TaskState(uuid(document, "task_id"), label, "UNKNOWN", files=0, bytes=0, faults=0, reason=why)


def https_url(url: str, name: str, *, kind: str = "") -> str:
    """Return the URL of a collection's HTTPS server, for tokens to be sent to; raise EndpointError if it has none.

    The error calls the collection ``name``, and says of what ``kind`` it is.  The URL of a real one is https; plain
    http is a sandbox's, on this machine.
    """
    if is_https(url):
        return url.rstrip("/")
    why = f"its HTTPS server is {quote(url)}, not https" if url else "it has none"
    raise EndpointError(
        f"files cannot go to or from {quote(name)} by its HTTPS server: {why}{f' ({kind})' if kind else ''}",
        hint="leave out --goVia https (in a text of 2012 in-mode=https and out-mode=https), or ask its owner to "
        "enable HTTPS",
        code="no-https",
        subject=name,
    )
