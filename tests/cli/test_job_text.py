"""A pasted line of sendJob.py is understood, and where there is nothing to check, that is said."""

from __future__ import annotations

import shlex

import pytest

from goclient.cli.job_text import sendjob_words
from tests.commands import Result, Run
from tests.sandboxes import Sandbox

OPTIONS = ["--computingSite", "TEST1", "--transformation=http://a.org/x", "--jobParameters=a b", "--StageinGOsrc=S:/a"]
LINE = f"sendJob.py {shlex.join(OPTIONS)}"

SEVERAL: dict[str, list[str]] = {
    "as it is": ["sendJob.py", *OPTIONS],
    "a prompt": ["$", "sendJob.py", *OPTIONS],
    "a prompt with a host": ["user@host:~$", "sendJob.py", *OPTIONS],
    "python": ["python", "sendJob.py", *OPTIONS],
    "python and a path": ["/usr/bin/python3.11", "./bin/sendJob.py", *OPTIONS],
    "a path": ["/opt/goclient/bin/sendJob", *OPTIONS],
    "a variable before it": ["PANDA_URL=http://a.org", "sendJob.py", *OPTIONS],
    "what is about sending": ["sendJob.py", "--noSubmit", *OPTIONS, "--noCheck"],
    "a blank word": ["sendJob.py", " ", *OPTIONS, "\n"],
}
TEXTS: dict[str, str] = {
    "as it is": LINE,
    "a prompt": f"$ {LINE}",
    "a root's prompt": f"# {LINE}",
    "line ends with a backslash": LINE.replace(" --", " \\\n   --"),
    "line ends of Windows": LINE.replace(" --", " \\\r\n  --"),
    "line ends without a backslash": LINE.replace(" --", "\n  --"),
    "the shell's second prompt": "$ " + LINE.replace(" --", " \\\n> --"),
    "python": f"python3 sendJob.py {shlex.join(OPTIONS)}",
    "a path": f"/opt/bin/{LINE}",
    "lines before it": f". env.sh\ncd job\n$ {LINE}",
    "lines behind it": f"{LINE}\nPandaID=1 jobName=x\n",
    "a pipe behind it": f"{LINE} --noSubmit | tee log",
    "output to a file": f"{LINE} >log 2>&1",
    "another command behind it": f"{LINE} && goclient status 1",
    "blanks around it": f"\n   {LINE}  \n",
}


@pytest.mark.parametrize("words", SEVERAL.values(), ids=SEVERAL)
def test_a_line_of_several_words_is_understood(words: list[str]) -> None:
    assert sendjob_words(words) == OPTIONS
    assert sendjob_words(["--json", *words]) == ["--json", *OPTIONS]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_line_of_one_text_is_understood(text: str) -> None:
    assert sendjob_words([text]) == OPTIONS


NOT_A_LINE: dict[str, list[str]] = {
    "nothing": [], "a text": ["--StageinGOsrc=S:/a"], "a payload": ["run sendJob.py --StageinGOsrc=S:/a"],
    "a payload of words": ["echo", "sendJob.py"], "another program": ["mysendJob.py --njobs 2"],
    "an option's value": ["--jobParameters=sendJob.py"], "an open quote": ["sendJob.py 'a"], "a number": ["1"],
    "a word of the payload": ["run --Data=x 'sendJob.py'"],
}  # fmt: skip


@pytest.mark.parametrize("words", NOT_A_LINE.values(), ids=NOT_A_LINE)
def test_anything_else_is_no_line(words: list[str]) -> None:
    assert sendjob_words(words) is None


@pytest.mark.parametrize(
    "words", [SEVERAL["a prompt"], [TEXTS["line ends with a backslash"]], [TEXTS["a pipe behind it"]]]
)
def test_a_pasted_line_is_explained(run: Run, words: list[str]) -> None:
    shown = run("goclient", "explain", *words)
    assert (shown.code, "S:/a" in shown.out, "own words: a b" in shown.out) == (0, True, True), shown.err
    document = run("goclient", "explain", "--json", *words).json
    assert (len(document["plan"]), document["payload"]) == (1, "a b")


def test_what_is_wrong_in_a_pasted_line_is_said(run: Run) -> None:
    wrong = run("goclient", "explain", "sendJob.py", "--njobs=x", "--Data=a")
    assert (wrong.code, '"x" is not a number' in wrong.err, "--Data without" in wrong.err) == (2, True, True)
    assert run("goclient", "check", "sendJob.py --Data=a").code == 10


def test_a_pasted_line_is_checked(shared_sandbox: Sandbox) -> None:
    options = ["--StageinGOsrc=SITE1:/home/osg_data/panda/0064.file"]
    plain = shared_sandbox.run("goclient", "check", *options)
    for words in (["sendJob.py", *options], [f"$ python sendJob.py \\\n {options[0]} --noSubmit"]):
        assert shared_sandbox.run("goclient", "check", *words) == plain


def test_a_line_of_several_jobs_and_of_one_are_explained(run: Run) -> None:
    words = ("sendJob.py", "--Data=f.${SN}", "--OutputGO=S:/o/")
    assert "S:/o/f.${SN}" in run("goclient", "explain", *words, "--njobs=2").out
    assert "S:/o/f.1" in run("goclient", "explain", *words).out


# --- nothing to check -------------------------------------------------------------------------------------------

NOTHING: dict[str, tuple[list[str], str]] = {
    "nothing typed": ([], "--StageinGOsrc=ENDPOINT:/PATH"),
    "a number": (["1"], "did you mean --pandaid 1?"),
    "a large number": (["6543210987"], "did you mean --pandaid 6543210987?"),
    "a location": (["SITE1:/a"], "goclient check --StageinGOsrc=SITE1:/a "),
    "a location with a blank": (["SITE1:/a b"], "the payload's own"),
    "two locations in one text": (["SITE1:/a S:/b"], "--StageinGOsrc=SITE1:/a,S:/b"),
    "a location that a shell would change": (["SITE1:/(a)"], "--StageinGOsrc='SITE1:/(a)'"),
    "a payload": (["run -n 5"], "the payload's own"),
    "words of the payload": (["-- --Data=x"], "the payload's own"),
    "a web address": (["http://example.org/x"], "the payload's own"),
    "an empty text": ([""], "--pandaid N"),
    "a job without transfers": (["--njobs=2", "--jobParameters=run"], "the payload's own"),
    "a pasted line without transfers": (["sendJob.py", "--njobs=2"], "--StageinGOsrc=ENDPOINT:/PATH"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "hint"), NOTHING.values(), ids=NOTHING)
def test_nothing_to_check_is_said_and_is_not_ready(run: Run, words: list[str], hint: str) -> None:
    typed = ["--", *words] if words[:1] == ["-- --Data=x"] else words
    shown = run("goclient", "check", *typed)
    assert (shown.code, "there is nothing to check" in shown.out, hint in shown.out) == (0, True, True), shown
    assert shown.out.splitlines()[-1].startswith("nothing to check (0 errors")
    document = run("goclient", "check", "--json", *typed).json
    assert (document["ok"], [one["code"] for one in document["findings"] if one["level"] == "ok"]) == (True, [])
    assert document["findings"][-1]["code"] == "nothing-to-check"


def test_several_words_that_are_no_text_get_what_to_type(run: Run) -> None:
    def said(*words: str) -> Result:
        result = run("goclient", *words)
        assert result.code == 2
        return result

    assert "--StageinGOsrc=SITE1:/a,S:/b" in said("check", "SITE1:/a", "S:/b").err
    assert "did you mean --pandaid 1?" in said("check", "1", "2").err
    assert "did you mean --pandaid 1?" in said("explain", "1", "2").err
    assert "quote the whole text" in said("check", "run", "5").err


@pytest.mark.parametrize(("text", "hint"), [("1", "did you mean --pandaid 1?"), ("S:/a", "--StageinGOsrc=S:/a")])
def test_explain_says_what_may_have_been_meant(run: Run, text: str, hint: str) -> None:
    shown = run("goclient", "explain", text)
    assert (shown.code, hint in shown.err, f"own words: {text}" in shown.out) == (0, True, True)
    assert run("goclient", "explain", "run", "--json").err == ""
