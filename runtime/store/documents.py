"""The state store port: written by the view projector, read by the gateway.

In `maker up` it is memory; distributed, it is Redis. Values are JSON documents.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """Freshness of the documents."""

    state: Literal["live", "stale", "away"]
    age_ms: int | None
    """Time since their writer last confirmed them; None: never."""

    @property
    def is_partial(self) -> bool:
        """Whether the documents may be out of date."""
        return self.state != "live"


class StateStore(Protocol):
    """Named JSON documents, the latest version of each."""

    def put(self, documents: Mapping[str, bytes]) -> None:
        """Write all documents or none."""

    def get(self, name: str) -> bytes | None:
        """The document, or None."""

    def names(self, prefix: str) -> tuple[str, ...]:
        """The names that begin with `prefix`, sorted."""

    def status(self) -> StoreStatus:
        """Freshness of the documents."""


class MemoryStore:
    """A store for one process."""

    def __init__(self) -> None:
        self._documents: dict[str, bytes] = {}

    def put(self, documents: Mapping[str, bytes]) -> None:
        """Write all documents."""
        self._documents.update(documents)

    def get(self, name: str) -> bytes | None:
        """The document, or None."""
        return self._documents.get(name)

    def names(self, prefix: str) -> tuple[str, ...]:
        """The names that begin with `prefix`, sorted."""
        return tuple(sorted(name for name in self._documents if name.startswith(prefix)))

    def status(self) -> StoreStatus:
        """Always live: writer and reader share memory."""
        return StoreStatus("live", 0)


class PulledStore(MemoryStore):
    """A store whose documents are made when they are read: it costs nothing where nobody looks.

    Writer and reader share a thread.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pull: Callable[[], Mapping[str, bytes]] = dict
        """The documents that changed since the last call."""

    def get(self, name: str) -> bytes | None:
        """The document as of now, or None."""
        self.put(self.pull())
        return super().get(name)

    def names(self, prefix: str) -> tuple[str, ...]:
        """The names of now that begin with `prefix`, sorted."""
        self.put(self.pull())
        return super().names(prefix)
