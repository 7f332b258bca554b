"""Token that panda-client shows: checked, mended and renewed before panda-client reads it, and hidden."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

from goclient.config.proxy import has_certificate
from goclient.errors import LoginNeeded
from goclient.secrets import register_answer
from goclient.services.panda.token import VARIABLES, find_token
from goclient.tasks.panda_client import Function


def give_token() -> None:
    """Put the token that goclient would show where panda-client looks first; raise LoginNeeded if it cannot be sent.

    panda-client sends what is in a variable or a file as it is, line breaks included.  A person at a terminal who has
    neither a token nor a proxy is asked to log in by panda-client itself.
    """
    can_answer = sys.stdin is not None and sys.stdin.isatty()
    try:
        token = find_token(os.environ, optional=can_answer)
        if token is None:
            from goclient.config import environment  # 15 ms: those with a token do without it

            if not (can_answer or has_certificate(os.environ)):
                environment.panda_access()  # which tells how to get a proxy; panda-client would ask for a pass phrase
            return
        text = token.text
        if token.stored is not None:
            from goclient.config import environment  # few have a token to renew
            from goclient.services.panda.login import current_token

            text = current_token(token.stored, environment.panda_access())
    except LoginNeeded:
        if any(map(os.environ.get, VARIABLES)) or not can_answer:
            raise
        return
    os.environ["PANDA_AUTH_ID_TOKEN"] = text


def register_login(original: Function, *args: Any, **more: Any) -> io.BytesIO:
    """Register what panda-client's own login gets: with -v it shows all of it."""
    with original(*args, **more) as answer:
        content = answer.read()
    register_answer(content)
    return io.BytesIO(content)
