"""A credential is in no text that leaves the process, however a text writes it."""

from __future__ import annotations

import html
import json
from base64 import b64encode, encodebytes, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient import secrets
from goclient.secrets import MASK, hide

SECRET = 's3cr3t/+ =%41\\n-_é&"ok'  # has what every encoding changes
Encoding = Callable[[str], str]


def _hex(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


ENCODINGS: dict[str, Encoding] = {
    "raw": str,
    "percent": lambda text: quote(text, safe=""),
    "percent-in-lower-case": lambda text: quote(text, safe="/").replace("%2F", "%2f").replace("%C3", "%c3"),
    "form": quote_plus,
    "every-byte": _hex,
    "twice": lambda text: quote(quote(text, safe=""), safe=""),
    "json": lambda text: json.dumps(text)[1:-1],
    "json-with-slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "json-of-javascript": lambda text: json.dumps(text)[1:-1].replace("&", "\\u0026").replace("/", "\\u002F"),
    "json-in-json": lambda text: json.dumps(json.dumps(text))[1:-1],
    "form-in-json": lambda text: json.dumps({"body": f"a=1&code={quote_plus(text)}"}),
    "repr": lambda text: repr(text.encode())[2:-1],
    "html": html.escape,
    "html-numbers": lambda text: "".join(f"&#x{ord(c):x};" for c in text),
    "base64": lambda text: b64encode(text.encode()).decode(),
    "base64url": lambda text: urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "basic": lambda text: b64encode(f"my-id:{text}".encode()).decode(),
    "basic-of-a-form": lambda text: b64encode(f"my-id:{quote_plus(text)}".encode()).decode(),
    "base64-at-1": lambda text: b64encode(f"x{text}yz".encode()).decode(),
    "base64-at-2": lambda text: b64encode(f"xx{text}y".encode()).decode(),
    "base64-in-a-form": lambda text: quote_plus(b64encode(f"Bearer {text}".encode())),
}


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_needles", ())


def known(secret: str) -> None:
    secrets._needles = ()
    secrets.register(secret)


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("secret", [SECRET, "eyJhbGciOiJ.eyJzdWIi.c2ln-_", "Abcdefg1", "pässwörter", "\U0001f511" * 9])
def test_a_credential_is_hidden_in_every_encoding(name: str, secret: str) -> None:
    known(secret)
    encoded = ENCODINGS[name](secret)
    shown = hide(f"before, {encoded}; after")
    assert encoded not in shown
    assert MASK in shown
    assert shown.startswith("before, ")
    assert shown.endswith("after")


@given(
    st.text(st.characters(codec="utf-8"), min_size=8, max_size=60),
    st.sampled_from(sorted(ENCODINGS)),
    st.sampled_from(sorted(ENCODINGS)),
    st.text(max_size=40),
    st.text(max_size=40),
)
def test_what_was_hidden_cannot_be_decoded_again(secret: str, inner: str, outer: str, front: str, end: str) -> None:
    known(secret)
    encoded = ENCODINGS[inner](secret)
    shown = hide(front + encoded + end)
    assert encoded not in shown
    twice = ENCODINGS[outer](encoded)
    if "ase64" not in outer and "basic" not in outer and "ase64" not in inner and "basic" not in inner:
        assert twice not in hide(front + twice + end)


@given(st.text(max_size=300), st.text(st.characters(codec="utf-8"), min_size=8, max_size=30))
def test_what_has_no_credential_is_not_changed(text: str, secret: str) -> None:
    known(secret)
    shown = hide(text)
    assert hide(shown) == shown
    if MASK not in shown:
        assert shown == text


SIGNS = ["\\", "%", "&", "#", "&#", "&#x", "\\u", "\\x", "amp;", ";", "x", "u", "U", "0", "aF", "\n", "é"]


@given(st.lists(st.sampled_from(SIGNS), max_size=30).map("".join))
def test_what_looks_like_escapes_and_is_none_stays_as_it_is(text: str) -> None:
    known("a-credential-that-is-not-in-it")
    assert hide(text) == text


@pytest.mark.parametrize("short", ["", "a", "1234567"])
def test_a_short_credential_hides_no_ordinary_words(short: str) -> None:
    known(short)
    assert hide(f"the {short} text") == f"the {short} text"


def test_nothing_is_hidden_without_credentials() -> None:
    assert hide("%41 and \\u0041") == "%41 and \\u0041"


def test_several_credentials_that_overlap_leave_no_piece() -> None:
    secrets.register("first-secret", "secret-second")
    assert hide("a first-secret-second z") == f"a {MASK} z"


def test_a_credential_that_is_there_twice_is_hidden_twice() -> None:
    known("abcdabcd")
    assert hide("abcdabcdabcd x %61bcdabcd") == f"{MASK} x {MASK}"


PEM = b"-----BEGIN RSA PRIVATE KEY-----\n" + encodebytes(bytes(range(200))) + b"-----END RSA PRIVATE KEY-----\n"
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\n" + encodebytes(bytes(range(50, 90))) + b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param(lambda pem: pem, id="as-it-is"),
        pytest.param(lambda pem: pem.replace(b"\n", b" "), id="blanks"),
        pytest.param(lambda pem: pem.replace(b"\n", b""), id="one-line"),
        pytest.param(lambda pem: pem.replace(b"\n", b"\r"), id="cr"),
        pytest.param(lambda pem: pem.rpartition(b"-----END")[0], id="cut"),
    ],
)
def test_no_line_of_a_key_is_shown(spoilt: Callable[[bytes], bytes]) -> None:
    content = spoilt(CERTIFICATE + PEM)
    secrets.register_keys(content)
    shown = hide(content.decode() + json.dumps(content.decode()) + repr(content))
    for line in PEM.splitlines()[1:-1]:
        assert line.decode() not in shown
    assert hide(CERTIFICATE.decode()) == CERTIFICATE.decode()


def test_a_long_text_takes_no_long_time() -> None:
    import time

    for number in range(20):
        secrets.register(f"{number:04}" * 200)
    started = time.process_time()
    hide('{"message": "\\"%20 & more &amp; more"}' * 50_000)  # 1.9 MB, a tenth of it escapes
    assert time.process_time() - started < 5


def test_what_oauth_answers_is_known_and_what_it_calls_an_error_is_not() -> None:
    one = {
        "access_token": "access-token-1",
        "other_tokens": [{"refresh_token": "refresh-token-1"}],
        "scope": "all-of-it",
    }
    secrets.register_answer(json.dumps(one).encode())
    secrets.register_answer(json.dumps({"errors": [{"code": "CONSENT_REQUIRED"}], "code": "UNAUTHORIZED"}).encode())
    for odd in (b"", b"[1]", b"nothing", b'{"access_token": null, "id_token": 5}', b"[" * 100_000):
        secrets.register_answer(odd)
    assert hide("access-token-1 refresh-token-1") == f"{MASK} {MASK}"
    assert hide("UNAUTHORIZED CONSENT_REQUIRED all-of-it") == "UNAUTHORIZED CONSENT_REQUIRED all-of-it"


def test_what_a_form_sends_is_known() -> None:
    secrets.register_form({"grant_type": "authorization_code", "code": "the-code-1", "code_verifier": "verifier-1"})
    assert hide("authorization_code the-code-1 verifier-1") == f"authorization_code {MASK} {MASK}"


URLS = {
    "a password": ("https://me:hunter2hunter2@h/run.sh", "hunter2hunter2"),
    "a password with escapes": ("https://me:hunter%40hunter@h/run.sh", "hunter@hunter"),
    "a password with an @": ("https://me:hunter2@hunter2@h:8/", "hunter2@hunter2"),
    "a token": ("https://h/run.sh?token=abcdefgh12", "abcdefgh12"),
    "one of several": ("https://h/run.sh?ref=main&private_token=abcdefgh12&x=1", "abcdefgh12"),
    "a signed URL": ("https://s3/b/run.sh?X-Amz-Expires=60&X-Amz-Signature=abcdefgh12#top", "abcdefgh12"),
    "an API key": ("https://h?api_key=abcdefgh12", "abcdefgh12"),
    "escapes": ("http://h/?access_token=abc%2Fdefgh", "abc/defgh"),
}
NO_CREDENTIAL = (
    "", "/opt/run.sh", "https://h/run.sh", "https://h/run.sh?ref_type=heads", "https://h/?key=folder/run.sh", "https://[::1]/",
    "https://h/a@b:c", "https://h/run.sh#token=abcdefgh12", "https://h/?token=1", "https://h/token=abcdefgh12",
)  # fmt: skip


@pytest.mark.parametrize(("url", "credential"), URLS.values(), ids=URLS)
def test_the_credential_in_a_url_is_hidden(url: str, credential: str) -> None:
    assert secrets.register_url(url)
    assert credential not in secrets.hide(f"it said {credential} and {url}")


@pytest.mark.parametrize("url", NO_CREDENTIAL)
def test_a_url_without_a_credential_stays(url: str) -> None:
    assert not secrets.register_url(url)
    assert secrets.hide(f"GET {url}") == f"GET {url}"


FORMS = {
    "a key": ("-----BEGIN PRIVATE KEY-----\nMIIEvgIBADAN\n-----END PRIVATE KEY-----\n rest", "***"),
    "a key that is cut": ("-----BEGIN RSA PRIVATE KEY-----\nMIIEvgIBADAN", "***"),
    "a key that has lost its first line": ("MIIEvgIBADAN\n-----END PRIVATE KEY-----", "***"),
    "a token": ("eyJhbGciOi.eyJzdWIi0.c2lnbmF0dXJl.", "***."),
    "a login": ("gsiftp://u:pw@h/x", "gsiftp://***@h/x"),
    "an empty password": ("https://u:@h/x", "https://***@h/x"),
    "a user's name": ("davs://u@h/x", "davs://u@h/x"),
    "a port": ("https://h:2811/a@b", "https://h:2811/a@b"),
    "a path": ("https://h/a@b:c@d", "https://h/a@b:c@d"),
}


@pytest.mark.parametrize(("text", "shown"), FORMS.values(), ids=FORMS)
def test_what_has_the_form_of_a_credential_is_masked(text: str, shown: str) -> None:
    assert secrets.mask_forms(text) == shown


@given(st.text())
def test_what_has_the_form_of_no_credential_stays(text: str) -> None:
    assert "://" in text or "eyJ" in text or secrets.mask_forms(text) == text
