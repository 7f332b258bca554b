"""Credentials of the user's other submissions: PanDA hands all that are out to each job that gets one.

So the log of a job opens what all of them open, and not only what its own submission was told.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from goclient.carrier.secret import Secret, SecretsShared, id_of
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.model.syntax.shell import command_line

SUBJECT = "--goShareSecrets"
_SHOWN = 3
_WAIT = "wait until the others have ended, and type: goclient status (it takes back what no job needs)"
_WHY = "PanDA hands all your credentials to each job that gets one, and newer pilots write them into its log"


@dataclass(frozen=True)
class Other:
    """Credential of goclient's that PanDA keeps: ``opens`` is what it opens, by ids, as :func:`read_opened` tells.

    ``access`` are the directories for which others have it, in words: another campaign, or any that has none.  The rest
    is for messages, and empty where this machine's journal does not know it.
    """

    key: str
    opens: frozenset[str]
    access: tuple[str, ...] = ()
    holders: str = ""  # such as "job 115"
    what: str = ""  # it opens
    until: str = ""

    @property
    def words(self) -> str:
        """Return whose it is, and what it opens until when."""
        name = self.holders or f"another machine or program ({quote(id_of(self.key))})"
        until = f" until {self.until}" if self.until else ""
        return f"{name} (it opens {self.what}{until})" if self.what else name


@dataclass(frozen=True)
class Kept:
    """All that PanDA keeps for the user: the keys, and which of them are credentials of goclient's."""

    keys: tuple[str, ...] = ()
    others: tuple[Other, ...] = ()


class OtherCredentials(SecretsShared):
    """Credentials of other submissions that are out, of which one opens what another does not."""

    code = "shared-credential"

    def __init__(self, others: Iterable[Other], *, shares: bool = False) -> None:
        different = list(others)
        message = f"{_WHY}: the logs of these jobs would also hold the credential of {_join(different)}, and the logs "
        message += "of those jobs the one of these; they do not open the same things"
        removal = command_line("goclient", "credential", "revoke", *(id_of(one.key) for one in different))
        hint = f"{_WAIT}; or, if they need not finish, type: {removal}"
        super().__init__(
            message, hint=hint if shares else f"{hint}; or accept it with --goShareSecrets", subject=SUBJECT
        )


def _join(others: list[Other]) -> str:
    more = f", and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    return "; ".join(one.words for one in others[:_SHOWN]) + more


def read_opened(value: str) -> frozenset[str]:
    """Return what a secret of ours opens, as PanDA keeps it: the ids of collections, or of a service client."""
    with suppress(ValueError, binascii.Error, KeyError, TypeError, AttributeError, RecursionError):
        found = json.loads(base64.b64decode(value))
        ids = found["tokens"] if "tokens" in found else [found["client_id"]]
        return frozenset(str(one).lower() for one in ids)
    return frozenset()


def read_others(secrets: Mapping[str, str]) -> Iterator[Other]:
    """Yield the credentials of goclient's among the secrets of a user; one that cannot be read opens nothing."""
    for key, value in sorted(secrets.items()):
        if id_of(key) and (opens := read_opened(value)):
            yield Other(key, opens)


def check_same(secret: Secret, kept: Mapping[str, str]) -> None:
    """Raise OtherCredentials if the user has others that open what this secret does not, or the other way round."""
    own = read_opened(secret.value)
    if different := [one for one in read_others(kept) if one.key != secret.key and one.opens != own]:
        raise OtherCredentials(different)


def judge_others(
    others: Iterable[Other], opens: Collection[str], access: Collection[str], *, shares: bool
) -> Iterator[Finding]:
    """Yield an error for those that open other things than jobs' own; a warning for other directories of one client.

    The first is a warning, too, if the user ``shares`` secrets with the jobs.
    """
    apart, same = [], []
    for one in others:
        if one.opens != set(opens):
            apart.append(one)
        elif one.access and set(one.access) != set(access):
            same.append(one)
    if apart:
        finding = OtherCredentials(apart, shares=shares).finding
        yield finding.as_warning() if shares else finding
    if same:
        message = (
            f"{_WHY}: these jobs have the service client of {_join(same)}, and each log opens the directories of all"
        )
        yield Finding("warning", "other-directories", "--goCredential", message, f"to keep them apart, {_WAIT}")
