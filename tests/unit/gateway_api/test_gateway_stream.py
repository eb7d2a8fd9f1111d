"""The live stream: a snapshot, then only what changed; a slow client gets newer messages, not more."""

import asyncio
import json
import re
import socket
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from time import monotonic

import httpx
import pytest
import uvicorn
from gateway_api.access.identity import Identity
from gateway_api.app import stream
from gateway_api.app.overview import Overview, Sight
from gateway_api.app.problems import ProblemError
from gateway_api.app.service import make_app
from gateway_api.app.stream import Streams

from chassis.store import MemoryStore
from schemas.config import Config
from schemas.control import Acknowledgement, Decision, Proposal, SettingChange
from schemas.process import SettingApplied

KEY = "synthetic:BTC/USDT"
EVERYTHING = Sight(("*",), shows_pnl=True)
LOCAL = Identity("local", ("trader", "risk", "admin"), ("*",), "one_time", "s", 2e9)


def streams_of(engine) -> Streams:
    return Streams(engine.context(), lambda identity: True)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(stream, "INTERVAL_S", 0.001)
    monkeypatch.setattr(stream, "_INTERVAL_MAX_S", 0.002)


def parsed(message: bytes) -> tuple[str, dict]:
    found = re.fullmatch(rb"id: (\w+-\d+)\nevent: (\w+)\ndata: (.*)\n\n", message)
    data = json.loads(found[3])
    return found[2].decode(), data


async def message_of(events: AsyncIterator[bytes]) -> tuple[str, dict]:
    return parsed(await asyncio.wait_for(anext(events), 5))


def run(coroutine):
    return asyncio.run(coroutine)


def test_the_first_message_is_a_snapshot_of_everything(trading, btc):
    trading.take(btc.alert(9, "warning", 84), btc.command(9, "start", "c-1"))

    async def first():
        return await message_of(streams_of(trading).overview(LOCAL))

    name, data = run(first())

    assert (name, data["sequence"]) == ("snapshot", 1)
    assert data["engine_time_ms"] == trading.context().now_ns() / 1e6
    assert data["engine"]["mode"] == "paper"
    assert data["account"]["state"] == "RUN"
    assert data["account"]["pnl"] == "1.6800"
    assert data["account"]["exposure"] == pytest.approx(200 / 1_000_001.68, abs=1e-6)
    assert data["alerts"][0]["message"] == "position at 84 % of its limit"
    assert data["commands"][0]["command_id"] == "c-1"
    assert data["symbols"][KEY]["bid"]["quote"]["price"] == "99.90"


def test_then_come_only_the_symbols_that_changed(trading, btc, messages_of):
    eth = messages_of("ETH/USDT")
    trading.take(eth.instrument(), eth.book(1))

    async def two():
        events = streams_of(trading).overview(LOCAL)
        await message_of(events)
        trading.take(eth.book(9, 9_000))
        return await message_of(events)

    name, data = run(two())

    assert (name, data["sequence"]) == ("update", 2)
    assert set(data["symbols"]) == {"synthetic:ETH/USDT"}
    assert "account" not in data
    assert "engine" not in data


def test_a_slow_client_gets_the_newest_state_and_no_queue(trading, btc):
    async def slow():
        events = streams_of(trading).overview(LOCAL)
        await message_of(events)
        for number in range(500):
            trading.take(btc.book(10 + number, 9_000 + number))
        return await message_of(events)

    name, data = run(slow())

    assert (name, data["sequence"]) == ("update", 2)
    assert data["symbols"][KEY]["market"]["bid"] == "94.99"


def test_an_account_halt_changes_every_symbol(trading, account):
    async def two():
        events = streams_of(trading).overview(LOCAL)
        await message_of(events)
        trading.store.put({"account": _account_alone(trading, account)})
        return await message_of(events)

    _, data = run(two())

    assert data["account"]["state"] == "HALT"
    assert data["symbols"][KEY]["state"] == "HALTED"


def _account_alone(trading, account) -> bytes:
    """The account's view after a halt, before any symbol's view was written."""
    trading.core.on_event(account.risk(9, "HALT", "COMMAND"))
    return trading.core.take_dirty()["account"]


def test_a_refresh_lets_others_have_their_turn(engine, messages_of):
    for number in range(40):
        engine.take(messages_of(f"S{number}/USDT").instrument())
    overview = Overview(engine.store, Config(), EVERYTHING)

    async def turns_of_others():
        refresh = asyncio.create_task(overview.refresh())
        turns = 0
        while not refresh.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert run(turns_of_others()) >= 5


def test_a_client_that_leaves_in_the_middle_of_a_refresh_costs_the_others_nothing(engine, messages_of):
    markets = [messages_of(f"S{number}/USDT") for number in range(40)]
    for market in markets:
        engine.take(market.instrument())

    async def leave_and_stay():
        streams = streams_of(engine)
        staying, leaving = streams.overview(LOCAL), streams.overview(LOCAL)
        await message_of(staying)
        await message_of(leaving)
        await asyncio.sleep(0.01)
        for market in markets:
            engine.take(market.book(1))
        reading = asyncio.create_task(anext(leaving))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        reading.cancel()
        seen = set()
        while len(seen) < len(markets):
            seen |= set((await message_of(staying))[1].get("symbols", ()))
        return len(seen)

    assert run(leave_and_stay()) == 40


def test_where_nothing_changes_there_is_a_heartbeat(trading, monkeypatch):
    monkeypatch.setattr(stream, "_HEARTBEAT_S", 0.01)

    async def two():
        events = streams_of(trading).overview(LOCAL)
        await message_of(events)
        return await message_of(events)

    assert run(two()) == ("heartbeat", {"sequence": 2, "engine_time_ms": trading.context().now_ns() / 1e6})


def test_a_view_that_did_not_change_is_not_decoded_again(trading, monkeypatch):
    overview = Overview(trading.store, Config(), EVERYTHING)
    run(overview.refresh())
    monkeypatch.setattr("gateway_api.app.overview.decode", lambda *_: pytest.fail("decoded again"))
    run(overview.refresh())
    assert overview.since(overview.change) == b""


def test_an_engine_that_has_said_nothing_yet_has_an_empty_snapshot(engine):
    overview = Overview(MemoryStore(), Config(), EVERYTHING)
    run(overview.refresh())
    data = json.loads(b"{%s}" % overview.since(-1))
    assert data["account"]["state"] is None
    assert "symbols" not in data


def test_a_symbol_in_depth_shows_the_ladder_with_our_levels(trading, btc):
    trading.take(btc.accepted(9, "buy", 9_999))

    async def first():
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


def test_streams_are_bounded_and_a_closed_one_gives_its_place_back(trading, monkeypatch):
    monkeypatch.setattr(stream, "STREAMS_MAX", 1)

    async def fill_and_free():
        streams = streams_of(trading)
        events = streams.overview(LOCAL)
        await anext(events)
        with pytest.raises(ProblemError) as refused:
            streams.detail(LOCAL, KEY)
        await events.aclose()
        await anext(streams.overview(LOCAL))
        return refused.value.status

    assert run(fill_and_free()) == 503


def test_streams_take_a_bounded_part_of_the_loop_that_trades(trading, monkeypatch):
    """A refresh that took 50 ms of the loop is not done again before 250 ms are over."""
    monkeypatch.setattr(stream, "INTERVAL_S", 0.2)
    monkeypatch.setattr(stream, "_INTERVAL_MAX_S", 2.0)
    now_s = [100.0]
    monkeypatch.setattr(stream, "monotonic", lambda: now_s[0])
    refreshed_at = []

    async def refresh(overview):
        refreshed_at.append(now_s[0])
        now_s[0] += 0.05
        return 0.05

    monkeypatch.setattr(Overview, "refresh", refresh)

    async def ask_often():
        streams = streams_of(trading)
        shared = stream._Shared(Overview(trading.store, Config(), EVERYTHING))
        for _ in range(1000):
            await streams._refresh(shared)
            now_s[0] += 0.01

    run(ask_often())
    gaps = [later - earlier for earlier, later in pairwise(refreshed_at)][10:]
    assert gaps
    assert min(gaps) >= 0.22
    assert max(gaps) <= 0.3


@pytest.fixture
def server(trading):
    """The application behind a real server; `closing` ends its streams."""
    listener = socket.create_server(("127.0.0.1", 0))
    closing = threading.Event()
    application = make_app(replace(trading.context(), is_closing=closing.is_set))
    server = uvicorn.Server(uvicorn.Config(application, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    client = httpx.Client(base_url=base)
    client.post("/api/v1/session", json={"code": trading.codes[-1]}).raise_for_status()
    yield client, closing
    client.close()
    closing.set()
    server.should_exit = True
    thread.join(timeout=10)
    assert not thread.is_alive()
    listener.close()


@pytest.mark.parametrize(("path", "holds"), [("", "symbols"), ("/BTC%2FUSDT", "detail")])
def test_a_real_server_streams_and_ends_with_the_engine(server, path, holds):
    client, closing = server
    with client.stream("GET", "/api/v1/stream" + path, timeout=5) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        lines = answer.iter_lines()
        first = [next(lines) for _ in range(3)]
        assert first[1] == "event: snapshot"
        assert holds in json.loads(first[2].removeprefix("data: "))
        closing.set()
        began = monotonic()
        for line in lines:
            assert line != "event: snapshot"
        assert monotonic() - began < 2


def test_a_stream_of_an_unknown_symbol_is_a_problem(trading, client_of):
    answer = client_of(trading).get("/api/v1/stream/NO/ONE")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_symbol")


def id_of(message: bytes) -> str:
    return message.partition(b"\n")[0].removeprefix(b"id: ").decode()


def test_a_client_that_comes_again_gets_what_changed_since(trading, messages_of):
    eth = messages_of("ETH/USDT")
    trading.take(eth.instrument(), eth.book(1))

    async def leave_and_come_again():
        streams = streams_of(trading)
        staying, leaving = streams.overview(LOCAL), streams.overview(LOCAL)
        await anext(staying)
        last = id_of(await anext(leaving))
        await leaving.aclose()
        trading.take(eth.book(9, 9_000))
        await asyncio.sleep(0.01)  # the overview is read again
        return await message_of(streams.overview(LOCAL, last))

    name, data = run(leave_and_come_again())
    assert (name, data["sequence"], data["resumed"]) == ("update", 1, True)
    assert set(data["symbols"]) == {"synthetic:ETH/USDT"}
    assert "engine" not in data


@pytest.mark.parametrize("last", ["", "other-3", "nonsense", "-1"])
def test_a_place_that_nobody_knows_begins_anew(trading, last):
    async def first():
        return await message_of(streams_of(trading).overview(LOCAL, last))

    name, data = run(first())
    assert name == "snapshot"
    assert "resumed" not in data
    assert "engine" in data


def test_a_client_that_was_too_slow_is_given_everything_anew(trading, btc, monkeypatch):
    monkeypatch.setattr(stream, "SLOW_S", 0.02)

    async def three():
        events = streams_of(trading).overview(LOCAL)
        await message_of(events)
        await asyncio.sleep(0.05)
        again = await message_of(events)
        trading.take(btc.book(11, 9_001))
        return again, await message_of(events)

    (name, data), (later, _) = run(three())
    assert (name, data["dropped"]) == ("snapshot", True)
    assert KEY in data["symbols"]
    assert later == "update"


def test_whoever_is_turned_out_is_told_nothing_more(trading, monkeypatch):
    monkeypatch.setattr(stream, "_RIGHTS_S", 0.0)
    welcome = [True]

    async def turned_out():
        events = Streams(trading.context(), lambda identity: welcome[0]).overview(LOCAL)
        await message_of(events)
        welcome[0] = False
        return [message async for message in events]

    assert run(turned_out()) == []


def test_scope_and_rights_cut_what_is_told(trading, messages_of, btc):
    eth = messages_of("ETH/USDT")
    trading.take(eth.instrument(), eth.book(1), btc.alert(9, "warning", 84))
    admin = Identity("root", ("admin",), ("synthetic:ETH/USDT",), "password", "s", 2e9)

    async def first():
        return await message_of(streams_of(trading).overview(admin))

    _, data = run(first())
    assert set(data["symbols"]) == {"synthetic:ETH/USDT"}
    assert data["account"]["pnl"] is None
    assert data["alerts"] == []
    assert data["fills"] == []


def test_alerts_of_one_kind_are_one_line_with_their_count_until_somebody_has_seen_the_newest(trading, btc):
    trading.take(*(btc.alert(number, "warning", number) for number in (1, 2, 3)))
    seen = Acknowledgement(**btc.at(4), alert_id="risk-3", principal="ann", note="on it")

    def alerts():
        overview = Overview(trading.store, Config(), EVERYTHING)
        run(overview.refresh())
        return json.loads(b"{%s}" % overview.since(-1))["alerts"]

    (before,) = alerts()
    assert (before["count"], before["alert_id"], before["acknowledged_by"]) == (3, "risk-3", None)
    trading.take(seen)
    assert [(each["acknowledged_by"], each["note"]) for each in alerts()] == [("ann", "on it")]
    trading.take(btc.alert(5, "warning", 5))
    assert alerts()[0]["acknowledged_by"] is None


def test_fills_of_all_symbols_stand_in_one_list_newest_first(trading, btc, messages_of):
    eth = messages_of("ETH/USDT")
    trading.take(eth.instrument(), eth.fill(6, 7), btc.fill(8, 9))
    overview = Overview(trading.store, Config(), EVERYTHING)
    run(overview.refresh())
    fills = json.loads(b"{%s}" % overview.since(-1))["fills"]
    assert [fill["key"].partition(":")[2] for fill in fills] == ["BTC/USDT", "ETH/USDT", "BTC/USDT"]


def test_proposals_and_changes_are_told(trading, account):
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
