"""Read the numbers of jobs that a program, or a user, gives: one by one, in ranges, in files, as they were printed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain, islice

from goclient.errors import Collector, UsageError, raise_all
from goclient.errors.conditions import UnreadWord
from goclient.errors.wording import quote
from goclient.files.text import list_lines

MOST = 10_000  # jobs at a time
_SHOWN = 60  # characters of numbers in a hint
_NUMBERS = re.compile(r"(?:PandaID=)?([0-9]{1,18})(?:-([0-9]{1,18}))?", re.ASCII)
TASK_NUMBER = re.compile(r"(?:[jJ]ediTaskID=)?(0*[1-9][0-9]{0,17})", re.ASCII)  # as panda-client, and kill, print it
_SEVERAL = "; several are written 42,43 or 42-141"
_TASKS = ("user.", "group.")  # begin the names of tasks
_LISTED = "write a number, or a range such as 42-141, on each line"
_BESIDE = ("jobName=", "retryOf=")  # begin what sendJob and retry print behind a number


def read_panda_ids(ids: Iterable[int | str]) -> list[int]:
    """Return the numbers, each once; raises every one that cannot be a PandaID, and UsageError if it is not a list.

    A text may be ``42``, ``PandaID=42``, ``42-141``, ``42,43``, ``@FILE`` with such words, or ``-`` for standard input.
    """
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
        message = f"PandaIDs must be a list, not {quote(ids)}"
        raise UsageError(message, hint="write them in brackets, such as [1, 2]", code="wrong-type", subject="ids")
    collector, found = Collector(), list[range]()
    for word in map(str, ids):
        with collector:
            found += _ranges_in(word)
    raise_all(collector.errors)
    check_count(sum(map(len, found)), chain.from_iterable(found))
    return list(dict.fromkeys(number for numbers in found for number in numbers))


def as_ranges(numbers: Iterable[int]) -> str:
    """Return numbers as they are read here, those that follow each other as one: ``42-45,47``."""
    found: list[list[int]] = []
    for number in sorted(set(numbers)):
        if found and found[-1][-1] == number - 1:
            found[-1][1:] = [number]
        else:
            found.append([number])
    return ",".join("-".join(map(str, one)) for one in found)


def check_count(jobs: int, numbers: Iterable[int]) -> None:
    """Raise UsageError for more jobs than a command takes; the hint has some of their ``numbers``, as it takes them."""
    if jobs > MOST:
        some = as_ranges(islice(numbers, MOST))
        some = some if len(some) <= _SHOWN else some[: _SHOWN + 1].rpartition(",")[0]
        hint = f"name fewer at a time, by their numbers, such as {some}"
        raise UsageError(f"{jobs:,} jobs are more than {MOST:,}", hint=hint, code="too-many", subject="PandaID")


def _ranges_in(word: str) -> list[range]:
    """Return the numbers in a word, or in the list that it names; raises each wrong word, of a list the first."""
    collector, found = Collector(), list[range]()
    is_list = word == "-" or word.startswith("@")
    for part in _parts_of_list(word) if is_list else _parts_of(word):
        with collector:
            found.append(_range_of(part))
    if is_list and len(collector.errors) > 1:
        first = collector.errors[0]
        message = f"{_name_list(word)}: {len(collector.errors)} words are not PandaIDs; the first: {first.message}"
        raise first.replace(message=message)
    raise_all(collector.errors)
    return found


def _parts_of(word: str) -> list[str]:
    return [] if word.startswith(_BESIDE) else word.split(",")


def _parts_of_list(word: str) -> list[str]:
    """Return the words in a list; raise GoclientError if there is none, or nothing is in it."""
    lines = list_lines(word[1:]) if word != "-" else _standard_input()
    words = [one for line in lines if not line.lstrip().startswith("#") for one in line.split()]
    parts = [part for one in words for part in _parts_of(one) if part]
    if not parts:
        raise UsageError(f"{_name_list(word)} has no PandaID in it", hint=_LISTED, code="empty-list", subject=word)
    return parts


def _name_list(word: str) -> str:
    return "standard input" if word == "-" else quote(word)


def _standard_input() -> list[str]:
    try:
        return list_lines("/dev/stdin")
    except UnreadWord as error:
        reason = error.message.rpartition('": ')[2]
        raise error.replace(message=f"standard input cannot be read: {reason}", hint=_LISTED) from error


def _range_of(text: str) -> range:
    """Return the numbers of ``42`` or ``42-141``; raise UsageError."""
    numbers = _NUMBERS.fullmatch(text)
    if numbers is None:
        hint = f"a PandaID is a number{_SEVERAL}"
        if task := TASK_NUMBER.fullmatch(text):
            hint = f"it is the number of a task: type --task {task[1]}"
        elif text.startswith(_TASKS):
            hint = "it is the name of a task: type --task and its number, jediTaskID"
        raise UsageError(f"{quote(text)} is not a PandaID", hint=hint, code="not-a-number", subject=text)
    first, last = int(numbers[1]), int(numbers[2] or numbers[1])
    if first > last:
        hint = f"write {last}-{first}"
        raise UsageError(f"{quote(text)} is upside down", hint=hint, code="upside-down", subject=text)
    return range(first, last + 1)
