"""Warnings of what a task would lose in silence, as far as the command line shows it; they stop nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from goclient.errors.findings import SHOWN, Finding
from goclient.errors.wording import quote
from goclient.model.location import JOB_OUT
from goclient.model.names import SERIAL_NUMBERS
from goclient.model.nearest import nearest
from goclient.model.spec import TransferSpec
from goclient.model.syntax.lists import list_some
from goclient.model.syntax.shell import shell_word
from goclient.tasks.inputs import DEALS, INPUTS, SPLITS, list_given
from goclient.tasks.outputs import ExpectedTask, Outputs, pad_serial, read_trf
from goclient.tasks.validation import ValidTask

# What panda-client fills in --exec and --trf, and nowhere else.
FILLED_ELSEWHERE = re.compile(
    r"%(?:RNDM[:=]\d+|OUT\.|DB[:=]|(?:IN\d*|RNDM|SKIPEVENTS|MAXEVENTS|FIRSTEVENT|DATASET_(?:IN|OUT)|BULKSEQNUMBER)(?![A-Za-z]))"
)
_OURS = re.compile(r"(?<!\S)--(?:Stage(?:in|out)GO(?:src|dest)|OutputGO|WorkingendpointGO|useGOForOutput)\b")
_REDIRECTED = re.compile(r"(?<![0-9&>])>>?\s*([\w.+-]+)")
_DECLARABLE = re.compile(r"[A-Za-z0-9_.+-]+")  # a name that panda-client takes for an output's
_ENDS_NAME = re.compile(r"[()<>|&]")


def find_losses(
    valid: ValidTask, options: Any, *, task: ExpectedTask, nickname: str, complete: bool
) -> Iterator[Finding]:
    """Yield what is known to be lost before anything is uploaded; ``options`` are panda-client's.

    ``complete``: all outputs of the task are known already; else pathena finds them in the job options.
    """
    yield from _find_unsplit(valid.spec, options)
    yield from _find_unfilled(valid)
    yield from _find_in_payload(options)
    image = str(getattr(options, "containerImage", "") or "")
    carried = valid.request.carrying is not None
    if image:
        message = f"goclient's pilot starts no container: --containerImage={quote(image)} needs another one"
        hint = "ask the site whether its pilot starts containers and transfers files for goclient; else leave it out"
        if carried:
            message = f"--containerImage={quote(image)}: the carrier runs in it, and needs python3, 3.9 or later, there"
            hint = "make sure that the image has it"
        yield Finding("warning", "container", "--containerImage", message, hint)
    if carried and getattr(options, "maxAttempt", None) != 1:
        yield from _find_renumbered(valid.spec)
    yield from _find_repeated_directory(valid, nickname, task.dataset)
    if complete and not carried:  # what the carrier takes need not be an output of PanDA's
        yield from find_no_outputs(valid, options, outputs=task.outputs)
    if complete:
        yield from _find_optional(valid, options, task.outputs)
        yield from _find_mangled(str(getattr(options, "trf", "") or ""), task.outputs)
        if valid.server is not None and not task.outputs.names and task.outputs.log and not carried:
            redirected = _REDIRECTED.findall(str(getattr(options, "jobParams", "") or ""))
            option = _with_declared(options, [redirected[-1] if redirected else "out.root"])
            message = "--useGOForOutput takes the log alone, because the task declares no outputs"
            yield Finding("warning", "no-outputs", "--useGOForOutput", message, f"declare them, such as {option}")


def find_no_outputs(valid: ValidTask, options: Any, *, outputs: Outputs) -> Iterator[Finding]:
    """Yield a warning for each file to take away that is not an output of the task."""
    known = {*outputs.names, *outputs.names.values(), outputs.log, JOB_OUT}
    there = f"its outputs are {list_some(list(outputs.names))}" if outputs.names else "it declares none"
    option = "files-out" if valid.request.words.strip() else "--Data"
    for word, transfers in ((option, valid.spec.output), ("--StageoutGOsrc", valid.spec.stage_out)):
        names = [*dict.fromkeys(transfer.source.path[1:] for transfer in transfers if transfer.source.in_job)]
        strange = [name for name in names if pad_serial(name) not in known]
        free = [name for name in outputs.names if name not in names]
        near = {name: _find_nearest(name, free) for name in strange[:SHOWN]}
        right = _write_option(word, [near.get(name) or name for name in names])
        undeclared = [name for name in strange if not near.get(name) and _DECLARABLE.fullmatch(name)]
        declaring = _with_declared(options, undeclared)
        for name in strange[:SHOWN]:
            message = (
                f"{quote(name)} is not an output of the task ({there}): a job whose payload does not write it fails"
            )
            hint = "make sure that the payload writes it"
            if near[name]:
                hint = f"did you mean {right or quote(near[name])}?"
            elif name in undeclared:
                hint = f"if the payload writes it, declare it{declaring and f': {declaring}'}"
            if "*" in near[name]:
                packed = f"{quote(name)} is one of the files of the output {quote(near[name])}"
                message = f"{packed}, which are packed into one archive"
            yield Finding("warning", "not-an-output", name, message, hint)
        if len(strange) > SHOWN:
            message = f"{len(strange) - SHOWN} more names are not outputs of the task"
            yield Finding("warning", "not-an-output", strange[SHOWN], message, "look at the first ones")


def _find_nearest(name: str, outputs: list[str]) -> str:
    """Return the output that a name was probably meant for, one whose pattern it fits first; or the empty string."""
    packed = (one for one in outputs if "*" in one and fnmatchcase(name, one))
    return next(iter([*packed, *nearest(name.rstrip("/"), outputs, most=1)]), "")


def _write_option(option: str, names: list[str]) -> str:
    """Return the option with these names as it is typed; the empty string if they are too many, or have commas."""
    typed = len(names) <= 20 and not any("," in name for name in names)
    return shell_word(f"{option}={','.join(names)}") if typed else ""


def _with_declared(options: Any, more: list[str]) -> str:
    """Return the option of prun or pathena that declares outputs, as it is typed with these, too."""
    option = "outputs" if hasattr(options, "outputs") else "extOutFile"
    given = getattr(options, option, "") or []
    return _write_option(f"--{option}", [*(given.split(",") if isinstance(given, str) else given), *more])


def _find_unsplit(spec: TransferSpec, options: Any) -> Iterator[Finding]:
    """Yield a warning if what splits or names PanDA's input is given for the files that goclient brings."""
    count = sum("${SN" not in transfer.source.path for transfer in spec.stage_in)  # the others are a job's own already
    inputs = next((name for name in INPUTS if getattr(options, name, None)), "")
    given = list_given(options, SPLITS if inputs else DEALS)
    given += ["%IN in --exec"] if not inputs and re.search(r"%IN\b", str(getattr(options, "jobParams", ""))) else []
    if not given or not count or (inputs and count == 1):
        return
    names, verb = " and ".join(given), "counts" if len(given) == 1 else "count"
    sources = f"all {count} sources" if count > 1 else "the source"
    message = f"{names} {verb} only for the files of --{inputs or 'inDS'}: each job gets {sources} of --StageinGOsrc"
    hint = "to give each job its own source, put ${SN/P}, the job's number, into its name, and say --nJobs"
    yield Finding("warning", "not-split", "--StageinGOsrc", message, "" if inputs else hint)


def _find_renumbered(spec: TransferSpec) -> Iterator[Finding]:
    """Yield a warning for a source that another attempt would not find: it is a new job with a new number."""
    for transfer in spec.stage_in:
        if any(number in transfer.source.path for number in SERIAL_NUMBERS):
            source = quote(transfer.source.display)
            message = f"{source} is another file in a further attempt of a job, which has a new number"
            yield Finding("warning", "renumbered", "--StageinGOsrc", message, "add --maxAttempt=1")
            return


def _find_optional(valid: ValidTask, options: Any, outputs: Outputs) -> Iterator[Finding]:
    """Yield a warning for each output that a job may lack, but whose transfer would then fail."""
    given = getattr(options, "allowNoOutput", "") or []
    patterns = [one for one in (given.split(",") if isinstance(given, str) else given) if one]
    named = {transfer.source.path[1:] for transfer in (*valid.spec.stage_out, *valid.spec.output)}
    for name, lfn in outputs.names.items():
        taken = valid.server is not None or not named.isdisjoint((name, lfn))
        if taken and any(lfn.endswith(one) or fnmatchcase(lfn, f"*{one}") for one in patterns):
            message = f"a job without {quote(name)} fails in spite of --allowNoOutput, because Globus is to take it"
            hint = "name with --Data and --OutputGO only what each job writes"
            yield Finding("warning", "may-be-missing", name, message, hint)


def _find_unfilled(valid: ValidTask) -> Iterator[Finding]:
    """Yield a warning for what panda-client fills in the payload's words, but not in the words of transfers."""
    texts = [str(end) for transfer in valid.spec.transfers for end in (transfer.source, transfer.destination)]
    texts += [f"{valid.server.endpoint}:{valid.server.directory}"] if valid.server else []
    found = ((text, match[0]) for text in dict.fromkeys(texts) if (match := FILLED_ELSEWHERE.search(text)))
    for text, word in list(found)[:SHOWN]:
        message = f"{quote(text)}: {word} is filled in --exec and --trf alone, and stays as it is here"
        hint = (
            "write the name alone, without %OUT." if word == "%OUT." else "a job's own number is '${SN}' or '${SN/P}'"
        )
        yield Finding("warning", "not-filled", text, message, hint)


def _find_in_payload(options: Any) -> Iterator[Finding]:
    """Yield a warning for words of transfers inside the payload's, where goclient does not look, as sendJob does."""
    for option in ("exec", "trf"):
        text = str(getattr(options, "jobParams" if option == "exec" else option, "") or "")
        words = [match[0] for match in _OURS.finditer(text)]
        if words:
            message = f"{list_some(words)} in --{option} is the payload's own word: nothing is transferred for it"
            hint = f"if it is goclient's, write it outside the quotes of --{option}"
            yield Finding("warning", "payload-word", words[0], message, hint)


def _find_mangled(trf: str, outputs: Outputs) -> Iterator[Finding]:
    """Yield a warning for each %OUT of a transformation that pathena does not read as it was meant."""
    for name in read_trf(trf).missed:
        if name not in outputs.names:
            word = quote(f"%OUT.{name}")
            message = f"pathena does not take {word} in --trf for an output: it takes one in each word"
            yield Finding("warning", "not-declared", name, message, f"add {shell_word(f'--extOutFile={name}')}")
    for name in outputs.names if "%OUT" in trf else ():
        end = _ENDS_NAME.search(name)
        if end:
            message = f"pathena reads the output {quote(name)} in --trf up to the next blank, quote, comma or ;"
            hint = f"put a blank after the name: %OUT.{name[: end.start()]} {name[end.start() :]}"
            yield Finding("warning", "not-declared", name, message, hint)


def _find_repeated_directory(valid: ValidTask, nickname: str, dataset: str) -> Iterator[Finding]:
    """Yield a warning if the directory that was typed is the one that goclient makes below it."""
    server = valid.server
    path = (server.directory or "").rstrip("/") if server else ""
    if server and path.endswith(f"/{dataset}"):
        above = path.removesuffix(f"/{dataset}").removesuffix(f"/{nickname}")
        directory = quote(server.directory_of(nickname, dataset))
        message = f"the files go to {directory}, because {nickname}/{dataset}/ is added to what is typed"
        hint = f"did you mean {shell_word(f'--useGOForOutput={server.endpoint}:{above}/')}?"
        yield Finding("warning", "twice", "--useGOForOutput", message, hint)
