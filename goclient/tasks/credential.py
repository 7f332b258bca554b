"""The token that panda-client shows: judged, mended and renewed before panda-client reads it, and hidden."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

from goclient.errors import LoginNeeded
from goclient.panda_token import VARIABLES, find_token
from goclient.secrets import register_answer
from goclient.tasks.hooks import Function


def give_token() -> None:
    """Put the token that goclient would show where panda-client looks first; raises LoginNeeded if it cannot be sent.

    panda-client sends what is in a variable or a file as it is, line breaks included.  A person who has no token is
    asked to log in by panda-client itself.
    """
    try:
        token = find_token(os.environ, optional=True)
        if token is None:
            return
        text = token.text
        if token.stored is not None:
            from goclient import config
            from goclient.services.panda_login import current_token  # few have one to renew

            text = current_token(token.stored, config.panda_access())
    except LoginNeeded:
        if any(map(os.environ.get, VARIABLES)) or sys.stdin is None or not sys.stdin.isatty():
            raise
        return
    os.environ["PANDA_AUTH_ID_TOKEN"] = text


def noticed(original: Function) -> Function:
    """Register what panda-client's own login gets: with -v it shows all of it."""

    def urlopen(*args: Any, **more: Any) -> io.BytesIO:
        with original(*args, **more) as answer:
            content = answer.read()
        register_answer(content)
        return io.BytesIO(content)

    return urlopen
