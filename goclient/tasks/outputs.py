"""What the jobs of a task write, as the task's parameters say it: names in PanDA are not those that a payload writes.

The wrapper that runs a payload gives each declared output its name in PanDA, such as
``user.jdoe.$JEDITASKID._${SN/P}.out.dat`` for ``out.dat``, before transfers begin.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from goclient.errors import RequestError, quoted

TaskMap = dict[str, Any]  # the parameters of a task, a JSON object of panda-client's

_MAP = re.compile(r'-o "(\{.*\})"\s*', re.DOTALL)  # how both tools tell the wrapper
_DECLARED = re.compile(r"%OUT\.([^ \"',]+)")  # outputs among the words of pathena's --trf
_DERIVED = re.compile(r"--output(DAOD|D2AOD)File[ =\"']+([^ \"',]+)")  # a name to which each format is put in front
_FORMATS = re.compile(r"(?:--reductionConf|--formats)[ =\"']+([^ \"']+)")
PATTERN = "regex|"  # how an output begins whose name only the payload knows


class Outputs(NamedTuple):
    """The outputs of a task: their names in PanDA by those that the payload writes, and the log's, if it has one.

    In them ``${SN/P}`` is a job's number.
    """

    names: Mapping[str, str]
    log: str = ""


def outputs_of(task: TaskMap) -> Outputs:
    """Return the outputs of a task; raises RequestError if they are not written in a way that we know.

    An output that is not hidden is a %OUT which pathena did not take for one: the payload is told the name in PanDA.
    """
    items = task["jobParameters"]
    declared = [str(item["value"]) for item in items if item.get("param_type") == "output"]
    texts = [match[1] for item in items if (match := _MAP.fullmatch(str(item.get("value", ""))))]
    names: dict[str, str] = {}
    try:
        for text in texts:
            names.update(_pairs(ast.literal_eval(text)))
    except (ValueError, SyntaxError):
        names = {}
    told = [str(item["value"]) for item in items if item.get("param_type") == "output" and not item.get("hidden")]
    names.update((padded(lfn), lfn) for lfn in told)
    if set(declared) - set(names.values()):
        raise RequestError(
            f"which files become the outputs {', '.join(map(quoted, declared[:5]))} is not said in the task",
            hint="submit without --useGOForOutput and --Data, or declare the outputs otherwise",
            code="outputs",
        )
    log = str(task.get("log", {}).get("value", ""))
    return Outputs({name: padded(lfn) for name, lfn in names.items()}, padded(log))


def padded(lfn: str) -> str:
    """Return the name as it is written among words: in a file's name ``${SN}`` has six digits, too (server 1.0.4)."""
    return lfn.replace("${SN}", "${SN/P}")


def _pairs(written: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each file's name and its name in PanDA: ``{name: lfn}`` of prun, ``{kind: [(…, name, lfn)] or lfn}``."""
    for name, value in written.items():
        if isinstance(value, str):
            yield name, value
        else:
            yield from ((str(item[-2]), str(item[-1])) for item in value)


def expected(names: Iterable[str], dataset: str, *, middle: bool = False, log: bool = True) -> Outputs:
    """Return what the outputs of a task will be, as far as it can be told before the task is made.

    ``middle``: JEDI puts a field of the input's name into each of them.
    """
    parts = dataset.split(".")
    begin = ".".join(parts[:2] if len(parts) > 2 else parts) + ("${MIDDLENAME}" if middle else "")
    lfns = {name: name if name.startswith(PATTERN) else _expected(name, begin) for name in names}
    return Outputs(lfns, f"{dataset}.log.$JEDITASKID.${{SN/P}}.log.tgz" if log else "")


def _expected(name: str, begin: str) -> str:
    return f"{begin}.$JEDITASKID._${{SN/P}}.{_packed(name)}"


def declared(outputs: str, trf: str, more: Sequence[str]) -> list[str]:
    """Return the names of the outputs that a command line declares: --outputs of prun, --extOutFile and --trf."""
    names = [name.rpartition(":")[2] for name in outputs.replace(" ", "").split(",") if name]
    return list(dict.fromkeys([*names, *more, *declared_in(trf)]))


def declared_in(trf: str) -> list[str]:
    """Return the outputs that pathena (2.0 to 2.2) finds in a transformation.

    A name ends with its word, and at a quote, a comma or a semicolon; in each word only the first counts.
    """
    text = trf.replace(";", " ")
    found = [match[1] for word in text.split() if (match := _DECLARED.search(word))]
    base, formats = _DERIVED.search(text), _FORMATS.search(text)
    if base is None:
        return found
    skipped = base[2].replace("%OUT.", "")
    derived = (one.strip() for one in (formats[1].split(",") if formats else ()))
    return [*(f"{base[1]}_{one}.{skipped}" for one in derived if one), *(name for name in found if name != skipped)]


def undeclared_in(trf: str) -> list[str]:
    """Return the names after %OUT. in a transformation that pathena does not find: it leaves the %OUT. as it is."""
    text = trf.replace(";", " ")
    base = _DERIVED.search(text) if _FORMATS.search(text) else None
    known = {*declared_in(trf), base and base[2].replace("%OUT.", "")}
    names = (name for word in text.split() for name in _DECLARED.findall(word))
    return [name for name in dict.fromkeys(names) if name not in known]


def _packed(name: str) -> str:
    """Return the name of an output with a star, whose files are packed into one."""
    return name.replace("*", "XYZ") + ".tgz" if "*" in name else name
