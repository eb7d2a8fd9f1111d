"""How a message lies on Kafka, whose records count, and which of them a slow reader may skip."""

from typing import Any

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from runtime.kafka.reader import Fence, RawRecord, conflated
from runtime.kafka.wire import BARRIER_TYPE, Stamp, headers_of, new_trace_id, partition_of, read_headers
from runtime.log.logfile import LoggedRecord
from runtime.process.input_source import PRIORITY_TOPICS, Shard
from schemas.envelope import Envelope
from schemas.topics import MONITOR, QUOTE, RISK, TOPICS

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
envelopes = st.builds(
    Envelope,
    names,
    st.integers(0, 2**63),
    st.none() | names,
    st.integers(0, 4 * 10**18),
    names,
)


@given(envelope=envelopes, epoch=st.integers(0, 2**40), sent_ns=st.integers(0, 2**62))
def test_headers_carry_the_envelope_exactly(envelope: Envelope, epoch: int, sent_ns: int) -> None:
    stamp = Stamp(epoch, new_trace_id("x"), sent_ns)
    assert read_headers(headers_of(envelope, stamp)) == (envelope, stamp)


def test_headers_are_those_of_cloudevents_and_w3c() -> None:
    envelope = Envelope(
        "quote-service", 12, "monitor-service:7", 1_700_000_000_123_456_789, "quote.target.v1"
    )
    found = dict(headers_of(envelope, Stamp(3, "0" * 31 + "1", 5)))
    assert found["ce_specversion"] == b"1.0"
    assert found["ce_id"] == b"quote-service:12"
    assert found["ce_source"] == b"quote-service"
    assert found["ce_type"] == b"quote.target.v1"
    assert found["ce_time"] == b"2023-11-14T22:13:20.123456789Z"
    assert found["ce_causationid"] == b"monitor-service:7"
    assert found["content-type"] == b"application/json"
    version, trace, span, flags = found["traceparent"].decode().split("-")
    assert (version, trace, len(span), flags) == ("00", "0" * 31 + "1", 16, "00")


@given(key=names, partitions=st.integers(1, 64))
def test_a_key_is_where_every_other_client_puts_it(key: str, partitions: int) -> None:
    everywhere = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key.encode(), everywhere, everywhere)


def raw(sequence: int, epoch: int = 1, producer: str = "p", **fields: Any) -> RawRecord:
    type_name = fields.pop("type_name", "market.book.v1")
    place: dict[str, Any] = {"topic": "market.book", "partition": 0, "offset": sequence, "key": "k", **fields}
    envelope = Envelope(producer, sequence, None, 0, type_name)
    return RawRecord(LoggedRecord(**place, envelope=envelope, payload=b""), Stamp(epoch, "t", 0))


class TestFence:
    def test_a_replaced_writer_counts_no_more(self) -> None:
        fence = Fence()
        assert fence.admits(raw(1, epoch=1))
        assert not fence.admits(raw(0, epoch=2, type_name=BARRIER_TYPE))
        assert not fence.admits(raw(2, epoch=1))
        assert fence.admits(raw(2, epoch=2))

    def test_its_adapter_and_its_trace_go_with_it(self) -> None:
        fence = Fence()
        assert fence.admits(raw(1, epoch=4))
        assert not fence.admits(raw(9, epoch=3, producer="p/adapter"))
        assert fence.admits(raw(9, epoch=4, producer="p/adapter"))

    def test_others_and_other_partitions_do_not(self) -> None:
        fence = Fence()
        assert fence.admits(raw(1, epoch=4))
        assert fence.admits(raw(1, epoch=2, producer="q"))
        assert fence.admits(raw(1, epoch=2, partition=1))

    def test_a_repeated_record_counts_once(self) -> None:
        fence = Fence()
        assert [fence.admits(raw(number)) for number in (1, 2, 2, 1, 3)] == [True, True, False, False, True]

    def test_it_goes_on_where_it_was(self) -> None:
        fence = Fence()
        fence.admits(raw(5, epoch=3))
        again = Fence(fence.newest)
        assert not again.admits(raw(5, epoch=3))
        assert not again.admits(raw(6, epoch=2))
        assert again.admits(raw(6, epoch=3))


@given(
    st.lists(
        st.tuples(st.sampled_from(["market.book", "order.fill", "market.instrument"]), st.sampled_from("ab"))
    )
)
def test_only_market_data_is_skipped_and_only_for_newer(places: list[tuple[str, str]]) -> None:
    records = [raw(number, topic=topic, key=key) for number, (topic, key) in enumerate(places)]
    kept = conflated(records)
    assert [item for item in kept if item.logged.topic != "market.book"] == [
        item for item in records if item.logged.topic != "market.book"
    ]
    newest = {item.logged.key: item for item in records if item.logged.topic == "market.book"}
    assert [item for item in kept if item.logged.topic == "market.book"] == sorted(
        newest.values(), key=lambda item: item.logged.offset
    )


def test_shards_divide_the_symbols_and_share_the_account() -> None:
    shards = [Shard(4, 2, number) for number in range(2)]
    for process in (MONITOR, QUOTE):
        both = [set(shard.outputs(process)) for shard in shards]
        by_symbol = {topic.name for topic in TOPICS if topic.key == "symbol"}
        assert not {place for place in both[0] & both[1] if place.topic in by_symbol}
        assert both[0] | both[1] == set(Shard(4).outputs(process))
    assert [place.partition for place in shards[0].inputs(QUOTE) if place.topic == "market.book"] == [0, 2]
    assert [place.partition for place in shards[1].inputs(QUOTE) if place.topic == "risk.state"] == [
        0,
        1,
        2,
        3,
    ]


def test_a_shard_hears_its_symbols_and_what_is_for_all() -> None:
    shard = Shard(4, 2, 1)
    assert shard.concerns(raw(1, partition=1, key="v:A"))
    assert not shard.concerns(raw(1, partition=0, key="v:A"))
    assert shard.concerns(raw(1, partition=0, key="v:*"))


def test_what_stops_is_heard_before_the_market() -> None:
    assert PRIORITY_TOPICS[0] == "risk.state"
    assert {topic.name for topic in TOPICS if topic.writer == RISK and topic.compacted} <= set(
        PRIORITY_TOPICS
    )
