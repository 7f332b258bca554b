"""Many findings of one cause, as they are told: the first, with how many there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from goclient.errors.findings import Finding
from goclient.errors.wording import quoted

_SINGLE = 3  # findings of one cause that are each printed; of more the first, with the names of so many others


def group_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings as they are printed: of many with one cause the first, which names a few of the others.

    One cause have those that say the same of files in one directory, and those that one hint mends.
    """
    return _grouped(_grouped(findings, _split), lambda one: (one.hint, one.subject if "/" in one.subject else ""))


def _split(finding: Finding) -> tuple[str, str]:
    """Return the directory and the name of the file that a finding is about."""
    directory, _, name = finding.subject.rstrip("/").rpartition("/")
    return directory, name if directory else ""


def _grouped(findings: Iterable[Finding], split: Callable[[Finding], tuple[str, str]]) -> list[Finding]:
    """Return the findings, and join those alike but for a name; ``split`` gives what is common, and the name."""
    groups: dict[object, list[Finding]] = {}
    for one in findings:
        common, name = split(one)
        said = re.sub(r"\d+ bytes" if one.level == "ok" else '"[^"]*"', "", one.message.replace(one.subject, ""))
        groups.setdefault((one.level, one.code, common, said) if name else one, []).append(one)
    joined = (group if len(group) <= _SINGLE else [_join(group, split)] for group in groups.values())
    return [one for some in joined for one in some]


def _join(group: Sequence[Finding], split: Callable[[Finding], tuple[str, str]]) -> Finding:
    """Return the first of a group, with the names of a few others."""
    names = list(dict.fromkeys(quoted(split(one)[1]) for one in group))
    shown = ", ".join(names[1 : _SINGLE + 1]) + (", …" if len(names) > _SINGLE + 1 else "")
    message = f"{group[0].message}; and {len(names) - 1:,} more like it: {shown}"
    hint = group[0].hint if len({one.hint for one in group}) == 1 else f"for {names[0]}: {group[0].hint}"
    return group[0]._replace(message=message, hint=hint)
