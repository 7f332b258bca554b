"""The commands with which a shell points its programs at a sandbox."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FILES = ("env.sh", "env.csh", "env.fish")


@dataclass(frozen=True, slots=True)
class Exports:
    """What is set, what is set unless ``PANDA_SYS`` is, what must not be set, and where the programs are."""

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
        """The semicolons are for ``eval`` of a command's output, which has no lines."""
        lines = [f"setenv {name} {_for_csh(value)};" for name, value in self.values.items()]
        for name, value in self.panda_client.items():  # PANDA_SYS itself is the last one
            lines.append(f"if ( ! $?PANDA_SYS ) setenv {name} {_for_csh(value)};")
        lines += [f"unsetenv {name};" for name in self.cleared]
        return [*lines, f'setenv PATH {_for_csh(str(self.programs))}:"$PATH";']

    def _fish(self) -> list[str]:
        lines = [f"set -gx {name} {_for_fish(value)};" for name, value in self.values.items()]
        if self.panda_client:
            pairs = " ".join(f"set -gx {name} {_for_fish(value)};" for name, value in self.panda_client.items())
            lines.append(f'if test -z "$PANDA_SYS"; {pairs} end;')
        lines += [f"set -e {name};" for name in self.cleared]
        return [*lines, f"set -gx PATH {_for_fish(str(self.programs))} $PATH;"]


def _for_csh(text: str) -> str:
    """The text as one word: in quotes, too, a line needs a backslash at its end, and ``!`` one before it."""
    return "'" + text.replace("'", "'\\''").replace("!", "\\!").replace("\n", "\\\n") + "'"


def _for_fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
