"""Rules for paths, names of endpoints and other names, and what is wrong with a bad one.

A job's parameters pass through PanDA's server, which evaluates every ``$`` that it knows; of the others none may be in
a path.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

# The serial number of a job among its siblings, as JEDI writes it: plain, and padded to six digits.
SERIAL_NUMBERS = ("${SN}", "${SN/P}")

# What the server replaces in jobParameters when a job is stored (server 1.0.4, job_complex_module).
TASK_NUMBER = "$JEDITASKID"
SERVER_PLACEHOLDERS = ("$JOBSETID", TASK_NUMBER)

# What only JEDI replaces, when it makes the jobs of a task (server 1.0.4, JobGenerator).
TASK_PLACEHOLDERS = (
    "${ATTEMPTNR}",
    "${RNDMSEED}",
    "${MAXEVENTS}",
    "${SKIPEVENTS}",
    "${FIRSTEVENT}",
    "${SURL}",
)

PLACEHOLDERS = SERIAL_NUMBERS + SERVER_PLACEHOLDERS + TASK_PLACEHOLDERS
_PLACEHOLDER = re.compile("|".join(map(re.escape, PLACEHOLDERS)))

# What people type for ${SN} and ${SN/P}: without braces, with others, in small letters, with blanks.
_NEARLY_SERIAL = r"(?i)\$(?:\{ ?sn ?(?:(/ ?p) ?)?\}|\( ?sn ?(?:(/ ?p) ?)?\)|sn(?![a-z0-9_]))|%\(?sn\)?%|%\{sn\}"
UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TRY = re.compile(r"\.try([1-9][0-9]{0,8})\Z")  # ends the name of a job that was sent again
CURLY_QUOTES = "\u201c\u201d\u201e\u2018\u2019\u201a"  # of web pages and word processors
_HOME = r"/?\$(?:HOME\b|\{HOME\})/?"


class Problem(NamedTuple):
    """Problem of a value: what is wrong, what to do about it, and the right value if the cause tells it."""

    what: str
    remedy: str = ""
    instead: str = ""


class LocationError(ValueError):
    """Raised for a bad endpoint or path, with the problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


def fill_serial(text: str, serial: int) -> str:
    """Return the text with ``${SN}`` and ``${SN/P}`` replaced, as JEDI does: plain, and padded to six digits."""
    if "${SN" not in text:
        return text
    return text.replace("${SN}", str(serial)).replace("${SN/P}", f"{serial:06d}")


def respell_serial(text: str) -> str:
    """Return the text with the job's number as it is written, ``${SN}`` or ``${SN/P}``, where it is nearly so."""
    if "$" not in text and "%" not in text:
        return text
    return re.sub(_NEARLY_SERIAL, lambda found: "${SN/P}" if found[1] or found[2] else "${SN}", text)


def find_nearly_serial(text: str) -> dict[str, str]:
    """Return what was typed for the job's number in a text and means nothing, each with the right word."""
    found = (match[0] for match in re.finditer(_NEARLY_SERIAL, text)) if "$" in text or "%" in text else ()
    return {typed: respell_serial(typed) for typed in found if typed not in SERIAL_NUMBERS}


def path_problem(path: str, *, reads_home: bool = True, has_home: bool = True) -> Problem | None:
    """Return what is wrong with an absolute path or one below ``/~/``, None for a good one.

    ``reads_home``: a part ``~`` is read as the home directory, wherever it stands; ``has_home``: there is one.
    """
    if not path.isprintable() and not is_text(path):
        what, remedy = "it has a control character, or is not valid Unicode", "give it a name without"
        return Problem(what, remedy, path.strip("\t\r\n\0\x7f"))
    if "$" in path and "$" in _PLACEHOLDER.sub("", path):
        return _dollar_problem(path, has_home=has_home)
    if not path.startswith("/"):
        return _relative_problem(path) if has_home else _homeless_problem(path)
    if "/." in path and not {".", ".."}.isdisjoint(path.split("/")):
        clean = posixpath.normpath(path).replace("//", "/")
        if path.startswith("/~/") and not f"{clean}/".startswith("/~/"):
            return Problem("it has .. in it, which leads out of the home directory", "write the absolute path")
        is_directory = path.endswith(("/", "/.", "/..")) and clean != "/"
        return Problem("it has a . or .. in it", instead=f"{clean}/" if is_directory else clean)
    if not has_home and f"{path}/".startswith("/~/"):
        return _homeless_problem(path)
    if reads_home and "/~" in path and "~" in path.split("/")[2:]:
        what = "it has a part called ~, which would be read as a home directory"
        return Problem(what, instead=path[path.rfind("/~/") :] if "/~/" in path else "")
    return None


def _relative_problem(path: str) -> Problem:
    if path == "~" or path.startswith("~/"):
        return Problem("a home directory is written /~/", instead=f"/~/{path[2:]}")
    if path.startswith("~"):
        return Problem("only your own home directory has a short name, /~/", "write the absolute path")
    what = "the path must begin with / (or /~/ for the home directory)"
    if path.startswith(".."):
        return Problem(what, "write the absolute path")
    if path in ("", ".", "./"):
        return Problem(what, instead="/~/")
    below = path.removeprefix("./").lstrip("/")
    return Problem(what, f"or /~/{below} below the home directory", f"/{below}")


def _homeless_problem(path: str) -> Problem:
    """Return what is wrong with a path that is relative, or below a home directory, where there is none."""
    home, _, below = path.removeprefix("/").partition("/")
    if home == "~":
        return Problem("there is no home directory there", "leave out the ~", f"/{below}")
    instead = f"/{below if home == '.' else path}"
    return Problem("the path must begin with /", instead="" if path.startswith(("..", "~")) else instead)


def _dollar_problem(path: str, *, has_home: bool) -> Problem:
    """Return what is wrong with a path that has a ``$`` which nobody replaces as the user meant."""
    known = f"{', '.join(SERIAL_NUMBERS)} (the job's number), {' and '.join(SERVER_PLACEHOLDERS)}"
    what = f"it has a $ that is none of {known}, and the server would try to evaluate it"
    if (right := respell_serial(path)) != path:
        return Problem(what, "the number of a job is '${SN}', or '${SN/P}' with six digits", right)
    if has_home and (home := re.match(_HOME, path)):
        return Problem(what, "a home directory is written /~/", f"/~/{path[home.end() :]}")
    return Problem(what, "write what it stands for")


def is_text(text: str) -> bool:
    """Return True if a text has no control characters and is valid Unicode."""
    return text.isprintable() or not any(ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 for c in text)


# An endpoint of such a name, with a path //x, would read as the URL of another.
_SCHEMES = ("globus", "gsiftp", "davs", "file")

# Of such a name, a path //x shows that the URL of something else was typed.
FOREIGN_SCHEMES = frozenset(
    "http https ftp ftps s3 gs root roots xroot srm dav webdav webdavs davs+https https+davs sftp scp ssh rsync rucio "
    "gridftp gsi-ftp gftp gsi xrootd xroots dcap gsidcap hdfs smb nfs gcs abfs".split()
)


def url_problem(endpoint: str, path: str) -> Problem | None:
    """Return what is wrong with an endpoint and a path that read as the URL of something else."""
    scheme = endpoint.lower() if path.startswith("//") else ""
    if scheme in FOREIGN_SCHEMES or scheme in _SCHEMES or (scheme.isalpha() and near_scheme(scheme, _SCHEMES)):
        return Problem(f"{scheme}:// is not a scheme of a location", "write ENDPOINT:/path")
    return None


def near_scheme(word: str, schemes: Iterable[str]) -> str:
    """Return the scheme that a word of at least four letters is nearly, such as gsitfp; or the empty string."""
    from goclient.model.nearest import nearest  # only a path that begins with two slashes pays for it

    return "".join(nearest(word, schemes, most=1, ratio=0.7)) if len(word) > 3 else ""


@lru_cache(1024)  # thousands of files are on a few endpoints
def endpoint_problem(endpoint: str) -> Problem | None:
    """Return what is wrong with the name of an endpoint, None for a good one."""
    if endpoint in _SCHEMES:
        return Problem(f"{endpoint} is the name of a scheme", "give the collection's UUID")
    if "$" in endpoint:
        what = "the endpoint's name has a $, which the server would try to evaluate"
        return Problem(what, "give the collection's UUID")
    if endpoint.startswith(tuple(CURLY_QUOTES)):
        return Problem(
            f"{endpoint[0]} is not a quote for a shell", "retype it, or leave it out", endpoint.strip(CURLY_QUOTES)
        )
    what = name_problem("endpoint", endpoint)
    return Problem(what) if what else None


def name_problem(what: str, name: str) -> str:
    """Return what is wrong with a name of such a thing, or the empty string."""
    if not name.strip():
        return f"the {what} has no name"
    if not is_text(name):
        return f"the {what} has a control character, or is not valid Unicode"
    if len(name) > 256:
        return f"the {what}'s name is longer than 256 characters"
    return ""


# What the names of PanDA's queues have, and a little more: letters, digits, and these signs.
_QUEUE = re.compile(r"[A-Za-z0-9_./?:@+#=~-]*")


def queue_problem(queue: str) -> Problem | None:
    """Return what is wrong with the name of a PanDA queue, None for a good one."""
    if _QUEUE.fullmatch(queue):
        return None
    from goclient.model.confusable import skeleton  # only a mistake pays for it

    first = next(iter(re.split(r"[\s,;|\"'\x00-\x1f]+", skeleton(queue).strip(" \t\r\n,;\"'\0"))), "")
    instead = first if _QUEUE.fullmatch(first) else ""
    if any(sign in queue.strip(" ,;") for sign in ",; |"):
        return Problem("a job runs at one queue", "for each queue type the command once", instead)
    odd = next(sign for sign in queue if not _QUEUE.fullmatch(sign))
    shown = "a blank" if odd == " " else odd if odd.isprintable() and odd.isascii() else f"U+{ord(odd):04X}"
    return Problem(f"no queue's name has {shown}", "" if instead else "retype it", instead)


NO_IDENTITY = "is neither a UUID nor a user name with its domain"


def is_identity(text: str) -> bool:
    """Return True for the id of a Globus identity, or a user name with its domain."""
    name, at, domain = text.rpartition("@")
    is_user = bool(name and at and domain) and text.isprintable() and not {",", " "}.intersection(text)
    return is_user or UUID.fullmatch(text) is not None


def first_name(name: str) -> str:
    """Return the name of a job's first try."""
    return _TRY.sub("", name)


def try_number(name: str) -> int:
    """Return which try of a job has a name, 1 for the first."""
    found = _TRY.search(name)
    return int(found[1]) if found else 1
