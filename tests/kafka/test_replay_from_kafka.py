"""What processes on Kafka recorded is replayed exactly, from the topics and from a folder."""

import asyncio
import json
import time
from pathlib import Path

import pytest
import yaml

from runtime.bus import TopicPartition
from runtime.kafka.bus import KafkaBus
from runtime.kafka.layout import recorded_partitions
from schemas.deployment import Kafka
from tests.kafka.commands import maker, replayed
from tests.kafka.conftest import KafkaRun
from tests.servers.kafka import topics

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_every_process_is_replayed_without_a_divergence(stormy_run: KafkaRun) -> None:
    results = replayed("--config", stormy_run.config_file)
    assert len(results) == 6
    assert all(result["divergences"] == 0 for result in results.values()), results
    assert results["order-router"]["outputs"] > 50
    assert results["quote-service"]["inputs"] > 200


def test_one_process_and_a_period(stormy_run: KafkaRun) -> None:
    whole = replayed("--config", stormy_run.config_file, "--process", "order-router")["order-router"]
    times = sorted(sent.record.envelope.event_time_ns for sent in stormy_run.log.on("order.event"))
    middle_s = times[len(times) // 2] / 1e9
    from datetime import UTC, datetime

    middle = datetime.fromtimestamp(middle_s, UTC).isoformat()
    command = ("--config", stormy_run.config_file, "--process", "order-router")
    late = replayed(*command, "--from", middle)["order-router"]
    early = replayed(*command, "--to", middle)["order-router"]
    assert 0 < late["outputs"] < whole["outputs"]
    assert late["inputs"] == whole["inputs"]
    assert 0 < early["inputs"] < whole["inputs"]


def test_a_folder_and_kafka_hold_the_same_log(stormy_run: KafkaRun, tmp_path: Path) -> None:
    done = maker("log", "export", tmp_path / "log", "--config", stormy_run.config_file)
    assert done.returncode == 0, done.stderr
    of_kafka = replayed("--config", stormy_run.config_file)
    assert replayed(tmp_path / "log") == of_kafka
    with topics(stormy_run.kafka.bootstrap) as empty:
        config = tmp_path / "other.yaml"
        config.write_text(yaml.safe_dump({"kafka": empty.model_dump(mode="json", exclude_defaults=True)}))
        done = maker("log", "import", tmp_path / "log", "--config", config)
        assert done.returncode == 0, done.stderr
        assert replayed("--config", config) == of_kafka
        again = maker("log", "import", tmp_path / "log", "--config", config)
        assert again.returncode == 2
        assert "is not empty" in again.stderr


def test_what_maker_up_wrote_can_be_put_into_kafka(kafka_bootstrap: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    done = maker("up", "--speed", "max", "--for", "20", "--no-gateway", "--log", log)
    assert done.returncode == 0, done.stderr
    with topics(kafka_bootstrap) as empty:
        config = tmp_path / "kafka.yaml"
        config.write_text(yaml.safe_dump({"kafka": empty.model_dump(mode="json", exclude_defaults=True)}))
        done = maker("log", "import", log, "--config", config)
        assert done.returncode == 0, done.stderr
        assert f"kept there for {empty.replay_hours} hours from now" in done.stderr
        assert asyncio.run(newest_of_age(empty, time.time() - 3_600)) == {}
        assert replayed("--config", config) == replayed(log)


async def newest_of_age(kafka: Kafka, since_s: float) -> dict[TopicPartition, int]:
    """By the broker's count, what lies before a time: its retention would delete that first."""
    reader = KafkaBus(kafka).reader({})
    try:
        every = list(recorded_partitions(kafka.partitions))
        since = await reader.offsets_at(dict.fromkeys(every, int(since_s * 1e3)))
        return {place: offset for place, offset in since.items() if offset}
    finally:
        await reader.close()


def test_a_changed_record_is_a_divergence(stormy_run: KafkaRun, tmp_path: Path) -> None:
    assert maker("log", "export", tmp_path / "log", "--config", stormy_run.config_file).returncode == 0
    from zlib import crc32

    path = next((tmp_path / "log").glob("*.log"))
    lines = path.read_bytes().splitlines(keepends=True)
    index = next(i for i, line in enumerate(lines) if b'"kind":"place_intent"' in line)
    body = lines[index][9:-1].replace(b'"kind":"place_intent"', b'"kind":"amend_intent"')
    lines[index] = b"%08x %b\n" % (crc32(body), body)
    path.write_bytes(b"".join(lines))
    done = maker("replay", tmp_path / "log", "--json")
    assert done.returncode == 5
    assert json.loads(done.stdout)["first_divergence"]["topic"] == "order.event"
