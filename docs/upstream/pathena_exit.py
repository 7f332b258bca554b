"""Show that pathena ends with 0 although the server has refused its task: PYTHON pathena_exit.py.

PYTHON is one that has panda-client; with a directory behind it, the pandaclient there is shown.  Nothing is sent: the
function that sends the task says that it was refused, as the server does.  Exit code 3: the defect is there; 0: not.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import tempfile

RUN = """
import sys
sys.argv[0] = "pathena"
from pandaclient import Client, PsubUtils
Client.insertTaskParams = lambda *_, **__: (0, (2, "no permission"))
Client.putFile = lambda *_, **__: (0, "True")
Client.getVomsProxy = PsubUtils.checkGridProxy = lambda *_, **__: ""
PsubUtils.getNickname = lambda *_, **__: "jdoe"
from pandaclient import PathenaScript
"""
TOKEN = ".".join(("e30", base64.urlsafe_b64encode(b'{"name": "jdoe", "exp": 9999999999}').decode(), "none"))
WORDS = ("--trf", "echo x > %OUT.txt", "--outDS", "user.jdoe.test", "--noBuild", "--site", "QUEUE")


def main(directory: str) -> int:
    """Submit a task that is refused; return 3 if pathena ends with 0."""
    with tempfile.TemporaryDirectory() as home:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "PYTHONPATH": directory,
            "PANDA_SYS": sys.prefix,
            "PANDA_AUTH": "oidc",
            "PANDA_AUTH_VO": "vo",
        }
        names = ("PANDA_URL", "PANDA_URL_SSL", "PANDACACHE_URL", "PANDAMON_URL")
        env |= {**dict.fromkeys(names, "http://127.0.0.1:9/server/panda"), "PANDA_AUTH_ID_TOKEN": TOKEN}
        words = [sys.executable, "-c", RUN, *WORDS, "--containerImage", "docker://alpine"]
        done = subprocess.run(words, cwd=home, env=env, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert "task submission failed. no permission" in said, said
    print(f"the server refused the task; pathena ends with {done.returncode}")
    return 3 if done.returncode == 0 else 0


if __name__ == "__main__":
    if sys.argv[2:] or not all(os.path.isdir(os.path.join(one, "pandaclient")) for one in sys.argv[1:]):
        sys.exit("usage: PYTHON pathena_exit.py [DIRECTORY], which has a pandaclient")
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
