"""Errors are fit to show: all at once, in order of precedence, on one line each."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from goclient.errors import (
    Collector,
    EndpointError,
    GoclientError,
    Interrupted,
    LoginNeeded,
    PreflightFailed,
    RequestError,
    ServerError,
    Several,
    TransferFailed,
    UsageError,
    raise_all,
)
from goclient.errors.findings import ExitCode
from goclient.secrets import MASK, register


class MyproxyError(GoclientError):
    """As the modules define their own errors."""

    exit_code = ExitCode.MYPROXY
    code = "myproxy"


# First the one that decides.
BY_PRECEDENCE = (
    UsageError,
    RequestError,
    LoginNeeded,
    EndpointError,
    MyproxyError,
    ServerError,
    GoclientError,
    Interrupted,
)


def test_the_exit_codes_are_those_of_the_contract() -> None:
    codes = [int(kind.exit_code) for kind in BY_PRECEDENCE]
    assert codes == [2, 10, 4, 40, 80, 90, 1, 130]
    assert int(ExitCode.DONE) == 0


@pytest.mark.parametrize(
    ("first", "second"),
    [pytest.param(a, b, id=f"{a.__name__}-{b.__name__}") for a, b in itertools.combinations(BY_PRECEDENCE, 2)],
)
def test_of_two_errors_the_more_basic_decides_whichever_came_first(
    first: type[GoclientError], second: type[GoclientError]
) -> None:
    one, other = first("one", hint="do this", subject="--x"), second("other", hint="do that")
    for several in (Several([one, other]), Several([other, one])):
        assert several.exit_code == first.exit_code
        assert (several.code, several.hint, several.subject) == (one.code, "do this", "--x")


def test_several_errors_are_told_in_the_order_in_which_they_were_found() -> None:
    errors = [ServerError("c"), UsageError("a"), RequestError("b")]
    several = Several(errors)
    assert (several.message, str(several)) == ("c; a; b", "c; a; b")
    assert list(several.parts) == errors


def test_of_two_with_one_exit_code_the_first_decides() -> None:
    several = Several([RequestError("a", code="first"), RequestError("b", code="second")])
    assert several.code == "first"


def test_several_inside_several_are_one_list() -> None:
    a, b, c = UsageError("a"), RequestError("b"), ServerError("c")
    assert Several([Several([c, b]), a]).parts == (c, b, a)
    assert a.parts == (a,)


def test_what_holds_findings_keeps_its_exit_code_among_others() -> None:
    failed = TransferFailed("output", EndpointError("a"))
    assert failed.finding.exit_code == ExitCode.ENDPOINT
    assert Several([failed, Interrupted("b")]).exit_code == ExitCode.ENDPOINT


@pytest.mark.parametrize("joined", [Several, lambda errors: PreflightFailed(one.finding for one in errors)])
def test_new_words_of_several_errors_are_one_finding_of_them(joined: Callable[..., GoclientError]) -> None:
    error = joined([RequestError("a", hint="h"), UsageError("b")])
    assert error.replace(extra={"jobs": []}).findings == error.findings
    made = error.replace(message="new", subject="s")
    assert [(one.message, one.subject, one.exit_code) for one in made.findings] == [("new", "s", ExitCode.USAGE)]
    assert (made.message, [part.message for part in made.parts]) == ("new", ["new"])
    assert [one.message for one in error.findings] == ["a", "b"], "the first one stays"


def test_no_errors_raise_nothing() -> None:
    raise_all([])
    raise_all(iter(()))


def test_one_error_is_raised_as_it_is() -> None:
    error = RequestError("a")
    with pytest.raises(RequestError) as caught:
        raise_all(iter([error]))
    assert caught.value is error


def test_more_than_one_error_are_raised_together() -> None:
    with pytest.raises(Several) as caught:
        raise_all(iter([RequestError("a"), UsageError("b")]))
    assert (caught.value.message, caught.value.exit_code) == ("a; b", 2)


def test_a_collector_keeps_our_errors_and_goes_on() -> None:
    collected = Collector([UsageError("before")])
    reached = []
    with collected:
        raise RequestError("first")
    with collected:
        reached.append("between")
    with collected:
        raise_all([RequestError("second"), ServerError("third")])
    assert [part.message for error in collected.errors for part in error.parts] == [
        *("before", "first", "second", "third")
    ]
    assert reached == ["between"]


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("x"), KeyboardInterrupt(), SystemExit(3)])
def test_a_collector_lets_every_other_error_through(error: BaseException) -> None:
    collected = Collector()
    with pytest.raises(type(error)), collected:
        raise error
    assert collected.errors == []


def test_an_error_has_its_classs_code_unless_it_has_its_own() -> None:
    assert (RequestError("a").code, RequestError("a", code="too-wide").code) == ("request", "too-wide")
    assert (RequestError("a").hint, RequestError("a").subject, RequestError("a").transient) == ("", "", False)
    assert ServerError("a", transient=True).transient


def test_an_error_shows_no_credential_when_it_is_made_or_replaced() -> None:
    register("the-token-of-jdoe")
    made = RequestError("it says the-token-of-jdoe", hint="unset the-token-of-jdoe")
    replaced = RequestError("nothing").replace(message="it says the-token-of-jdoe", hint="unset the-token-of-jdoe")
    for error in (made, replaced):
        assert "jdoe" not in f"{error} {error.message} {error.hint} {error.findings}"
        assert (error.message, error.hint) == (f"it says {MASK}", f"unset {MASK}")
