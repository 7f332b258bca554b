"""``python -m goclient`` is the ``goclient`` command."""

import sys

from goclient.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
