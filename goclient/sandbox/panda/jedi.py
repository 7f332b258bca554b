"""JEDI in miniature: make the jobs of a task without input.

What is filled in, and in which order, is as in the server 1.0.4: AtlasAnalTaskRefiner and TaskRefinerBase for the task,
JobGenerator.makeJobParameters and getOutputFiles_JEDI for the jobs.  A range such as ``${OUTPUT0[0:2]}``, which the
server evaluates, stays as it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from goclient.sandbox.panda import builds
from goclient.sandbox.panda.outputs import KINDS, Output, read_outputs

MAX_JOBS = 10_000  # of a task
NEEDED = ("prodSourceLabel", "vo", "architecture", "transUses", "transHome", "processingType", "jobParameters")
SEQUENCE = "seq_number"  # the data set of a stream that counts
TRANSFORMATIONS = "/trf/user/"
WITH_SECRETS = "us"  # in specialHandling: the job gets all secrets of its user (useSecrets of JobSpec)

# The task parameters that the sandbox cannot satisfy, each with the reason.
UNSUPPORTED = {
    "preproSpec": "it has no preprocessing",
    "mergeSpec": "it merges nothing: leave --mergeOutput out",
    "mergeOutput": "it merges nothing: leave --mergeOutput out",
    "pfnList": "it has no input files: leave --pfnList out",
    "multiStepExec": "it has no containers: leave --containerImage out",
    "tarBallViaDDM": "it has no data sets",
    "loadXML": "it reads no XML",
    "useJobCloning": "it has no event service",
    "nEventsPerWorker": "it has no event service",
    "fineGrainedProc": "it has no event service",
    "hpoWorkflow": "it has no optimisation of hyperparameters",
    "segmentSpecs": "it has no segments",
}

_PLACEHOLDER = re.compile(r"\$\{([^}]+)\}")
_EVENT_SERVICE = re.compile(r"<PANDA_ES_ONLY>[^<]*</PANDA_ES_ONLY>")
_UNRESOLVED = re.compile(r"\$\{(?:IN.*|SEQNUMBER)\}")


class TaskRefused(Exception):
    """A task cannot become jobs; the text is for its user."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task that can become jobs."""

    common: Mapping[str, Any]  # the attributes that its jobs share
    parameters: str  # the template of their jobParameters
    outputs: tuple[Output, ...]
    sequences: Mapping[str, int]  # where each stream that counts begins
    jobs: int
    events: int
    events_per_job: int
    first_event: int | None
    random_seed: int
    source_url: str
    build: builds.Build | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Place of a job in its task: its input record, and its attempt at that; ``serial`` counts all jobs of the task."""

    task_id: int
    record: int
    serial: int
    attempt: int = 1


def refine(parameters: Mapping[str, Any], *, site: str, url: str) -> Task:
    """Return the task that a client's task parameters describe, for a site and a server; raise TaskRefused."""
    for name in NEEDED:
        if name not in parameters:
            raise TaskRefused(f"failed to extract common parameters with KeyError:'{name}'")
    for name, reason in UNSUPPORTED.items():
        if parameters.get(name):
            raise TaskRefused(f"doRefine failed with {name}: the sandbox cannot do that, {reason}")
    items = _items(parameters)
    numbers = {name: _number(parameters, name) for name in ("nEvents", "nEventsPerJob", "nFiles", "nFilesPerJob")}
    total = numbers["nEvents"] or numbers["nFiles"] or 1
    each = numbers["nEventsPerJob"] if numbers["nEvents"] else numbers["nFilesPerJob"]
    jobs = math.ceil(total / each) if each else 1
    if jobs > MAX_JOBS:
        raise TaskRefused(f"doRefine failed with {jobs} jobs: the sandbox makes {MAX_JOBS} of a task")
    offsets: dict[str, int | None] = {}  # of the numbers, by their placeholders; the first of each counts
    for item in items:
        if item.get("param_type") == "number":
            for placeholder in ("${RNDMSEED}", "${FIRSTEVENT}"):
                if placeholder in item["value"]:
                    offsets.setdefault(placeholder, item.get("offset"))
    outputs, values = read_outputs(items)
    sequences: dict[str, int] = {}
    for item in items:
        if item.get("dataset") == SEQUENCE:
            match = _PLACEHOLDER.search(item["value"])
            sequences[match[1].split("/")[0] if match else ""] = item.get("offset", 0)
    return Task(
        common=_common(parameters, site=site, url=url),
        parameters=_join(parameters["jobParameters"], values),
        outputs=tuple(outputs),
        sequences=sequences,
        jobs=jobs,
        events=total,
        events_per_job=each or total,
        first_event=offsets.get("${FIRSTEVENT}"),
        random_seed=offsets.get("${RNDMSEED}") or 0,
        source_url=str(parameters.get("sourceURL", url)),
        build=_build(parameters),
    )


def jobs_of(task: Task, task_id: int, library: builds.Library | None = None) -> Iterator[dict[str, Any]]:
    """Give each job of a task as JEDI hands it to the server, which fills in ``$JEDITASKID`` and the like; in order."""
    for number in range(1, task.jobs + 1):
        yield make_job(task, Place(task_id, number, number), library)


def build_job(task: Task, build: builds.Build, library: builds.Library, task_id: int) -> dict[str, Any]:
    """Return the job that makes a task's library, with the attributes that its other jobs have, too."""
    common = {**task.common, **_of_task(task_id)}
    return builds.make_job(build, library, common=common, url=task.source_url)


def make_job(task: Task, place: Place, library: builds.Library | None = None) -> dict[str, Any]:
    """Return one job of a task as JEDI hands it to the server; with a build, the job gets its library."""
    task_id = place.task_id
    names = {output.stream: output.name(place.serial) for output in task.outputs}
    files = [output.file(names[output.stream], task_id) for output in task.outputs]
    words = _fill(task, place, names)
    if library is not None:
        files.append(library.file("input"))
        words = words.replace("${LIB}", library.name)
    first = next((file for file in files if file["type"] == "output"), files[0] if files else {})
    return {
        **task.common,
        **_of_task(task_id),
        "attemptNr": place.attempt,
        "destinationDBlock": first.get("dataset", ""),
        "destinationSE": first.get("destinationSE", "local"),
        "jobParameters": words,
        "Files": files,
    }


def _of_task(task_id: int) -> dict[str, int]:
    return dict.fromkeys(("jediTaskID", "taskID", "reqID", "jobsetID"), task_id)


# --- the task ---


def _build(parameters: Mapping[str, Any]) -> builds.Build | None:
    """Return the build of a task, None without one; raise TaskRefused for one that cannot be."""
    try:
        return builds.read(parameters.get("buildSpec"))
    except ValueError as error:
        raise TaskRefused(f"doRefine failed with {error}") from error


def _items(parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the items of jobParameters, then the log's; raise TaskRefused unless all can be carried out."""
    given, log = parameters["jobParameters"], parameters.get("log", [])
    if not isinstance(given, list):
        raise TaskRefused(f"doRefine failed with jobParameters must be of type list, got {type(given).__name__}")
    items: list[dict[str, Any]] = [*given, *(log if isinstance(log, list) else [log])]
    for item in items:
        if not isinstance(item, dict) or item.get("type") not in ("constant", "template"):
            raise TaskRefused(f"doRefine failed with {item!r}: neither a constant nor a template")
        if not isinstance(item.get("value"), str) or not isinstance(item.get("offset", 0), int):
            raise TaskRefused(f"doRefine failed with {item!r}: its value must be a text, and its offset a number")
        kind, dataset = item.get("param_type"), item.get("dataset")
        if item["type"] == "constant":
            continue
        if kind == "input" or (kind == "pseudo_input" and dataset != SEQUENCE):
            raise TaskRefused(f'doBasicRefine : unknown input dataset "{dataset}"')
        if kind not in (*KINDS, "number", "pseudo_input"):
            raise TaskRefused(f"doRefine failed with unknown param_type '{kind}'")
        if kind in KINDS and not isinstance(dataset, str):
            raise TaskRefused(f"doRefine failed with {item!r}: an output without a dataset")
    if parameters.get("noInput") is not True:
        raise TaskRefused("doRefine failed with noInput: the sandbox has no input data sets")
    return items


def _number(parameters: Mapping[str, Any], name: str) -> int | None:
    value = parameters.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise TaskRefused(f"doRefine failed with {name}={value!r}: it must be a positive number")
    return value


def _join(items: list[dict[str, Any]], values: Mapping[int, str]) -> str:
    """Join the values of the items that are not hidden, each followed by a blank if it has padding."""
    text = ""
    for item in items:
        if item.get("hidden") is True:
            continue
        value = values.get(id(item), item["value"])
        text += f"<PANDA_ES_ONLY>{value}</PANDA_ES_ONLY>" if item.get("es_only") is True else value
        text += "" if item.get("padding") is False else " "
    return text[:-1]


def _common(parameters: Mapping[str, Any], *, site: str, url: str) -> dict[str, Any]:
    name, kind, given = str(parameters["taskName"]), str(parameters["processingType"]), parameters.get("transPath")
    words = kind.split("-")
    if not given and "cont" in words:
        raise TaskRefused("doRefine failed with runcontainer: the sandbox cannot do that, it has no containers")
    path = f"{TRANSFORMATIONS}{'runAthena-00-00-12' if 'athena' in words else 'runGen-00-00-02'}"
    if given:
        path = urlsplit(str(given)).path
    return {
        "jobDefinitionID": 0,
        "jobName": f"{name}.$ORIGINPANDAID",
        # One of the PanDA server's own transformations is taken from the sandbox.
        "transformation": f"{url}{path}" if path.startswith(TRANSFORMATIONS) else str(given),
        "AtlasRelease": parameters["transUses"],
        "homepackage": parameters["transHome"],
        "cmtConfig": parameters["architecture"],
        "prodSeriesLabel": "pandatest",
        "prodSourceLabel": parameters["prodSourceLabel"],
        "processingType": kind,
        "computingSite": site,
        "VO": parameters["vo"],
        "workingGroup": parameters.get("workingGroup"),
        "container_name": parameters.get("container_name"),
        "coreCount": parameters.get("coreCount", 1),
        "currentPriority": 1000,
        "assignedPriority": 1000,
        "ipConnectivity": "yes",
        "specialHandling": WITH_SECRETS if parameters.get("useSecrets") else None,
        "lockedby": "jedi",
    }


# --- a job ---


def _fill(task: Task, place: Place, names: Mapping[str, str]) -> str:
    """Return the jobParameters of one job: with the streams, then the numbers, and without an event service."""
    number = place.record
    streams = {**names, **{name: str(number + offset) for name, offset in task.sequences.items()}}
    text = _PLACEHOLDER.sub(lambda match: _of_stream(match, streams), task.parameters)
    skip = (number - 1) * task.events_per_job
    serial = place.serial + task.outputs[-1].offset if task.outputs else 0
    numbers: dict[str, Any] = {
        "SN": serial,
        "SN/P": f"{serial:06d}",
        "RNDMSEED": place.serial + task.random_seed,
        "MAXEVENTS": min(task.events_per_job, task.events - skip),
        "SKIPEVENTS": skip,
        "FIRSTEVENT": None if task.first_event is None else task.first_event + skip,
        "SURL": task.source_url,
        "ATTEMPTNR": place.attempt,
    }
    for name, value in numbers.items():
        text = text if value is None else text.replace(f"${{{name}}}", str(value))
    text = _EVENT_SERVICE.sub("", text)
    if unresolved := _UNRESOLVED.search(text):
        raise TaskRefused(f"unresolved {unresolved[0]} when making job parameters")
    return text


def _of_stream(match: re.Match[str], streams: Mapping[str, str]) -> str:
    """Return what a placeholder of a stream stands for, with its decorators; leave any other as it is."""
    name, _, decorators = match[1].partition("/")
    if name not in streams:
        return match[0]
    letters = decorators.split("/")
    value = streams[name]
    if "L" in letters:
        return f"'{value}'" if "A" in letters else value
    if "T" in letters:
        return str([value])
    return unquote(value) if "E" in letters else value
