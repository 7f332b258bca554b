"""Options that users type are understood as they are meant, and everything that is wrong with it is said at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given

from goclient.errors import GoclientError, RequestError
from goclient.model.location import JOB_DIRECTORY, Location, Transfer
from goclient.model.spec import TransferSpec
from goclient.model.syntax.options import DEFAULT_WORKING, KEYS, OVERWRITE, read_spec, spec_from
from tests.strategies import MANY, at, items_of, specs, typed_items


def mistakes(call: Callable[[], object]) -> tuple[GoclientError, ...]:
    """The errors that a call reports."""
    with pytest.raises(GoclientError) as caught:
        call()
    return caught.value.parts


# --- from items to a spec -----------------------------------------------------------------------------------


@given(specs)
@MANY
def test_what_means_a_spec_gives_that_spec(spec: TransferSpec) -> None:
    assert spec_from(items_of(spec)) == spec


@given(typed_items)
@MANY
def test_any_items_are_a_spec_or_refused(items: dict[str, list[str]]) -> None:
    try:
        spec = spec_from(items)
    except GoclientError as error:
        wrong = error.parts
    else:
        wrong = ()
        assert bool(spec) == any(items.get(key) for key in KEYS)
    assert all(isinstance(part, RequestError) and part.subject.startswith("--") for part in wrong)


def test_nothing_typed_moves_nothing() -> None:
    assert spec_from({}) == TransferSpec()
    assert not spec_from({})


def test_a_working_endpoint_alone_is_asked_for() -> None:
    assert spec_from({"WorkingendpointGO": ["W"]}) == TransferSpec(working="W")


@pytest.mark.parametrize(
    ("items", "overwrite"),
    [
        pytest.param({"StageinGOsrc": ["A:/a"]}, False, id="not-asked-for"),
        pytest.param({"StageinGOsrc": ["A:/a"], OVERWRITE: ["yes"]}, True, id="asked-for"),
        pytest.param({OVERWRITE: ["yes"]}, False, id="nothing-to-overwrite"),
    ],
)
def test_files_are_overwritten_only_where_that_was_asked_for(items: dict[str, list[str]], overwrite: bool) -> None:
    assert spec_from(items).overwrite is overwrite


def test_transfers_without_a_working_endpoint_get_one_of_our_choosing() -> None:
    assert spec_from({"StageinGOsrc": ["A:/a"]}).working == DEFAULT_WORKING


SOURCES = {"StageinGOsrc": ["A:/a", "A:/b"]}


@pytest.mark.parametrize(
    ("items", "destinations"),
    [
        pytest.param({"StageinGOsrc": ["A:/a"]}, [JOB_DIRECTORY], id="none-is-the-jobs-directory"),
        pytest.param(SOURCES, [JOB_DIRECTORY] * 2, id="none-for-several"),
        pytest.param({**SOURCES, "StageinGOdest": ["B:/x/"]}, [at("B", "/x/")] * 2, id="one-directory-for-several"),
        pytest.param({**SOURCES, "StageinGOdest": ["B:/x"]}, [at("B", "/x/")] * 2, id="its-final-slash-is-implied"),
        pytest.param(
            {**SOURCES, "StageinGOdest": ["B:/x", "C:/y/"]},
            [at("B", "/x"), at("C", "/y/")],
            id="one-for-each",
        ),
        pytest.param(
            {"StageinGOsrc": ["A:/a"], "StageinGOdest": ["B:/x"]}, [at("B", "/x")], id="one-and-one-is-a-new-name"
        ),
        pytest.param(
            {"StageinGOsrc": ["A:/a"], "StageinGOdest": ["B:/x/"]}, [at("B", "/x/")], id="one-and-one-directory"
        ),
        pytest.param(
            {"StageinGOsrc": ["A:/a"], "StageinGOdest": ["W:/sub/x"], "WorkingendpointGO": ["W"]},
            [at(None, "/sub/x")],
            id="a-place-in-the-jobs-directory",
        ),
    ],
)
def test_a_source_goes_where_its_destination_says(items: dict[str, list[str]], destinations: list[Location]) -> None:
    spec = spec_from(items)
    assert [transfer.destination for transfer in spec.stage_in] == destinations
    assert [str(transfer.source) for transfer in spec.stage_in] == items["StageinGOsrc"]


@pytest.mark.parametrize("typed", ["B:/out", "B:/out/"])
def test_the_output_goes_into_a_directory_with_or_without_a_final_slash(typed: str) -> None:
    spec = spec_from({"Data": ["x.root"], "OutputGO": [typed]})
    assert spec.output == (Transfer(source=at(None, "/x.root"), destination=at("B", "/out/")),)


def test_each_output_may_have_its_own_directory() -> None:
    spec = spec_from({"Data": ["a", "b"], "OutputGO": ["B:/x", "C:/y"]})
    assert [transfer.destination for transfer in spec.output] == [at("B", "/x/"), at("C", "/y/")]


@pytest.mark.parametrize(
    ("typed", "source"),
    [
        pytest.param("o1", at(None, "/o1"), id="name"),
        pytest.param("./o1", at(None, "/o1"), id="dot-slash"),
        pytest.param("results/", at(None, "/results/"), id="directory"),
        pytest.param("a/b c", at(None, "/a/b c"), id="in-a-folder"),
        pytest.param("W:/o1", at(None, "/o1"), id="on-the-working-endpoint"),
        pytest.param("A:/o1", at("A", "/o1"), id="on-another-endpoint"),
    ],
)
def test_a_stage_out_source_is_a_name_or_a_location(typed: str, source: Location) -> None:
    spec = spec_from({"StageoutGOsrc": [typed], "StageoutGOdest": ["B:/x"], "WorkingendpointGO": ["W"]})
    assert [transfer.source for transfer in spec.stage_out] == [source]


@pytest.mark.parametrize(
    ("items", "subject", "quoted"),
    [
        pytest.param(
            {"StageinGOsrc": ["A:/a", "A:/b", "A:/c"], "StageinGOdest": ["B:/x", "B:/y"]},
            "--StageinGOdest",
            ["3 of --StageinGOsrc", "2 destinations", '"A:/a", "A:/b", "A:/c"', '"B:/x", "B:/y"'],
            id="two-destinations-for-three-sources",
        ),
        pytest.param(
            {"StageinGOsrc": ["A:/a"], "StageinGOdest": ["B:/x", "B:/y"]},
            "--StageinGOdest",
            ['"A:/a"', '"B:/x", "B:/y"'],
            id="more-destinations-than-sources",
        ),
        pytest.param(
            {"StageinGOdest": ["B:/x"]},
            "--StageinGOdest",
            ["--StageinGOdest without --StageinGOsrc"],
            id="destination-without-source",
        ),
        pytest.param(
            {"StageoutGOsrc": ["o1"]},
            "--StageoutGOsrc",
            ["--StageoutGOsrc without --StageoutGOdest"],
            id="stage-out-source-without-destination",
        ),
        pytest.param(
            {"StageoutGOdest": ["B:/x"]},
            "--StageoutGOdest",
            ["--StageoutGOdest without --StageoutGOsrc"],
            id="stage-out-destination-without-source",
        ),
        pytest.param(
            {"StageoutGOsrc": ["o1", "o2", "o3"], "StageoutGOdest": ["B:/x", "B:/y"]},
            "--StageoutGOdest",
            ['"o1", "o2", "o3"', '"B:/x", "B:/y"'],
            id="stage-out-lists-of-different-length",
        ),
        pytest.param({"Data": ["x"]}, "--Data", ["--Data without --OutputGO"], id="data-without-output"),
        pytest.param({"OutputGO": ["B:/x"]}, "--OutputGO", ["--OutputGO without --Data"], id="output-without-data"),
        pytest.param(
            {"Data": ["x"], "OutputGO": ["B:/x", "B:/y"]},
            "--OutputGO",
            ['"B:/x", "B:/y"', '"x"'],
            id="more-outputs-than-data",
        ),
        pytest.param(
            {"WorkingendpointGO": ["V", "W"]}, "--WorkingendpointGO", ['"V", "W"'], id="two-working-endpoints"
        ),
        pytest.param({"WorkingendpointGO": ["W:/x"]}, "--WorkingendpointGO", ['"W:/x"'], id="working-endpoint-path"),
        pytest.param({"WorkingendpointGO": [" "]}, "--WorkingendpointGO", ['" "'], id="blank-working-endpoint"),
        pytest.param({"WorkingendpointGO": ["$X"]}, "--WorkingendpointGO", ['"$X"'], id="working-endpoint-with-dollar"),
        pytest.param(
            {"WorkingendpointGO": ["w" * 65]}, "--WorkingendpointGO", ["w" * 65, "64"], id="endless-working-endpoint"
        ),
        pytest.param({"StageinGOsrc": ["/a"]}, "--StageinGOsrc", ['"/a"', "ENDPOINT:/path"], id="no-endpoint"),
        pytest.param(
            {"StageinGOsrc": ["W:/a"], "WorkingendpointGO": ["W"]},
            "--StageinGOsrc",
            ['"W:/a"'],
            id="input-from-the-jobs-own-directory",
        ),
        pytest.param(
            {"Data": ["x"], "OutputGO": ["W:/o/"], "WorkingendpointGO": ["W"]},
            "--OutputGO",
            ['"W:/o/"'],
            id="output-to-the-jobs-own-directory",
        ),
        pytest.param(
            {"StageoutGOsrc": ["o"], "StageoutGOdest": ["W:/o"], "WorkingendpointGO": ["W"]},
            "--StageoutGOdest",
            ['"W:/o"'],
            id="stage-out-to-the-jobs-own-directory",
        ),
        pytest.param({"Data": ["/x"], "OutputGO": ["B:/o"]}, "--Data", ['"/x"'], id="absolute-data"),
        pytest.param({"Data": ["~/x"], "OutputGO": ["B:/o"]}, "--Data", ['"~/x"'], id="data-in-a-home"),
        pytest.param({"Data": ["A:/x"], "OutputGO": ["B:/o"]}, "--Data", ['"A:/x"'], id="data-on-an-endpoint"),
        pytest.param({"Data": ["../x"], "OutputGO": ["B:/o"]}, "--Data", ['"../x"'], id="data-above-the-job"),
        pytest.param({"Data": ["./"], "OutputGO": ["B:/o"]}, "--Data", ['"./"'], id="data-that-names-nothing"),
    ],
)
def test_a_broken_rule_of_lists_quotes_the_words_that_break_it(
    items: dict[str, list[str]], subject: str, quoted: list[str]
) -> None:
    (error,) = mistakes(lambda: spec_from(items))
    assert isinstance(error, RequestError)
    assert all(words in error.message for words in quoted), error.message
    assert error.subject == subject
    assert error.hint


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("W:~/in/", "W:/in/"),
        ("W:~", "W:/"),
        ("W:", "W:/"),
        ("W:in/", "W:/in/"),
        ("W:./in", "W:/in"),
        ("W: ~/in", "W:/in"),
        ("W/~/in", "W:/in"),
        ("W:/~/in", "W:/in"),
        ("W:/a/../b", "W:/b"),
        ("W:../in", ""),
        ("W:~me/in", ""),
        ("W:$HOME/in", ""),
    ],
)
def test_a_place_in_the_job_is_corrected_without_a_home_directory(typed: str, right: str) -> None:
    items = {"StageinGOsrc": ["A:/a"], "WorkingendpointGO": ["W"]}
    (error,) = mistakes(lambda: spec_from({**items, "StageinGOdest": [typed]}))
    assert "/~/" not in f"{error.message.replace(typed, '')} {error.hint}"
    assert error.hint.removesuffix(" (leave out the ~)") == f"write {right}" or not right
    if right:
        spec_from({**items, "StageinGOdest": [right]})


def test_all_mistakes_are_reported_at_once() -> None:
    items = {
        "StageinGOsrc": ["a", "B:c", "A:/ok"],
        "StageinGOdest": ["X:/1", "X:/2"],
        "StageoutGOsrc": ["o1"],
        "OutputGO": ["B:/../x"],
        "Data": ["/abs", "ok", "~"],
        "WorkingendpointGO": ["V", "W"],
    }
    errors = mistakes(lambda: spec_from(items))
    text = "\n".join(f"{error.message}; {error.hint}" for error in errors)
    for wrong in ('"a"', '"B:c"', '"X:/1", "X:/2"', '"o1"', '"B:/../x"', '"/abs"', '"~"', '"V", "W"'):
        assert wrong in text, wrong
    assert [error.subject for error in errors].count("--StageinGOsrc") == 2
    assert len(errors) == 8


def test_beside_its_mistakes_what_is_right_is_understood() -> None:
    items = {"StageinGOsrc": ["A:/a", "b", "A:/c"], "Data": ["x"], "OutputGO": ["B:/o", "C:/o"]}
    spec, errors = read_spec(items)
    assert [str(transfer.source) for transfer in spec.transfers] == ["A:/a", "A:/c"]
    assert [error.subject for error in errors] == ["--StageinGOsrc", "--OutputGO"]


@given(typed_items)
@MANY
def test_a_spec_without_mistakes_is_the_spec(items: dict[str, list[str]]) -> None:
    spec, errors = read_spec(items)
    if errors:
        assert {error.message for error in mistakes(lambda: spec_from(items))} == {error.message for error in errors}
    else:
        assert spec_from(items) == spec


COLLECTION = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"

# --- what only a record says ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "subject", "shown"),
    [
        pytest.param({"InmodeGO": ["ftp"]}, "--InmodeGO", '"ftp"', id="no-mode"),
        pytest.param({"OutmodeGO": ["gc", "gc"]}, "--OutmodeGO", '"gc", "gc"', id="two-modes"),
        pytest.param(
            {"InmodeGO": ["server"]}, "--LocalendpointGO", "there is no --LocalendpointGO", id="mode-without-its-server"
        ),
        pytest.param({"LocalendpointGO": ["L"]}, "--LocalendpointGO", '"L" names a server', id="server-without-a-mode"),
        pytest.param(
            {"InmodeGO": ["server"], "LocalendpointGO": ["L:/x"]},
            "--LocalendpointGO",
            '"L:/x"',
            id="server-with-a-path",
        ),
        pytest.param(
            {"InmodeGO": ["server"], "LocalendpointGO": ["L", "M"]}, "--LocalendpointGO", '"L", "M"', id="two-servers"
        ),
        pytest.param({"InmodeGO": [""]}, "--InmodeGO", '""', id="empty-mode"),
        pytest.param(
            {"WorkingendpointGO": [COLLECTION], "LocalendpointGO": ["L"]},
            "--LocalendpointGO",
            '"L"',
            id="two-ways-to-name-it",
        ),
        pytest.param(
            {"WorkingendpointGO": [COLLECTION], "InmodeGO": ["gc"], "OutmodeGO": ["gc"]},
            "--WorkingendpointGO",
            COLLECTION,
            id="a-server-that-no-mode-uses",
        ),
        pytest.param({"UserGO": [" "]}, "--UserGO", '" "', id="blank-user"),
        pytest.param({"UserGO": ["a", "b"]}, "--UserGO", '"a", "b"', id="two-users"),
        pytest.param({"MyproxyGO": ["me"]}, "--MyproxyGO", '"me"', id="account-without-a-server"),
        pytest.param({"MyproxyGO": ["me@host"]}, "--MyproxyGO", '"me@host"', id="account-without-a-port"),
        pytest.param(
            {"MyproxyGO": ["me@host:0"]}, "--MyproxyGO", '"me@host:0"', id="account-with-a-port-that-no-host-has"
        ),
        pytest.param({"MyproxyGO": ["me@ho st:1"]}, "--MyproxyGO", '"me@ho st:1"', id="account-of-a-host-that-is-none"),
        pytest.param({"MyproxyGO": ["m\ne@h:1"]}, "--MyproxyGO", '"m\\ne@h:1"', id="account-with-a-newline"),
        pytest.param(
            {"InmodeGO": ["local"], "StageinGOsrc": ["A:/x"]}, "--StageinGOsrc", '"A:/x"', id="copy-from-an-endpoint"
        ),
        pytest.param(
            {"InmodeGO": ["local"], "StageinGOsrc": ["/x"], "StageinGOdest": ["A:/x"]},
            "--StageinGOdest",
            '"A:/x"',
            id="copy-to-an-endpoint",
        ),
        pytest.param(
            {"OutmodeGO": ["local"], "StageoutGOsrc": ["A:/x"], "StageoutGOdest": ["/x"]},
            "--StageoutGOsrc",
            '"A:/x"',
            id="copy-away-from-an-endpoint",
        ),
    ],
)
def test_a_wrong_value_of_a_record_is_a_mistake(items: dict[str, list[str]], subject: str, shown: str) -> None:
    (error,) = mistakes(lambda: spec_from(items))
    assert (error.subject, shown in error.message, bool(error.hint)) == (subject, True, True), error.message


@pytest.mark.parametrize("text", ["mxp@myproxy.cern.ch:7512", "/DC=org/CN=A@B@h:1", "a b@[::1]:7512"])
def test_the_account_of_a_proxy_is_read_as_it_is_written(text: str) -> None:
    assert str(spec_from({"MyproxyGO": [text]}).myproxy) == text


def test_a_collection_named_as_the_working_endpoint_is_a_server_that_sees_the_job() -> None:
    spec = spec_from({"StageinGOsrc": ["A:/a"], "WorkingendpointGO": [COLLECTION.upper()]})
    assert (spec.in_mode, spec.out_mode, str(spec.local_endpoint)) == ("server", "server", COLLECTION)
    assert (spec.working, spec.makes_endpoint) == (DEFAULT_WORKING, False)


def test_an_endpoint_is_made_only_if_files_pass_through_the_node() -> None:
    third_party = {"StageinGOsrc": ["A:/a"], "StageinGOdest": ["B:/b"]}
    assert spec_from({"WorkingendpointGO": ["W"]}).makes_endpoint
    assert spec_from({"StageinGOsrc": ["A:/a"]}).makes_endpoint
    assert not spec_from(third_party).makes_endpoint
    assert not spec_from({}).makes_endpoint


# --- serial numbers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        pytest.param("A:/a,/b", "A:/b", id="the-second-without-its-endpoint"),
        pytest.param("gsiftp://h/a,/b", "gsiftp://h/b", id="the-second-without-its-server"),
        pytest.param("A:/a,/b,/c", "A:/b", id="the-others-without-their-endpoint"),
        pytest.param("A,/b", "A:/b", id="a-comma-for-the-colon"),
        pytest.param("A:/d/{a,b}", "A:/d/a,A:/d/b", id="braces"),
        pytest.param("A:/d/{a,b,c}.x,B:/e", "A:/d/a.x,A:/d/b.x,A:/d/c.x", id="braces-of-three"),
        pytest.param("A:/{d,e}/f", "A:/d/f,A:/e/f", id="braces-in-the-middle"),
        pytest.param("A:/a,@l.txt", "--StageinGOsrc=@l.txt", id="a-list-in-a-list"),
        pytest.param("A:/a,@@l.txt", "--StageinGOsrc=@l.txt", id="a-list-in-a-list-twice"),
    ],
)
def test_a_hint_for_an_item_is_made_from_the_items_around_it(typed: str, right: str) -> None:
    _, errors = read_spec({"StageinGOsrc": typed.split(",")})
    assert errors[0].hint.startswith(f"write {right}")
    for one in right.split(",") if ":" in right else ():
        assert read_spec({"StageinGOsrc": [one]})[1] == []


def test_paths_alone_are_no_endpoints_of_each_other() -> None:
    _, errors = read_spec({"StageinGOsrc": ["/d/x0", "/d/x1"]})
    assert [one.hint.partition(" (")[0] for one in errors] == ["write ENDPOINT:/d/x0", "write ENDPOINT:/d/x1"]


def test_an_item_with_a_control_character_is_refused() -> None:
    _, (error,) = read_spec({"StageinGOsrc": ["A:/a", "/b\x7f"]})
    assert (error.code, bool(error.hint)) == ("location", True)


def test_a_stage_out_source_with_a_colon_is_shown_as_a_name_in_the_jobs_directory() -> None:
    _, (error,) = read_spec({"StageoutGOsrc": ["user.jdoe:hits.root"], "StageoutGOdest": ["A:/o/"]})
    assert error.hint.endswith("is written goclient:/user.jdoe:hits.root")
    spec, errors = read_spec({"StageoutGOsrc": ["goclient:/user.jdoe:hits.root"], "StageoutGOdest": ["A:/o/"]})
    assert (errors, str(spec.stage_out[0].source)) == ([], "user.jdoe:hits.root")


def test_a_link_is_the_source_by_its_left_side_and_the_destination_by_its_right_one() -> None:
    one, other = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f", "1111a9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"
    link = f"https://app.globus.org/file-manager?origin_id={one}&origin_path=%2Fa%2F&destination_id={other}&destination_path=%2Fb%2F"
    spec, errors = read_spec({"StageinGOsrc": [link], "StageinGOdest": [link], "Data": ["x"], "OutputGO": [link]})
    assert errors == []
    assert [str(transfer.source) for transfer in spec.stage_in] == [f"{one}:/a/"]
    assert {str(transfer.destination) for transfer in (*spec.stage_in, *spec.output)} == {f"{other}:/b/"}
