"""The installed programs, outside of the package, whose own import Ctrl-C would break off with a traceback."""

try:
    import _signal

    _signal.pthread_sigmask(_signal.SIG_BLOCK, {_signal.SIGINT})  # until it is answered without a traceback
except KeyboardInterrupt:
    from goclient.cli.interrupts import end_at_once

    end_at_once()
from goclient.cli.start import goclient, send_job

__all__ = ["goclient", "send_job"]
