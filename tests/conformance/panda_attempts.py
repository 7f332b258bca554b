"""Run the PanDA server's own ``update_job``, ``retryJob``, ``killJob`` and commands to tasks on tables in memory.

It runs where that server is installed.  Standard input has a list of cases, standard output what became of each.  What
the server imports beside itself is not there: it is replaced.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import json
import sqlite3
import sys
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

OF_SERVER = ("pandaserver", "pandacommon")
REPLACED = (
    "pandacommon.pandalogger.PandaLogger",
    "pandacommon.pandalogger.LogWrapper",
    "pandacommon.pandalogger.logger_config",
    "pandacommon.liveconfigparser.LiveConfigParser",
    "pandaserver.config.panda_config",
    "pandaserver.dataservice.adder_gen",
)


class Replacing(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Give a stand-in for a module that is not installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        of_server = name.split(".")[0] in OF_SERVER
        return None if of_server else importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: Any) -> Any:
        made = MagicMock()
        made.__spec__, made.__path__ = spec, []
        return made

    def exec_module(self, module: Any) -> None:
        pass


class Cursor:
    """Cursor of the server's kind: it has colons in the names of values, and no arrays' sizes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._cursor = connection.cursor()
        self.arraysize = 0

    def execute(self, statement: str, values: dict[str, Any]) -> None:
        statement = statement.replace("FOR UPDATE NOWAIT", "")
        self._cursor.execute(statement, {name.lstrip(":"): value for name, value in values.items()})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __iter__(self) -> Any:
        return iter(self._cursor)


def raise_again(*_: Any) -> None:
    """Let an error out that the server would only log."""
    raise


def main() -> None:
    for name in REPLACED:
        sys.modules[name] = MagicMock()
    import pandaserver.config

    pandaserver.config.panda_config = sys.modules["pandaserver.config.panda_config"]
    sys.meta_path.append(Replacing())
    pandaserver.config.panda_config.schemaJEDI = pandaserver.config.panda_config.schemaDEFT = "ATLAS_PANDA"
    from pandaserver.api.v1 import pilot_api, task_api
    from pandaserver.taskbuffer.db_proxy_mods.job_complex_module import JobComplexModule
    from pandaserver.taskbuffer.db_proxy_mods.task_event_module import TaskEventModule
    from pandaserver.taskbuffer.FileSpec import FileSpec
    from pandaserver.taskbuffer.JobSpec import JobSpec

    connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    connection.execute("attach ':memory:' as ATLAS_PANDA")
    jobs = ("jobsDefined4", "jobsActive4", "jobsArchived4")
    tables = {**dict.fromkeys(jobs, JobSpec.columnNames()), "filesTable4": f"{FileSpec.columnNames()},modificationTime"}
    tables |= {
        "jobParamsTable": "PandaID,jobParameters,modificationTime",
        "metaTable": "PandaID,modificationTime",
        "JEDI_Tasks": "jediTaskID,status,prodSourceLabel,userName",
        "PRODSYS_COMM": "COMM_TASK,COMM_OWNER,COMM_CMD,COMM_COMMENT",
        "Harvester_Rel_Jobs_Workers": "PandaID,lastUpdate,workerID,harvesterID",
    }
    for table, columns in tables.items():
        connection.execute(f"create table ATLAS_PANDA.{table} ({columns})")
    module = JobComplexModule.__new__(JobComplexModule)
    module.conn, module.cur = SimpleNamespace(begin=lambda: None), Cursor(connection)
    for name in ("_rollback", "create_tagged_logger", "recordStatusChange", "push_job_status_message"):
        setattr(module, name, MagicMock())
    module._commit = lambda: True
    module.dump_error_message = raise_again
    tasks = TaskEventModule.__new__(TaskEventModule)
    for of_module in ("conn", "cur", "_commit", "_rollback", "create_tagged_logger", "dump_error_message"):
        setattr(tasks, of_module, getattr(module, of_module))
    buffer = MagicMock()
    buffer.sendCommandTaskPanda = tasks.sendCommandTaskPanda
    buffer.validate_ownership_or_production_role = tasks.validate_ownership_or_production_role
    task_api.init_task_buffer(buffer)
    buffer.updateJobStatus = lambda *given: module.updateJobStatus(*given)[0]
    pilot_api.init_task_buffer(buffer)

    def put(job: dict[str, Any], files: list[dict[str, Any]]) -> None:
        for table in tables:
            connection.execute(f"delete from ATLAS_PANDA.{table}")
        insert("jobsActive4", {name: value for name, value in job.items() if name != "jobParameters"})
        insert("jobParamsTable", {"PandaID": job["PandaID"], "jobParameters": job.get("jobParameters", "")})
        for number, file in enumerate(files):
            insert("filesTable4", {"row_ID": number, "PandaID": job["PandaID"], **file})

    def insert(table: str, values: dict[str, Any]) -> None:
        marks = ",".join("?" * len(values))
        connection.execute(
            f"insert into ATLAS_PANDA.{table} ({','.join(values)}) values ({marks})", tuple(values.values())
        )

    def read(columns: str, table: str) -> list[Any]:
        return [list(row) for row in connection.execute(f"select {columns} from ATLAS_PANDA.{table}")]

    def report(case: dict[str, Any]) -> Any:
        put(case["job"], [])
        if case["gone"]:
            connection.execute("delete from ATLAS_PANDA.jobsActive4")
        update = pilot_api.update_job.__wrapped__
        answer = update(SimpleNamespace(subprocess_env={}), 1, case["status"], attempt_nr=case["attempt"], timeout=None)
        return [answer["data"]["command"], read("jobStatus", "jobsActive4")]

    def retry(case: dict[str, Any]) -> Any:
        put(case["job"], case["files"])
        done = module.retryJob(1, {"pilotErrorCode": case["code"]}, attemptNr=case["job"]["attemptNr"])
        columns = "jobStatus,attemptNr,pilotErrorCode,transExitCode"
        return [done, read(columns, "jobsActive4"), read("lfn", "filesTable4"), read("jobParameters", "jobParamsTable")]

    def kill(case: dict[str, Any]) -> Any:
        put(case["job"], [])
        if case["table"] != "jobsActive4":
            connection.execute(f"insert into ATLAS_PANDA.{case['table']} select * from ATLAS_PANDA.jobsActive4")
            connection.execute("delete from ATLAS_PANDA.jobsActive4")
        done = module.killJob(1, case["user"], None, case["production"])
        columns = "jobStatus,commandToPilot,taskBufferErrorCode,taskBufferErrorDiag"
        return [done, *(row for table in jobs for row in read(columns, table))]

    def command(case: dict[str, Any]) -> Any:
        for table in ("JEDI_Tasks", "PRODSYS_COMM"):
            connection.execute(f"delete from ATLAS_PANDA.{table}")
        insert("JEDI_Tasks", {"jediTaskID": 1, "status": case["status"], "prodSourceLabel": "user", "userName": "jdoe"})
        environment = {"REQUEST_METHOD": "POST", "SSL_CLIENT_S_DN": case["user"]}
        asked = SimpleNamespace(subprocess_env=environment)
        answer = getattr(task_api, case["command"])(asked, task_id=case["task"])
        return [answer["success"], answer["message"], answer["data"]]

    kinds = {"report": report, "retry": retry, "kill": kill, "command": command}
    given = json.load(sys.stdin)
    json.dump({kind: [*map(work, given[kind])] for kind, work in kinds.items()}, sys.stdout)


if __name__ == "__main__":
    main()
