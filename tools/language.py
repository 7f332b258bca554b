"""Measures the language of transfers: round trips, hostile texts, payloads' words and time; rows for figures.py.

What is drawn is what the tests draw, tests/strategies.py, and much more of it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from measure import paired, row
from pydantic import BaseModel

from goclient.errors import GoclientError
from goclient.model.planner import plan
from goclient.model.records.base import Decoded
from goclient.model.records.panda_job import JobRecord, JobTemplate, encode_jobs
from goclient.model.records.registry import attach, decode
from goclient.model.spec import TransferSpec
from goclient.model.syntax.parameters import read_typed
from tests.strategies import BLANKS, MUTATIONS, OUR_WORDS, OWN_WORDS, TOKENS, dashed_specs, globus, payloads, raw_words

SPECS = 20_000  # in each syntax
MUTANTS = 500_000
LINES = 200_000
MAX_CPU = 0.010  # seconds a text
CORES = 2
SEED = 2012
COMMON = JobTemplate("http://example.org/a.sh", "TEST1", "user", "local", "panda.destDB.0", 7, 1000)

# The server's own deserializer, in an interpreter of its own.
DESERIALIZER = """
import json, sys
from pandaserver.taskbuffer.JobUtils import load_jobs_json
json.dump([job.jobParameters for job in load_jobs_json(sys.stdin.read())], sys.stdout)
"""


def rows() -> list[list[str]]:
    """Return the rows of the language in the table of figures."""
    with multiprocessing.Pool(CORES) as pool:
        trips = pool.map(round_trips, ("dashed", "globus"))
        texts = [text for _, found in trips for text in found]
        hostile = pool.starmap(hostile_texts, [(texts, MUTANTS // CORES, SEED + core) for core in range(CORES)])
        lines = pool.starmap(command_lines, [(LINES // CORES, SEED + core) for core in range(CORES)])
    return [
        *(_trips(name, wrong) for name, (wrong, _) in zip(("`--…GO`", "`globus-*`"), trips, strict=True)),
        _row(
            f"mutated texts that gave anything but a spec or an error of ours, of {MUTANTS:,}",
            sum(one[0] for one in hostile), "0", f"slowest {max(one[2] for one in hostile) * 1e3:.1f} ms of CPU time",
        ),
        _row(f"mutated texts that took more than 10 ms of CPU time, of {MUTANTS:,}", sum(one[1] for one in hostile),
             "0", "a slow one is repeated before it counts"),
        _row(f"command lines whose payload's words were not the same, of {LINES:,}", sum(lines), "0",
             "byte for byte, in order"),
        *speed(),
    ]  # fmt: skip


def _row(name: str, figure: int, goal: str, detail: str) -> list[str]:
    return row(name, str(figure), goal, figure == 0, detail)


# --- there and back -------------------------------------------------------------------------------------------


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """So many examples of a strategy, the same in every run."""
    found: list[Any] = []

    @settings(max_examples=count, database=None, derandomize=True, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(strategy)
    def keep(example: Any) -> None:
        found.append(example)

    keep()
    return found


def round_trips(syntax: str) -> tuple[dict[str, int], list[str]]:
    """How many specs of a syntax did not come back, by the way they went; and the texts of their records."""
    wrong = dict.fromkeys(("record", "server", "shell", "typed"), 0)
    if syntax == "globus":
        typed = drawn(globus, SPECS)
        wrong["typed"] = sum(read_typed(one.text).spec != one.spec for one in typed)
        found = [one.spec for one in typed]
    else:
        found = drawn(dashed_specs, SPECS)
    assert len(found) >= SPECS, f"only {len(found)} specs were drawn"
    own = random.Random(SEED).choices(drawn(payloads, 2_000), k=len(found))
    texts = [attach(payload, spec) for payload, spec in zip(own, found, strict=True)]
    expected = [Decoded(spec, payload) for spec, payload in zip(found, own, strict=True)]
    wrong["record"] = _differences(texts, expected)
    wrong["server"] = _differences(_through_server(texts), expected)
    blocks = [attach("", spec) for spec in found]
    through = [" ".join(words) for words in _through_bash([block.split() for block in blocks])]
    wrong["shell"] = _differences(through, [Decoded(spec, "") for spec in found])
    return wrong, texts


def _differences(texts: Sequence[str], expected: Sequence[Decoded]) -> int:
    return sum(decode(text) != one for text, one in zip(texts, expected, strict=True))


def _through_server(texts: Sequence[str]) -> list[str]:
    """Return the jobParameters of records with these texts, as the server's own code reads them."""
    python = os.environ["GOCLIENT_TEST_SERVER_PYTHON"]
    record = encode_jobs([JobRecord(COMMON, f"n{number}", text) for number, text in enumerate(texts)])
    done = subprocess.run(
        [python, "-c", DESERIALIZER], input=record.encode(), capture_output=True, check=True,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
    )  # fmt: skip
    # A job without words is one whose jobParameters are empty; the server leaves them so.
    return [text or "" for text in json.loads(done.stdout)]


def _through_bash(lists: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """Return the words that bash makes of each list, quoted as a pilot quotes them."""
    script = "".join(f"printf '%s\\0' x {' '.join(map(shlex.quote, words))}; printf '\\1\\0'\n" for words in lists)
    done = subprocess.run(["bash"], input=script.encode(), capture_output=True, check=True)
    for one in done.stdout.decode().split("\1\0")[:-1]:
        yield one.split("\0")[1:-1]


def _trips(name: str, wrong: dict[str, int]) -> list[str]:
    ways = "through jobParameters, a record and the server's deserializer, and re-quoting and bash"
    return _row(f"specs of {name} that did not come back, of {SPECS:,}", sum(wrong.values()), "0", ways)


# --- hostile texts --------------------------------------------------------------------------------------------


def hostile_texts(texts: Sequence[str], count: int, seed: int) -> tuple[int, int, float]:
    """Of so many mutants: those with another outcome than ours, those that were slow, and the slowest's seconds."""
    chance = random.Random(seed)
    others, slow, slowest = 0, 0, 0.0
    for _ in range(count):
        text = mutant(chance, chance.choice(texts))
        try:
            seconds = cpu_seconds(text)
            if seconds > MAX_CPU:
                seconds = min(cpu_seconds(text) for _ in range(3))
        except Exception as error:
            print(f"{error!r} for {text!r}")
            others += 1
            continue
        slow += seconds > MAX_CPU
        slowest = max(slowest, seconds)
    return others, slow, slowest


def mutant(chance: random.Random, text: str) -> str:
    """Return the text, as it was written or as a payload with words of both syntaxes, after one to four mutations.

    One in twenty also has one wrong word many times: reports must not grow faster than what they report.
    """
    if chance.random() < 0.5:
        text = text.replace("--goclient=v1:", chance.choice(("", "goclient=v1:", " in-mode=gc globus-user=x ")))
    for _ in range(chance.randint(1, 4)):
        start, end = sorted((chance.randint(0, len(text)), chance.randint(0, len(text))))
        text = chance.choice(MUTATIONS)(text, start, end, chance.choice(TOKENS))
    if chance.random() < 0.05:
        text += chance.choice(WRONG) * chance.randint(1, 200)
    return text


WRONG = (
    " --Data=../x",
    " in-mode=gc files-in=../x",
    " files-in=a/../b",
    " in-mode=x",
    " --StageinGOsrc=A",
    " globus-usr=x",
)


def cpu_seconds(text: str) -> float:
    """Return the CPU time in which a text is a spec with its plan, or an error of ours; anything else is raised."""
    start = time.process_time()
    try:
        found = decode(text)
        assert isinstance(found.spec, TransferSpec)
        plan(found.spec)
    except GoclientError:
        pass
    return time.process_time() - start


# --- a payload's own words ------------------------------------------------------------------------------------


GLOBUS_WORDS = ("globus-user=mxp", "globus-endpoint-in=A", "in-mode=gc", "dir-in='/a b'", "files-in=x,y")


def command_lines(count: int, seed: int) -> int:
    """Of so many command lines, those whose payload's words are not what is left without ours."""
    chance = random.Random(seed)
    return sum(not _kept(chance) for _ in range(count))


def _kept(chance: random.Random) -> bool:
    bare = chance.random() < 0.5
    # Unquoted words of the globusPilot among the payload's are ours, if one of them tells so.
    own = [word for word in OWN_WORDS if not (bare and word.startswith(("dir-", "files-")))]
    ours = GLOBUS_WORDS if bare else OUR_WORDS
    words = [(chance.choice(ours), True) if chance.random() < 0.3 else (chance.choice(own), False) for _ in range(8)]
    behind = [(chance.choice((*ours, *own)), False) for _ in range(2)] if chance.random() < 0.3 else []
    words += [("--", False), *behind] if behind else []
    words.insert(chance.randint(0, 8), ("out-mode=gc" if bare else "--Data=x", True))  # which tells that it is ours
    text = "".join(chance.choice(BLANKS) + word for word, _ in words)
    payload = read_typed(text).payload
    return raw_words(payload) == [word for word, is_ours in words if not is_ours]


# --- time -----------------------------------------------------------------------------------------------------


class _File(BaseModel):
    endpoint: str
    path: str
    node: str
    name: str
    recursive: bool


class _Files(BaseModel):
    files: tuple[_File, ...]


def speed() -> list[list[str]]:
    """Return rows: many typed files to a record and a plan, beside json.loads and a model with an object a file."""
    rows = []
    for name, text_of in (("`--…GO`", _dashed), ("`globus-*`", _bare)):
        ratio, ours, peer = paired(_timed(_worked(text_of(1_000))), _timed(_peer(1_000)), 60)
        detail = f"{ours * 1e3:.1f} ms, peer {peer * 1e3:.1f} ms"
        name_of = f"1,000 files of {name}, of `json.loads` and a pydantic model"
        rows.append(row(name_of, f"{ratio:.1f}", "≤ 6", ratio <= 6, detail))
        growth, twice, _ = paired(_timed(_worked(text_of(2_000))), _timed(_worked(text_of(1_000))), 60)
        limit = "≤ 2.2 (linear, and noise)"
        rows.append(
            row(f"2,000 files of {name}, of 1,000", f"{growth:.2f}", limit, growth <= 2.2, f"{twice * 1e3:.1f} ms")
        )
    return rows


def _dashed(count: int) -> str:
    return "run --StageinGOsrc=" + ",".join(f"SITE1:/data/run/{number:06d}.root" for number in range(count))


def _bare(count: int) -> str:
    names = ",".join(f"{number:06d}.root" for number in range(count))
    return f"run globus-endpoint-in=SITE1 in-mode=gc dir-in=/data/run files-in={names}"


def _worked(text: str) -> Callable[[], None]:
    """Return what is measured: a text as typed to its spec, its plan and its record."""

    def work() -> None:
        typed = read_typed(text)
        assert not typed.errors
        plan(typed.spec)
        attach(typed.payload, typed.spec)

    return work


def _peer(count: int) -> Callable[[], object]:
    files = [{"endpoint": "SITE1", "path": f"/data/run/{number:06d}.root", "node": "goclient",
              "name": f"{number:06d}.root", "recursive": False} for number in range(count)]  # fmt: skip
    document = json.dumps({"files": files})
    return lambda: _Files(**json.loads(document))


def _timed(call: Callable[[], object]) -> Callable[[], float]:
    """Return what gives the seconds that a call takes."""

    def seconds() -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return seconds


def main() -> None:
    """Print the rows."""
    for cells in rows():
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
