"""The broker's settings of each topic: retention and compaction.

Topics about the present are retained for an hour. All topics that a replay needs are retained for
`kafka.replay_hours`: if one were shorter a replay would lack records, and longer ones would be of no use.
Topics with decisions, commands and bookings are retained for `kafka.ledger_days`, for later investigation.

Compacted topics retain the newest record of each key forever, and every record for `kafka.replay_hours`, so
that the records named by traces still exist, and those named by the journal of a killed process (the inputs
since its newest snapshot). A process that stays down for longer after a kill does not resume exactly.

A broker deletes and compacts only closed segments, and by default rolls them after a week or a gigabyte:
small topics would be retained much longer than configured. Segments are therefore rolled after a twentieth of
the retention.
"""

from schemas.deployment import Kafka
from schemas.topics import Topic

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_SEGMENTS = 20


def topic_settings(topic: Topic, config: Kafka) -> dict[str, str]:
    """The broker's settings of a topic, by name."""
    return {
        **_retention(topic, config),
        "min.insync.replicas": str(config.min_insync_replicas),
        "message.timestamp.type": "CreateTime",
    }


def kept_ms(topic: Topic, config: Kafka) -> int:
    """Minimum retention of every record of a topic; for accounting never shorter than a replay needs."""
    if topic.kept == "present":
        return HOUR_MS
    replay_ms = config.replay_hours * HOUR_MS
    is_accounting = topic.kept == "accounting" and not topic.compacted
    return max(replay_ms, config.ledger_days * DAY_MS) if is_accounting else replay_ms


def _retention(topic: Topic, config: Kafka) -> dict[str, str]:
    kept = kept_ms(topic, config)
    segment = {"segment.ms": str(max(HOUR_MS, kept // _SEGMENTS))}
    if not topic.compacted:
        return {"cleanup.policy": "delete", "retention.ms": str(kept), **segment}
    return {
        "cleanup.policy": "compact",
        "min.compaction.lag.ms": str(kept),
        "delete.retention.ms": str(kept),  # so that stopped readers still see tombstones
        **segment,
    }


_DAYS_BEFORE = {
    1: ("market.feed", "market.book", "market.signal"),
    7: ("market.trade", "market.refusal", "quote.target"),
}


def set_by_earlier_release(topic: Topic, setting: str, value: str) -> bool:
    """Whether a release before `kafka.replay_hours` set this value, so that no operator chose it."""
    days = next((days for days, names in _DAYS_BEFORE.items() if topic.name in names), 30)
    return setting == "retention.ms" and value == str(days * DAY_MS)
