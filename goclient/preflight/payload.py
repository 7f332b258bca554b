"""Check of a job's payload: is it there for a node to fetch, and can it be run?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.model.payload import PAYLOAD, hide_login, is_url
from goclient.model.syntax.shell import shell_word
from goclient.preflight.base import Check, Context
from goclient.reporter.base import SILENT, Reporter
from goclient.services.deadline import Background

HEAD = 512  # bytes of a payload that tell what it is
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<?xml", b"<!--")
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_ELF = b"\x7fELF"


class Payload(Check):
    """Fetch the beginning of a job's payload, beside other checks, and judge whether a node can run it."""

    def __init__(self) -> None:
        self._asked: Background[Finding | None] | None = None

    def start(self, context: Context) -> None:
        """Ask for the payload, if the job has one."""
        payload, seconds = context.job.payload, context.options.seconds
        if payload:
            self._asked = Background(partial(check_payload, payload, seconds, context.reporter))

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield what is found of the payload: nothing of a path on the node."""
        if self._asked is None:
            return
        try:
            found = self._asked.result(context.deadline.left)
        except TimeoutError:
            found = not_fetched(context.job.payload, "its server has not answered in time")
        if found is not None:
            yield found


def check_payload(payload: str, seconds: float, reporter: Reporter = SILENT) -> Finding | None:
    """Return what is found of a payload within so many seconds: of a URL by one request, of a path by its place."""
    if not is_url(payload):
        home = os.path.expanduser("~").rstrip("/")
        if not (os.path.isabs(home) and payload.startswith(f"{home}/") and os.path.exists(payload)):
            return None
        hint = "put it on a web server and give its URL, unless all nodes see your home directory"
        return _warning(payload, "is a file here, below your home directory: a worker node may not have it", hint)
    # requests takes 0.1 s: a payload at a path does without.
    import requests

    from goclient.services.exchange import explain_error, head

    try:
        with reporter.waiting("the server of the payload", seconds):
            return judge_head(payload, head(payload, seconds=seconds, size=HEAD))
    except (requests.exceptions.RequestException, OSError, ValueError) as error:
        return not_fetched(payload, explain_error(error))


def judge_head(payload: str, head: bytes) -> Finding:
    """Return what the first bytes of a payload tell: that it can be run, or a warning."""
    what, hint = _problem(payload, head)
    if what:
        return _warning(payload, what, hint)
    line = head.partition(b"\n")[0].decode("utf-8", "replace")
    kind = "a program" if head.startswith(_ELF) else f"a script that begins with {quote(line, 40)}"
    return Finding("ok", "payload", PAYLOAD, f"the payload {hide_login(payload)} is {kind}")


def _problem(payload: str, head: bytes) -> tuple[str, str]:
    """Return what is wrong with a payload that begins so, and a hint; empty if nothing is."""
    bom = next((mark for mark in _BOMS if head.startswith(mark)), b"")
    text = head.removeprefix(bom)
    line, end, _ = text.partition(b"\n")
    if not head:
        return "is empty", "look whether it was written completely"
    if text.lstrip().lower().startswith(_HTML):
        what = "is a web page, not a program"
        hint = "give the URL of the file itself; a page that asks for a login is not what a node should get"
        for page, raw in (("/-/blob/", "/-/raw/"), ("/blob/", "/raw/")):  # the page of a file in a repository shows it
            if page in payload:
                return what, f"type: {PAYLOAD}={shell_word(hide_login(payload.replace(page, raw, 1)))}"
        return what, hint
    if bom:
        hint = "save it as UTF-8 without a byte order mark"
        return "has a byte order mark in front, so that no node finds its #! line", hint
    if text.startswith(_ELF):
        return "", ""
    if not text.startswith(b"#!"):
        begins = quote(line.decode("utf-8", "replace"), 40)
        what = f"is neither a script with a #! line nor a program: it begins with {begins}"
        return what, "begin a script with #! and its interpreter: else /bin/sh runs it"
    if line.endswith(b"\r") and end:
        hint = "give it the line ends of Unix where it is served: sed -i 's/\\r$//' FILE"
        return "has a #! line that ends in CR, so that no node finds its interpreter", hint
    interpreter = line[2:].strip().decode("utf-8", "replace")
    if not interpreter.startswith("/"):
        return f"has {quote(interpreter)} in its #! line, which is not an absolute path", "write #!/bin/sh, or such"
    return "", ""


def _warning(payload: str, what: str, hint: str) -> Finding:
    return Finding("warning", "payload", PAYLOAD, f"the payload {quote(hide_login(payload))} {what}", hint)


def not_fetched(payload: str, reason: str) -> Finding:
    """Return the warning of a payload that could not be fetched from here."""
    hint = f"look at it: curl -fsSL {shell_word(hide_login(payload))}; a node may see what is not seen from here"
    return _warning(payload, f"could not be fetched from here: {reason}", hint)
