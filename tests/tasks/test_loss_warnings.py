"""A silent loss of a task is told before it is sent, and stops nothing; ordinary lines are not warned of."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from goclient.tasks.outputs import list_declared, read_outputs
from tests.recording import Tool, token, tool_in
from tests.sandboxes import Sandbox

GO = "--useGOForOutput=SITE1:/o/"
TO = "--OutputGO=SITE1:/o/${SN/P}/"
IN = "--StageinGOsrc=SITE1:/in/a,SITE1:/in/b"


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    with tool_in(tmp_path_factory.mktemp("losses")) as tool:
        yield tool


@pytest.fixture(autouse=True)
def _forget(tool: Tool) -> None:
    tool.server.forget()


PRUN: dict[str, tuple[list[str], list[str]]] = {
    "a typo in an output": (
        ["--outputs=out.dat", "--Data=ot.dat", TO], ['"ot.dat" is not', "did you mean --Data=out.dat?"],
    ),
    "another case": (
        ["--outputs=out.dat,h.root", "--Data=Out.dat", TO], ['its outputs are "out.dat", "h.root"', "out.dat?"],
    ),
    "a suffix of a dataset": (["--outputs=A:out.dat", "--Data=A:out.dat", TO], ['"A:out.dat" is not', "did you mean"]),
    "an output of none": (["--Data=x.txt", TO], ["it declares none", "declare it: --outputs=x.txt"]),
    "an output beside others": (["--outputs=a.dat", "--Data=zzz", TO], ["--outputs=a.dat,zzz"]),
    "a directory": (
        ["--outputs=a.dat", "--Data=results/", TO], ['"results/" is not an output', "the payload writes it"],
    ),
    "an output and a slash": (["--outputs=a.dat", "--Data=a.dat/", TO], ['"a.dat/" is not', "--Data=a.dat?"]),
    "a number in the name": (["--outputs=a.dat", "--Data=x${SN}.txt", "--OutputGO=SITE1:/o/"], ['"x${SN}.txt" is not']),
    "a file that is taken away": (
        ["--outputs=a.dat", "--StageoutGOsrc=b.dat", "--StageoutGOdest=SITE1:/o/${SN}/"], ["--StageoutGOsrc=a.dat?"],
    ),
    "a word of 2012": (
        ["--outputs=a.dat", "--globusWords=globus-endpoint-out=SITE1 out-mode=gc dir-out=/o/${SN/P} files-out=b.dat"],
        ['"b.dat" is not an output', "did you mean files-out=a.dat?"],
    ),
    "a file of a pattern": (["--outputs=out_*.root", "--Data=out_1.root", TO], ["one archive", "'--Data=out_*.root'"]),
    "many names": (["--Data=" + ",".join(f"n{n}" for n in range(9)), TO], ['"n4" is not', "4 more names"]),
    "nothing but the log": (["--exec=a; b > out.root", GO], ["takes the log alone", "--outputs=out.root"]),
    "nothing but the log, a number of a stream": (["--exec=a 2>&1 >>log.txt", GO], ["--outputs=log.txt"]),
    "words of ours for the payload": (
        [GO, "--exec=run.sh --OutputGO=SITE1:/o/ --Data=x"], ['"--OutputGO" in --exec', "outside"],
    ),
    "a name that cannot be an output": (["--Data=a b", TO], ["make sure that the payload writes it"]),
    "a split without an input": ([IN, "--nFilesPerJob=5"], ["--nFilesPerJob counts only", "all 2 sources"]),
    "a split of one source": (["--StageinGOsrc=SITE1:/in/a", "--nFilesPerJob=5"], ["each job gets the source"]),
    "a limit": ([IN, "--nFiles=5"], ["--nFiles counts only for the files of --inDS"]),
    "gigabytes": ([IN, "--nGBPerJob=5"], ["--nGBPerJob counts only"]),
    "the most gigabytes": ([IN, "--nGBPerJob=MAX"], ["--nGBPerJob counts only"]),
    "events in a file": ([IN, "--nEventsPerFile=5", "--nEventsPerJob=2"], ["--nEventsPerFile counts only"]),
    "two of them": ([IN, "--nFiles=9", "--nFilesPerJob=5"], ["--nFilesPerJob and --nFiles count only"]),
    "a choice of names": ([IN, "--match=*.root"], ["--match counts only"]),
    "files that are skipped": ([IN, "--nSkipFiles=3"], ["--nSkipFiles counts only"]),
    "a split of both inputs": (
        [IN, "--nFilesPerJob=5", "--inDS=mc:one"], ["--nFilesPerJob counts only for the files of --inDS"],
    ),
    "a random number": (
        ["--StageinGOsrc=SITE1:/in/%RNDM:5.dat"], ["%RNDM:5 is filled in --exec and --trf alone", "${SN}"],
    ),
    "the input": (["--Data=%IN.out", TO], ["%IN is filled in --exec"]),
    "events that are skipped": (["--Data=x%SKIPEVENTS", TO], ["%SKIPEVENTS is filled"]),
    "the number of a task of several": (
        ["--Data=x", "--OutputGO=SITE1:/o/${SN}/%BULKSEQNUMBER/"], ["%BULKSEQNUMBER is"],
    ),
    "the dataset": (["--useGOForOutput=SITE1:/%DATASET_OUT/"], ["%DATASET_OUT is filled"]),
    "the dataset twice": (
        ["--useGOForOutput=SITE1:/o/jdoe/user.jdoe.test/"],
        ['"SITE1:/o/jdoe/user.jdoe.test/jdoe/user.jdoe.test/"', "did you mean --useGOForOutput=SITE1:/o/?"],
    ),
    "the dataset twice, no user": (["--useGOForOutput=SITE1:/o/user.jdoe.test"], ["--useGOForOutput=SITE1:/o/?"]),
}  # fmt: skip
PATHENA: dict[str, tuple[list[str], list[str]]] = {
    "a typo in an output": (["--trf=x %OUT.foo.root", "--Data=fo.root", TO], ["--Data=foo.root?"]),
    "an output of none": (["--trf=x", "--noOutput", "--Data=zzz", TO], ["declare it: --extOutFile=zzz"]),
    "a name with its %OUT": (
        ["--trf=x %OUT.foo.root", "--Data=%OUT.foo.root", TO], ["%OUT. is filled", "the name alone"],
    ),
    "two in a word": (["--trf=x %OUT.a.root,%OUT.b.root", GO], ['"%OUT.b.root"', "add --extOutFile=b.root"]),
    "two joined by +": (["--trf=x %OUT.a.root'%OUT.b.root'", GO], ["add --extOutFile=b.root"]),
    "a derivation without its formats": (
        ["--trf=x --outputDAODFile=%OUT.p.root %OUT.b", GO], ["add --extOutFile=p.root"],
    ),
    "a split without an input": (["--trf=x %OUT.a.root", IN, "--nFilesPerJob=5"], ["--nFilesPerJob counts only"]),
    "words of ours for the payload": (
        ["--trf=x --StageinGOsrc SITE1:/a", "--noOutput", GO], ['"--StageinGOsrc" in --trf'],
    ),
    "nothing but the log": (["--trf=x", "--noOutput", GO], ["takes the log alone", "--extOutFile="]),
}  # fmt: skip


@pytest.mark.parametrize(("words", "said"), [pytest.param(*case, id=name) for name, case in PRUN.items()])
def test_what_prun_would_lose_is_said_and_stops_nothing(tool: Tool, words: list[str], said: list[str]) -> None:
    result = tool.prun("--noCheck", *words)
    assert result.code == 0, result
    assert "goclient prun: warning: " in result.err
    for text in said:
        assert text in result.err
    assert len(tool.server.tasks) == 1


@pytest.mark.parametrize(("words", "said"), [pytest.param(*case, id=name) for name, case in PATHENA.items()])
def test_what_pathena_would_lose_is_said_and_stops_nothing(tool: Tool, words: list[str], said: list[str]) -> None:
    result = tool.ours("pathena", "--outDS=user.jdoe.test", "--containerImage=docker://x", "--noCheck", *words)
    assert result.code == 0, result
    for text in said:
        assert text in result.err
    assert len(tool.server.tasks) == 1


TYPED = re.compile(
    r"^    (?:did you mean|to take that:|if the payload writes it, declare it:|add|declare them, such as) (.*?)\??$",
    re.M,
)
MENDED = [
    (name, words)
    for table, name in ((PRUN, "prun"), (PATHENA, "pathena"))
    for words, said in table.values()
    if any(re.search("--(Data|StageoutGOsrc|outputs|extOutFile|useGOForOutput)=", text) for text in said)
]


@pytest.mark.conformance  # it takes long
def test_what_a_hint_says_to_type_mends_it(tool: Tool) -> None:
    """Each option of a hint takes the place of the one of its name on the line, until no hint has any."""
    typed = 0
    for name, words in MENDED:
        needed = [] if name == "prun" else ["--containerImage=docker://x"]
        line = ["--outDS=user.jdoe.test", "--noCheck", "--noSubmit", *needed, *words]
        line += ["--exec=run.sh", "--noBuild"] if name == "prun" and not any("--exec" in word for word in words) else []
        for _ in range(4):
            result = tool.ours(name, *line)
            assert result.code == 0, (line, result)
            hints = [word for hint in TYPED.findall(result.err) for word in shlex.split(hint) if word.startswith("--")]
            if not hints:
                break
            typed += len(hints)
            given = {word.partition("=")[0] for word in hints}
            line = [*(word for word in line if word.partition("=")[0] not in given), *dict.fromkeys(hints)]
        assert not hints, line
    assert typed >= 12


RIGHT: dict[str, list[str]] = {
    "an output": ["--outputs=out.dat", "--Data=out.dat", TO],
    "outputs and blanks": ["--outputs=out.dat, b.dat", "--Data=b.dat", TO],
    "an output of a suffix": ["--outputs=A:out.dat", "--Data=out.dat", TO],
    "a final name": ["--outputs=out.dat", "--Data=user.jdoe.$JEDITASKID._${SN/P}.out.dat", TO],
    "a final name, plain": ["--outputs=out.dat", "--Data=user.jdoe.$JEDITASKID._${SN}.out.dat", TO],
    "the log by its name": ["--Data=user.jdoe.test.log.$JEDITASKID.${SN/P}.log.tgz", TO],
    "what the payload says": ["--Data=job.out", TO],
    "a pattern": ["--outputs=o*.dat", GO],
    "everything": ["--outputs=out.dat", GO],
    "everything, at a home": ["--outputs=out.dat", "--useGOForOutput=SITE1:/home/jdoe/"],
    "a calibration beside an input": ["--StageinGOsrc=SITE1:/c.db", "--inDS=mc:one", "--nFilesPerJob=5"],
    "an input that is listed": [
        "--StageinGOsrc=SITE1:/c.db",
        "--inDS=mc:one",
        "--writeInputToTxt=IN:i",
        "--exec=x %IN",
    ],
    "a source for each job": ["--StageinGOsrc=SITE1:/in/${SN/P}.a,SITE1:/in/${SN}.b", "--nFilesPerJob=5"],
    "an output that may be missing, and stays": ["--outputs=a,b", "--allowNoOutput=b", "--Data=a", TO],
    "sources for many jobs": [IN, "--nJobs=5"],
    "events of a generator": [IN, "--nEventsPerJob=100", "--nJobs=3", "--exec=run.sh %RNDM:1 %SKIPEVENTS"],
    "an input without transfers out": ["--StageinGOsrc=SITE1:/c.db", "--exec=run.sh > out.txt"],
    "a per cent in a name": ["--StageinGOsrc=SITE1:/in/100%.dat,SITE1:/in/50%INSIDE,SITE1:/in/a%OUTER"],
}


@pytest.mark.parametrize("words", [pytest.param(words, id=name) for name, words in RIGHT.items()])
def test_a_line_that_loses_nothing_is_not_warned_of(tool: Tool, words: list[str]) -> None:
    (tool.folder / "catalogue.toml").write_text(
        '[SITE1]\nkind = "globus"\nid = "' + "a" * 8 + '-0000-0000-0000-000000000000"\n'
    )
    result = tool.prun("--noCheck", *words, GOCLIENT_ENDPOINTS=str(tool.folder / "catalogue.toml"))
    assert result.code == 0, result
    assert "warning" not in result.err


# --- the outputs of a transformation --------------------------------------------------------------------------

TRF = {
    "one": "x out=%OUT.a.root",
    "a semicolon": "x out=%OUT.a.root; y",
    "a semicolon, no blank": "x out=%OUT.a.root;y %OUT.b.root;",
    "a comma": "x %OUT.a.root,b",
    "single quotes": "x '%OUT.a.root'",
    "double quotes": 'x "%OUT.a.root" %OUT.b.txt',
    "an escape": "x --out=%OUT.a.root\ty",
    "a line break": "x %OUT.a.root\ny %OUT.b.root",
    "two in a word": "x %OUT.a.root,%OUT.b.root",
    "the same twice": "x %OUT.a.root; y %OUT.a.root",
    "one that begins another": "x %OUT.a %OUT.a.root",
    "a star": "x %OUT.a*.root",
    "a derivation": "x --outputDAODFile=%OUT.p.root --reductionConf=A,B",
    "a derivation of the other kind": "x --outputD2AODFile p.root --formats 'A,B' %OUT.b",
    "a derivation without formats": "x --outputDAODFile=%OUT.p.root %OUT.b",
    "no output": "x %OUTa.root",
    "a colon": "x AOD:%OUT.a.root",
}


@pytest.mark.parametrize("trf", [pytest.param(trf, id=name) for name, trf in TRF.items()])
def test_outputs_of_a_transformation_are_those_that_pathena_makes(tool: Tool, trf: str) -> None:
    words = (
        "--outDS=user.jdoe.test",
        f"--trf={trf}",
        "--noOutput",
        "--containerImage=docker://x",
        "--extOutFile=z.txt",
    )
    assert tool.stock("pathena", *words).code == 0
    made = read_outputs(tool.server.tasks[0]).names
    assert [name for name in made if not name.startswith("user.jdoe.")] == list_declared("", trf, ["z.txt"])


MANGLED = {
    "a bracket": ("(x %OUT.a.root)", "%OUT.a.root )"),
    "a pipe": ("x %OUT.a.root|y", "%OUT.a.root |y"),
    "a redirection": ("x %OUT.a.root>log", "%OUT.a.root >log"),
    "an ampersand": ("x %OUT.a.root&&y", "%OUT.a.root &&y"),
}


@pytest.mark.parametrize(("trf", "hint"), [pytest.param(*case, id=name) for name, case in MANGLED.items()])
def test_a_name_that_runs_on_is_told_before_panda_client_refuses_it(tool: Tool, trf: str, hint: str) -> None:
    """The oldest panda-client takes such a name."""
    result = tool.ours(
        "pathena", "--outDS=user.jdoe.test", "--containerImage=docker://x", "--noCheck", GO, f"--trf={trf}"
    )
    assert hint in result.err


def test_an_output_whose_name_pathena_fills_in_goes_by_that_name(tool: Tool) -> None:
    words = ("--trf=x %OUT.a.root,%OUT.b.root", GO, "--noCheck", "--containerImage=docker://x")
    assert tool.ours("pathena", "--outDS=user.jdoe.test", *words).code == 0
    assert "user.jdoe.test.${SN/P}.b.root" in tool.words()[-1]


@pytest.mark.parametrize("end", [";", ",", "'", '"', " ;", "\n", ";y", "; "])
def test_an_output_of_a_transformation_goes_by_its_name_whatever_ends_it(tool: Tool, end: str) -> None:
    words = (f"--trf=x out=%OUT.a.root{end}", "--Data=a.root", "--OutputGO=SITE1:/o/", "--noCheck")
    result = tool.ours("pathena", "--outDS=user.jdoe.test", "--containerImage=docker://x", *words)
    assert result.code == 0, result
    assert tool.words()[-1] == "--Data=user.jdoe.$JEDITASKID.EXT0._${SN/P}.a.root"


# --- the folder of --useGOForOutput -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asked(tool: Tool, shared_sandbox: Sandbox) -> Tool:
    return Tool(tool.server, {**shared_sandbox.env, **tool.env}, tool.folder)


MADE: dict[str, tuple[list[str], str]] = {
    "the folder": (["d/jdoe/user.jdoe.test/"], ""),
    "that of the user": (["d/jdoe/"], ""),
    "that was typed": (["d/"], ""),
    "nothing": ([], '"SITE1:/home/{}/d/" does not exist'),
    "a file for the folder": (["d/jdoe/user.jdoe.test"], "is a file"),
    "a file for that of the user": (["d/jdoe"], "is a file"),
    "a file for that was typed": (["d"], "is a file"),
    "files of other tasks": (["d/jdoe/user.jdoe.test/", "d/jdoe/user.jdoe.test/user.jdoe.1._000001.o.dat"], ""),
}  # fmt: skip


@pytest.mark.parametrize("case", MADE)
def test_the_folder_that_the_files_go_to_is_looked_at(asked: Tool, shared_sandbox: Sandbox, case: str) -> None:
    number = list(MADE).index(case)
    slash = "/" * (number % 2)
    made, said = MADE[case]
    name = f"made{number}"
    home = shared_sandbox.path("SITE1", "/home") / name
    home.mkdir()
    for one in made:
        path = home / one
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(exist_ok=True) if one.endswith("/") else path.touch()
    result = asked.prun("--outputs=o.dat", f"--useGOForOutput=SITE1:/home/{name}/d{slash}")
    assert result.code == (40 if said == "is a file" else 0), result
    assert said.format(name) in result.err
    assert "warning" not in result.err or "does not exist" in said
    if result.code == 0:
        assert f"SITE1:/home/{name}/d/jdoe/user.jdoe.test/user.jdoe.$JEDITASKID._${{SN/P}}.o.dat" in result.err


def test_with_v_it_is_said_that_a_new_folder_is_made_later(asked: Tool) -> None:
    result = asked.prun("--outputs=o.dat", "--useGOForOutput=SITE1:/home/osg_data/", "-v", "--noSubmit")
    assert "ok: SITE1:/home/osg_data/jdoe/user.jdoe.test/ is made when files come" in result.err
    assert "in the way of SITE1:/home/osg_data/user" not in result.err


@pytest.mark.parametrize("folder", ["/home/", "/home/osg_data/none/"])
def test_a_probe_is_made_although_the_names_of_the_files_are_not_known_yet(asked: Tool, folder: str) -> None:
    result = asked.prun("--outputs=o.dat", f"--useGOForOutput=SITE1:{folder}", "-v", "--goProbe", "--noSubmit")
    assert result.code == 0, result
    assert "can be written: a directory was made there, and removed" in result.err


def test_the_folder_that_the_files_go_to_is_made_if_the_user_says_so(asked: Tool, shared_sandbox: Sandbox) -> None:
    result = asked.prun("--outputs=o.dat", "--useGOForOutput=SITE1:/home/made/", "--goMkdir")
    assert result.code == 0, result
    assert shared_sandbox.path("SITE1", "/home/made/jdoe/user.jdoe.test").is_dir()


PLACES: dict[str, tuple[list[str], str]] = {
    "a dataset": (["--outDS=user.jdoe.test"], "SITE1:/o/jdoe/user.jdoe.test/user.jdoe.1._${SN/P}.o.dat"),
    "a dataset and a slash": (["--outDS=user.jdoe.test/"], "SITE1:/o/jdoe/user.jdoe.test/user.jdoe.1._${SN/P}.o.dat"),
    "a long dataset": (["--outDS=user.jdoe.a.b.c_d"], "SITE1:/o/jdoe/user.jdoe.a.b.c_d/user.jdoe.1._${SN/P}.o.dat"),
    "the log": (["--outDS=user.jdoe.test"], "SITE1:/o/jdoe/user.jdoe.test/user.jdoe.test.log.1.${SN/P}.log.tgz"),
    "a directory": (["--outDS=user.jdoe.test", "--useGOForOutput=SITE1:/p"], "SITE1:/p/jdoe/user.jdoe.test/"),
    "an endpoint": (["--outDS=user.jdoe.test", "--useGOForOutput=SITE1"], "SITE1:/~/jdoe/user.jdoe.test/"),
    "a home": (["--outDS=user.jdoe.test", "--useGOForOutput=SITE1:/~/x"], "SITE1:/~/x/jdoe/user.jdoe.test/"),
    "another user": (["--outDS=user.jdoe.test", "--useGOForOutput=wdeng#A:/x"], "wdeng#A:/x/jdoe/user.jdoe.test/"),
    "a pattern": (
        ["--outDS=user.jdoe.t", "--outputs=h_*.root"],
        "h_*.root  SITE1:/o/jdoe/user.jdoe.t/user.jdoe.1._${SN/P}.h_XYZ.root.tgz",
    ),
    "a suffix": (
        ["--outDS=user.jdoe.t", "--outputs=A:o.dat"], "o.dat    SITE1:/o/jdoe/user.jdoe.t/user.jdoe.1._${SN/P}.o.dat",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("words", "said"), [pytest.param(*case, id=name) for name, case in PLACES.items()])
def test_final_names_are_said_before_and_after_the_submission(tool: Tool, words: list[str], said: str) -> None:
    given = {word.partition("=")[0] for word in words}
    more = [word for word in ("--outputs=o.dat", GO) if word.partition("=")[0] not in given]
    result = tool.ours("prun", "--exec=run.sh", "--noBuild", "--noCheck", *words, *more)
    assert result.code == 0, result
    before, after = result.err.split("goclient prun: final names ")[1:]
    assert said in after
    assert "task 1, " in after
    unknown = said.replace("user.jdoe.1.", "user.jdoe.$JEDITASKID.").replace("log.1.", "log.$JEDITASKID.")
    assert unknown in before
    assert "$JEDITASKID is the task's number" in before


def test_an_output_that_nobody_takes_is_in_panda_alone(tool: Tool) -> None:
    result = tool.prun("--noCheck", "--outputs=a.dat,b.dat", "--Data=a.dat", "--OutputGO=SITE1:/o/")
    assert "a.dat  SITE1:/o/user.jdoe.1._${SN/P}.a.dat\n" in result.err
    assert "b.dat  user.jdoe.1._${SN/P}.b.dat, in PanDA alone\n" in result.err


@pytest.mark.parametrize("words", [[IN], ["--myproxy=a@h.example.org"], ["--outputs=a.dat"]])
def test_without_files_to_take_away_no_names_are_said(tool: Tool, words: list[str]) -> None:
    assert "final names" not in tool.prun("--noCheck", *words).err


def test_names_of_each_of_several_tasks_are_said_with_its_own_number(tool: Tool) -> None:
    result = tool.prun("--noCheck", "--inOutDsJson=bulk.json", "--outputs=a.dat", GO)
    for number, name in ((1, "one"), (2, "two")):
        assert f"SITE1:/o/jdoe/user.jdoe.{name}/user.jdoe.{number}._${{SN/P}}.a.dat" in result.err


def test_a_task_that_is_refused_or_not_sent_has_no_number(tool: Tool) -> None:
    tool.server.refusals = [{"success": False, "message": "no", "data": 4}]
    for words in ([], ["--noSubmit"]):
        result = tool.prun("--noCheck", "--outputs=a.dat", GO, *words)
        assert result.err.count("final names") == 1
        assert "files of task" not in result.err


def test_the_names_of_a_group_begin_with_it(tool: Tool) -> None:
    words = ("--official", "--outDS=group.phys.x", "--exec=run.sh", "--noBuild", "--noCheck", "--outputs=o.dat", GO)
    result = tool.ours("prun", *words, PANDA_AUTH_ID_TOKEN=token("phys/production"))
    assert result.code == 0, result
    assert "SITE1:/o/jdoe/group.phys.x/group.phys.1._${SN/P}.o.dat" in result.err
    assert "SITE1:/o/jdoe/group.phys.x/group.phys.x.log.1.${SN/P}.log.tgz" in result.err


@pytest.mark.parametrize("option", ["--addNthFieldOfInDSToLFN=2", "--addNthFieldOfInFileToLFN=2"])
def test_a_field_of_the_input_in_a_name_is_refused_before_anything_is_uploaded(tool: Tool, option: str) -> None:
    result = tool.prun("--noCheck", "--outputs=o.dat", "--inDS=mc:one", option, GO)
    assert (result.code, tool.server.requests) == (10, []), result
    assert "MIDDLENAME" in result.err


# --- the outputs of job options, which pathena learns from Athena -------------------------------------------------

ATHENA = """#!/bin/sh
echo 'ConfigExtractor > No Input'
echo 'ConfigExtractor > Output=HIST'
echo 'ConfigExtractor > Output=AANT tree STREAM1 a.root'
echo 'ConfigExtractor > Output=AANT tree STREAM2 b.root'
echo 'ConfigExtractor > Output=IROOT ntup.root'
"""
JOB_OPTIONS = {
    "everything": ([GO], 0, ["ntup.root", "iROOT0._${SN/P}.ntup.root", "STREAM2._${SN/P}.root", "hist._${SN/P}.root"]),
    "an output": (["--Data=ntup.root", "--OutputGO=SITE1:/o/"], 0, ["SITE1:/o/user.jdoe.1.iROOT0._${SN/P}.ntup.root"]),
    "an output, and others in PanDA": (["--Data=ntup.root", "--OutputGO=SITE1:/o/"], 0, ["STREAM1", "in PanDA alone"]),
    "a stream": (["--Data=STREAM1", "--OutputGO=SITE1:/o/"], 0, ["SITE1:/o/user.jdoe.1.STREAM1._${SN/P}.root"]),
    "a typo": (["--Data=ntp.root", TO], 0, ['"ntp.root" is not an output', "did you mean --Data=ntup.root?"]),
    "a file that is none": (["--Data=zzz", TO], 0, ["declare it: --extOutFile=zzz"]),
    "one of all jobs": (["--Data=zzz", "--OutputGO=SITE1:/o/"], 10, ["all jobs of the task would write"]),
    "more outputs": (["--extOutFile=x.txt", "--Data=x.txt", "--OutputGO=SITE1:/o/"], 0, ["EXT0._${SN/P}.x.txt"]),
}


@pytest.mark.parametrize(
    ("words", "code", "said"), [pytest.param(*case, id=name) for name, case in JOB_OPTIONS.items()]
)
def test_outputs_of_job_options_are_those_that_athena_tells(
    tool: Tool, words: list[str], code: int, said: list[str], tmp_path: Path
) -> None:
    athena = tmp_path / "athena.py"
    athena.write_text(ATHENA)
    athena.chmod(0o755)
    needed = ("--outDS=user.jdoe.test", "--containerImage=docker://x", "--noCheck", "jobO.py")
    result = tool.ours("pathena", *needed, *words, PATH=f"{tmp_path}:{tool.env['PATH']}")
    assert result.code == code, result
    for text in said:
        assert text in result.err
    assert len(tool.server.tasks) == (not code)


def test_a_container_that_no_pilot_of_ours_starts_is_a_warning(tool: Tool) -> None:
    result = tool.prun("--noCheck", GO, "--outputs=a.root", "--containerImage=docker://x", "--noSubmit")
    assert result.code == 0, result.err
    assert (
        'warning: goclient\'s pilot starts no container: --containerImage="docker://x" needs another one' in result.err
    )
    assert "container" not in tool.prun("--noCheck", GO, "--outputs=a.root", "--noSubmit").err
    assert "goclient's pilot" not in tool.prun("--containerImage=docker://x", "--noSubmit").err, "nothing is moved"
