"""Where a retrieved proxy may be put: in the place of a former one, and of nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from goclient.errors import GoclientError, MyproxyError, quoted

if TYPE_CHECKING:
    from goclient.services.gsi.identity import Identity


def check_place(out: str, *, replace_default: bool) -> None:
    """None; raises MyproxyError for a file that cannot be made, is no proxy, or is the user's own without leave."""
    own = [f"/tmp/x509up_u{os.getuid()}", os.environ.get("X509_USER_PROXY") or ""]  # noqa: S108  # where it is
    problem, hint = "", "choose another name"
    if os.path.isdir(out):
        problem = "is a folder"
    elif out == "-":
        problem = "is no file: a proxy is never printed"
    elif not os.path.isdir(os.path.dirname(out) or "."):
        problem = f"cannot be made: there is no folder {quoted(os.path.dirname(out))}"
    elif not replace_default and any(one and os.path.realpath(one) == os.path.realpath(out) for one in own):
        problem = "is where your own proxy is: all that you do would be done as somebody else"
        hint = "choose another file, or allow it with --replace-default"
    elif os.path.exists(out) and not _is_proxy(out):
        problem = "is a file, and no proxy: it would be lost"
    if problem:
        raise MyproxyError(f"--out {quoted(out)} {problem}", hint=hint, code="out", subject="--out")


def check_not_in_use(out: str, who: Identity) -> None:
    """None; raises MyproxyError if the file is one that says who asks."""
    for one in (who.certificate, who.key):
        if os.path.realpath(one) == os.path.realpath(out):
            message = f"--out {quoted(out)} is what you ask with: it would be lost"
            raise MyproxyError(message, hint="choose another name", code="out", subject="--out")


def _is_proxy(path: str) -> bool:
    """True if a file is a proxy, which may be replaced; a certificate that a CA has signed is none."""
    from goclient.services.gsi.certificate import read_certificate
    from goclient.services.gsi.der import Damaged
    from goclient.services.gsi.pem import blocks, read_file

    try:
        found = blocks(read_file(path, what="file", uid=os.getuid(), secret=False))
        return bool(found) and read_certificate(found[0].data).is_proxy
    except (GoclientError, Damaged):
        return False
