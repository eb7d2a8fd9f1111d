"""The state store port: written by the view projector, read by the gateway.

In `maker up` it is memory; distributed, it is Redis. Values are JSON documents.
"""

from collections.abc import Mapping
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
