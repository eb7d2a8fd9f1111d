"""The live stream: a snapshot, then only what changed; a slow client gets newer messages, not more."""

import asyncio
import json
from collections.abc import Callable
from time import monotonic
from typing import Any, get_args

import pytest
from gateway_api.access.identity import Identity
from gateway_api.app import stream
from gateway_api.app.overview import Overview

from runtime.store.documents import MemoryStore
from schemas.config import Config
from schemas.control import Acknowledgement, Decision, Proposal, ProposalKind, SettingChange
from schemas.process import SettingApplied
from tests.unit.gateway_api.conftest import Engine, Messages
from tests.unit.gateway_api.streaming import EVERYTHING, KEY, LOCAL, Told, close, message_of, run, streams_of

pytestmark = pytest.mark.usefixtures("quick")


def test_the_first_message_is_a_snapshot_of_everything(trading: Engine, btc: Messages) -> None:
    trading.take(btc.alert(9, "warning", 84), btc.command(9, "start", "c-1"))

    async def first() -> Told:
        return await message_of(streams_of(trading).overview(LOCAL))

    name, data = run(first())

    assert (name, data["sequence"]) == ("snapshot", 1)
    assert data["engine_time_ms"] == trading.context().now_ns() / 1e6
    assert data["engine"]["mode"] == "paper"
    assert data["account"]["state"] == "RUN"
    assert data["account"]["pnl"] == "1.68002"
    assert data["account"]["exposure"] == pytest.approx(200 / 1_000_001.68, abs=1e-6)
    assert data["alerts"][0]["message"] == "position at 84 % of its limit"
    assert data["commands"][0]["command_id"] == "c-1"
    assert data["symbols"][KEY]["bid"]["quote"]["price"] == "99.90"


def test_then_come_only_the_symbols_that_changed(
    trading: Engine, btc: Messages, messages_of: Callable[..., Messages]
) -> None:
    eth = messages_of("ETH/USDT")
    trading.take(eth.instrument(), eth.book(1))

    async def two() -> Told:
        events = streams_of(trading).overview(LOCAL)
        await message_of(events)
        trading.take(eth.book(9, 9_000))
        return await message_of(events)

    name, data = run(two())

    assert (name, data["sequence"]) == ("update", 2)
    assert set(data["symbols"]) == {"synthetic:ETH/USDT"}
    assert "account" not in data
    assert "engine" not in data


def test_a_slow_client_gets_the_newest_state_and_no_queue(trading: Engine, btc: Messages) -> None:
    async def slow() -> Told:
        events = streams_of(trading).overview(LOCAL)
        await message_of(events)
        for number in range(500):
            trading.take(btc.book(10 + number, 9_000 + number))
        return await message_of(events)

    name, data = run(slow())

    assert (name, data["sequence"]) == ("update", 2)
    assert data["symbols"][KEY]["market"]["bid"] == "94.99"


def test_an_account_halt_changes_every_symbol(trading: Engine, account: Messages) -> None:
    async def two() -> Told:
        events = streams_of(trading).overview(LOCAL)
        await message_of(events)
        trading.store.put({"account": _account_alone(trading, account)})
        return await message_of(events)

    _, data = run(two())

    assert data["account"]["state"] == "HALT"
    assert data["symbols"][KEY]["state"] == "HALTED"


def _account_alone(trading: Engine, account: Messages) -> bytes:
    """The account's view after a halt, before any symbol's view was written."""
    trading.core.on_event(account.risk(9, "HALT", "COMMAND"))
    return trading.core.pop_changed()["account"]


def test_a_refresh_lets_others_have_their_turn(engine: Engine, messages_of: Callable[..., Messages]) -> None:
    for number in range(40):
        engine.take(messages_of(f"S{number}/USDT").instrument())
    overview = Overview(engine.store, Config(), EVERYTHING)

    async def turns_of_others() -> int:
        refresh = asyncio.create_task(overview.refresh())
        turns = 0
        while not refresh.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert run(turns_of_others()) >= 5


def test_a_client_that_leaves_in_the_middle_of_a_refresh_costs_the_others_nothing(
    engine: Engine, messages_of: Callable[..., Messages]
) -> None:
    markets = [messages_of(f"S{number}/USDT") for number in range(40)]
    for market in markets:
        engine.take(market.instrument())

    async def leave_and_stay() -> int:
        streams = streams_of(engine)
        staying, leaving = streams.overview(LOCAL), streams.overview(LOCAL)
        await message_of(staying)
        await message_of(leaving)
        await asyncio.sleep(0.01)
        for market in markets:
            engine.take(market.book(1))
        reading = asyncio.ensure_future(anext(leaving))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        reading.cancel()
        seen: set[str] = set()
        while len(seen) < len(markets):
            seen |= set((await message_of(staying))[1].get("symbols", ()))
        return len(seen)

    assert run(leave_and_stay()) == 40


def test_where_nothing_changes_there_is_a_heartbeat(trading: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_HEARTBEAT_S", 0.01)

    async def two() -> Told:
        events = streams_of(trading).overview(LOCAL)
        await message_of(events)
        return await message_of(events)

    assert run(two()) == ("heartbeat", {"sequence": 2, "engine_time_ms": trading.context().now_ns() / 1e6})


def test_a_view_that_did_not_change_is_not_decoded_again(
    trading: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    overview = Overview(trading.store, Config(), EVERYTHING)
    run(overview.refresh())
    monkeypatch.setattr("gateway_api.app.overview.decode", lambda *_: pytest.fail("decoded again"))
    run(overview.refresh())
    assert overview.since(overview.change) == b""


def test_an_engine_that_has_said_nothing_yet_has_an_empty_snapshot(engine: Engine) -> None:
    overview = Overview(MemoryStore(), Config(), EVERYTHING)
    run(overview.refresh())
    data = json.loads(b"{%s}" % overview.since(-1))
    assert data["account"]["state"] is None
    assert "symbols" not in data


def test_a_symbol_in_depth_shows_the_ladder_with_our_levels(trading: Engine, btc: Messages) -> None:
    trading.take(btc.accepted(9, "buy", 9_999))

    async def first() -> Told:
        return await message_of(streams_of(trading).detail(LOCAL, KEY))

    name, data = run(first())
    detail = data["detail"]

    assert name == "snapshot"
    assert detail["bids"][0] == {"price": "99.99", "size": "5.000", "own_size": "2.000"}
    assert detail["asks"][-1] == {"price": "100.10", "size": None, "own_size": "2.000"}
    assert [level["price"] for level in detail["asks"]] == ["100.01", "100.02", "100.10"]
    assert detail["trades"][0]["price"] == "100.00"
    assert detail["fills"][0]["edge_bps"] == 10.0
    assert detail["why"]["bid"]["price"] == "99.90"
    assert detail["contract"]["tick_size"] == "0.01"


def id_of(message: bytes) -> str:
    return message.partition(b"\n")[0].removeprefix(b"id: ").decode()


def test_a_client_that_comes_again_gets_what_changed_since(
    trading: Engine, messages_of: Callable[..., Messages]
) -> None:
    eth = messages_of("ETH/USDT")
    trading.take(eth.instrument(), eth.book(1))

    async def leave_and_come_again() -> Told:
        streams = streams_of(trading)
        staying, leaving = streams.overview(LOCAL), streams.overview(LOCAL)
        await anext(staying)
        last = id_of(await anext(leaving))
        await close(leaving)
        trading.take(eth.book(9, 9_000))
        await asyncio.sleep(0.01)  # the overview is read again
        return await message_of(streams.overview(LOCAL, last))

    name, data = run(leave_and_come_again())
    assert (name, data["sequence"], data["resumed"]) == ("update", 1, True)
    assert set(data["symbols"]) == {"synthetic:ETH/USDT"}
    assert "engine" not in data


@pytest.mark.parametrize("last", ["", "other-3", "nonsense", "-1"])
def test_a_place_that_nobody_knows_begins_anew(trading: Engine, last: str) -> None:
    async def first() -> Told:
        return await message_of(streams_of(trading).overview(LOCAL, last))

    name, data = run(first())
    assert name == "snapshot"
    assert "resumed" not in data
    assert "engine" in data


def test_a_client_that_was_too_slow_is_given_everything_anew(
    trading: Engine, btc: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    later_s = [0.0]
    monkeypatch.setattr(stream, "monotonic", lambda: monotonic() + later_s[0])

    async def three() -> tuple[Told, Told]:
        events = streams_of(trading).overview(LOCAL)
        await message_of(events)
        later_s[0] += stream.SLOW_S + 1
        again = await message_of(events)
        trading.take(btc.book(11, 9_001))
        return again, await message_of(events)

    (name, data), (later, _) = run(three())
    assert (name, data["dropped"]) == ("snapshot", True)
    assert KEY in data["symbols"]
    assert later == "update"


def test_scope_and_rights_cut_what_is_told(
    trading: Engine, messages_of: Callable[..., Messages], btc: Messages
) -> None:
    eth = messages_of("ETH/USDT")
    trading.take(eth.instrument(), eth.book(1), btc.alert(9, "warning", 84))
    admin = Identity("root", ("admin",), ("synthetic:ETH/USDT",), "password", "s", 2e9)

    async def first() -> Told:
        return await message_of(streams_of(trading).overview(admin))

    _, data = run(first())
    assert set(data["symbols"]) == {"synthetic:ETH/USDT"}
    assert data["account"]["pnl"] is None
    assert data["alerts"] == []
    assert data["fills"] == []


def test_alerts_of_one_kind_are_one_line_with_their_count_until_somebody_has_seen_the_newest(
    trading: Engine, btc: Messages
) -> None:
    trading.take(*(btc.alert(number, "warning", number) for number in (1, 2, 3)))
    seen = Acknowledgement(**btc.at(4), alert_id="risk-3", principal="ann", note="on it")

    def alerts() -> Any:
        overview = Overview(trading.store, Config(), EVERYTHING)
        run(overview.refresh())
        return json.loads(b"{%s}" % overview.since(-1))["alerts"]

    (before,) = alerts()
    assert (before["count"], before["alert_id"], before["acknowledged_by"]) == (3, "risk-3", None)
    trading.take(seen)
    assert [(each["acknowledged_by"], each["note"]) for each in alerts()] == [("ann", "on it")]
    trading.take(btc.alert(5, "warning", 5))
    assert alerts()[0]["acknowledged_by"] is None


def test_fills_of_all_symbols_stand_in_one_list_newest_first(
    trading: Engine, btc: Messages, messages_of: Callable[..., Messages]
) -> None:
    eth = messages_of("ETH/USDT")
    trading.take(eth.instrument(), eth.fill(6, 7), btc.fill(8, 9))
    overview = Overview(trading.store, Config(), EVERYTHING)
    run(overview.refresh())
    fills = json.loads(b"{%s}" % overview.since(-1))["fills"]
    assert [fill["key"].partition(":")[2] for fill in fills] == ["BTC/USDT", "ETH/USDT", "BTC/USDT"]


SUBJECTS = (
    {"kind": "setting", "setting_key": "risk_limits.max_loss", "value": "-900"},
    {"kind": "adjustment", "how": "adjust", "size_change": "1"},
    {
        "kind": "override",
        "instrument_version": 1,
        "side": "buy",
        "price_ticks": 1,
        "size_lots": 1,
        "codes": ["X"],
        "valid_s": 9,
    },
)


def test_every_kind_of_proposal_is_told(trading: Engine, account: Messages) -> None:
    asked = {"requester": "ann", "reason": "r", "valid_until_ns": int(2e18)}
    trading.take(
        *(Proposal(**account.at(8), **asked, proposal_id=each["kind"], subject=each) for each in SUBJECTS)
    )
    overview = Overview(trading.store, Config(), EVERYTHING)
    run(overview.refresh())
    told = json.loads(b"{%s}" % overview.since(-1))["proposals"]
    assert sorted(each["kind"] for each in told) == sorted(get_args(ProposalKind))
    assert {each["kind"] for each in SUBJECTS} == set(get_args(ProposalKind))


def test_a_part_that_cannot_be_made_leaves_the_others(
    trading: Engine, account: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise ValueError("a value that nobody foresaw")

    overview = Overview(trading.store, Config(), EVERYTHING)
    run(overview.refresh())
    monkeypatch.setattr("gateway_api.app.overview.alerts_json", broken)
    monkeypatch.setattr("gateway_api.app.overview.symbol_status", broken)
    trading.take(account.command(9, "start", "c-9"), account.alert(9, "warning", 84))
    before = overview.change
    run(overview.refresh())
    told = json.loads(b"{%s}" % overview.since(before))
    assert told["commands"][0]["command_id"] == "c-9"
    assert "alerts" not in told


def test_proposals_and_changes_are_told(trading: Engine, account: Messages) -> None:
    wish = {"kind": "setting", "setting_key": "risk_limits.max_loss", "value": "-900"}
    asked = {"requester": "ann", "reason": "r", "valid_until_ns": int(2e18)}
    trading.take(
        Proposal(**account.at(8), **asked, proposal_id="p", subject=wish),
        SettingChange(
            **account.at(8),
            change_id="c",
            setting_key="market_making.base_spread",
            value="0.003",
            requester="ann",
        ),
    )
    streams = Overview(trading.store, Config(), EVERYTHING)
    run(streams.refresh())
    data = json.loads(b"{%s}" % streams.since(-1))
    assert data["proposals"][0]["text"] == "risk_limits.max_loss = -900"
    assert (data["changes"][0]["in_force"], data["changes"][0]["applied_by"]) == (False, [])
    trading.take(
        SettingApplied(
            event_time_ns=int(2e18),
            process="quote-service",
            change_id="c",
            setting_key="market_making.base_spread",
            value="0.003",
        ),
        Decision(**account.at(9), proposal_id="p", principal="bob", approved=False),
    )
    run(streams.refresh())
    data = json.loads(b"{%s}" % streams.since(-1))
    assert data["proposals"] == []
    assert (data["changes"][0]["in_force"], data["changes"][0]["applied_by"]) == (True, ["quote-service"])
