"""Our options of prun and pathena, made of the one table of options for panda-client's help and command line."""

from __future__ import annotations

from dataclasses import fields

from goclient.model.options import help_text, is_flag, is_number
from goclient.model.task_options import PathenaOptions, TaskOptions
from goclient.tasks.command_line import Option, Table


def _table(kind: type[TaskOptions]) -> Table:
    options = {}
    for one in fields(kind):
        flag, metavar = is_flag(one), one.metadata["metavar"] or one.name.upper()
        many, number = one.metadata["many"], is_number(one)
        options[one.name] = Option(
            one.name, "" if flag else metavar, help_text(one), flag=flag, many=many, number=number
        )
    return Table(options)


TABLES = {"prun": _table(TaskOptions), "pathena": _table(PathenaOptions)}
