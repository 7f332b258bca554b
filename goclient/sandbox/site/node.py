"""Prepare the environment of a worker node for a job, and what a defective one lacks."""

from __future__ import annotations

import os
import shutil
import sys
from enum import StrEnum
from pathlib import Path

PATH = "/usr/local/bin:/usr/bin:/bin"
# All that runGen and a payload of a test need, on a node without python3.
TOOLS = (
    "bash sh env cat chmod cp date echo find gcc grep gzip head id kill ln ls mkdir mv rm sed sleep sort stat tail tar "
    "tee touch tr uname unzip wc which"
).split()


class Fault(StrEnum):
    """Defects of a node."""

    NO_NETWORK = "no-network"  # nothing can be reached from where the payload's python3 runs
    DISK_FULL = "disk-full"  # where the payload's python3 runs, there is less than FREE left
    NO_PYTHON3 = "no-python3"  # only a python


FREE = 65_536  # bytes
# How python3 is started on such a node: in namespaces of its own.
_WRAPPERS = {
    Fault.NO_NETWORK: 'exec unshare --net {user} -- {python} "$@"',
    Fault.DISK_FULL: """exec unshare --mount {root} -- /bin/sh -c '
size=$(( $(du -sk . | cut -f1) + {free} / 1024 + 8 ))k; new=$(mktemp -d)
mount -t tmpfs -o size=$size none "$new" && cp -a . "$new" && mount --bind "$new" . && cd "$PWD" && exec {python} "$@"
' sh "$@\"""",
}


def prepare_path(home: Path, fault: Fault | None) -> str:
    """Return PATH of a node, with programs of its own in the pilot's directory if it has a fault."""
    path = PATH
    if shutil.which("python3", path=path) is None:
        path = f"{path}:{Path(sys.base_prefix, 'bin')}"
    if fault is None:
        return path
    programs = home / "bin"
    programs.mkdir()
    python = shutil.which("python3", path=path) or sys.executable
    (programs / "python").symlink_to(python)  # which runGen takes
    if fault is Fault.NO_PYTHON3:
        for name in TOOLS:
            if program := shutil.which(name, path=path):
                (programs / name).symlink_to(program)
        return str(programs)
    owner = os.getuid() == 0
    wrapper = programs / "python3"
    text = _WRAPPERS[fault].format(
        user="" if owner else "--map-current-user", root="" if owner else "--map-root-user", python=python, free=FREE
    )
    wrapper.write_text(f"#!/bin/sh\n{text}\n")
    wrapper.chmod(0o755)
    return f"{programs}:{path}"
