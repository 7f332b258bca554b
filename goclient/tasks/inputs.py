"""Options of panda-client that are about files which PanDA brings itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# What splits the files that PanDA brings, and what else is about these files alone.
SPLITS = ("nFilesPerJob", "nFiles", "nGBPerJob")
DEALS = (*SPLITS, "nSkipFiles", "nEventsPerFile", "match", "antiMatch", "inputFileList", "inputFileListName",
         "writeInputToTxt")  # fmt: skip
_UNSET = ("None", "", "0", "-1")  # what panda-client has for an option that is not given
INPUTS = ("inDS", "inDsTxt", "inOutDsJson", "pfnList", "goodRunListXML", "eventPickEvtList", "secondaryDSs", "loadXML")


def list_given(options: Any, names: Sequence[str]) -> list[str]:
    """Return those of panda-client's options that are given, with their dashes."""
    return [f"--{name}" for name in names if str(getattr(options, name, None)) not in _UNSET]
