"""The exchange that the engine trades on."""

from collections.abc import Iterator

import pytest

from tests.servers.sandbox import SandboxServer


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    """In a thread of its own; it ends with the test."""
    server = SandboxServer()
    yield server
    server.stop()
