"""Play a site that knows nothing of goclient: take one job and run it as an unmodified pilot 3 does."""

from __future__ import annotations

import json
import logging
import os
import platform
import shlex
import shutil
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goclient.files.private import replace
from goclient.sandbox.myproxy.grid import Grid
from goclient.sandbox.panda.jedi import TRANSFORMATIONS
from goclient.sandbox.site import log, payload
from goclient.sandbox.site.defects import Fault
from goclient.sandbox.site.dispatcher import Dispatcher
from goclient.sandbox.site.judge import NO_INPUT, NO_OUTPUT, NO_PROGRAM, Verdict, Version, fail, judge
from goclient.sandbox.site.node import prepare_path
from goclient.sandbox.state import State

SECRETS, JOB_REPORT = "panda_secrets.json", "jobReport.json"
HEARTBEAT = 1_800.0  # seconds, of the pilot's default.cfg
FETCH_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Queue whose jobs are run, and what the pilot and the node are like."""

    queue: str
    version: Version = Version.NEW
    heartbeat: float = HEARTBEAT
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """Job that was run, where its files are, and the processes that did not end by themselves."""

    panda_id: int
    verdict: Verdict
    directory: Path
    log: Path | None
    left: list[str]

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        where = {"directory": str(self.directory), "log": str(self.log) if self.log else None}
        return {"PandaID": self.panda_id, **self.verdict.document(), **where, "left": self.left}


def run_once(state: State, settings: Settings, say: Callable[[str], None]) -> Result | None:
    """Run one job of the queue, None without one; raise OSError or ValueError if the server cannot be asked."""
    os.umask(0o022)
    waiter = payload.Waiter()
    dispatcher = Dispatcher(state.fact("url"), state.directory.pilot_token.read_text())
    job = dispatcher.get_job(settings.queue, platform.node())
    if job is None:
        return None
    say(f"PandaID={job['PandaID']}: {job['transformation']}")
    home = state.directory.site / f"PanDA_Pilot3_{os.getpid()}_{int(time.time())}"
    directory = home / f"PanDA_Pilot-{job['PandaID']}"
    directory.mkdir(parents=True)
    (home / "home").mkdir()
    (directory / log.NAME).symlink_to(home / log.NAME)
    with log.pilot_log(home / log.NAME) as logger:
        shown = job if settings.version is Version.NEW else {**job, "secrets": "********"}
        logger.info("job definition: %s", shown)  # since 3.7.3 with the secrets in it
        run = Run(state, settings, dispatcher, job=job, home=home, directory=directory, logger=logger)
        result = run.carry_out(waiter)
    say(f"PandaID={result.panda_id} {result.verdict.state} {result.verdict.pilotErrorDiag}".rstrip())
    return result


@dataclass(frozen=True, slots=True)
class Run:
    """One job on the node."""

    state: State
    settings: Settings
    dispatcher: Dispatcher
    job: dict[str, Any]
    home: Path
    directory: Path
    logger: logging.Logger

    def carry_out(self, waiter: payload.Waiter) -> Result:
        """Run the job, and report its end."""
        if secrets := self.job.get("secrets"):
            (self.directory / SECRETS).write_text(str(secrets))
        left: list[str] = []
        self._report({"state": "starting"})
        verdict = self._bring_inputs() or self._fetch()
        if verdict is None:
            process = payload.start(self._command(), self.directory, self._environment())
            ending = payload.follow(process, self._tell, every=self.settings.heartbeat, waiter=waiter)
            self.logger.info("the payload ended: %s", ending)
            verdict = judge(ending, self.directory, self.settings.version)
            left = payload.sweep(process.pid, self.home)
        if verdict.state == "finished":
            verdict = self._store_outputs() or verdict
        self.logger.info("the verdict: %s", verdict)
        archive = self._store_log()
        self._report_end(verdict, archive)
        return Result(self.job["PandaID"], verdict, self.directory, archive, left)

    def _tell(self) -> str:
        """Report that the job runs; return the server's command."""
        return self._report({"state": "running"})

    def _report(self, more: dict[str, Any], *, last: bool = False) -> str:
        same = {"jobId": self.job["PandaID"], "attemptNr": self.job["attemptNr"], "siteName": self.settings.queue}
        report = {**same, "node": platform.node(), "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S+00:00"), **more}
        return self.dispatcher.report(report, last=last)

    def _report_end(self, verdict: Verdict, archive: Path | None) -> None:
        files = {archive.name: {"fsize": archive.stat().st_size}} if archive else {}
        more = {**verdict.document(), "xml": json.dumps(files)}
        report = self.directory / JOB_REPORT
        if report.is_file():
            more["metaData"] = report.read_text(errors="replace")
        self._report(more, last=True)

    def _bring_inputs(self) -> Verdict | None:
        """Bring the input files of PanDA from the site's storage; return the verdict if one is not there."""
        for name in str(self.job["inFiles"]).split(",") if self.job["inFiles"] else ():
            try:
                shutil.copy(self.state.directory.site / "storage" / name, self.directory / name)
            except OSError as error:
                return fail(NO_INPUT, f"{name}: {error.strerror}")
        return None

    def _fetch(self) -> Verdict | None:
        """Fetch the transformation, if it is one that the site lets in; return the verdict if that fails."""
        url = str(self.job["transformation"])
        if not url.startswith(f"{self.state.fact('url')}{TRANSFORMATIONS}"):
            return fail(NO_PROGRAM, f"invalid base URL: {url}")
        target = self.directory / url.rpartition("/")[2]
        try:
            with urllib.request.urlopen(url, timeout=FETCH_WITHIN) as answer, open(target, "wb") as file:
                shutil.copyfileobj(answer, file)
        except (OSError, ValueError) as error:
            return fail(NO_PROGRAM, str(error))
        target.chmod(0o755)
        return None

    def _command(self) -> str:
        """Return the line of the shell; words stay words, and nothing in them is expanded."""
        name = str(self.job["transformation"]).rpartition("/")[2]
        words = " ".join(shlex.quote(word) for word in shlex.split(self.job["jobPars"]))
        return f"export X509_USER_PROXY={self.home / 'proxy.pem'};./{name} {words}"

    def _environment(self) -> dict[str, str]:
        """Return the environment of the pilot, which a payload inherits: nothing of goclient's or of the user's."""
        grid = Grid(self.state.directory.grid)
        robot = grid.credential("pilot")
        replace(self.home / "proxy.pem", robot.certificate.read_bytes() + robot.key.read_bytes())
        queue, job, home = self.settings.queue, self.job, str(self.home)
        return {
            "PATH": prepare_path(self.home, self.settings.fault),
            "HOME": str(self.home / "home"),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "X509_USER_PROXY": str(self.home / "proxy.pem"),
            "X509_CERT_DIR": str(grid.certificates),
            "PANDAID": str(job["PandaID"]),
            "PanDA_TaskID": str(job.get("taskID", "")),
            "PANDA_SERVER_URL": self.state.fact("url"),
            "PILOT_HOME": home,
            "PILOT_WORK_DIR": home,
            "PILOT_SOURCE_DIR": home,
            "PILOT_SITENAME": queue,
            "PILOT_USER": "generic",
            "PILOT_VERSION": {Version.OLD: "3.7.0.36", Version.NEW: "3.11.5.1"}[self.settings.version],
            "PILOT_JOB_STATE": "startup",
        }

    def _store_outputs(self) -> Verdict | None:
        """Move what are outputs of PanDA's to the site's storage; return the verdict if one is missing."""
        names = [name for name in str(self.job["outFiles"]).split(",") if name and name != self.job["logFile"]]
        missing = [name for name in names if not (self.directory / name).is_file()]
        if missing:
            return fail(NO_OUTPUT, f"output pfn file/directory does not exist: {self.directory / missing[0]}")
        storage = self.state.directory.site / "storage"
        storage.mkdir(exist_ok=True)
        for name in names:
            shutil.move(self.directory / name, storage / name)
        return None

    def _store_log(self) -> Path | None:
        """Write the log into the site's storage; return it, None for a job without one."""
        name = Path(str(self.job["logFile"])).name
        if not name:
            return None
        storage = self.state.directory.site / "storage"
        storage.mkdir(exist_ok=True)
        with open(storage / name, "wb") as archive:
            log.write(self.directory, archive)
        return storage / name
