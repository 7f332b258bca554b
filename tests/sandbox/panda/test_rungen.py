"""The stand-ins for runGen and buildGen do what the real ones do, strange as it is.

``GOCLIENT_TEST_RUNGEN`` names the real one (dist/runGen-00-00-02 of PanDAWMS/panda-wnscript, with the others beside
it): the tables then run with them, too.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from goclient.sandbox import seed
from goclient.sandbox.panda import buildgen, rungen
from tests.sandboxes import Sandbox

PATH = "/usr/local/bin:/usr/bin:/bin"  # of a node
NOBODY = 65534  # who runs it if these tests are run by root, who may write to any file
HERE = ("-j", "", "-r", ".")
OUT = ("-o", "{'out.dat': 'final'}")
REPORT = """echo '{"error_code": 5901, "error_diag": "ours"}' > $TRF_EXEC_HOME_DIR/payload_error_report.json"""
SECRETS = {"A": 'a"$(echo b)', "___file___:c.json": "e30="}
REAL = os.environ.get("GOCLIENT_TEST_RUNGEN")


@dataclass(frozen=True)
class Done:
    """Outcome of a job."""

    code: int
    out: str
    err: str
    report: Any
    names: frozenset[str]
    job: Path


@dataclass(frozen=True)
class Node:
    """A worker node, with runGen or its stand-in."""

    program: bytes
    root: Path
    user: dict[str, Any] = field(default_factory=dict)
    name: str = "runGen-00-00-02"

    def run(self, *words: str, secrets: dict[str, str] | None = None) -> Done:
        """One job in a directory of its own."""
        job = Path(tempfile.mkdtemp(dir=self.root))
        program = job / self.name
        program.write_bytes(self.program)
        program.chmod(0o755)
        if secrets is not None:
            (job / "panda_secrets.json").write_text(json.dumps(secrets))
        if self.user:
            for path in (job, *job.iterdir()):
                os.chown(path, NOBODY, NOBODY)
        env = {"PATH": PATH, "HOME": str(job), "LANG": "C.UTF-8"}
        done = subprocess.run(
            [f"./{program.name}", *words], cwd=job, env=env, capture_output=True, timeout=60, **self.user
        )
        report = job / "payload_error_report.json"
        out, err = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        return Done(
            done.returncode,
            out.partition("=== execute ===")[2],
            err,
            json.loads(report.read_text()) if report.exists() else None,
            frozenset(path.name for path in job.iterdir()) - {program.name, "src", "pandawnutil", "tmp_bin"},
            job,
        )


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory that everybody may use."""
    path = Path(tempfile.mkdtemp(dir="/tmp"))  # those of pytest are for their owner alone
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module", params=["stand-in", "real"] if REAL else ["stand-in"])
def node(request: pytest.FixtureRequest, place: Path) -> Node:
    program = seed.UNPACK.format(program="runGen.py").encode() + Path(rungen.__file__).read_bytes()
    if REAL and request.param == "real":
        program = Path(REAL).read_bytes()
    lowered = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    return Node(program, place, lowered)


def exec_(command: str) -> tuple[str, str]:
    """The words of a payload's command."""
    return "-p", quote(command)


def failed(number: int, text: str) -> dict[str, Any]:
    return {"error_code": number, "error_diag": text}


def ends_with(status: int) -> dict[str, Any]:
    return failed(5318, f"payload execution failed with {status}")


MISSING_WORD = failed(5301, "Failed to parse command-line arguments. Please check the input parameters.")
MISSING_OUTPUT = failed(5316, "expected output out.dat is missing")
ENDS = [
    pytest.param((*HERE, *exec_("true")), 0, None, id="success"),
    pytest.param((*HERE, *exec_("exit 7")), 18, ends_with(7), id="any failure is 18"),
    pytest.param((*HERE, *exec_("exit 255")), 0, None, id="255 is a success"),
    pytest.param((*HERE, *exec_("exit 254")), 18, ends_with(254), id="254"),
    pytest.param((*HERE, *exec_("kill -9 $$")), 18, ends_with(9), id="a shell that is killed"),
    pytest.param((*HERE, *exec_("sh -c 'kill -9 $$'")), 18, ends_with(137), id="a command that is killed"),
    pytest.param((*HERE, *exec_(f"{REPORT}; exit 77")), 18, ends_with(77), id="a report is overwritten"),
    pytest.param((*HERE, *exec_(f"{REPORT}; chmod 0444 $TRF_EXEC_HOME_DIR/*.json; exit 77")), 1, failed(5901, "ours"),
                 id="but not if it is read-only"),
    pytest.param((*HERE, *exec_(REPORT)), 0, failed(5901, "ours"), id="nor after a success"),
    pytest.param((*HERE, *exec_("true"), "--goclient=v1:0"), 1, None, id="an option that it does not know"),
    pytest.param((*HERE, *exec_("true"), "goclient=v1:1", "--Data=x"), 0, None, id="anything after a bare word"),
    pytest.param(("-j", "", *exec_("true")), 1, MISSING_WORD, id="no -r"),
    pytest.param(("-r", ".", *exec_("true")), 1, MISSING_WORD, id="no -j"),
    pytest.param(HERE, 1, None, id="no command"),
    pytest.param((*HERE, *exec_("true"), *OUT), 16, MISSING_OUTPUT, id="no output"),
    pytest.param((*HERE, *exec_("exit 3"), *OUT), 18, ends_with(3), id="a failure counts before a missing output"),
    pytest.param((*HERE, *exec_("true"), "-o", "{"), 1, None, id="outputs that are none"),
    pytest.param((*HERE, *exec_("true"), "-o", "{'*.x': 'final'}"), 0, None, id="nothing that matches"),
    pytest.param((*HERE, *exec_('echo """x"""')), 18, ends_with(1), id="three quotes"),
    pytest.param((*HERE, *exec_("echo x\\")), 18, ends_with(1), id="a backslash at the end"),
    pytest.param((*HERE, *exec_("printf '\\351\\n'")), 1, None, id="a byte that is not UTF-8"),
    pytest.param(("-j", "", "-r", "a/b", *exec_("true")), 1, None, id="a deep run directory"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "report"), ENDS)
def test_a_job_ends_as_with_the_real_one(node: Node, words: tuple[str, ...], code: int, report: Any) -> None:
    done = node.run(*words)
    assert (done.code, done.report) == (code, report), done
    assert "workDir" not in done.names or code == 1


SHOWS = [
    pytest.param("echo 'a b' $HOME %CORE_NUMBER", "a b HOME 1\n", id="the shell reads the command"),
    pytest.param("echo to-err >&2; echo to-out", "to-err\nto-out\n", id="both outputs are one"),
    pytest.param("pwd; echo $TRF_EXEC_HOME_DIR", "HOME/workDir\nHOME\n", id="where it runs"),
    pytest.param("echo ${LD_PRELOAD##*/}; echo ${PATH%%:*}", "wrapper.so\n.\n", id="each process is traced"),
    pytest.param("unset LD_PRELOAD; echo [$PANDA_PRELOAD]", "[]\n", id="unless it says so"),
    pytest.param("echo CRITICAL x; exit 5", "CRITICAL x\nCRITICAL x\n", id="the last line comes twice"),
]


@pytest.mark.parametrize(("command", "shown"), SHOWS)
def test_a_command_sees_and_shows_what_it_does_there(node: Node, command: str, shown: str) -> None:
    out = node.run(*HERE, *exec_(f"echo AT $HOME; {command}")).out
    home = out.rpartition("AT ")[2].partition("\n")[0]
    lines = [line for line in out.rpartition("AT ")[2].splitlines(keepends=True)[1:] if "ld.so" not in line]
    assert "".join(lines).replace(home, "HOME").startswith(shown), out


@pytest.mark.conformance  # it takes long
def test_secrets_are_files_and_words_of_the_shell(node: Node) -> None:
    show = "grep . c.json panda_secrets.sh panda_secrets.json; stat -c %a c.json; echo A=$A"
    done = node.run(*HERE, *exec_(show), secrets=SECRETS)
    assert done.code == 0
    for line in ("c.json:{}", 'panda_secrets.sh:export A="a\\"$(echo b)"', "panda_secrets.json:{", "644"):
        assert f"{line}" in done.out
    dash = os.path.realpath("/bin/sh").endswith("dash")
    assert ("source: not found" in done.out) == dash
    assert ("A=\n" if dash else 'A=a"b\n') in done.out
    assert not {"panda_secrets.json", "c.json"} & done.names
    only_files = node.run(*HERE, *exec_("ls c.json"), secrets={"___file___:c.json": "e30="})
    assert "source" not in only_files.out
    assert node.run("-j", "", "-r", "sub", *exec_("true"), secrets=SECRETS).code == 1  # its paths are wrong there


def test_reports_and_outputs_are_moved_up(node: Node) -> None:
    make = "echo x > out.dat; echo l > log.x; echo n > other; echo '{\"moved\": 1}' > userJobMetadata.json"
    done = node.run(*HERE, *exec_(make), *OUT)
    kept = {"final", "log.x", "jobReport.json", "PoolFileCatalog.xml", "pandatracerlog.txt"}
    assert done.names - {"runGen.py"} == kept
    archive = node.run(*HERE, *exec_("echo 1 > a.txt; echo 2 > b.txt"), "-o", "{'*.txt': 'all.tgz'}")
    assert "all.tgz" in archive.names


@pytest.mark.conformance  # it takes long
def test_sources_are_fetched_and_keep_their_modes(shared_sandbox: Sandbox, node: Node) -> None:
    content = b"#!/bin/sh\necho here $*\n"
    with tarfile.open(shared_sandbox.root / "cache" / "jobO.x.tar.gz", "w:gz") as archive:
        for name, mode in (("run.sh", 0o755), ("sub/plain.sh", 0o644)):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            archive.addfile(member, io.BytesIO(content))
    (shared_sandbox.root / "cache" / "broken.tar.gz").write_bytes(b"x")
    sources = ("--sourceURL", shared_sandbox.url, "-a", "jobO.x.tar.gz")
    assert "here 1" in node.run(*HERE, *sources, *exec_("./run.sh 1")).out
    assert "here 2" in node.run(*HERE, *sources, *exec_("sub/plain.sh 2")).out  # it is made a program
    assert "here 3" in node.run("-j", "", "-r", "sub", *sources, *exec_("sh plain.sh 3")).out
    for name, code, text in (
        ("none.tar.gz", 3, f"Failed to download tarball from {shared_sandbox.url}/cache/none.tar.gz"),
        ("broken.tar.gz", 9, "tarball broken.tar.gz is corrupted"),
    ):
        done = node.run(*HERE, "--sourceURL", shared_sandbox.url, "-a", name, *exec_("true"))
        assert (done.code, done.report) == (code, failed(5300 + code, text))


def test_a_library_is_unpacked_instead_of_sources(shared_sandbox: Sandbox, node: Node) -> None:
    for name, content in (("lib.tgz", _packed({"run.sh": b"echo from the library"})), ("bad.tgz", b"x")):
        (node.root / name).write_bytes(content)
        done = node.run(*HERE, "-l", str(node.root / name), *exec_("sh run.sh"))
        assert (done.code, "from the library" in done.out) == ((0, True) if name == "lib.tgz" else (9, False)), done
        assert done.report == (None if done.code == 0 else failed(5309, f"tarball {node.root / name} is corrupted"))


def _packed(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


BUILDS = [
    pytest.param(("--bexec", quote("sh make.sh 'a b'")), 0, None, ["made", "make.sh", "sub"], id="success"),
    pytest.param(("--bexec", quote("make.sh x; ls")), 0, None, ["made", "make.sh", "sub"], id="a program by its name"),
    pytest.param((), 0, None, ["make.sh", "sub"], id="nothing to make"),
    pytest.param(("--bexec", "exit%207"), 7, None, ["make.sh", "sub"], id="a failure has a library, and no report"),
    pytest.param(("--bexec", "exit%20255"), 0, None, ["make.sh", "sub"], id="255 is a success"),
    pytest.param(("-r", "sub", "--bexec", "pwd%20%3E%20here"), 0, None, ["make.sh", "sub"], id="a directory below"),
    pytest.param(("-i", "none.tgz"), 3, "Failed to download tarball from URL/cache/none.tgz", [], id="no sources"),
    pytest.param(("-i", "bad.tgz"), 9, "tarball bad.tgz is corrupted", [], id="sources that are damaged"),
    pytest.param(("--goclient=x",), 1, None, [], id="an option that it does not know"),
]


@pytest.mark.parametrize(("words", "code", "said", "packed"), BUILDS)
def test_a_build_ends_as_with_the_real_one(
    shared_sandbox: Sandbox, node: Node, words: tuple[str, ...], code: int, said: str | None, packed: list[str]
) -> None:
    sources = {"make.sh": b"#!/bin/sh\necho made > made\n", "sub/x": b"x", ".hidden": b"h"}
    (shared_sandbox.root / "cache" / "sources.b.tgz").write_bytes(_packed(sources))
    (shared_sandbox.root / "cache" / "bad.tgz").write_bytes(b"x")
    program = seed.UNPACK.format(program="buildGen.py").encode() + Path(buildgen.__file__).read_bytes()
    if REAL and node.program == Path(REAL).read_bytes():
        program = Path(REAL).with_name("buildGen-00-00-01").read_bytes()
    common = ("-i", "sources.b.tgz", "-o", "lib.tgz", "--sourceURL", shared_sandbox.url, "-r", ".")
    done = Node(program, node.root, node.user, "buildGen-00-00-01").run(*common, *words)
    assert done.code == code, done
    report = None if said is None else failed(5200 + code, said.replace("URL", shared_sandbox.url))
    assert done.report == report
    assert ("lib.tgz" in done.names) == bool(packed)
    if packed:
        with tarfile.open(done.job / "lib.tgz") as archive:
            assert sorted({name.partition("/")[0] for name in archive.getnames()}) == packed


ATHENA = ("--trf", "-r", ".", "-i", "[]", "-o", "{'IROOT': [('out.dat', 'final')]}")
ATHENA_ENDS = [
    pytest.param(("-j", "true%3B%20echo%20x%20%3E%20out.dat%3B%20test%20-e%20final", *ATHENA), 0, None, id="its name"),
    pytest.param(("-j", "echo%20x%3Eout.dat", *ATHENA), 0, None, id="a name that is not seen"),
    pytest.param(("-j", "exit%20255", *ATHENA), 6, failed(5406, "athena execution failed with 255"), id="255"),
    pytest.param(("-j", "true", *ATHENA), 16, failed(5416, "expected output out.dat is missing"), id="no output"),
    pytest.param(("-j", "true", "--trf", "-r", "."), 1, {**MISSING_WORD, "error_code": 5401}, id="no -i and no -o"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "report"), ATHENA_ENDS)
def test_a_job_of_pathena_ends_as_with_the_real_one(node: Node, words: tuple[str, ...], code: int, report: Any) -> None:
    program = seed.UNPACK.format(program="runAthena.py").encode() + Path(rungen.__file__).read_bytes()
    if REAL and node.program == Path(REAL).read_bytes():
        program = Path(REAL).with_name("runAthena-00-00-12").read_bytes()
    done = Node(program, node.root, node.user, "runAthena-00-00-12").run(*words)
    assert done.code == code, done
    assert done.report == report or done.report == {**report, "error_diag": "expected output final is missing"}
    assert ("final" in done.names) == (code == 0)
