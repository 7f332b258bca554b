"""Tasks are found by their label however many there are: the service tells 1,000 of a list, and no more."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest

from goclient.services.globus.calls import Call
from goclient.services.globus.documents import Document
from goclient.services.globus.transfers import MOST_TASKS, Transfers

START = 1_795_910_400  # 2026-11-29T00:00:00


class Service(Transfers):
    """A Transfer service with so many tasks, of which several are made in each second."""

    def __init__(self, tasks: int) -> None:
        self.calls: list[str] = []
        self.pages = True
        self._tasks = [self._task(number) for number in range(tasks)]

    def _task(self, number: int) -> dict[str, Any]:
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(START + number // 7))
        label = f"goclient {number} stage-in" if number % 2 else f"Goclient {number}"
        return {
            "task_id": str(uuid.UUID(int=number)),
            "label": label,
            "status": "ACTIVE",
            "request_time": f"{when}+00:00",
        }

    def ask(self, call: Call) -> Document:
        self.calls.append(call.query["filter"])
        if not self.pages:
            return {"DATA": self._tasks}
        since = call.query["filter"].partition("request_time:")[2].rstrip(",")
        return {"DATA": [one for one in self._tasks if one["request_time"] >= since][:MOST_TASKS]}


def test_lists_of_any_length_are_read_by_few_calls() -> None:
    service = Service(2_500)
    found = service.tasks_labelled("goclient ")
    assert [one.label for one in found] == [f"goclient {number} stage-in" for number in range(1, 2_500, 2)]
    assert len(service.calls) == 3


def test_a_list_may_begin_at_a_time() -> None:
    service = Service(70)
    found = service.tasks_labelled("goclient ", since=START + 9.5)
    assert found[0].label == "goclient 63 stage-in"
    assert service.calls == ["type:TRANSFER/label:~goclient */request_time:2026-11-29T00:00:09,"]


def test_a_service_that_ignores_the_time_is_not_asked_for_ever() -> None:
    service = Service(MOST_TASKS)
    service._tasks = [{**one, "request_time": "2026-11-29T00:00:00+00:00"} for one in service._tasks]
    assert len(service.tasks_labelled("goclient ")) == MOST_TASKS // 2
    assert len(service.calls) == 2


def test_a_list_may_be_that_of_a_campaign() -> None:
    service = Service(3)
    service.tasks_labelled("goclient 4", inside=" muons ")
    assert service.calls == ["type:TRANSFER/label:~goclient 4* muons *"]


@pytest.mark.parametrize("field", ["status", "files_transferred", "faults", "fatal_error", "nice_status"])
def test_a_row_that_cannot_be_read_hides_no_other(field: str) -> None:
    service = Service(6)
    service._tasks[3][field] = [3]
    one, damaged, three = service.tasks_labelled("goclient ")
    assert (one.status, three.status) == ("ACTIVE", "ACTIVE")
    assert (damaged.label, damaged.status, damaged.is_over) == ("goclient 3 stage-in", "UNKNOWN", False)
    assert field in damaged.reason


@pytest.mark.parametrize("row", [None, 3, {}, {"task_id": "x"}, {"task_id": str(uuid.UUID(int=1)), "label": {}}])
def test_a_row_without_an_id_or_a_label_is_passed_over(row: Any) -> None:
    service = Service(6)
    service._tasks[1:2] = [row]
    service.pages = False
    assert [one.label for one in service.tasks_labelled("goclient ")] == ["goclient 3 stage-in", "goclient 5 stage-in"]


def test_rows_that_cannot_be_read_end_no_list_early() -> None:
    service = Service(2_500)
    for number in (3, MOST_TASKS - 1):
        service._tasks[number]["label"] = 3
    service._tasks[5]["request_time"] = "2026-11-29T00:00:00+00:00"
    assert len(service.tasks_labelled("goclient ")) == 1_250 - 2
