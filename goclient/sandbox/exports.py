"""Write the commands with which a shell points its programs at a sandbox."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FILES = ("env.sh", "env.csh", "env.fish")


@dataclass(frozen=True, slots=True)
class Exports:
    """Variables to set, to set unless ``PANDA_SYS`` is set, and to clear; and the directory of the programs."""

    values: Mapping[str, str]
    panda_client: Mapping[str, str]
    cleared: Sequence[str]
    programs: Path

    def text(self, file: str) -> str:
        """Return the text of one of :data:`FILES`."""
        lines = {"env.sh": self._sh, "env.csh": self._csh, "env.fish": self._fish}[file]()
        return "\n".join(lines) + "\n"

    def _sh(self) -> list[str]:
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.values.items()]
        if self.panda_client:
            pairs = " ".join(f"{name}={shlex.quote(value)}" for name, value in self.panda_client.items())
            lines.append(f'[ -n "${{PANDA_SYS:-}}" ] || export {pairs}')
        return [*lines, f"unset {' '.join(self.cleared)}", f'export PATH={shlex.quote(str(self.programs))}:"$PATH"']

    def _csh(self) -> list[str]:
        """Write the lines of csh, each with a semicolon: ``eval`` of a command's output joins them."""
        lines = [f"setenv {name} {_quote_for_csh(value)};" for name, value in self.values.items()]
        for name, value in self.panda_client.items():  # PANDA_SYS itself is the last one
            lines.append(f"if ( ! $?PANDA_SYS ) setenv {name} {_quote_for_csh(value)};")
        lines += [f"unsetenv {name};" for name in self.cleared]
        return [*lines, f'setenv PATH {_quote_for_csh(str(self.programs))}:"$PATH";']

    def _fish(self) -> list[str]:
        lines = [f"set -gx {name} {_quote_for_fish(value)};" for name, value in self.values.items()]
        if self.panda_client:
            pairs = " ".join(f"set -gx {name} {_quote_for_fish(value)};" for name, value in self.panda_client.items())
            lines.append(f'if test -z "$PANDA_SYS"; {pairs} end;')
        lines += [f"set -e {name};" for name in self.cleared]
        return [*lines, f"set -gx PATH {_quote_for_fish(str(self.programs))} $PATH;"]


def _quote_for_csh(text: str) -> str:
    """Write a text as one word; even in quotes, csh needs a backslash before a line's end and before ``!``."""
    return "'" + text.replace("'", "'\\''").replace("!", "\\!").replace("\n", "\\\n") + "'"


def _quote_for_fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
