"""Prepare the environment of a worker node for a job, and what a defective one lacks."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from goclient.sandbox.site.defects import DEFECTS, Defect, Fault

PATH = "/usr/local/bin:/usr/bin:/bin"
# All that runGen and a payload of a test need, on a node without python3.
TOOLS = (
    "bash sh env cat chmod cp date echo find gcc grep gzip head id kill ln ls mkdir mv rm sed sleep sort stat tail tar "
    "tee touch tr uname unzip wc which"
).split()

# In mounts of its own the job's directory is another one; what its program tells of itself comes back.
_OTHER_DISK = """used=$(du -sk . | cut -f1) entries=$(find . | wc -l)
mkdir -p "$home/under" "$home/over"
mount --bind . "$home/under" && mount -t tmpfs -o "{disk}" none "$home/over" && cp -a . "$home/over" || exit
mount --bind "$home/over" . && cd "$PWD" || exit
"""
_END = """{python} "$@" || code=$?
cp userJobMetadata.json "$home/under/" 2>/dev/null
exit ${code:-0}
"""


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
    _write_program(programs / "python3", _start(home, DEFECTS[fault], python))
    return f"{programs}:{path}"


def _start(home: Path, defect: Defect, python: str) -> str:
    """Return the text of a shell that starts python3, or what is in its place."""
    if defect.instead:
        return defect.instead
    if defect.code:
        python = _make_python(home / "python", python, defect.code)
    owner = os.getuid() == 0
    if defect.mounts or defect.disk:
        inside = home / "bin/inside"
        other = _OTHER_DISK.format(disk=defect.disk) if defect.disk else ""
        end = _END.replace("{python}", python) if defect.disk else f'exec {python} "$@"\n'
        mounts = f'{defect.mounts} && cd "$PWD" || exit\n' if defect.mounts else ""
        _write_program(inside, f"home={shlex.quote(str(home))}\n{other}{mounts}{end}")
        return f'exec unshare --mount {"" if owner else "--map-root-user"} -- {shlex.quote(str(inside))} "$@"'
    words = defect.words.format(user="" if owner else "--map-current-user")
    return f'{defect.before}\nexec {words} {python} "$@"'


def _make_python(prefix: Path, python: str, code: str) -> str:
    """Return a python3 in a prefix of its own that runs some code first, also with -I."""
    version = subprocess.run(
        [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True, check=True
    ).stdout.strip()
    packages = prefix / f"lib/python{version}/site-packages"
    packages.mkdir(parents=True)
    (packages / "defect.py").write_text(code)
    (packages / "defect.pth").write_text("import defect\n")
    (prefix / "bin").mkdir()
    (prefix / "bin/python3").symlink_to(python)
    (prefix / "pyvenv.cfg").write_text(f"home = {Path(python).parent}\n")
    return shlex.quote(str(prefix / "bin/python3"))


def _write_program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
