"""Measures what docs/figures.md claims, and writes that table: ``make figures``.

A ratio is against a peer, measured in one run, the two in turn; the median of the pairs counts.

A chapter that was measured with the same goclient/, tools/ and tests/ is kept: what was interrupted goes on.  With
``CHAPTERS="start_up demo"`` only those are measured, and the others are shown as they were measured last.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import attempts
import carried
import carrier
import carrier_kills
import deal
import engine_faults
import following
import gridftp
import https
import language
import myproxy
import myproxy_tools
import names
import page
import panda_tasks
import pilots
import preflight
import probe
import server_checks
import staging
import submission
import theft
from measure import paired, ratio, row

BIN = Path(sys.executable).parent
SENDJOB = str(BIN / "sendJob.py")
PRUN = [sys.executable, "-c", "from pandaclient.PrunScript import main; main()"]  # what its shell wrapper runs
JOB = ("--computingSite", "TEST1", "--transformation", "http://example.org/a.sh", "--cloud", "OSG")
MOVES = ("--StageinGOsrc=SITE1:/home/osg_data/panda/0064.file", "--OutputGO=SITE1:/home/osg_data/panda/${SN/P}/",
         "--WorkingendpointGO=OSGDEV", "--Data=10mb-file.bin")  # fmt: skip

ARGPARSE = [sys.executable, "-c", "import argparse_dataclass"]
PYDANTIC = [
    sys.executable,
    "-c",
    "import argparse_dataclass, pydantic\nclass Two(pydantic.BaseModel):\n    a: int\n    b: str\nTwo(a=1, b='b')",
]

# The same jobs, built and dumped by panda-client, in the same document.
PANDA_CLIENT = """
import json, sys
from pandaclient import MiscUtils
from pandaclient.FileSpec import FileSpec
from pandaclient.JobSpec import JobSpec
document = json.load(open(sys.argv[1]))
template = MiscUtils.load_jobs_json(document["record"])
jobs = []
for one in template:
    job = JobSpec()
    for name in ("transformation computingSite prodSourceLabel destinationSE destinationDBlock jobDefinitionID "
                 "currentPriority cloud jobName jobParameters").split():
        setattr(job, name, getattr(one, name))
    log = FileSpec()
    log.lfn, log.type = job.jobName + ".job.log.tgz", "log"
    log.dataset = log.destinationDBlock = job.destinationDBlock
    job.addFile(log)
    jobs.append(job)
"""

ENCODERS = (
    PANDA_CLIENT
    + """
import time
from goclient.model.records.panda_job import LOG_SUFFIX, JobTemplate, encode_jobs, job_records
first = jobs[0]
common = JobTemplate(**{name: getattr(first, name) for name in JobTemplate.__dataclass_fields__
                      if getattr(first, name) != "NULL"})
records = job_records(common, name=first.jobName.removesuffix("_0"), parameters="x " * 120 + "${SN/P}", count=len(jobs))
for job, record in zip(jobs, records):
    job.jobName, job.jobParameters = record.jobName, record.jobParameters
    job.Files[0].lfn = record.jobName + LOG_SUFFIX
def timed(call):
    start = time.perf_counter(); result = call(); return time.perf_counter() - start, result
ratios = []
for _ in range(9):
    ours, text = timed(lambda: encode_jobs(records))
    theirs, reference = timed(lambda: MiscUtils.dump_jobs_json(jobs))
    assert text == reference, "the bytes differ"
    ratios.append((theirs / ours, ours, theirs))
print(json.dumps(sorted(ratios)[len(ratios) // 2]))
"""
)


def wall(command: list[str], output: str = os.devnull, **more: str) -> float:
    """Seconds that a whole process takes, its output in a file, with more variables; fails if the command fails."""
    with open(output, "wb") as file:
        start = time.perf_counter()
        subprocess.run(command, stdout=file, stderr=subprocess.DEVNULL, check=True, env={**environment(), **more})
        return time.perf_counter() - start


def environment() -> dict[str, str]:
    """Return an environment in which nothing of the user's is read."""
    keep = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "HOME")}
    return {**keep, "PANDA_BEHIND_REAL_LB": "1", "GOCLIENT_ENDPOINTS": "/nonexistent/endpoints.toml"}


def process(name: str, ours: list[str], peer: list[str], peer_name: str, limit: float) -> list[str]:
    """Return a row: one process against another."""
    return ratio(name, lambda: wall(ours), lambda: wall(peer), peer_name, limit)


def start_up() -> list[list[str]]:
    """Help, version, and a submission that is not sent."""
    dry = [SENDJOB, *JOB, *MOVES, "--noSubmit", "--noCheck"]
    return [
        process("`sendJob.py --help`, of `import argparse_dataclass`", [SENDJOB, "--help"], ARGPARSE, "peer", 1.2),
        process(
            "`sendJob.py --version`, of `import argparse_dataclass`", [SENDJOB, "--version"], ARGPARSE, "peer", 1.2
        ),
        process(
            "`sendJob.py --version`, of `prun --version`", [SENDJOB, "--version"], [*PRUN, "--version"], "prun", 1.0
        ),
        process("`sendJob.py … --noSubmit --noCheck`, of a pydantic model", dry, PYDANTIC, "peer", 1.1),
        *completion(),
    ]


def completion() -> list[list[str]]:
    """Return what a user waits for after the TAB key, with 1,000 queues and endpoints, and 5,000 requests."""
    from goclient.config import environment as config
    from goclient.jobs.sent import REQUEST, Subjects
    from goclient.journal import Entry, Journal

    entry = '["SITE{0}"]\nkind = "globus"\nid = "0a1b2c3d-0000-4000-8000-{0:012}"\n'
    sent = Entry(REQUEST, "0", "done", Subjects("d" * 32, "1.1", "9", "a" * 38, "b" * 38, campaign="higgs"))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        own = {"GOCLIENT_STATE": folder, "GOCLIENT_ENDPOINTS": f"{folder}/endpoints.toml"}
        env = {**environment(), **own}
        queues = {f"ANALY_QUEUE_{number}": ["online", 0] for number in range(1000)}
        config.queue_source(env).file.write_text(json.dumps({"queues": queues}))
        Path(env["GOCLIENT_ENDPOINTS"]).write_text("".join(map(entry.format, range(1000))))
        journal = Journal(config.journal_path(env))
        journal.append(sent)
        journal.path.write_bytes(journal.path.read_bytes() * 5000)
        for typed in ("--comp", "--computingSite A", "--campaign h", "--OutputGO=SITE1"):
            words = [str(BIN / "goclient"), "__complete", "bash", f"sendJob.py {typed}", "=:"]
            name = f"the TAB key after `sendJob.py {typed}`, of `import argparse_dataclass`"
            rows.append(ratio(name, partial(wall, words, **own), partial(wall, ARGPARSE), "peer", 3.0))
    return rows


RUNS = 5  # pairs of ten thousand jobs


def records() -> list[list[str]]:
    """Return the encoder alone, and ten thousand jobs as a process."""
    with tempfile.TemporaryDirectory() as folder:
        document = f"{folder}/ours.json"
        many = [SENDJOB, *JOB, *MOVES, "--njobs", "10000", "--noSubmit", "--noCheck", "--json"]
        wall(many, document)
        found = subprocess.run([sys.executable, "-c", ENCODERS, document], capture_output=True, text=True, check=True,
                               env=environment())  # fmt: skip
        faster, ours, theirs = json.loads(found.stdout)
        script = Path(folder, "peer.py")
        script.write_text(
            PANDA_CLIENT.replace('template = MiscUtils.load_jobs_json(document["record"])', BUILD)
            + "document['record'] = MiscUtils.dump_jobs_json(jobs)\nprint(json.dumps(document))\n"
        )
        empty = f"{folder}/empty.json"
        Path(empty).write_text(json.dumps({**json.loads(Path(document).read_text()), "record": ""}))
        faster_by, a, b = paired(
            lambda: wall([sys.executable, str(script), empty], f"{folder}/theirs.json"),
            lambda: wall(many, document),
            RUNS,
        )
    return [
        row("the encoder alone, 10,000 jobs, `dump_jobs_json` / ours, same bytes", f"{faster:.1f}", "≥ 10",
            faster >= 10, f"{ours * 1e3:.0f} ms, panda-client {theirs * 1e3:.0f} ms"),
        row("`--njobs 10000 --noSubmit --noCheck --json`, panda-client's script / ours", f"{faster_by:.1f}", "≥ 4",
            faster_by >= 4, f"{b * 1e3:.0f} ms, panda-client {a * 1e3:.0f} ms"),
    ]  # fmt: skip


# Ten thousand different jobs, without asking anything of ours.
BUILD = """
class One: pass
template = []
for number in range(10000):
    one = One()
    one.transformation, one.computingSite, one.prodSourceLabel = "http://example.org/a.sh", "TEST1", "user"
    one.destinationSE, one.destinationDBlock, one.jobDefinitionID = "local", "panda.destDB.0", 7
    one.currentPriority, one.cloud, one.jobName = 1000, "OSG", f"0-0-0_{number}"
    one.jobParameters = (f"--goclient=v1:4 --StageinGOsrc=SITE1:/home/osg_data/panda/0064.file "
                         f"--OutputGO=SITE1:/home/osg_data/panda/{number:06d}/ --WorkingendpointGO=OSGDEV "
                         f"--Data=10mb-file.bin")
    template.append(one)
"""


def demo() -> list[list[str]]:
    """How long a sandbox takes to start, and what the demo's pilot spends beside transfers and payload."""
    goclient = str(BIN / "goclient")
    with tempfile.TemporaryDirectory() as folder:
        starts = []
        for number in range(5):
            where = ["--dir", f"{folder}/{number}"]
            starts.append(wall([goclient, "sandbox", "start", *where]))
            wall([goclient, "sandbox", "stop", *where])
        overheads = [pilot_overhead(goclient, f"{folder}/demo{number}") for number in range(5)]
    start, overhead = statistics.median(starts), statistics.median(overheads)
    return [
        row("`goclient sandbox start` returns", f"{start:.2f} s", "< 2 s", start < 2, "median of 5"),
        row(
            "the demo's pilot, outside transfers and payload", f"{overhead:.2f} s", "< 1 s", overhead < 1, "median of 5"
        ),
    ]


def pilot_overhead(goclient: str, folder: str) -> float:
    """Seconds from a job's acquisition to its last report, less the time of its transfers and its payload."""
    wall([goclient, "sandbox", "demo", "--dir", folder])
    times: dict[str, list[float]] = {}
    for line in Path(folder, "sandbox.log").read_text().splitlines():
        stamp = line[:23].replace(",", ".")
        for word in ("acquire_jobs", "update_job"):
            if word in line:
                times.setdefault(word, []).append(_seconds(stamp))
    with sqlite3.connect(f"{folder}/sandbox.sqlite") as connection:
        moving = sum(
            end - begin for begin, end in connection.execute("select request_time, completion_time from tasks")
        )
    connection.close()
    state = Path(folder, "state", "logs")
    import tarfile

    (log,) = state.iterdir()
    with tarfile.open(log) as tar:
        said = tar.extractfile("pilot.log").read().decode()  # type: ignore[union-attr]
    payload = float(str(said).split("the payload ended well after ")[1].split(" s")[0])
    return float(times["update_job"][-1] - times["acquire_jobs"][0] - moving - payload)


def _seconds(stamp: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(stamp).timestamp()


def dying_pilots() -> list[list[str]]:
    """Pilots that are killed or stopped; each of their cases is kept, too."""
    return pilots.rows(code=_code())


def dying_attempts() -> list[list[str]]:
    """Jobs whose attempts die; each of them is kept, too."""
    return attempts.rows(code=_code())


def dying_carriers() -> list[list[str]]:
    """Carried jobs that are killed or go wrong; each of them is kept, too."""
    return carrier_kills.rows(code=_code())


def thefts() -> list[list[str]]:
    """Thefts of what carried jobs leave; each round is kept, too."""
    return theft.rows(code=_code())


CHAPTERS = {
    "start_up": start_up,
    "records": records,
    "demo": demo,
    "language": language.rows,
    "preflight": preflight.rows,
    "server_checks": server_checks.rows,
    "myproxy": myproxy.rows,
    "myproxy_tools": myproxy_tools.rows,
    "gridftp": gridftp.rows,
    "https": https.rows,
    "https_of_collections": https.of_collections,
    "names": names.rows,
    "engine_faults": engine_faults.rows,
    "panda_tasks": panda_tasks.rows,
    "submission": submission.rows,
    "deal": deal.rows,
    "page": page.rows,
    "carried_jobs": carried.rows,
    "probe": probe.rows,
    "following": following.rows,
    "staging": staging.rows,
    "carrier": carrier.rows,
    "attempts": dying_attempts,
    "pilots": dying_pilots,
    "pilots_together": pilots.together,
    "pilot_faults": pilots.faults,
    "carrier_kills": dying_carriers,
    "theft": thefts,
}


def chapter(name: str, *, measure: bool) -> dict[str, Any]:
    """Return a chapter's rows, with the day and the commit of them: measured now, or with this code; or as kept."""
    kept, code = Path(".figures", f"{name}-{platform.python_version()}.json"), _code()
    found: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    if not measure or (code and found.get("code") == code):
        return found
    rows = CHAPTERS[name]()
    commit = _git("rev-parse", "--short", "HEAD").strip() if code else "none"
    of = {"commit": commit, "day": time.strftime("%Y-%m-%d"), "python": platform.python_version()}
    found = {"code": code, **of, "rows": rows}
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(found))
    return found


def written(document: Path) -> dict[str, dict[str, Any]]:
    """Return the chapters that a document has, which somebody else may have measured."""
    found = {}
    for text in document.read_text().split("\n## ")[1:] if document.exists() else []:
        title, _, dated, _, _, _, *table = text.rstrip().split("\n")
        day, commit, python = dated.split(", ")
        rows = [[cell.strip() for cell in line[2:-1].split(" | ")] for line in table]
        of = {"day": day, "commit": commit.split()[1], "python": python.split()[1]}
        found[title.replace(" ", "_").lower()] = {**of, "rows": rows}
    return found


def _code() -> str:
    """Return what names the code that is measured, empty if it is not committed."""
    measured = ("goclient", "tools", "tests")
    if _git("status", "--porcelain", *measured):
        return ""
    return _git("rev-parse", *(f"HEAD:{name}" for name in measured))


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout


def main() -> int:
    """Write the table, and measure all chapters for it, or those that are named; 1 if a goal is missed."""
    wanted = sys.argv[2:] or [*CHAPTERS]
    before = written(Path(sys.argv[1]))
    found = {name: chapter(name, measure=name in wanted) or before.get(name, {}) for name in CHAPTERS}
    heads = ["what", "figure", "goal", "met", "medians"]
    lines = [
        "# Figures",
        "",
        f"Measured with `make figures`: {os.cpu_count()} cores, panda-client {_version('panda-client')}. Ratios are "
        "medians of pairs, run in turn. Peers that are Python programs have the Python of the chapter, too.",
    ]
    for name, one in found.items():
        if one:
            table = [heads, ["---"] * len(heads), *one["rows"]]
            dated = f"{one['day']}, commit {one['commit']}, Python {one['python']}"
            lines += ["", f"## {name.replace('_', ' ').capitalize()}", "", dated, ""]
            lines += [f"| {' | '.join(cells)} |" for cells in table]
    Path(sys.argv[1]).write_text("\n".join(lines) + "\n")
    print("\n".join(lines[4:]))
    return int(any("no" in cells[3] for one in found.values() if one for cells in one["rows"]))


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


if __name__ == "__main__":
    sys.exit(main())
