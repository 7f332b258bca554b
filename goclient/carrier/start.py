"""Start of a carrier: ``__main__.py`` of its archive, which any Python from 2.7 on can read."""

import json
import os
import sys

NEEDED = (3, 9)
EXIT, ERROR = 77, 5901  # as in report.py, which an older Python cannot read

if __name__ == "__main__":
    if sys.version_info < NEEDED:
        text = "this node's Python is %d.%d, and the job needs Python 3.9 or later" % sys.version_info[:2]  # noqa: UP031
        for stream in (sys.stdout, sys.stderr):
            stream.write("CRITICAL goclient: " + text + "\n")
        path = os.path.join(os.environ.get("TRF_EXEC_HOME_DIR", "."), "payload_error_report.json")
        try:
            with open(path, "w") as report:
                json.dump({"error_code": ERROR, "error_diag": "goclient: " + text}, report)
            os.chmod(path, 0o444)
        except (IOError, OSError):  # noqa: UP024  # two kinds in Python 2
            pass
        sys.exit(EXIT)
    sys.path[0] = os.path.abspath(sys.path[0])  # for processes that have another directory
    from goclient.carrier.program import main

    sys.exit(main(sys.argv[1:]))
