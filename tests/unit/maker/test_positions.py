"""What people set right of a ledger: by how much, by whom, and how it gets into a log without an engine."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from maker.cli.app import app
from maker.positions import (
    People,
    PositionDesk,
    adjustment_from,
    adjustments_of,
    changes_of,
    with_pending,
)
from maker.positions_past import append_to_log, recorded_on_disk
from runtime.config.control_keys import verifier, with_keys
from runtime.errors import ConfigError
from runtime.log.logfile import LogFileBus, read_log
from schemas.config import Config
from schemas.control import Adjustment
from schemas.envelope import Envelope
from schemas.holdings import HoldingSeen
from schemas.message import Event
from schemas.orders import VenueBalance, VenueBalances
from schemas.topics import GATEWAY, TOPIC_OF
from tests.kit.messages import config_applied, instrument

T0 = 1_723_161_254_000_000_000
ALONE = People("ann at this machine")


def holding(symbol: str = "BTC/USDT", ledger: str = "1", account: str | None = "1.5", **fields: Any) -> Any:
    known = None if account is None else Decimal(account)
    facts: dict[str, Any] = {
        "venue": "binance",
        "symbol": symbol,
        "unit": symbol.partition("/")[0],
        "lot": Decimal("0.01"),
        "contract_size": Decimal(1),
        "ledger": Decimal(ledger),
        "shares": (symbol,),
        "reserved": Decimal(0),
        "account": known,
        "difference": None if known is None else known - Decimal(ledger),
        "may_be_quoted": False,
    }
    return HoldingSeen(**{**facts, **fields})


def wanted(**fields: Any) -> Any:
    return adjustment_from({"kind": "adjust", "symbol": "BTC/USDT", "reason": "a test", **fields})


def changed(holdings: list[Any], **fields: Any) -> list[tuple[str, Decimal]]:
    return [(each.symbol, change) for each, change in changes_of(holdings, wanted(**fields))]


def test_adopt_takes_what_the_account_shows_in_whole_lots() -> None:
    assert changed([holding(account="1.509")], kind="adopt") == [("BTC/USDT", Decimal("0.50"))]
    assert changed([holding(account="-0.2")], kind="adopt") == [("BTC/USDT", Decimal("-1.20"))]


@pytest.mark.parametrize("account", ["1", "1.009", "0.991"])
def test_adopt_of_what_is_equal_is_refused(account: str) -> None:
    with pytest.raises(ConfigError, match="BTC/USDT: ledger and account agree"):
        changed([holding(account=account)], kind="adopt")


def test_adopt_of_what_nobody_has_stated_is_refused() -> None:
    with pytest.raises(ConfigError, match="the venue has not reported the account's holdings"):
        changed([holding(account=None)], kind="adopt")


def test_adopt_all_takes_every_ledger_that_is_off() -> None:
    held = [holding(), holding("ETH/USDT", "2", "2"), holding("SOL/USDT", "3", "1")]
    assert changed(held, kind="adopt", symbol=None) == [
        ("BTC/USDT", Decimal("0.50")), ("SOL/USDT", Decimal("-2.00")),
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="all ledgers and the account agree"):
        changed([holding("ETH/USDT", "2", "2")], kind="adopt", symbol=None)


def test_adopt_all_does_not_guess_whose_it_is() -> None:
    shares = ("BTC/USDT", "BTC/EUR")
    held = [holding(shares=shares), holding("BTC/EUR", "1", "1.5", shares=shares)]
    with pytest.raises(
        ConfigError, match="BTC/USDT, BTC/EUR is in a shared currency, BTC, and cannot be attributed"
    ):
        changed(held, kind="adopt", symbol=None)
    assert changed(held, kind="adopt", symbol="BTC/EUR") == [("BTC/EUR", Decimal("0.50"))]


def test_adjust_by_a_size_or_by_a_change() -> None:
    assert changed([holding()], size="0.25") == [("BTC/USDT", Decimal("-0.75"))]
    assert changed([holding()], change="-0.25") == [("BTC/USDT", Decimal("-0.25"))]
    assert changed([holding()], size="0") == [("BTC/USDT", Decimal(-1))]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"size": "0.123"}, "--size 0.123: BTC/USDT trades in whole lots of 0.01 BTC: give 0.12 or 0.13"),
        ({"change": "-0.123"}, "--by -0.123: .* give -0.13 or -0.12"),
        ({}, "give the new position with --size"),
        ({"size": "1", "change": "1"}, "give the new position with --size"),
        ({"change": "0"}, "--by 0 changes nothing"),
        ({"size": "2", "symbol": "BTCUSDT"}, "no symbol is called 'BTCUSDT'; did you mean 'BTC/USDT'?"),
        ({"size": "nan"}, "size: "),
        ({"size": "2", "price": "-3"}, "price: "),
        ({"size": "2", "reason": ""}, "reason: "),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_remedy(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        changed([holding()], **fields)


def test_a_derivative_is_told_in_contracts() -> None:
    held = holding("BTC/USDT:USDT", contract_size=Decimal("0.01"), lot=Decimal("0.01"))
    changes = changes_of([held], wanted(symbol="BTC/USDT:USDT", change="-0.5"))
    [adjustment] = adjustments_of(changes, wanted(symbol="BTC/USDT:USDT", change="-0.5"), ALONE, T0)
    assert adjustment.size_change == -50


def test_the_second_person_was_shown_what_is_sent() -> None:
    want = wanted(change="0.5", price="60000")
    people = People("tom", "rita", ("binance:BTC/USDT",))
    [adjustment] = adjustments_of(changes_of([holding()], want), want, people, T0)
    assert adjustment.approved_digest == adjustment.held_digest()
    assert adjustment.model_copy(update={"price": Decimal(1)}).held_digest() != adjustment.approved_digest


def test_what_waits_to_be_heard_counts() -> None:
    shares = ("BTC/USDT", "BTC/EUR")
    held = [holding(shares=shares), holding("BTC/EUR", "1", "1.5", shares=shares)]
    want = wanted(change="0.5")
    pending = adjustments_of(changes_of(held, want), want, ALONE, T0)
    usdt, eur = with_pending(held, pending)
    assert (usdt.ledger, usdt.difference) == (Decimal("1.5"), Decimal(0))
    assert (eur.ledger, eur.difference) == (Decimal(1), Decimal(0))


def test_the_engine_answers_and_sends_for_whoever_asks_at_its_socket() -> None:
    sent: list[Adjustment] = []
    desk = PositionDesk(lambda: [holding()], sent.append, lambda: T0)
    shown = desk.answer({}, "ann at this machine")
    assert HoldingSeen.model_validate(shown["holdings"][0]) == holding()
    asked = {"wanted": {"kind": "adopt", "symbol": "BTC/USDT", "reason": "moved it"}, "people": None}
    assert desk.answer(asked, "ann at this machine")["changes"] == [
        {"symbol": "BTC/USDT", "unit": "BTC", "before": "1", "change": "+0.50", "after": "1.50"}
    ]
    assert [(each.principal, each.reason, each.kind) for each in sent] == [
        ("ann at this machine", "moved it", "adopt")
    ]
    with pytest.raises(ConfigError, match="reason"):
        desk.answer({"wanted": {"kind": "adopt", "symbol": "BTC/USDT"}}, "ann")


def exchange_config(**risk: Any) -> Config:
    return Config.model_validate(
        {
            "feed": {"kind": "live"},
            "venue": {"kind": "ccxt"},
            "exchange": {"symbols": ["BTC/USDT"], "url": "http://127.0.0.1:1"},
            "risk_limits": risk,
        }
    )


def refused_log(folder: Path, **risk: Any) -> Path:
    """As a start leaves it that was refused: the venue stated 2.005 BTC, and there is no ledger yet."""
    config, _ = with_keys(exchange_config(**risk), folder, signs=True)
    events: tuple[Event, ...] = (
        config_applied(config, code_version="", config_hash="", time_ns=T0),
        instrument(venue="binance", lot_size=Decimal("0.01"), time_ns=T0),
        VenueBalances(
            event_time_ns=T0,
            venue="binance",
            symbol="*",
            balances=(VenueBalance(currency="BTC", free=Decimal("2.005"), locked=Decimal(0)),),
        ),
    )
    bus = LogFileBus(folder)
    for number, event in enumerate(events, start=1):
        envelope = Envelope("test", number, None, T0, event.type_name)
        bus.publish(TOPIC_OF[event.type_name], envelope, event)
    closed(bus)
    return folder


def closed(bus: LogFileBus) -> None:
    import asyncio

    asyncio.run(bus.close())


def test_on_disk_it_is_signed_and_waits_for_the_next_start(tmp_path: Path) -> None:
    log = refused_log(tmp_path / "log")
    recorded = recorded_on_disk(log)
    config = recorded.config
    assert config is not None
    [seen] = recorded.holdings(config)
    assert (seen.ledger, seen.account, seen.missing_lots) == (Decimal(0), Decimal("2.005"), 200)
    want = wanted(kind="adopt")
    append_to_log(log, config, adjustments_of(changes_of([seen], want), want, ALONE, T0))

    last = list(read_log(log))[-1]
    assert (last.envelope.producer, last.envelope.sequence) == (GATEWAY, 1)
    adjustment = last.decoded().message
    assert isinstance(adjustment, Adjustment)
    assert verifier(config)(adjustment)
    assert adjustment.event_time_ns > T0
    again = recorded_on_disk(log)
    [after] = again.holdings(config)
    assert (after.ledger, after.missing_lots) == (Decimal(2), 0)
    with pytest.raises(ConfigError, match="ledger and account agree"):
        changes_of(again.holdings(config), want)


def test_the_command_adopts_shows_and_numbers_on(tmp_path: Path) -> None:
    log = refused_log(tmp_path / "log")
    run = CliRunner().invoke
    done = run(app, ["positions", "adopt", "BTC/USDT", "--log", str(log), "--reason", "bought by hand"])
    assert done.exit_code == 0, done.output
    assert "BTC/USDT: 0.00 +2.00 = 2.00 BTC" in done.output
    more = run(app, ["positions", "adjust", "BTC/USDT", "--by", "-0.5", "--log", str(log), "--reason", "r"])
    assert more.exit_code == 0, more.output
    shown = run(app, ["positions", "show", "--log", str(log)])
    assert "1.50" in shown.output
    assert "+0.505" in shown.output
    numbers = [each.envelope.sequence for each in read_log(log) if each.envelope.producer == GATEWAY]
    assert numbers == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["adopt", "BTC/USDT"], "--reason"),
        (["adopt", "--reason", "r"], "give a symbol or --all"),
        (["adopt", "ETH/USDT", "--reason", "r"], "no symbol is called 'ETH/USDT'"),
        (["adjust", "BTC/USDT", "--size", "1.001", "--reason", "r"], "give 1.00 or 1.01"),
    ],
)
def test_the_command_refuses(tmp_path: Path, arguments: list[str], words: str) -> None:
    log = refused_log(tmp_path / "log")
    refused = CliRunner().invoke(app, ["positions", *arguments, "--log", str(log)])
    assert refused.exit_code == 2
    assert words in refused.output + refused.stderr


def test_where_two_are_needed_two_have_to_be_named(tmp_path: Path) -> None:
    log = refused_log(tmp_path / "log", resume_people=2)
    refused = CliRunner().invoke(app, ["positions", "adopt", "BTC/USDT", "--log", str(log), "--reason", "r"])
    assert refused.exit_code == 2
    assert "two people correct a position" in refused.output + refused.stderr
