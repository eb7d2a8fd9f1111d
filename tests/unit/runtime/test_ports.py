"""A port that is in use: said with the key of the setting, and with the option that gives another."""

import asyncio
import socket
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from runtime.errors import DependencyError
from runtime.http.server import HttpServer


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_a_chosen_port_in_use_names_its_setting_and_option(busy: int) -> None:
    with pytest.raises(DependencyError) as refused:
        HttpServer(None, busy, port_is_chosen=True)
    assert str(refused.value) == (
        f"cannot listen on 127.0.0.1:{busy}: Address already in use; "
        "choose another with gateway.port or --port"
    )
    with pytest.raises(DependencyError, match=r"with process\.health_port or --health-port"):
        HttpServer(None, busy, port_is_chosen=True, setting="process.health_port")


def test_the_usual_port_in_use_is_replaced_and_that_is_said(busy: int) -> None:
    with capture_logs() as logs:
        assert str(busy) not in asyncio.run(started_url(busy))
    (said,) = [each for each in logs if each["event"] == "port_in_use"]
    assert (said["port"], said["setting"]) == (busy, "gateway.port")


async def started_url(busy: int) -> str:
    server = HttpServer(None, busy, port_is_chosen=False)
    try:
        return server.url
    finally:
        await server.stop()
