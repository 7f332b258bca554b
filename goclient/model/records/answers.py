"""Jobs as the PanDA server describes them: to the pilot that is to run one, and to those who ask what became of it.

The names in its answers are those of server 1.0.4.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from goclient.errors import ServerError
from goclient.errors.sent import UnreadableJob
from goclient.errors.wording import cite, quote
from goclient.model.frozen import Frozen
from goclient.model.records.panda_job import LOG, UNSET, JobRecord, JobTemplate

MAX_PANDA_ID = 10**18  # the column is a NUMBER(11), or a bigint
MAX_SHORT = 4096  # characters of what has a column of at most 4000, which is all but a job's parameters
MAX_REASON = 1000  # characters of why a job failed; each of the columns has 250 to 500
MAX_DIAGNOSIS = 500  # characters of one of them: pilotErrorDiag and exeErrorDiag
MAX_NAME = 256  # characters of a jobName
MAX_METADATA = 4 << 20  # characters: runGen takes 1 MiB of a job's own, and adds little
DONE = frozenset({"finished", "failed", "cancelled", "closed"})  # pandaserver/taskbuffer/JobSpec.py: no state follows
# Of tasks: pandaserver/taskbuffer/JediTaskSpec.py; a user may retry one of them, which is another attempt.
TASK_DONE = frozenset({"finished", "failed", "done", "aborted", "broken"})
TASK_ENDING = frozenset({"toabort", "aborting", "tobroken"})
_MALFORMED = "the PanDA server sent a malformed job"

# Where the server, or a pilot, says why a job failed.
DIAGNOSES = (
    "pilotErrorDiag",
    "exeErrorDiag",
    "taskBufferErrorDiag",
    "jobDispatcherErrorDiag",
    "brokerageErrorDiag",
    "ddmErrorDiag",
    "supErrorDiag",
)
TIME = "__datetime__"  # the key of a time, in UTC (encode_special_cases of pandaserver/server/panda.py)

# The columns of ErrorCodes, in their order.
CODES = (
    "pilotErrorCode",
    "exeErrorCode",
    "transExitCode",
    "jobDispatcherErrorCode",
    "taskBufferErrorCode",
    "ddmErrorCode",
)


class AssignedJob(Frozen):
    """Hold a job as a pilot gets it from the dispatcher.

    A ``task_id`` may also be a count of jobs that were submitted together: only :class:`JobState` says for certain.
    """

    panda_id: int
    name: str
    transformation: str
    parameters: str
    attempt: int
    task_id: int
    log_file: str
    log_guid: str
    dispatch_block: str
    destination_block: str
    inputs: str = ""  # names of PanDA's own input files, with commas
    owner: str = ""  # who submitted it: a DN, or the name in a token, as the server has proven it
    secrets: str = field(default="", repr=False)  # JSON of all that its user has set, if the job asks for them

    @classmethod
    def from_answer(cls, job: dict[str, Any]) -> AssignedJob:
        """Read the job in one element of ``acquire_jobs``' answer; raise ServerError if it is not one."""
        try:
            return cls(
                panda_id=_panda_id(job["PandaID"]),
                name=_short(job, "jobName"),
                transformation=_short(job, "transformation"),
                parameters=_text(job, "jobPars"),
                attempt=_number(job, "attemptNr"),
                task_id=_number(job, "taskID"),
                log_file=_short(job, "logFile"),
                log_guid=_short(job, "logGUID"),
                dispatch_block=_short(job, "dispatchDblock"),
                destination_block=_short(job, "destinationDblock"),
                inputs=_text(job, "inFiles"),
                owner=_short(job, "prodUserID"),
                secrets=_text(job, "secrets"),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ServerError(f"{_MALFORMED}: {cite(repr(error))}", code="bad-answer") from error


class ErrorCodes(NamedTuple):
    """Hold the codes with which a job has failed; 0 where nothing says so."""

    pilot: int = 0
    program: int = 0  # exeErrorCode
    exit: int = 0  # transExitCode
    dispatcher: int = 0
    buffer: int = 0
    data: int = 0

    @classmethod
    def from_answer(cls, job: Mapping[str, Any]) -> ErrorCodes:
        """Read the codes of a job; what is not a number says nothing."""
        texts = (_text(job, key) for key in CODES)
        return cls(*(int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0 for text in texts))


NO_CODES = ErrorCodes()


class JobState(NamedTuple):
    """Hold what the server knows of a job; ``reason`` is empty unless something went wrong.

    ``reported`` is what code of goclient's has told in the job, under ``goclient`` in its metadata; the server has it
    once the job is over.  A job can write anything there.
    """

    panda_id: int
    attempt: int
    task_id: int  # of JEDI, 0 without a task
    state: str
    reason: str
    parameters: str
    reported: Mapping[str, Any] = MappingProxyType({})
    codes: ErrorCodes = NO_CODES
    name: str = ""
    site: str = ""
    created: float | None = None  # in seconds since 1970, as the other times
    started: float | None = None
    ended: float | None = None
    metrics: str = ""  # jobMetrics, as its pilot has reported it

    @property
    def is_over(self) -> bool:
        """Return True if the job is over, well or not."""
        return self.state in DONE

    @classmethod
    def from_answer(cls, job: Any) -> JobState:
        """Read the state in one element of ``get_description``'s answer; raise UnreadableJob if it is not a job."""
        try:
            numbers = _panda_id(job["PandaID"]), _number(job, "attemptNr"), _number(job, "jediTaskID")
        except (KeyError, TypeError, ValueError) as error:
            why = cite(error) if isinstance(error, ValueError) else quote(job)
            raise UnreadableJob(f"{_MALFORMED}: {why}") from error
        diagnoses = dict.fromkeys(_text(job, key) for key in DIAGNOSES)  # two of them may say the same
        reason = cite("; ".join(filter(None, diagnoses)), MAX_REASON)
        state, parameters = cite(_text(job, "jobStatus"), 100), _text(job, "jobParameters")
        return cls(
            *(*numbers, state, reason, parameters),
            reported=_read_report(_text(job, "metadata")),
            codes=ErrorCodes.from_answer(job),
            name=cite(_text(job, "jobName"), MAX_NAME),
            site=cite(_text(job, "computingSite"), MAX_NAME),
            created=_moment(job.get("creationTime")),
            started=_moment(job.get("startTime")),
            ended=_moment(job.get("endTime")),
            metrics=cite(_text(job, "jobMetrics"), MAX_DIAGNOSIS),
        )


def _read_report(metadata: str) -> Mapping[str, Any]:
    """Return what a job's code has told under ``goclient``, in the report that runGen makes; empty if nothing."""
    found: Any = {}
    if "user_job_metadata" in metadata and len(metadata) <= MAX_METADATA:
        with suppress(ValueError, TypeError, KeyError, RecursionError):
            found = json.loads(metadata)["user_job_metadata"]["goclient"]
    return found if isinstance(found, dict) else {}


def is_panda_id(value: object) -> bool:
    """Return True for a number that the server's database gives to jobs: whole, positive, 18 digits at most."""
    return type(value) is int and 0 < value < MAX_PANDA_ID


def _panda_id(value: object) -> int:
    """Return a PandaID, which may have come as its digits; raise ValueError for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        value = int(value)
    if not is_panda_id(value):
        raise ValueError(f"PandaID is {quote(value)}")
    return value  # type: ignore[return-value]  # is_panda_id has looked


def _number(job: dict[str, Any], key: str) -> int:
    """Return the number under a key, 0 for none; raise ValueError for anything else."""
    text = _text(job, key) or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise ValueError(f"{key} is {quote(text)}")
    return int(text)


def _moment(value: object) -> float | None:
    """Return a time in seconds since 1970, None for anything else."""
    text = value.get(TIME) if isinstance(value, dict) else value
    with suppress(ValueError, OverflowError):
        if isinstance(text, str) and text != UNSET:
            return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    return None


def _short(job: dict[str, Any], key: str) -> str:
    """Return the text under a key; raise ValueError if it is longer than any column."""
    if len(text := _text(job, key)) > MAX_SHORT:
        raise ValueError(f"{key} has {len(text)} characters")
    return text


def _text(job: Mapping[str, Any], key: str) -> str:
    value = job.get(key)
    return "" if value in (None, UNSET) else str(value)


class KnownJob(NamedTuple):
    """Hold a job that the server has, and all of its record that another try needs: twelve fields, and its owner.

    ``is_ours``: there is nothing else that counts, as in jobs of sendJob; others may have files of PanDA's own.
    """

    state: JobState
    record: JobRecord
    owner: str  # as in AssignedJob
    is_ours: bool = True

    @classmethod
    def from_answer(cls, job: Any) -> KnownJob:
        """Read the job in one element of ``get_description``'s answer; raise UnreadableJob if it is not one."""
        state = JobState.from_answer(job)
        try:
            texts = {name: _short(job, name) for name in (*_TEXTS, *_OPTIONAL, "jobName", "prodUserID")}
            common = JobTemplate(
                **{name: texts[name] for name in _TEXTS},
                cloud=texts["cloud"] or None,
                VO=texts["VO"] or None,
                processingType=texts["processingType"] or None,
                specialHandling=texts["specialHandling"] or None,
                jobDefinitionID=_number(job, "jobDefinitionID"),
                currentPriority=int(_text(job, "currentPriority") or 0),
            )
        except ValueError as error:
            raise UnreadableJob(f"{_MALFORMED}: {cite(error)}") from error
        files = job.get("Files") or []
        of_panda = any(not isinstance(one, dict) or _text(one, "type") not in ("", LOG) for one in files)
        is_ours = not of_panda and not any(_text(job, name) for name in _OTHERS)
        return cls(state, JobRecord(common, texts["jobName"], state.parameters), texts["prodUserID"], is_ours)


_TEXTS = ("transformation", "computingSite", "prodSourceLabel", "destinationSE", "destinationDBlock")
_OPTIONAL = ("cloud", "VO", "processingType", "specialHandling")
_OTHERS = ("prodDBlock", "AtlasRelease", "homepackage", "container_name")  # that sendJob never sets
