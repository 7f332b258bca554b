"""Rules for the payload of a job, as far as its name tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from goclient.errors import RequestError
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.model.records.panda_job import JobTemplate
from goclient.model.syntax.shell import shell_word
from goclient.secrets import register_url

PAYLOAD = "--transformation"
USER_LABEL = "user"  # the prodSourceLabel of jobs whose payload is fetched; others may name what the site has
_MEANS = "give the URL of the payload (https://HOST/run.sh), or its absolute path on the worker node (/opt/run.sh)"
_WORDS = "the payload's own words go into --jobParameters"
_ENDS = " \t\r\n\v\f\xa0\u200b\u2060\ufeff\"'`<>\u2018\u2019\u201c\u201d"  # is pasted along, and belongs to no name


def mistakes(common: JobTemplate) -> Iterator[RequestError]:
    """Yield what is wrong with the payload, whatever the site."""
    payload = common.transformation
    problem, hint = _payload_problem(payload, common.prodSourceLabel)
    if problem:
        message = f"{PAYLOAD}={quote(hide_login(payload))} {problem}"
        yield RequestError(message, hint=hint, code="transformation", subject=PAYLOAD)


def warnings(common: JobTemplate) -> Iterator[Finding]:
    """Yield warnings of a payload that our pilot would refuse or may not get, though another pilot may."""
    payload = common.transformation
    secret = is_url(payload) and register_url(payload)  # before it is quoted
    named = f"{PAYLOAD}={quote(hide_login(payload))}"
    if is_url(payload) and hide_login(payload) != payload:
        message = f"{named} holds a user's name or password, which everybody can read in a job"
        yield Finding("warning", "payload-password", PAYLOAD, message, "serve it without: the pilot sends no password")
    elif secret:
        message = f"{named} holds a credential, which everybody can read in a job"
        yield Finding("warning", "payload-password", PAYLOAD, message, "serve it where it can be fetched without one")
    elif payload.startswith("/") and " " in payload and not _has_options(payload):
        yield Finding("warning", "payload", PAYLOAD, f"{named} is one program, with a blank in its name", _WORDS)
    elif _is_bare_name(payload) and common.prodSourceLabel != USER_LABEL:
        message = f"{named} is neither a URL nor an absolute path"
        hint = "goclient's pilot runs http:// and https:// URLs, and programs at an absolute path on the node"
        yield Finding("warning", "transformation", payload, message, hint)


def is_url(payload: str) -> bool:
    """Return True for a payload that the pilot fetches."""
    return payload.startswith(("http://", "https://"))


def hide_login(url: str) -> str:
    """Return the URL without the name and the password that may be in it; another text as it is."""
    return re.sub(r"(?<=://)[^/?#]*@", "", url, count=1)


def _payload_problem(payload: str, label: str) -> tuple[str, str]:
    """Return what is wrong with a payload, and a hint; empty if nothing is."""
    plain = payload.strip(_ENDS)
    scheme, colon, rest = payload.partition(":")
    problem, hint = "", ""
    if plain != payload:
        problem, hint = "has a blank, a quote or a bracket at an end", _suggest(plain)
    elif not payload.isprintable():
        problem, hint = "has a character that does not print", "retype it"
    elif is_url(payload):
        problem, hint = _url_problem(payload)
    elif payload.startswith("/"):
        if _has_options(payload):
            problem, hint = "has options behind the program", _WORDS
        elif payload.endswith("/"):
            problem, hint = "is a directory", "name a program in it"
    elif colon and scheme.lower() in ("http", "https"):
        problem = "is not a URL as the pilot knows it"
        hint = _suggest(f"{scheme.lower()}://{rest.lstrip('/')}")
    elif "://" in payload:
        problem, hint = f"has the scheme {quote(scheme)}: a pilot fetches http and https only", _MEANS
    elif payload and (label == USER_LABEL or not _is_bare_name(payload)):
        problem, hint = "is neither a URL nor an absolute path: it must be on the worker node, not here", _MEANS
    return problem, hint


def _url_problem(url: str) -> tuple[str, str]:
    if " " in url:
        return "has a blank, which no URL has", f"{_WORDS}; a blank in its name is written %20"
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return "is not a URL: its host or its port cannot be read", "give it as https://HOST:PORT/PATH"
    return ("", "") if named else ("names no host", "give it as https://HOST/PATH: a variable in it may not be set")


def _has_options(payload: str) -> bool:
    """Return True if options follow a program, where its name should stand alone."""
    return " -" in payload


def _is_bare_name(payload: str) -> bool:
    """Return True for a word that can be the name of a program which a site has: production jobs have such."""
    return re.fullmatch(r"[A-Za-z0-9_][\w.+-]*", payload) is not None


def _suggest(payload: str) -> str:
    """Return the hint to type another payload, if that is known."""
    return f"type: {PAYLOAD}={shell_word(hide_login(payload))}" if payload else _MEANS
