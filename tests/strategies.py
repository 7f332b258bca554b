"""Values that hypothesis draws: specs in the form that the grammar gives them, what users type, and hostile texts."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from typing import NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from goclient.model.endpoint import JOB, NODE, read_endpoint
from goclient.model.location import JOB_DIRECTORY, Location, Transfer
from goclient.model.mode import DEFAULT_MODE, Mode
from goclient.model.names import endpoint_problem
from goclient.model.records.registry import attach
from goclient.model.spec import MyproxyAccount, TransferSpec
from goclient.model.syntax.options import (
    DEFAULT_WORKING,
    IN_MODE,
    KEYS,
    LOCAL_ENDPOINT,
    MYPROXY,
    OUT_MODE,
    OVERWRITE,
    USER,
    WORDS,
)
from goclient.model.syntax.shell import words

LONG = bool(os.environ.get("GOCLIENT_TEST_LONG"))  # make conformance: a property is tried with many more examples


def examples(number: int) -> settings:
    """Return the settings of a property that is tried with so many examples, or in a short run with a twelfth of them.

    In CI, where they are the same ones each time, a third of them do.
    """
    shown = number // (3 if os.environ.get("CI") else 1) if LONG else max(3, number // 12)
    return settings(max_examples=shown, deadline=None, suppress_health_check=[HealthCheck.too_slow])


MANY = examples(300)
SOME = examples(60)
FEW = examples(12)  # each example starts a program

Draw = st.DrawFn
Items = dict[str, list[str]]

# --- paths and names ----------------------------------------------------------------------------------------

PLACEHOLDERS = ("${SN}", "${SN/P}", "$JEDITASKID")

# What has a meaning to a shell, to a URL, to PanDA, to the block, or to one of the 2012 parsers.
_PIECES = (
    *("a", "data", "x.root", "0064.file", "-", "_", ".", "..x", "~", "#", "@", "+", ",", ":", "=", "==", "%", "%41"),
    *("%2C", "%zz", " ", "  ", "'", '"', "\\", "`", ";", "&", "|", "<", ">", "(", ")", "*", "?", "[x]", "{a,b}", "!"),
    *("--Data=x", "goclient=v1:1", "é", "e\u0301", "日本", "\U0001f600", "\u00a0", "\u2028", "\ufeff"),
    *PLACEHOLDERS,
)

# Everything that a path may hold beside these pieces: no control characters, no halves of characters, no bare $.
_LETTERS = st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/$")

pieces = st.sampled_from(_PIECES) | st.text(_LETTERS, min_size=1, max_size=4)
segments = st.lists(pieces, min_size=1, max_size=3).map("".join).filter(lambda name: name not in (".", "..", "~"))


# A name such as a/b.root or results/; never empty, never with a slash in front.
_parts = st.lists(segments, min_size=1, max_size=3)
relative = st.builds("{1}{0}".format, st.sampled_from(("", "/")), _parts.map("/".join) | _parts.map("//".join))

# A path on an endpoint: absolute, or below the home directory; / itself too.
paths = st.just("/") | st.builds(str.__add__, st.sampled_from(("/", "//", "/~/")), relative)

# A name that may be typed for a file of the job's directory: it says neither an endpoint nor an absolute path.
job_names = relative.filter(lambda name: not name.startswith("~") and ":/" not in name)

# --- endpoints ----------------------------------------------------------------------------------------------

_NAMES = ("SITE1", "wdeng#ANLHEP_ATLAS8", "mxp#MXP_BNL_TEST", "My data, at home", "100% = 'all'", "Große Ablage")
_NAME_LETTERS = st.characters(exclude_categories=("Cc", "Cs"), exclude_characters=":$")

_hosts = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)
_named = _hosts.filter(lambda host: ".." not in host)  # as DNS has names: something is between two dots
hosts = _named | st.builds("{}:{}".format, _named | st.ip_addresses(v=6).map("[{}]".format), st.integers(1, 65535))
servers = hosts.map(lambda host: read_endpoint(f"gsiftp://{host}").text)
endpoint_names = (
    st.sampled_from(_NAMES)
    # The names that are left out are schemes, and begin with a quote of pasted text.
    | st.text(_NAME_LETTERS, min_size=1, max_size=20).filter(lambda e: endpoint_problem(e) is None)
)
endpoints = endpoint_names | st.uuids().map(str) | servers
working_names = st.sampled_from(("OSGDEV", "W", "goclient", "my node, ünter")) | st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters=":/$"), min_size=1, max_size=64
).filter(lambda name: endpoint_problem(name) is None)


def at(text: str | None, path: str) -> Location:
    """Return a location on the endpoint that a record writes so; None is the job's directory."""
    return Location(JOB if text is None else read_endpoint(text), path)


# --- specs --------------------------------------------------------------------------------------------------


def _directory(location: Location) -> Location:
    return location if location.is_directory else location.with_path(location.path + "/")


_elsewhere = st.builds(Location, endpoints.map(read_endpoint), paths)
_own_file = st.builds(Location, st.just(JOB), job_names.map("/".__add__))
_node_paths = paths.filter(lambda path: not f"{path}/".startswith("/~/"))  # nobody has a home directory on the node
_own_place = st.just(JOB_DIRECTORY) | st.builds(Location, st.just(JOB), _node_paths)


def _one_for_all(sources: list[Location], destination: Location, into: bool) -> tuple[Transfer, ...]:
    one = _directory(destination) if into or len(sources) > 1 else destination
    return tuple(Transfer(source=source, destination=one) for source in sources)


def _one_for_each(pairs: list[tuple[Location, Location]], into: bool) -> tuple[Transfer, ...]:
    return tuple(Transfer(source=s, destination=_directory(d) if into else d) for s, d in pairs)


def _moves(
    sources: st.SearchStrategy[Location], destinations: st.SearchStrategy[Location], *, into: bool = False
) -> st.SearchStrategy[tuple[Transfer, ...]]:
    """Up to three moves: with one destination for all, which is a directory if they are several, or with one each."""
    way = st.just(into)
    return st.builds(_one_for_all, st.lists(sources, max_size=3), destinations, way) | st.builds(
        _one_for_each, st.lists(st.tuples(sources, destinations), max_size=2), way
    )


def _spec(
    stage_in: tuple[Transfer, ...],
    stage_out: tuple[Transfer, ...],
    output: tuple[Transfer, ...],
    working: str,
    alone: bool,
    overwrite: bool,
) -> TransferSpec:
    """A spec as the grammar builds it from what a user typed or from a record."""
    if not (stage_in or stage_out or output or alone):
        return TransferSpec()
    spec = TransferSpec(stage_in=stage_in, stage_out=stage_out, output=output, working=working, overwrite=overwrite)
    # What is on the working endpoint is in the job's directory: no other endpoint has its name.
    return spec.with_endpoints({working: read_endpoint(working + "+")})


dashed_specs = st.builds(
    _spec,
    _moves(_elsewhere, _elsewhere | _own_place),
    _moves(_elsewhere | _own_file, _elsewhere),
    _moves(_own_file, _elsewhere, into=True),
    working_names,
    st.booleans(),
    st.booleans(),
)


# Specs as the words of the globusPilot give them, with those words.

users = st.sampled_from(("mxp", "wdeng", "/DC=org/CN=A B 1", "é ü", "a=b,c")) | st.text(
    _NAME_LETTERS, min_size=1, max_size=20
).filter(lambda name: bool(name.strip()))
_far_endpoints = endpoints.filter(lambda endpoint: endpoint != DEFAULT_WORKING)
_prefixes = st.sampled_from(("", "", "./", ".//"))
_typed_names = st.builds(str.__add__, _prefixes, job_names.filter(lambda name: "," not in name))


class Globus(NamedTuple):
    """Words that were typed in the bare syntax, and the spec that they mean."""

    words: tuple[tuple[str, str], ...]
    spec: TransferSpec

    @property
    def text(self) -> str:
        return " ".join(f"{name}={shlex.quote(value)}" for name, value in self.words)


def _way(draw: Draw, way: str, local: str) -> tuple[Mode, tuple[Transfer, ...], list[tuple[str, str]]]:
    """The mode, the moves and the words of one direction."""
    names = draw(st.lists(_typed_names, max_size=3, unique=True))
    if not names:
        return DEFAULT_MODE, (), []
    mode = draw(st.sampled_from(Mode))
    far = local if mode.copies_on_node else draw(_far_endpoints)
    folder = draw(_node_paths if mode.copies_on_node else paths)
    typed = [(f"{way}-mode", mode.value), (f"files-{way}", ",".join(names))]
    if mode.needs_server and draw(st.booleans()):
        far = local  # the default
    elif not mode.copies_on_node:
        typed.append((f"globus-endpoint-{way}", far))
    if folder == "/" and draw(st.booleans()):
        pass  # the default, too
    else:
        typed.append((f"dir-{way}", folder))
    end = NODE if mode.copies_on_node else read_endpoint(far)
    transfers = []
    for name in names:
        own = Location(JOB, f"/{name.removeprefix('./')}")
        if way == "in":
            source = Location(end, folder.rstrip("/") + own.path)
            transfers.append(Transfer(source=source, destination=Location(JOB, own.directory)))
        else:
            transfers.append(Transfer(source=own, destination=Location(end, folder.rstrip("/") + own.directory)))
    return mode, tuple(transfers), typed


def _globus(draw: Draw) -> Globus:
    local = draw(_far_endpoints)
    in_mode, stage_in, words_in = _way(draw, "in", local)
    out_mode, output, words_out = _way(draw, "out", local)
    server = in_mode.needs_server or out_mode.needs_server
    user = draw(st.none() | users)
    typed = [*words_in, *words_out]
    typed += [("globus-endpoint-local", local)] if server else []
    typed += [("globus-user", user)] if user is not None else []
    spec = TransferSpec(
        stage_in=stage_in,
        output=output,
        working=DEFAULT_WORKING if stage_in or output else None,
        in_mode=in_mode,
        out_mode=out_mode,
        local_endpoint=read_endpoint(local) if server else None,
        user=user if stage_in or output else None,
    )
    return Globus(tuple(draw(st.permutations(typed))), spec)


globus = st.composite(_globus)()
_accounts = st.builds(MyproxyAccount, user=users, host=_hosts, port=st.integers(1, 65535))


def _asked(spec: TransferSpec, user: str | None, account: MyproxyAccount | None, server: str | None) -> TransferSpec:
    """A spec of the dashed syntax with what only a record says beside it."""
    modes = {"in_mode": Mode.SERVER, "out_mode": Mode.SERVER, "local_endpoint": read_endpoint(server)} if server else {}
    return spec.model_copy(update={"user": user, "myproxy": account, **modes})


specs = (
    dashed_specs
    | st.builds(_asked, dashed_specs, st.none() | users, st.none() | _accounts, st.none() | _far_endpoints)
    | globus.map(lambda typed: typed.spec)
)


# --- what users type ----------------------------------------------------------------------------------------


def items_of(spec: TransferSpec) -> Items:
    """The items of each word that mean a spec, every destination written out."""

    def typed(location: Location) -> str:
        if location.on_node:
            return location.path
        return str(location) if not location.in_job else f"{spec.working}:{location.path}"

    items: Items = {
        "StageinGOsrc": [typed(transfer.source) for transfer in spec.stage_in],
        "StageinGOdest": [typed(transfer.destination) for transfer in spec.stage_in],
        "StageoutGOsrc": [typed(transfer.source) for transfer in spec.stage_out],
        "StageoutGOdest": [typed(transfer.destination) for transfer in spec.stage_out],
        "OutputGO": [typed(transfer.destination) for transfer in spec.output],
        "WorkingendpointGO": [spec.working] if spec.working else [],
        "Data": [f".{transfer.source.path}" for transfer in spec.output],
        IN_MODE: [spec.in_mode],
        OUT_MODE: [spec.out_mode],
        LOCAL_ENDPOINT: [spec.local_endpoint.text] if spec.local_endpoint else [],
        USER: [spec.user] if spec.user else [],
        MYPROXY: [str(spec.myproxy)] if spec.myproxy else [],
        OVERWRITE: ["yes"] if spec.overwrite else [],
    }
    return {key: value for key, value in items.items() if value}


# Anything that may stand where a location or a name should: right, odd, or wrong.
_odd_names = st.sampled_from(("./~x", ".//x", "/~/x", "//x", "/", "./", "~", "~x", "a:b", "a:/b", "@x", ".", "", " "))
_odd_items = st.builds("{}:{}".format, st.sampled_from(("W", "goclient", "SITE1")), paths | _odd_names) | _odd_names
typed_items = st.fixed_dictionaries(
    {}, optional={key: st.lists(_odd_items | relative | st.text(max_size=12), max_size=3) for key in WORDS}
)


def _accepted_items(draw: Draw) -> Items:
    """Items that are right but for the odd way in which some are written; the grammar accepts most of them."""
    own = st.builds(str.__add__, st.sampled_from(("W:/", "W://", "W:/~", "W:/~/", "./", ".//", "./~", "")), relative)
    own |= st.sampled_from(("W:/", "W:/~/", "./"))
    remote = st.builds("{}:{}".format, st.sampled_from(("SITE1", "goclient")), paths)
    items: Items = {
        "StageinGOsrc": draw(st.lists(remote, max_size=2)),
        "StageoutGOsrc": draw(st.lists(own | remote, max_size=2)),
        "Data": draw(st.lists(own, max_size=2)),
        "WorkingendpointGO": draw(st.sampled_from((["W"], []))),
    }
    items["StageoutGOdest"] = [draw(remote) for _ in items["StageoutGOsrc"]]
    items["OutputGO"] = [draw(remote)] if items["Data"] else []
    return {key: value for key, value in items.items() if value}


accepted_items = st.composite(_accepted_items)()

# --- payloads -----------------------------------------------------------------------------------------------

BLANKS = (" ", "  ", "\t", "\n", "\r\n", " \\\n  ", "\\\r\n")

# Words of a payload as typed: with quotes in balance, and none that is an option of ours.
OWN_WORDS = (
    *("run.sh", "-x", "--verbose", "--Database=prod", "--Data2=x", "-Data=x", "Data=x", "dir-out=/x", "files-in=a,b"),
    *("'a b'", '"a  b"', '"it\'s"', r"a\ ", r"\ ", r"\\", r"\"", "''", '""', "$HOME", "${SN}", "`id`", "#", "~", "*"),
    *("--stageins=x", "'--Data =x'", '"a\\\nb"', "a=b=c", "é日本", "\u00a0", "goclient=v2", "100%", ";", "&&"),
)
own_words = st.sampled_from(OWN_WORDS) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=" \t\r\n'\"\\-"), min_size=1, max_size=6
)
OUR_WORDS = ("--Data=x.root", "--WorkingendpointGO=W", "'--StageinGOsrc=SITE1:/a b'", '--OutputGO="SITE1:/o"')


def _command_line(words: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A text of such words with blanks between them, and perhaps at its ends."""

    def join(draw: Draw) -> str:
        chosen = draw(st.lists(words, max_size=6))
        blanks = [draw(st.sampled_from(BLANKS)) for _ in chosen]
        text = "".join(blank + word for blank, word in zip(blanks, chosen, strict=True))
        text = text if draw(st.booleans()) else text.removeprefix(blanks[0] if blanks else "")
        return text + draw(st.sampled_from(("", "", " ", "\n")))

    return st.composite(join)()


def raw_words(text: str) -> list[str]:
    """Each word of a text as it stands there."""
    return [text[word.start : word.end] for word in words(text)]


payloads = _command_line(own_words)
mixed_payloads = _command_line(own_words | st.sampled_from(OUR_WORDS))

# --- hostile texts ------------------------------------------------------------------------------------------

TOKENS = (
    *("%", "%0", "%zz", "%ff", "%00", "%0A", "%2C", "%2F..%2F", "%ED%A0%80", "%C0%AF", "%24%7BX[0]%7D", "${X[0]}", "$"),
    *("--", " -- ", "--goclient=", " --goclient=v1:1 ", " goclient=v1:0 ", " --goclient=v2:0", " --goclient=v1:٣ "),
    *(
        " --Data",
        " --Data=",
        " --Data=x ",
        " --WorkingendpointGO=",
        " --StageinGOsrc=,",
        "--",
        "=",
        ",",
        ",,",
        ":",
        "/",
    ),
    *("'", '"', "\\", "\n", "\r", "\t", " ", "\0", "\x7f", "\ud800", "\udcff", "\U0010ffff", "..", "/../", "~", "v1:"),
    *(
        " globus-user=",
        " in-mode=",
        "in-mode=gc ",
        " files-in=",
        "dir-out=..",
        " globus-endpoint-inn=x",
        "--InmodeGO=local",
    ),
    *("gsiftp://", "globus://", "gsiftp://h:99999/x", "999999999", "9" * 30, "²", "x" * 300),
)


def _deleted(text: str, start: int, end: int, token: str) -> str:
    return text[:start] + text[end:]


def _inserted(text: str, start: int, end: int, token: str) -> str:
    return text[:start] + token + text[start:]


def _replaced(text: str, start: int, end: int, token: str) -> str:
    return text[:start] + token + text[end:]


def _repeated(text: str, start: int, end: int, token: str) -> str:
    return text[:end] + text[start:]


def _cut(text: str, start: int, end: int, token: str) -> str:
    return text[:end]


def _moved(text: str, start: int, end: int, token: str) -> str:
    return text[:start] + text[end:] + text[start:end]


MUTATIONS: tuple[Callable[[str, int, int, str], str], ...] = (
    *(_deleted, _inserted, _replaced),
    *(_repeated, _cut, _moved),
)


def _typed_text(draw: Draw) -> str:
    """Words of either syntax as typed in 2012, somewhere among a payload's words."""
    if draw(st.booleans()):
        typed = [f"{name}={shlex.quote(value)}" for name, value in draw(globus).words]
    else:
        typed = [f"--{key}={','.join(value)}" for key, value in items_of(draw(dashed_specs)).items() if key in KEYS]
    return " ".join(draw(st.permutations([draw(payloads), *typed])))


def _hostile(draw: Draw) -> str:
    """A valid text of jobParameters, with a block or as typed, that something has been done to."""
    if draw(st.booleans()):
        text = attach(draw(payloads), draw(specs), lenient=draw(st.booleans()))
    else:
        text = _typed_text(draw)
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        token = draw(st.sampled_from(TOKENS) | st.text(max_size=3))
        text = draw(st.sampled_from(MUTATIONS))(text, start, end, token)
    return text


hostile_texts = st.composite(_hostile)() | st.text(max_size=60)
