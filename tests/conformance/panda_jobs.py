"""Make jobs of a task with the PanDA server's own ``getOutputFiles_JEDI`` and ``makeJobParameters``.

They run where that server is installed, on tables in memory.  Standard input has a task, as the sandbox refines it, and
the attempt of each job; standard output has what becomes of them.
"""

from __future__ import annotations

import json
import multiprocessing.connection  # noqa: F401  # what it lacks on this system must not be replaced
import sqlite3
import sys
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

from tests.conformance.panda_attempts import REPLACED, Cursor, Replacing, raise_again

SCHEMA = "ATLAS_PANDA"


class Tables(Cursor):
    """Cursor that locks no rows: nobody else is there."""

    def execute(self, statement: str, values: dict[str, Any]) -> None:
        super().execute(statement.replace("FOR UPDATE", ""), values)

    def executemany(self, statement: str, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            self.execute(statement, row)


def main() -> None:
    for name in REPLACED:
        sys.modules[name] = MagicMock()
    import pandaserver.config

    pandaserver.config.panda_config = sys.modules["pandaserver.config.panda_config"]
    pandaserver.config.panda_config.schemaJEDI = SCHEMA
    sys.meta_path.append(Replacing())
    from pandajedi.jediorder.JobGenerator import JobGeneratorThread
    from pandaserver.taskbuffer.db_proxy_mods.task_complex_module import TaskComplexModule
    from pandaserver.taskbuffer.JediFileSpec import JediFileSpec

    given = json.loads(sys.stdin.read())
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute(f"attach ':memory:' as {SCHEMA}")
    for table, columns in {
        "JEDI_Datasets": "jediTaskID,datasetID,datasetName,vo,masterID,status,type,provenanceID",
        "JEDI_Output_Template": "jediTaskID,outTempID,datasetID,fileNameTemplate,serialNr,outType,streamName",
        "JEDI_Dataset_Contents": JediFileSpec.columnNames(),
    }.items():
        connection.execute(f"create table {SCHEMA}.{table} ({columns})")
    for number, one in enumerate(given["outputs"], 1):
        dataset = (1, number, one["dataset"], "wlcg", None, "defined", one["type"], None)
        connection.execute(f"insert into {SCHEMA}.JEDI_Datasets values (?,?,?,?,?,?,?,?)", dataset)
        template = (1, number, number, one["template"], 1 + one["offset"], one["type"], one["stream"])
        connection.execute(f"insert into {SCHEMA}.JEDI_Output_Template values (?,?,?,?,?,?,?)", template)
    module = TaskComplexModule.__new__(TaskComplexModule)
    module.conn, module.cur, module.jedi_config = SimpleNamespace(begin=lambda: None), Tables(connection), MagicMock()
    module.jedi_config.ddm.voWithScope = "atlas"
    module._commit, module._rollback = lambda: True, lambda: None
    module.create_tagged_logger = MagicMock()
    module.dump_error_message = raise_again
    task = MagicMock(jobParamsTemplate=given["parameters"], jediTaskID=1)
    for question in ("useRandomSeed", "useListPFN", "is_multi_step_exec", "usingJumboJobs", "dynamicNumEvents"):
        getattr(task, question).return_value = False
    made = []
    for attempt in given["attempts"]:
        files, serial, *_ = module.getOutputFiles_JEDI(
            1, None, False, False, None, False, False, None, None, "", False, None, list(range(100, 200))
        )
        parameters, _ = JobGeneratorThread.makeJobParameters(
            SimpleNamespace(time_profile_level=-1, taskBufferIF=None),
            task, [], files, serial, [("LIB", given["library"])], SimpleNamespace(attemptNr=attempt), False,
            {"sourceURL": given["source_url"]}, False, [], False, [], None, MagicMock(),
        )  # fmt: skip
        made.append({"parameters": parameters, "files": sorted(one.lfn for one in files.values()), "serial": serial})
    build = given["build"]
    if build is not None:
        names = {"OUT": given["library"], "IN": build["archiveName"], "SURL": given["source_url"]}
        generator = SimpleNamespace()
        made.append({"parameters": JobGeneratorThread.makeBuildJobParameters(generator, build["jobParameters"], names)})
    json.dump(made, sys.stdout)


if __name__ == "__main__":
    main()
