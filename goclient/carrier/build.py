"""Carrier as one file: the modules that it needs, as they are in the package, in an archive that Python runs.

The same package gives the same bytes on any machine: names are sorted, there is one date, and members are packed
without a search for what repeats (zlib's Z_HUFFMAN_ONLY), so that the bytes depend on nothing but the text.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = "goclient"
PROGRAM, START = "goclient.carrier.program", "goclient/carrier/start.py"
TOLD_BY_NAME = ("goclient.node.keeper_program",)  # whose source is read when it is needed
_MAIN = "__main__.py"  # what Python runs in an archive
_TOP = Path(__file__).resolve().parents[2]

# Imports of the package, as ruff formats them; and what type checkers alone read.
_IMPORT = re.compile(
    rf"^ *(?:from ({PACKAGE}[\w.]*) import (\([^)]*\)|[^\n#]*)|import ({PACKAGE}[\w.]*))", re.MULTILINE
)
_TYPES_ONLY = re.compile(r"^if TYPE_CHECKING:\n(?:(?: +[^\n]*)?\n)*", re.MULTILINE)

# Records of a ZIP archive (PKWARE's APPNOTE.TXT, 4.3.7, 4.3.12 and 4.3.16).
_LOCAL, _CENTRAL, _END = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s4H2LH")
_VERSION, _UNIX, _DEFLATED = 20, 3 << 8, 8
_DATE = 1 << 5 | 1  # the first that there can be: 1 January 1980
_MODE = 0o100644 << 16


def build() -> bytes:
    """Return the archive."""
    members, directory = bytearray(), bytearray()
    files = sorted(contents().items())
    for name, content in files:
        packed = _pack(content)
        sizes = zlib.crc32(content), len(packed), len(content), len(name), 0
        common = 0, _DEFLATED, 0, _DATE, *sizes
        directory += _CENTRAL.pack(b"PK\1\2", _UNIX | _VERSION, _VERSION, *common, 0, 0, 0, _MODE, len(members))
        directory += name.encode()
        members += _LOCAL.pack(b"PK\3\4", _VERSION, *common) + name.encode() + packed
    count = len(files)
    return bytes(members + directory + _END.pack(b"PK\5\6", 0, 0, count, count, len(directory), len(members), 0))


def _pack(content: bytes) -> bytes:
    """Return a member's bytes as the archive has them; a module is one block of the packer's largest buffer."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_HUFFMAN_ONLY)
    return packer.compress(content) + packer.flush()


def contents() -> dict[str, bytes]:
    """Return the files of the archive by their names: each is one of the package."""
    files = {str(_file(module).relative_to(_TOP)): _file(module).read_bytes() for module in closure()}
    return {**files, _MAIN: (_TOP / START).read_bytes()}


def closure() -> frozenset[str]:
    """Return the modules that the program imports, and those that these import, with the packages that they are in."""
    found: set[str] = set()
    waiting = [PROGRAM, *TOLD_BY_NAME]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += _find_imports(module)
            if "." in module:
                waiting.append(module.rpartition(".")[0])
    return frozenset(found)


def _find_imports(module: str) -> Iterator[str]:
    """Yield the modules of the package that a module imports, in its functions, too, but for what types need alone.

    The text is searched: to parse 90 modules takes a tenth of a second, which each submission would pay.
    """
    if module == PACKAGE:
        return  # its public names are for those who submit
    text = _TYPES_ONLY.sub("", _file(module).read_text(encoding="utf-8"))
    for found in _IMPORT.finditer(text):
        name, names = found[1] or found[3], re.findall(r"[\w.]+", found[2] or "")
        yield from filter(_is_ours, (name, *(f"{name}.{one}" for one in names)))


@cache
def _is_ours(name: str) -> bool:
    return _file(name).is_file()


def _file(module: str) -> Path:
    path = _TOP.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
