"""Outputs have the names in PanDA that the task says, or that the command line will give them."""

from __future__ import annotations

import pytest

from goclient.errors import RequestError
from goclient.tasks.outputs import expect_outputs, list_declared, read_outputs


def test_outputs_are_read_as_both_tools_write_them() -> None:
    def task(text: str, *lfns: str) -> dict[str, object]:
        outputs = [{"type": "template", "param_type": "output", "hidden": True, "value": lfn} for lfn in lfns]
        return {"jobParameters": [*outputs, {"type": "constant", "value": text}], "log": {"value": "log"}}

    assert read_outputs(task("-o \"{'a': 'lfn.a'}\"", "lfn.a")) == ({"a": "lfn.a"}, "log")
    pathena = "-o \"{'IROOT': [('a', 'lfn.a')], 'hist': 'lfn.h'}\" "
    assert read_outputs(task(pathena, "lfn.a", "lfn.h")).names == {"a": "lfn.a", "hist": "lfn.h"}
    assert read_outputs(task("run.sh")).names == {}
    for text in ("-o unknown", '-o "{broken}"', "-o \"{'a': 'lfn.a'}\""):
        with pytest.raises(RequestError, match="does not say"):
            read_outputs(task(text, "lfn.b"))


def test_outputs_are_expected_as_a_line_declares_them() -> None:
    assert list_declared("A:x.dat, y*.dat,regex|z.*", "", ["more"]) == ["x.dat", "y*.dat", "regex|z.*", "more"]
    assert list_declared("", "Reco_tf.py out=%OUT.a.root,b", []) == ["a.root"]
    assert expect_outputs(["a"], "group.phys.ds").names == {"a": "group.phys.$JEDITASKID._${SN/P}.a"}
    assert expect_outputs(["a"], "user.jdoe").names == {"a": "user.jdoe.$JEDITASKID._${SN/P}.a"}
    assert expect_outputs([], "user.jdoe.ds").log == "user.jdoe.ds.log.$JEDITASKID.${SN/P}.log.tgz"
    assert expect_outputs(["y*.dat"], "user.jdoe.ds").names == {"y*.dat": "user.jdoe.$JEDITASKID._${SN/P}.yXYZ.dat.tgz"}
