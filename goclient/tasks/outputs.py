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
PATTERN = "regex|"  # how an output begins whose name only the payload knows


class Outputs(NamedTuple):
    """The outputs of a task: their names in PanDA by those that the payload writes, and the log's, if it has one.

    In them ``${SN/P}`` is a job's number.
    """

    names: Mapping[str, str]
    log: str = ""


def outputs_of(task: TaskMap) -> Outputs:
    """The outputs of a task; raises RequestError if they are not written in a way that we know."""
    items = task["jobParameters"]
    declared = [str(item["value"]) for item in items if item.get("param_type") == "output"]
    texts = [match[1] for item in items if (match := _MAP.fullmatch(str(item.get("value", ""))))]
    names: dict[str, str] = {}
    try:
        for text in texts:
            names.update(_pairs(ast.literal_eval(text)))
    except (ValueError, SyntaxError):
        names = {}
    if set(declared) - set(names.values()):
        raise RequestError(
            f"which files become the outputs {', '.join(map(quoted, declared[:5]))} is not said in the task",
            hint="submit without --useGOForOutput and --Data, or declare the outputs otherwise",
            code="outputs",
        )
    log = str(task.get("log", {}).get("value", ""))
    return Outputs({name: _padded(lfn) for name, lfn in names.items()}, _padded(log))


def _padded(lfn: str) -> str:
    """The name as it is written among words: in a file's name ``${SN}`` has six digits, too (server 1.0.4)."""
    return lfn.replace("${SN}", "${SN/P}")


def _pairs(written: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each file's name and its name in PanDA: ``{name: lfn}`` of prun, ``{kind: [(name, lfn)] or lfn}`` of pathena."""
    for name, value in written.items():
        if isinstance(value, str):
            yield name, value
        else:
            yield from ((str(one), str(lfn)) for one, lfn in value)


def expected(names: Iterable[str], nickname: str, dataset: str, *, log: bool = True) -> Outputs:
    """What the outputs of a task will be, as far as it can be told before the task is made."""
    lfns = {name: name if name.startswith(PATTERN) else _expected(name, nickname) for name in names}
    return Outputs(lfns, f"{dataset}.log.$JEDITASKID.${{SN/P}}.log.tgz" if log else "")


def _expected(name: str, nickname: str) -> str:
    return f"user.{nickname}.$JEDITASKID._${{SN/P}}.{_packed(name)}"


def declared(outputs: str, trf: object, more: Sequence[str]) -> list[str]:
    """The names of the outputs that a command line declares: prun's --outputs, pathena's --trf and --extOutFile."""
    names = [name.rpartition(":")[2] for name in outputs.replace(" ", "").split(",") if name]
    text = " ".join(map(str, trf)) if isinstance(trf, list) else str(trf or "")
    return [*names, *_DECLARED.findall(text), *more]


def _packed(name: str) -> str:
    """The name of an output with a star, whose files are packed into one."""
    return name.replace("*", "XYZ") + ".tgz" if "*" in name else name
