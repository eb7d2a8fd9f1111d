"""The other commands, as people and programs call them, and what they answer to bad input."""

import json
from pathlib import Path

import pytest

from runtime.log.logfile import read_log
from runtime.text import iso_time
from schemas.envelope import decode
from schemas.orders import OrderEvent
from tests.system.conftest import Maker, Run

pytestmark = pytest.mark.slow
STATE = {
    "symbol": "BTC/USDT",
    "tick_size": "0.1",
    "lot_size": "0.001",
    "bids": [["99.9", "2"], ["99.8", "3"]],
    "asks": [["100.1", "2"], ["100.2", "3"]],
    "volatility_bps": 1.0,
}


def test_why_explains_the_newest_quote_step_by_step(synthetic_run: Run, maker: Maker) -> None:
    done = maker("why", "LTC/USDT", "--log", synthetic_run.log, "--json")
    assert done.code == 0, done.err
    answer = done.json
    assert answer["symbol"] == "LTC/USDT"
    for side in ("bid", "ask"):
        steps = answer[side]["steps"]
        assert [set(step) for step in steps] == [
            {"name", "input", "effect_bps", "config_key", "price_after"} for _ in steps
        ]
    topics = [cause["topic"] for cause in answer["causes"]]
    assert {"market.instrument", "market.book", "market.signal", "risk.state"} <= set(topics)


def test_why_at_a_time_steps_sum_to_the_price(synthetic_run: Run, maker: Maker) -> None:
    for at in ("-30s", "2024-01-01T00:01:00Z", "00:01:10"):
        done = maker("why", "SOL/USDT", "--log", synthetic_run.log, "--at", at, "--json")
        assert done.code == 0, done.err
        for side in ("bid", "ask"):
            explained = done.json[side]
            if explained["not_quoting_because"]:
                continue
            first, *_, last = explained["steps"]
            total_bps = sum(step["effect_bps"] for step in explained["steps"])
            price = float(explained["price"])
            assert last["price_after"] == pytest.approx(price, abs=1e-9)
            assert first["price_after"] * (1 + total_bps / 1e4) == pytest.approx(price, abs=0.01)
        direct = [cause for cause in done.json["causes"] if cause["direct"]]
        assert len(direct) <= 1


def test_why_for_people_is_a_table(synthetic_run: Run, maker: Maker) -> None:
    done = maker("why", "BTC/USDT", "--log", synthetic_run.log)
    assert done.code == 0, done.err
    for word in ("fair_value", "base_spread", "inventory_lean", "tick_rounding", "market_making.base_spread"):
        assert word in done.out


def test_why_ends_with_the_gates_word(tmp_path: Path, maker: Maker) -> None:
    """Our prices may not move unless the mid does: a quote that only leans is denied."""
    config, log = tmp_path / "config.yaml", tmp_path / "log"
    config.write_text("protection: {quote_move_max: 0.00001}\n")
    run = ("--speed", "max", "--for", "20", "--seed", "7", "--no-gateway", "--config", config, "--log", log)
    assert maker("up", *run).code == 0
    denials = [
        record
        for record in read_log(log)
        if record.topic == "order.event" and b'"kind":"denied"' in record.payload
    ]
    assert denials
    denied = decode(OrderEvent, denials[0].payload)
    at = ("--log", log, "--at", iso_time(denied.event_time_ns))
    told = maker("why", denied.symbol, *at, "--json").json
    side = "bid" if denied.side == "buy" else "ask"
    assert told["sequence"] == denied.target_sequence
    assert told[side]["gate"] == f"denied: {', '.join(denied.reasons)}"
    shown = maker("why", denied.symbol, *at).out
    assert f"denied: {', '.join(denied.reasons)}" in shown


def test_why_names_the_nearest_symbol(synthetic_run: Run, maker: Maker) -> None:
    done = maker("why", "BTC/USD", "--log", synthetic_run.log)
    assert done.code == 2
    assert "did you mean 'BTC/USDT'?" in done.err
    assert "Traceback" not in done.err


def test_why_at_no_time(synthetic_run: Run, maker: Maker) -> None:
    done = maker("why", "BTC/USDT", "--log", synthetic_run.log, "--at", "yesterday")
    assert done.code == 2
    assert "'yesterday' is not a time" in done.err


def test_price_answers_the_same_steps(maker: Maker) -> None:
    done = maker("price", "--json", stdin=json.dumps(STATE))
    assert done.code == 0, done.err
    answer = done.json
    assert float(answer["bid"]["price"]) < 100 < float(answer["ask"]["price"])
    assert answer["bid"]["steps"][0]["name"] == "fair_value"
    leaning = maker("price", "--json", stdin=json.dumps(STATE | {"inventory": "50"})).json
    assert leaning["bid"]["steps"][-1]["price_after"] <= answer["bid"]["steps"][-1]["price_after"]
    assert leaning["ask"]["steps"][-1]["price_after"] <= answer["ask"]["steps"][-1]["price_after"]


@pytest.mark.parametrize(
    ("state", "named"),
    [
        ("not json", "not JSON"),
        (json.dumps(STATE | {"volatility_bps": -1}), "volatility_bps"),
        (json.dumps(STATE | {"volatilty_bps": 1}), "volatilty_bps"),
        (json.dumps({**STATE, "bids": [["-1", "2"]]}), "bids"),
    ],
)
def test_price_refuses_bad_states_by_name(maker: Maker, state: str, named: str) -> None:
    done = maker("price", stdin=state)
    assert done.code == 2
    assert named in done.err
    assert "Traceback" not in done.err


def test_topics_is_the_map(maker: Maker) -> None:
    done = maker("topics", "--json")
    assert done.code == 0
    topics = {topic["name"]: topic for topic in done.json}
    assert topics["order.fill"]["writer"] == "order-router"
    assert topics["order.fill"]["kind"] == "event"
    assert "market.book" in maker("topics").out


def test_version(maker: Maker) -> None:
    done = maker("--version")
    assert done.code == 0
    assert done.out.startswith("maker 0.1.0")


def test_config_show_says_where_each_value_comes_from(maker: Maker, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("market_making:\n  base_spread: 0.003\n")
    done = maker("config", "show", "--config", path, "--origin", MM__PRICING__MIN_SPREAD_BPS="3")
    assert done.code == 0, done.err
    lines = {line.split()[0].rstrip(":"): line for line in done.out.splitlines() if line.strip()}
    assert "mine.yaml" in lines["market_making.base_spread"]
    assert "MM__PRICING__MIN_SPREAD_BPS" in lines["pricing.min_spread_bps"]
    assert "default" in lines["risk_limits.max_loss"]


def test_a_config_typo_names_the_nearest_key(maker: Maker, tmp_path: Path) -> None:
    path = tmp_path / "typo.yaml"
    path.write_text("market_making:\n  base_spred: 0.003\n")
    for command in (("config", "validate", path), ("up", "--config", path, "--for", "1", "--no-gateway")):
        done = maker(*command)
        assert done.code == 2
        assert "base_spred" in done.err
        assert "base_spread" in done.err
        assert "typo.yaml" in done.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("up", "--feed", "recorded", "--no-gateway"), "--path"),
        (("up", "--path", "/nowhere/x.jsonl", "--no-gateway"), "/nowhere/x.jsonl"),
        (("up", "--speed", "fast", "--no-gateway"), "fast"),
        (("up", "--feed", "sintetic", "--no-gateway"), "sintetic"),
        (("replay", "/nowhere"), "/nowhere"),
        (("why", "BTC/USDT", "--log", "/nowhere"), "/nowhere"),
    ],
)
def test_bad_usage_is_exit_2_and_names_the_value(
    maker: Maker, tmp_path: Path, arguments: tuple[str, ...], named: str
) -> None:
    done = maker(*arguments, cwd=tmp_path)
    assert done.code == 2, done.err
    assert named in done.err
    assert "Traceback" not in done.err


def test_an_unknown_process_names_the_nearest(synthetic_run: Run, maker: Maker) -> None:
    done = maker("replay", synthetic_run.log, "--process", "quote-servce")
    assert done.code == 2
    assert "did you mean 'quote-service'?" in done.err


def test_times_are_utc() -> None:
    assert iso_time(1_723_161_254_206_652_067) == "2024-08-08T23:54:14.206652067Z"
