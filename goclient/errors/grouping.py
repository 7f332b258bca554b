"""Many findings of one cause, as they are told: the first, with how many there are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from goclient.errors.findings import Finding
from goclient.errors.wording import quote

_SINGLE = 3  # findings of one cause that are each printed; of more the first, with the names of so many others


def group_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings as they are printed: of many with one cause the first, which names a few of the others.

    One cause have those that say the same of different files in one directory, or in any if one hint mends them all.
    """
    groups: dict[object, list[Finding]] = {}
    for one in dict.fromkeys(findings):
        directory, name = _split(one)
        groups.setdefault((*_strip_subject(one), directory) if name else one, []).append(one)
    alike: dict[object, list[Finding]] = {}
    for key, group in groups.items():
        hint = group[0].hint if len({one.hint for one in group}) == 1 and _split(group[0])[1] else None
        alike.setdefault(key if hint is None else (*_strip_subject(group[0]), hint), []).extend(group)
    return [one for group in alike.values() for one in _shorten(group)]


def _split(finding: Finding) -> tuple[str, str]:
    """Return the directory and the name of the file that a finding is about."""
    directory, _, name = finding.subject.rstrip("/").rpartition("/")
    return directory, name if directory else ""


def _strip_subject(one: Finding) -> tuple[str, str, str]:
    """Return what a finding has in common with those that say the same of other files."""
    varying = r"\d+ bytes" if one.level == "ok" else '"[^"]*"'
    return one.level, one.code, re.sub(varying, "", one.message.replace(one.subject, ""))


def _shorten(group: Sequence[Finding]) -> Iterator[Finding]:
    """Yield the findings of a group; of many about different files the first, with the names of a few others."""
    subjects = {one.subject for one in group}
    if len(group) <= _SINGLE or len(subjects) < len(group):  # what says several things of one file is told each
        yield from group
        return
    in_one = len({_split(one)[0] for one in group}) == 1
    names = [quote(_split(one)[1] if in_one else one.subject) for one in group]
    shown = ", ".join(names[1 : _SINGLE + 1]) + (", …" if len(names) > _SINGLE + 1 else "")
    hint = group[0].hint if len({one.hint for one in group}) == 1 else f"for {names[0]}: {group[0].hint}"
    yield group[0]._replace(message=f"{group[0].message}; and {len(group) - 1:,} more like it: {shown}", hint=hint)
