"""Streams of the gateway without a network, and what they say."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from typing import Any, TypeVar

from gateway_api.access.identity import Identity
from gateway_api.access.visibility import ALL_OF_IT
from gateway_api.app.stream import Streams

from tests.servers.local import PATIENCE_S
from tests.unit.gateway_api.conftest import Engine

KEY = "synthetic:BTC/USDT"
EVERYTHING = ALL_OF_IT
LOCAL = Identity("local", ("trader", "risk", "admin"), ("*",), "one_time", "s", 2e9)
T = TypeVar("T")
Told = tuple[str, dict[str, Any]]
"""The name of an event and its data."""


async def welcome_for_ever(_: Identity) -> bool:
    return True


def streams_of(engine: Engine) -> Streams:
    return Streams(engine.context(), welcome_for_ever)


def parsed(message: bytes) -> Told:
    found = re.fullmatch(rb"id: (\w+-\d+)\nevent: (\w+)\ndata: (.*)\n\n", message)
    assert found is not None, message
    data = json.loads(found[3])
    return found[2].decode(), data


async def message_of(events: AsyncIterator[bytes]) -> Told:
    return parsed(await asyncio.wait_for(anext(events), PATIENCE_S))


async def close(events: AsyncIterator[bytes]) -> None:
    assert isinstance(events, AsyncGenerator)
    await events.aclose()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)
