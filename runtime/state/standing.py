"""Positions of a process on its topics: records read, published, and not confirmed yet."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

from runtime.bus import TopicPartition


@dataclass(slots=True)
class Standing:
    """The positions of one process at the end of a turn."""

    inputs: int
    sequence: int
    trace_sequence: int
    adapter_sequence: int
    positions: dict[TopicPartition, int]
    """The next offset of each input partition."""
    newest: dict[tuple[str, int, str], int]
    """The newest sequence of each writer on each input partition, see kafka.reader.Fence."""
    end_offsets: dict[TopicPartition, int]
    """For each output partition: the offset after the newest confirmed record."""
    unconfirmed: dict[TopicPartition, list[Any]]
    """Unconfirmed records, see kafka.outbox.OutboxRecord."""
    parts_sequence: int = 0
    """Sequence of the newest carried state part on its topic, see runtime.process.carried_topic."""

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Sequences of outputs, traces and external inputs, and the number of inputs, to continue from."""
        return self.sequence, self.trace_sequence, self.adapter_sequence, self.inputs

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "inputs": self.inputs,
            "sequence": self.sequence,
            "trace_sequence": self.trace_sequence,
            "adapter_sequence": self.adapter_sequence,
            "parts_sequence": self.parts_sequence,
            "positions": [[*place, offset] for place, offset in self.positions.items()],
            "newest": [[*place, number] for place, number in self.newest.items()],
            "end_offsets": [[*place, offset] for place, offset in self.end_offsets.items()],
            "unconfirmed": [
                [*place, [_record_json(record) for record in records]]
                for place, records in self.unconfirmed.items()
            ],
        }

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Standing":
        """The inverse of `to_json`; raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            inputs=fields["inputs"],
            sequence=fields["sequence"],
            trace_sequence=fields["trace_sequence"],
            adapter_sequence=fields["adapter_sequence"],
            positions=_offsets(fields["positions"]),
            newest={(topic, number, writer): newest for topic, number, writer, newest in fields["newest"]},
            end_offsets=_offsets(fields["end_offsets"]),
            unconfirmed={
                TopicPartition(topic, number): [_record(*record) for record in records]
                for topic, number, records in fields["unconfirmed"]
            },
            parts_sequence=fields.get("parts_sequence", 0),
        )


def _offsets(rows: list[tuple[str, int, int]]) -> dict[TopicPartition, int]:
    return {TopicPartition(topic, number): offset for topic, number, offset in rows}


def _record_json(record: Any) -> list[Any]:
    key, value, headers, time_ms, published_ns = record
    pairs = [[name, _text(content)] for name, content in headers]
    return [_text(key), None if value is None else _text(value), pairs, time_ms, published_ns]


def _text(content: bytes) -> str:
    return b64encode(content).decode()


def _record(key: str, value: str | None, headers: list[list[str]], time_ms: int, published_ns: int) -> Any:
    pairs = [(name, b64decode(content)) for name, content in headers]
    return b64decode(key), None if value is None else b64decode(value), pairs, time_ms, published_ns
