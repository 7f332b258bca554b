"""JSON files of panda-client: those of its options and datasets, read without a loss, and those that it writes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

from goclient.errors import GoclientError, RequestError, UsageError, raise_all
from goclient.errors.wording import quote
from goclient.tasks.command_line import Table, find_nearest, hint_of_near

EXAMPLE = '{"outDS": "user.NAME.test", "exec": "run.sh"}'
DATASETS = '[{"inDS": "mc:input", "outDS": "user.NAME.test"}]'


def read(path: str) -> Any:
    """Return the document of a JSON file in UTF-8, with or without a byte order mark; panda-client keeps ASCII alone.

    Raises RequestError if the file cannot be read, is not JSON, gives a name two values, or has half a character (a
    lone surrogate).
    """
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8-sig")
        document = json.loads(text, object_pairs_hook=_once)
        json.dumps(document, ensure_ascii=False).encode()
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror}", "name a file that is there") from None
    except UnicodeDecodeError as error:
        byte = f"byte 0x{error.object[error.start]:02x} in line {error.object.count(10, 0, error.start) + 1}"
        raise _wrong(path, f"is not UTF-8: {byte}", "save it as UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _wrong(path, f"is not JSON: {error.msg} in {where}", f"write {EXAMPLE}") from None
    except _Twice as error:
        raise _wrong(path, f"gives {quote(error)} two values", "leave one of them out") from None
    except RecursionError:
        raise _wrong(path, "has too many brackets in one another", f"write {EXAMPLE}") from None
    except UnicodeEncodeError as error:
        half = f"has half a character, \\u{ord(error.object[error.start]):04x}"
        raise _wrong(path, half, "write the character itself, or both halves of it") from None
    except ValueError as error:  # a number of more digits than Python reads
        raise _wrong(path, f"has a value that cannot be read: {error}", f"write {EXAMPLE}") from None
    return document


class _Twice(Exception):
    """A name stands twice in one JSON object, and one of its values would be lost."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(name)
        found[name] = value
    return found


def _wrong(path: str, what: str, hint: str) -> RequestError:
    return RequestError(f"the file {quote(path)} {what}", hint=hint, code="load-json", subject=path)


def check_options(document: Any, options: Any, table: Table) -> None:
    """Raise the error of a file of options that is not one JSON object, or has a name that is nearly one of ours."""
    path = options.loadJson
    if not isinstance(document, dict):
        dumped = isinstance(document, list) and any("returnCode" in item for item in document if isinstance(item, dict))
        what = "is what --dumpJson wrote, which --loadJson cannot read" if dumped else "is not one JSON object"
        raise _wrong(path, what, f"write the options that you need into it, such as {EXAMPLE}")
    errors: list[GoclientError] = []
    for name in document:
        known = name == "exec" or hasattr(options, name)
        near = "" if known else find_nearest(f"--{name}", table)
        if near:
            message = f"--loadJson: {quote(name)} in {quote(path)} is not an option"
            hint = hint_of_near(name, near, table).replace("--", "", 1)  # as the file has names
            errors.append(UsageError(message, hint=hint, code="unknown-option", subject=name))
    raise_all(errors)


def check_datasets(document: Any, path: str) -> None:
    """Raise RequestError for a file of --inOutDsJson that is not a list of input and output datasets."""
    pairs = [
        isinstance(item, dict) and all(isinstance(item.get(name), str) for name in ("inDS", "outDS"))
        for item in (document if isinstance(document, list) else ())
    ]
    if not pairs or not all(pairs):
        raise _wrong(path, "is not a list of input and output datasets", f"write {DATASETS}")


def find_unwritable(options: Any, names: Sequence[str]) -> Iterator[GoclientError]:
    """Yield an error for each file that panda-client would fail to write, after the task was sent."""
    for name in names:
        path = getattr(options, name, None)
        if not path:
            continue
        directory = os.path.dirname(os.path.abspath(path))
        parent = os.path.isdir(directory) and os.access(directory, os.W_OK)
        if not (not os.path.isdir(path) and os.access(path, os.W_OK) if os.path.exists(path) else parent):
            message = f"--{name}={quote(path)} cannot be written"
            hint = "name a file in a directory that is there and yours"
            yield RequestError(message, hint=hint, code="dump", subject=f"--{name}")
