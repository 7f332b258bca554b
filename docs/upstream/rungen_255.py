"""Show that a job whose program ends with 255 is a success for runGen: python3 rungen_255.py RUNGEN.

RUNGEN is the transformation, such as runGen-00-00-02.  Exit code 3: the defect is there; 0: it is not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile


def main(transformation: str) -> int:
    """Run two programs that fail; return 3 if the one that ends with 255 counts as good."""
    codes = {}
    for code in (7, 255):
        with tempfile.TemporaryDirectory() as work:
            path = shutil.copy(transformation, work)
            os.chmod(path, 0o755)
            words = [path, "-j", "", "-r", ".", "-o", "{}", "-p", f"exit%20{code}"]
            codes[code] = subprocess.run(words, cwd=work, capture_output=True).returncode
    for code, ended in codes.items():
        print(f"the program ends with {code}: runGen ends with {ended}")
    assert codes[7], "a failure is not seen at all: is this runGen?"
    return 3 if codes[255] == 0 else 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or not os.path.isfile(sys.argv[1]):
        sys.exit("usage: python3 rungen_255.py RUNGEN, a file")
    sys.exit(main(os.path.abspath(sys.argv[1])))
