"""Containers as pilots start them, in an image that has a Python of its own: bubblewrap does what apptainer would.

A container sees its image, read-only, its own processes and ``/tmp``, and the directories that are bound into it.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.commands import TIMEOUT
from tests.conformance.panda_pilot import SYSTEM_PATH

SYSTEM_PYTHON = Path("/usr/bin/python3")
PROGRAMS = ("bash", "cat", "sh", "sort")
NOT_NEEDED = ("__pycache__", "config-*", "dist-packages", "ensurepip", "idlelib", "lib2to3", "test", "turtledemo")

# Called as apptainer: with the words of the pilot's command.
APPTAINER = f"""#!{sys.executable} -I
import os, sys
verbose, action, option, binds, image, *command = sys.argv[1:]
assert (verbose, action, option) == ("--verbose", "exec", "-B"), sys.argv
words = "bwrap --die-with-parent --unshare-pid --unshare-ipc --unshare-uts --hostname in-the-image".split()
words += ["--ro-bind", image, "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
for one in binds.split(","):
    outside, _, inside = one.partition(":")
    if os.path.isdir(outside):
        words += ["--bind", outside, inside or outside]
os.execvp("bwrap", [*words, *command])
"""

# What the pilot makes of a command; its argument 1 is the directory of its source.
COMMAND = """
import sys
from types import SimpleNamespace as Made
sys.path.insert(0, sys.argv[1])
from pilot.user.atlas.container import container_wrapper
queue = Made(container_type={"pilot": "apptainer"}, container_options="")
job = Made(imagename=sys.argv[2], infosys=Made(queuedata=queue))
print("\\n" + container_wrapper(sys.argv[4], sys.argv[3], job=job))
"""


@functools.cache
def why_not() -> str:
    """Return why no container can run here, or the empty string."""
    if "GOCLIENT_TEST_PANDA_PILOT" not in os.environ:
        return "GOCLIENT_TEST_PANDA_PILOT does not name the pilot's source: make conformance sets it up"
    words = ["bwrap", "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", str(SYSTEM_PYTHON)]
    try:
        subprocess.run([*words, "-c", "import pipes"], check=True, capture_output=True, timeout=TIMEOUT)
    except (OSError, subprocess.SubprocessError) as error:
        return f"a container needs bubblewrap, namespaces and {SYSTEM_PYTHON}, which the pilot runs with: {error}"
    return ""


def build_image(image: Path) -> None:
    """Make an image: some programs of the system and its Python, with the libraries that they need."""
    (image / "usr").mkdir(parents=True)
    for name in ("bin", "lib", "lib64"):
        (image / "usr" / name).mkdir()
        (image / name).symlink_to(f"usr/{name}")
    for name in ("dev", "home", "proc", "srv", "tmp"):
        (image / name).mkdir()
    ask = "import sysconfig; print(sysconfig.get_path('stdlib'))"
    library = Path(_told(str(SYSTEM_PYTHON), "-I", "-c", ask).strip())
    shutil.copytree(library, image / library.relative_to("/"), ignore=shutil.ignore_patterns(*NOT_NEEDED))
    programs = [SYSTEM_PYTHON, *(Path(str(shutil.which(name, path="/usr/bin:/bin"))) for name in PROGRAMS)]
    for path in programs:
        _copy(path, image)
    needed = _told("ldd", *map(str, (*programs, *(library / "lib-dynload").glob("*.so"))))
    for path in set(re.findall(r"(/\S+\.so\S*)(?= \()", needed)):
        _copy(Path(path), image)


def _copy(path: Path, image: Path) -> None:
    target = image / path.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)


def command(image: Path, directory: Path, text: str) -> str:
    """Return the command line, for a shell, with which the pilot runs a text in an image, in a directory of a job."""
    source = os.environ["GOCLIENT_TEST_PANDA_PILOT"]
    return _told(str(SYSTEM_PYTHON), "-B", "-c", COMMAND, source, str(image), str(directory), text).splitlines()[-1]


def _told(*words: str) -> str:
    env = {"PATH": SYSTEM_PATH}
    return subprocess.run(words, env=env, cwd="/", capture_output=True, text=True, check=True, timeout=TIMEOUT).stdout
