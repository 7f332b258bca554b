"""Defects of a worker node, and how the python3 of a payload is started where one has them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Defects of a node, as far as the payload's python3 sees it."""

    NO_PYTHON3 = "no-python3"  # only a python
    OLD_PYTHON3 = "old-python3"
    BROKEN_PYTHON3 = "broken-python3"
    CRASHING_PYTHON3 = "crashing-python3"
    KILLED_PYTHON3 = "killed-python3"
    NO_SSL = "no-ssl"
    NO_ZLIB = "no-zlib"
    NO_CTYPES = "no-ctypes"
    NO_NETWORK = "no-network"
    NO_NAMES = "no-names"
    DEAD_PROXY = "dead-proxy"
    NO_AUTHORITIES = "no-authorities"
    DISK_FULL = "disk-full"  # less than FREE is left
    LITTLE_DISK = "little-disk"
    NO_INODES = "no-inodes"
    READ_ONLY = "read-only"
    NO_EXEC = "no-exec"
    NO_TMP = "no-tmp"
    NO_PROC = "no-proc"
    NO_DEV = "no-dev"
    SMALL_FILES = "small-files"
    FEW_FILES = "few-files"
    FEW_PROCESSES = "few-processes"
    LITTLE_MEMORY = "little-memory"
    LITTLE_CPU = "little-cpu"
    UMASK = "umask"
    NO_CHILDREN = "no-children"  # how they end is not known
    CLOCK_AHEAD = "clock-ahead"
    CLOCK_BEHIND = "clock-behind"


@dataclass(frozen=True, slots=True)
class Defect:
    """Start of python3: by words before it, after commands of a shell, some of them in mounts of its own.

    ``instead`` is run in its place, ``code`` is Python that it runs first.  ``disk`` are the options of a file system
    that hides the job's directory, with the same files, and ``mounts`` are commands after it was mounted.
    """

    words: str = ""
    before: str = ""
    mounts: str = ""
    disk: str = ""
    code: str = ""
    instead: str = ""


FREE = 65_536  # bytes
_DISK = f"size=$((used + {FREE} / 1024 + 8))k"
# It reads the carrier's start, as any Python from 2.7 on does, and not the probe's program.
_OLD = """case "$*" in
    -V) echo 'Python 3.6.8'; exit ;;
    "-I -c "*) echo 'SyntaxError: future feature annotations is not defined' >&2; exit 1 ;;
esac"""
_OLD_VERSION = """import sys
class Old(tuple):
    major, minor, micro = 3, 6, 8
sys.version_info = Old((3, 6, 8, "final", 0))"""
_BROKEN = "echo 'python3: error while loading shared libraries: libpython3.so.1.0: no such file' >&2; exit 127"
_NO_NAMES = """import socket
def getaddrinfo(*_, **__):
    raise socket.gaierror(-3, "Temporary failure in name resolution")
socket.getaddrinfo = getaddrinfo"""
_CLOCK = "import time\nright = time.time\ntime.time = lambda: right() + {seconds}"

# Where the job's directory is below /tmp it stays as it is.
_NO_TMP = 'mount --bind "$home" "$home" && mount --rbind /tmp /tmp && mount -o remount,ro,bind /tmp'

DEFECTS = {
    Fault.OLD_PYTHON3: Defect(before=_OLD, code=_OLD_VERSION),
    Fault.BROKEN_PYTHON3: Defect(instead=_BROKEN),
    Fault.CRASHING_PYTHON3: Defect(instead="ulimit -c 0; kill -SEGV $$"),
    Fault.KILLED_PYTHON3: Defect(instead="kill -KILL $$"),
    Fault.NO_SSL: Defect(code="import sys\nsys.modules['ssl'] = None"),
    Fault.NO_ZLIB: Defect(code="import sys\nsys.modules['zlib'] = None"),
    Fault.NO_CTYPES: Defect(code="import sys\nsys.modules['ctypes'] = None"),
    Fault.NO_NETWORK: Defect(words="unshare --net {user} --"),
    Fault.NO_NAMES: Defect(code=_NO_NAMES),
    Fault.DEAD_PROXY: Defect(before="export HTTPS_PROXY=http://127.0.0.1:9"),
    Fault.NO_AUTHORITIES: Defect(before="export SSL_CERT_FILE=/none SSL_CERT_DIR=/none"),
    Fault.DISK_FULL: Defect(disk=_DISK),
    Fault.LITTLE_DISK: Defect(disk="size=$((used + 8192))k"),
    Fault.NO_INODES: Defect(disk="nr_inodes=$((entries + 3))"),
    Fault.READ_ONLY: Defect(disk="mode=755", mounts='mount -o remount,ro,bind "$PWD"'),
    Fault.NO_EXEC: Defect(disk="noexec"),
    Fault.NO_TMP: Defect(mounts=_NO_TMP),
    Fault.NO_PROC: Defect(mounts="mount -t tmpfs none /proc"),
    Fault.NO_DEV: Defect(mounts="mount -t tmpfs none /dev"),
    Fault.SMALL_FILES: Defect(words="prlimit --fsize=4194304"),
    Fault.FEW_FILES: Defect(words="prlimit --nofile=24"),
    Fault.FEW_PROCESSES: Defect(words="prlimit --nproc=16"),
    Fault.LITTLE_MEMORY: Defect(words="prlimit --as=300000000"),
    Fault.LITTLE_CPU: Defect(words="prlimit --cpu=60"),
    Fault.UMASK: Defect(before="umask 0777"),
    Fault.NO_CHILDREN: Defect(words="env --ignore-signal=CHLD"),
    Fault.CLOCK_AHEAD: Defect(code=_CLOCK.format(seconds=86_400)),
    Fault.CLOCK_BEHIND: Defect(code=_CLOCK.format(seconds=-3_600)),
}
