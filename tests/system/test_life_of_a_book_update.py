"""docs/ARCHITECTURE.md tells the life of a book update; a real run's log must agree with it."""

import re
from itertools import pairwise
from pathlib import Path

from runtime.log.logfile import LoggedRecord, read_log
from schemas.topics import BY_NAME
from tests.conftest import ROOT
from tests.system.conftest import Run


def told() -> list[tuple[str, str, str]]:
    """The document's rows: topic, written by, because of."""
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    section = text.split("## The life of a book update")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return [(row[0].strip(" `"), row[1].strip(), row[2].strip(" `")) for row in rows]


def test_writers_in_the_document_are_the_contract() -> None:
    assert len(told()) >= 8
    for topic, writer, _ in told():
        assert BY_NAME[topic].writer == writer


def test_places_in_the_document_exist() -> None:
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    packages = ("monitor-service", "quote-service", "inventory-service", "risk-service", "gateway-api", "")
    for name in re.findall(r"`([a-z_]+/[\w/.]+)`", text):
        assert any((ROOT / package / name).exists() for package in packages), name


def chain(records: dict[str, LoggedRecord], last: LoggedRecord) -> list[str]:
    """Topics from a record back to its first cause, oldest first."""
    topics = [last.topic]
    while last.envelope.cause is not None:
        last = records[last.envelope.cause]
        topics.insert(0, last.topic)
    return topics


def test_the_causes_in_a_real_log_are_the_documents(synthetic_run: Run) -> None:
    records = {record.envelope.event_id: record for record in read_log(synthetic_run.log)}
    chains = {tuple(chain(records, record)) for record in records.values()}
    assert ("market.feed", "market.book", "quote.target", "order.event") in chains
    assert ("market.feed", "market.signal") in chains
    assert ("venue.report", "order.fill", "inventory.position", "quote.target", "order.event") in chains
    pairs = {(effect, cause) for steps in chains for cause, effect in pairwise(steps)}
    for topic, _, because in told():
        if because in BY_NAME:
            assert (topic, because) in pairs, f"no {topic} because of {because} in the run"


def test_every_file_of_the_log_is_text(synthetic_run: Run) -> None:
    """While it is written; a closed segment is compressed, and checkpoints are no part of it."""
    for path in Path(synthetic_run.log).glob("*.*"):
        path.read_text(encoding="utf-8")
