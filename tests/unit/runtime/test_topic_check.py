"""What a process says of the broker's topics before it begins."""

import pytest

from runtime.errors import ConfigError
from runtime.kafka.topic_check import TopicShape, missing_topics, needed_topics
from schemas.deployment import Kafka
from schemas.topics import GATEWAY, PROCESSES, QUOTE, STATISTICS

KAFKA = Kafka(bootstrap="broker:9092", partitions=4, replication=3, topic_prefix="mm.")
GOOD = TopicShape(4, 3, has_leaders=True)


def there(process: str, **others: TopicShape) -> dict[str, TopicShape]:
    found = dict.fromkeys(needed_topics(KAFKA, process), GOOD)
    return found | {name.replace("_", "."): shape for name, shape in others.items()}


@pytest.mark.parametrize("process", [*PROCESSES, GATEWAY, STATISTICS])
def test_nothing_is_missing_where_all_is_there(process: str) -> None:
    assert needed_topics(KAFKA, process)
    assert missing_topics(KAFKA, process, there(process)) is None


def test_missing_topics_are_named_with_the_command() -> None:
    found = missing_topics(KAFKA, QUOTE, {})
    assert found is not None
    count = len(needed_topics(KAFKA, QUOTE))
    assert found.startswith(f"{count} of {count} topics are missing on the broker at broker:9092: mm.")
    assert f" and {count - 3} more; run `maker topics apply`" in found
    assert "`maker topics apply`" in found
    assert found.count("mm.") == 3


def test_who_signs_in_may_not_see_them() -> None:
    known = KAFKA.model_copy(update={"sasl_username": "quote-service"})
    found = missing_topics(known, QUOTE, {})
    assert found is not None
    assert "or not visible to quote-service" in found


def test_other_partitions_and_too_few_replicas_end_it() -> None:
    made_by_the_broker = there(
        QUOTE,
        mm_market_book=TopicShape(1, 1, has_leaders=True),
        mm_risk_state=TopicShape(4, 1, has_leaders=True),
    )
    with pytest.raises(ConfigError) as raised:
        missing_topics(KAFKA, QUOTE, made_by_the_broker)
    assert "mm.market.book has 1 partitions, mm.risk.state has 1 replicas" in str(raised.value)
    assert "kafka.partitions 4 and kafka.replication 3" in str(raised.value)
    assert "`maker topics plan`" in str(raised.value)


def test_three_of_many_are_named() -> None:
    all_wrong = dict.fromkeys(needed_topics(KAFKA, QUOTE), TopicShape(1, 3, has_leaders=True))
    with pytest.raises(ConfigError, match=f"and {len(all_wrong) - 3} more; the config"):
        missing_topics(KAFKA, QUOTE, all_wrong)


def test_more_replicas_than_configured_are_welcome() -> None:
    many = dict.fromkeys(needed_topics(KAFKA, QUOTE), TopicShape(4, 5, has_leaders=True))
    assert missing_topics(KAFKA, QUOTE, many) is None


def test_a_topic_without_a_leader_is_waited_for() -> None:
    found = missing_topics(KAFKA, QUOTE, there(QUOTE, mm_market_book=TopicShape(4, 3, has_leaders=False)))
    assert found == "no leader yet for partitions of mm.market.book"


def test_topics_of_others_do_not_matter() -> None:
    assert missing_topics(KAFKA, QUOTE, there(QUOTE, theirs=TopicShape(7, 1, has_leaders=False))) is None
