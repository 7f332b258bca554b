"""What a MyProxy server means when it says no, in a user's words.

Its texts are those of MyProxy 6.2's myproxy_server.c, myproxy_creds.c and myproxy_authorization.c.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from goclient.errors import MyproxyError, said
from goclient.services.gsi.server_name import Server
from goclient.services.myproxy.wire import CHALLENGE, DESTROY, GET, Request, Response

_MAX_TEXT = 500  # characters of a server's words that are shown
NONE = "myproxy-none"


class _Meaning(NamedTuple):
    """One kind of refusal: what the server's words have in them, lower case; what to do."""

    words: tuple[str, ...]
    code: str
    means: str
    hint: str


_MEANINGS = (
    _Meaning(
        ("no credentials found", "no credentials exist", "credentials do not exist"), NONE,
        "there is no such deposit of yours", "make one: goclient myproxy deposit",
    ),
    _Meaning(
        ("not owned by", "credentials not owned"), "myproxy-not-owner",
        "the deposit of this name belongs to somebody else", "use another user name: --user NAME",
    ),
    _Meaning(
        ("exceeds maximum allowed", "exceeds server maximum"), "myproxy-lifetime",
        "the deposit would last longer than the server allows", "give a shorter life: --lifetime HOURS",
    ),
    _Meaning(
        ("certificate has expired",), "myproxy-expired",
        "a certificate has expired", "make a new deposit: goclient myproxy deposit",
    ),
    _Meaning(
        ("no mapping found", "accepted_credentials"), "myproxy-not-accepted",
        "the server does not take deposits of this certificate", "ask the server's operators to accept your DN",
    ),
    _Meaning(
        ("no passphrase", "authentication failed", "trusted_retriever", "authorized_retriever", "not authorized"),
        "myproxy-not-retriever", "this identity may not retrieve it",
        "the owner must deposit it for your DN (--retriever), and the server must trust you to retrieve",
    ),
    _Meaning(
        ("locked",), "myproxy-locked", "the deposit is locked", "ask the server's operators why",
    ),
)  # fmt: skip
_NOTHING_THERE = {  # of those who cannot, or do not want to, make one
    DESTROY: "look what is there: goclient myproxy info", GET: "its owner makes one: goclient myproxy deposit",
}  # fmt: skip
_REFUSED = _Meaning((), "myproxy-refused", "", "ask the server's operators, with this message")
_TRANSIENT = re.compile(r"temporar|try again|too many|resource", re.IGNORECASE)


def refusal(server: Server, request: Request, response: Response) -> MyproxyError:
    """The error that an answer which is not OK stands for."""
    text = " ".join(response.errors)
    meaning = _meaning(text.lower())
    if response.kind == CHALLENGE or (meaning is _REFUSED and request.command == GET and not text):
        meaning = next(one for one in _MEANINGS if one.code == "myproxy-not-retriever")
        text = text or "it asks for a pass phrase"
    words = said(text, _MAX_TEXT) or "it gives no reason"
    hint = _NOTHING_THERE.get(request.command, meaning.hint) if meaning.code == NONE else meaning.hint
    return MyproxyError(
        f"the MyProxy server {server} refused: {f'{meaning.means} ({words})' if meaning.means else words}",
        hint=_lifetime_hint(text) or hint, code=meaning.code, subject=request.account,
        transient=bool(_TRANSIENT.search(text)), extra={"said": words},
    )  # fmt: skip


def _meaning(text: str) -> _Meaning:
    return next((one for one in _MEANINGS if any(words in text for words in one.words)), _REFUSED)


def _lifetime_hint(text: str) -> str:
    most = re.search(r"allowed by server \((\d{1,6}) hours\)", text)
    return f"give at most what the server allows: --lifetime {most[1]}" if most else ""
