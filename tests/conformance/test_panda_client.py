"""Without an option of ours goclient prun and pathena do what panda-client's do, byte for byte."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.commands import Result
from tests.recording import UUID, Tool, tool_in

OUT = "--outDS user.jdoe.test"
RUN = f"{OUT} --exec 'run.sh %IN' --noBuild"

PRUN = {
    "the least": f"{OUT} --exec run.sh",
    "no build": RUN,
    "options with equals signs": "--outDS=user.jdoe.test --exec=run.sh --noBuild",
    "an output": f"{RUN} --outputs out.dat",
    "outputs with suffixes": f"{RUN} --outputs A:out.dat,B:log.txt",
    "outputs with a star": f"{RUN} --outputs 'out*.root'",
    "an output by a pattern": f"{RUN} --outputs 'regex|out.*'",
    "outputs that may be missing": f"{RUN} --outputs a.dat,b.dat --allowNoOutput b.dat",
    "an input": f"{RUN} --inDS mc:one --nFilesPerJob 5 --nFiles 20",
    "inputs of a file": f"{RUN} --inDsTxt inputs.txt",
    "some files of an input": f"{RUN} --inDS mc:one --inputFileList files.txt --nFilesPerJob 1",
    "files by their names": f"{RUN} --inDS mc:one --match '*root*' --antiMatch '*log*'",
    "a second input": f"{RUN} --inDS mc:one --secondaryDSs SEC:2:mc:two",
    "files of no dataset": f"{RUN} --pfnList files.txt --site ANALY_BNL_T3",
    "ten jobs": f"{RUN} --nJobs 10",
    "a site": f"{RUN} --site ANALY_BNL_T3",
    "several sites": f"{RUN} --site A,B --excludedSite C",
    "merged outputs": f"{RUN} --outputs out.root --mergeOutput --nGBPerMergeJob 2",
    "a merging script": f"{RUN} --outputs out.root --mergeScript run.sh",
    "no log": f"{RUN} --noSeparateLog --outputs a.dat",
    "a container": f"{OUT} --exec 'ls -l' --containerImage docker://busybox",
    "a container with its files": f"{OUT} --exec ls --containerImage docker://busybox --useSandbox --outputs a.txt",
    "a virtual organisation": f"{RUN} --vo wlcg --prodSourceLabel test --workingGroup wlcg",
    "resources": f"{RUN} --memory 4000 --nCore 4 --maxWalltime 5 --maxCpuCount 3600 --priority 900",
    "quotes in the payload": f"{OUT} --noBuild --exec 'echo \"a b\" > x; echo $HOME'",
    "random numbers": f"{RUN} --nJobs 2 --exec 'run.sh %RNDM:5 %SKIPEVENTS'",
    "words that look like ours in the payload": f"{OUT} --noBuild --exec 'run.sh --OutputGO=SITE1:/a --Data b'",
    "a payload that begins like ours": f"{OUT} --noBuild --exec '--Data x'",
    "a build": f"{OUT} --exec run.sh --bexec 'make all' --extFile old.o",
    "no compilation": f"{OUT} --exec run.sh --noCompile",
    "an Athena tag": f"{RUN} --athenaTag 22.0.0 --cmtConfig x86_64-centos7-gcc11-opt",
    "root": f"{RUN} --rootVer 6.24/06 --cmtConfig x86_64-centos7-gcc11-opt",
    "a parent": f"{RUN} --parentTaskID 7",
    "an abbreviation that --noCheck would blur": f"{OUT} --exec run.sh --noCom",
    "an abbreviation that --pilot would blur": f"{RUN} --prio 900",
    "an old option": f"{RUN} --cloud=US --individualOutDS",
    "no submission": f"{RUN} --outputs a.dat --noSubmit",
    "no submission, and many words": f"{RUN} --noSubmit -v",
    "many words": f"{RUN} -v",
    "options of a file": "--loadJson options.json",
    "options of a file, and others": "--loadJson options.json --outputs a.dat",
    "several tasks": f"{RUN} --inOutDsJson bulk.json --outputs a.dat",
    "several tasks, dumped": f"{RUN} --inOutDsJson bulk.json --dumpJson dump.json",
    "a dump": f"{RUN} --dumpJson dump.json",
    "a dump of what was not sent": f"{RUN} --dumpJson dump.json --noSubmit --dumpTaskParams {{folder}}/dump.params",
    "Unicode": f"{OUT} --noBuild --exec 'echo é'",
    "the version": "--version",
    "a group of the help": "--helpGroup print",
    "an unknown key in a file": "--loadJson unknown.json",
    "nothing": "",
    "no payload": OUT,
    "no dataset": "--exec run.sh",
    "somebody else's dataset": "--outDS user.other.test --exec run.sh",
    "an unknown option": f"{RUN} --frobnicate",
    "an option without its value": f"{OUT} --exec",
    "a stray word": f"{RUN} stray",
    "a number that is none": f"{RUN} --nJobs x",
    "too many outputs": f"{RUN} --outputs a,b,c,d,e,f,g,h,i,j,k,l",
    "a wrong output": f"{RUN} --outputs a/b",
    "words after a bare --": f"{RUN} -- --Data x",
    "two ways to split": f"{RUN} --nGBPerJob 2 --nFilesPerJob 2",
}

TRF = f"{OUT} --trf 'Reco_tf.py maxEvents=5 outputB=%OUT.foo.root' --containerImage docker://x"
PATHENA = {
    "a transformation": TRF,
    "a transformation at a site": f"{TRF} --site ANALY_BNL_T3 --nJobs 3",
    "a second output": f"{TRF} --extOutFile bar.txt",
    "no submission": f"{TRF} --noSubmit -v",
    "several tasks": f"{TRF} --inOutDsJson bulk.json",
    "a dump": f"{TRF} --dumpJson dump.json",
    "no job options": OUT,
    "an unknown option": f"{TRF} --frobnicate",
    "the version": "--version",
}


class Seen(NamedTuple):
    """All that there is to see of a run."""

    result: Result
    sent: list[tuple[str, bytes]]
    written: dict[str, str]


@pytest.fixture(scope="module")
def shared_tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    with tool_in(tmp_path_factory.mktemp("same")) as tool:
        yield tool


def _seen(tool: Tool, result: Result) -> Seen:
    written = {name: UUID.sub("UUID", (tool.folder / name).read_text()) for name in tool.left}
    sent = tool.server.masked
    for name in tool.left:
        (tool.folder / name).unlink()
    tool.server.forget()
    return Seen(Result(result.code, UUID.sub("UUID", result.out), UUID.sub("UUID", result.err)), sent, written)


def _both(tool: Tool, name: str, words: list[str]) -> tuple[Seen, Seen]:
    stock = _seen(tool, tool.stock(name, *words, python=sys.executable))
    return stock, _seen(tool, tool.ours_alone(name, *words))


def _words(line: str, folder: Path) -> list[str]:
    return shlex.split(line.replace("{folder}", str(folder)))


@pytest.mark.parametrize("line", [pytest.param(line, id=name) for name, line in PRUN.items()])
def test_prun_without_our_options_is_stock_prun(shared_tool: Tool, line: str) -> None:
    stock, ours = _both(shared_tool, "prun", _words(line, shared_tool.folder))
    if "Traceback" in stock.result.err:  # ours says the same in a line
        assert ours.result.code == stock.result.code
        return
    assert ours == stock


@pytest.mark.parametrize("line", [pytest.param(line, id=name) for name, line in PATHENA.items()])
def test_pathena_without_our_options_is_stock_pathena(shared_tool: Tool, line: str) -> None:
    stock, ours = _both(shared_tool, "pathena", _words(line, shared_tool.folder))
    assert ours == stock


def test_most_of_the_lines_submit_something(shared_tool: Tool) -> None:
    assert len(PRUN) >= 50
    assert _both(shared_tool, "prun", _words(RUN, shared_tool.folder))[1].sent[-1][0].endswith("/task/submit")


@pytest.mark.parametrize("name", ["prun", "pathena"])
def test_help_is_stock_help_and_a_group(shared_tool: Tool, name: str) -> None:
    stock, ours = _both(shared_tool, name, ["-h"])
    before, group, after = ours.result.out.partition("\nglobus:\n")
    assert group
    assert "--useGOForOutput" in after
    assert ",GLOBUS,ALL}" in before
    assert before.replace(",GLOBUS,ALL}", ",ALL}").split() == stock.result.out.split()


def test_our_group_has_its_own_help(shared_tool: Tool) -> None:
    result = shared_tool.ours("prun", "--helpGroup", "globus")
    assert (result.code, result.err) == (0, "")
    assert "--goMkdir" in result.out
    assert "--inDS" not in result.out
