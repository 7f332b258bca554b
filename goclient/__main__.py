"""``python -m goclient`` is the ``goclient`` command."""

import _signal

if __name__ == "__main__":
    _signal.pthread_sigmask(_signal.SIG_BLOCK, {_signal.SIGINT})  # until it is answered without a traceback
    from goclient.cli.start import goclient

    raise SystemExit(goclient())
