"""Secret of carried jobs: their credential as PanDA keeps it, beside all other secrets of its user."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from goclient.carrier.plan import FILE_KEY as FILE
from goclient.errors import RequestError
from goclient.errors.wording import pluralize, quote
from goclient.journal import Entry
from goclient.model.endpoint import Endpoint
from goclient.model.plan import TransferTask
from goclient.model.request import Credential, Grant, Who
from goclient.model.syntax.shell import command_line

_OURS = re.compile(rf"{FILE}goclient-([0-9a-f]{{8,64}})\.json")
SERVICE_DOMAIN = "@clients.auth.globus.org"
_SHOWN = 5


@dataclass(frozen=True)
class Secret:
    """A secret of PanDA's that jobs find as a file: for one service client the same, for tokens one a submission.

    ``identity`` is who acts, until the end of its rights if that is known; ``access`` are the directories that the jobs
    need.  With tokens ``collections`` are those which they are for, and the value is empty until they are minted.
    ``shares``: other secrets of the user's may go to the jobs, too.  ``grants`` are what the service client lacks.
    """

    file: str
    value: str = field(repr=False)
    who: Who = Who.SERVICE
    identity: str = ""
    until: str = ""
    access: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    shares: bool = False
    grants: tuple[Grant, ...] = ()

    @classmethod
    def of(cls, credential: Credential, place: str = "") -> Secret:
        """Return the secret that holds the credential of a service client; each ``place`` has its own.

        A place is a journal of a machine: it takes back its own secrets only.
        """
        digest = hashlib.sha256(f"{credential.client_id} {place}".encode()).hexdigest()[:16]
        document = {"client_id": credential.client_id, "client_secret": credential.secret}
        return cls(_file(digest), _pack(document), identity=f"{credential.client_id}{SERVICE_DOMAIN}")

    @classmethod
    def for_tokens(cls, collections: Sequence[str]) -> Secret:
        """Return the secret of one submission that will hold a token for each collection."""
        return cls(_file(uuid.uuid4().hex), "", Who.TOKEN, collections=tuple(collections))

    def with_tokens(self, tokens: Mapping[str, str], *, until: str, identity: str) -> Secret:
        """Return the secret with tokens, by the ids of their collections."""
        return replace(self, value=_pack({"tokens": dict(tokens)}), until=until, identity=identity)

    @property
    def key(self) -> str:
        """Return the key under which PanDA keeps it."""
        return FILE + self.file


def _file(digest: str) -> str:
    return f"goclient-{digest}.json"


def _pack(document: Mapping[str, object]) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def tokens_in(value: str) -> tuple[str, ...]:
    """Return the tokens in a secret as PanDA keeps it; none if there is a service client in it, or nothing of ours."""
    with suppress(ValueError, binascii.Error, KeyError, TypeError, AttributeError, RecursionError):
        return tuple(map(str, json.loads(base64.b64decode(value))["tokens"].values()))
    return ()


def id_of(key: str) -> str:
    """Return the id by which users know a credential, from its key at PanDA; empty for a secret of another kind."""
    found = _OURS.fullmatch(key)
    return found[1] if found is not None else ""


def access_of(tasks: Iterable[TransferTask]) -> tuple[str, ...]:
    """Return what tasks need of collections, in words: each directory once; of numbered ones the one above."""
    found: dict[tuple[str, str], str] = {}

    def need(endpoint: Endpoint, path: str, verb: str) -> None:
        if endpoint.is_globus:
            directory = path.partition("$")[0].rpartition("/")[0] + "/"
            place = endpoint.display, directory
            found[place] = "write" if "write" in (verb, found.get(place)) else verb

    for task in tasks:
        for item in task.items:
            need(task.source, item.source, "read")
            need(task.destination, item.destination, "write")
    return tuple(f"{name}:{directory} ({verb})" for (name, directory), verb in found.items())


@dataclass(frozen=True)
class Use:
    """Use of a secret by the jobs of one submission: what the journal says of it.

    ``who`` is a kind of :class:`Who`; ``process`` is the one that sends the jobs.
    """

    key: str
    who: str
    identity: str
    until: str
    server: str
    process: str
    access: tuple[str, ...]

    @property
    def subjects(self) -> tuple[str, ...]:
        """Return the subjects of its entries."""
        return (self.key, self.who, self.identity, self.until, self.server, self.process, *self.access)

    @property
    def is_over(self) -> bool:
        """Return True if its rights have ended by themselves, as far as that is known."""
        try:
            return datetime.fromisoformat(self.until) < datetime.now(UTC)
        except (ValueError, TypeError):
            return False

    @classmethod
    def read(cls, entry: Entry) -> Use:
        """Return the use of an entry."""
        key, who, identity, until, server, process, *access = (*entry.subjects, *[""] * 6)[
            : max(6, len(entry.subjects))
        ]
        return cls(key, who, identity, until, server, process, tuple(access))


class SecretsShared(RequestError):
    """Secrets of the user's beside that of these jobs: each job that gets one secret gets all."""


class OthersShared(SecretsShared):
    """Secrets of the user's that are not goclient's: each job that gets one secret gets all."""

    code = "other-secrets"

    def __init__(self, keys: Iterable[str]) -> None:
        names = [key.removeprefix(FILE) for key in keys]
        more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        shown = ", ".join(map(quote, names[:_SHOWN])) + more
        message = (
            f"PanDA keeps {pluralize(len(names), 'secret')} of yours that a job with a credential gets, too: {shown}; "
            "newer pilots write all of them into the job's log"
        )
        removal = f"type: {command_line('pbook', 'delete_secret', names[0])}"
        super().__init__(message, hint=f"{removal}; or accept it with --goShareSecrets", subject="--goShareSecrets")


def check_alone(keys: Iterable[str]) -> None:
    """Raise OthersShared if there are secrets beside those of goclient, by the keys of all of them."""
    if others := sorted(key for key in keys if not id_of(key)):
        raise OthersShared(others)


def check_lasts(end: datetime, *, needs: int, wait: int) -> None:
    """Raise RequestError if tokens end before jobs have waited in their queue, and run, for so many hours each."""
    hours = (end - datetime.now(UTC)).total_seconds() / 3600
    if needs + wait > hours:
        message = (
            f"the tokens for the jobs end in {hours:.0f} hours: {wait} for a job's wait in its queue "
            f"([carrier] wait) and {needs} of --goNeeds are more"
        )
        most = max(int(hours) - wait, 0)
        hint = f"ask for less: --goNeeds={most}; " if most else ""
        hint += "--goCredential=service has no such end"
        raise RequestError(message, hint=hint, code="token-ends", subject="--goNeeds")
