"""Run the build of a task: the stand-in of a sandbox for buildGen, which packs what is made of the user's sources.

It does what the server's buildGen does (panda-wnscript, 2026) without Athena and ROOT.  A build that fails leaves its
library all the same, and no report; its exit code 255 is a success; files whose names begin with a dot are not packed.

It is served as a file and runs by itself, with the standard library alone.
"""

from __future__ import annotations

import getopt
import json
import os
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import unquote

REPORT = "payload_error_report.json"
NO_ARGUMENT, NO_TARBALL, BAD_TARBALL, OFFSET = 1, 3, 9, 5200  # of pandawnutil/wnmisc/error_codes.py
LONG = (
    "pilotpars debug oldPrefix= newPrefix= directIn sourceURL= lfcHost= envvarFile= bexec= useAthenaPackages "
    "useFileStager accessmode= rootVer= useRootCore cmtConfig= noCompile useMana manaVer= useCMake noTarballDownload"
).split()


class Failure(Exception):
    """Failure that ends the build with a report; ``code`` is the exit code, and the last digits of the report's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def main(argv: list[str]) -> int:
    """Build the library of a task; return the exit code of the transformation."""
    options = dict(getopt.getopt(argv, "i:o:u:r:", LONG)[0])
    home = Path.cwd()
    try:
        if not {"-i", "-o"} <= options.keys():
            raise Failure(NO_ARGUMENT, "Failed to parse command-line arguments. Please check the input parameters.")
        sources, library = options["-i"], options["-o"]
        url = f"{options.get('--sourceURL', '')}/cache/{sources}"
        if problem := _download(url, home / sources):
            print(f"ERROR : Failed with {problem}\nERROR: unable to fetch source tarball from web")
            raise Failure(NO_TARBALL, f"Failed to download tarball from {url}")
        work = home / "workDir"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        print("--- expand source ---", flush=True)
        if subprocess.run(["tar", "xvfzm", home / sources], cwd=work).returncode:
            print(f"ERROR : {sources} is corrupted")
            raise Failure(BAD_TARBALL, f"tarball {sources} is corrupted")
    except Failure as error:
        print(f"ERROR: {error}")
        (home / REPORT).write_text(json.dumps({"error_code": OFFSET + error.code, "error_diag": str(error)}))
        return error.code
    status = _build(unquote(options.get("--bexec", "")), work, options.get("-r", ""))
    print("--- archive libraries ---", flush=True)
    names = sorted(one.name for one in work.iterdir() if not one.name.startswith("."))
    subprocess.run(["tar", "cvfz", home / library, *names], cwd=work)
    shutil.rmtree(work, ignore_errors=True)
    print(f"--- finished with {status} ---")
    return status


def _download(url: str, target: Path) -> str:
    """Write what a URL has, from any server; return why that failed, or the empty string."""
    print(f"--- Access to {url}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # as the real one has it
    try:
        with urllib.request.urlopen(url, context=context) as answer:
            target.write_bytes(answer.read())
    except urllib.error.HTTPError as error:
        return f"HTTP code: {error.code} - Reason: {error.reason}"
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def _build(command: str, work: Path, directory: str) -> int:
    """Run the command of a build, if there is one, in a directory of the sources; return its exit code."""
    if not command:
        return 0
    print("--- make ---")
    run = work / directory
    run.mkdir(exist_ok=True)
    subprocess.run(["chmod", "+x", command.split()[0]], cwd=run, capture_output=True)
    print(f"execute : {command}", flush=True)
    env = {**os.environ, "PATH": f".:{os.environ['PATH']}"}
    status = subprocess.run(["/bin/sh", "-c", command], cwd=run, env=env, stderr=subprocess.STDOUT).returncode % 255
    if status:
        print("ERROR : make failed")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
