"""Signals for a clean stop."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress

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
