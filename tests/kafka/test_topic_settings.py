"""What operators set at topics, and `maker topics plan` and `apply`."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.deployment import Kafka
from tests.kafka.commands import maker
from tests.servers.local import PATIENCE_S

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_what_an_operator_set_at_a_topic_stays_until_it_is_to_be_reset(kafka: Kafka, tmp_path: Path) -> None:
    config = tmp_path / "kafka.yaml"
    config.write_text(yaml.safe_dump({"kafka": kafka.model_dump(mode="json", exclude_defaults=True)}))
    name = f"{kafka.topic_prefix}market.book"
    operators = {"retention.ms": "3600000", "max.message.bytes": "2000000", "segment.ms": "21600000"}
    asyncio.run(as_operator(kafka, name, operators))
    done = maker("topics", "plan", "--config", config)
    assert done.returncode == 0  # nothing would be changed
    assert f"{name} retention.ms 3600000 is kept, 432000000 is configured (set on the topic)" in " ".join(
        done.stdout.split()
    )
    assert "maker topics apply --reset" in done.stderr
    assert [(change["setting"], change["is_kept"]) for change in planned(config)] == [("retention.ms", True)]
    assert maker("topics", "apply", "--config", config).returncode == 0
    assert asyncio.run(settings_of(kafka, name)) >= operators.items()
    done = maker("topics", "plan", "--config", config, "--reset")
    assert done.returncode == 1
    assert maker("topics", "apply", "--config", config, "--reset").returncode == 0
    assert planned(config) == []
    now = dict(asyncio.run(settings_of(kafka, name)))
    assert (now["retention.ms"], now["max.message.bytes"]) == ("432000000", "2000000")


def planned(config: Path) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = json.loads(maker("topics", "plan", "--config", config, "--json").stdout)
    return changes


async def as_operator(kafka: Kafka, name: str, settings: dict[str, str]) -> None:
    """Set these of a topic, and what it was told before no more."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, settings)])
    finally:
        await admin.close()
    async with asyncio.timeout(PATIENCE_S):
        while not await settings_of(kafka, name) >= settings.items():
            await asyncio.sleep(0.1)


async def settings_of(kafka: Kafka, name: str) -> set[tuple[str, str]]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        found = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        return {(entry[0], entry[1]) for entry in found[0].resources[0][4]}
    finally:
        await admin.close()
