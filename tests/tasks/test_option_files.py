"""The file of --loadJson: no letter of it is lost, and what is wrong with it is said."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from goclient.model.records.registry import decode
from tests.recording import Tool

OPTIONS = {"outDS": "user.jdoe.test", "noBuild": True, "noCheck": True, "exec": "run.sh"}
GO = {"Data": "x.txt", "OutputGO": "SITE1:/o/${SN/P}/"}


LETTERS = {
    "a letter of German": "ö",
    "letters of French": "éàç",
    "letters of Greek": "αβγ",
    "letters of Cyrillic": "файл",
    "letters of Chinese": "文件",
    "letters from right to left": "ملف",
    "an emoji of four bytes": "📁",
    "a letter and its accent": "o\u0308",
    "a blank that is none of ASCII": "a\u00a0b",
    "a full-width colon": "a\uff1ab",
}


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        *(pytest.param(text, False, id=name) for name, text in LETTERS.items()),
        pytest.param("\u00f6", True, id="an escape"),
        pytest.param("\U0001f4c1", True, id="two escapes"),
    ],
)
def test_no_letter_of_a_file_of_options_is_lost(tool: Tool, text: str, escaped: bool) -> None:
    options = {**OPTIONS, "exec": f"echo {text}", "Data": f"{text}.txt", "OutputGO": f"SITE1:/{text}/${{SN/P}}/"}
    (tool.folder / "o.json").write_text(json.dumps(options, ensure_ascii=escaped), encoding="utf-8")
    result = tool.ours("prun", "--loadJson=o.json", "--dumpJson=dump.json")
    assert result.code == 0, result
    (transfer,) = decode(" ".join(tool.words())).spec.output
    assert (transfer.source.path, transfer.destination.path) == (f"/{text}.txt", f"/{text}/${{SN/P}}/")
    values = [item["value"] for item in tool.server.tasks[0]["jobParameters"]]
    assert quote(f"echo {text}") in values
    (dumped,) = json.loads((tool.folder / "dump.json").read_text())
    assert (dumped["Data"], dumped["OutputGO"]) == (options["Data"], options["OutputGO"])


FORMS: dict[str, bytes] = {
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps({**OPTIONS, **GO}).encode(),
    "lines that end in CR LF": json.dumps({**OPTIONS, **GO}, indent=2).replace("\n", "\r\n").encode(),
    "blanks around": b"\n\n  " + json.dumps({**OPTIONS, **GO}).encode() + b"\n\n",
    "both halves of a character": json.dumps({**OPTIONS, **GO, "exec": "echo \U0001f4c1"}).encode(),
}


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in FORMS.items()])
def test_a_file_of_options_in_another_form_is_read(tool: Tool, content: bytes) -> None:
    (tool.folder / "o.json").write_bytes(content)
    result = tool.ours("prun", "--loadJson=o.json")
    assert result.code == 0, result
    assert "--Data=x.txt" in tool.words()


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8"])
def test_the_locale_changes_no_letter(tool: Tool, locale: str) -> None:
    (tool.folder / "o.json").write_text(json.dumps({**OPTIONS, **GO, "Data": "ö.txt"}, ensure_ascii=False), "utf-8")
    assert tool.ours("prun", "--loadJson=o.json", LC_ALL=locale).code == 0
    assert decode(" ".join(tool.words())).spec.output[0].source.name == "ö.txt"


def test_what_is_dumped_gives_the_same_words_again(tool: Tool) -> None:
    given = {**OPTIONS, **GO, "Data": ["ö.txt", "a b.txt"], "goOverwrite": True, "goNeeds": 48}
    (tool.folder / "o.json").write_text(json.dumps(given))
    assert tool.ours("prun", "--loadJson=o.json", "--dumpJson=dump.json").code == 0
    (dumped,) = json.loads((tool.folder / "dump.json").read_text())
    again = {name: dumped[name] for name in (*GO, "goOverwrite", "goNeeds", "noCheck", "outDS", "noBuild")}
    (tool.folder / "again.json").write_text(json.dumps({**again, "exec": "run.sh"}))
    assert tool.ours("prun", "--loadJson=again.json").code == 0
    assert tool.words(0) == tool.words(1)


NAMED: dict[str, tuple[str | bytes, int, list[str]]] = {
    "half a character": ('{"Data": "\\ud800.txt"}', 10, ["o.json", "half a character", "\\ud800"]),
    "half a character of the payload": ('{"exec": "echo \\udc80"}', 10, ["half a character", "\\udc80"]),
    "Latin-1": ('{"Data": "ö"}'.encode("latin-1"), 10, ["is not UTF-8", "0xf6 in line 1", "save it as UTF-8"]),
    "UTF-16": ('{"Data": "x"}'.encode("utf-16"), 10, ["is not UTF-8", "0xff"]),
    "a comma at the end": ('{"Data": "x",\n}', 10, ["is not JSON", "line 2, column 1"]),
    "single quotes": ("{'Data': 'x'}", 10, ["is not JSON", "line 1, column 2", '{"outDS":']),
    "nothing": ("", 10, ["is not JSON"]),
    "a list": ('[{"Data": "x"}]', 10, ["not one JSON object"]),
    "a text": ('"x"', 10, ["not one JSON object"]),
    "a dump": ('[{"Data": "x", "returnCode": 0}]', 10, ["what --dumpJson wrote"]),
    "a name with two values": ('{"Data": "a", "Data": "b"}', 10, ['"Data" two values']),
    "a number of too many digits": ('{"goNeeds": ' + "9" * 5000 + "}", 10, ["cannot be read"]),
    "brackets in brackets": ("[" * 200000, 10, ["brackets"]),
    "a name of ours misspelt": ('{"useGOForOutputs": "SITE1:/o/"}', 2, ["did you mean useGOForOutput?"]),
    "a name of ours in small letters": ('{"outputgo": "SITE1:/o/"}', 2, ["did you mean OutputGO?"]),
    "a list for a text": ('{"useGOForOutput": ["SITE1:/o/"]}', 2, ["not a text"]),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_what_is_wrong_with_a_file_of_options_is_said(tool: Tool, name: str) -> None:
    content, code, said = NAMED[name]
    (tool.folder / "o.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    run = tool.prun if list(NAMED).index(name) % 3 else tool.pathena
    result = run("--loadJson=o.json")
    assert result.code == code, result
    for text in said:
        assert text in result.err
    assert tool.server.requests == []


@pytest.mark.parametrize("option", ["--loadJson", "--inOutDsJson"])
def test_what_is_read_may_be_a_pipe(tool: Tool, tmp_path: Path, option: str) -> None:
    pipe, content = tmp_path / "pipe", GO if option == "--loadJson" else [{"inDS": "mc:in", "outDS": "user.jdoe.a"}]
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=[json.dumps(content)], daemon=True)
    writer.start()
    result = tool.prun("--noCheck", f"{option}={pipe}", "--goOverwrite", "--useGOForOutput=SITE1:/o/")
    writer.join()
    assert result.code == 0, result
    assert len(tool.words()) > 1


def test_a_file_of_options_that_is_not_there_is_named(tool: Tool) -> None:
    for words in (["--loadJson=none.json"], ["--inOutDsJson=none.json"], ["--loadJson=."]):
        result = tool.prun(*words)
        assert (result.code, tool.server.requests) == (10, []), result
        assert "cannot be read" in result.err


@pytest.mark.parametrize("dataset", ["user.jdoe.tést", "user.jdoe.文"])
def test_a_letter_that_a_dataset_cannot_have_is_refused_not_dropped(tool: Tool, dataset: str) -> None:
    options: dict[str, Any] = {**OPTIONS, "outDS": dataset, "outputs": "o.dat"}
    (tool.folder / "o.json").write_text(json.dumps(options))
    (tool.folder / "many.json").write_text(json.dumps([{"inDS": "mc:in", "outDS": dataset}]))
    for words in (["--loadJson=o.json"], ["--inOutDsJson=many.json", "--exec=run.sh", "--noBuild"]):
        assert tool.ours("prun", *words).code == 10
        assert tool.server.tasks == []


DATASETS = {
    "an object": '{"inDS": "mc:in", "outDS": "user.jdoe.a"}',
    "nothing": "[]",
    "names alone": '["user.jdoe.a"]',
    "no output": '[{"inDS": "mc:in"}]',
    "no input": '[{"outDS": "user.jdoe.a"}]',
    "an output that is no text": '[{"inDS": "mc:in", "outDS": 5}]',
    "the second wrong": '[{"inDS": "mc:in", "outDS": "user.jdoe.a"}, {"in": "mc:in"}]',
    "a number": "5",
}


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in DATASETS.items()])
def test_a_list_of_datasets_that_is_none_is_refused(tool: Tool, content: str) -> None:
    (tool.folder / "d.json").write_text(content)
    result = tool.prun("--inOutDsJson=d.json")
    assert (result.code, tool.server.requests) == (10, []), result
    assert '"d.json" is not a list of input and output datasets' in result.err


@pytest.mark.parametrize("option", ["--dumpJson", "--dumpTaskParams"])
@pytest.mark.parametrize("path", ["/nowhere/x.json", "none/x.json", ".", "run.sh/x.json"])
def test_a_dump_that_cannot_be_written_is_refused_before_a_task_is_sent(tool: Tool, option: str, path: str) -> None:
    result = tool.prun("--noCheck", "--useGOForOutput=SITE1:/o/", f"{option}={path}")
    assert (result.code, tool.server.requests) == (10, []), result
    assert f'{option}="' in result.err
    assert "cannot be written" in result.err


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/null", "x.json", "./x.json"])
def test_a_dump_may_go_to_any_file_that_can_be_written(tool: Tool, path: str) -> None:
    assert tool.prun("--noCheck", "--useGOForOutput=SITE1:/o/", f"--dumpJson={path}").code == 0
