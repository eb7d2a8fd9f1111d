"""What `maker topics plan` says about a topic's settings, and what `apply` leaves alone."""

import pytest

from runtime.kafka.admin import TopicChange, TopicSetting, setting_changes
from runtime.kafka.topic_settings import kept_ms, topic_settings
from schemas.deployment import Kafka
from schemas.topics import BY_NAME, TOPICS

CONFIG = Kafka()
BOOK = BY_NAME["market.book"]
FILL = BY_NAME["order.fill"]
POSITION = BY_NAME["inventory.position"]
DAY_MS = 86_400_000


def as_wanted(**otherwise: TopicSetting) -> dict[str, TopicSetting]:
    found = {
        name: TopicSetting(value, is_topic_override=True)
        for name, value in topic_settings(BOOK, CONFIG).items()
    }
    return found | {name.replace("_", "."): setting for name, setting in otherwise.items()}


def planned(settings: dict[str, TopicSetting], *, reset: bool = False) -> list[TopicChange]:
    return list(setting_changes(BOOK, "mm.market.book", settings, CONFIG, reset=reset))


def test_what_is_as_wanted_or_not_ours_is_no_difference() -> None:
    assert planned(as_wanted(max_message_bytes=TopicSetting("5", is_topic_override=True))) == []


def test_what_the_broker_has_by_itself_is_changed() -> None:
    change = planned(as_wanted(retention_ms=TopicSetting("604800000", is_topic_override=False)))[0]
    assert (change.topic, change.setting, change.on_broker) == (
        "mm.market.book",
        "retention.ms",
        "604800000",
    )
    assert (change.required, change.origin, change.is_kept) == (str(5 * DAY_MS), "broker", False)


def test_what_an_operator_set_stays_until_it_is_to_be_reset() -> None:
    settings = as_wanted(retention_ms=TopicSetting("3600000", is_topic_override=True))
    assert [(change.origin, change.is_kept) for change in planned(settings)] == [("topic", True)]
    assert [(change.origin, change.is_kept) for change in planned(settings, reset=True)] == [("topic", False)]


def test_what_an_earlier_release_set_is_no_operators() -> None:
    settings = as_wanted(retention_ms=TopicSetting(str(DAY_MS), is_topic_override=True))
    assert [(change.origin, change.is_kept) for change in planned(settings)] == [("earlier release", False)]
    a_week = as_wanted(retention_ms=TopicSetting(str(7 * DAY_MS), is_topic_override=True))
    assert [change.origin for change in planned(a_week)] == ["topic"]


def test_a_setting_that_a_topic_has_not_is_missing() -> None:
    settings = as_wanted()
    del settings["segment.ms"]
    assert [(change.setting, change.origin) for change in planned(settings)] == [("segment.ms", "missing")]


@pytest.mark.parametrize("hours", [1, 24, 120, 2_000])
def test_a_stretch_that_can_be_replayed_has_every_topic(hours: int) -> None:
    config = Kafka(replay_hours=hours)
    for topic in (each for each in TOPICS if each.kept != "present"):
        settings = topic_settings(topic, config)
        whole_ms = int(settings["min.compaction.lag.ms" if topic.compacted else "retention.ms"])
        assert whole_ms == kept_ms(topic, config) >= hours * 3_600_000
        assert int(settings["segment.ms"]) <= max(3_600_000, whole_ms / 20)


def test_ledgers_are_kept_longer_and_nothing_else_is() -> None:
    config = Kafka(replay_hours=24, ledger_days=90)
    assert topic_settings(FILL, config)["retention.ms"] == str(90 * DAY_MS)
    assert topic_settings(BOOK, config)["retention.ms"] == str(DAY_MS)
    assert "retention.ms" not in topic_settings(POSITION, config)
    assert topic_settings(POSITION, config)["delete.retention.ms"] == str(DAY_MS)
