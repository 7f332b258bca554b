"""Outputs of a task: names in PanDA are not those that a payload writes.

The wrapper that runs a payload gives each declared output its name in PanDA, such as
``user.jdoe.$JEDITASKID._${SN/P}.out.dat`` for ``out.dat``, before transfers begin.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from goclient.errors import RequestError
from goclient.errors.wording import quote
from goclient.tasks import panda_client

TaskMap = dict[str, Any]  # the parameters of a task, a JSON object of panda-client's

MAP = re.compile(r'-o "(\{.*\})"\s*', re.DOTALL)  # how both tools tell the wrapper
_DECLARED = r"%OUT\.([^ \"',]+)"  # outputs among the words of pathena's --trf
_DERIVED = r"--output(DAOD|D2AOD)File[ =\"']+([^ \"',]+)"  # a name to which each format is put in front
_FORMATS = r"(?:--reductionConf|--formats)[ =\"']+([^ \"']+)"
PATTERN = "regex|"  # how an output begins whose name only the payload knows


class Outputs(NamedTuple):
    """Hold the outputs of a task: their names in PanDA by those that the payload writes, and the log's, if it has one.

    In them ``${SN/P}`` is a job's number.
    """

    names: Mapping[str, str]
    log: str = ""


class ExpectedTask(NamedTuple):
    """Hold what is known of one task before it is made: its dataset, and what its outputs will be."""

    dataset: str
    outputs: Outputs

    def without_log(self) -> ExpectedTask:
        """Return it as a job sees it, which has ended when its log is made."""
        return self._replace(outputs=self.outputs._replace(log=""))


def read_outputs(task: TaskMap) -> Outputs:
    """Return the outputs of a task; raise RequestError if they are not written in a way that we know.

    An output that is not hidden is a %OUT which pathena did not take for one: the payload is told the name in PanDA.
    """
    items = task["jobParameters"]
    outputs = [item for item in items if item.get("param_type") == "output"]
    lfns = [str(item["value"]) for item in outputs]
    texts = [match[1] for item in items if (match := MAP.fullmatch(str(item.get("value", ""))))]
    names: dict[str, str] = {}
    try:
        for text in texts:
            names.update(_read_pairs(ast.literal_eval(text)))
    except (ValueError, SyntaxError):
        names = {}
    names.update((pad_serial(lfn), lfn) for item, lfn in zip(outputs, lfns, strict=True) if not item.get("hidden"))
    if set(lfns) - set(names.values()):
        raise RequestError(
            f"the task does not say which files become the outputs {', '.join(map(quote, lfns[:5]))}",
            hint="submit without --useGOForOutput and --Data, or declare the outputs otherwise",
            code="outputs",
        )
    log = str(task.get("log", {}).get("value", ""))
    return Outputs({name: pad_serial(lfn) for name, lfn in names.items()}, pad_serial(log))


def pad_serial(lfn: str) -> str:
    """Return the name as it is written among words: in a file's name ``${SN}`` has six digits, too (server 1.0.4)."""
    return lfn.replace("${SN}", "${SN/P}")


def _read_pairs(written: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each file's name and its name in PanDA: ``{name: lfn}`` of prun, ``{kind: [(…, name, lfn)] or lfn}``."""
    for name, value in written.items():
        if isinstance(value, str):
            yield name, value
        else:
            yield from ((str(item[-2]), str(item[-1])) for item in value)


def expect_tasks(options: Any, read: Callable[[str], Any]) -> list[ExpectedTask]:
    """Return what panda-client's own options, and the file that they name, tell of the tasks before they are made."""
    more = getattr(options, "extOutFile", "") or []
    more = more.split(",") if isinstance(more, str) else more
    names = list_declared(getattr(options, "outputs", ""), str(getattr(options, "trf", "") or ""), more)
    datasets = [options.outDS or ""]
    if options.inOutDsJson:
        datasets = [item["outDS"] for item in read(options.inOutDsJson)]
    middle = bool(options.addNthFieldOfInDSToLFN or options.addNthFieldOfInFileToLFN)
    log = not getattr(options, "noSeparateLog", False)
    stripped = (dataset.rstrip("/") for dataset in datasets)
    return [ExpectedTask(dataset, expect_outputs(names, dataset, middle=middle, log=log)) for dataset in stripped]


def expect_outputs(names: Iterable[str], dataset: str, *, middle: bool = False, log: bool = True) -> Outputs:
    """Return what the outputs of a task will be, as far as it can be told before the task is made.

    ``middle``: JEDI puts a field of the input's name into each of them.
    """
    parts = dataset.split(".")
    prefix = ".".join(parts[:2] if len(parts) > 2 else parts) + ("${MIDDLENAME}" if middle else "")
    lfns = {}
    for name in names:
        packed = name.replace("*", "XYZ") + ".tgz" if "*" in name else name  # the files of a star are packed into one
        lfns[name] = name if name.startswith(PATTERN) else f"{prefix}.$JEDITASKID._${{SN/P}}.{packed}"
    return Outputs(lfns, f"{dataset}.log.$JEDITASKID.${{SN/P}}.log.tgz" if log else "")


def list_declared(outputs: str, trf: str, more: Sequence[str]) -> list[str]:
    """List the outputs that a command line declares: --outputs of prun, --extOutFile and --trf."""
    names = [name.rpartition(":")[2] for name in outputs.replace(" ", "").split(",") if name]
    return list(dict.fromkeys([*names, *more, *read_trf(trf).found]))


class TrfOutputs(NamedTuple):
    """Hold the outputs that pathena finds in a transformation, and those that it leaves as they are."""

    found: list[str]
    missed: list[str]


def read_trf(trf: str) -> TrfOutputs:
    """Return the outputs of a transformation, as pathena 2.0 to 2.2 finds them.

    A name ends with its word, and at a quote, a comma or a semicolon; in each word only the first counts.
    """
    text = trf.replace(";", " ")
    found = [match[1] for word in text.split() if (match := re.search(_DECLARED, word))]
    every = dict.fromkeys(name for word in text.split() for name in re.findall(_DECLARED, word))
    base, formats = re.search(_DERIVED, text), re.search(_FORMATS, text)
    if base is None:
        return TrfOutputs(found, [name for name in every if name not in found])
    skipped = base[2].replace("%OUT.", "")
    derived = [one.strip() for one in (formats[1].split(",") if formats else ()) if one.strip()]
    found = [*(f"{base[1]}_{one}.{skipped}" for one in derived), *(name for name in found if name != skipped)]
    known = {*found, skipped} if formats else {*found}
    return TrfOutputs(found, [name for name in every if name not in known])


def check_dataset(dataset: str, options: Any, nickname: str) -> None:
    """Raise RequestError for a dataset that panda-client would refuse, but only after it has uploaded."""
    merging = getattr(options, "mergeOutput", False)
    right = panda_client.find(panda_client.CHECK_OUTDS)(
        f"{dataset}/", options.official, nickname, merging, options.verbose
    )
    if not right:
        message = f"panda-client takes no output dataset {quote(dataset)}; nothing was uploaded"
        own = re.sub(rf"^(user\.[^.]*|{re.escape(nickname)})(\.|$)", "", dataset)
        name = own if re.fullmatch(r"[A-Za-z0-9_.-]+", own) else "test"
        hint = "name it group.GROUP.SOMETHING" if options.official else f"did you mean --outDS=user.{nickname}.{name}?"
        raise RequestError(message, hint=hint, code="outDS", subject="--outDS")
