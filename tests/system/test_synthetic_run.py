"""The default market: the settings trade, the figures add up, a seed repeats, a replay says the same."""

from pathlib import Path
from zlib import crc32

import pytest

from runtime.log.logfile import read_log
from schemas.envelope import decode
from schemas.orders import OrderEvent
from tests.system.conftest import Maker, Run

KEYS = {
    "books", "trades", "refused_events", "quotes", "orders", "amends", "cancels", "rejects", "fills",
    "position", "pnl", "pnl_capture", "pnl_inventory", "fees", "pnl_balance", "max_drawdown", "halts",
    "quoting_share",
}  # fmt: skip


def test_five_symbols_quote_both_sides_and_trade(synthetic_run: Run) -> None:
    symbols = synthetic_run.summary["symbols"]
    assert len(symbols) == 5
    for name, figures in symbols.items():
        assert set(figures) >= KEYS
        assert figures["quoting_share"] > 0.9, name
        assert figures["books"] > 500, name
        assert figures["refused_events"] == 0, name
    assert sum(figures["fills"] for figures in symbols.values()) > 20
    assert sum(figures["fills"] > 0 for figures in symbols.values()) >= 2


def test_profit_is_capture_plus_inventory_minus_fees(synthetic_run: Run) -> None:
    for figures in synthetic_run.summary["symbols"].values():
        parts = figures["pnl_capture"] + figures["pnl_inventory"] - figures["fees"]
        assert figures["pnl"] == pytest.approx(parts, abs=1e-9)
        assert figures["max_drawdown"] >= 0


def test_orders_are_amended_rather_than_replaced(synthetic_run: Run) -> None:
    symbols = synthetic_run.summary["symbols"].values()
    assert sum(figures["amends"] for figures in symbols) > sum(figures["orders"] for figures in symbols)


def test_replay_has_no_divergence(synthetic_run: Run, maker: Maker) -> None:
    done = maker("replay", synthetic_run.log, "--json")
    assert done.code == 0, done.out + done.err
    answer = done.json
    assert answer.pop("first_divergence") is None
    assert set(answer) == {
        "monitor-service", "quote-service", "order-router", "inventory-service", "risk-service",
        "view-projector",
    }  # fmt: skip
    for name, figures in answer.items():
        assert figures["divergences"] == 0, name
        assert figures["inputs"] > 100, name
        assert figures["outputs"] > 100 or name == "view-projector", name


def test_replay_finds_a_changed_output(synthetic_run: Run, maker: Maker, tmp_path: Path) -> None:
    log = tmp_path / "changed"
    log.mkdir()
    (source,) = synthetic_run.log.glob("*.log")
    lines = source.read_bytes().splitlines(keepends=True)
    index = next(
        number
        for number, line in enumerate(lines)
        if b'"topic":"quote.target"' in line and b'"prices":[' in line and number > len(lines) // 2
    )
    body = lines[index][9:-1].replace(b'"model":"', b'"model":"other_', 1)
    lines[index] = b"%08x %b\n" % (crc32(body), body)
    (log / source.name).write_bytes(b"".join(lines))
    done = maker("replay", log, "--process", "quote-service", "--json")
    assert done.code == 5
    first = done.json["first_divergence"]
    assert done.json["quote-service"]["divergences"] == 1
    assert first["topic"] == "quote.target"
    assert [field["path"] for field in first["fields"]] == ["message.model"]


def test_the_same_seed_gives_the_same_log(synthetic_run: Run, maker: Maker, tmp_path: Path) -> None:
    arguments = ("up", "--speed", "max", "--for", "20", "--no-gateway", "--json")
    logs = []
    for name, seed in (("one", "3"), ("same", "3"), ("other", "4")):
        done = maker(*arguments, "--seed", seed, "--log", tmp_path / name)
        assert done.code == 0, done.err
        logs.append(
            [
                (record.envelope, record.payload)
                for record in read_log(tmp_path / name)
                if record.topic in ("market.book", "quote.target", "order.event", "order.fill")
            ]
        )
    assert logs[0] == logs[1]
    assert logs[0] != logs[2]


def test_a_shutdown_leaves_no_order(synthetic_run: Run) -> None:
    assert synthetic_run.summary["cancelled_at_end"] >= 8
    live: set[str] = set()
    for record in read_log(synthetic_run.log):
        if record.topic == "order.event":
            event = decode(OrderEvent, record.payload)
            order = event.client_order_id
            if event.status in ("filled", "cancelled", "rejected", "denied"):
                live.discard(order)
            else:
                live.add(order)
    assert live == set()
