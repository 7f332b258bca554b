"""Tokens of a person on disk: globus-sdk's JSON file, which only its owner can read, whole at any time."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import globus_sdk
from globus_sdk.token_storage import TokenStorage, TokenStorageData

from goclient import secrets
from goclient.errors import LoginNeeded, RequestError
from goclient.errors.wording import quote
from goclient.files.private import DIRECTORY, make_directory, replace

FORMAT = "2.0"  # JSONTokenStorage.format_version of globus-sdk 4
OTHERS = 0o077
TOO_LATE = 253_370_764_800  # the year 9999 begins: not every later second is a datetime in every time zone


def path_of(client_id: str, app_name: str, environment: str) -> Path:
    """Return where globus-sdk keeps the tokens of an app, each environment's in a file of its own."""
    prefix = "" if environment == "production" else f"{environment}-"
    return Path(os.path.expanduser(f"~/.globus/app/{client_id}/{app_name}/{prefix}tokens.json"))


class TokenFile(TokenStorage):
    """A token file; if it is damaged, or others can read it, every use of it raises an error that says how to mend it.

    ``lenient``: it may be one that others can read, as it is to be removed.
    """

    def __init__(self, path: Path, *, lenient: bool = False) -> None:
        super().__init__()
        self.path = path
        self._lenient = lenient

    def get_token_data_by_resource_server(self) -> dict[str, TokenStorageData]:
        """Return the tokens for each service; none without a file."""
        return self._tokens(self._read())

    def store_token_data_by_resource_server(
        self, token_data_by_resource_server: Mapping[str, TokenStorageData]
    ) -> None:
        """Put the tokens on disk, beside those for other services."""
        document = self._read()
        ours = document["data"].setdefault(self.namespace, {})
        ours.update({server: data.to_dict() for server, data in token_data_by_resource_server.items()})
        self._write(document)

    def remove_token_data(self, resource_server: str) -> bool:
        """Remove the tokens for a service from the disk; return True if there were some."""
        document = self._read()
        if document["data"].get(self.namespace, {}).pop(resource_server, None) is None:
            return False
        self._write(document)
        return True

    def remove(self) -> bool:
        """Remove the file, damaged or not; return True if there was one."""
        try:
            self.path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise self._file_error("removed", error) from error
        return True

    # --- reading ---

    def _read(self) -> dict[str, Any]:
        """Return the document of the file, its parts where they belong; an empty one without a file."""
        try:
            # Without waiting, as for a pipe that nobody writes to.
            with open(self.path, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)) as file:
                mode = os.fstat(file.fileno()).st_mode
                if not stat.S_ISREG(mode):
                    raise self._damage_error("it is not a regular file")
                if stat.S_IMODE(mode) & OTHERS and not self._lenient:
                    raise RequestError(
                        f"the token file {quote(self.path)} can be read by others (mode {stat.S_IMODE(mode):04o})",
                        hint="type: goclient logout && goclient login "
                        "(or chmod 600 it, if nobody else can have read it)",
                        code="token-file",
                        subject=str(self.path),
                    )
                content = file.read()
        except (FileNotFoundError, NotADirectoryError):
            return {"data": {}, "format_version": FORMAT, "globus-sdk.version": globus_sdk.__version__}
        except OSError as error:
            if error.errno == errno.ENXIO:
                raise self._damage_error("it is not a regular file") from error
            raise self._file_error("read", error) from error
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            raise self._damage_error("it is not JSON") from None  # the cause would show what is in the file
        if not isinstance(document, dict) or document.get("format_version") != FORMAT:
            raise self._damage_error(f'it has no "format_version" {FORMAT}')
        data = document.get("data")
        if not isinstance(data, dict) or not isinstance(data.get(self.namespace, {}), dict):
            raise self._damage_error('it has no tokens in its "data"')
        self._tokens(document)
        return document

    def _tokens(self, document: dict[str, Any]) -> dict[str, TokenStorageData]:
        ours = document["data"].get(self.namespace, {})
        try:
            tokens = {server: TokenStorageData.from_dict(data) for server, data in ours.items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            raise self._damage_error("a token lacks keys") from None
        for one in tokens.values():
            secrets.register(one.access_token, one.refresh_token)
        if len({one.identity_id for one in tokens.values()}) > 1:
            raise self._damage_error("its tokens are of several identities")
        if not all(0 <= one.expires_at_seconds < TOO_LATE for one in tokens.values()):
            raise self._damage_error("a token ends at an impossible time")
        return tokens

    # --- writing ---

    def _write(self, document: Mapping[str, Any]) -> None:
        """Replace the file, in a directory that only its owner can enter."""
        data = json.dumps({**document, "globus-sdk.version": globus_sdk.__version__}).encode()
        try:
            directory = self.path.parent
            make_directory(directory)
            if stat.S_IMODE(directory.stat().st_mode) & OTHERS:
                directory.chmod(DIRECTORY)
            replace(self.path, data)
        except OSError as error:
            raise self._file_error("written", error) from error

    # --- what can be wrong ---

    def _damage_error(self, reason: str) -> LoginNeeded:
        return LoginNeeded(
            f"the token file {quote(self.path)} is damaged: {reason}",
            hint="type: goclient logout && goclient login",
            code="token-file",
            subject=str(self.path),
        )

    def _file_error(self, done: str, error: OSError) -> RequestError:
        hint = "look at its directory, and at the rights and the room there"
        if os.path.isdir(self.path):
            hint = "a directory is in its place: remove it, then type: goclient login"
        return RequestError(
            f"the token file {quote(self.path)} cannot be {done}: {error.strerror}",
            hint=hint,
            code="token-file",
            subject=str(self.path),
        )
