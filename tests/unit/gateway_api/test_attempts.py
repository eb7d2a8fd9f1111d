"""Those who guess wait and keep nobody else out; commands and previews have rates."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from gateway_api.access.authentication import Entry, NotNowError
from gateway_api.access.hashing import WAITING_MAX
from gateway_api.access.rates import AllowedRate, RateName, Rates
from gateway_api.access.throttle import Bound, Throttle, bounds_of
from gateway_api.access.users import UsersFile

from tests.servers.local import PATIENCE_S
from tests.unit.gateway_api.conftest import API, PASSWORD, Client, Engine
from tests.unit.gateway_api.signing_in import door_of, sign_in, stop_clock


def test_those_who_guess_wait(guest: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_clock(guest, monkeypatch)
    for _ in range(5):
        assert sign_in(guest, name="ann", password="wrong").status_code == 401
    answer = sign_in(guest, name="ann", password=PASSWORD)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert int(answer.headers["retry-after"]) >= 1


def ann_at(address: str, *, is_known: bool = False) -> tuple[Bound, ...]:
    return bounds_of("ann", address, is_known=is_known)


def test_each_failure_doubles_the_wait_and_the_right_one_ends_it() -> None:
    throttle, now_s, waits = Throttle(), 100.0, []
    for _ in range(16):
        wait_s = throttle.attempt(ann_at("x", is_known=True), now_s)
        waits.append(wait_s)
        now_s += wait_s
        if wait_s:
            assert throttle.attempt(ann_at("x", is_known=True), now_s) == 0
    assert waits[:9] == [0, 0, 0, 0, 0, 1, 2, 4, 8]
    assert waits[-1] == 300
    assert throttle.attempt(bounds_of("bob", "x", is_known=True), now_s) == 0
    assert throttle.attempt(ann_at("x", is_known=True), now_s + 901) == 0
    throttle.clear(ann_at("x", is_known=True))
    assert throttle.attempt(ann_at("x", is_known=True), now_s) == 0


def test_nobody_locks_somebody_out_from_elsewhere() -> None:
    throttle = Throttle()
    for number in range(3_000):
        throttle.attempt(ann_at(f"elsewhere {number % 300}"), 100.0 + number / 10)
    assert throttle.attempt(ann_at("home", is_known=True), 401.0) == 0
    assert throttle.attempt(ann_at("a new place"), 401.0) <= 30


def test_guesses_of_many_names_from_one_address_are_held_back() -> None:
    throttle = Throttle()
    waits = [throttle.attempt(bounds_of(f"name{n}", "x", is_known=False), 100.0) for n in range(22)]
    assert waits[:20] == [0] * 20
    assert waits[20] > 0


def test_the_memory_of_those_who_guess_is_bounded() -> None:
    throttle = Throttle()
    for number in range(10_100):
        throttle.attempt(bounds_of(f"name {number}", "x", is_known=True), 1.0)
    assert len(throttle._attempts) == 10_000


def test_a_hundred_guesses_at_once_are_a_hundred(users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []

    def refuse(users: UsersFile, name: str, password: str) -> bool:
        looked_at.append(password)
        return False

    monkeypatch.setattr(UsersFile, "is_password", refuse)
    authentication = door_of(users)

    async def guess_at_once() -> list[Entry | BaseException]:
        tries = (authentication.sign_in("ann", f"guess {n}", None, "x") for n in range(100))
        return await asyncio.gather(*tries, return_exceptions=True)

    refused = [each for each in asyncio.run(guess_at_once()) if isinstance(each, NotNowError)]
    assert len(looked_at) == 5
    assert len(refused) == 95


def test_the_hash_queue_is_bounded_and_has_a_lane_for_those_who_are_known(
    users: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    is_password = lambda _, name, __: name == "ann" or released.wait(PATIENCE_S)  # noqa: E731
    monkeypatch.setattr(UsersFile, "is_password", is_password)
    authentication = door_of(users)

    async def run() -> tuple[Entry, list[BaseException | None]]:
        await authentication.sessions.know("ann", "home", authentication._clock())
        strangers = [
            asyncio.create_task(authentication.sign_in(f"n{n}", PASSWORD, None, f"address {n}"))
            for n in range(50)
        ]
        async with asyncio.timeout(PATIENCE_S):
            entry = await authentication.sign_in("ann", PASSWORD, None, "home")
        refused = [each.exception() for each in strangers if each.done()]
        released.set()
        await asyncio.gather(*strangers, return_exceptions=True)
        return entry, refused

    entry, refused = asyncio.run(run())
    assert entry.identity is not None
    assert entry.identity.name == "ann"
    assert len(refused) == 50 - WAITING_MAX
    assert all(isinstance(each, NotNowError) and each.is_busy for each in refused)


def test_whoever_guesses_codes_keeps_nobody_out(
    trading: Engine, visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_clock(visitor, monkeypatch)
    answers = [sign_in(visitor, code="wrong").status_code for _ in range(7)]
    assert answers[:5] == [401] * 5
    assert answers[-1] == 429
    assert sign_in(visitor, code=trading.codes[0]).status_code == 200


def test_commands_and_previews_have_rates_and_say_so(
    trading: Engine, client_of: type[Client], rates: dict[RateName, AllowedRate]
) -> None:
    client = client_of(trading)
    start: dict[str, Any] = {"url": f"{API}/maker/start", "json": {"symbol": "BTC/USDT"}}
    first = client.post(**start)
    assert first.headers["ratelimit-policy"] == '"command";q=30;w=10'
    assert first.headers["ratelimit"].startswith('"command";r=')
    answers = [client.post(**start) for _ in range(60)]
    refused = [each for each in answers if each.status_code == 429]
    assert refused
    assert refused[0].json()["code"] == "too_many_requests"
    assert int(refused[0].headers["retry-after"]) >= 1
    assert refused[0].headers["ratelimit"].startswith('"command";r=0;t=')
    halt = client.post(f"{API}/maker/risk/halt", json={"symbol": "*", "reason": "r"})
    assert halt.status_code == 202  # whoever has used up commands can halt
    assert halt.headers["ratelimit-policy"] == '"halt";q=60;w=10'


def test_a_rate_refills(rates: dict[RateName, AllowedRate]) -> None:
    counted = Rates()
    taken = [counted.spend("ann", "preview", 100.0).is_allowed for _ in range(21)]
    assert taken == [True] * 20 + [False]
    assert counted.spend("bob", "preview", 100.0).is_allowed
    assert not counted.spend("ann", "preview", 100.4).is_allowed
    again = counted.spend("ann", "preview", 100.6)
    assert (again.is_allowed, again.left) == (True, 0)
    assert counted.spend("ann", "preview", 200.0).left == 19
