"""``python -m goclient`` is the ``goclient`` command."""

if __name__ == "__main__":
    try:
        import _signal

        _signal.pthread_sigmask(_signal.SIG_BLOCK, {_signal.SIGINT})  # until it is answered without a traceback
    except KeyboardInterrupt:
        from goclient.cli.interrupts import end_at_once

        end_at_once()
    from goclient.cli.start import goclient

    raise SystemExit(goclient())
