"""Write the program that travels with a job to a file: ``goclient carrier build``."""

import os
from collections.abc import Sequence
from typing import Optional

from goclient.carrier.build import build
from goclient.cli.parser import Parser
from goclient.errors import UsageError, choose_write_error, raise_all
from goclient.errors.wording import quote
from goclient.model.frozen import Frozen
from goclient.model.option import option
from goclient.reporter.base import Reporter

PROG = "goclient carrier"
_EXECUTABLE = 0o777  # less what the umask takes


class CarrierOptions(Frozen):
    """Hold what was typed."""

    action: tuple[str, ...] = option(
        "action", help="build", group="carrier", many=True, metavar="build", choices=("build",)
    )
    out: Optional[str] = option("--out", help="the file to write", group="carrier", metavar="FILE")


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Write the carrier to a file; the same goclient writes the same bytes anywhere."""
    parser = Parser(
        CarrierOptions,
        prog=PROG,
        arguments="build --out FILE",
        description="Write the program that travels with a job to a file.",
        epilog="The same goclient writes the same bytes anywhere. unzip shows what is in it: modules of goclient.",
    )
    options, errors = parser.read(argv)
    if not errors and options.action != ("build",):
        hint = f"{PROG} build --out goclient-carry"
        errors.append(UsageError("the action is missing", hint=hint, code="action", subject="action"))
    if not errors and not options.out:
        hint = f"{PROG} build --out goclient-carry"
        errors.append(UsageError("the file to write is missing", hint=hint, code="out", subject="--out"))
    raise_all(errors)
    assert options.out is not None
    archive = build()
    try:
        with open(options.out, "wb", opener=lambda path, flags: os.open(path, flags, _EXECUTABLE)) as file:
            file.write(archive)
    except OSError as error:
        raise choose_write_error(error)(
            f"{quote(options.out)} cannot be written: {error.strerror}", hint="name another file", subject=options.out
        ) from error
    reporter.progress(f"{quote(options.out)}: {len(archive)} bytes")
    return 0
