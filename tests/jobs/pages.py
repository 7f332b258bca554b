"""Jobs of a campaign as ``goclient status`` finds them, made up: the same ones for the same number of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from random import Random

from goclient.jobs.cure import Cure
from goclient.jobs.follow import Followed
from goclient.jobs.status import JobStatus
from goclient.model.remote import TaskState

SENT = 1_795_900_000.0
NOW = SENT + 15_500.0
REASONS = {
    "stage-in: SITE1:/home/osg_data/panda/raw.0042.root was not found": Cure.MEND,
    "the payload ended with exit code 139": Cure.UNKNOWN,
    "output: DESY:/pnfs/out/ is full: no space left on device": Cure.MEND,
    "lost heartbeat": Cure.AGAIN,
}
# What a job, its site or its server could write to be more than text in the page.
HOSTILE = (
    "</script><script>window.hacked=1</script>",
    "<img src=x onerror='window.hacked=1'>",
    '"><svg onload=window.hacked=1>',
    "'-window.hacked=1-'",
    "{{data}} ${window.hacked=1} \\u003cscript>",
    "<!--<script>",
    "javascript:window.hacked=1",
    "\u202egnp.exe\u2028\x00\x1b[31m\ud800",
    "x" * 1000,
    "__proto__",
)


def transfer(phase: str, *, task_id: str = "", files: int = 1, size: int = 0, state: str = "SUCCEEDED") -> TaskState:
    return TaskState(task_id, f"goclient 1 {phase}", state, files, size, faults=0, reason="")


OF_ALL = tuple(  # what brings and delivers the files of all jobs
    transfer(phase, task_id=str(uuid.UUID(int=number)), files=files, size=10**9 * files, state=state)
    for number, (phase, files, state) in enumerate(
        (("bring", 500, "SUCCEEDED"), ("deliver", 80, "ACTIVE"), ("deliver", 0, "INACTIVE"))
    )
)


def followed(jobs: Iterable[JobStatus]) -> Followed:
    """Those jobs, as the server has told them."""
    return Followed("https://pandaserver.cern.ch:25443", tuple(jobs), transfers=OF_ALL)


def campaign(count: int) -> list[JobStatus]:
    """Jobs that wait, run, have failed for four reasons, were cancelled, and have finished."""
    random, jobs = Random(1), []
    for number in range(count):
        sent = SENT + number * 0.02
        started = sent + 60 + random.expovariate(1 / 1500) + 13_000 * number / count
        seconds = {"stage-in": random.uniform(20, 240), "payload": random.uniform(900, 2700), "output": 20.0}
        ended = started + sum(seconds.values()) + 12
        size = int(1e7 * seconds["stage-in"])
        moved = [
            transfer(
                phase, task_id=str(uuid.UUID(int=random.getrandbits(128))) if number % 3 else "", files=files, size=size
            )
            for phase, files in (("stage-in", 25), ("output", 1))
        ]
        state, reason, draw = "finished", "", random.random()
        if started > NOW:
            state = "activated"
        elif ended > NOW:
            state = "running"
        elif draw < 0.07:
            state, reason, moved = "failed", random.choice(list(REASONS)), moved[:1]
        elif draw < 0.08:
            state, reason = "cancelled", "its owner has killed it"
        over = state not in ("activated", "running")
        jobs.append(
            JobStatus(
                *(5_000_000_000 + number, state, reason, tuple(moved) if over else ()),
                name=f"zmumu.{uuid.UUID(int=random.getrandbits(128))}_{number}",
                site=random.choice(["ANALY_BNL_T3", "CERN-PROD_ARM", "DESY-HH_UCORE"]),
                created=sent,
                started=None if state == "activated" else started,
                ended=ended if over else None,
                campaign="zmumu",
                cure=REASONS.get(reason, Cure.UNKNOWN),
                seconds=seconds if over else {},
            )
        )
    return jobs


def hostile() -> list[JobStatus]:
    """Jobs each text of which is more than a text, if a page lets it."""
    return [
        JobStatus(
            *(number + 1, text if number % 2 else "failed", text),
            transfers=(transfer(text, task_id=text, state=text, size=10**30), transfer("stage-in", task_id="'>")),
            name=text, site=text, campaign=text, created=SENT, started=SENT - 5, ended=SENT + number,
            cure=Cure.MEND, seconds={"stage-in": 1e9, text: 1.0},
        )
        for number, text in enumerate(HOSTILE)
    ]  # fmt: skip
