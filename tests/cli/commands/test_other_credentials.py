"""A submission is refused while a credential is out that opens other things: each job's log would have both."""

from __future__ import annotations

import pytest

from tests.sandboxes import Sandbox

CARRIED = ("sendJob.py", "--computingSite=TEST1", "--goCarry", "--transformation=./run.sh", "--goOverwrite", "--json")
GUEST = ("--Data=out.dat", "--OutputGO=GUEST1:/campaign/out/")
OTHER_DIRECTORY = ("--Data=out.dat", "--OutputGO=GUEST1:/campaign/in/")
MAPPED = ("--goCredential=token", "--Data=out.dat", "--OutputGO=SITE1:/home/osg_data/panda/")


@pytest.fixture
def user(new_user: Sandbox) -> Sandbox:
    """The user with a program."""
    (new_user.cwd / "run.sh").write_text("#!/bin/sh\necho > out.dat\n")
    return new_user


def submitted(user: Sandbox, *words: str) -> tuple[int, list[str]]:
    """The PandaID of a new job, and the codes of the warnings."""
    result = user.run(*CARRIED, *words)
    assert result.code == 0, result.err + result.out
    warnings = [one["code"] for one in result.json["findings"] if one["level"] == "warning"]
    return int(result.json["jobs"][0]["PandaID"]), warnings


def end(user: Sandbox, *panda_ids: int) -> None:
    for one in panda_ids:
        user.rows("update jobs set status = 'finished' where panda_id = ?", one)


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize(
    ("first", "then", "opens"),
    [(MAPPED, GUEST, "all that you may do in SITE1"), (GUEST, MAPPED, "at least GUEST1:/campaign/out/")],
)
def test_what_opens_more_is_refused_in_both_orders(
    user: Sandbox, first: tuple[str, ...], then: tuple[str, ...], opens: str
) -> None:
    out, _ = submitted(user, *first)
    (known,) = user.run("goclient", "credential", "list", "--json").json
    for tried in ((*CARRIED, *then), ("goclient", "check", *CARRIED[1:], *then)):
        refused = user.run(*tried)
        assert refused.code == 10, refused.err
        (error,) = [one for one in refused.json["findings"] if one["level"] == "error"]
        assert error["code"] == "shared-credential"
        assert f"the credential of job {out} (it opens {opens}" in error["message"]
        assert f"until {known['until']}" in error["message"]
        assert "type: goclient status" in error["hint"]
        assert f"goclient credential revoke {known['id']}; or accept it with --goShareSecrets" in error["hint"]
    elsewhere = user.run(*CARRIED, *then, GOCLIENT_STATE=str(user.cwd / "other"))
    assert f'the credential of another machine or program ("{known["id"]}")' in elsewhere.err
    if then == GUEST:  # tokens are for checked jobs only
        words = [word.replace("GUEST1", collection(user, "GUEST1")) for word in then]
        unchecked = user.run(*CARRIED, *words, "--noCheck")
        assert (unchecked.code, unchecked.json["error"]["code"]) == (10, "shared-credential"), "asked as it is sent"
    assert "shared-credential" in submitted(user, *then, "--goShareSecrets")[1]
    user.run("goclient", "credential", "revoke", known["id"])


def collection(user: Sandbox, name: str) -> str:
    return str(user.rows("select id from collections where display_name = ?", name)[0]["id"])


@pytest.mark.conformance  # it takes long
def test_what_opens_the_same_is_not_told(user: Sandbox) -> None:
    assert [submitted(user, *GUEST)[1] for _ in range(2)] == [[], []]
    campaign = "--campaign=one-campaign"
    user.run("goclient", "credential", "revoke", *known_ids(user))
    assert [submitted(user, *words, campaign)[1] for words in (GUEST, OTHER_DIRECTORY)] == [[], []]
    user.run("goclient", "credential", "revoke", *known_ids(user))
    assert [submitted(user, *MAPPED)[1] for _ in range(2)] == [["token-mapped"]] * 2


def known_ids(user: Sandbox) -> list[str]:
    return [one["id"] for one in user.run("goclient", "credential", "list", "--json").json]


@pytest.mark.conformance  # it takes long
def test_other_directories_of_one_client_are_a_warning_until_status_takes_them_back(user: Sandbox) -> None:
    first, _ = submitted(user, *GUEST)
    told = user.run(*CARRIED, *OTHER_DIRECTORY, "--noSubmit")
    (warning,) = [one for one in told.json["findings"] if one["level"] == "warning"]
    assert (told.code, warning["code"]) == (0, "other-directories")
    assert (
        f"the service client of job {first} (it opens at least GUEST1:/campaign/out/ (write) until "
        in warning["message"]
    )
    end(user, first)
    user.run("goclient", "status", "--last")
    assert submitted(user, *OTHER_DIRECTORY)[1] == []


def test_any_status_takes_back_what_no_job_needs(user: Sandbox) -> None:
    ended, running = submitted(user, *MAPPED)[0], submitted(user, *GUEST, "--goShareSecrets")[0]
    end(user, ended)
    shown = user.run("goclient", "status", "--last", "--json")
    assert [one["PandaID"] for one in shown.json] == [running]
    assert "was taken back: no job needs it any more" in shown.err
    assert [one["jobs"] for one in user.run("goclient", "credential", "list", "--json").json] == [[running]]
