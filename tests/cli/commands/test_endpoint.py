"""``goclient endpoint``, as it is typed: names for endpoints, and what there is to know of one."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest
import requests

from goclient.cli.commands import endpoint as command_line
from goclient.cli.output import TerminalReporter
from goclient.config import environment
from goclient.config.catalogue_toml import with_entry
from goclient.endpoints import patiently, remove, usable
from goclient.errors import EndpointError, RequestError
from goclient.services.globus.collection import BARE, Collection
from goclient.services.globus.sdk import Globus
from tests.cli.commands.test_login import Person
from tests.commands import Result, Run
from tests.config.test_catalogue_toml import words_of
from tests.sandboxes import Sandbox

BOUND = 60.0  # seconds
REPORTER = TerminalReporter("goclient endpoint")
UUID = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"
Endpoint = Callable[..., Result]
Make = Callable[..., None]


def collection(sandbox: Sandbox, name: str) -> str:
    return str(sandbox.rows("select id from collections where display_name = ?", name)[0]["id"])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The user's catalogue of one test; it is not there yet."""
    return tmp_path / "mine" / "endpoints.toml"


@pytest.fixture
def endpoint(shared_sandbox: Sandbox, file: Path) -> Endpoint:
    """Runs ``goclient endpoint`` with the catalogue of the test."""

    def command(*words: str, **more: str) -> Result:
        return shared_sandbox.run("goclient", "endpoint", *words, GOCLIENT_ENDPOINTS=str(file), **more)

    return command


@pytest.fixture
def make(shared_sandbox: Sandbox) -> Iterator[Make]:
    """Makes trouble in the sandbox, which ends with the test."""
    url = f"{shared_sandbox.url}/sandbox/trouble"

    def one(route: str, kind: str, **more: Any) -> None:
        answer = requests.post(url, json={"route": route, "kind": kind, **more}, timeout=BOUND)
        assert answer.status_code == 201, answer.text

    yield one
    requests.delete(url, timeout=BOUND)


def refused(result: Result, code: int, *words: str) -> None:
    """Asserts that a command ended with this code, printed nothing on stdout, and said these words."""
    assert (result.code, result.out) == (code, ""), result.out + result.err
    for word in words:
        assert word in result.err


# --- list ---------------------------------------------------------------------------------------------------


def test_list_is_the_catalogue_as_a_document(shared_sandbox: Sandbox) -> None:
    listed = shared_sandbox.run("goclient", "endpoint", "list", "--json")
    assert listed.code == 0, listed.err
    assert listed.json == [
        {"name": name, "kind": "globus", "id": collection(shared_sandbox, name)}
        for name in ("SITE1", "mxp#MXP_BNL_TEST", "mxp#MXP_OU_TEST", "wdeng#ANLHEP_ATLAS8")
    ]


def test_list_is_a_table_for_a_person_and_asks_nobody(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "e.toml"
    file.write_text(f'["a b"]\nkind = "globus"\nid = "{UUID}"\n[G]\nkind = "gridftp"\nurl = "gsiftp://h"\n')
    listed = run("goclient", "endpoint", "list", GOCLIENT_ENDPOINTS=str(file))
    assert listed.code == 0, listed.err
    assert [line.split() for line in listed.out.splitlines()] == [
        ["name", "kind", "id", "or", "url", "whose"],
        ["G", "gridftp", "gsiftp://h", "yours"],
        ["a", "b", "globus", UUID, "yours"],
    ]
    assert run("goclient", "endpoint", "--json", "list", GOCLIENT_ENDPOINTS=str(file)).json[0] == {
        "name": "G",
        "kind": "gridftp",
        "url": "gsiftp://h",
    }


def test_an_empty_catalogue_is_said_to_be(run: Run) -> None:
    listed = run("goclient", "endpoint", "list")
    assert (listed.code, listed.out.splitlines()[1:]) == (0, [])
    assert "endpoint add NAME UUID" in listed.err
    assert run("goclient", "endpoint", "list", "--json").json == []


def test_search_asks_globus_for_collections_that_hold_data(shared_sandbox: Sandbox, endpoint: Endpoint) -> None:
    (found,) = endpoint("list", "--search", "bnl_test", "--json").json
    assert found == {
        "name": "mxp#MXP_BNL_TEST",
        "kind": "globus",
        "id": collection(shared_sandbox, "mxp#MXP_BNL_TEST"),
        "entity_type": "GCSv5_mapped_collection",
        "owner": "jdoe@sandbox.example",
    }
    for text, kind in (("guest1", "a guest collection"), ("laptop", "a Globus Connect Personal collection")):
        table = endpoint(f"--search={text}", "list").out
        assert kind in table
        assert collection(shared_sandbox, text.upper()) in table
    assert endpoint("--search=endpoint1", "list", "--json").json == []


def test_search_that_finds_nothing_says_so(endpoint: Endpoint) -> None:
    nothing = endpoint("list", "--search", "no such thing", "--json")
    assert (nothing.code, nothing.json) == (0, [])
    assert 'finds nothing for "no such thing"' in nothing.err


# --- show ---------------------------------------------------------------------------------------------------


def test_show_says_what_a_collection_is(shared_sandbox: Sandbox) -> None:
    site1 = collection(shared_sandbox, "SITE1")
    shown = shared_sandbox.run("goclient", "endpoint", "show", "SITE1", "--json").json
    wanted = {
        "name": "SITE1",
        "kind": "globus",
        "id": site1,
        "names": ["SITE1"],
        "entity_type": "GCSv5_mapped_collection",
        "up": True,
        "owner": "jdoe@sandbox.example",
        "roles": ["administrator"],
        "rules": None,
        "default_directory": "/~/",
        "consent": "in-place",
        "https_server": f"{shared_sandbox.url}/https/{site1}",
        "problem": None,
    }
    assert {name: shown[name] for name in wanted} == wanted
    by_id = shared_sandbox.run("goclient", "endpoint", "show", site1.upper())
    assert by_id.code == 0, by_id.err
    for words in (
        "a mapped collection: SITE1",
        "yes: it answers",
        "administrator",
        "the storage decides",
        "nothing is",
        f"/https/{site1}",
    ):
        assert words in by_id.out
    assert "none: jobs of the mode https" in shared_sandbox.run("goclient", "endpoint", "show", "mxp#MXP_OU_TEST").out


def test_show_lists_the_rules_of_a_guest_collection_to_who_may_read_them(
    shared_sandbox: Sandbox, endpoint: Endpoint
) -> None:
    pilot = shared_sandbox.env["SANDBOX_PILOT_IDENTITY"]
    shown = endpoint("show", "GUEST1", "--json").json
    found = [(rule["path"], rule["permissions"]) for rule in shown["rules"]]
    assert found == [("/", "rw"), ("/in/", "r"), ("/campaign/", "rw")]
    assert (shown["consent"], shown["default_directory"]) == ("never", "/")
    assert f"/in/: read only, identity {pilot}" in endpoint("show", "GUEST1").out
    other = {
        "GOCLIENT_CLIENT_ID": shared_sandbox.env["SANDBOX_PILOT_CLIENT_ID"],
        "GOCLIENT_CLIENT_SECRET": shared_sandbox.env["SANDBOX_PILOT_CLIENT_SECRET"],
    }
    seen = endpoint("show", "GUEST1", **other)
    assert seen.code == 0, seen.err
    assert "only its administrators and access managers can read" in seen.out
    assert endpoint("show", "GUEST1", "--json", **other).json["rules"] is None


@pytest.mark.parametrize(
    ("name", "up", "words"),
    [
        pytest.param("LAPTOP", False, ("is not running on its computer", "(not checked)"), id="asleep"),
        pytest.param("ENDPOINT1", None, ("nobody: it holds no data",), id="no collection"),
    ],
)
def test_show_says_why_an_endpoint_cannot_be_used(
    endpoint: Endpoint, name: str, up: bool | None, words: tuple[str, ...]
) -> None:
    shown = endpoint("show", name)
    assert shown.code == 0, shown.err
    for word in words:
        assert word in shown.out
    assert endpoint("show", name, "--json").json["up"] is up


def test_show_says_which_command_gives_a_consent_that_is_missing(
    shared_sandbox: Sandbox, endpoint: Endpoint, make: Make
) -> None:
    data = f"https://auth.globus.org/scopes/{collection(shared_sandbox, 'CONSENT1')}/data_access"
    document = {
        "code": "ConsentRequired",
        "message": "Missing required data_access consent",
        "required_scopes": [f"urn:globus:auth:scope:transfer.api.globus.org:all[*{data}]"],
    }
    make("GET /v0.10/operation/endpoint/*/ls", "error", status=403, document=document)
    shown = endpoint("show", "CONSENT1")
    assert shown.code == 0, shown.err
    assert "needed; type: goclient login --endpoint CONSENT1\n" in shown.out
    seen = endpoint("show", "CONSENT1", "--json").json
    assert (seen["consent"], seen["problem"]["hint"]) == ("missing", "type: goclient login --endpoint CONSENT1")


def test_a_person_is_shown_a_missing_consent_until_it_is_given(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    person = Person(shared_sandbox, tmp_path)
    words = ("endpoint", "show", "CONSENT1")
    assert "goclient login" in person.run(*words).err
    assert person.log_in().code == 0
    shown = person.run(*words)
    assert shown.code == 0, shown.err
    assert "needed; type: goclient login --endpoint CONSENT1\n" in shown.out
    assert "(not seen without the consent)" in shown.out
    assert person.run(*words, "--json").json["up"] is None
    assert person.log_in("--endpoint", "CONSENT1").code == 0
    given = person.run(*words, "--json").json
    assert (given["consent"], given["up"], given["problem"]) == ("in-place", True, None)


def test_show_says_what_keeps_the_default_directory_from_being_seen(endpoint: Endpoint, make: Make) -> None:
    document = {"code": "EndpointPermissionDenied", "message": "Denied by endpoint"}
    make("GET /v0.10/operation/endpoint/*/ls", "error", status=403, document=document)
    shown = endpoint("show", "SITE1")
    assert shown.code == 0, shown.err
    assert "(not seen: " in shown.out
    assert "Denied by endpoint" in shown.out
    seen = endpoint("show", "SITE1", "--json").json
    assert (seen["up"], seen["consent"], seen["problem"]["code"]) == (None, "unknown", "permission")


@pytest.mark.parametrize(
    ("typed", "kind", "url"),
    [
        ("gsiftp://Host:2811/", "gridftp", "gsiftp://host"),
        ("gsiftp://[0::1]:2812", "gridftp", "gsiftp://[::1]:2812"),
        ("davs://Host:443/", "webdav", "davs://host"),
    ],
)
def test_show_of_a_server_asks_nobody(endpoint: Endpoint, typed: str, kind: str, url: str) -> None:
    assert endpoint("add", "G", typed).code == 0
    nobody = {"GOCLIENT_CLIENT_ID": "", "GOCLIENT_CLIENT_SECRET": ""}
    shown = endpoint("show", "G", **nobody)
    assert shown.code == 0, shown.err
    assert url in shown.out
    assert "it is asked when a job is checked" in shown.out
    document = {"name": "G", "kind": kind, "url": url, "names": ["G"]}
    assert endpoint("show", "G", "--json", **nobody).json == document


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        pytest.param("GUEST2", 40, ('no endpoint is called "GUEST2"',), id="a name that Globus does not know"),
        pytest.param(str(uuid.uuid4()), 40, ("there is no such collection",), id="a UUID that Globus does not know"),
        pytest.param("SITE1:/a", 10, ('"SITE1:/a"',), id="a path"),
        pytest.param("a$b", 10, ("$",), id="a name that is none"),
    ],
)
def test_show_of_what_is_no_endpoint_says_so(endpoint: Endpoint, name: str, code: int, words: tuple[str, ...]) -> None:
    refused(endpoint("show", name), code, *words)


def test_without_a_login_show_says_how_to_get_one(shared_sandbox: Sandbox, endpoint: Endpoint) -> None:
    person = {
        "GOCLIENT_CLIENT_ID": shared_sandbox.env["SANDBOX_NATIVE_CLIENT_ID"],
        "GOCLIENT_CLIENT_SECRET": "",
    }
    refused(endpoint("show", "SITE1", **person), 4, "goclient login")


def test_a_url_of_storage_that_may_answer_to_webdav_is_told_how_to_write_it(endpoint: Endpoint) -> None:
    refused(endpoint("add", "store", "https://se.example.org:2880/a"), 10, "davs://se.example.org:2880", "WebDAV")


# --- add and remove -----------------------------------------------------------------------------------------


def test_a_name_is_added_used_and_removed(shared_sandbox: Sandbox, endpoint: Endpoint, file: Path) -> None:
    site1 = collection(shared_sandbox, "SITE1")
    added = endpoint("add", "store", site1.upper())
    assert added.code == 0, added.err
    assert str(file) in added.out
    assert f'{site1}: a mapped collection, "SITE1", of jdoe@sandbox.example' in added.out
    assert file.read_text() == f'[store]\nkind = "globus"\nid = "{site1}"\n'
    source = "store:/home/osg_data/panda/0064.file"
    tried = shared_sandbox.submit(f"--StageinGOsrc={source}", "--noSubmit", "--json", GOCLIENT_ENDPOINTS=str(file))
    assert tried.code == 0, tried.err
    assert site1 in tried.json["record"]
    removed = endpoint("remove", "store", "--json")
    assert removed.json == {"name": "store", "file": str(file), "removed": True}
    assert file.read_text() == ""


def test_what_is_there_already_is_said_to_be(shared_sandbox: Sandbox, endpoint: Endpoint, file: Path) -> None:
    site1 = collection(shared_sandbox, "SITE1")
    document = {"name": "S", "kind": "globus", "id": site1, "file": str(file), "written": True}
    assert endpoint("add", "--json", "S", site1).json == document
    assert endpoint("add", "S", "--json", site1).json == {**document, "written": False}
    again = endpoint("add", "S", site1, GOCLIENT_CLIENT_ID="")  # nobody is asked
    assert (again.code, again.err) == (0, "")
    assert "nothing was changed" in again.out
    other = endpoint("add", "S", collection(shared_sandbox, "GUEST1"))
    refused(other, 10, f'"S" is in "{file}" already', site1, "goclient endpoint remove S")


@pytest.mark.parametrize(
    ("where", "words"),
    [
        pytest.param(str(uuid.uuid4()), "there is no such collection", id="not there"),
        pytest.param("OTHER1", "there is no such collection", id="somebody else's"),
        pytest.param("ENDPOINT1", "holds no data itself", id="no collection"),
    ],
)
def test_what_cannot_be_used_is_not_added(
    shared_sandbox: Sandbox, endpoint: Endpoint, file: Path, where: str, words: str
) -> None:
    where = where if where.count("-") == 4 else collection(shared_sandbox, where)
    refused(endpoint("add", "X", where), 40, words)
    assert not file.exists()
    unasked = endpoint("add", "X", where, "--noCheck", GOCLIENT_CLIENT_ID="")
    assert unasked.code == 0, unasked.err
    assert where in file.read_text()


def test_who_names_a_server_without_data_is_told_whom_to_ask() -> None:
    document = {"id": UUID, "display_name": "$(touch x)", "owner_string": "jdoe@x", "entity_type": BARE}

    class Service:
        def collection(self, _: str) -> Collection:
            return Collection.from_document(document)

    with pytest.raises(EndpointError) as caught:
        usable(UUID, name="X", globus=cast(Globus, Service()))
    assert caught.value.hint == "ask jdoe@x for one of them, or search: goclient endpoint list --search TEXT"


@pytest.mark.parametrize("name", ["$(touch /tmp/pwned)", "a; b", "it's", 'a "b"', "a\nb", "-x"])
def test_the_hint_to_replace_the_sites_entry_is_safe_whatever_its_name(tmp_path: Path, name: str) -> None:
    site = tmp_path / "site.toml"
    site.write_text(with_entry("", name, UUID))
    with pytest.raises(RequestError) as caught:
        remove(name, user=str(tmp_path / "none"), site=str(site))
    words = words_of(caught.value.hint.partition(": ")[2])
    assert [word for word in words if word != "--"] == ["goclient", "endpoint", "add", name, "UUID"]


@pytest.mark.parametrize("what", ["device", "pipe", "large"])
def test_a_catalogue_that_is_no_file_of_a_sane_size_is_refused_at_once(run: Run, tmp_path: Path, what: str) -> None:
    file = Path("/dev/zero") if what == "device" else tmp_path / what
    if what == "pipe":
        os.mkfifo(file)
    elif what == "large":
        file.touch(0o600)
        os.truncate(file, 2**40)
    words = "it has more than" if what == "large" else "it is not a regular file"
    refused(run("goclient", "endpoint", "list", GOCLIENT_ENDPOINTS=str(file)), 10, words, str(file))


def test_all_that_is_wrong_with_an_addition_is_said_at_once(endpoint: Endpoint, file: Path) -> None:
    file.parent.mkdir()
    file.write_text('[B]\nkind = "s3"\n')
    refused(
        endpoint("add", "a:b", "SITE1"),
        10,
        '"a:b" cannot be the name of an endpoint',
        '"SITE1" is not an endpoint',
        f'"{file}", line 1: [B] has the kind "s3"',
    )


def test_additions_at_once_lose_nothing_and_leave_what_was_typed_by_hand(endpoint: Endpoint, file: Path) -> None:
    by_hand = f"# mine\r\n\r\n['S 1']  # first\r\nkind = 'globus'\r\nid = '{UUID}'\r\n# the end"
    file.parent.mkdir()
    file.write_bytes(by_hand.encode())
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda number: endpoint("add", f"S{number}", "gsiftp://h", "--noCheck"), range(8)))
    assert [one.code for one in added] == [0] * 8
    assert file.read_bytes().decode().startswith(by_hand)
    assert len(endpoint("list", "--json").json) == 9
    for number in (3, 0, 7, 1, 2, 6, 4, 5):
        assert endpoint("remove", f"S{number}").code == 0
    assert file.read_bytes().decode() == by_hand


def test_a_name_that_is_not_there_is_not_removed(endpoint: Endpoint, file: Path) -> None:
    refused(endpoint("remove", "SITE1"), 10, f'"SITE1" is not in the catalogue "{file}"', "goclient endpoint list")
    assert not file.parent.exists()
    assert endpoint("add", "SITE1", "gsiftp://h").code == 0
    refused(endpoint("remove", "site1"), 10, 'did you mean "SITE1"?')


def test_a_dash_in_front_of_a_name_is_guarded(endpoint: Endpoint, file: Path) -> None:
    assert endpoint("add", "--noCheck", "--", "-x", UUID).code == 0
    assert file.read_text().startswith("[-x]\n")
    assert endpoint("remove", "--", "-x").code == 0


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param((), ("the action is missing", "one of list, show, add, remove"), id="nothing"),
        pytest.param(("lsit",), ('"lsit"', "did you mean list?"), id="a typo"),
        pytest.param(("add", "X"), ("2 words (NAME ENDPOINT)", 'not 1: "X"'), id="too few"),
        pytest.param(("show", "my", "disk"), ("1 word (NAME)", "quote a name with blanks"), id="too many"),
        pytest.param(("show", "--noCheck"), ("1 word (NAME), not none", "--noCheck goes with add"), id="two mistakes"),
        pytest.param(("remove", "X", "--search=y"), ("--search goes with list",), id="an option of another action"),
        pytest.param(("list", "--search"), ("--search needs a value",), id="no text"),
        pytest.param(("list", "--frob"), ('"--frob"',), id="an unknown option"),
    ],
)
def test_what_is_no_command_line_is_a_usage_error(run: Run, words: tuple[str, ...], shown: tuple[str, ...]) -> None:
    refused(run("goclient", "endpoint", *words), 2, *shown)


def test_a_catalogue_that_others_can_change_is_refused_by_every_command(
    shared_sandbox: Sandbox, endpoint: Endpoint, file: Path
) -> None:
    assert endpoint("add", "G", "gsiftp://h").code == 0
    file.chmod(0o622)
    for words in (("list",), ("show", "G"), ("add", "H", "gsiftp://h"), ("remove", "G")):
        refused(endpoint(*words), 10, "can be changed by others (mode 0622)", f"chmod go-w {file}")
    sent = shared_sandbox.submit("--StageinGOsrc=G:/a", "--noSubmit", GOCLIENT_ENDPOINTS=str(file))
    refused(sent, 10, f"chmod go-w {file}")


# --- the site's file ----------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The site's catalogue, of this process only."""
    path = tmp_path / "site.toml"
    path.write_text('[STORE]\nkind = "gridftp"\nurl = "gsiftp://site"\n')
    monkeypatch.setattr(environment, "SITE_CATALOGUE", str(path))
    monkeypatch.setenv("GOCLIENT_ENDPOINTS", str(file))
    return path


def test_the_sites_entries_are_listed_and_not_removed(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = site.read_bytes()
    assert command_line.command(["list"], REPORTER) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith("the site's")
    with pytest.raises(RequestError, match="only in the site's catalogue") as caught:
        command_line.command(["remove", "STORE"], REPORTER)
    assert str(site) in caught.value.message
    assert "goclient endpoint add STORE UUID" in caught.value.hint
    assert site.read_bytes() == before


def test_an_entry_of_mine_replaces_the_sites_until_it_is_removed(
    site: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.command(["add", "STORE", "gsiftp://site"], REPORTER) == 0
    assert not file.exists()
    assert str(site) in capsys.readouterr().out
    assert command_line.command(["add", "STORE", "gsiftp://mine"], REPORTER) == 0
    assert 'the site\'s "STORE" is gsiftp://site' in capsys.readouterr().err
    assert command_line.command(["list"], REPORTER) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["STORE", "gridftp", "gsiftp://mine", "yours"]
    assert command_line.command(["remove", "STORE"], REPORTER) == 0
    assert "counts from now on: gsiftp://site" in capsys.readouterr().err


# --- Globus that does not answer ----------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("show", "SITE1"), ("list", "--search=x"), ("add", "X", UUID)], ids=" ".join)
def test_a_globus_that_is_not_there_is_said_to_be(run: Run, words: tuple[str, ...]) -> None:
    nowhere = {f"GLOBUS_SDK_SERVICE_URL_{name}": "http://127.0.0.1:9/" for name in ("AUTH", "TRANSFER")}
    client = {"GOCLIENT_CLIENT_ID": UUID, "GOCLIENT_CLIENT_SECRET": "none", "GOCLIENT_TIMEOUT": "3"}
    result = run("goclient", "endpoint", *words, GLOBUS_SDK_ENVIRONMENT="nowhere", **nowhere, **client)
    refused(result, 40, "Globus could not be reached", "status.globus.org")


def test_a_globus_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goclient.endpoints.PATIENCE", 0.05)
    never = Event()
    with pytest.raises(EndpointError, match="has not answered") as caught:
        patiently(lambda: never.wait(BOUND))
    assert "--" not in caught.value.hint, "no option of this command changes that"
    never.set()


def test_nothing_is_left_beside_the_catalogue(endpoint: Endpoint, file: Path) -> None:
    assert endpoint("add", "G", "gsiftp://h").code == 0
    assert endpoint("add", "H", "SITE1").code == 10
    assert os.listdir(file.parent) == [file.name]
