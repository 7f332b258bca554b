"""Answers of sendJob to wrong command lines: everything at once, the value quoted, what to do next; nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Result, Run
from tests.faults import FaultyServer

PROG = "sendJob.py: error: "
DATA, OUT = "--Data=out.root", "--OutputGO=SITE1:/out/"
LISTS = {
    "names.txt": b"# what to bring\nSITE1:/data/a\nSITE1\n",
    "latin-1.txt": "SITE1:/données\n".encode("latin-1"),
    "empty.txt": b"# nothing yet\n\n",
}

SendJob = Callable[..., Result]


@pytest.fixture
def sendjob(run: Run, tmp_path: Path) -> Iterator[SendJob]:
    """Runs sendJob.py with what each job needs unless it is typed; at the end, the server has heard nothing."""
    for name, text in LISTS.items():
        (tmp_path / name).write_bytes(text)
    state = tmp_path / "state"

    with FaultyServer() as server:
        settings = {
            "PANDA_URL_SSL": server.url,
            "PANDA_AUTH": "oidc",
            "PANDA_AUTH_VO": "x",
            "PANDA_AUTH_ID_TOKEN": "a.b.c",
            "GOCLIENT_STATE": str(state),
        }

        def command(*words: str, check: bool = False, settings_file: str = "") -> Result:
            needed = ["--computingSite=TEST1", "--transformation=/bin/true"]
            own = {"GOCLIENT_SETTINGS": settings_file} if settings_file else {}
            added = [word for word in needed if not any(typed.startswith(word.split("=")[0]) for typed in words)]
            return run("sendJob.py", *([] if check else ["--noCheck"]), *added, *words, **settings, **own)

        yield command
        assert (server.connections, server.requests) == (0, [])
        assert not (state / "journal.jsonl").exists()


@dataclass(frozen=True)
class Mistake:
    """A command line's words, its exit code, what stderr must name, and a part of the hint."""

    words: tuple[str, ...]
    code: int
    shown: tuple[str, ...]
    hint: str = ""


def usage(*words: str, shown: str | tuple[str, ...], hint: str = "") -> Mistake:
    """A mistake in one option as typed."""
    return Mistake(words, 2, (shown,) if isinstance(shown, str) else shown, hint)


def meaning(*words: str, shown: str | tuple[str, ...], hint: str = "") -> Mistake:
    """A mistake in what values mean."""
    return Mistake(words, 10, (shown,) if isinstance(shown, str) else shown, hint)


def too_wide(option: str, width: int) -> Mistake:
    """A value that is one character longer than its column."""
    shown = (f"{option} ", f"{width + 1} characters", '"' + "w" * min(width + 1, 40))
    return meaning(f"{option}={'w' * (width + 1)}", shown=shown, hint=str(width))


TYPED = {
    "unknown-option": usage("--frobnicate=1", shown='"--frobnicate"', hint="--help"),
    "unknown-option-and-its-value": usage("--frobnicate", "1", shown='"--frobnicate"'),
    "abbreviated-option": usage("--njob=3", shown='"--njob"', hint="did you mean --njobs?"),
    "abbreviated-to-several": usage("--Stagein=a", shown='"--Stagein"', hint="--StageinGOsrc or --StageinGOdest"),
    "option-in-lower-case": usage("--stageingosrc=SITE1:/a", shown='"--stageingosrc"', hint="--StageinGOsrc"),
    "scalar-twice": usage("--cloud=US", "--cloud=DE", shown=("--cloud", '"US"', '"DE"'), hint="once"),
    "number-twice": usage("--njobs", "1", "--njobs=2", shown=("--njobs", '"1"', '"2"'), hint="once"),
    "working-endpoint-twice": usage(
        "--WorkingendpointGO=a", "--WorkingendpointGO=b", shown=("--WorkingendpointGO", '"a"', '"b"'), hint="once"
    ),
    "flag-twice": usage("--noSubmit", "--noSubmit", shown="--noSubmit", hint="once"),
    "flag-with-a-value": usage("--noSubmit=maybe", shown=("--noSubmit", "maybe")),
    "njobs-zero": usage("--njobs", "0", shown='--njobs "0"', hint="from 1 to 100000"),
    "njobs-negative": usage("--njobs=-1", shown='--njobs "-1"', hint="from 1"),
    "njobs-negative-as-a-word-of-its-own": usage("--njobs", "-1", shown='--njobs "-1"', hint="from 1"),
    "njobs-a-letter": usage("--njobs=x", shown='--njobs "x"', hint="whole number"),
    "njobs-too-many": usage("--njobs=100001", shown='--njobs "100001"', hint="100000"),
    "njobs-of-thirty-digits": usage(f"--njobs={'9' * 30}", shown='"' + "9" * 30 + '"'),
    "njobs-in-arabic-digits": usage("--njobs=٣", shown='--njobs "٣"'),
    "njobs-not-utf-8": usage("--njobs=1\udce9", shown=r'--njobs "1\udce9"'),
    "priority-a-word": usage("--priority=high", shown='--priority "high"', hint="whole number"),
    "priority-out-of-range": usage("--priority=100001", shown='--priority "100001"'),
    "empty-scalar": usage("--VO=", shown="--VO", hint="leave --VO out"),
    "empty-list": usage("--Data", "", shown="--Data", hint="leave --Data out"),
    "empty-required-option": usage("--computingSite=", shown="--computingSite"),
    "scalar-without-a-value-at-the-end": usage("--VO", shown="--VO", hint="--VO=VALUE"),
    "scalar-without-a-value-before-an-option": usage("--VO", "--cloud=US", shown="--VO", hint="--VO=VALUE"),
    "list-without-a-value": usage("--Data", shown="--Data", hint="--Data=VALUE"),
    "stray-word": usage("datatransfer.sh", shown='"datatransfer.sh"', hint="--help"),
    "stray-empty-word": usage("", shown='""'),
    "stray-word-that-is-not-utf-8": usage("caf\udce9", shown=r'"caf\udce9"'),
    "option-that-is-not-utf-8": usage("--caf\udce9=1", shown=r'"--caf\udce9"'),
    "option-with-an-escape-sequence": usage("--\x1b[2J", shown=r'"--\x1b[2J"'),
}

MEANT = {
    "endpoint-without-a-path": meaning("--StageinGOsrc=SITE1", shown='--StageinGOsrc="SITE1"', hint="SITE1:/path"),
    "empty-path": meaning("--StageinGOsrc=SITE1:", shown='"SITE1:"'),
    "relative-path": meaning("--StageinGOsrc=SITE1:data/x", shown='"SITE1:data/x"'),
    "path-without-an-endpoint": meaning("--StageinGOsrc=/data/x", shown='"/data/x"', hint="ENDPOINT:/data/x"),
    "endpoint-without-a-name": meaning("--StageinGOsrc=:/data/x", shown='":/data/x"'),
    "dot-dot-in-a-path": meaning("--StageinGOsrc=SITE1:/a/../b", shown='"SITE1:/a/../b"'),
    "dot-dot-in-a-name": meaning("--Data=../x", OUT, shown='--Data="../x"'),
    "newline-in-a-path": meaning("--StageinGOsrc=SITE1:/a\nb", shown=r'"SITE1:/a\nb"'),
    "escape-sequence-in-a-path": meaning("--StageinGOsrc=SITE1:/\x1b[2J", shown=r'"SITE1:/\x1b[2J"'),
    "c1-control-in-a-path": meaning("--StageinGOsrc=SITE1:/\x9b2J", shown=r'"SITE1:/\x9b2J"'),
    "path-that-is-not-utf-8": meaning("--StageinGOsrc=SITE1:/caf\udce9", shown=r'"SITE1:/caf\udce9"'),
    "home-directory-of-a-shell": meaning("--StageinGOsrc=SITE1:~/x", shown='"SITE1:~/x"', hint="write SITE1:/~/x"),
    "home-directory-in-a-name": meaning("--Data=~/x", OUT, shown='--Data="~/x"'),
    "home-directory-without-an-endpoint": meaning("--StageinGOsrc=~/x", shown='"~/x"', hint="ENDPOINT:/~/x"),
    "variable-in-a-path": meaning("--StageinGOsrc=SITE1:/$HOME/x", shown=('"SITE1:/$HOME/x"', "${SN}")),
    "expression-in-a-path": meaning("--StageinGOsrc=SITE1:/${X[0]}", shown='"SITE1:/${X[0]}"'),
    "half-a-placeholder-in-a-path": meaning("--StageinGOsrc=SITE1:/${SN", shown='"SITE1:/${SN"'),
    "placeholder-that-only-tasks-have": meaning("--StageinGOsrc=SITE1:/${SURL}", shown="${SURL}", hint="${SN}"),
    "globus-without-a-uuid": meaning("--StageinGOsrc=globus://SITE1/x", shown='"globus://SITE1/x"'),
    "gridftp-without-a-host": meaning("--StageinGOsrc=gsiftp:///x", shown='"gsiftp:///x"'),
    "gridftp-with-a-port-that-is-no-number": meaning("--StageinGOsrc=gsiftp://h:port/x", shown='"gsiftp://h:port/x"'),
    "empty-item": meaning("--StageinGOsrc=SITE1:/a,,SITE1:/b", shown='"SITE1:/a,,SITE1:/b"', hint="one comma"),
    "absolute-name": meaning("--Data=/tmp/x", OUT, shown='--Data="/tmp/x"'),
    "name-on-an-endpoint": meaning("--Data=SITE1:/x", OUT, shown='--Data="SITE1:/x"'),
    "data-without-output": meaning("--Data=out.root", shown=("--Data", "--OutputGO"), hint='"out.root"'),
    "output-without-data": meaning("--OutputGO=SITE1:/out/", shown=("--Data", "--OutputGO"), hint='"SITE1:/out/"'),
    "stage-out-without-a-destination": meaning(
        "--StageoutGOsrc=a.log", shown=("--StageoutGOsrc", "--StageoutGOdest"), hint='"a.log"'
    ),
    "stage-out-without-a-source": meaning(
        "--StageoutGOdest=SITE1:/l/", shown=("--StageoutGOsrc", "--StageoutGOdest"), hint='"SITE1:/l/"'
    ),
    "stage-in-without-a-source": meaning(
        "--StageinGOdest=SITE1:/l/", shown=("--StageinGOsrc", "--StageinGOdest"), hint='"SITE1:/l/"'
    ),
    "directory-of-the-job-as-a-shell-has-it": meaning(
        "--StageinGOsrc=SITE1:/a", "--StageinGOdest=sub/", shown='"sub/"', hint="write goclient:/sub/ for the job's"
    ),
    "path-below-the-job-s-directory": meaning(
        "--StageinGOsrc=SITE1:/a",
        "--StageinGOdest=./sub/x",
        "--WorkingendpointGO=me",
        shown='"./sub/x"',
        hint="write me:/sub/x",
    ),
    "three-sources-and-two-destinations": meaning(
        "--StageoutGOsrc=a,b,c",
        "--StageoutGOdest=SITE1:/x,SITE1:/y",
        shown=('"a"', '"b"', '"c"', '"SITE1:/x"', '"SITE1:/y"', "2 destinations", "3"),
        hint="one destination for each",
    ),
    "two-outputs-of-one-name": meaning("--Data=a/x,b/x", OUT, shown=('"a/x"', '"b/x"', '"SITE1:/out/x"')),
    "two-jobs-and-one-output": meaning("--njobs=2", DATA, OUT, shown='"SITE1:/out/out.root"', hint="${SN}"),
    "working-endpoint-with-a-path": meaning("--WorkingendpointGO=me:/x", shown='--WorkingendpointGO="me:/x"'),
    "working-endpoint-as-the-source": meaning(
        "--WorkingendpointGO=me", "--StageinGOsrc=me:/x", shown='--StageinGOsrc="me:/x"'
    ),
    "working-endpoint-as-the-destination": meaning(
        "--WorkingendpointGO=me", DATA, "--OutputGO=me:/out/", shown='"me:/out/"'
    ),
    "transformation-too-wide": too_wide("--transformation", 250),
    "computing-site-too-wide": too_wide("--computingSite", 128),
    "cloud-too-wide": too_wide("--cloud", 32),
    "vo-too-wide": too_wide("--VO", 32),
    "processing-type-too-wide": too_wide("--processingType", 64),
    "source-label-too-wide": too_wide("--prodSourceLabel", 20),
    "destination-se-too-wide": too_wide("--destinationSE", 250),
    "destination-block-too-wide": too_wide("--destinationDBlock", 255),
    "vo-that-is-not-utf-8": meaning("--VO=caf\udce9", shown=r'--VO="caf\udce9"'),
    "parameters-that-are-not-utf-8": meaning("--jobParameters=caf\udce9", shown=("--jobParameters", r"caf\udce9")),
    "list-file-that-is-not-there": meaning("--StageinGOsrc=@nowhere.txt", shown='"@nowhere.txt"', hint="one item a"),
    "list-file-that-is-a-folder": meaning("--StageinGOsrc=@home", shown='"@home"'),
    "list-file-without-a-name": meaning("--StageinGOsrc=@", shown='"@"'),
    "list-file-that-is-not-utf-8": meaning("--StageinGOsrc=@latin-1.txt", shown='"@latin-1.txt"'),
    "list-file-with-a-bad-line": meaning("--StageinGOsrc=@names.txt", shown='--StageinGOsrc="SITE1"'),
    "list-file-that-is-empty": meaning("--StageinGOsrc=@empty.txt", shown='"@empty.txt"'),
    "unbalanced-quote": meaning("--jobParameters=it's", shown=("--jobParameters", '"\'s"'), hint="quote"),
    "lone-backslash": meaning("--jobParameters=x \\", shown="--jobParameters", hint="backslash"),
    "option-inside-without-a-value": meaning("--jobParameters=x --Data", shown='"--Data"', hint="--Data=VALUE"),
    "two-outputs-that-are-one-in-two-jobs": meaning(
        "--njobs=12", "--Data=x1${SN},x${SN}", OUT, shown=('x1${SN}"', 'x${SN}"', "12 jobs"), hint="${SN/P}"
    ),
    "both-syntaxes-in-one-job": meaning(
        "--StageinGOsrc=SITE1:/a",
        "--jobParameters=run globus-endpoint-in=SITE1 in-mode=gc files-in=f",
        shown=("two ways", "--StageinGOsrc (an option)", '"globus-endpoint-in=SITE1" at column 5'),
        hint="in quotes",
    ),
    "misspelt-endpoint-word": meaning(
        "--jobParameters=globus-endpoint-inn=SITE1",
        shown='"globus-endpoint-inn=SITE1"',
        hint="globus-endpoint-in=SITE1?",
    ),
    "misspelt-list-word": meaning(
        "--jobParameters=in-mode=gc file-in=a", shown='"file-in=a" at column 12', hint="files-in=a?"
    ),
    "files-without-a-mode": meaning(
        "--jobParameters=globus-endpoint-in=SITE1 files-in=a",
        shown=('"files-in=a"', "without in-mode"),
        hint="in-mode=gc",
    ),
    "mode-that-is-none": meaning("--jobParameters=in-mode=ftp", shown='"in-mode=ftp" at column 1', hint="gc"),
    "list-rule-inside": meaning(
        "--jobParameters=run --Data=x", shown=("--Data without --OutputGO", "column 5 of --jobParameters"), hint='"x"'
    ),
    "dollar-in-an-endpoint": meaning("--StageinGOsrc=A$B:/a", shown=('"A$B:/a"', "evaluate"), hint="UUID"),
    "file-url": meaning("--StageinGOsrc=file:///a", shown=('"file:///a"', "no endpoint"), hint="ENDPOINT:/a"),
    "option-inside-with-an-empty-value": meaning("--jobParameters=x --Data=", shown='"--Data="'),
    "option-inside-with-a-bad-path": meaning("--jobParameters=x --StageinGOsrc=SITE1", shown='"SITE1"'),
    "option-as-an-argument-and-inside": meaning(
        DATA, OUT, "--jobParameters=--Data=other.root", shown=("--Data", '"out.root"', '"other.root"'), hint="once"
    ),
}


def parameters(mistakes: dict[str, Mistake]) -> list[Any]:
    return [pytest.param(mistake, id=name) for name, mistake in mistakes.items()]


def reports(result: Result) -> list[tuple[str, str]]:
    """The messages on stderr, each with its hint."""
    found: list[tuple[str, str]] = []
    for line in result.err.splitlines():
        if line.startswith(PROG):
            found.append((line, ""))
        elif line.startswith("    ") and found and not found[-1][1]:
            found[-1] = (found[-1][0], line.strip())
    return found


def assert_told(result: Result, mistake: Mistake) -> None:
    """One message with one hint, which name what is wrong and what to do."""
    assert result.code == mistake.code, result.err
    assert all(c == "\n" or c.isprintable() for c in result.err), "a terminal would obey it"
    ((message, hint),) = reports(result)
    for word in mistake.shown:
        assert word in message
    assert hint
    assert mistake.hint in hint


@pytest.mark.parametrize("mistake", parameters(TYPED | MEANT))
def test_a_mistake_is_named_with_a_hint_and_nothing_is_sent(sendjob: SendJob, mistake: Mistake) -> None:
    plain = sendjob(*mistake.words)
    assert_told(plain, mistake)
    assert plain.out == ""

    result = sendjob("--json", *mistake.words)
    assert (result.code, result.err) == (plain.code, plain.err)
    assert result.out.count("\n") == 1
    assert list(result.json) == ["error"]
    error = result.json["error"]
    assert set(error) == {"code", "message", "hint", "exit_code"}
    assert error["exit_code"] == mistake.code
    assert error["code"]
    assert [(PROG + error["message"], error["hint"])] == reports(result)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param((), ("--computingSite is missing", "--transformation is missing"), id="both"),
        pytest.param(("--computingSite=TEST1",), ("--transformation is missing",), id="the transformation"),
        pytest.param(("--transformation=/bin/true",), ("--computingSite is missing",), id="the queue"),
    ],
)
def test_what_every_job_needs_and_is_not_typed_is_a_usage_error(
    run: Run, words: tuple[str, ...], shown: tuple[str, ...]
) -> None:
    result = run("sendJob.py", "--noCheck", *words)
    assert (result.code, result.out) == (2, "")
    assert [message for message, _ in reports(result)] == [PROG + one for one in shown]
    assert all(hint for _, hint in reports(result))


@pytest.mark.parametrize("name", ["njobs-zero", "relative-path", "transformation-too-wide"])
def test_a_mistake_is_one_whether_or_not_the_job_would_be_sent_or_checked(sendjob: SendJob, name: str) -> None:
    mistake = (TYPED | MEANT)[name]
    for result in (sendjob("--noSubmit", *mistake.words), sendjob(*mistake.words, check=True)):
        assert_told(result, mistake)
        assert result.out == ""


# --- many at once -------------------------------------------------------------------------------------------

# Mistakes that have nothing to do with one another; together they are all of their kinds.
TOGETHER = (
    TYPED["unknown-option"],
    TYPED["scalar-twice"],
    TYPED["njobs-a-letter"],
    TYPED["empty-scalar"],
    TYPED["priority-a-word"],
    TYPED["stray-word"],
    MEANT["dot-dot-in-a-path"],
    MEANT["three-sources-and-two-destinations"],
    MEANT["output-without-data"],
    MEANT["transformation-too-wide"],
    MEANT["computing-site-too-wide"],
    MEANT["processing-type-too-wide"],
)


def shown_words(mistakes: tuple[Mistake, ...]) -> list[str]:
    return [word for mistake in mistakes for word in mistake.shown]


def test_many_mistakes_at_once_are_all_in_one_report(sendjob: SendJob) -> None:
    result = sendjob(*(word for mistake in TOGETHER for word in mistake.words), "--json")
    assert result.code == 2
    found = reports(result)
    assert len(found) == len(TOGETHER)
    assert all(hint for _, hint in found)
    message = result.json["error"]["message"]
    for word in shown_words(TOGETHER):
        assert word in result.err
        assert word in message
    assert result.json["error"]["exit_code"] == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(first, second, id=f"{first}, {second}")
        for first, second in [
            ("list-file-that-is-not-there", "dot-dot-in-a-name"),
            ("empty-item", "dot-dot-in-a-name"),
            ("unbalanced-quote", "relative-path"),
            ("option-inside-with-an-empty-value", "relative-path"),
            ("option-as-an-argument-and-inside", "relative-path"),
            ("parameters-that-are-not-utf-8", "relative-path"),
            ("two-jobs-and-one-output", "relative-path"),
            ("two-outputs-of-one-name", "relative-path"),
            ("two-outputs-of-one-name", "placeholder-that-only-tasks-have"),
            ("vo-too-wide", "working-endpoint-with-a-path"),
        ]
    ],
)
def test_one_mistake_in_what_values_mean_does_not_hide_another(sendjob: SendJob, first: str, second: str) -> None:
    pair = (MEANT[first], MEANT[second])
    result = sendjob(*pair[0].words, *pair[1].words)
    assert result.code == 10
    for word in shown_words(pair):
        assert word in result.err


@pytest.mark.parametrize("typed", ["njobs-zero", "flag-with-a-value", "stray-word", "empty-scalar"])
@pytest.mark.parametrize("meant", ["relative-path", "cloud-too-wide"])
def test_a_mistake_in_an_option_as_typed_decides_the_exit_code(sendjob: SendJob, typed: str, meant: str) -> None:
    pair = (TYPED[typed], MEANT[meant])
    result = sendjob(*pair[0].words, *pair[1].words, "--json")
    assert (result.code, result.json["error"]["exit_code"]) == (2, 2)
    for word in shown_words(pair):
        assert word in result.err


@pytest.mark.parametrize(
    ("typed", "right", "says"),
    [
        (["--Data="], "--OutputGO", ["--Data has an empty value"]),
        (["\u2013Data=x"], "--OutputGO", ['"\u2013Data=x" is not expected here']),
        (["\u2013Data", "x"], "--OutputGO", ['"\u2013Data" "x" are not expected here']),
        (["Data=x"], "--OutputGO", ['"Data=x" is not expected here']),
        (["-Data=x"], "--OutputGO", ['"-Data" is not an option of sendJob.py']),
        (["--Date=x"], "--OutputGO", ['"--Date" is not an option of sendJob.py']),
        (["--data=x"], "--OutputGO", ['"--data" is not an option of sendJob.py']),
        (["--StageoutGOsrcs=x"], "--StageoutGOdest", ['"--StageoutGOsrcs" is not an option of sendJob.py']),
        (
            ["\u2013StageoutGOsrc=x", "\u2013Data=y"],
            "--OutputGO",
            ['"\u2013StageoutGOsrc=x" is not expected here', '"\u2013Data=y" is not expected here'],
        ),
    ],
)
def test_a_mistyped_list_does_not_break_the_rule_of_its_partner(
    sendjob: SendJob, typed: list[str], right: str, says: list[str]
) -> None:
    result = sendjob(*typed, f"{right}=SITE1:/out/")
    assert [message for message, _ in reports(result)] == [PROG + one for one in says]


@pytest.mark.parametrize("line", ['node = "/a/../b"', 'node = "/~/x"', 'node = "/x$HOME"', 'directory = "/a/../b"'])
def test_a_path_of_a_site_that_cannot_be_is_told_with_its_line(sendjob: SendJob, tmp_path: Path, line: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f"[site.TEST1]\n{line}\n")
    refused = sendjob("--goVia=site", "--StageinGOsrc=SITE1:/data/a", settings_file=str(file))
    assert refused.code == 10
    assert f"line 2: site.TEST1.{line}: " in refused.err


def test_an_option_without_effect_beside_a_site_s_directory_is_told(sendjob: SendJob) -> None:
    refused = sendjob("--StageinGOsrc=SITE1:/a", "--goCarry", "--goShareSecrets", "--goVia=site")
    assert refused.code == 10
    assert "--goShareSecrets has no effect with --goVia site" in refused.err


def test_a_missing_directory_of_a_site_is_told_without_what_follows_from_it(sendjob: SendJob) -> None:
    refused = sendjob("--StageinGOsrc=SITE1:/a", "--goCarry", "--goVia=site")
    assert refused.code == 10
    (told,) = reports(refused)
    assert told[0].startswith(f'{PROG}--goVia site: no setting says where files for jobs at "TEST1" are left')


def test_an_empty_list_that_was_to_be_dealt_is_told_once(sendjob: SendJob) -> None:
    (told,) = reports(sendjob("--StageinGOsrc=@empty.txt", "--nFilesPerJob=1"))
    assert told == (f'{PROG}--StageinGOsrc="@empty.txt" lists nothing', "write one item a line into the file")
