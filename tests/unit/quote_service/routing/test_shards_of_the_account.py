"""Two shards of the router: each keeps to its part, so that together they keep the account's limits."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.config import Config
from schemas.message import ALL_SYMBOLS
from schemas.orders import KillReport, OrderEvent, progress_of
from tests.kit.messages import BTC, MS, T0, VENUE, book, instrument, position, target
from tests.unit.quote_service.routing.builders import Desk, wide_config

OTHER = "ETH/USDT"
SYMBOLS = (BTC, OTHER)
CAPITAL = 10_000
EXPOSURE_MAX = 2_000
"""Money, of the account."""
MID = 100


def of_shard(config: Config, shard: int, **process: Any) -> Config:
    return Config.model_validate(config.model_dump() | {"process": {"shards": 2, "shard": shard, **process}})


def shard_desks(config: Config, **process: Any) -> list[Desk]:
    """A desk a shard, each with the symbol that it serves."""
    desks = [Desk(of_shard(config, shard, **process)) for shard in range(2)]
    for desk, symbol in zip(desks, SYMBOLS, strict=True):
        desk.send(instrument(symbol=symbol))
        desk.send(book(symbol=symbol))
    return desks


def quote(desk: Desk, symbol: str, at_ms: int, sequence: int, size: int) -> list[OrderEvent]:
    bids = [(99, size)] if size else []
    return desk.send(target(sequence, bids=bids, symbol=symbol, time_ns=T0 + at_ms * MS))


def exposed(**process: Any) -> list[Desk]:
    return shard_desks(
        wide_config(risk_limits={"max_exposure": EXPOSURE_MAX / CAPITAL}, reporting={"capital": CAPITAL}),
        **process,
    )


@pytest.mark.parametrize(("shares", "rooms"), [((), (10, 10)), ((0.75, 0.25), (15, 5))])
def test_each_shard_has_its_part_of_the_exposure(shares: tuple[float, ...], rooms: tuple[int, int]) -> None:
    for desk, symbol, room in zip(exposed(shard_shares=shares), SYMBOLS, rooms, strict=True):
        [denied] = quote(desk, symbol, 1, 1, room + 1)
        assert denied.reasons == ("EXPOSURE",)
        [placed] = quote(desk, symbol, 2, 2, room)
        assert placed.kind == "place_intent"


@settings(max_examples=20, deadline=None)
@given(
    st.tuples(st.integers(-12, 12), st.integers(-12, 12)),
    st.lists(st.tuples(st.integers(0, 1), st.integers(1, 30)), min_size=1, max_size=8),
    st.integers(1, 99),
)
def test_whatever_each_is_asked_the_exposure_of_all_keeps_the_limit_of_the_account(
    held: tuple[int, int], asked: list[tuple[int, int]], percent: int
) -> None:
    """As long as positions alone do not exceed a part; then it only reduces."""
    parts = (percent / 100, (100 - percent) / 100)
    desks = exposed(shard_shares=parts)
    for desk, symbol, lots, part in zip(desks, SYMBOLS, held, parts, strict=True):
        if abs(lots) * MID <= EXPOSURE_MAX * part:
            desk.send(position(lots, symbol=symbol, fills=1, time_ns=T0))
    for number, (shard, size) in enumerate(asked, start=1):
        quote(desks[shard], SYMBOLS[shard], number, number, size)
    assert sum(each.account.exposure_micro for each in desks) <= EXPOSURE_MAX * 1_000_000


def test_each_shard_has_its_part_of_the_messages() -> None:
    config = wide_config(routing={"messages_per_10s": 20})
    for desk, share in zip(shard_desks(config, shard_shares=(0.75, 0.25)), (15, 5), strict=True):
        assert desk.account.budget_of(VENUE).limit == share


def test_an_account_of_one_has_all_of_them() -> None:
    desk = Desk(wide_config(routing={"messages_per_10s": 20}))
    assert desk.account.budget_of(VENUE).limit == 20


def halted() -> list[KillReport]:
    """The account halts while each shard has an order."""
    for desk, symbol in zip(desks := exposed(), SYMBOLS, strict=True):
        quote(desk, symbol, 1, 1, 1)
        desk.beat(2, "HALT")
        desk.tick(3)
    reports = [report for desk in desks for report in desk.kills]
    assert {report.state for report in reports} == {"cancelling"}
    return reports


def test_a_halt_of_the_account_is_reported_by_each_shard_under_a_key_of_its_own() -> None:
    reports = halted()
    assert [report.key for report in reports] == ["*.0:*", "*.1:*"]
    assert [(report.venue, report.symbol, report.shards) for report in reports] == [("*", ALL_SYMBOLS, 2)] * 2
    assert all(len(report.open_orders) == 1 for report in reports)


def test_a_halt_is_confirmed_when_every_shard_has_confirmed_its_part() -> None:
    first, second = (report.model_copy(update={"state": "confirmed"}) for report in halted())
    assert progress_of([first]) == "cancelling"
    assert progress_of([first, second]) == "confirmed"
    assert progress_of([first, second.model_copy(update={"state": "incomplete"})]) == "incomplete"
    assert progress_of([]) is None
