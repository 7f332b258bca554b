#!/usr/bin/env python3
"""Run the command of one job of a task: the stand-in of a sandbox for runGen, and for runAthena of pathena --trf.

It fetches the sources of the task, runs the command in them, and gives the outputs their names, as the
transformations of the PanDA server do.  As those, it stops at an option that it does not know, and looks at nothing
behind the first bare word.  It is served as a file and runs by itself, with the standard library alone.
"""

from __future__ import annotations

import ast
import getopt
import os
import subprocess
import sys
import tarfile
import urllib.request
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import unquote

SHORT = "j:p:a:l:i:o:r:"
# The options of prun and pathena that one job without input does not need, and --sourceURL, --trf, --allowNoOutput.
LONG = (
    "sourceURL= trf allowNoOutput= debug useAthenaPackages useCMake useRootCore rootVer= cmtConfig= writeInputToTxt= "
    "overwriteQueuedata= execWithRealFileNames fileToSave= fileToLoad= noTarballDownload givenPFN inMap= dbrFile= "
    "noExpandDBR preprocess postprocess"
).split()
WITHIN = 60.0  # seconds, for each part of a download
BAD_OPTIONS, NO_SOURCES, NO_OUTPUT = 40, 50, 60


def main(argv: list[str]) -> int:
    """Run the command of a job; return its exit code, or that of what went wrong around it."""
    try:
        options = dict(getopt.getopt(argv, SHORT, LONG)[0])
        outputs = _read_outputs(ast.literal_eval(options.get("-o", "{}")))
    except (getopt.GetoptError, ValueError, SyntaxError) as error:
        print(f"ERROR : {error}")
        return BAD_OPTIONS
    work = Path.cwd()
    try:
        _fetch_sources(options, work)
        directory = work / options.get("-r", ".")
        directory.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        print(f"ERROR : the sources cannot be fetched: {error}")
        return NO_SOURCES
    command = unquote(options.get("-j" if "--trf" in options else "-p", ""))
    print(f"=== execute: {command}", flush=True)
    status = subprocess.run(["/bin/sh", "-c", command], cwd=directory).returncode
    print(f"=== the command ended with {status}")
    if status:
        return status if status > 0 else 128 - status
    optional = options.get("--allowNoOutput", "").split(",")
    missing = [name for name, lfn in outputs if not _rename(directory, name, work / lfn) and lfn not in optional]
    print("".join(f"ERROR : there is no output {name}\n" for name in missing), end="")
    return NO_OUTPUT if missing else 0


def _read_outputs(given: Any) -> list[tuple[str, str]]:
    """Return the outputs with their final names; runGen has {name: final}, runAthena {kind: [(name, final)]}."""
    found: list[tuple[str, str]] = []
    for name, value in given.items():
        found += [(one[0], one[1]) for one in value] if isinstance(value, list) else [(name, value)]
    for pair in found:
        if not all(isinstance(text, str) and "/" not in text for text in pair):
            raise ValueError(f"{pair!r} is not a pair of file names")
    return found


def _fetch_sources(options: dict[str, str], work: Path) -> None:
    """Fetch the sources into the job's directory; raise OSError or ValueError."""
    name = options.get("-a", "")
    if not name or "--noTarballDownload" in options:
        return
    url = f"{options.get('--sourceURL', '')}/cache/{name}"
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url} is not a URL")
    print(f"=== sources: {url}")
    archive = work / Path(name).name
    with urllib.request.urlopen(url, timeout=WITHIN) as answer, open(archive, "wb") as file:
        while part := answer.read(1 << 16):
            file.write(part)
    done = subprocess.run(["tar", "-xzf", archive.name], cwd=work, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(done.stderr.strip())


def _rename(directory: Path, name: str, final: Path) -> bool:
    """Give an output its final name, several as an archive for a name with a *; return False if there is none."""
    if "*" not in name:
        source = directory / name
        if not source.is_file():
            return False
        os.replace(source, final)
    else:
        files = [path for path in sorted(directory.iterdir()) if path.is_file() and fnmatch(path.name, name)]
        if not files:
            return False
        with tarfile.open(final, "w:gz") as archive:
            for path in files:
                archive.add(path, path.name)
    print(f"=== output: {name} is {final.name}, {final.stat().st_size} bytes")
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
