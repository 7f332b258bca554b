"""All tables of options keep the same rules, whichever command they are of."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields
from typing import Any

import pytest

from goclient.model.frozen import Frozen
from goclient.model.option import is_flag, is_number
from goclient.model.options import PackedOptions, SubmitOptions, TransferOptions
from goclient.model.probe_options import ProbeOptions
from goclient.model.retry_options import RetryOptions
from goclient.model.select import SelectOptions
from goclient.model.task_options import PathenaOptions

TABLES = [PackedOptions, PathenaOptions, ProbeOptions, RetryOptions, SelectOptions, SubmitOptions]


@pytest.mark.parametrize("table", TABLES)
def test_an_option_is_named_as_its_field_and_its_default_is_of_its_type(table: type[Frozen]) -> None:
    for one in fields(table):
        words = one.metadata["args"]
        assert words == ([one.name] if one.name[0].isupper() and "--" not in words[0] else [f"--{one.name}"])
        if one.metadata["many"]:
            assert one.default == ()
        elif is_flag(one):
            assert one.default is False
        elif is_number(one) and one.default is not None:
            assert one.metadata["minimum"] <= one.default <= one.metadata["maximum"]


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_written_as_argparse_dataclass_reads_it(table: type[Frozen]) -> None:
    module = inspect.getmodule(table)
    assert module is not None
    tree = ast.parse(inspect.getsource(module))
    assert [one for one in tree.body if isinstance(one, ast.ImportFrom) and one.module == "__future__"] == []


def test_options_of_a_check_have_no_effect_without_one() -> None:
    assert TransferOptions().unchecked == []
    typed = TransferOptions(goMkdir=True, goProbe=True, pilot="/CN=x", myproxy="me", goOverwrite=True)
    assert typed.unchecked == ["--goMkdir", "--goProbe", "--pilot"]


@pytest.mark.parametrize("typed", [{"PandaID": ("1",)}, {"task": ("1",)}, {"campaign": "c"}, {"last": True}])
def test_jobs_are_chosen_by_any_of_the_options(typed: Any) -> None:
    assert not SelectOptions(**typed).is_empty
    assert SelectOptions().is_empty
