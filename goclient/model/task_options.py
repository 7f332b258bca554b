"""Options of a task of prun or pathena, beside :mod:`goclient.model.options`: other commands do not load them."""

from typing import Optional

from goclient.model.option import option
from goclient.model.options import CarryOptions

TASK = "globus"


class TaskOptions(CarryOptions):
    """Hold what was typed of the transfers of a task of prun or pathena."""

    useGOForOutput: Optional[str] = option(
        "--useGOForOutput",
        help="take every output, and the log without --goCarry, to <nickname>/<outDS>/ below this directory "
        "(default: the endpoint's own)",
        group=TASK,
        metavar="ENDPOINT[:/DIR/]",
    )
    globusWords: Optional[str] = option(
        "--globusWords",
        help="the words of 2012, such as globus-endpoint-in=… dir-in=… files-in=…, as in sendJob's --jobParameters",
        group=TASK,
        metavar="WORDS",
    )
    noCheck: bool = option("--noCheck", help="do not check the endpoints first", group=TASK, default=False)


class PathenaOptions(TaskOptions):
    """Hold what was typed of a task's transfers, and where its parameters go, which pathena has no option for."""

    dumpTaskParams: Optional[str] = option(
        "--dumpTaskParams", help="dump the task's parameters to this JSON file", group=TASK, metavar="FILE"
    )
