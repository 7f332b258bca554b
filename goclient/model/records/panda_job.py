"""PanDA jobs that carry a spec; this module alone knows PanDA's names and widths.

The wire form of a job is a row: the values of ``JOB_ATTRIBUTES`` in order, then a list of file rows (the values
of ``FILE_ATTRIBUTES``, then null).  What is not set is the string ``"NULL"``.  The order, the widths and the
spelling are those of panda-client 2.2.0 and of the PanDA server 1.0.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from goclient.errors import GoclientError, RequestError, raise_all
from goclient.errors.wording import quote
from goclient.model.frozen import Frozen
from goclient.model.names import fill_serial, queue_problem

JOB_ATTRIBUTES = tuple(
    """
    PandaID jobDefinitionID schedulerID pilotID creationTime creationHost modificationTime modificationHost
    AtlasRelease transformation homepackage prodSeriesLabel prodSourceLabel prodUserID assignedPriority
    currentPriority attemptNr maxAttempt jobStatus jobName maxCpuCount maxCpuUnit maxDiskCount maxDiskUnit
    ipConnectivity minRamCount minRamUnit startTime endTime cpuConsumptionTime cpuConsumptionUnit
    commandToPilot transExitCode pilotErrorCode pilotErrorDiag exeErrorCode exeErrorDiag supErrorCode
    supErrorDiag ddmErrorCode ddmErrorDiag brokerageErrorCode brokerageErrorDiag jobDispatcherErrorCode
    jobDispatcherErrorDiag taskBufferErrorCode taskBufferErrorDiag computingSite computingElement
    jobParameters metadata prodDBlock dispatchDBlock destinationDBlock destinationSE nEvents grid cloud
    cpuConversion sourceSite destinationSite transferType taskID cmtConfig stateChangeTime prodDBUpdateTime
    lockedby relocationFlag jobExecutionID VO pilotTiming workingGroup processingType prodUserName nInputFiles
    countryGroup batchID parentID specialHandling jobsetID coreCount nInputDataFiles inputFileType
    inputFileProject inputFileBytes nOutputDataFiles outputFileBytes jobMetrics workQueue_ID jediTaskID
    jobSubStatus actualCoreCount reqID maxRSS maxVMEM maxSWAP maxPSS avgRSS avgVMEM avgSWAP avgPSS maxWalltime
    nucleus eventService failedAttempt hs06sec gshare hs06 totRCHAR totWCHAR totRBYTES totWBYTES rateRCHAR
    rateWCHAR rateRBYTES rateWBYTES resource_type diskIO memory_leak memory_leak_x2 container_name job_label
    gco2_regional gco2_global cpu_architecture_level outputFileType
    """.split()
)

FILE_ATTRIBUTES = tuple(
    """
    rowID PandaID GUID lfn type dataset status prodDBlock prodDBlockToken dispatchDBlock dispatchDBlockToken
    destinationDBlock destinationDBlockToken destinationSE fsize md5sum checksum scope
    """.split()
)

UNSET = "NULL"
WITH_SECRETS = (
    "us"  # specialHandling of a job whose pilot hands it the secrets of its user (server 1.0.4, pilot_api.py)
)
NEW_BLOCK = "panda.destDB."  # begins the name of an output dataset of sendJob's own, before a UUID
JOBS_A_PIECE = 64  # about 128 kB
LOG = "log"  # the type of a job's log file
LOG_SUFFIX = ".job.log.tgz"  # its name, after the job's

# Columns of the server's database: one character more and the job comes back without a PandaID.
WIDTHS = {
    "jobName": 256,
    "prodDBlock": 255,
    "destinationDBlock": 255,
    "transformation": 250,
    "destinationSE": 250,
    "computingSite": 128,
    "processingType": 64,
    "cloud": 32,
    "VO": 32,
    "prodSourceLabel": 20,
}

# The fields that sendJob has an option for.
_OPTIONS = (
    "computingSite transformation prodSourceLabel cloud VO processingType destinationSE destinationDBlock".split()
)


class JobTemplate(Frozen):
    """Hold what the jobs of one submission share; the names are PanDA's, None is unset."""

    transformation: str
    computingSite: str
    prodSourceLabel: str
    destinationSE: str
    destinationDBlock: str
    jobDefinitionID: int
    currentPriority: int
    cloud: str | None = None
    VO: str | None = None
    processingType: str | None = None
    specialHandling: str | None = None

    def check(self) -> None:
        """Check that the server's database takes each value, and that the queue may be one; raise each mistake."""
        errors: list[GoclientError] = [*_find_wrong_texts(self)]
        if problem := queue_problem(self.computingSite):
            hint = f"write --computingSite={problem.instead}" if problem.instead else problem.remedy
            hint += f"; {problem.remedy}" if problem.instead and problem.remedy else ""
            message = f"--computingSite={quote(self.computingSite, 40)}: {problem.what}"
            errors.append(RequestError(message, hint=hint, code="queue", subject="--computingSite"))
        raise_all(errors)


class JobRecord(NamedTuple):
    """Hold one job as the server sees it: what it shares with its siblings, its name, and its jobParameters."""

    common: JobTemplate
    jobName: str
    jobParameters: str


def job_records(common: JobTemplate, *, name: str, parameters: str, count: int) -> list[JobRecord]:
    """Return ``count`` jobs that differ in their name and where ``${SN}`` or ``${SN/P}`` stands, from 1."""
    return records_of(common, name=name, texts=[parameters] * count)


def records_of(common: JobTemplate, *, name: str, texts: Sequence[str]) -> list[JobRecord]:
    """Return a job for each text of jobParameters, with its name, and its number where that stands in the text."""
    if len(texts) == 1:
        return [JobRecord(common, name, fill_serial(texts[0], 1))]
    return [JobRecord(common, f"{name}_{i}", fill_serial(text, i + 1)) for i, text in enumerate(texts)]


def _find_wrong_texts(common: JobTemplate) -> Iterator[GoclientError]:
    """Yield an error for each text that is wider than its column, or that the column does not take."""
    for field in fields(common):
        value, width = getattr(common, field.name), WIDTHS.get(field.name)
        option = f"--{field.name}" if field.name in _OPTIONS else field.name
        if isinstance(value, str) and width is not None and len(value) > width:
            message = f"{option} has {len(value)} characters, the server stores {width}: {quote(value, 40)}"
            yield RequestError(message, hint=f"shorten it to {width} characters", code="too-wide", subject=option)
        if isinstance(value, str) and ("\0" in value or any(0xD800 <= ord(c) < 0xE000 for c in value)):
            message = f"{option}={quote(value, 40)} has a NUL or is not valid Unicode"
            yield RequestError(message, hint="retype it", code="not-text", subject=option)


# --- to the wire --------------------------------------------------------------------------------------------


def encode_jobs(records: Sequence[JobRecord]) -> str:
    """Return the string for the ``jobs`` field of a submission: the bytes of panda-client's ``dump_jobs_json``."""
    return "".join(encode_pieces(records, str))


def encode_pieces(records: Sequence[JobRecord], written: Callable[[str], str]) -> Iterator[str]:
    """Yield the same string in pieces, for many jobs: large strings cost more than what is in them.

    ``written`` is applied to each part of it, so that a record inside another JSON document need not be gone through
    again.  Jobs that share one JobTemplate object share one row template: a job costs two strings.
    """
    from json.encoder import encode_basestring_ascii as as_json  # 1 ms: with --noSubmit nothing is encoded

    yield "["
    common: JobTemplate | None = None
    before = between = after = last = ""
    for start in range(0, len(records), JOBS_A_PIECE):
        pieces: list[str] = []
        for record in records[start : start + JOBS_A_PIECE]:
            if record.common is not common:
                common = record.common
                before, between, after, last = map(written, _row_template(common))
            name = written(as_json(record.jobName)[1:-1])
            pieces += (before, name, between, written(as_json(record.jobParameters)), after, name, last)
        text = "".join(pieces)
        yield text if start else text.removeprefix(", ")
    yield "]"


def _row_template(common: JobTemplate) -> tuple[str, ...]:
    """Return a job's row as JSON, after the comma to the row before, cut at its name, parameters and log file."""
    import json  # as in encode_pieces

    values: dict[str, Any] = {field.name: getattr(common, field.name) for field in fields(common)}
    values |= {"jobName": "\0", "jobParameters": "\0"}
    block = common.destinationDBlock
    file = {"lfn": "\0", "type": LOG, "dataset": block, "destinationDBlock": block}
    row: list[Any] = [UNSET if (value := values.get(name)) is None else value for name in JOB_ATTRIBUTES]
    file_row = [*(file.get(name, UNSET) for name in FILE_ATTRIBUTES), None]
    before, between, after, last = json.dumps([*row, [file_row]]).split(r'"\u0000"')
    return f', {before}"', f'"{between}', f'{after}"', f'{LOG_SUFFIX}"{last}'


# --- from the wire ------------------------------------------------------------------------------------------


def decode_jobs(text: str) -> list[dict[str, Any]]:
    """Return the jobs of a ``jobs`` field, each a dict of its set attributes, its files under ``Files``.

    The server reads a record so.  Raises RequestError if it is not a list of rows.
    """
    import json  # as in encode_pieces

    try:
        rows = json.loads(text)
        return [
            {**_set_values(JOB_ATTRIBUTES, row), "Files": [_set_values(FILE_ATTRIBUTES, file) for file in row[-1]]}
            for row in rows
        ]
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise RequestError(f"not a list of job rows: {error}", code="bad-record") from error


def _set_values(names: tuple[str, ...], row: list[Any]) -> dict[str, Any]:
    return {name: value for name, value in zip(names, row, strict=False) if value != UNSET}
