"""Our options in prun and pathena: what gets into a task, and what is refused before anything is uploaded."""

from __future__ import annotations

import json

import pytest

from goclient.model.records.registry import decode
from tests.recording import NICKNAME, Tool
from tests.sandboxes import Sandbox

SEED = ("--site=ANALY_BNL_T3", "--useGOForOutput", "wdeng#ANLHEP_ATLAS8:/atlas/dq2/test/")
LFN = "user.jdoe.$JEDITASKID._${SN/P}.out.dat"
LOG = "user.jdoe.test.log.$JEDITASKID.${SN/P}.log.tgz"


# --- what gets into a task ------------------------------------------------------------------------------------

TAKEN = {
    "an output": (["--outputs=out.dat", "--Data=out.dat", "--OutputGO=SITE1:/o/"], ["SITE1:/o/"], [LFN]),
    "an output, in two words": (["--outputs", "out.dat", "--Data", "out.dat", "--OutputGO", "SITE1:/o"], None, [LFN]),
    "an output by another name": (
        ["--outputs=out.dat", "--StageoutGOsrc=out.dat", "--StageoutGOdest=SITE1:/o/x${SN}.dat"], None, None,
    ),
    "a file that is no output": (["--Data=x.txt", "--OutputGO=SITE1:/o/${SN/P}/"], None, ["x.txt"]),
    "an output with a star": (["--outputs=o*.dat", "--Data=o*.dat", "--OutputGO=SITE1:/o/"], None, None),
    "an output with a suffix": (["--outputs=A:out.dat", "--Data=out.dat", "--OutputGO=SITE1:/o/"], None, [LFN]),
    "a placeholder of tasks": (["--Data=x", "--OutputGO=SITE1:/$JEDITASKID/${SN}/"], None, ["x"]),
    "the words of 2012": (
        ["--globusWords", "globus-endpoint-out=SITE1 out-mode=gc dir-out=/o/${SN/P} files-out=x"], None, ["x"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "locations", "names"), [pytest.param(*case, id=name) for name, case in TAKEN.items()]
)
def test_our_words_are_last_in_the_task_one_an_item_the_marker_first(
    tool: Tool, words: list[str], locations: list[str] | None, names: list[str] | None
) -> None:
    result = tool.prun("--noCheck", *words)
    assert result.code == 0, result
    items = tool.server.tasks[0]["jobParameters"]
    ours = tool.words()
    assert items[-len(ours) :] == [{"type": "constant", "value": word} for word in ours]
    assert ours[0] == f"--goclient=v1:{len(ours) - 1}"
    spec = decode(" ".join(ours)).spec
    assert locations is None or [str(transfer.destination) for transfer in spec.output] == locations
    assert names is None or [str(transfer.source) for transfer in spec.output] == names
    assert all(transfer.destination.endpoint.text == "SITE1" for transfer in spec.transfers)


def test_what_precedes_our_words_is_stock(tool: Tool) -> None:
    tool.stock("prun", "--outDS=user.jdoe.test", "--exec=run.sh", "--noBuild", "--outputs=out.dat")
    stock = tool.server.masked[-1][1]
    tool.server.forget()
    tool.prun("--outputs=out.dat", "--noCheck", "--useGOForOutput=SITE1:/o/")
    with_ours, without = tool.server.tasks[0], json.loads(stock)["task_parameters"]
    count = len(tool.words())
    assert len(with_ours["jobParameters"]) == len(without["jobParameters"]) + count
    different = {name for name in without if with_ours[name] != without[name]}
    assert different == {"jobParameters", "cliParams"}


@pytest.mark.parametrize("form", ["two words", "one word"])
def test_the_example_of_2012_takes_every_output_and_the_log(tool: Tool, form: str) -> None:
    words = [SEED[0], *SEED[1:]] if form == "two words" else [SEED[0], "=".join(SEED[1:])]
    result = tool.prun("--outputs=out.dat,more.txt", "--noCheck", *words)
    assert result.code == 0, result
    folder = f"wdeng#ANLHEP_ATLAS8:/atlas/dq2/test/{NICKNAME}/user.jdoe.test/"
    assert tool.words() == [
        "--goclient=v1:3",
        f"--OutputGO={folder}",
        "--WorkingendpointGO=goclient",
        f"--Data={LFN},{LFN.replace('out.dat', 'more.txt')},{LOG}",
    ]
    assert tool.server.tasks[0]["site"] == "ANALY_BNL_T3"
    assert "obsolete" not in result.out


def test_the_line_of_the_user_is_what_the_monitor_shows(tool: Tool) -> None:
    tool.prun("--outputs=out.dat", "--noCheck", *SEED)
    assert tool.server.tasks[0]["cliParams"] == (
        "prun --outDS= user.jdoe.test --exec= run.sh --noBuild --outputs= out.dat --noCheck --site= ANALY_BNL_T3 "
        "--useGOForOutput wdeng#ANLHEP_ATLAS8:/atlas/dq2/test/"
    ).replace("= ", "=")


def test_an_endpoint_alone_means_its_home_directory_if_nobody_is_asked(tool: Tool) -> None:
    assert tool.prun("--noCheck", "--useGOForOutput=SITE1").code == 0
    assert tool.words()[1] == "--OutputGO=SITE1:/~/jdoe/user.jdoe.test/"


def test_a_way_and_a_permission_to_overwrite_count_for_the_outputs_alone(tool: Tool) -> None:
    result = tool.prun("--outputs=out.dat", "--noCheck", "--useGOForOutput=SITE1:/o/", "--goVia=https", "--goOverwrite")
    assert result.code == 0, result
    spec = decode(" ".join(tool.words())).spec
    assert (str(spec.out_mode), spec.overwrite, spec.working) == ("https", True, "goclient")


def test_each_of_several_tasks_has_its_own_words(tool: Tool) -> None:
    result = tool.prun("--inOutDsJson=bulk.json", "--outputs=out.dat", "--noCheck", "--useGOForOutput=SITE1:/o/")
    assert result.code == 0, result
    for number, name in enumerate(("one", "two")):
        assert tool.words(number)[1] == f"--OutputGO=SITE1:/o/jdoe/user.jdoe.{name}/"
        log = decode(" ".join(tool.words(number))).spec.output[-1].source.name
        assert log == f"user.jdoe.{name}.log.$JEDITASKID.${{SN/P}}.log.tgz"
    assert len(tool.server.tasks) == 2


def test_many_tasks_have_their_words_once_each(tool: Tool) -> None:
    assert tool.prun("--inOutDsJson=many.json", "--inDS=mc:in", "--noCheck", "--useGOForOutput=SITE1:/o/").code == 0
    folders = [f"--OutputGO=SITE1:/o/jdoe/user.jdoe.{number}/" for number in range(6)]
    assert [tool.words(number)[1] for number in range(6)] == folders
    assert {len(tool.words(number)) for number in range(6)} == {4}


def test_an_account_alone_is_told_to_the_pilot(tool: Tool) -> None:
    assert tool.prun("--noCheck", "--myproxy=jdoe@px.example.org").code == 0
    assert tool.words() == ["--goclient=v1:1", "--MyproxyGO=jdoe@px.example.org:7512"]


def test_a_lenient_marker_is_bare_and_warned_of(tool: Tool) -> None:
    result = tool.prun("--noCheck", "--useGOForOutput=SITE1:/o/", "--goLenient")
    assert tool.words()[0] == "goclient=v1:3"
    assert "without their files" in result.err


def test_myproxy_is_accepted_and_says_what_it_does_now(tool: Tool) -> None:
    result = tool.prun("--noCheck", "--useGOForOutput=SITE1:/o/", "--myproxy", "jdoe@px.example.org")
    assert result.code == 0
    assert "--MyproxyGO=jdoe@px.example.org:7512" in tool.words()
    assert "uploads no proxy" in result.err
    assert "obsolete" not in result.out


def test_options_may_come_from_a_file_and_go_to_one(tool: Tool) -> None:
    options = {"outDS": "user.jdoe.test", "exec": "run.sh", "useGOForOutput": "SITE1:/o/", "noCheck": True}
    (tool.folder / "ours.json").write_text(json.dumps({**options, "goNeeds": "48", "noBuild": True}))
    result = tool.ours("prun", "--loadJson=ours.json", "--dumpJson=dump.json")
    assert result.code == 0, result
    assert tool.words()[1] == "--OutputGO=SITE1:/o/jdoe/user.jdoe.test/"
    (dumped,) = json.loads((tool.folder / "dump.json").read_text())
    assert (dumped["useGOForOutput"], dumped["noCheck"], dumped["goNeeds"]) == ("SITE1:/o/", True, 48)
    assert (dumped["returnCode"], dumped["jediTaskID"]) == (0, 1)
    assert "useGOForOutput" in tool.server.tasks[0]["cliParams"]


def test_without_submission_our_words_are_in_what_is_dumped(tool: Tool) -> None:
    result = tool.prun("--noSubmit", "--noCheck", "--useGOForOutput=SITE1:/o/", "--dumpTaskParams=task.json", "-v")
    assert result.code == 0
    dumped = json.loads((tool.folder / "task.json").read_text())
    assert dumped["jobParameters"][-4]["value"] == "--goclient=v1:3"
    assert "--goclient=v1:3" in result.out
    assert tool.server.paths == []


def test_pathena_maps_its_outputs_and_dumps_its_task(tool: Tool) -> None:
    result = tool.pathena("--Data=foo.root", "--OutputGO=SITE1:/o/", "--noCheck", "--dumpTaskParams", "task.json")
    assert result.code == 0, result
    assert tool.words()[-1] == "--Data=user.jdoe.$JEDITASKID.EXT0._${SN/P}.foo.root"
    dumped = json.loads((tool.folder / "task.json").read_text())
    assert dumped == tool.server.tasks[0]


# --- what is refused ------------------------------------------------------------------------------------------

GO = "--useGOForOutput=SITE1:/o/"
REFUSED = {
    "an option without its value": (["--useGOForOutput"], 2, ["--useGOForOutput needs a value"]),
    "an option whose value is an option": (["--useGOForOutput", "--noSubmit"], 2, ["--useGOForOutput needs a value"]),
    "an option twice": ([GO, GO], 2, ["--useGOForOutput is given 2 times"]),
    "an option misspelt": (["--useGOForOutputs", "SITE1:/o/"], 2, ["did you mean --useGOForOutput?"]),
    "an option of panda-client's misspelt": (["--exce", "x", GO], 2, ['"--exce"', "did you mean --exec?"]),
    "an option that nobody knows": (["--frobnicate", "x", GO], 2, ['"--frobnicate" is not', "--helpGroup ALL"]),
    "a queue as sendJob names it": (["--computingSite", "TEST1", GO], 2, ['"--computingSite"', "did you mean --site?"]),
    "a program as sendJob names it": (["--transformation=x.sh", GO], 2, ["did you mean --exec?"]),
    "words as sendJob names them": (["--jobParameters", "a b", GO], 2, ["did you mean --exec?"]),
    "an option in small letters": (["--outputgo=SITE1:/o/"], 2, ["did you mean --OutputGO?"]),
    "an option cut short": (["--useGOFor=SITE1:/o/"], 2, ["did you mean --useGOForOutput?"]),
    "an option with one dash": (["-useGOForOutput", "SITE1:/o/"], 2, ["did you mean --useGOForOutput?"]),
    "an option with three dashes": (["---Data=x"], 2, ["did you mean --Data?"]),
    "an option without dashes": (["useGOForOutput=SITE1:/o/"], 2, ["did you mean --useGOForOutput?"]),
    "a colon for the equals sign": (["--useGOForOutput:SITE1:/o/"], 2, ["did you mean --useGOForOutput?"]),
    "blanks around the equals sign": (["--useGOForOutput", "=", "SITE1:/o/"], 2, ['"SITE1:/o/" belongs', "no blanks"]),
    "a list with a blank": (["--StageinGOsrc", "SITE1:/a", "SITE1:/b"], 2, ['"SITE1:/b" belongs', "commas"]),
    "a list with a comma and a blank": (
        ["--Data", "a,", "b", "--OutputGO=SITE1:/${SN}/"], 2, ['"b" belongs', "empty item"],
    ),
    "a value after a flag": ([GO, "--goMkdir", "yes"], 2, ['"yes" belongs', "no value after a flag"]),
    "an output directory without names": (
        ["--OutputGO=SITE1:/o/"], 10, ["--OutputGO without --Data", "--useGOForOutput"],
    ),
    "an output directory and a server": ([GO, "--OutputGO=SITE1:/o/"], 10, ["leave out --OutputGO"]),
    "a home directory": (["--useGOForOutput=SITE1:~/o/"], 10, ["SITE1:/~/o/"]),
    "two servers": (["--useGOForOutput=SITE1:/a/,SITE1:/b/"], 10, ["is a list", "    --useGOForOutput=SITE1:/a/\n"]),
    "a relative directory": (["--useGOForOutput=SITE1:o"], 10, ["write SITE1:/o"]),
    "a number that is none": ([GO, "--goNeeds=x"], 2, ["--goNeeds"]),
    "a flag with a value": ([GO, "--goMkdir=1"], 2, ["takes no value"]),
    "an empty value": (["--useGOForOutput="], 2, ["empty"]),
    "all at once": (["--goNeeds=x", "--OutputGO=SITE1", "--Data=/x"], 2, ["--goNeeds", "ENDPOINT:/path", '"/x"']),
    "a path that is none": (["--useGOForOutput=SITE1:/../o/"], 10, ["--useGOForOutput=", ". or .."]),
    "an endpoint that is none": (["--useGOForOutput=a/b"], 10, ["--useGOForOutput="]),
    "an output without a place": (["--Data=x"], 10, ["--Data without --OutputGO"]),
    "a file that all jobs write": (["--Data=x", "--OutputGO=SITE1:/o/"], 10, ["all jobs", "${SN/P}"]),
    "an output into a directory without a slash": (
        ["--outputs=o", "--StageoutGOsrc=o", "--StageoutGOdest=SITE1:/x"], 10, ["all jobs", "final slash: SITE1:/x/"],
    ),
    "files that two jobs write": (
        ["--StageoutGOsrc=a,b", "--StageoutGOdest=SITE1:/x${SN},SITE1:/x1${SN}"], 10, ["one file in two jobs"],
    ),
    "a file that all tasks write": (
        ["--inOutDsJson=bulk.json", "--Data=x", "--OutputGO=SITE1:/o/${SN}/"], 10, ["each task", "$JEDITASKID"],
    ),
    "merged outputs": ([GO, "--outputs=o.root", "--mergeOutput"], 10, ["--mergeOutput", "merge jobs"]),
    "a merging script": ([GO, "--outputs=o.root", "--mergeScript=run.sh"], 10, ["--mergeOutput"]),
    "nothing to take": ([GO, "--noSeparateLog"], 10, ["nothing to take"]),
    "words that are none": (["--globusWords=run.sh -n 5"], 10, ["not about transfers"]),
    "a word of 2012 misspelt": (["--globusWords=globus-endpont-in=SITE1"], 10, ["--globusWords", "did you mean"]),
    "both syntaxes": (
        ["--globusWords=globus-endpoint-in=SITE1 in-mode=gc files-in=a", "--Data=x", "--OutputGO=S:/${SN}/"],
        10, ["two ways"],
    ),
    "a local mode, and a server": (
        ["--globusWords=out-mode=local dir-out=/tmp/${SN} files-out=x", GO], 10, ["asks none"],
    ),
    "a $ that nobody fills": (["--Data=x", "--OutputGO=SITE1:/${X}/"], 10, ["${X}", "evaluate"]),
    "a deposit for nobody": ([GO, "--deposit"], 10, ["--myproxy", "--pilot"]),
    "a pilot that is a host": ([GO, "--myproxy=a@localhost:1", "--pilot=a.org"], 10, ["ask the site", "openssl x509"]),
    "a list that is not there": (["--Data=@no.txt", "--OutputGO=SITE1:/${SN}/"], 10, ["no.txt"]),
    "too many names": (
        ["--Data=" + ",".join(f"{'x' * 100}{n}" for n in range(700)), "--OutputGO=SITE1:/${SN}/"], 10, ["65536"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("words", "code", "said"), [pytest.param(*case, id=name) for name, case in REFUSED.items()])
def test_what_is_wrong_in_our_words_is_said_before_anything_is_uploaded(
    lasting_tool: Tool, words: list[str], code: int, said: list[str]
) -> None:
    result = lasting_tool.prun("--noCheck", *words)
    assert result.code == code, result
    for text in said:
        assert text in result.err
    assert lasting_tool.server.requests == []
    assert lasting_tool.left == set()


@pytest.mark.parametrize("option", ["--useGOForOutputs", "--exce"])
def test_a_misspelt_option_with_its_value_is_one_mistake(lasting_tool: Tool, option: str) -> None:
    result = lasting_tool.prun("--noCheck", GO, option, "SITE1:/o/", "--Data", "x")
    assert (result.code, "belongs" in result.err, result.err.count("is not an option")) == (2, False, 1), result


DATASETS = {
    "of somebody else": ("user.other.w", "--outDS=user.jdoe.w?"),
    "without user": ("jdoe.w", "--outDS=user.jdoe.w?"),
    "without a nickname": ("w", "--outDS=user.jdoe.w?"),
    "without a name": ("user.jdoe", "--outDS=user.jdoe.test?"),
    "of a group": ("group.phys.w", "--outDS=user.jdoe.group.phys.w?"),
    "with a $": ("user.jdoe.$w", "--outDS=user.jdoe.test?"),
    "with an umlaut": ("user.other.\u00f6", "--outDS=user.jdoe.test?"),
    "in capitals": ("USER.jdoe.w", "--outDS=user.jdoe.USER.jdoe.w?"),
}


@pytest.mark.parametrize(("dataset", "meant"), [pytest.param(*case, id=name) for name, case in DATASETS.items()])
def test_a_dataset_that_cannot_be_is_told_with_one_that_can(lasting_tool: Tool, dataset: str, meant: str) -> None:
    words = ("--exec=run.sh", "--noBuild", "--noCheck", GO)
    result = lasting_tool.ours("prun", f"--outDS={dataset}", *words)
    assert (result.code, lasting_tool.server.requests) == (10, []), result
    assert f"did you mean {meant}" in result.err
    again = lasting_tool.ours("prun", meant.removesuffix("?"), *words, "--noSubmit")
    assert again.code == 0, again


def test_a_server_that_is_dead_is_told_with_what_names_it(tool: Tool) -> None:
    dead = {"PANDA_URL_SSL": "http://127.0.0.1:9/server/panda", "PANDACACHE_URL": "http://127.0.0.1:9/server/panda"}
    result = tool.prun("--noCheck", GO, **dead)
    assert result.code == 50
    assert "nothing was submitted" in result.err
    assert "PANDACACHE_URL" in result.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["--outputs=regex|o.*", GO], "pattern", id="an output by a pattern"),
        pytest.param(
            ["--outputs=o.dat", "--inDS=mc:one", "--addNthFieldOfInDSToLFN=2", GO], "MIDDLENAME", id="a middle name"
        ),
    ],
)
def test_an_output_whose_name_is_not_known_is_refused_before_it_is_submitted(
    tool: Tool, words: list[str], said: str
) -> None:
    result = tool.prun("--noCheck", *words)
    assert result.code == 10, result
    assert said in result.err
    assert tool.server.tasks == []
    assert tool.left == set()


@pytest.mark.parametrize(
    ("value", "said"), [pytest.param({"x": 1}, "useGOForOutput", id="a dict"), pytest.param(5, '"5"', id="a number")]
)
def test_a_file_of_options_with_a_value_that_cannot_be_is_refused(tool: Tool, value: object, said: str) -> None:
    (tool.folder / "ours.json").write_text(json.dumps({"goMkdir": value, "useGOForOutput": value}))
    result = tool.prun("--loadJson=ours.json", "--noCheck")
    assert result.code == 2, result
    assert all(f"--loadJson: {name} is" in result.err for name in ("goMkdir", "useGOForOutput"))
    assert tool.server.requests == []


def test_an_unknown_key_in_a_file_of_options_is_an_error(tool: Tool) -> None:
    (tool.folder / "ours.json").write_text(json.dumps({"frobnicate": "SITE1:/o/"}))
    result = tool.prun("--loadJson=ours.json")
    assert "ERROR: unknown parameter frobnicate" in result.out
    assert tool.server.requests == []


def test_somebody_elses_dataset_is_refused_in_the_words_of_prun(tool: Tool) -> None:
    result = tool.ours("prun", "--outDS=user.other.x", "--exec=run.sh", "--noCheck", GO)
    assert result.code == 10
    assert "outDS must be 'user.jdoe." in result.out
    assert tool.server.tasks == []
    assert tool.left == set()


def test_a_user_without_a_nickname_is_refused_in_the_words_of_prun(tool: Tool) -> None:
    result = tool.prun("--noCheck", GO, PANDA_AUTH="x509_no_grid")
    assert result.code == 10
    assert "PANDA_NICKNAME is not defined" in result.out
    assert tool.server.requests == []
    assert tool.left == set()


def test_the_words_of_2012_may_name_a_file_with_a_list(tool: Tool) -> None:
    (tool.folder / "names.txt").write_text("a.root\nb.root\n")
    words = "globus-endpoint-out=SITE1 out-mode=gc dir-out=/o/${SN/P} files-out=@names.txt"
    assert tool.prun("--noCheck", "--globusWords", words).code == 0
    assert [transfer.source.name for transfer in decode(" ".join(tool.words())).spec.output] == ["a.root", "b.root"]


# --- what the server says -------------------------------------------------------------------------------------

NO = {"success": False, "message": "no such user", "data": 4}


@pytest.mark.parametrize("refusal", [pytest.param(NO, id="refused"), pytest.param(500, id="failed")])
@pytest.mark.parametrize("ours", [(), ("--noCheck", "--useGOForOutput=SITE1:/o/")], ids=["without", "with"])
@pytest.mark.parametrize("name", ["prun", "pathena"])
def test_a_task_that_is_not_accepted_is_exit_code_90(
    tool: Tool, name: str, ours: tuple[str, ...], refusal: object
) -> None:
    tool.server.refusals = [refusal] * 9
    run = tool.prun if name == "prun" else tool.pathena
    result = run(*ours)
    assert result.code == 90, result
    assert "submission failed" in result.out


def test_one_task_of_several_that_is_not_accepted_is_exit_code_90(tool: Tool) -> None:
    tool.server.refusals = [NO]
    result = tool.prun("--inOutDsJson=bulk.json", "--dumpJson=dump.json")
    assert result.code == 90
    assert [item["jediTaskID"] for item in json.loads((tool.folder / "dump.json").read_text())] == [None, 1]


# --- endpoints that are asked ---------------------------------------------------------------------------------


@pytest.fixture
def asked(tool: Tool, shared_sandbox: Sandbox) -> Tool:
    """The tools in front of the recording server, with the sandbox's Globus."""
    return Tool(tool.server, {**shared_sandbox.env, **tool.env}, tool.folder)


def test_endpoints_are_looked_up_and_go_into_the_task_as_ids(asked: Tool) -> None:
    result = asked.prun("--outputs=out.dat", *SEED)
    assert result.code == 0, result
    (location,) = {str(transfer.destination) for transfer in decode(" ".join(asked.words())).spec.output}
    endpoint, _, path = location.partition(":")
    assert len(endpoint) == 36
    assert path == "/atlas/dq2/test/jdoe/user.jdoe.test/"


def test_an_endpoint_alone_means_its_default_directory(asked: Tool) -> None:
    result = asked.prun("--useGOForOutput=SITE1")
    assert result.code == 0, result
    assert asked.words()[1].endswith(":/~/jdoe/user.jdoe.test/")


def test_an_endpoint_that_is_not_there_stops_it_before_anything_is_uploaded(asked: Tool) -> None:
    result = asked.prun("--useGOForOutput=SITE9:/o/")
    assert result.code == 40, result
    assert '"SITE9"' in result.err
    assert asked.server.requests == []
    assert asked.left == set()


def test_an_input_that_is_not_there_stops_pathena_too(asked: Tool) -> None:
    result = asked.pathena("--StageinGOsrc=SITE1:/home/osg_data/panda/none.file")
    assert result.code == 40, result
    assert asked.server.requests == []
    assert asked.left == set()


def test_folders_are_made_now_if_the_user_says_so(asked: Tool, shared_sandbox: Sandbox) -> None:
    result = asked.prun("--useGOForOutput=SITE1:/home/osg_data/made/", "--goMkdir")
    assert result.code == 0, result
    assert shared_sandbox.path("SITE1", "/home/osg_data/made").is_dir()


def test_a_folder_with_a_number_in_its_name_is_not_made_now(asked: Tool, shared_sandbox: Sandbox) -> None:
    result = asked.prun("--Data=x", "--OutputGO=SITE1:/home/osg_data/later/${SN/P}/", "--goMkdir")
    assert result.code == 0, result
    assert "--goMkdir makes no directory" in result.err
    assert not shared_sandbox.path("SITE1", "/home/osg_data/later").exists()


def test_options_of_the_look_alone_change_no_task(tool: Tool) -> None:
    assert tool.prun("--goNeeds=48", "--goMkdir").code == 0
    assert tool.words() == []


# --- what a review found ------------------------------------------------------------------------------------


def test_a_text_of_a_file_of_options_stays_the_text_that_it_is(tool: Tool) -> None:
    (tool.folder / "ours.json").write_text(json.dumps({"Data": "0064", "OutputGO": "SITE1:/x/${SN/P}/"}))
    assert tool.prun("--loadJson=ours.json", "--noCheck").code == 0
    assert "--Data=0064" in tool.words()


def test_a_file_of_options_hides_no_mistake_of_the_line(tool: Tool) -> None:
    (tool.folder / "ours.json").write_text(json.dumps({"goOverwrite": True}))
    for words in (["--useGOForOutput=SITE1:/a", "--useGOForOutput=SITE1:/b"], ["--goLenient=1", GO]):
        result = tool.prun("--loadJson=ours.json", "--noCheck", *words)
        assert (result.code, tool.server.requests) == (2, [])


@pytest.mark.parametrize("word", ["\u2014useGOForOutput=SITE1:/x", "\u2013useGOForOutput"])
def test_a_dash_of_a_word_processor_is_told(tool: Tool, word: str) -> None:
    result = tool.pathena("--noCheck", word)
    assert (result.code, tool.server.requests) == (2, [])
    assert "did you mean --useGOForOutput" in result.err


def test_a_list_of_one_task_needs_no_number_of_the_task(tool: Tool) -> None:
    (tool.folder / "one.json").write_text(json.dumps([{"inDS": "mc:in", "outDS": "user.jdoe.a"}]))
    words = ("--inOutDsJson=one.json", "--noCheck", "--Data=x${SN/P}", "--OutputGO=SITE1:/d/")
    assert tool.prun(*words).code == 0
    assert tool.words() != []


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["--outputs=regex|a.*.dat", GO], id="a pattern"),
        pytest.param(["--outDS=user.other.x", GO], id="a dataset of somebody else"),
        pytest.param(["--deposit", "--myproxy=a@localhost:1", "--pilot=/CN=x", GO], id="a deposit without a look"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_uploaded(tool: Tool, words: list[str]) -> None:
    given = [word for word in words if word.startswith("--outDS")] or ["--outDS=user.jdoe.test"]
    others = [word for word in words if word not in given]
    result = tool.ours("prun", *given, "--exec=run.sh", "--noBuild", "--noCheck", *others)
    assert (result.code, tool.server.requests) == (10, []), result


def test_a_transformation_s_shared_target_is_refused_before_anything_is_uploaded(tool: Tool) -> None:
    result = tool.pathena("--noBuild", "--noCheck", "--Data=other.txt", "--OutputGO=SITE1:/d/")
    assert (result.code, tool.server.requests) == (10, []), result
    assert "SITE1:/d/other.txt" in result.err


def test_a_success_without_a_task_is_none(tool: Tool) -> None:
    tool.server.refusals = [{"success": True, "message": "", "data": None}]
    result = tool.prun("--noCheck", GO)
    assert result.code == 90


def test_only_the_directory_that_was_typed_may_be_missing(asked: Tool) -> None:
    there = asked.prun("--useGOForOutput=SITE1:/home/osg_data/panda/")
    assert (there.code, "does not exist" in there.err) == (0, False)
    missing = asked.prun("--useGOForOutput=SITE1:/home/osg_data/nowhere/")
    assert (missing.code, "does not exist" in missing.err) == (0, True)


@pytest.mark.parametrize("name", ["prun", "pathena"])
@pytest.mark.parametrize(
    ("given", "command"),
    [
        ({"PANDA_AUTH": ""}, "type: "),
        ({"PANDA_AUTH": "", "X509_USER_PROXY": "/none"}, "type: voms-proxy-init"),
        ({"PANDA_AUTH_ID_TOKEN": "", "OIDC_AUTH_TOKEN_FILE": "", "PANDA_CONFIG_ROOT": "/none"}, "get_new_token"),
    ],
    ids=["no proxy", "a proxy that is not there", "no token"],
)
def test_without_a_login_nobody_is_asked_where_nobody_can_answer(
    tool: Tool, name: str, given: dict[str, str], command: str
) -> None:
    result = getattr(tool, name)("--noCheck", GO, **given)
    assert (result.code, tool.server.tasks) == (4, [])
    assert command in result.err.splitlines()[-1]
    assert "pass phrase" not in result.err
