"""The first signal ends a pilot's job, but not between a start and its clean-up; later ones change nothing."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.node.test_travels import TOP

BEGIN = f"""
import os, signal, sys, threading
sys.path.insert(0, {str(TOP)!r})
from goclient.node import signals
signals.install()
number = int(sys.argv[1])
def send():
    os.kill(os.getpid(), number)
    for _ in range(3): pass
"""
NUMBERS = ("TERM", "HUP", "INT", "QUIT", "XCPU", "USR1", "USR2")
AT_ONCE = """
try:
    send()
    print("not raised")
except KeyboardInterrupt:
    print("raised")
    for number in signals.SIGNALS:
        send()
    with signals.defer_signals():
        send()
    print("cleaned up")
"""
LATER = """
try:
    with signals.defer_signals():
        with signals.defer_signals():
            send()
            send()
        signals.check()
        print("done")
    print("not raised")
except KeyboardInterrupt:
    print("raised")
"""
FINISHING = """
with signals.finishing():
    try:
        with signals.interruptible():
            pass
        send()
        print("finished")
        with signals.interruptible():
            print("not raised")
    except KeyboardInterrupt:
        print("raised")
    signals.check()
    send()
    print("closed", signals.has_come())
try:
    signals.check()
    print("not raised")
except KeyboardInterrupt:
    print("raised")
"""
DONE = """
with signals.finishing():
    with signals.interruptible():
        signals.hold()
        send()
        with signals.defer_signals():
            signals.check()
        print("tidied up")
    print("finished", signals.has_come())
    try:
        with signals.interruptible():
            print("not raised")
    except KeyboardInterrupt:
        print("raised")
"""
ONCE = """
with signals.finishing():
    send()
try:
    signals.check()
except KeyboardInterrupt:
    print("raised")
with signals.defer_signals():
    print("cleaned up")
"""
SWALLOWED = """
try:
    send()
except BaseException:
    pass  # as a library may
try:
    signals.check()
    print("not raised")
except KeyboardInterrupt:
    print("raised")
"""
THREADS = """
def work():
    with signals.defer_signals():
        started.set()
        stopped.wait()
    try:
        signals.check()
    except KeyboardInterrupt:
        print("thread raised")
started, stopped = threading.Event(), threading.Event()
thread = threading.Thread(target=work)
thread.start()
started.wait()
try:
    send()
    print("not raised")
except KeyboardInterrupt:
    print("raised")
stopped.set()
thread.join()
"""


def printed(script: str, name: str) -> list[str]:
    words = [sys.executable, "-I", "-S", "-c", BEGIN + script, str(int(signal.Signals[f"SIG{name}"]))]
    result = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.splitlines()


@pytest.mark.parametrize("name", NUMBERS)
def test_the_first_signal_is_raised_at_once_and_no_other(name: str) -> None:
    assert printed(AT_ONCE, name) == ["raised", "cleaned up"]


CASES = [
    pytest.param(LATER, ["done", "raised"], id="between a start and its clean-up"),
    pytest.param(FINISHING, ["finished", "raised", "closed True", "raised"], id="while a job is ended"),
    pytest.param(DONE, ["tidied up", "finished True", "raised"], id="once the work is done"),
    pytest.param(ONCE, ["raised", "cleaned up"], id="where it is asked for, and not again"),
    pytest.param(SWALLOWED, ["raised"], id="raised where it was swallowed"),
    pytest.param(THREADS, ["raised", "thread raised"], id="with a thread at work"),
]


@pytest.mark.parametrize(("script", "expected"), CASES)
def test_a_signal_is_raised_where_nothing_is_left_half_done(script: str, expected: list[str]) -> None:
    assert printed(script, "TERM") == expected
