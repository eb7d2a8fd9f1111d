"""Signals for a clean stop."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def on_stop(stop: Callable[[], None]) -> None:
    """Call `stop` in the running loop on Ctrl+C, SIGTERM and when the terminal is closed.

    Under nohup the last is already ignored, and stays so.
    """
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            continue
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, stop)


@contextmanager
def stops_interrupt() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt, as Ctrl+C does, until a loop has its own handlers."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
