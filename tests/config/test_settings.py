"""Settings count less than the environment and the command line, the site's less than the user's; mistakes are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import goclient
from goclient.assembly import new_preflight
from goclient.cli.commands.pilot import PilotOptions, _read_shared
from goclient.config import settings as module
from goclient.config.connections import Connections
from goclient.config.settings import read_settings
from goclient.errors import RequestError
from goclient.model.option import setting_fields
from goclient.model.options import SubmitOptions, TransferOptions
from goclient.model.records.panda_job import JobTemplate
from goclient.node.shared_filesystem import SAME
from tests.commands import Run

UUID, OTHER = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f", "8b5eb87a-10b2-4626-96dc-d9ab00c6942a"
DN = "/C=TW/O=Test/CN=pilot"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The user's file, which the environment names, and the site's; neither is there yet."""
    user, site = tmp_path / "settings.toml", tmp_path / "site.toml"
    monkeypatch.setattr(module, "SITE_FILE", str(site))
    monkeypatch.setenv("GOCLIENT_SETTINGS", str(user))
    for name in module.VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    return user, site


def prepared(**options: Any) -> JobTemplate:
    """The record of a job that a program would submit."""
    given = {"computingSite": "TEST1", "transformation": "/bin/true", **options}
    return goclient.Client().submit(**given, noCheck=True, noSubmit=True).records[0].common


# --- every key has an effect --------------------------------------------------------------------------------------

IN_RECORD = {  # the option, and the field of the record in which it is seen
    "computingSite": "computingSite", "transformation": "transformation", "prodSourceLabel": "prodSourceLabel",
    "cloud": "cloud", "VO": "VO", "processingType": "processingType", "priority": "currentPriority",
    "destinationSE": "destinationSE",
}  # fmt: skip
IN_PREFLIGHT = {"goAllowPersonal": "allow_personal", "goNeeds": "hours", "goTimeout": "seconds"}
VALUES = {"priority": 7, "goAllowPersonal": True, "goNeeds": 3, "goTimeout": 4, "transformation": "/bin/false"}


@pytest.mark.parametrize("name", [one.name for one in setting_fields(SubmitOptions)])
def test_each_key_of_job_is_the_default_of_its_option(files: tuple[Path, Path], name: str) -> None:
    value = VALUES.get(name, "other")
    files[0].write_text(f"[job]\n{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}\n")
    if name in IN_RECORD:
        assert getattr(prepared(**{name: None}), IN_RECORD[name]) == value
        assert (
            getattr(prepared(**{name: VALUES.get(name, "x") if name != "priority" else 9}), IN_RECORD[name]) != "other"
        )
    else:
        typed = goclient.Client()._read(SubmitOptions, {})
        assert getattr(new_preflight(typed.options, Connections()).options, IN_PREFLIGHT[name]) == value


def test_the_settings_of_a_pilot_are_checked_for(files: tuple[Path, Path]) -> None:
    files[0].write_text(f'[pilot]\ndn = "{DN}"\nidentity = "{UUID}"\n')
    options = new_preflight(TransferOptions(), Connections()).options
    assert (options.pilot, options.pilot_identity) == (DN, UUID)
    options = new_preflight(TransferOptions(pilotIdentity=OTHER, pilot="/CN=x"), Connections()).options
    assert (options.pilot, options.pilot_identity) == ("/CN=x", OTHER)


def test_a_pilot_of_the_settings_needs_no_account(files: tuple[Path, Path]) -> None:
    files[0].write_text(f'[pilot]\ndn = "{DN}"\n')
    assert prepared().computingSite == "TEST1"


def test_the_account_and_the_client_are_as_if_the_variables_were_set(files: tuple[Path, Path]) -> None:
    files[0].write_text(
        f'[globus]\nclient_id = "{UUID}"\n[myproxy]\nserver = "px.example.org"\nport = 7513\nserver_dn = "{DN}"\n'
    )
    connections = Connections()
    assert connections.globus_access().client_id == UUID
    assert str(connections.accounts().parse("wdeng")) == "wdeng@px.example.org:7513"
    assert connections.env["MYPROXY_SERVER_DN"] == DN


def test_the_environment_wins_over_the_files(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    files[0].write_text(f'[globus]\nclient_id = "{UUID}"\n')
    monkeypatch.setenv("GOCLIENT_CLIENT_ID", OTHER)
    assert Connections().globus_access().client_id == OTHER


def test_the_users_file_wins_over_the_sites_key_by_key(files: tuple[Path, Path]) -> None:
    files[1].write_text('[job]\ncomputingSite = "SITES"\nVO = "atlas"\n')
    files[0].write_text('[job]\ncomputingSite = "MINE"\n')
    record = prepared(computingSite=None)
    assert (record.computingSite, record.VO) == ("MINE", "atlas")
    assert prepared(computingSite="TYPED").computingSite == "TYPED"


def test_a_queues_directory_is_mapped_for_its_pilot(files: tuple[Path, Path]) -> None:
    files[0].write_text(
        f'[site.TEST1]\ncollection = "{UUID}"\ndirectory = "/data/scratch"\nnode = "/scratch"\n'
        '[site.TEST2]\nnode = "/a"\n'
    )
    settings = read_settings()
    shared = _read_shared(PilotOptions(site="TEST1"), settings.site("TEST1"))
    assert shared.path(Path("/scratch/job"), UUID) == "/data/scratch/job"
    assert shared.path(Path("/scratch/job"), OTHER) == "/scratch/job", "another server has the node's own paths"
    assert _read_shared(PilotOptions(site="NONE"), settings.site("NONE")) == SAME
    typed = _read_shared(PilotOptions(site="TEST1", sharedFolder="/x=/y"), settings.site("TEST1"))
    assert typed.path(Path("/x/job"), OTHER) == "/y/job"
    with pytest.raises(RequestError, match="does not say both node and directory"):
        _read_shared(PilotOptions(site="TEST2"), settings.site("TEST2"))


def test_a_site_says_where_https_servers_are(files: tuple[Path, Path]) -> None:
    files[0].write_text(f'[https]\n{UUID.upper()} = "https://m-1.example"\n')
    files[1].write_text(f'[https]\n{OTHER} = "http://127.0.0.1:5/https/x"\n')
    assert read_settings().https_servers == {UUID: "https://m-1.example", OTHER: "http://127.0.0.1:5/https/x"}


def test_the_server_of_a_collection_is_shown_once_however_its_uuid_is_written(files: tuple[Path, Path]) -> None:
    files[1].write_text(f'[https]\n{UUID} = "https://site.example"\n')
    files[0].write_text(f'[https]\n{UUID.upper()} = "https://mine.example"\n')
    shown = [one for one in read_settings().list_settings({}) if one.name.startswith("https")]
    assert shown == [(f"https.{UUID}", "https://mine.example", str(files[0]))]


# --- mistakes -----------------------------------------------------------------------------------------------------


def test_a_file_that_others_may_change_is_refused(files: tuple[Path, Path]) -> None:
    files[0].write_text("")
    files[0].chmod(0o666)
    with pytest.raises(RequestError, match="it can be changed by others"):
        read_settings()


# --- the command --------------------------------------------------------------------------------------------------


def test_the_transformation_that_starts_a_carrier_is_a_setting(files: tuple[Path, Path]) -> None:
    assert read_settings().run_gen == module.DEFAULT_RUNGEN
    files[0].write_text('[carrier]\nrunGen = "https://h/runGen-1"\n')
    assert read_settings().run_gen == "https://h/runGen-1"
    files[0].write_text('[carrier]\nrunGen = "/opt/runGen"\n')
    with pytest.raises(RequestError, match=r"runGen.*is not a URL"):
        read_settings()
    files[0].write_text('[carrier]\nrunGen = "https://me:sesame-open@h/runGen"\n')
    with pytest.raises(RequestError, match=r"runGen.*has a password in it"):
        read_settings()


def test_the_time_for_which_jobs_wait_is_a_setting(files: tuple[Path, Path]) -> None:
    assert read_settings().wait == module.DEFAULT_WAIT
    files[0].write_text("[carrier]\nwait = 0\n")
    assert read_settings().wait == 0
    files[0].write_text("[carrier]\nwait = -1\n")
    with pytest.raises(RequestError, match="wait"):
        read_settings()


def test_goclient_myproxy_asks_the_server_of_the_settings(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[myproxy]\nserver = 'myproxy.example.org:99999'\n")
    found = run("goclient", "myproxy", "info", "--cert=/none", "--key=/none", GOCLIENT_SETTINGS=str(file))
    assert (found.code, "myproxy.example.org:99999" in found.err) == (80, True), found.err
