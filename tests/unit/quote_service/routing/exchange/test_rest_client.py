"""Every request passes one client: a wrong clock is corrected, refused keys and dead streams are detected."""

import asyncio
import time
from typing import Any, cast

import ccxt
import pytest
from quote_service.routing.venues.exchange.client import RestClient, VenueClock
from quote_service.routing.venues.exchange.dialects import Dialect, KeyPermissions
from quote_service.routing.venues.exchange.ids import VenueClientIds
from quote_service.routing.venues.exchange.outcomes import RequestFailedError
from quote_service.routing.venues.exchange.permissions import AccountRefusedError, KeyCheck
from quote_service.routing.venues.exchange.registry import OrderRegistry
from quote_service.routing.venues.exchange.stream_silence import SilenceDetector

from runtime.exchange.request_budget import RequestBudget
from schemas.deployment import ExchangeSettings
from schemas.venues import VENUES
from tests.kit.fakes import ManualClock
from tests.unit.quote_service.routing.exchange.sender_world import World, run

OFF = 'binance {"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}'
REFUSED = 'binance {"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}'


class Venue:
    """Its clock, and what the key may do; refuses what was signed by another clock."""

    def __init__(self, offset_s: float = 0.0, permissions: KeyPermissions | Exception | None = None) -> None:
        self.venue = VENUES["binance"]
        self.client = self
        self.options: dict[str, Any] = {"timeDifference": 0}
        self.offset_s = offset_s
        self.permissions = permissions or KeyPermissions(can_trade=True, can_withdraw=False)
        self.asked: list[str] = []

    async def fetch_time(self) -> int:
        self.asked.append("time")
        return round((time.time() + self.offset_s) * 1e3)

    async def signed(self) -> str:
        self.asked.append("signed")
        if abs(self.options["timeDifference"] / 1e3 + self.offset_s) > 1:
            raise ccxt.InvalidNonce(OFF)
        return "done"

    async def key_permissions(self) -> KeyPermissions:
        if isinstance(self.permissions, Exception):
            raise self.permissions
        return self.permissions


def rest_client_at(venue: Venue, **settings: Any) -> RestClient:
    registry = OrderRegistry(VenueClientIds("mm", with_revision=True), lambda report: None, time.time_ns)
    config = ExchangeSettings(api_key_file="keys/key", **settings)
    return RestClient(config, cast(Dialect, venue), RequestBudget(VENUES["binance"], 1.0), registry)


class TestClock:
    @pytest.mark.parametrize("offset_s", [-3_600, -12, 0, 12, 3_600])
    def test_it_is_measured_at_the_first_refusal_and_the_request_is_carried_out(self, offset_s: int) -> None:
        async def test() -> None:
            venue = Venue(offset_s)
            rest_client = rest_client_at(venue)
            assert await rest_client.request("cancel", "cancel", venue.signed) == "done"
            assert venue.asked == (["signed"] if not offset_s else ["signed", "time", "signed"])
            assert rest_client.registry.clock_offset_s == pytest.approx(offset_s, abs=0.5)

        run(test)

    @pytest.mark.parametrize("step_s", [-3_600, 3_600])
    def test_a_machine_whose_clock_is_set_measures_again(
        self, step_s: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was measured an hour in the future was no measurement of others meanwhile; and the engine's
        time, by which orders and trades are compared, has not moved."""

        async def test() -> None:
            venue, true_s, ahead_s = Venue(), time.time, 0.0
            monkeypatch.setattr(time, "time", lambda: true_s() + ahead_s)
            rest_client = rest_client_at(venue)
            await rest_client.sync_clock()
            ahead_s, venue.offset_s = step_s, -step_s
            assert await rest_client.request("cancel", "cancel", venue.signed) == "done"
            assert venue.asked == ["time", "signed", "time", "signed"]
            assert rest_client.registry.clock_offset_s == pytest.approx(0.0, abs=0.5)

        run(test)

    def test_an_answer_that_was_long_under_way_is_asked_for_again(self) -> None:
        """A machine that is busy for seconds takes an answer late: half of that would be its error."""

        async def test() -> None:
            venue, now_s = Venue(), 1_000.0
            late_s = iter((8.0, 0.1))

            async def fetch_time() -> int:
                nonlocal now_s
                answer_ms = round(now_s * 1e3)
                now_s += next(late_s)
                return answer_ms

            venue.fetch_time = fetch_time  # type: ignore[method-assign]
            rest_client = rest_client_at(venue)
            rest_client.clock = VenueClock(venue, rest_client.budget, lambda: now_s)
            await rest_client.sync_clock()
            assert rest_client.registry.clock_offset_s == pytest.approx(0.0, abs=0.1)

        run(test)

    def test_many_that_are_refused_together_measure_once(self) -> None:
        async def test() -> None:
            venue = Venue(30)
            rest_client = rest_client_at(venue)
            await asyncio.gather(*(rest_client.request("cancel", "cancel", venue.signed) for _ in range(10)))
            assert venue.asked.count("time") == 1

        run(test)

    def test_what_is_refused_again_is_not_tried_for_ever(self) -> None:
        async def test() -> None:
            venue = Venue()

            async def refused() -> None:
                venue.asked.append("refused")
                raise ccxt.InvalidNonce(OFF)

            with pytest.raises(RequestFailedError, match="CLOCK"):
                await rest_client_at(venue).request("cancel", "cancel", refused)
            assert venue.asked == ["refused", "time", "refused"]

        run(test)


class TestKeys:
    @pytest.mark.parametrize(
        ("permissions", "words"),
        [
            (ccxt.AuthenticationError(REFUSED), "binance rejects the API key in keys/key"),
            (ccxt.DDoSProtection(REFUSED), "binance rejects the API key in keys/key"),
            (KeyPermissions(can_trade=False), "does not let the API key in keys/key trade"),
            (KeyPermissions(can_withdraw=True), "can withdraw, which an engine never needs"),
        ],
    )
    def test_what_only_a_person_can_mend_is_said_with_the_remedy(
        self, permissions: KeyPermissions | Exception, words: str
    ) -> None:
        async def test() -> None:
            with pytest.raises(AccountRefusedError, match=words):
                await KeyCheck(rest_client_at(Venue(permissions=permissions))).run()

        run(test)

    def test_a_key_that_can_withdraw_may_be_named(self) -> None:
        async def test() -> None:
            venue = Venue(permissions=KeyPermissions(can_withdraw=True))
            await KeyCheck(rest_client_at(venue, withdrawal_key_allowed=True)).run()

        run(test)

    def test_no_answer_is_no_refusal(self) -> None:
        async def test() -> None:
            with pytest.raises(RequestFailedError) as raised:
                await KeyCheck(rest_client_at(Venue(permissions=ccxt.RequestTimeout("no answer")))).run()
            assert not isinstance(raised.value, AccountRefusedError)

        run(test)

    def test_a_refusal_of_any_request_is_told(self) -> None:
        async def test() -> None:
            rest_client = rest_client_at(Venue())
            told: list[RequestFailedError] = []
            rest_client.on_refused = told.append

            async def refused() -> None:
                raise ccxt.DDoSProtection(REFUSED)

            with pytest.raises(RequestFailedError):
                await rest_client.request("place", "order", refused)
            assert [failure.reason for failure in told] == ["ACCOUNT_REFUSED"]

        run(test)


class TestSilence:
    def owing(self) -> tuple[SilenceDetector, ManualClock]:
        clock = ManualClock()
        return SilenceDetector(2.0, clock), clock

    def test_a_stream_that_owes_nothing_may_be_silent_for_hours(self) -> None:
        silence, clock = self.owing()
        clock.now_s += 10_000
        assert silence.failure() is None

    def test_a_confirmed_change_has_to_be_told_within_the_limit(self) -> None:
        silence, clock = self.owing()
        clock.now_s += 10
        silence.observe_change(clock.now_s)
        clock.now_s += 1.9
        assert silence.failure() is None
        clock.now_s += 0.2
        assert "no event for a change" in (silence.failure() or "")

    def test_an_event_that_came_before_the_answer_counts(self) -> None:
        silence, clock = self.owing()
        asked_s = clock.now_s
        clock.now_s += 0.1
        silence.observe_event()
        silence.observe_change(asked_s)
        clock.now_s += 10
        assert silence.failure() is None

    def test_changes_that_follow_each_other_do_not_put_it_off(self) -> None:
        silence, clock = self.owing()
        for _ in range(6):
            clock.now_s += 0.5
            silence.observe_change(clock.now_s)
        assert silence.failure() is not None

    def test_a_trade_that_a_request_showed_has_to_come_by_the_stream_too(self) -> None:
        silence, clock = self.owing()
        silence.observe_requested(("BTC/USDT", "7"))
        silence.observe_requested(("ETH/USDT", "7"))
        silence.observe_streamed(("BTC/USDT", "7"))
        clock.now_s += 2.1
        assert "trade 7 of ETH/USDT" in (silence.failure() or "")
        silence.reset()
        assert silence.failure() is None


def test_a_confirmed_order_and_a_confirmed_cancel_are_owed_by_the_stream() -> None:
    async def test() -> None:
        world = World()
        acted: list[float] = []
        world.rest_client.on_confirmed = acted.append
        await world.intend("place_intent")
        await world.intend("amend_intent", ticks=101)
        await world.intend("cancel_intent")
        assert len(acted) == 3
        world = World(["refuse"])
        world.rest_client.on_confirmed = acted.append
        await world.intend("place_intent")
        assert len(acted) == 3

    run(test)
