"""The man pages and docs/configuration.md say what the code does: options, exit codes, variables, the version."""

from __future__ import annotations

import dataclasses
import re
import shlex
from argparse import Action
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import goclient
from goclient import errors
from goclient.cli import main
from goclient.cli.commands import (
    advance,
    carrier,
    check,
    completion,
    credential,
    endpoint,
    explain,
    journal,
    kill,
    login,
    logout,
    myproxy,
    pilot,
    probe,
    retry,
    sandbox,
    sendjob,
    settings,
    status,
    version,
    whoami,
)
from goclient.cli.commands import help as help_command
from goclient.cli.options import myproxy as myproxy_options
from goclient.cli.parser import LenientParser, Parser
from goclient.errors import findings
from goclient.model.option import is_flag
from goclient.model.options import SubmitOptions
from goclient.model.syntax.options import OVERWRITE
from goclient.model.task_options import PathenaOptions, TaskOptions
from goclient.tasks.command_line import TABLES, divide

ROOT = Path(__file__).parent.parent
CONFIGURATION = ROOT / "docs" / "configuration.md"
PAGES = sorted(path.name for path in (ROOT / "man").glob("*.1") if not path.read_text().startswith(".so "))
LINKS = {path.name: path.read_text().split()[1] for path in (ROOT / "man").glob("*.1") if path.name not in PAGES}

SENDJOB = sendjob.SendJobOptions
COMMANDS: dict[str, type[Any]] = {
    "advance": advance.AdvanceOptions,
    "carrier": carrier.CarrierOptions,
    "check": check.OwnOptions,  # beside those of sendJob
    "endpoint": endpoint.EndpointOptions,
    "explain": explain.ExplainOptions,
    "completion": completion.CompletionOptions,
    "credential": credential.CredentialOptions,
    "help": help_command.HelpOptions,
    "journal": journal.JournalOptions,
    "kill": kill.KillOptions,
    "login": login.LoginOptions,
    "pilot": pilot.PilotOptions,
    "probe": probe.CommandOptions,
    "retry": retry.RetryCommandOptions,
    "sandbox": sandbox.SandboxOptions,
    "settings": settings.SettingsOptions,
    "status": status.StatusOptions,
    "version": version.VersionOptions,
}
GENERAL: dict[str, type[Any]] = {"logout": logout.LogoutOptions, "whoami": whoami.WhoamiOptions}  # and nothing else
MYPROXY_ACTIONS: dict[str, type[Any]] = {
    "DEPOSIT": myproxy_options.DepositOptions,
    "INFO": myproxy_options.InfoOptions,
    "RETRIEVE": myproxy_options.RetrieveOptions,
    "DESTROY": myproxy_options.DestroyOptions,
}
TOOLS = {"prun": TaskOptions, "pathena": PathenaOptions}  # whose other options are panda-client's
# Which are not errors: the queue has no job, and what became of the jobs that are followed.
NO_ERRORS = {int(findings.ExitCode.NO_JOB), int(findings.ExitCode.JOBS_FAILED), int(findings.ExitCode.JOBS_RUNNING)}
ALL_EXIT_CODES = ("goclient.1", "sendJob.1", "goclient-prun.1")  # the other pages list those that can occur

# Dashed words of the pages that are no options: another tool's, two of the record, and those that stand for any option.
OTHER_WORDS = {"--dry-run", "--goclient", f"--{OVERWRITE}", "--name", "--Name"}

_ESCAPES = {r"\-": "-", r"\e": "\\", r"\(aq": "'", r"\(dq": '"', r"\(ti": "~", r"\&": "", r"\(bu": "*"}
_ESCAPE = re.compile(r"\\(?:-|e|&|\(..|f.)")
_MACRO = re.compile(r"\.[A-Z]+ ?")
_OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")
_OURS = re.compile(r"\bGOCLIENT_[A-Z][A-Z_]*\b")
_READ = re.compile(r"""\b(?:env|environ)(?:\.get\(|\[)"([A-Z0-9_]+)"|\bseconds\(env, "([A-Z0-9_]+)\"""")


class Tag(NamedTuple):
    """Words of a page about one option, argument or value: where, its tag without fonts, and its text."""

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
    return Parser(options_class, prog="test")


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


@cache
def _our_variables() -> set[str]:
    return set(_OURS.findall(_code()))


@cache
def _code() -> str:
    return "\n".join(path.read_text() for path in sorted((ROOT / "goclient").rglob("*.py")))


# --- options ------------------------------------------------------------------------------------------------


def test_sendjob_page_lists_the_options_with_the_names_values_and_groups_of_help() -> None:
    listed = [(tag.subsection.lower(), tag.tag) for tag in _tags("sendJob.1") if tag.section == "OPTIONS"]
    assert listed == [(title, _expected_tag(action)) for title, action in _titled(SENDJOB)]


def _listed_options(page: str, *sections: str) -> list[str]:
    return [tag.tag for tag in _tags(page) if tag.section in sections and tag.tag.startswith("-")]


def _tags_of(options_class: type[Any]) -> list[str]:
    return [_expected_tag(action) for _, action in _titled(options_class) if action.option_strings]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_of_a_command_lists_each_of_its_options_and_no_other(name: str) -> None:
    assert sorted(_listed_options(f"goclient-{name}.1", "OPTIONS")) == sorted(_tags_of(COMMANDS[name]))


@pytest.mark.parametrize("name", GENERAL)
def test_a_command_without_a_page_of_its_own_has_general_options_only(name: str) -> None:
    general = [
        tag.tag for tag in _tags(LINKS[f"goclient-{name}.1"].removeprefix("man1/")) if tag.subsection == "General"
    ]
    assert sorted(general) == sorted(_tags_of(GENERAL[name]))


@pytest.mark.parametrize("action", MYPROXY_ACTIONS)
def test_the_myproxy_page_lists_each_option_of_an_action_and_no_other(action: str) -> None:
    own = [tag.tag for tag in _tags("goclient-myproxy.1") if (tag.section, tag.subsection) == (action, "Options")]
    common = _listed_options("goclient-myproxy.1", "COMMON OPTIONS")
    common = [tag for tag in common if not any(tag in other.split(", ") for other in own)]
    assert sorted(own + common) == sorted(_tags_of(MYPROXY_ACTIONS[action]))


def test_prun_page_lists_our_options_in_the_order_of_help() -> None:
    listed = [tag.tag for tag in _tags("goclient-prun.1") if tag.section == "OPTIONS"]
    values = {
        one.name: "" if is_flag(one) else f" {one.metadata['metavar'] or one.name.upper()}"
        for one in TABLES["pathena"].values()
    }
    assert listed == [f"--{name}{value}" for name, value in values.items()]


def test_check_has_the_options_of_sendjob_but_those_of_the_submission_itself() -> None:
    shared = {field.name for field in dataclasses.fields(SubmitOptions)} - {"noSubmit", "noCheck", "again", "detach"}
    own = {field.name for field in dataclasses.fields(check.OwnOptions)}
    assert {field.name for field in dataclasses.fields(check.CheckOptions)} == shared | own


def test_each_command_has_a_page_and_is_in_the_overview() -> None:
    tags = [tag.tag for tag in _tags("goclient.1") if tag.section == "COMMANDS"]
    assert {name for tag in tags for name in tag.split(", ")} == set(main.COMMANDS)
    pages = {f"goclient-{name}.1" for name in main.COMMANDS} | {"goclient.1", "sendJob.1", "sendJob.py.1"}
    assert pages == {*PAGES, *LINKS}
    assert [name.lower() for name in MYPROXY_ACTIONS] == list(myproxy.ACTIONS)


def test_a_link_leads_to_a_page_that_names_it() -> None:
    for link, target in LINKS.items():
        page = target.removeprefix("man1/")
        assert page in PAGES
        assert link.removesuffix(".1") in " ".join(map(_plain, _sections(page)["NAME"])), link


def test_setup_cfg_lays_down_every_page() -> None:
    listed = re.findall(r"^    man/(\S+)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted([*PAGES, *LINKS])


def test_the_sandbox_page_lists_each_action() -> None:
    tags = [tag.tag for tag in _tags("goclient-sandbox.1") if tag.section == "ACTIONS"]
    assert tags == list(sandbox.ACTIONS)


def test_the_endpoint_page_lists_each_action() -> None:
    tags = [tag.tag for tag in _tags("goclient-endpoint.1") if tag.section == "ACTIONS"]
    assert tags == [" ".join([action, *words]) for action, words in endpoint.ACTIONS.items()]


def test_the_references_between_the_pages_lead_somewhere() -> None:
    for page in PAGES:
        names = re.findall(r"\b(goclient(?:-\w+)?|sendJob)\(1\)", _prose(page))
        assert {f"{name}.1" for name in names} <= {*PAGES, *LINKS}, page


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
    *(pytest.param(f"goclient-{name}.1", "OPTIONS", options, id=name) for name, options in COMMANDS.items()),
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
    assert f"{sendjob.PROG} {sendjob.ARGUMENTS}" in " ".join(map(_plain, _sections("sendJob.1")["SYNOPSIS"]))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_no_option_that_does_not_exist(page: str) -> None:
    ours = (*COMMANDS.values(), *GENERAL.values(), *MYPROXY_ACTIONS.values(), *TOOLS.values())
    known = _option_names(SENDJOB).union(*map(_option_names, ours), OTHER_WORDS)
    assert {name for name in _OPTION.findall(_prose(page)) if name.startswith("--")} <= known


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_are_command_lines_that_parse(page: str) -> None:
    examples = list(_examples(page))
    assert examples
    for program, *words in examples:
        kind: type[Any] = SENDJOB
        nothing = False
        if program == "goclient":
            name = words.pop(0)
            nothing = name == "check"
            if name in TOOLS:
                kind, words = TOOLS[name], divide(words, TABLES[name], lambda word: word.startswith("-")).ours
            elif name == "myproxy":
                kind = MYPROXY_ACTIONS[words.pop(0).upper()]
            else:
                kind = {**COMMANDS, **GENERAL, "check": check.CheckOptions}[name]
        _, mistakes = (LenientParser if nothing else Parser)(kind, prog="test").read(words)
        assert mistakes == [], (program, words)


# --- exit codes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_a_page_lists_exit_codes_that_commands_end_with(page: str) -> None:
    listed = _listed_codes(page)
    assert {0, 1, 2, 130} <= listed <= _raised_codes() | NO_ERRORS == {int(code) for code in findings.ExitCode}
    assert page not in ALL_EXIT_CODES or listed - NO_ERRORS == _raised_codes()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_the_order_in_which_errors_decide_the_exit_code(page: str) -> None:
    said = re.search(r"the first of ([\d, ]+) decides", _prose(page))
    assert said is not None
    order = [int(code) for code in said[1].split(", ")]
    together = _listed_codes(page) - {findings.ExitCode.DONE, findings.ExitCode.INTERRUPTED, *NO_ERRORS}
    assert order == [code for code in findings._PRECEDENCE if code in together]


# --- environment, version -----------------------------------------------------------------------------------


def test_configuration_lists_our_variables_and_no_other() -> None:
    assert set(_OURS.findall(CONFIGURATION.read_text())) == _our_variables()


def test_configuration_lists_every_variable_that_the_code_reads() -> None:
    others = {"PATH_INFO", "RAW_URI", "TRF_EXEC_HOME_DIR"}  # WSGI's, runGen's
    read = {name for pair in _READ.findall(_code()) for name in pair if name} - others
    assert {"PANDA_URL_SSL", "GOCLIENT_TIMEOUT", "TMPDIR"} <= read  # the pattern finds them
    assert {name for name in read if f"`{name}`" not in CONFIGURATION.read_text()} == set()


@pytest.mark.parametrize("page", PAGES)
def test_the_variables_of_a_page_are_in_configuration(page: str) -> None:
    tags = [tag.tag for tag in _tags(page) if tag.section == "ENVIRONMENT"]
    assert tags
    named = {name for tag in tags for name in tag.split(", ")}
    assert {name for name in named if f"`{name}`" not in CONFIGURATION.read_text()} == set()
    assert set(_OURS.findall(_prose(page))) <= _our_variables()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_the_version_of_the_package(page: str) -> None:
    heading = next(line for line in _source(page) if line.startswith(".TH "))
    title, section, _, version, *_ = shlex.split(heading.removeprefix(".TH "))
    assert (title, section, version) == (page[:-2].upper(), "1", f"goclient {goclient.__version__}")
