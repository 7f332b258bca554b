"""Tell failures that a second try cures from those that it does not: by the codes of a job, never by its words.

The codes are those of the PanDA server 1.0.4 (taskbuffer, jobdispatcher and dataservice ErrorCode.py), of pilot 3
(errorcodes.py), and goclient's own (``carrier/report.py``); goclient's pilot says with 1151 and 1152 that a transfer
failed for a reason that passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from goclient.model.records.answers import JobState
from goclient.model.records.v1 import CARRIED


class Cure(Enum):
    """Judgement of a second try."""

    AGAIN = "a second try cures it"
    MEND = "something must be mended first"
    UNKNOWN = "it is not known whether a second try cures it"

    @property
    def word(self) -> str:
        """Return the word that JSON has for it."""
        return {Cure.AGAIN: "yes", Cure.MEND: "no", Cure.UNKNOWN: "unknown"}[self]


class Advice(NamedTuple):
    """Judgement of a second try, and what to do before it; the hint is empty if that is nothing."""

    cure: Cure
    hint: str = ""


NO_ADVICE = Advice(Cure.UNKNOWN)
_AGAIN = Advice(Cure.AGAIN)
_INPUT = Advice(Cure.MEND, "mend the input, its endpoint or its permission, as the reason says")
_OUTPUT = Advice(Cure.MEND, "mend the output, its destination or its permission, as the reason says")
_LOGIN = Advice(Cure.MEND, "look at the credential that the reason names: a new try gets a fresh one")
_WORDS = Advice(Cure.MEND, "the job's own words are wrong: correct them, and submit it with sendJob")
_MEMORY = Advice(Cure.MEND, "the payload needs more memory than its queue has: submit it to another queue")
_LOG = "look at its log, which PanDA's monitor shows; goclient's own pilots keep theirs at the site"
_PROGRAM = Advice(Cure.UNKNOWN, f"the payload failed: {_LOG}")
_CARRIER = Advice(Cure.UNKNOWN, "the carrier could not do its part: the line CRITICAL of the job's log says why")
_KILLED = Advice(Cure.UNKNOWN, "somebody stopped it: ask why before it runs again")

# exeErrorCode: what a carrier says of itself (CarrierCode of carrier/report.py, which would be loaded for it alone).
_OF_CARRIER = {
    5912: _AGAIN,
    5913: _AGAIN,
    5906: _AGAIN,  # the site stopped it
    5902: _INPUT,
    5903: _OUTPUT,
    5904: _LOGIN,
    5905: _WORDS,
    5907: _PROGRAM,
    5908: Advice(Cure.UNKNOWN, "look whether it is this node alone: goclient probe"),
}
_CARRIER_EXIT = 77  # EXIT of carrier/report.py, where no report of its own came through: the node's Python is too old
# pilotErrorCode, of goclient's pilot and of pilot 3.
_OF_PILOT = {
    1098: _AGAIN,  # no room on the node
    1110: _WORDS,
    1144: _KILLED,
    1150: Advice(Cure.UNKNOWN, f"the payload wrote nothing for hours: {_LOG}"),
    1151: _AGAIN,
    1152: _AGAIN,
    1163: _LOGIN,
    1200: _AGAIN,  # the batch system stopped it
    1201: _AGAIN,
    1202: _AGAIN,
    1205: _KILLED,
    1212: _MEMORY,
    1213: Advice(Cure.MEND, "it takes longer than its queue allows: give a job fewer files, or another queue"),
    1235: _MEMORY,
    1305: _PROGRAM,
    1318: _AGAIN,  # communication
    1324: _AGAIN,  # service not available
    1327: _AGAIN,  # network
    1344: _AGAIN,  # resource unavailable
    1359: Advice(Cure.MEND, "its queue is not active: submit it to another queue"),
}
_OF_OUR_PILOT = {1099: _INPUT, 1137: _OUTPUT}  # of pilot 3, they are about files of PanDA's own, such as a log
# jobDispatcherErrorCode: a time-out of the server's; ddmErrorCode 100: nobody knows the queue; taskBufferErrorCode.
_OF_DISPATCHER = dict.fromkeys(range(100, 106), _AGAIN)
_OF_DATA = {100: Advice(Cure.MEND, "the server does not know its queue: submit it to another queue")}
_OF_BUFFER = {100: _KILLED, 102: Advice(Cure.UNKNOWN, "no node took it in time: look at its queue"), 103: _KILLED}


def cure_of(job: JobState) -> Cure:
    """Return what a second try of a job is good for; UNKNOWN for one that has not failed."""
    return advice_of(job).cure


def advice_of(job: JobState) -> Advice:
    """Return what a second try of a job is good for, and what to do before it.

    Of a job that has several codes, the one nearest to the cause counts: the carrier's, then the pilot's, the server's.
    """
    return next(_advice(job), NO_ADVICE) if job.is_over and job.state != "finished" else NO_ADVICE


def _advice(job: JobState) -> Iterator[Advice]:
    codes = job.codes
    is_carried = f"--{CARRIED}=" in job.parameters
    of_pilot = _OF_PILOT if is_carried else _OF_PILOT | _OF_OUR_PILOT
    if job.state != "failed":
        yield _OF_BUFFER.get(codes.buffer, _KILLED)
    if is_carried and codes.exit == _CARRIER_EXIT and codes.program not in _OF_CARRIER:
        yield _CARRIER
    for table, code in (
        (_OF_CARRIER, codes.program), (of_pilot, codes.pilot), (_OF_DISPATCHER, codes.dispatcher),
        (_OF_DATA, codes.data), (_OF_BUFFER, codes.buffer),
    ):  # fmt: skip
        if code in table:
            yield table[code]
    if codes.program or codes.exit:
        yield _PROGRAM
