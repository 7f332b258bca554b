"""A spec and a payload come out of jobParameters as they went in, and nothing else comes out of it."""

from __future__ import annotations

import shlex
import string
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import GoclientError, RequestError
from goclient.model.endpoint import read_endpoint
from goclient.model.location import JOB_DIRECTORY, Location, Transfer
from goclient.model.names import fill_serial
from goclient.model.planner import plan
from goclient.model.records.base import MAX_BLOCK, MAX_TASK_BLOCK, Counts, Decoded
from goclient.model.records.registry import attach, attach_carried, decode
from goclient.model.records.v1 import block_words
from goclient.model.spec import TransferSpec
from goclient.model.syntax.options import KEYS, OVERWRITE, WORDS, spec_from
from goclient.model.syntax.parameters import read_typed
from tests.strategies import MANY, SOME, Items, accepted_items, dashed_specs, hostile_texts, items_of, payloads, specs

NOTHING = TransferSpec()
SPEC = spec_from(
    {
        "StageinGOsrc": ["SITE1:/home/osg_data/panda/0064.file", "SITE1:/home/osg_data/panda/0065.file"],
        "OutputGO": ["SITE1:/home/osg_data/panda/${SN/P}/"],
        "WorkingendpointGO": ["OSGDEV"],
        "Data": ["10mb-file.bin"],
    }
)
BLOCK = (
    "--StageinGOsrc=SITE1:/home/osg_data/panda/0064.file,SITE1:/home/osg_data/panda/0065.file "
    "--OutputGO=SITE1:/home/osg_data/panda/${SN/P}/ --WorkingendpointGO=OSGDEV --Data=10mb-file.bin"
)


def with_data(name: str) -> str:
    """A text whose block is right but for the encoded name of its output."""
    return f"run --goclient=v1:3 --OutputGO=A:/o/ --WorkingendpointGO=W --Data={name}"


def output_name(text: str) -> str:
    (transfer,) = decode(text).spec.output
    return transfer.source.path[1:]


def by_bash(line: str) -> list[str]:
    """The words that bash makes of a line of words."""
    # A word may look like a format or an option: they come after the format.
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]


# --- there and back -----------------------------------------------------------------------------------------


@given(payloads, specs, st.booleans())
@MANY
def test_a_spec_and_a_payload_come_back_from_the_text(payload: str, spec: TransferSpec, lenient: bool) -> None:
    assert decode(attach(payload, spec, lenient=lenient)) == Decoded(spec, payload)


@given(st.text(), specs.filter(bool))
@MANY
def test_beside_a_block_any_payload_comes_back_byte_for_byte(payload: str, spec: TransferSpec) -> None:
    assert decode(attach(payload, spec)) == Decoded(spec, payload)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param("", id="nothing"),
        pytest.param("  ", id="blanks"),
        pytest.param("run\n", id="newline-at-the-end"),
        pytest.param("run 'a  b' \"$HOME\" \\\n -x", id="quotes-and-lines"),
        pytest.param("run --Database=prod dir-out=/x", id="words-like-ours"),
        pytest.param("run -- --Data=x --OutputGO=A:/o", id="our-words-after-a-bare-double-dash"),
        pytest.param("run --goclient=v1:1 --Data=x", id="a-block-of-its-own"),
        pytest.param("goclient=v1:7", id="a-marker-of-its-own"),
        pytest.param("run --goclient=v2:0", id="a-newer-marker-of-its-own"),
        pytest.param("run --goclient=", id="half-a-marker-of-its-own"),
    ],
)
@pytest.mark.parametrize("spec", [pytest.param(NOTHING, id="no-moves"), pytest.param(SPEC, id="moves")])
def test_whatever_the_payload_says_is_the_payloads(payload: str, spec: TransferSpec) -> None:
    assert decode(attach(payload, spec)) == Decoded(spec, payload)


@given(accepted_items)
@MANY
def test_what_is_accepted_when_typed_is_accepted_in_the_record(items: Items) -> None:
    try:
        spec = spec_from(items)
    except GoclientError:
        return  # the user sees it at once, and no job fails for it
    assert decode(attach("run", spec)).spec == spec


@pytest.mark.parametrize(
    "items",
    [
        pytest.param({"Data": ["./~x"], "OutputGO": ["A:/o"]}, id="output-with-a-tilde-in-front"),
        pytest.param({"Data": [".//x"], "OutputGO": ["A:/o"]}, id="output-after-two-slashes"),
        pytest.param({"StageoutGOsrc": ["./~x"], "StageoutGOdest": ["A:/o"]}, id="stage-out-with-a-tilde-in-front"),
        pytest.param({"StageoutGOsrc": [".//x"], "StageoutGOdest": ["A:/o"]}, id="stage-out-after-two-slashes"),
        pytest.param(
            {"StageoutGOsrc": ["W:/"], "StageoutGOdest": ["A:/o/"], "WorkingendpointGO": ["W"]},
            id="stage-out-of-the-whole-directory",
        ),
        pytest.param(
            {"StageoutGOsrc": ["W:/~/x"], "StageoutGOdest": ["A:/o"], "WorkingendpointGO": ["W"]},
            id="stage-out-from-the-home-of-the-working-endpoint",
        ),
        pytest.param(
            {"StageoutGOsrc": ["W://x"], "StageoutGOdest": ["A:/o"], "WorkingendpointGO": ["W"]},
            id="stage-out-from-the-working-endpoint-after-two-slashes",
        ),
        pytest.param({"StageinGOsrc": ["goclient:/a"]}, id="an-endpoint-with-our-own-name"),
        pytest.param({"WorkingendpointGO": ["a,b"]}, id="a-comma-in-the-working-endpoint"),
        pytest.param({"StageinGOsrc": ["GSIFTP://h/a"]}, id="a-scheme-in-capitals"),
    ],
)
def test_what_is_accepted_however_oddly_typed_is_accepted_in_the_record(items: Items) -> None:
    try:
        spec = spec_from(items)
    except RequestError:
        return  # the user sees it at once, and no job fails for it
    assert decode(attach("run", spec)).spec == spec


def test_a_collection_whose_id_is_the_name_of_the_working_endpoint_is_not_taken_for_it() -> None:
    collection = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"
    try:
        typed = spec_from({"StageinGOsrc": ["SITE1:/a"], "WorkingendpointGO": [collection]})
        spec = typed.with_endpoints({"SITE1": read_endpoint(collection)})
        text = attach("run", spec)
    except RequestError:
        return  # the user sees it at once, and no job fails for it
    assert decode(text).spec == spec


@given(specs, payloads)
@SOME
def test_our_words_survive_quoting_and_a_shell(spec: TransferSpec, payload: str) -> None:
    block = attach(payload, spec)[len(payload) :].split()
    own = by_bash(f"run.sh {' '.join(map(shlex.quote, block))}")[1:]
    assert own == block
    assert decode(" ".join((payload, *own)) if own else payload) == Decoded(spec, payload)


@given(specs)
@SOME
def test_our_words_survive_a_shell_without_quotes_once_their_placeholders_are_filled(spec: TransferSpec) -> None:
    text = fill_serial(attach("", spec), 7).replace("$JEDITASKID", "42")
    assert by_bash(f"run.sh {text}")[1:] == text.split(" ") if text else True


@given(hostile_texts)
@MANY
def test_what_was_read_is_written_and_read_the_same(text: str) -> None:
    try:
        first = decode(text)
    except GoclientError:
        return
    assert decode(attach(first.payload, first.spec)) == first


# --- how it reads -------------------------------------------------------------------------------------------


def test_an_ordinary_spec_reads_as_it_did_in_2012() -> None:
    assert " ".join(block_words(SPEC)) == BLOCK
    assert attach("run 1", SPEC) == f"run 1 --goclient=v1:4 {BLOCK}"
    assert attach("run 1", SPEC, lenient=True) == f"run 1 goclient=v1:4 {BLOCK}"
    assert attach("", SPEC) == f"--goclient=v1:4 {BLOCK}"


def test_a_job_that_moves_nothing_has_no_block() -> None:
    assert block_words(NOTHING) == []
    assert attach("run '1  2' ", NOTHING) == "run '1  2' "


def test_the_words_come_in_one_order_however_they_were_typed() -> None:
    items: Items = {OVERWRITE: ["yes"], "Data": ["a"], "WorkingendpointGO": ["W"], "LocalendpointGO": ["S"]}
    items |= {"InmodeGO": ["server"], "OutmodeGO": ["server"], "UserGO": ["mxp"], "MyproxyGO": ["mxp@host:7512"]}
    items |= {key: ["A:/a"] for key in reversed(KEYS) if key not in items}
    written = [word[2:].partition("=")[0] for word in block_words(spec_from(items))]
    assert written == list(WORDS)
    assert written[:7] == list(KEYS)


def test_the_permission_to_overwrite_rides_in_the_record_only_where_it_was_given() -> None:
    allowed = SPEC.model_copy(update={"overwrite": True})
    assert attach("run", allowed) == f"run --goclient=v1:5 {BLOCK} --OverwriteGO=yes"
    assert decode(attach("run", allowed)).spec == allowed
    assert "Overwrite" not in attach("run", SPEC)


@pytest.mark.parametrize("character", [c for c in string.printable if c.isprintable() and c != "$"])
def test_only_what_needs_it_is_percent_encoded(character: str) -> None:
    literal = string.ascii_letters + string.digits + "@+:./-_#~"
    source = Location(read_endpoint("A"), f"/a{character}b")
    (word, _) = block_words(TransferSpec(stage_in=(Transfer(source=source, destination=JOB_DIRECTORY),), working="W"))
    written = character if character in literal else f"%{ord(character):02X}"
    assert word == f"--StageinGOsrc=A:/a{written}b"


@pytest.mark.parametrize("location", ["A$B:/a", "${SN}:/a", "A:/$HOME/a", "A:/${X[0]}"])
def test_a_dollar_that_is_no_placeholder_of_a_path_is_refused_with_the_reason(location: str) -> None:
    with pytest.raises(RequestError) as caught:
        spec_from({"StageinGOsrc": [location]})
    assert f'"{location}"' in caught.value.message
    assert "the server would try to evaluate" in caught.value.message


@pytest.mark.parametrize(
    ("name", "written"),
    [
        pytest.param("a,b", "a%2Cb", id="comma"),
        pytest.param("é", "%C3%A9", id="unicode"),
        pytest.param("\U0001f600", "%F0%9F%98%80", id="beyond-the-basic-plane"),
        pytest.param("%41", "%2541", id="percent"),
        pytest.param("x_${SN/P}_${SN}_$JEDITASKID", "x_${SN/P}_${SN}_$JEDITASKID", id="placeholders-stay"),
        pytest.param("{SN}", "%7BSN%7D", id="braces-that-are-none"),
        pytest.param("\u00a0\u2028", "%C2%A0%E2%80%A8", id="blanks-of-unicode"),
    ],
)
def test_a_name_is_written_so_that_it_survives(name: str, written: str) -> None:
    text = with_data(written)
    assert block_words(decode(text).spec)[-1] == f"--Data={written}"
    assert output_name(text) == name


def test_a_comma_in_a_path_survives() -> None:
    transfers = tuple(
        Transfer(source=Location(read_endpoint("A,B"), path), destination=JOB_DIRECTORY) for path in ("/a,b", "/c")
    )
    spec = TransferSpec(stage_in=transfers, working="W")
    assert block_words(spec)[0] == "--StageinGOsrc=A%2CB:/a%2Cb,A%2CB:/c"
    assert decode(attach("", spec)).spec == spec


# --- the marker ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(with_data("x").replace(":3", ":2"), ["2", "3 are left"], id="a-word-too-many"),
        pytest.param(with_data("x").replace(":3", ":4"), ["4", "3 are left"], id="a-word-too-few"),
        pytest.param(with_data("x") + " --more", ["3", "4 are left"], id="a-word-behind"),
        pytest.param("run --goclient=v1:3", ["3", "0 are left"], id="cut-off"),
        pytest.param("run goclient=v1:3", ["3", "0 are left"], id="cut-off-after-a-bare-marker"),
        pytest.param(with_data("x").replace("v1", "v2"), ["version 2", "version 1"], id="newer-version"),
        pytest.param("run --goclient=v0:0", ["version 0"], id="version-that-never-was"),
        pytest.param("run --goclient=", ['"--goclient="'], id="empty-marker"),
        pytest.param("run --goclient=3", ['"--goclient=3"'], id="marker-without-version"),
        pytest.param("run --goclient=v1", ['"--goclient=v1"'], id="marker-without-count"),
        pytest.param("run --goclient=v1:", ['"--goclient=v1:"'], id="marker-with-empty-count"),
        pytest.param("run --goclient=v1:-1", ['"--goclient=v1:-1"'], id="negative-count"),
        pytest.param("run --goclient=v1:0:0", ['"--goclient=v1:0:0"'], id="two-counts"),
        pytest.param(f"run --goclient=v1:{'9' * 5000}", ['"--goclient=v1:99'], id="endless-count"),
        pytest.param(with_data("x").replace("Data", "Nonsense"), ['"--Nonsense=x"'], id="unknown-word"),
        pytest.param(with_data("x").replace("--Data", "Data"), ['"Data=x"'], id="word-without-dashes"),
        pytest.param(with_data("x").replace("=x", ""), ['"--Data"'], id="word-without-value"),
        pytest.param(with_data("x").replace("--Data", "--"), ['"--=x"'], id="word-without-name"),
        pytest.param(with_data("x").replace(" --W", " '--W"), ["\"'--W"], id="quoted-word"),
        pytest.param(
            "run --goclient=v1:2 --WorkingendpointGO=V --WorkingendpointGO=W", ["--WorkingendpointGO is there twice"],
            id="word-that-is-there-twice",
        ),
        pytest.param("run --goclient=v1:2 --Data=x --Data=x", ["--Data is there twice"], id="list-that-is-there-twice"),
    ],
)  # fmt: skip
def test_a_damaged_block_is_refused_and_the_damage_shown(text: str, shown: list[str]) -> None:
    with pytest.raises(RequestError) as caught:
        decode(text)
    assert caught.value.code == "damaged-block"
    assert caught.value.message.startswith("jobParameters: ")
    assert all(part in caught.value.message for part in shown), caught.value.message
    assert "submit again" in caught.value.hint
    assert len(caught.value.message) < 500


@pytest.mark.parametrize(
    "written",
    ["%", "a%", "%4", "%zz", "%%41", "%-1", "%+1", "%0x", "%u0041", "%٤١"],
)
def test_a_percent_sign_without_two_hexadecimal_digits_is_damage(written: str) -> None:
    with pytest.raises(RequestError) as caught:
        decode(with_data(written))
    assert caught.value.code == "damaged-block"
    assert f'"{written}" is not percent-encoded' in caught.value.message


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("%FF", id="no-first-byte"),
        pytest.param("%C3", id="half-a-character"),
        pytest.param("%C0%AF", id="overlong-slash"),
        pytest.param("%ED%A0%80", id="surrogate"),
        pytest.param("%F4%90%80%80", id="beyond-unicode"),
        pytest.param("%41\ud800", id="beside-a-surrogate"),
    ],
)
def test_bytes_that_are_no_utf8_are_damage(written: str) -> None:
    with pytest.raises(RequestError) as caught:
        decode(with_data(written))
    assert caught.value.code == "damaged-block"
    assert "is not UTF-8" in caught.value.message


@pytest.mark.parametrize(
    ("written", "name"),
    [
        pytest.param("%41", "A", id="what-needs-none"),
        pytest.param("%2c", ",", id="small-letters"),
        pytest.param("a=b", "a=b", id="what-needs-it"),
        pytest.param("%2541", "%41", id="decoded-once"),
        pytest.param("%24{SN}", "${SN}", id="half-a-placeholder"),
    ],
)
def test_percent_encoding_is_undone_wherever_it_stands(written: str, name: str) -> None:
    assert output_name(with_data(written)) == name


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("", id="nothing"),
        pytest.param("a,,b", id="nothing-between-commas"),
        pytest.param("%00", id="nul"),
        pytest.param("a%0Ab", id="newline"),
        pytest.param("%2Fetc%2Fpasswd", id="absolute"),
        pytest.param("a%2F..%2F..%2Fb", id="above-the-job"),
        pytest.param("%2E%2E/b", id="encoded-dots"),
        pytest.param("%7E/b", id="home"),
        pytest.param("%24HOME", id="variable"),
        pytest.param("%24%7BX[0]%7D", id="placeholder-that-the-server-would-run"),
    ],
)
def test_what_could_not_be_typed_cannot_be_encoded(written: str) -> None:
    with pytest.raises(RequestError):
        decode(with_data(written))


# --- size ---------------------------------------------------------------------------------------------------


def spec_of_size(size: int) -> TransferSpec:
    """A spec whose words take so many bytes."""
    frame = len("--StageinGOsrc=A:/ --WorkingendpointGO=W")
    source = Location(read_endpoint("A"), "/" + "x" * (size - frame))
    return TransferSpec(stage_in=(Transfer(source=source, destination=JOB_DIRECTORY),), working="W")


def test_a_mebibyte_of_words_is_carried() -> None:
    spec = spec_of_size(MAX_BLOCK)
    assert len(" ".join(block_words(spec))) == MAX_BLOCK == 1024 * 1024
    assert decode(attach("run", spec)) == Decoded(spec, "run")


def test_one_byte_more_is_refused_before_the_server_sees_it() -> None:
    with pytest.raises(RequestError) as caught:
        attach("run", spec_of_size(MAX_BLOCK + 1))
    assert caught.value.code == "too-many-files"
    assert "1048577 bytes" in caught.value.message
    assert "1048576" in caught.value.message


def test_what_passes_through_a_shell_may_be_64_kib() -> None:
    fits = spec_of_size(MAX_TASK_BLOCK)
    assert MAX_TASK_BLOCK == 64 * 1024
    assert decode(attach("run", fits, limit=MAX_TASK_BLOCK)) == Decoded(fits, "run")
    with pytest.raises(RequestError) as caught:
        attach("run", spec_of_size(MAX_TASK_BLOCK + 1), limit=MAX_TASK_BLOCK)
    assert "65537 bytes" in caught.value.message
    assert "whole directory" in caught.value.hint
    longest = attach("", fits, limit=MAX_TASK_BLOCK)
    assert by_bash(f"run.sh {longest}")[1:] == longest.split(" ")


def test_many_files_that_do_not_fit_are_told_how_many_would() -> None:
    paths = [f"/data/run/{i:06d}.root" for i in range(60_000)]
    transfers = tuple(
        Transfer(source=Location(read_endpoint("SITE1"), path), destination=JOB_DIRECTORY) for path in paths
    )
    with pytest.raises(RequestError) as caught:
        attach("run", TransferSpec(stage_in=transfers, working="W"))
    assert "60000 files" in caught.value.message
    fit = int(caught.value.hint.split()[1])  # about so many
    attach("run", TransferSpec(stage_in=transfers[: fit * 99 // 100], working="W"))
    with pytest.raises(RequestError):
        attach("run", TransferSpec(stage_in=transfers[: fit * 101 // 100], working="W"))


# --- without a block ----------------------------------------------------------------------------------------


def test_a_text_of_2012_is_read_as_it_was_typed() -> None:
    spec, payload, *_ = decode(f"run '1  2' {BLOCK} -x")
    assert (spec, payload) == (SPEC, "run '1  2' -x")


@given(dashed_specs, payloads)
@MANY
def test_typed_among_the_payloads_words_a_spec_reads_the_same(spec: TransferSpec, payload: str) -> None:
    items = {key: value for key, value in items_of(spec).items() if key in KEYS}
    if any("," in item for typed in items.values() for item in typed):
        return  # a comma cannot be typed, but in a file
    typed = [shlex.quote(f"--{key}={','.join(value)}") for key, value in items.items()]
    text = " ".join((*typed, payload)) if typed else payload
    if "goclient=" in text:
        return  # it would be a record
    assert decode(text).spec == spec.model_copy(update={"overwrite": False})


def test_percent_signs_that_were_typed_are_percent_signs() -> None:
    assert output_name("run --Data=100%41 --OutputGO=A:/o") == "100%41"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("run 1 2", id="words"),
        pytest.param("run 'it", id="unbalanced-quote"),
        pytest.param("run --Data 'it", id="unbalanced-quote-beside-a-word-like-ours"),
        pytest.param("run --Database=x -- --Data=y", id="words-like-ours"),
    ],
)
def test_a_job_that_is_not_ours_is_a_payload_alone(text: str) -> None:
    assert decode(text) == Decoded(NOTHING, text)


# --- hostile texts ------------------------------------------------------------------------------------------


def mistakes(call: Callable[[], object]) -> tuple[GoclientError, ...]:
    """The mistakes that a call reports, none if it gives a result; any other error escapes."""
    try:
        call()
    except GoclientError as error:
        return error.parts
    return ()


@given(hostile_texts)
@MANY
def test_a_hostile_text_is_decoded_or_refused_and_nothing_else(text: str) -> None:
    found = mistakes(lambda: plan(decode(text).spec))
    assert all(isinstance(mistake, RequestError) and mistake.message for mistake in found)


@given(hostile_texts)
@MANY
def test_a_hostile_text_is_split_or_refused_and_nothing_else(text: str) -> None:
    typed = read_typed(text)
    assert all(isinstance(mistake, RequestError) and mistake.message for mistake in typed.errors)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"run --StageinGOsrc=gsiftp://{'h' * 300}/a", id="endless-host-typed"),
        pytest.param(f"run --goclient=v1:1 --StageinGOsrc=gsiftp://{'h' * 300}/a", id="endless-host-encoded"),
        pytest.param(f"run --goclient=v1:1 --StageinGOsrc={'x' * 300}:/a", id="endless-endpoint"),
        pytest.param(f"run --goclient=v1:1 --WorkingendpointGO={'x' * 300}", id="endless-working-endpoint"),
        pytest.param("run --goclient=v1:1 --StageinGOsrc=\udcff:/a", id="surrogate"),
        pytest.param("run --goclient=v1:1 --StageinGOsrc=A%00:/a", id="nul-in-the-endpoint"),
    ],
)
def test_a_block_with_an_impossible_value_is_our_error(text: str) -> None:
    with pytest.raises(RequestError):
        decode(text)


def test_a_record_without_the_name_of_its_user_is_damaged() -> None:
    with pytest.raises(RequestError, match="the user has no name"):
        decode("run --goclient=v1:3 --StageinGOsrc=A:/a --WorkingendpointGO=W --UserGO=")


# --- a carried job ------------------------------------------------------------------------------------------

PLAN = "a1" * 32
RUNGEN = '-j "" --sourceURL https://h -r . -a jobO.x.tar.gz -o "{}" -p "run%20it"'


@given(st.sampled_from([RUNGEN, "", "x"]), specs)
def test_a_carried_job_comes_back_with_its_plan(payload: str, spec: TransferSpec) -> None:
    text = attach_carried(payload, spec, PLAN)
    assert decode(text) == Decoded(spec, payload, PLAN)
    assert text.endswith(f" --CarriedGO={PLAN}")
    assert " --goclient=" not in text, "the site's transformation stops at no word of ours"


def test_a_spec_that_has_no_room_leaves_its_counts() -> None:
    names = [f"A:/{number:030d}" for number in range(3000)]
    spec = spec_from({"StageinGOsrc": names})
    text = attach_carried(RUNGEN, spec, PLAN)
    assert text == f"{RUNGEN} goclient=v1:2 --CountsGO=1,3000 --CarriedGO={PLAN}"
    assert decode(text) == Decoded(TransferSpec(), RUNGEN, PLAN, Counts(1, 3000))


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("--CarriedGO=a1", id="too short"),
        pytest.param(f"--CarriedGO={PLAN.upper()}", id="in capitals"),
        pytest.param(f"--CarriedGO={PLAN} --Data=a", id="not at the end"),
        pytest.param("--CountsGO=1,2", id="counts without a plan"),
        pytest.param(f"--CountsGO=1 --CarriedGO={PLAN}", id="one count"),
        pytest.param(f"--StageinGOsrc=A:/a --CountsGO=1,1 --CarriedGO={PLAN}", id="counts beside words"),
        pytest.param(f"--CarriedGO={PLAN} --CarriedGO={PLAN}", id="twice"),
    ],
)
def test_damaged_words_of_a_carried_job_are_refused(words: str) -> None:
    with pytest.raises(RequestError, match="jobParameters"):
        decode(f"run goclient=v1:{len(words.split())} {words}")
