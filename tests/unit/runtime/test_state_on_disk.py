"""Snapshots and journals: whole or not there, in the right order, and nothing runs that is read from them."""

import pickle
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runtime.bus import TopicPartition
from runtime.errors import LogDamagedError
from runtime.kafka.outbox import OutboxRecord
from runtime.process.recovery import publish_unconfirmed
from runtime.state.carried_file import from_bytes as carried_from_bytes
from runtime.state.journal import Journal, JournalTurn, Read, head_of, read_journal
from runtime.state.snapshot import from_bytes, to_bytes
from runtime.state.standing import Standing
from runtime.state.state_files import StateFiles
from tests.unit.runtime.state_samples import SOURCES, TRADE, roll, snapshot, standing, state


class Counter:
    """A core with a handler table, as cores have."""

    def __init__(self) -> None:
        self.seen: dict[str, Decimal] = {"a": Decimal("0.1")}
        self.handlers = {"trade": self.handle}

    def handle(self, amount: Decimal) -> Decimal:
        self.seen["a"] += amount
        return self.seen["a"]


def turn(number: int) -> JournalTurn:
    return JournalTurn((("market.trade", 1, number, 2), ("process.tick.v1", 0, 10**18, 1)), (TRADE,), 5)


class TestSnapshot:
    def test_it_comes_back_equal(self) -> None:
        found = from_bytes(to_bytes(snapshot({"trade": TRADE, "d": Decimal("1.10")})), SOURCES)
        assert found == snapshot({"trade": TRADE, "d": Decimal("1.10")})

    def test_a_handler_table_is_bound_to_the_new_core(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Counter, "__module__", "runtime.state.snapshot")
        monkeypatch.setattr("runtime.state.snapshot.Counter", Counter, raising=False)
        core = Counter()
        found = from_bytes(to_bytes(snapshot(core)), SOURCES).life
        assert found.handlers["trade"](Decimal(1)) == Decimal("1.1")
        assert core.seen["a"] == Decimal("0.1")

    def test_every_changed_byte_is_noticed(self) -> None:
        data = to_bytes(snapshot({"a": 1}))
        for index in range(len(data)):
            changed = data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]
            with pytest.raises(LogDamagedError, match="digest"):
                from_bytes(changed, SOURCES)

    def test_every_cut_is_noticed(self) -> None:
        data = to_bytes(snapshot({"a": 1}))
        for length in range(len(data)):
            with pytest.raises(LogDamagedError):
                from_bytes(data[:length], SOURCES)

    @pytest.mark.parametrize(
        "name", ["os.system", "builtins.eval", "runtime.state.snapshot.os", "maker.run.run_process"]
    )
    def test_it_makes_nothing_but_state(self, name: str) -> None:
        module, _, attribute = name.rpartition(".")
        from hashlib import blake2b

        body = (
            SOURCES.encode()
            + b" pure\n"
            + pickle.PROTO
            + b"\x04"
            + pickle.GLOBAL
            + f"{module}\n{attribute}\n".encode()
            + pickle.STOP
        )
        with pytest.raises(LogDamagedError, match="no part of the engine's state"):
            from_bytes(blake2b(body, digest_size=32).digest() + body, SOURCES)

    def test_another_codes_is_not_even_looked_at(self) -> None:
        with pytest.raises(LogDamagedError, match="another code"):
            from_bytes(to_bytes(snapshot(sources="other")), SOURCES)


class TestCarriedState:
    def test_it_comes_back_equal(self) -> None:
        assert carried_from_bytes(state().to_bytes()) == state()

    def test_every_changed_byte_and_every_cut_is_noticed(self) -> None:
        data = state().to_bytes()
        for index in range(0, len(data), 97):
            changed = data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]
            for broken in (changed, data[:index]):
                with pytest.raises(LogDamagedError, match="digest"):
                    carried_from_bytes(broken)


class TestJournal:
    def write(self, path: Path, turns: int) -> None:
        journal = Journal(path, Read("before", 12, 3))
        for number in range(turns):
            journal.write(turn(number))
        journal.close()

    def test_turns_come_back_in_order(self, tmp_path: Path) -> None:
        path = tmp_path / "j"
        self.write(path, 4)
        assert list(read_journal(path)) == [turn(number) for number in range(4)]
        head = head_of(path)
        assert head is not None
        assert head.follows == Read("before", 12, 3)

    def test_a_torn_end_is_cut_wherever_it_tears(self, tmp_path: Path) -> None:
        path = tmp_path / "j"
        self.write(path, 3)
        data = path.read_bytes()
        begin = data.rstrip(b"\n").rfind(b"\n") + 1
        for length in range(begin, len(data)):
            path.write_bytes(data[:length])
            assert list(read_journal(path)) == [turn(0), turn(1)]

    def test_damage_before_the_end_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "j"
        self.write(path, 3)
        data = path.read_bytes()
        begin = data.rstrip(b"\n").rfind(b"\n")
        for index in range(0, begin - 1, 7):
            path.write_bytes(data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :])
            with pytest.raises(LogDamagedError, match=r"j is damaged: line \d"):
                list(read_journal(path))

    def test_it_is_read_as_far_as_its_follower_had_read_it(self, tmp_path: Path) -> None:
        path = tmp_path / "j"
        journal = Journal(path, None)
        journal.write(turn(0))
        read = journal.end
        journal.write(turn(1))
        journal.close()
        assert list(read_journal(path, read)) == [turn(0)]


class TestStateFiles:
    def test_an_empty_folder_is_a_beginning(self, tmp_path: Path) -> None:
        left = StateFiles(tmp_path).load(SOURCES)
        assert (left.snapshot, left.carried, left.standing, list(left.turns)) == (None, None, None, [])

    def test_the_newest_state_and_what_followed(self, tmp_path: Path) -> None:
        files = StateFiles(tmp_path)
        files.load(SOURCES)
        roll(files, 1, 1).write(turn(0))
        roll(files, 1, 2).write(turn(1))
        files.close()
        left = StateFiles(tmp_path).load(SOURCES)
        assert left.standing == standing(2)
        assert (left.snapshot, list(left.turns)) == (snapshot(inputs=2), [turn(1)])

    def test_another_code_gets_what_was_carried_and_all_that_followed(self, tmp_path: Path) -> None:
        files = StateFiles(tmp_path)
        files.load(SOURCES)
        roll(files, 1, 1).write(turn(0))
        roll(files, 1, 2, carries=False).write(turn(1))
        roll(files, 1, 3, carries=False).write(turn(2))
        files.close()
        left = StateFiles(tmp_path).load("other")
        assert (left.snapshot, left.carried) == (None, state(1))
        assert list(left.turns) == [turn(0), turn(1), turn(2)]

    def test_a_damaged_snapshot_gives_way_to_the_one_before(self, tmp_path: Path) -> None:
        files = StateFiles(tmp_path)
        files.load(SOURCES)
        roll(files, 1, 1).write(turn(0))
        roll(files, 1, 2).write(turn(1))
        files.close()
        newest = max(tmp_path.glob("*.snapshot"))
        newest.write_bytes(newest.read_bytes()[:-3])
        left = StateFiles(tmp_path).load(SOURCES)
        assert (left.snapshot, list(left.turns)) == (snapshot(inputs=1), [turn(0), turn(1)])

    def test_what_was_before_a_sessions_border_is_no_state_of_it(self, tmp_path: Path) -> None:
        files = StateFiles(tmp_path)
        files.load(SOURCES)
        roll(files, 1, 1, session=1).write(turn(0))
        roll(files, 1, 2, session=2).write(turn(1))
        files.close()
        max(tmp_path.glob("*.snapshot")).write_bytes(b"")
        left = StateFiles(tmp_path).load(SOURCES)
        assert (left.snapshot, left.carried, list(left.turns)) == (None, state(2), [turn(1)])

    def test_without_any_whole_state_nothing_begins(self, tmp_path: Path) -> None:
        files = StateFiles(tmp_path)
        files.load(SOURCES)
        roll(files, 1, 1).write(turn(0))
        files.close()
        next(tmp_path.glob("*.snapshot")).write_bytes(b"")
        next(tmp_path.glob("*.carried")).write_bytes(b"")
        with pytest.raises(LogDamagedError, match="no whole state that they go on from"):
            StateFiles(tmp_path).load(SOURCES)

    def test_two_are_kept(self, tmp_path: Path) -> None:
        files = StateFiles(tmp_path)
        files.load(SOURCES)
        for number in range(5):
            roll(files, 1, number)
        files.close()
        for suffix in ("snapshot", "carried", "journal"):
            assert len(list(tmp_path.glob(f"*.{suffix}"))) == 2

    def test_journals_reach_back_to_what_is_carried(self, tmp_path: Path) -> None:
        files = StateFiles(tmp_path)
        files.load(SOURCES)
        for number in range(9):
            roll(files, 1, number, carries=number % 4 == 0)
        files.close()
        assert len(list(tmp_path.glob("*.snapshot"))) == 2
        assert len(list(tmp_path.glob("*.carried"))) == 2
        assert len(list(tmp_path.glob("*.journal"))) == 5

    def test_what_a_replaced_process_still_writes_is_not_read(self, tmp_path: Path) -> None:
        """It wrote on in its own journal after the new one had read that: from another machine, perhaps,
        that its lock did not reach.
        """
        old = StateFiles(tmp_path)
        old._lock.release()
        old.load(SOURCES)
        journal = roll(old, 1, 1)
        journal.write(turn(0))
        new = StateFiles(tmp_path)
        new.load(SOURCES)
        roll(new, 2, 2).write(turn(5))
        journal.write(turn(1))
        new.close()
        newest = max(tmp_path.glob("*.snapshot"))
        newest.write_bytes(b"")
        left = StateFiles(tmp_path).load(SOURCES)
        assert (left.snapshot, list(left.turns)) == (snapshot(inputs=1), [turn(0), turn(5)])
        old.close()


def test_what_no_topic_has_is_said_after_either_of_the_two() -> None:
    """A snapshot keeps the records as they were, a carried state as plain values."""
    place = TopicPartition("order.fill", 0)
    for kept in (standing(), Standing.from_json(standing().to_json())):
        outbox = Outbox()
        bus: Any = SimpleNamespace(epoch_of=lambda writer: 8, outbox=outbox)
        assert publish_unconfirmed(bus, kept.unconfirmed, frozenset()) == 1
        assert outbox.sent == [(place, (b"k", b"v", [("ce_id", b"r:1"), ("ce_epoch", b"8")], 5, 6))]
        assert publish_unconfirmed(bus, kept.unconfirmed, frozenset({"r:1"})) == 0


class Outbox:
    def __init__(self) -> None:
        self.sent: list[tuple[TopicPartition, tuple[Any, ...]]] = []

    def add(self, place: TopicPartition, record: OutboxRecord) -> None:
        self.sent.append((place, tuple(record)))
