"""What users of myproxy-init and its like type: what has no meaning here, what to type instead, and their hours."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from goclient.errors import GoclientError, UsageError, quoted

HOUR = 3600
_SAME = {"-u": "--help", "--usage": "--help", "-V": "--version"}
_NO_VOMS = "proxies with VOMS attributes are made by voms-proxy-init"
_KEY = "that of your key is read from standard input with --passphrase-fd 0"
_CAS = "CA certificates are never taken from a server: put them into the folder that X509_CERT_DIR names"
_RENEWAL = "nothing is renewed here: ask with your own certificate, --cert FILE --key FILE"
# Options of the C tools without a meaning here, by action: their names, and what to do instead.
_ELSEWHERE: dict[str, dict[tuple[str, ...], str]] = {
    "deposit": {
        ("-r", "--retrievable_by"): "it allows retrieval with a pass phrase, and no deposit here has one; without one: "
        "--retriever DN (-R is about renewal)",
        ("-w",): "who may renew is said with --renewer DN",
        ("-a", "--allow_anonymous_retrievers"): "they need a pass phrase, which no deposit here has: leave it out",
        ("-A", "--allow_anonymous_renewers"): "name the one who may renew: --renewer DN",
        ("-S", "--stdin_pass"): f"a deposit here has no pass phrase; {_KEY}",
        ("-L", "--local_proxy"): "no proxy is left on this machine; grid-proxy-init -rfc makes one",
        ("-m", "--voms"): _NO_VOMS,
        ("-o", "--out"): "a deposit makes no file; -o belongs to goclient myproxy retrieve",
    },
    "retrieve": {
        ("-a", "--authorization"): _RENEWAL,
        ("-S", "--stdin_pass"): f"a proxy is retrieved without a pass phrase; {_KEY}",
        ("-T", "--trustroots"): _CAS,
        ("-b", "--bootstrap"): _CAS,
        ("-N", "--no_credentials"): "goclient myproxy info asks the server, and retrieves nothing",
        ("-Q", "--certreq"): "the key and its request are always made here: leave it out",
        ("-m", "--voms"): f"{_NO_VOMS}, of the retrieved proxy with -noregen",
    },
}


def of_c_tools(argv: Sequence[str]) -> list[str]:
    """Return the words with those for help and version as this program has them."""
    end = argv.index("--") if "--" in argv else len(argv)
    return [*(_SAME.get(word, word) for word in argv[:end]), *argv[end:]]


def explained(error: GoclientError, action: str, actions: Mapping[str, type[Any]]) -> GoclientError:
    """Return a mistake with what is to be known of MyProxy; ``actions`` are the options of each action."""
    if error.code == "twice" and error.subject in ("--retriever", "-Z"):
        hint = "MyProxy keeps one policy a deposit: name one DN, or all of them with one --retriever-pattern"
        return UsageError(error.message, hint=hint, code=error.code, subject=error.subject)
    if error.code != "unknown-option":
        return error
    name = error.subject if error.subject.startswith("--") else error.subject[:2]  # -rNAME
    hint = next((text for names, text in _ELSEWHERE.get(action, {}).items() if name in names), "")
    others = [other for other, options in actions.items() if other != action and name in _names(options)]
    if not hint and others:
        hint = f"it belongs to {' and '.join(f'goclient myproxy {other}' for other in others)}"
    if not hint:
        return error
    return UsageError(error.message, hint=hint, code=error.code, subject=error.subject)


def _names(options: type[Any]) -> set[str]:
    return {name for field in dataclasses.fields(options) for name in field.metadata["args"]}


def wrong_hours(options: Any) -> Iterator[UsageError]:  # any of the option classes
    """Yield an error for each option whose value has to be ``HH`` or ``HH:MM`` and is not."""
    for field in dataclasses.fields(options):
        typed = getattr(options, field.name)
        if field.metadata["metavar"] != "HH[:MM]" or typed is None:
            continue
        name, low, high = field.metadata["args"][-1], field.metadata["minimum"], field.metadata["maximum"]
        hint = f"{name} takes hours, HH or HH:MM, from {low} to {high}"
        if not re.fullmatch(r"[0-9]{1,9}(:[0-5][0-9])?", typed):
            yield UsageError(f"{name} {quoted(typed)} is not a number of hours", hint=hint, code="not-a-number",
                             subject=name)  # fmt: skip
        elif seconds(typed) > high * HOUR or (low and not seconds(typed)):
            yield UsageError(f"{name} {quoted(typed)} is out of range", hint=hint, code="out-of-range", subject=name)


def seconds(hours: str) -> int:
    """Return the seconds that ``HH`` or ``HH:MM`` is."""
    whole, _, minutes = hours.partition(":")
    return int(whole) * HOUR + int(minutes or 0) * 60
