"""Names that were kept on this machine, for the completion of words: queues, endpoints and campaigns.

Nobody is asked.  This is read while a user waits for a key: it imports nothing slow.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping

from goclient.config import environment

_CAMPAIGN = 5  # where the subjects of a request have its campaign: jobs/sent.py, Subjects
_TAIL = 1 << 20  # bytes of the end of a journal, which has the last thousand requests
_TABLE = (
    r"""(?m)^[ \t]*\[[ \t]*(?:"([^"\\\n]+)"|'([^'\n]+)'|([\w-]+))[ \t]*\]"""  # TOML 1.0, but for names with escapes
)
_MOST = 16 << 20  # bytes of another file


def queues(env: Mapping[str, str] = os.environ) -> list[str]:
    """Return the queues of the PanDA server, as they were told last."""
    try:
        with open(environment.queue_source(env).file, "rb") as file:
            return sorted(json.loads(file.read(_MOST))["queues"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return []


def endpoints(env: Mapping[str, str] = os.environ) -> list[str]:
    """Return the names of the user's and the site's catalogue; to read and judge all of it takes longer."""
    found = set()
    for path in (environment.user_catalogue(env), environment.SITE_CATALOGUE):
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read(_MOST)
        except (OSError, ValueError):
            continue
        found |= {quoted or literal or bare for quoted, literal, bare in re.findall(_TABLE, text)}
    return sorted(found)


def campaigns() -> list[str]:
    """Return the campaigns of the last requests in the journal, the newest first."""
    try:
        with open(environment.journal_path(), "rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - _TAIL, 0))
            lines = file.read(_TAIL).splitlines()
    except OSError:
        return []
    found = []
    for line in reversed(lines):
        if b'"what":"request"' not in line:
            continue
        try:
            subjects = json.loads(line)["subjects"]
        except (ValueError, TypeError, KeyError, RecursionError):  # cut at its beginning, or torn by a crash
            continue
        if isinstance(subjects, list) and len(subjects) > _CAMPAIGN and subjects[_CAMPAIGN]:
            found.append(str(subjects[_CAMPAIGN]))
    return list(dict.fromkeys(found))
