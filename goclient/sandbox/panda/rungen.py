"""Run the command of one job: the stand-in of a sandbox for runGen, and for runAthena of pathena --trf.

It does what the server's runGen does (panda-wnscript, 2026) with a job that has no input, strange as some of it
is: the payload's exit code 255 is a success, any other failure ends with ``payload_error_report.json`` anew, secrets
become variables of the shell.  Some of what the real one prints is left out, it compiles no tracer, and three tries of
a download are a second apart.  Of runAthena it has the options, the exit codes and the names of outputs.

It is served as a file and runs by itself, with the standard library alone.
"""

from __future__ import annotations

import ast
import base64
import getopt
import glob
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

TRIES, PAUSE = 3, 1.0  # of a download, and the seconds between them; the real one waits 30
SECRETS, SECRETS_SCRIPT, FILE = "panda_secrets.json", "panda_secrets.sh", "___file___:"
REPORT, JOB_REPORT, METADATA = "payload_error_report.json", "jobReport.json", "userJobMetadata.json"
MAX_METADATA = 1 << 20  # bytes
CATALOGUE = "PoolFileCatalog.xml"
NO_ARGUMENT, NO_TARBALL, BAD_TARBALL, NO_OUTPUT = 1, 3, 9, 16  # of pandawnutil/wnmisc/error_codes.py

SHORT, SHORT_ATHENA = "i:o:r:j:l:p:u:a:", "l:r:j:i:o:bcp:u:f:a:m:n:e"
_BOTH = (
    "pilotpars debug oldPrefix= newPrefix= directIn sourceURL= lfcHost= envvarFile= inputGUIDs= liveLog= dbrFile= "
    "dbrRun= useFileStager usePFCTurl accessmode= skipInputByRetry= enable-jem jem-config= mergeOutput mergeType= "
    "mergeScript= givenPFN useCMake preprocess postprocess "
)
_GEN = (
    "inMap= useAthenaPackages notExpandDBR writeInputToTxt= rootVer= cmtConfig= useRootCore useMana manaVer= "
    "execWithRealFileNames fileToSave= fileToLoad="
)
_ATHENA = (
    "minbiasGUIDs= cavernGUIDs= shipInput addPoolFC= corCheck mcData= notSkipMissing beamHalo= beamGas= trf ara "
    "generalInput guidBoundary= collRefName= useNextEvent useLocalIO codeTrace copytool= eventPickTxt= eventPickSt= "
    "eventPickNum= tagFileList= noExpandDBR useAthenaMT useArgJson"
)


class Failure(Exception):
    """Failure that ends the job; ``code`` is the exit code, and the last digits of the report's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def main(argv: list[str], *, athena: bool) -> int:
    """Run the command of a job; return the exit code of the transformation.

    What the real one does not expect ends it, too, with a traceback and the exit code 1.
    """
    long = (_BOTH + (_ATHENA if athena else _GEN)).split()
    options = dict(getopt.getopt(argv, SHORT_ATHENA if athena else SHORT, long)[0])
    offset, failed, failure = (5400, 6, "athena") if athena else (5300, 18, "payload")
    home = Path.cwd()
    try:
        given = ast.literal_eval(options.get("-o", "{}"))  # {name: final}, of runAthena {kind: [(name, final)]}
        if not ({"-r", "-j", "-i", "-o"} if athena else {"-r", "-j"}) <= options.keys():
            raise Failure(NO_ARGUMENT, "Failed to parse command-line arguments. Please check the input parameters.")
        outputs = [pair for name, to in given.items() for pair in (to if isinstance(to, list) else [(name, to)])]
        os.environ["TRF_EXEC_HOME_DIR"] = str(home)
        print(f"--- Running in {home} ---")
        work = home / "workDir"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        os.chdir(work)
        _fetch_sources(options)
        setup = f"export TestArea={work}; " + ("" if athena else _prepare_tracer(options))
        directory = options["-r"]
        with suppress(OSError):
            os.mkdir(directory)
        os.chdir(directory)
        if athena:
            command, outputs = _with_names(unquote(options["-j"]), outputs)
            status = _follow(setup + command)
        else:
            status = _follow(_script(options, setup, _take_secrets(home, directory))) % 255
        missing = _take_outputs(home, outputs)
        os.chdir(home)
        _list_directory("work dir", home)
        shutil.rmtree(work, ignore_errors=True)
        if status:
            print(f"execute script: Running script failed : StatusCode={status}")
            raise Failure(failed, f"{failure} execution failed with {status}")
        if missing:
            raise Failure(NO_OUTPUT, f"expected output {missing} is missing")
    except Failure as error:
        print(f"ERROR: {error}")
        (home / REPORT).write_text(json.dumps({"error_code": offset + error.code, "error_diag": str(error)}))
        return error.code
    print("execute script: Running script was successful")
    return 0


# --- before the payload ---


def _fetch_sources(options: dict[str, str]) -> None:
    """Unpack the library of the job, or else fetch and unpack its sources."""
    if library := options.get("-l", ""):
        _unpack(library, os.path.join("..", library))
    if library or not (name := options.get("-a", "")):
        return
    print("\n=== getting sandbox ===")
    url = f"{options.get('--sourceURL', '')}/cache/{name}"
    problem = _download(url, name)
    if problem:
        print(f"ERROR : Failed with {problem}\nERROR: unable to fetch source tarball from web")
        raise Failure(NO_TARBALL, f"Failed to download tarball from {url}")
    _unpack(name, name)


def _unpack(name: str, path: str) -> None:
    if subprocess.run(["tar", "xvfzm", path]).returncode:
        print(f"ERROR : {name} is corrupted")
        raise Failure(BAD_TARBALL, f"tarball {name} is corrupted")


def _download(url: str, name: str) -> str:
    """Write what a URL has, from any server; return why that failed, or the empty string."""
    print(f"--- Access to {url}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # as the real one has it
    problem = ""
    for _ in range(TRIES):
        try:
            with urllib.request.urlopen(url, context=context) as answer:
                Path(name).write_bytes(answer.read())
        except urllib.error.HTTPError as error:
            problem = f"HTTP code: {error.code} - Reason: {error.reason}"
            if error.code == 404:
                break
        except (OSError, ValueError) as error:
            problem = str(error)
            time.sleep(PAUSE)
        else:
            return ""
    return problem


def _prepare_tracer(options: dict[str, str]) -> str:
    """Return the commands that load the tracer into each process; here it is missing, as where gcc is."""
    if "unset LD_PRELOAD" in unquote(options.get("-p", "")):
        return ""
    base = Path.cwd() / str(uuid.uuid4())
    base.mkdir()
    (base / "pandatracerlog.txt").touch()
    library = f"{base}/'$LIB'/wrapper.so${{LD_PRELOAD:+:$LD_PRELOAD}}; "
    return f"export PANDA_PRELOAD={library}export LD_PRELOAD={library}"


def _take_secrets(home: Path, directory: str) -> str:
    """Write the secrets as files and as a script, whose path is returned if it is needed; move what they came in.

    The paths are right for the run directory ``.`` only.
    """
    source, script = home / SECRETS, os.path.join(directory, SECRETS_SCRIPT)
    if not source.exists():
        return ""
    used = ""
    try:
        secrets = json.loads(source.read_text())
        with open(script, "w") as file:
            used = script
            for name, value in secrets.items():
                if name.startswith(FILE):
                    with open(name[len(FILE) :], "wb") as secret:
                        secret.write(base64.b64decode(value))
                else:
                    quoted = value.replace('"', r"\"")
                    file.write(f'export {name}="{quoted}"\n')
        if all(name.startswith(FILE) for name in secrets):
            used = ""
    except Exception as error:  # whatever is wrong with them, as the real one has it
        print(f"\nERROR: failed to parse secrets with {error}\n")
    os.rename(source, os.path.join(directory, SECRETS))
    return used


def _script(options: dict[str, str], setup: str, secrets: str) -> str:
    """Write a script of Python that runs the payload's command, after which 255 are 0; return the line that runs it."""
    Path(".rootrc").write_text("ProofLite.Workers: 1\n")
    os.environ["PATH"] = f".:{os.environ['PATH']}"
    script, parameters = options["-j"], unquote(options.get("-p", ""))
    print("\n=== env variables ===", flush=True)
    subprocess.run(["/bin/sh", "-c", f"{setup}env"], stderr=subprocess.STDOUT)
    _list_directory("run dir", Path())
    subprocess.run(["chmod", "+x", script or parameters.split()[0]], capture_output=True)
    if inputs := ast.literal_eval(options.get("-i", "[]")):  # PanDA's own, which the pilot has brought
        for name in inputs:
            os.symlink(os.path.join(os.environ["TRF_EXEC_HOME_DIR"], name), name)
        parameters = parameters.replace("%IN", ",".join(inputs))
    for name in ("CORE_NUMBER", "PROC_NUMBER"):
        parameters = parameters.replace(f"%{name}", os.environ.get(f"ATHENA_{name}", "1"))
    command, end = Path(f"trf.{uuid.uuid4()}.py"), "status %= 255\nsys.exit(status)\n\n"
    command.write_text(f'import os,sys\nstatus=os.system(r"""{script} {parameters}""")\n{end}')
    return setup + (f"source {secrets}\n" if secrets else "") + f"cat {command};python -u {command}"


def _with_names(command: str, outputs: list[tuple[str, str]]) -> tuple[str, list[tuple[str, str]]]:
    """Return a command of pathena with the final names of its outputs, and the outputs as it makes them."""
    made = []
    for name, final in outputs:
        changed = command
        if "*" not in name:
            changed = re.sub(rf"""(=| |"|')({name})( |"|'|,|;|$)""", rf"\g<1>{final}\g<3>", command)
        made.append((final if changed != command else name, final))
        command = changed
    return command, made


def _follow(line: str) -> int:
    """Run a line of the shell and pass its output on; return its exit code."""
    print(f"=== execute ===\n{line}", flush=True)
    process = subprocess.Popen(
        ["/bin/sh", "-c", line], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    )
    assert process.stdout is not None
    last = ""
    with open(f"tmp.stdout.{uuid.uuid4()}", "w") as copy:
        for told in process.stdout:
            sys.stdout.write(told)
            sys.stdout.flush()
            copy.write(told)
            last = told if told.strip() else last
    status = process.wait()
    print(last if status else "")
    _list_directory("run dir", Path())
    return status


def _take_outputs(home: Path, outputs: list[tuple[str, str]]) -> str:
    """Give the outputs their names and move them up, with the reports; return the first name that is missing."""
    missing = ""
    for name, final in outputs:
        if "*" in name:
            subprocess.run(["tar", "cvfz", final, *(glob.glob(name) or [name])], stderr=subprocess.STDOUT)
        elif not os.path.exists(name):
            missing = name
            break
        elif name != final:
            os.replace(name, final)
    with suppress(Exception):  # as the real one has it
        _add_metadata()
    if not os.path.exists(CATALOGUE):
        Path(CATALOGUE).write_text("<POOLFILECATALOG>\n\n</POOLFILECATALOG>\n")
    trace = glob.glob(str(home / "workDir" / "*" / "pandatracerlog.txt"))
    patterns = ("runargs.*", "runwrapper.*", JOB_REPORT, "log.*")
    more = [name for pattern in patterns for name in glob.glob(pattern)]
    for name in (*(final for _, final in outputs), CATALOGUE, *trace, *more):
        subprocess.run(["mv", "-f", name, str(home)], capture_output=True)
    return missing


def _add_metadata() -> None:
    """Put the metadata of the payload into its job report."""
    if not os.path.exists(METADATA) or os.stat(METADATA).st_size > MAX_METADATA:
        return
    text = Path(METADATA).read_text()
    print(f"\n=== user metadata in {METADATA} ===\n{text}")
    given, merged = json.loads(text), {}
    if os.path.exists(JOB_REPORT):
        merged = json.loads(Path(JOB_REPORT).read_text())
        os.rename(JOB_REPORT, f"{JOB_REPORT}.org")
    merged.setdefault("user_job_metadata", {}).update(given)
    merged.setdefault("reportVersion", "1.0.0")
    Path(JOB_REPORT).write_text(json.dumps(merged))


def _list_directory(name: str, path: Path) -> None:
    print(f"=== ls in {name} : {path} ===", flush=True)
    subprocess.run(["ls", "-l"], stderr=subprocess.STDOUT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], athena="runAthena" in sys.argv[0]))
