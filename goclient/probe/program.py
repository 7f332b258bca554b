"""Program of a probe: it runs on a worker node, looks at what a carried job needs there, and tells it.

Its text is part of the job's command, so that it needs neither an archive nor a credential.  It sends nothing but a
request without a token to each server.  What it finds is in the metadata of the job, which the site's pilot reports.
Standard library only, of Python 3.9; of goclient ``servers.py`` alone, whose text goes before this one; ASCII only.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

from goclient.probe.servers import LONGEST, count_authorities, describe, find_proxy, reach

METADATA, JOB_REPORT = "userJobMetadata.json", "jobReport.json"  # runGen makes the second of the first
UNWRITTEN = 77  # exit code of a probe that cannot write its metadata
MODULES = ("ctypes", "fcntl", "hashlib", "select", "ssl", "zlib")  # that a minimal Python lacks, and a carrier needs
FILES = ("/dev/null", "/proc/self/stat")  # that a small container lacks
LIMITS = ("AS", "CPU", "FSIZE", "NOFILE", "NPROC")
ROOM = 1 << 20  # bytes, as a carrier needs them at once
MOST_TOPS = 64  # directories below which a shared one is sought


def main(question: str) -> int:
    """Look at all that a question asks for, and write it into the metadata of the job; return the exit code."""
    asked = json.loads(question)
    found: dict[str, Any] = {"version": 1, "node": socket.gethostname(), "time": time.time()}
    for name, find in (
        ("python", lambda: ".".join(map(str, sys.version_info[:3]))),
        ("system", find_system),
        ("pilot", lambda: os.environ.get("PILOT_VERSION", "")),
        ("rungen", find_rungen),
        ("modules", lambda: [one for one in MODULES if not has_module(one)]),
        ("files", lambda: [one for one in FILES if not os.path.exists(one)]),
        ("limits", find_limits),
        ("signals", lambda: ["SIGCHLD"] if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN else []),
        ("umask", find_umask),
        ("directory", find_directory),
        ("temporary", find_temporary),
        ("authorities", count_authorities),
        ("proxy", find_proxy),
        ("targets", lambda: side_by_side(reach, asked["targets"], asked["seconds"])),
        ("paths", lambda: side_by_side(find_path, asked["paths"], asked["seconds"])),
        ("shared", lambda: find_shared(asked["shared"], asked["seconds"]) if asked["shared"] else None),
    ):
        try:
            found[name] = find()
        except Exception as error:  # one defect of a node must not hide the others
            found[name] = None
            found.setdefault("errors", {})[name] = describe(error)
    told = {"goclient": {"probe": found}}
    home = os.environ.get("TRF_EXEC_HOME_DIR") or "."
    for path, document in ((METADATA, told), (os.path.join(home, JOB_REPORT), {"user_job_metadata": told})):
        try:
            with open(path, "w") as file:
                json.dump(document, file)
            os.chmod(path, 0o644)  # whatever the umask is
            return 0
        except OSError as error:
            problem = describe(error)
    print(f"CRIT{'ICAL'} goclient: the probe cannot write its report: {problem}")  # pilots search all that is printed
    return UNWRITTEN


def side_by_side(call: Callable[..., dict[str, Any]], asked: list[dict[str, Any]], seconds: float) -> list[Any]:
    """Return what a call finds of each thing that is asked for, all of them at once; what hangs is told."""
    found = [{**one, "error": f"no answer within {seconds} s", "step": "connect"} for one in asked]

    def run(number: int) -> None:
        found[number] = call(asked[number], seconds)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(len(asked))]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 2 * seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return list(found)  # a thread that is late changes no more of it


def find_system() -> dict[str, Any]:
    """Return what the node is: its system, processors and memory."""
    name = ""
    with suppress(OSError), open("/etc/os-release") as file:
        name = dict(re.findall('^(\\w+)="?([^"\n]*)', file.read(), re.MULTILINE)).get("PRETTY_NAME", "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cpus, user = len(os.sched_getaffinity(0)), os.geteuid()
    return {"name": name, "kernel": os.uname().release, "cpus": cpus, "memory": memory, "root": user == 0}


def find_rungen() -> str:
    """Return when the transformation that runs this was built, or its name."""
    home = os.environ.get("TRF_EXEC_HOME_DIR") or "."
    with suppress(OSError), open(os.path.join(home, "pandawnutil/build_timestamp.py")) as file:
        return "".join(re.findall('"([^"]*)"', file.read()))[:LONGEST]
    return "".join(sorted(one for one in os.listdir(home) if one.startswith("runGen"))[:1])


def has_module(name: str) -> bool:
    """Return True if a module of the standard library is there, and works."""
    try:
        import_module(name)
    except Exception:
        return False
    return True


def find_limits() -> dict[str, int]:
    """Return the limits of this process, of those that are set."""
    soft = {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0] for name in LIMITS}
    return {name: value for name, value in soft.items() if value != resource.RLIM_INFINITY}


def find_umask() -> int:
    """Return which permissions new files do not get."""
    umask = os.umask(0o022)
    os.umask(umask)
    return umask


def find_directory() -> dict[str, Any]:
    """Return what the job's directory is: its room, and why it cannot be written, or run a program, if so."""
    room = os.statvfs(".")
    found: dict[str, Any] = {"free": room.f_bavail * room.f_frsize, "files": room.f_favail if room.f_files else None}
    write, run, script = "", "", ".goclient-probe"
    try:
        with open(script, "w") as file:
            os.posix_fallocate(file.fileno(), 0, ROOM)
            os.ftruncate(file.fileno(), 0)
            file.write("#!/bin/sh\nexit 0\n")
        os.chmod(script, 0o700)
        try:
            subprocess.run(["./" + script], check=True)
        except (OSError, subprocess.SubprocessError) as error:
            run = describe(error)
    except OSError as error:
        write = describe(error)
    finally:
        with suppress(OSError):
            os.unlink(script)
    return {**found, "type": file_system(os.getcwd()), "write": write, "run": run}


def find_temporary() -> str:
    """Return why no temporary file can be made; empty if one can."""
    try:
        with tempfile.TemporaryFile(dir=os.environ.get("TMPDIR") or "/tmp"):  # noqa: S108  # as programs look for it
            return ""
    except OSError as error:
        return describe(error)


def file_system(path: str) -> str:
    """Return the type of the file system that has a path, such as ext4 or nfs4."""
    real, kind, longest = os.path.realpath(path), "", -1
    with open("/proc/self/mounts", errors="replace") as file:
        for line in file:
            _, place, one, *_ = line.split()
            inside = real == place or real.startswith(place.rstrip("/") + "/")
            if inside and len(place) >= longest:  # of several at one place the last is on top
                kind, longest = one, len(place)
    return kind


def find_path(asked: dict[str, Any], _: float) -> dict[str, Any]:
    """Return what a path is: of which file system, whether it can be written; or why it cannot be used."""
    path = asked["of"]
    found = {**asked, "error": "", "type": "", "writable": False, "free": 0, "mark": ""}
    try:
        there = os.stat(path)
        found["mark"] = f"{there.st_ino}.{there.st_ctime_ns}"  # no two directories of two disks have the same
        room = os.statvfs(path)
        found.update(type=file_system(path), writable=os.access(path, os.W_OK), free=room.f_bavail * room.f_frsize)
    except OSError as error:
        found["error"] = describe(error)
    return found


def find_shared(sought: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return the path here of a directory that is known by another path, and has a mark; leave an answer in that."""
    mark, answer = sought["mark"], os.urandom(8).hex()
    with open("/proc/self/mounts", errors="replace") as file:
        tops = [*sought["tops"], "/", *(line.split()[1] for line in file)][:MOST_TOPS]

    def find(asked: dict[str, Any], _: float) -> dict[str, Any]:
        paths = (os.path.join(asked["of"], tail).rstrip("/") for tail in sought["tails"])
        return {"node": next((one for one in paths if os.path.isdir(f"{one}/{mark}")), "")}

    found = [one["node"] for one in side_by_side(find, [{"of": top} for top in tops], seconds) if one.get("node")]
    told = {"mark": mark, "node": "".join(found[:1]), "answer": answer, "error": ""}
    try:
        os.mkdir(f"{told['node']}/{mark}/{answer}")
    except OSError as error:
        told["error"] = describe(error)
    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
