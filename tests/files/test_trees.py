"""A directory is removed whatever a program has put into it, or it is said what stays."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from goclient.files import trees
from goclient.files.trees import remove_tree
from tests.node.test_travels import TOP, oldest_python

DEPTH = 5000
# Makes a directory as a payload may leave it, and removes it; as nobody, for whom modes count, if it can.
SCRIPT = f"""
import os, sys
from pathlib import Path
sys.path.insert(0, {str(TOP)!r})
from goclient.files.trees import remove_tree
os.chdir(sys.argv[1])
above = os.open(".", os.O_RDONLY)
if os.geteuid() == 0:
    os.chmod(".", 0o777)
    os.setuid(65534)
os.mkdir("job")
os.chdir("job")
for number in range(256):
    if number not in (0, ord("/"), ord(".")):
        open(bytes([number]), "w").close()
os.symlink("/etc", "link")
os.symlink("nowhere", "dangling")
os.mkfifo("fifo")
for mode in (0o000, 0o100, 0o200, 0o400, 0o500):
    os.makedirs(f"mode-{{mode:o}}/in/ner")
    open(f"mode-{{mode:o}}/file", "w").close()
    os.chmod(f"mode-{{mode:o}}/in", mode)
    os.chmod(f"mode-{{mode:o}}", mode)
for level in range({DEPTH}):
    os.mkdir("a-longer-name")
    os.chdir("a-longer-name")
open("deep", "w").close()
os.fchdir(above)
os.chmod("job", 0)
remove_tree(Path("job"))
print(os.listdir("."))
"""


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("python", [pytest.param(None, id="this Python"), pytest.param("3.9", id="Python 3.9")])
def test_modes_names_links_and_depth_keep_nothing(python: str | None) -> None:
    directory = tempfile.mkdtemp()  # not pytest's: it cannot remove what a test that was killed leaves in it
    try:
        result = subprocess.run(
            [oldest_python() if python else sys.executable, "-I", "-S", "-c", SCRIPT, directory],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        subprocess.run(["rm", "-rf", directory], check=True)
    assert (result.stdout, result.stderr) == ("[]\n", "")
    assert Path("/etc/passwd").exists()


def test_a_directory_that_is_gone_is_removed(tmp_path: Path) -> None:
    remove_tree(tmp_path / "gone")


def test_files_that_come_meanwhile_go_too(tmp_path: Path) -> None:
    job = tmp_path / "job"
    (job / "sub").mkdir(parents=True)
    inside = os.open(job / "sub", os.O_RDONLY)
    written = threading.Event()

    def write() -> None:
        try:
            for number in range(1_000_000):
                os.close(os.open(f"{number}", os.O_CREAT | os.O_WRONLY, dir_fd=inside))
                written.set()
                time.sleep(0.001)  # in memory, files would come faster than any listing of them
        except FileNotFoundError:  # no file can be made in a directory that is removed
            return

    writer = threading.Thread(target=write)
    writer.start()
    written.wait(30)
    remove_tree(job)
    writer.join(30)
    os.close(inside)
    assert not job.exists()


def test_what_cannot_be_removed_is_said_and_the_rest_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "job" / "kept").mkdir(parents=True)
    (tmp_path / "job" / "file").touch()
    rmdir = os.rmdir

    def refuse(name: str, *, dir_fd: int | None = None) -> None:
        if name == "kept":
            raise PermissionError(1, "Operation not permitted", name)
        rmdir(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "rmdir", refuse)
    monkeypatch.setattr(trees, "_PAUSE", 0.0)
    with pytest.raises(PermissionError, match="kept"):
        remove_tree(tmp_path / "job")
    assert os.listdir(tmp_path / "job") == ["kept"]


def test_what_is_mounted_below_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_text("somebody's")
    script = (
        f"import sys; sys.path.insert(0, {str(TOP)!r}); from pathlib import Path;"
        "from goclient.files import trees; trees._PAUSE = 0.0; trees.remove_tree(Path(sys.argv[1]))"
    )
    inside = 'mount -t tmpfs none "$1/job/m" && touch "$1/job/m/file" && ! "$0" -c "$2" "$1/job" && ls "$1/job/m"'
    (tmp_path / "job" / "m").mkdir()
    words = ["unshare", "--mount", "--map-root-user", "sh", "-c", inside, sys.executable, str(tmp_path), script]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    if "unshare" in result.stderr or "mount" in result.stderr.partition("Traceback")[0]:
        pytest.skip(f"nothing can be mounted here: {result.stderr}")
    assert result.stdout == "file\n"
    assert "another file system is mounted there" in result.stderr
