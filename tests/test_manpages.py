"""The man pages and docs/configuration.md say what the code does: options, exit codes, variables, the version."""

from __future__ import annotations

import dataclasses
import re
import shlex
from argparse import Action
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import goclient
from goclient import errors
from goclient.cli import main
from goclient.cli.commands import (
    check,
    endpoint,
    explain,
    login,
    logout,
    myproxy,
    pilot,
    sandbox,
    sendjob,
    status,
    whoami,
)
from goclient.cli.options import myproxy as myproxy_options
from goclient.cli.options import prun
from goclient.cli.parser import Parser
from goclient.model.syntax.options import OVERWRITE
from goclient.tasks.table import TABLES
from goclient.tasks.words import divided

ROOT = Path(__file__).parent.parent
PAGES = ("sendJob.1", "goclient.1", "goclient-myproxy.1", "goclient-prun.1")
MYPROXY_ACTIONS: dict[str, type[Any]] = {
    "DEPOSIT": myproxy_options.DepositOptions,
    "INFO": myproxy_options.InfoOptions,
    "RETRIEVE": myproxy_options.RetrieveOptions,
    "DESTROY": myproxy_options.DestroyOptions,
}
TOOLS = prun.KINDS  # whose other options are panda-client's
OWN_PAGES = {"MYPROXY", *map(str.upper, TOOLS)}
CONFIGURATION = ROOT / "docs" / "configuration.md"

SENDJOB = sendjob.SendJobOptions
SUBCOMMANDS: dict[str, type[Any]] = {
    "CHECK": check.OwnOptions,  # beside those of sendJob
    "ENDPOINT": endpoint.EndpointOptions,
    "EXPLAIN": explain.ExplainOptions,
    "LOGIN": login.LoginOptions,
    "LOGOUT": logout.LogoutOptions,
    "PILOT": pilot.PilotOptions,
    "SANDBOX": sandbox.SandboxOptions,
    "STATUS": status.StatusOptions,
    "WHOAMI": whoami.WhoamiOptions,
}

# Dashed words of the pages that are no options: two words of the record, and those that stand for any option.
OTHER_WORDS = {"--goclient", f"--{OVERWRITE}", "--name", "--Name"}

_ESCAPES = {r"\-": "-", r"\e": "\\", r"\(aq": "'", r"\(dq": '"', r"\(ti": "~", r"\&": "", r"\(bu": "*"}
_ESCAPE = re.compile(r"\\(?:-|e|&|\(..|f.)")
_MACRO = re.compile(r"\.[A-Z]+ ?")
_OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")
_OURS = re.compile(r"\bGOCLIENT_[A-Z][A-Z_]*\b")
_READ = re.compile(r"""\b(?:env|environ)(?:\.get\(|\[)"([A-Z0-9_]+)"|\bseconds\(env, "([A-Z0-9_]+)\"""")


class Tag(NamedTuple):
    """What a page says of one option, argument or value: where, its tag without fonts, and its text."""

    section: str
    subsection: str
    tag: str
    text: str


def _plain(line: str) -> str:
    """A line of roff as a reader sees it; the arguments of a font macro are joined as the macro joins them."""
    macro = _MACRO.match(line)
    if macro and not line.startswith((".SH", ".SS", ".TH")):
        words = shlex.split(line[macro.end() :].replace("\\", "\\\\").replace("'", r"\'"))
        line = ("" if len(macro[0].strip()) == 3 else " ").join(words)
    return _ESCAPE.sub(lambda m: _ESCAPES.get(m[0], ""), line)


def _source(page: str) -> list[str]:
    lines = (ROOT / "man" / page).read_text().splitlines()
    return [line for line in lines if not line.startswith('.\\"')]


def _sections(page: str) -> dict[str, list[str]]:
    """The lines of each section, by its heading."""
    sections: dict[str, list[str]] = {}
    heading = ""
    for line in _source(page):
        if line.startswith(".SH "):
            heading = line[4:].strip('"')
        sections.setdefault(heading, []).append(line)
    return sections


def _tags(page: str) -> Iterator[Tag]:
    """Every tagged paragraph of a page."""
    for section, lines in _sections(page).items():
        subsection = ""
        for index, line in enumerate(lines):
            if line.startswith(".SS "):
                subsection = line[4:]
            if line == ".TP":
                ends = (i for i in range(index + 2, len(lines)) if lines[i].startswith((".TP", ".SS", ".SH", ".PP")))
                text = lines[index + 2 : next(ends, len(lines))]
                yield Tag(section, subsection, _plain(lines[index + 1]), " ".join(map(_plain, text)))


def _examples(page: str) -> Iterator[list[str]]:
    """The words of each command line of ours in a page's EXAMPLES."""
    text = "\n".join(_plain(line) for line in _blocks(_sections(page)["EXAMPLES"])).replace("\\\n", " ")
    for line in text.splitlines():
        if line.startswith(("sendJob.py ", "goclient ")):
            yield shlex.split(line.partition(" | ")[0])


def _blocks(lines: list[str]) -> Iterator[str]:
    """The lines between .EX and .EE."""
    inside = False
    for line in lines:
        if line in (".EX", ".EE"):
            inside = line == ".EX"
        elif inside:
            yield line


def _prose(page: str) -> str:
    """A page's text without its literal blocks."""
    literal = set(_blocks(_source(page)))
    return "\n".join(_plain(line) for line in _source(page) if line not in literal)


def _parser(options_class: type[Any]) -> Parser[Any]:
    return Parser(options_class, prog="test", usage="", description="")


def _titled(options_class: type[Any]) -> Iterator[tuple[str, Action]]:
    """Each action of a parser with the title of its group, in the order of --help."""
    for group in _parser(options_class)._action_groups:
        for action in group._group_actions:
            yield str(group.title), action


def _expected_tag(action: Action) -> str:
    """The tag that a man page has for an action: its names and its metavar, as --help shows them."""
    names = ", ".join(action.option_strings)
    return f"{names} {action.metavar}" if action.metavar and action.nargs != 0 else names


def _option_names(options_class: type[Any]) -> set[str]:
    return {name for action in _parser(options_class)._actions for name in action.option_strings}


def _listed_codes(page: str) -> set[int]:
    return {int(tag.tag) for tag in _tags(page) if tag.section == "EXIT STATUS"}


def _raised_codes() -> set[int]:
    """The exit codes that any command can end with: that of success, and that of each kind of error."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return {0} | {int(kind.exit_code) for kind in kinds if issubclass(kind, errors.GoclientError)}


def _code() -> str:
    return "\n".join(path.read_text() for path in sorted((ROOT / "goclient").rglob("*.py")))


# --- options ------------------------------------------------------------------------------------------------


def test_sendjob_page_lists_the_options_with_the_names_values_and_groups_of_help() -> None:
    listed = [(tag.subsection.lower(), tag.tag) for tag in _tags("sendJob.1") if tag.section == "OPTIONS"]
    assert listed == [(title, _expected_tag(action)) for title, action in _titled(SENDJOB)]


@pytest.mark.parametrize(
    ("page", "section", "options_class"),
    [
        *(("goclient.1", section, options) for section, options in SUBCOMMANDS.items()),
        *(("goclient-myproxy.1", section, options) for section, options in MYPROXY_ACTIONS.items()),
    ],
)
def test_a_page_lists_each_option_of_a_subcommand_and_no_other(
    page: str, section: str, options_class: type[Any]
) -> None:
    common = [tag.tag for tag in _tags(page) if tag.section == "COMMON OPTIONS"]
    own = [tag for tag in _tags(page) if (tag.section, tag.subsection) == (section, "Options")]
    options = [_expected_tag(action) for _, action in _titled(options_class) if action.option_strings]
    listed = [tag.tag for tag in own if tag.tag.startswith("-")]
    assert sorted(listed + common) == sorted(options)


def test_prun_page_lists_our_options_in_the_order_of_help() -> None:
    listed = [tag.tag for tag in _tags("goclient-prun.1") if tag.section == "OPTIONS"]
    options = TABLES["pathena"].options.values()
    assert listed == [f"--{option.name} {option.metavar}".rstrip() for option in options]


def test_check_has_the_options_of_sendjob_but_those_of_the_submission_itself() -> None:
    shared = {field.name for field in dataclasses.fields(SENDJOB)} - {
        field.name for field in dataclasses.fields(sendjob.RunOptions)
    }
    own = {field.name for field in dataclasses.fields(check.OwnOptions)}
    assert {field.name for field in dataclasses.fields(check.CheckOptions)} == shared | own


def test_goclient_page_has_a_section_for_each_subcommand() -> None:
    assert {*SUBCOMMANDS, *OWN_PAGES} == {name.upper() for name in main.COMMANDS}
    assert {*SUBCOMMANDS, *OWN_PAGES} <= set(_sections("goclient.1"))
    assert [name.lower() for name in MYPROXY_ACTIONS] == list(myproxy.ACTIONS)


def test_goclient_page_lists_each_action_of_the_sandbox() -> None:
    tags = [tag.tag for tag in _tags("goclient.1") if (tag.section, tag.subsection) == ("SANDBOX", "Actions")]
    assert tags == list(sandbox.ACTIONS)


def test_goclient_page_lists_each_action_of_endpoint() -> None:
    tags = [tag.tag for tag in _tags("goclient.1") if (tag.section, tag.subsection) == ("ENDPOINT", "Actions")]
    assert tags == [" ".join([action, *words]) for action, words in endpoint.ACTIONS.items()]


def _documented(page: str, section: str, options_class: type[Any]) -> Iterator[tuple[Tag, dataclasses.Field[Any]]]:
    """The tagged paragraph of each option of a class, with the field that it describes."""
    sections = ("COMMON OPTIONS", section)
    tags = [tag for tag in _tags(page) if tag.section in sections and tag.tag[0] == "-"]
    by_name = {name: tag for tag in tags for name in _OPTION.findall(tag.tag)}
    for field in dataclasses.fields(options_class):
        name = field.metadata["args"][-1]
        if name.startswith("-"):
            yield by_name[name], field


DOCUMENTED = [
    pytest.param("sendJob.1", "OPTIONS", SENDJOB, id="sendJob"),
    *(pytest.param("goclient.1", section, options, id=section.lower()) for section, options in SUBCOMMANDS.items()),
    *(
        pytest.param("goclient-myproxy.1", section, options, id=section.lower())
        for section, options in MYPROXY_ACTIONS.items()
    ),
    pytest.param("goclient-prun.1", "OPTIONS", TOOLS["pathena"], id="prun"),
]


@pytest.mark.parametrize(("page", "section", "options_class"), DOCUMENTED)
def test_each_default_and_bound_of_an_option_is_in_its_page(page: str, section: str, options_class: type[Any]) -> None:
    for tag, field in _documented(page, section, options_class):
        if field.metadata["must"]:
            assert "This option is required." in tag.text, tag
        elif field.default not in (None, False, "", ()) and not field.metadata["count"]:
            assert f"The default is {field.default}." in tag.text, tag
        for bound in (field.metadata["minimum"], field.metadata["maximum"]):
            assert bound is None or re.search(rf"(?<!\d){bound}(?!\d)", tag.text), tag


@pytest.mark.parametrize(("page", "section", "options_class"), DOCUMENTED)
def test_each_required_option_is_in_the_synopsis(page: str, section: str, options_class: type[Any]) -> None:
    synopsis = "\n".join(map(_plain, _sections(page)["SYNOPSIS"]))
    required = [field for field in dataclasses.fields(options_class) if field.metadata["must"]]
    assert [field.metadata["args"][-1] for field in required if field.metadata["args"][-1] not in synopsis] == []


def test_the_synopsis_of_sendjob_is_the_usage_of_its_help() -> None:
    assert sendjob.USAGE in " ".join(map(_plain, _sections("sendJob.1")["SYNOPSIS"]))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_no_option_that_does_not_exist(page: str) -> None:
    ours = (*SUBCOMMANDS.values(), *MYPROXY_ACTIONS.values(), *TOOLS.values())
    known = _option_names(SENDJOB).union(*map(_option_names, ours), OTHER_WORDS)
    assert {name for name in _OPTION.findall(_prose(page)) if name.startswith("--")} <= known


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_are_command_lines_that_parse(page: str) -> None:
    examples = list(_examples(page))
    assert examples
    for program, *words in examples:
        options_class = SENDJOB
        if program == "goclient" and words[0] in TOOLS:
            options_class = TOOLS[tool := words.pop(0)]
            words = divided(words, TABLES[tool], lambda word: word.startswith("-")).ours
        elif program == "goclient":
            actions = MYPROXY_ACTIONS if words[0] == "myproxy" and words.pop(0) else SUBCOMMANDS
            options_class = actions[words.pop(0).upper()]
        _, mistakes = _parser(options_class).read(words)
        assert mistakes == [], (program, words)


# --- exit codes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_a_page_lists_the_exit_codes_that_commands_end_with(page: str) -> None:
    expected = _raised_codes() if page != "goclient-myproxy.1" else {0, 1, 2, 80, 130}
    assert _listed_codes(page) == expected
    assert _listed_codes(page) <= {int(code) for code in errors.ExitCode}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_the_order_in_which_errors_decide_the_exit_code(page: str) -> None:
    said = re.search(r"the first of ([\d, ]+) decides", _prose(page))
    assert said is not None
    order = [int(code) for code in said[1].split(", ")]
    together = _listed_codes(page) - {errors.ExitCode.DONE, errors.ExitCode.INTERRUPTED}
    assert order == [code for code in errors._PRECEDENCE if code in together]


# --- environment, version -----------------------------------------------------------------------------------


def test_configuration_lists_our_variables_and_no_other() -> None:
    assert set(_OURS.findall(CONFIGURATION.read_text())) == set(_OURS.findall(_code()))


def test_configuration_lists_every_variable_that_the_code_reads() -> None:
    read = {name for pair in _READ.findall(_code()) for name in pair if name}
    assert {"PANDA_URL_SSL", "GOCLIENT_TIMEOUT", "TMPDIR"} <= read  # the pattern finds them
    assert {name for name in read if f"`{name}`" not in CONFIGURATION.read_text()} == set()


@pytest.mark.parametrize("page", PAGES)
def test_the_variables_of_a_page_are_in_configuration(page: str) -> None:
    tags = [tag.tag for tag in _tags(page) if tag.section == "ENVIRONMENT"]
    assert tags
    named = {name for tag in tags for name in tag.split(", ")}
    assert {name for name in named if f"`{name}`" not in CONFIGURATION.read_text()} == set()
    assert set(_OURS.findall(_prose(page))) <= set(_OURS.findall(_code()))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_the_version_of_the_package(page: str) -> None:
    heading = next(line for line in _source(page) if line.startswith(".TH "))
    title, section, _, version, *_ = shlex.split(heading.removeprefix(".TH "))
    assert (title, section, version) == (page[:-2].upper(), "1", f"goclient {goclient.__version__}")
