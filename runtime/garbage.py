"""Control of Python's cycle collector."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Suspend collection while building many permanent objects, where it would only cause pauses."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def settle_garbage() -> None:
    """Exclude the objects of the start, which live as long as the process, from further collections."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
