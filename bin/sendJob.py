#!/usr/bin/env python3
import _signal

_signal.pthread_sigmask(_signal.SIG_BLOCK, {_signal.SIGINT})  # until it is answered without a traceback
from goclient.cli.start import send_job

raise SystemExit(send_job())
