"""Start of a carrier: ``__main__.py`` of its archive, which any Python from 2.7 on can read.

The files with secrets go first: the rest takes a third of a second to be read, in which the job may be killed.
"""

import json
import os
import re
import signal
import sys

NEEDED = (3, 9)
EXIT, ERROR = 77, 5901  # as in report.py, which an older Python cannot read
# Our secret as runGen writes it, and all secrets of the user, as the pilot and runGen do.
SECRETS = r"(goclient-[0-9a-f]{8,64}\.json|panda_secrets\.json|panda_secrets\.sh)$"
LONGEST = 1 << 22  # bytes of one

if __name__ == "__main__":
    wait = getattr(signal, "pthread_sigmask", None)  # since Python 3.3
    if wait:  # what ends the job ends it when they are gone
        before = wait(signal.SIG_BLOCK, [
            signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGXCPU, signal.SIGUSR1, signal.SIGUSR2
        ])  # fmt: skip
    home = os.environ.get("TRF_EXEC_HOME_DIR") or "."
    held = {}
    for place in (".", home):
        try:
            names = os.listdir(place)
        except OSError:  # it may be another user's
            names = []
        for name in names:
            if re.match(SECRETS, name):
                path = os.path.join(place, name)
                try:
                    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                    held[name] = os.read(opened, LONGEST)
                    os.close(opened)
                except OSError:  # it is a link, or not ours
                    held.setdefault(name, b"")
                try:  # noqa: SIM105  # Python 2 has no suppress
                    os.unlink(path)
                except OSError:  # it is a directory
                    pass
    if wait:
        wait(signal.SIG_SETMASK, before)
    if sys.version_info < NEEDED:
        text = "this node's Python is %d.%d, and the job needs Python 3.9 or later" % sys.version_info[:2]  # noqa: UP031
        for stream in (sys.stdout, sys.stderr):
            stream.write("CRITICAL goclient: " + text + "\n")
        path = os.path.join(home, "payload_error_report.json")
        try:
            with open(path, "w") as report:
                json.dump({"error_code": ERROR, "error_diag": "goclient: " + text}, report)
            os.chmod(path, 0o444)
        except (IOError, OSError):  # noqa: UP024
            pass
        sys.exit(EXIT)
    sys.path[0] = os.path.abspath(sys.path[0])  # for processes that have another directory
    from goclient.carrier.program import main

    sys.exit(main(sys.argv[1:], held))
