"""A task of a plan is shown with the names of its ends; no two items are written to one place."""

from __future__ import annotations

from goclient.model.planner import plan
from goclient.model.syntax.options import spec_from


def test_a_plan_in_json_calls_the_node_by_its_working_endpoint() -> None:
    (task,) = plan(spec_from({"StageinGOsrc": ["A:/d/"], "WorkingendpointGO": ["OSGDEV"]}))
    assert task.document("OSGDEV") == {
        "phase": "stage-in",
        "source": "A",
        "destination": "OSGDEV",
        "items": [{"source": "/d/", "destination": "d/", "recursive": True}],
    }
