"""Whatever an error document holds, it becomes one error for a user, and decides nothing that it does not say."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import EndpointError, GoclientError, LoginNeeded
from goclient.errors.conditions import ConsentNeeded
from goclient.services.globus.calls import AUTH, TRANSFER, Answer, Subject
from goclient.services.globus.refusals import is_later, may_pass, read_scopes, refusal

ID = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"
SCOPE = f"urn:globus:auth:scope:transfer.api.globus.org:all[*https://auth.globus.org/scopes/{ID}/data_access]"
SUBJECT = Subject("SITE1:/x", "SITE1")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just(SCOPE) | st.just("ConsentRequired"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from([
    "code", "message", "detail", "title", "error", "errors", "request_id", "required_scopes", "required_scope",
    "authorization_parameters", "session_message", "session_required_mfa", "session_required_policies",
    "session_required_identities", "session_required_single_domain",
])  # fmt: skip
DOCUMENTS = st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES, max_size=4), max_size=6)


def answer(document: Any, status: int = 403, service: str = TRANSFER, **headers: str) -> Answer:
    return Answer(service, status, headers, json.dumps(document).encode())


@given(
    DOCUMENTS | VALUES,
    st.integers(400, 599),
    st.sampled_from([AUTH, TRANSFER]),
    st.text("0123456789 GMTa-", max_size=30),
)
def test_any_document_is_one_short_error_for_a_user(document: Any, status: int, service: str, later: str) -> None:
    found = answer(document, status, service, **{"Retry-After": later})
    raised = refusal(found, SUBJECT)
    assert isinstance(raised, LoginNeeded | EndpointError)
    assert len(raised.message) < 3000
    assert raised.message.isprintable()
    assert isinstance(may_pass(found) or is_later(found), bool)
    assert bool(read_scopes(found)) <= (status == 403)


@given(st.binary(max_size=200), st.integers(400, 599))
def test_what_is_not_json_is_an_error_of_the_service(content: bytes, status: int) -> None:
    raised = refusal(Answer(TRANSFER, status, {}, content), SUBJECT)
    assert isinstance(raised, GoclientError)
    assert raised.message.isprintable()


def test_a_consent_is_what_a_document_asks_for_and_a_session_is_not_got_by_a_service() -> None:
    for document in (
        {"code": "ConsentRequired", "required_scopes": [SCOPE]},
        {"code": "ConsentRequired", "required_scope": SCOPE},
        {"code": "x", "authorization_parameters": {"required_scopes": [SCOPE]}},
    ):
        assert read_scopes(answer(document)) == (SCOPE,)
        assert isinstance(refusal(answer(document), SUBJECT), ConsentNeeded)
    more = {"required_scopes": [SCOPE], "session_required_mfa": True}
    assert read_scopes(answer({"code": "x", "authorization_parameters": more})) == ()
    assert read_scopes(answer({"code": "ConsentRequired", "required_scopes": [SCOPE]}, status=401)) == ()
    assert read_scopes(answer([])) == ()
