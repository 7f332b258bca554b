"""The check of a job's payload: is it there for a node to fetch, and can it be run?"""

from __future__ import annotations

import os

from goclient.errors import Finding, quoted
from goclient.model.payload import PAYLOAD, is_url, shown
from goclient.model.syntax.shell import shell_word

HEAD = 512  # bytes of a payload that tell what it is
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<?xml", b"<!--")
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_ELF = b"\x7fELF"


def look(payload: str, seconds: float) -> list[Finding]:
    """Return what is found of a payload within so many seconds: of a URL by one request, of a path by its place."""
    if not is_url(payload):
        return [_at_home(payload)] if _is_at_home(payload) else []
    import requests  # not for a payload at a path

    from goclient.services.exchange import head, unfetched

    try:
        return judged(payload, head(payload, seconds=seconds, size=HEAD))
    except (requests.exceptions.RequestException, OSError, ValueError) as error:
        return [_unfetched(payload, unfetched(error))]


def late(payload: str) -> list[Finding]:
    """Return the warning of a payload whose server has not answered in time."""
    return [_unfetched(payload, "its server has not answered in time")]


def judged(payload: str, head: bytes) -> list[Finding]:
    """Return what the first bytes of a payload tell: that it can be run, or a warning."""
    what, hint = _problem(payload, head)
    if what:
        return [_doubt(payload, what, hint)]
    line = head.partition(b"\n")[0].decode("utf-8", "replace")
    kind = "a program" if head.startswith(_ELF) else f"a script that begins with {quoted(line, 40)}"
    return [Finding("ok", "payload", PAYLOAD, f"the payload {shown(payload)} is {kind}")]


def _problem(payload: str, head: bytes) -> tuple[str, str]:
    """What is wrong with a payload that begins so, and a hint; empty if nothing is."""
    bom = next((mark for mark in _BOMS if head.startswith(mark)), b"")
    text = head.removeprefix(bom)
    line, end, _ = text.partition(b"\n")
    if not head:
        return "is empty", "look whether it was written completely"
    if text.lstrip().lower().startswith(_HTML):
        return "is a web page, not a program", _raw(payload)
    if bom:
        hint = "save it as UTF-8 without a byte order mark"
        return "has a byte order mark in front, so that no node finds its #! line", hint
    if text.startswith(_ELF):
        return "", ""
    if not text.startswith(b"#!"):
        begins = quoted(line.decode("utf-8", "replace"), 40)
        what = f"is neither a script with a #! line nor a program: it begins with {begins}"
        return what, "begin a script with #! and its interpreter: else /bin/sh runs it"
    if line.endswith(b"\r") and end:
        hint = "give it the line ends of Unix where it is served: sed -i 's/\\r$//' FILE"
        return "has a #! line that ends in CR, so that no node finds its interpreter", hint
    interpreter = line[2:].strip().decode("utf-8", "replace")
    if not interpreter.startswith("/"):
        return f"has {quoted(interpreter)} in its #! line, which is not an absolute path", "write #!/bin/sh, or such"
    return "", ""


def _doubt(payload: str, what: str, hint: str) -> Finding:
    return Finding("warning", "payload", PAYLOAD, f"the payload {quoted(shown(payload))} {what}", hint)


def _unfetched(payload: str, reason: str) -> Finding:
    hint = f"look at it: curl -fsSL {shell_word(shown(payload))}; a node may see what is not seen from here"
    return _doubt(payload, f"could not be fetched from here: {reason}", hint)


def _raw(payload: str) -> str:
    """What to type for the page of a file in a repository, which shows the file."""
    for page, raw in (("/-/blob/", "/-/raw/"), ("/blob/", "/raw/")):
        if page in payload:
            return f"type: {PAYLOAD}={shell_word(shown(payload.replace(page, raw, 1)))}"
    return "give the URL of the file itself; a page that asks for a login is not what a node should get"


def _is_at_home(path: str) -> bool:
    """True for a path that exists here below the user's home, which nodes seldom have."""
    home = os.path.expanduser("~")
    return os.path.isabs(home) and home != "/" and path.startswith(f"{home.rstrip('/')}/") and os.path.exists(path)


def _at_home(path: str) -> Finding:
    hint = "put it on a web server and give its URL, unless all nodes see your home directory"
    return _doubt(path, "is a file here, below your home directory: a worker node may not have it", hint)
