"""Show that a kill from the monitor ends one process of a job and no other: python3 pilot_kill.py PILOT_SOURCE.

The pilot's own function carries out the server's command.  The job is a shell and a program below it, as runGen and a
user's program are; the program would write down a signal.  Exit code 3: it gets none and runs on; 0: it is told to end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

BELOW = "trap 'echo TERM >told; exit' TERM; : >ready; while :; do sleep 0.1; done"


def main(source: str) -> int:
    """Let the pilot kill a job; return 3 if a part of it has heard nothing."""
    sys.path.insert(0, source)
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(PILOT_HOME=home, PILOT_WORK_DIR=home, PILOT_SOURCE_DIR=source, HOME=home)
        os.chdir(home)
        from pilot.control.job import handle_backchannel_command  # type: ignore[import-not-found]

        words = ["/bin/sh", "-c", 'sh -c "$1" & wait', "job", BELOW]
        payload = subprocess.Popen(words, start_new_session=True)  # as the pilot starts one
        while not Path("ready").exists():
            time.sleep(0.05)
        job = SimpleNamespace(
            jobid="1", pid=payload.pid, workdir=home, state="running", piloterrorcodes=[], piloterrordiags=[]
        )
        args = SimpleNamespace(workflow="generic", abort_job=SimpleNamespace(set=bool))
        handle_backchannel_command({"command": "tobekilled"}, job, args)
        payload.wait()
        is_told = Path("told").exists()
        with suppress(ProcessLookupError):
            os.killpg(payload.pid, 9)
    print("all of the job is told to end" if is_told else "what runs below the first process gets no signal")
    return 3 if not is_told else 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or not os.path.isdir(os.path.join(sys.argv[1], "pilot")):
        sys.exit("usage: python3 pilot_kill.py PILOT_SOURCE, which has a directory pilot")
    sys.exit(main(os.path.abspath(sys.argv[1])))
