"""A value of a wrong type in an answer is the service's fault, never ours: a right one comes back, or EndpointError."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from goclient.errors import EndpointError
from goclient.services.globus.collection import AccessRule, Collection, read_transferred_file
from goclient.services.globus.errors import translate
from goclient.services.globus.states import read_file_info, read_task_state

ID = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"
VALUES: list[object] = [None, 3, True, [], {}, "\u001b[31m", [3], 1.5]

ENDPOINT: dict[str, Any] = {
    "id": ID, "display_name": "n", "canonical_name": "u#n", "entity_type": "GCP_mapped_collection",
    "owner_string": None, "username": "u", "is_globus_connect": True, "gcp_connected": True, "gcp_paused": False,
    "high_assurance": False, "subscription_id": None, "default_directory": "/~/", "my_effective_roles": ["activity"],
}  # fmt: skip
RULE: dict[str, Any] = {
    "path": "/", "permissions": "rw", "principal_type": "identity", "principal": ID, "expiration_date": None, "id": ID,
}  # fmt: skip
FILE: dict[str, Any] = {"name": "f", "type": "file", "size": 3}
TASK: dict[str, Any] = {
    "task_id": ID, "label": "l", "status": "ACTIVE", "files_transferred": 1, "bytes_transferred": 2, "faults": 3,
    "fatal_error": {"description": "d"}, "nice_status": "OK", "nice_status_short_description": None,
    "destination_endpoint_id": ID,
}  # fmt: skip
TRANSFERRED: dict[str, Any] = {
    "destination_path": "/x", "size": 3, "checksum": "d41d", "checksum_algorithm": "MD5",
}  # fmt: skip
READ: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "endpoint": (Collection.from_document, ENDPOINT),
    "rule": (AccessRule.from_document, RULE),
    "file": (read_file_info, FILE),
    "task": (read_task_state, TASK),
    "transferred file": (read_transferred_file, TRANSFERRED),
}
FIELDS = [(kind, field) for kind, (_, document) in READ.items() for field in document]
WRONG = {  # of each type that the readers tell apart, the values that are none of it
    str: [3, True, [], {}, [3], 1.5],
    int: [True, [], {}, "\u001b[31m", [3], 1.5],
    bool: [3, [], {}, "\u001b[31m", [3], 1.5],
    list: [3, True, {}, "\u001b[31m", [3], 1.5],
    dict: [3, True, [], "\u001b[31m", [3], 1.5],
}


def outcome(read: Callable[[Any], Any], document: Any) -> Any:
    """The value that a document is, or the error that it is none."""
    try:
        with translate("SITE1"):
            return read(document)
    except EndpointError as error:
        return error


def said(value: Any) -> list[Any]:
    """Return what a value has in it."""
    return [getattr(value, name) for name in type(value).__dataclass_fields__]


def fits(value: Any, declared: Any) -> bool:
    kinds: dict[str, Any] = {
        "str": str, "int": int, "bool": bool, "bool | None": (bool, type(None)), "tuple[str, ...]": tuple,
        "str | None": (str, type(None)), "int | None": (int, type(None)),
    }  # fmt: skip
    return isinstance(value, kinds[declared]) and not (declared.startswith("int") and isinstance(value, bool))


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_a_document_with_any_value_in_any_field_is_a_value_or_the_service_s_fault(kind: str, field: str) -> None:
    read, document = READ[kind]
    for value in VALUES:
        made = outcome(read, {**document, field: value})
        if isinstance(made, EndpointError):
            assert (made.code, made.transient) == ("globus-answer", True)
            continue
        declared = [one.type for one in type(made).__dataclass_fields__.values()]
        assert all(map(fits, said(made), declared)), (value, made)


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_a_value_of_a_wrong_type_is_refused(kind: str, field: str) -> None:
    read, document = READ[kind]
    if field == "username":  # it counts for nothing beside the other
        document = {**document, "owner_string": None}
    sample = "" if document[field] is None else document[field]
    for value in WRONG[type(sample)]:
        with pytest.raises(EndpointError, match="does not document"), translate("SITE1"):
            read({**document, field: value})


@pytest.mark.parametrize(("kind", "field"), [("endpoint", "id"), ("task", "task_id")])
@pytest.mark.parametrize("value", ["", "\u001b[31m", f"{ID}/..", "x"])
def test_an_id_is_a_uuid(kind: str, field: str, value: str) -> None:
    read, document = READ[kind]
    with pytest.raises(EndpointError), translate("SITE1"):
        read({**document, field: value})


@pytest.mark.parametrize("kind", READ)
@pytest.mark.parametrize("document", [None, 3, "text", [], {}])
def test_what_is_no_document_is_refused(kind: str, document: Any) -> None:
    with pytest.raises(EndpointError), translate("SITE1"):
        READ[kind][0](document)


def test_the_kind_of_a_bare_endpoint_is_said_in_words() -> None:
    bare = Collection.from_document({**ENDPOINT, "entity_type": "GCSv5_endpoint"})
    assert bare.kind == "a GCSv5 endpoint, which holds no data itself"


NEVER = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("url", ["http://far.example", "ftp://127.0.0.1", "//x", "javascript:1", "http://127.0.0.1.x/"])
def test_no_token_is_sent_to_what_is_not_https(url: str) -> None:
    known = Collection(NEVER, "N", "", "GCSv5_mapped_collection", "", None, None, False, False, "", ())
    with pytest.raises(EndpointError, match="not https"):
        replace(known, https_server=url).https_url("N")
    assert replace(known, https_server="https://m-1.data.globus.org/").https_url("N") == "https://m-1.data.globus.org"
