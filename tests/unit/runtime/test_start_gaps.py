"""What a start finds missing on its topics, where it reads on, and when that halts the account."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from maker.composition import process_definition
from runtime.bus import TopicPartition
from runtime.kafka.reader import RawRecord
from runtime.kafka.wire import BARRIER_TYPE
from runtime.process.gaps import Gap, LostRecords, Resumption, is_harmful, loss_carried, resumption
from runtime.process.input_source import InputSource, Shard
from runtime.process.life import Life
from runtime.process.recovery import JournalReplay, claim_epoch
from runtime.state.journal import JournalTurn
from schemas.carried.runtime import ProcessCarried
from schemas.config import Config
from schemas.envelope import Envelope
from schemas.process import MessageFault, Tick
from schemas.risk import RiskState
from schemas.topics import INVENTORY, PROJECTOR, RISK, ROUTER
from tests.kit.messages import config_applied
from tests.unit.runtime.fake_broker import CLAIMS, PLACE, FakeBroker, raw

TRADES = TopicPartition("market.trade", 0)
SEEN = {("order.fill", 0, ROUTER): 40, ("order.fill", 0, f"{ROUTER}@"): 5}


def resumed(broker: Any, position: int, newest: Mapping[tuple[str, int, str], int] = SEEN) -> Resumption:
    return asyncio.run(resumption(broker, {PLACE: position}, newest, {PLACE}))


def test_what_is_all_there_is_no_gap() -> None:
    found = resumed(FakeBroker(0, raw(0, 39, 5), raw(1, 40, 5), raw(2, 41, 5)), 2)
    assert (found.gaps, found.positions, found.newest) == ((), {PLACE: 2}, SEEN)


def test_reading_goes_on_at_the_oldest_record_and_still_knows_what_was_seen() -> None:
    found = resumed(FakeBroker(9, raw(9, 47, 5)), 2)
    assert found.gaps == (Gap(PLACE, 2, 9),)
    assert (found.positions, found.newest, found.recreated) == ({PLACE: 9}, SEEN, frozenset())
    assert str(found.gaps[0]) == "offsets 2 to 8 of order.fill partition 0: deleted"


@pytest.mark.parametrize(("read", "left"), [(1, (2, 9)), (5, (5, 9)), (9, None), (12, None)])
def test_what_a_journal_names_was_read_and_is_no_gap(read: int, left: tuple[int, int] | None) -> None:
    found = Gap(PLACE, 2, 9).after(read)
    assert (found and (found.position, found.resumes_at)) == left


def test_all_deleted_and_nothing_new_is_no_gap() -> None:
    assert resumed(FakeBroker(2), 2).gaps == ()


def test_a_position_beyond_the_end_of_an_empty_topic_means_it_was_recreated() -> None:
    found = resumed(FakeBroker(0), 7)
    assert found.gaps == (Gap(PLACE, 7, 0, is_recreated=True),)
    assert (found.positions, found.newest, found.recreated) == ({PLACE: 0}, {}, frozenset({PLACE}))
    assert "the topic was recreated" in str(found.gaps[0])


@pytest.mark.parametrize(
    ("first", "claims"),
    [
        (raw(0, 41, 5), 5),
        (raw(0, 0, 6, kind=BARRIER_TYPE), 6),
        (raw(0, 3, 6), 6),
        (raw(0, 3, 1), 1),
    ],
    ids=["its writer went on", "a barrier of a later epoch", "its writer began anew", "epochs began anew"],
)
def test_a_recreated_topic_is_detected_by_its_first_record(first: RawRecord, claims: int) -> None:
    found = resumed(FakeBroker(0, first, claims=claims), 7)
    assert found.recreated == {PLACE}
    assert (found.positions, found.newest) == ({PLACE: 0}, {})


def test_a_broker_that_has_lost_the_end_of_a_topic_has_not_made_it_again() -> None:
    found = resumed(FakeBroker(0, raw(0, 38, 5), raw(1, 39, 5)), 7)
    assert found.gaps == (Gap(PLACE, 7, 2),)
    assert found.newest == SEEN
    assert str(found.gaps[0]) == "offsets 2 to 6 of order.fill partition 0: lost by the broker"


def test_a_recreated_topic_that_has_grown_beyond_the_position_is_detected_too() -> None:
    found = resumed(FakeBroker(0, raw(0, 41, 6), raw(1, 42, 6), raw(2, 43, 6), claims=6), 2)
    assert found.gaps == (Gap(PLACE, 2, 0, is_recreated=True),)


def test_without_a_past_nothing_is_known_of_the_topic_before() -> None:
    assert resumed(FakeBroker(0, raw(0, 41, 6), raw(1, 42, 6)), 1, {}).gaps == ()


def lost(topic: str) -> LostRecords:
    found = LostRecords(TopicPartition(topic, 1))
    found.add(8)
    found.add(5)
    return found


def gap(topic: str, *, was_known: bool = True) -> Gap:
    return Gap(TopicPartition(topic, 1), 3, 9, was_known=was_known)


@pytest.mark.parametrize(
    "topic", ["order.fill", "order.stop", "control.command", "process.setting", "process.fault"]
)
def test_what_may_hide_a_fill_or_a_halt_is_harmful_but_to_views(topic: str) -> None:
    for missing in (gap(topic), lost(topic)):
        assert is_harmful(RISK, missing)
        assert not is_harmful(PROJECTOR, missing)


@pytest.mark.parametrize("topic", ["market.book", "inventory.position", "market.trade", "control.people"])
def test_levels_and_public_trades_are_not(topic: str) -> None:
    assert not is_harmful(RISK, gap(topic))
    assert not is_harmful(RISK, lost(topic))


def test_a_process_without_a_past_misses_fills_of_before_and_no_commands() -> None:
    assert is_harmful(INVENTORY, gap("order.fill", was_known=False))
    assert not is_harmful(INVENTORY, gap("control.command", was_known=False))


def told(*missing: Gap | LostRecords) -> MessageFault:
    carried = loss_carried(RISK, RISK, missing, 5)[0]
    assert carried.fault is not None
    return carried.fault


def test_what_is_said_names_the_place_the_offsets_the_meaning_and_the_remedy() -> None:
    fault = told(gap("market.book"), gap("order.fill"), lost("control.command"))
    assert fault.detail == (
        "offsets 3 to 8 of order.fill partition 1: deleted; "
        "2 records of control.command partition 1 between offsets 5 and 8: consumed since the newest "
        "snapshot, but deleted; they may have included a fill, so that positions and PnL may be wrong; "
        "they may have included a halt, a changed setting or an adjustment of a ledger; compare ledger "
        "and account with `maker positions show`, correct the ledger with `maker positions adopt` or "
        "`adjust`, then resume; review the commands and halts since then, repeat those that are "
        "missing, then resume"
    )
    assert (fault.venue, fault.symbol, fault.topic) == ("*", "*", "order.fill")


def test_nothing_is_said_where_no_harm_is_done() -> None:
    assert loss_carried(RISK, RISK, [gap("market.book"), lost("market.trade")], 5) == ()


def begun(name: str) -> Life:
    life = Life(process_definition(name), name, Config())
    applied = config_applied(Config(), name, session_began_ns=1, time_ns=1)
    life.begin(applied)
    return life


def heard(life: Life, event: Any) -> tuple[Any, ...]:
    admitted = life.admit(event)
    return () if admitted is None else life.decide(admitted, None)


def test_risk_halts_the_account_before_it_has_said_anything_else() -> None:
    life = begun(RISK)
    heard(life, ProcessCarried(event_time_ns=5, process=RISK, fault=told(gap("order.fill"))))
    states = [said for said in heard(life, Tick(event_time_ns=9)) if isinstance(said, RiskState)]
    assert [(state.symbol, state.state, state.latched) for state in states] == [("*", "HALT", True)]
    assert "order.fill partition 1" in " ".join(states[0].reasons)


def test_another_process_says_it_to_risk() -> None:
    carried = ProcessCarried(event_time_ns=5, process=INVENTORY, fault=told(gap("order.fill")))
    assert heard(begun(INVENTORY), carried) == (carried.fault,)


class Fed:
    """Notes what a rerun feeds."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def consume(self, record: Any) -> None:
        self.seen.append(record.offset)

    def inject(self, event: Any, number: int) -> None:
        self.seen.append("tick")

    def external(self, event: Any) -> None:
        self.seen.append(event)

    def end_turn(self, trace_ns: int | None, *, is_last: bool) -> None:
        self.seen.append("end")


TURN = JournalTurn(
    (("market.trade", 0, 4, 4), ("tick", 0, 7, 1), ("venue.report", 0, 1, 1)),
    external=("report",),  # type: ignore[arg-type]  # it is handed on as it is
    trace_ns=None,
)


def source(broker: FakeBroker) -> InputSource:
    found = Resumption({TRADES: 4}, {}, {TRADES: broker.extents[TRADES][1]})
    return InputSource(broker, Shard(1), found)  # type: ignore[arg-type]  # as far as it is asked


def trades(*offsets: int, end: int | None = None) -> FakeBroker:
    records = [raw(offset, offset + 1, 1, TRADES, "market.trade.v1") for offset in offsets]
    return FakeBroker(offsets[0], *records, end=end)


async def rerun(broker: FakeBroker) -> tuple[list[object], list[object], InputSource]:
    inputs, exactly, after = source(broker), Fed(), Fed()
    rest = await JournalReplay(exactly, inputs).run(TURN)
    if rest is not None:
        await JournalReplay(after, inputs).run_without_lost(rest)
    return exactly.seen, after.seen, inputs


def test_a_turn_is_fed_exactly_up_to_the_first_record_that_is_gone() -> None:
    exactly, after, inputs = asyncio.run(rerun(trades(4, 6, 8)))
    assert exactly == [4]
    assert after == [6, "tick", "report", "end"]
    assert [str(each) for each in inputs.missing] == [
        "2 records of market.trade partition 0 between offsets 5 and 7: consumed since the newest "
        "snapshot, but deleted"
    ]
    assert [record.offset for record in asyncio.run(inputs.poll(10, 0))] == [8]


def test_a_turn_that_is_whole_is_fed_whole() -> None:
    exactly, after, inputs = asyncio.run(rerun(trades(4, 5, 6, 7, 8)))
    assert exactly == [4, 5, 6, 7, "tick", "report", "end"]
    assert (after, inputs.missing) == ([], ())


def test_what_lies_beyond_the_end_is_not_waited_for() -> None:
    exactly, after, inputs = asyncio.run(rerun(trades(4, 5)))
    assert (exactly, after) == ([4, 5], ["tick", "report", "end"])
    assert inputs.lost[TRADES].count == 2


class Claims:
    """A topic of claims that holds some already."""

    def __init__(self, held: int, broker: FakeBroker | None = None) -> None:
        self.held = held
        self.reader = (broker or FakeBroker(0)).reader
        self.epochs: dict[str, int] = {}
        self.outbox = self

    def partition_for(self, topic: str, key: str) -> TopicPartition:
        return CLAIMS

    def publish(self, topic: str, envelope: Envelope, message: Any) -> None:
        self.held += 1

    async def flush(self) -> None:
        pass

    def end_offsets(self) -> dict[TopicPartition, int]:
        return {CLAIMS: self.held}


@pytest.mark.parametrize(
    ("held", "above", "epoch"), [(0, 0, 1), (7, 7, 8), (0, 7, 8), (3, 7, 8), (20, 7, 21)]
)
def test_an_epoch_is_above_the_one_before_also_where_its_topic_was_recreated(
    held: int, above: int, epoch: int
) -> None:
    bus = Claims(held)
    assert asyncio.run(claim_epoch(bus, ROUTER, "here", 5, (PLACE,), above)) == epoch  # type: ignore[arg-type]
    assert bus.epochs == {ROUTER: epoch}


@pytest.mark.parametrize("kind", ["order.fill.v1", BARRIER_TYPE])
def test_a_process_that_lost_its_folder_too_claims_above_what_its_outputs_say(kind: str) -> None:
    """Otherwise all that it publishes is ignored, its status first."""
    bus = Claims(0, FakeBroker(0, raw(0, 39, 5), raw(1, 40, 7, kind=kind), raw(2, 41, 6)))
    assert asyncio.run(claim_epoch(bus, ROUTER, "here", 5, (PLACE,))) == 8  # type: ignore[arg-type]
