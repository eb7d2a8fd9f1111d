"""Golden messages of what processes say about themselves."""

from collections.abc import Iterator
from decimal import Decimal

from schemas.config import Config
from schemas.message import Event
from schemas.process import (
    AdjustmentApplied,
    ConfigApplied,
    DiskFigures,
    EpochClaim,
    LiveValue,
    MessageFault,
    ProcessStatus,
    SettingApplied,
    StageTime,
    TopicLag,
    Trace,
)
from tests.contract.example_values import RECEIVED_NS, SYMBOL

ABOUT = {"event_time_ns": RECEIVED_NS, "process": "quote-service"}


def process_examples() -> Iterator[Event]:
    """What processes say about themselves."""
    yield ConfigApplied(
        **ABOUT,
        code_version="0.1.0+5196649abcde",
        config_hash="9f2c" * 16,
        config=filled_config(),
        session_began_ns=RECEIVED_NS,
        sources_hash="71d0" * 16,
        live_settings=(LiveValue(setting_key="shape.levels", value="3", file_value="1"),),
    )
    yield Trace(
        **ABOUT,
        entries=(("market.book", 0, 4, 2), ("tick", 0, RECEIVED_NS, 1)),
        last_output_sequence=42,
        state_digest="0a1b" * 16,
    )
    yield from applied_examples()
    yield MessageFault(
        **ABOUT,
        venue="binance",
        symbol=SYMBOL,
        message_type="venue.report.v1",
        topic="venue.report",
        event_id="order-router/adapter:41",
        error="OutOfScaleError",
        detail="price_ticks 100000000000000000000000000000000 is not within 1e+24",
    )
    yield EpochClaim(**ABOUT, instance="pid-4711")
    yield process_status()


def applied_examples() -> Iterator[Event]:
    """What a process answers to people who changed a position or a setting."""
    yield AdjustmentApplied(
        event_time_ns=RECEIVED_NS,
        process="inventory-service",
        venue="binance",
        symbol="BTC/USDT",
        change_id="j-7",
        size_change=Decimal("-0.25"),
        price=Decimal("61775.78"),
        position=Decimal("-0.25"),
        base_change=Decimal("-0.25"),
        mid=Decimal("61837.635"),
        refused_because="-0.25 is not a multiple of 0.1: give a size in whole lots of 0.1 BTC",
    )
    yield SettingApplied(
        **ABOUT,
        change_id="c-7",
        setting_key="risk_limits.max_loss",
        value="-500",
        refused_because="risk_limits.max_loss -900 is looser: a second person has to agree",
    )


def process_status() -> ProcessStatus:
    """A process that has ended, with all that it can say of itself."""
    return ProcessStatus(
        **ABOUT,
        instance="pid-4711",
        shards=2,
        code_version="0.1.0+4f1d0a7c",
        began_ns=RECEIVED_NS - 60_000_000_000,
        session_began_ns=RECEIVED_NS - 3_600_000_000_000,
        epoch=7,
        is_ready=False,
        because="catching up",
        has_ended=True,
        inputs=48_211,
        published=9_042,
        newest_input_ns=RECEIVED_NS - 3_000_000,
        lag=(TopicLag(topic="market.book", records=12, age_ms=41.5),),
        outbox_records=3,
        outbox_age_ms=2.25,
        halts=1,
        store="live",
        disk=DiskFigures(
            folder="/state/order-router",
            free_bytes=48_000_000,
            used_bytes=31_000_000,
            growth_bytes_per_day=2_500_000.5,
            days_left=19.25,
            is_nearly_full=True,
        ),
        stages=(StageTime(name="turn", count=30_000, p50_ms=0.41, p99_ms=3.8),),
    )


def filled_config() -> Config:
    """The defaults, with a value for whatever has none, and one symbol in each table."""
    values = Config().model_dump()
    values["routing"]["order_size_max"] = "25"
    values["feed"]["paths"] = ["recording.jsonl.gz"]
    values["feed"]["symbols"] = {SYMBOL: values["feed"]["symbols"][SYMBOL]}
    values["instruments"] = {
        SYMBOL: values["instruments"][SYMBOL] | {"base_currency": "BTC", "quote_currency": "USDT"}
    }
    values["engine"]["log_dir"] = "runs/first"
    return Config.model_validate(values)
