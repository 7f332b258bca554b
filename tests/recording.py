"""A PanDA server that keeps what it is sent, and the environment in which panda-client talks to it."""

from __future__ import annotations

import base64
import gzip
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.commands import Result, clean_environment, completed, run_command
from tests.web_server import Request, Response, answering

NICKNAME = "jdoe"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def token(*groups: str) -> str:
    """An id token as panda-client reads it: who it is, and no signature that anybody checks."""

    def part(document: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    claims = {"name": "jane doe", "preferred_username": NICKNAME, "groups": ["wlcg", *groups], "exp": 4102444800}
    return f"{part({'alg': 'none', 'kid': 'k'})}.{part(claims)}.x"


@dataclass
class Recording:
    """Requests that a server was sent, as (path, body), and its answers: each refusal is the answer to one task."""

    url: str
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    refusals: list[Any] = field(default_factory=list)
    tasks_made: int = 0

    @property
    def env(self) -> dict[str, str]:
        return {
            "PANDA_URL": f"{self.url}/server/panda",
            "PANDA_URL_SSL": f"{self.url}/server/panda",
            "PANDACACHE_URL": f"{self.url}/server/panda",
            "PANDA_BEHIND_REAL_LB": "1",
            "PANDA_AUTH": "oidc",
            "PANDA_AUTH_VO": "wlcg",
            "PANDA_AUTH_ID_TOKEN": token(),
        }

    @property
    def paths(self) -> list[str]:
        return [path.rpartition("/api/v1/")[2] for path, _ in self.requests]

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The parameters of each task that came."""
        return [json.loads(body)["task_parameters"] for path, body in self.requests if path.endswith("/task/submit")]

    @property
    def masked(self) -> list[tuple[str, bytes]]:
        """Return what came, without what differs in each run: names of sandboxes, which are UUIDs, and contents."""
        return [
            (path, UUID.sub("UUID", body.decode()).encode())
            if not path.endswith(("_cache_file",))
            else (path, b"a file")
            for path, body in self.requests
        ]

    def answer(self, path: str) -> Any:
        """The JSON document, or the HTTP status, that a request gets."""
        if path.endswith("/task/submit"):
            if self.refusals:
                return self.refusals.pop(0)
            self.tasks_made += 1
            return {
                "success": True,
                "message": f"succeeded. new jediTaskID={self.tasks_made}",
                "data": self.tasks_made,
            }
        if path.endswith("/validate_cache_file"):
            return {"success": False, "message": "NOTFOUND", "data": None}
        return {"success": True, "message": "", "data": None}

    def forget(self) -> None:
        """Forgets what came."""
        self.requests.clear()
        self.tasks_made = 0


@contextmanager
def recording() -> Iterator[Recording]:
    """A started server."""
    kept = Recording("")

    def answer(request: Request) -> Response:
        packed = request.headers.get("content-encoding") == "gzip"
        kept.requests.append((request.path, gzip.decompress(request.body) if packed else request.body))
        answer = kept.answer(request.path)
        return Response({}, answer) if isinstance(answer, int) else Response(answer)

    with answering(answer) as kept.url:
        yield kept


@dataclass(frozen=True)
class Tool:
    """prun or pathena, stock and ours, in one folder, in front of one server."""

    server: Recording
    env: dict[str, str]
    folder: Path
    panda_client: str = ""  # where another one is

    def ours(self, tool: str, *words: str, **more: str) -> Result:
        if self.panda_client:
            return self.run(OURS, tool, *words)
        return run_command(("goclient", tool, *words), env={**self.env, **more}, cwd=self.folder)

    def prun(self, *words: str, **more: str) -> Result:
        """Ours with what each task needs, and these words."""
        return self.ours("prun", "--outDS=user.jdoe.test", "--exec=run.sh", "--noBuild", *words, **more)

    def pathena(self, *words: str, **more: str) -> Result:
        return self.ours("pathena", *PATHENA, *words, **more)

    def ours_alone(self, tool: str, *words: str) -> Result:
        """Run ours, and leave out what it says of a task that was sent: how to follow it, and its outputs' names."""
        result = self.ours(tool, *words)
        return replace(
            result,
            err=re.sub(f"(?m)^(?:goclient )?{tool}: (?:to follow|outputs of) .*\\n(?:    .*\\n)*", "", result.err),
        )

    def stock(self, tool: str, *words: str, python: str = "python -I") -> Result:
        """Run panda-client's; it is forked, as ours are, unless a Python is named."""
        return self.run(QUIETLY + STOCK[tool], *words, python=python, PANDA_SYS=sys.prefix)

    def run(self, code: str, *words: str, python: str = "python -I", **more: str) -> Result:
        """Run a text with these words."""
        text = self.folder.with_name("typed.py")
        text.write_text(f"import sys\nsys.path[:0] = {[self.panda_client] if self.panda_client else []}\n{code}")
        return completed((python, str(text), *words), env={**self.env, **more}, cwd=self.folder)

    def words(self, number: int = 0) -> list[str]:
        """Our words in a task that came: what follows the last of panda-client's own items."""
        values = [str(item["value"]) for item in self.server.tasks[number]["jobParameters"]]
        marks = [at for at, value in enumerate(values) if "goclient=v1" in value]
        return values[marks[0] :] if marks else []

    @property
    def left(self) -> set[str]:
        """Return what is in the folder that was not before, or in the temporary one."""
        kept = {path.name for path in self.folder.iterdir()} - set(FILES)
        return kept | {path.name for path in self.temporary.iterdir()}

    @property
    def temporary(self) -> Path:
        """The temporary folder."""
        return Path(self.env["TMPDIR"])


QUIETLY = "import warnings\nwarnings.simplefilter('ignore')\n"
OURS = "sys.argv[0] = 'goclient'\nfrom goclient.cli.main import main\nsys.exit(main())"
STOCK = {
    "prun": "from pandaclient.PrunScript import main; main()",
    "pathena": "import pandaclient.PathenaScript",
}
PATHENA = (
    "--outDS=user.jdoe.test",
    "--trf=Reco_tf.py maxEvents=5 outputB=%OUT.foo.root",
    "--containerImage=docker://x",
)
BULK = [{"inDS": "mc:in1", "outDS": "user.jdoe.one"}, {"inDS": "mc:in2", "outDS": "user.jdoe.two"}]
FILES = {
    "run.sh": "echo hi\n",
    "old.o": "",
    "options.json": json.dumps({"outDS": "user.jdoe.json", "exec": "run.sh", "noBuild": True, "nJobs": "3"}),
    "unknown.json": json.dumps({"outDS": "user.jdoe.json", "exec": "run.sh", "wrong": 1}),
    "bulk.json": json.dumps(BULK),
    "many.json": json.dumps([{"inDS": "mc:in", "outDS": f"user.jdoe.{n}"} for n in range(6)]),
    "inputs.txt": "mc:one\nmc:two\n",
    "files.txt": "file1\nfile2\n",
}


@contextmanager
def tool_in(root: Path) -> Iterator[Tool]:
    """The tools in a new folder below this one, in front of a server of their own."""
    folder, home, temporary = root / "work", root / "home", root / "temporary"
    for one in (folder, home, temporary):
        one.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    with recording() as server:
        yield Tool(server, {**clean_environment(home), **server.env, "TMPDIR": str(temporary)}, folder)
