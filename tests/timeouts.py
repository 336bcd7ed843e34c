"""The end of a test that outlives its timeout, whatever it hangs in.

pytest-timeout raises in whatever code runs at that moment, once. asyncio keeps what is raised in a
background task or a callback to itself, and Hypothesis takes it for an example that fails, which it
plays again: so it is raised again and again, as what is no failure for Hypothesis. C code is not
interrupted: such a test would hang for ever. Then its process ends, with the stacks of all its
threads, and xdist names the test.
"""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Callable, Generator
from types import FrameType

import pytest
from _pytest.outcomes import OutcomeException

_AGAIN_S = 20.0
_GRACE_S = 120.0
_stderr = pytest.StashKey[int]()
_alarm = pytest.StashKey[Callable[[int, FrameType | None], None]]()


class TimedOut(OutcomeException):
    """A test took too long."""


def pytest_configure(config: pytest.Config) -> None:
    """Keep the real stderr: a test's own is captured."""
    config.stash[_stderr] = os.dup(2)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Interrupt a test that outlives its timeout, and end its process if that does not end it."""
    theirs = signal.getsignal(signal.SIGALRM)

    def alarm(number: int, frame: FrameType | None) -> None:
        assert callable(theirs)
        try:
            theirs(number, frame)  # prints the stacks of all other threads
        except pytest.fail.Exception as error:
            raise TimedOut(str(error)) from None

    if signal.getitimer(signal.ITIMER_REAL)[0]:
        item.stash[_alarm] = alarm
    _wind(item)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    """Limit what follows on a failure too: pytest and pytest-timeout stop their clocks then, as
    somebody might look at it in a debugger."""
    if isinstance(node, pytest.Item) and not node.config.getoption("usepdb"):
        _wind(node)


def _wind(item: pytest.Item) -> None:
    marker = item.get_closest_marker("timeout")
    timeout_s = float(marker.args[0] if marker else item.config.getini("timeout"))
    faulthandler.dump_traceback_later(
        timeout_s + _GRACE_S, file=item.config.stash[_stderr], exit=True
    )
    if (alarm := item.stash.get(_alarm, None)) is not None:
        signal.signal(signal.SIGALRM, alarm)
        signal.setitimer(signal.ITIMER_REAL, timeout_s, _AGAIN_S)
