"""Snapshots and journals: whole or not there, in the right order, and nothing runs that is read from them."""

import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chassis.bus.base import TopicPartition
from chassis.errors import ConfigError, LogDamagedError
from chassis.journal import Journal, JournalTurn, follows, read_journal
from chassis.snapshot import Snapshot, check_config, from_bytes, read_snapshots, to_bytes, write_snapshot
from chassis.state_files import StateFiles
from schemas.market import Trade

TRADE = Trade(
    event_time_ns=7, venue="v", symbol="A/B", price_ticks=3, size_lots=2, side="buy", trade_id='"\n\\é'
)


class Counter:
    """A core with a handler table, as cores have."""

    def __init__(self) -> None:
        self.seen: dict[str, Decimal] = {"a": Decimal("0.1")}
        self.handlers = {"trade": self.handle}

    def handle(self, amount: Decimal) -> Decimal:
        self.seen["a"] += amount
        return self.seen["a"]


def snapshot(core: Any = None, inputs: int = 5) -> Snapshot:
    return Snapshot(
        process="p",
        code_version="1",
        config_hash="h",
        inputs=inputs,
        sequence=1,
        trace_sequence=2,
        adapter_sequence=3,
        positions={TopicPartition("market.trade", 1): 9},
        newest={("market.trade", 1, "monitor-service@"): 4},
        end_offsets={},
        unconfirmed={},
        core=core,
        adapter=None,
    )


def turn(number: int) -> JournalTurn:
    return JournalTurn((("market.trade", 1, number, 2), ("process.tick.v1", 0, 10**18, 1)), (TRADE,), 5)


class TestSnapshot:
    def test_it_comes_back_equal(self) -> None:
        found = from_bytes(to_bytes(snapshot({"trade": TRADE, "d": Decimal("1.10")})))
        assert found == snapshot({"trade": TRADE, "d": Decimal("1.10")})

    def test_a_handler_table_is_bound_to_the_new_core(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Counter, "__module__", "chassis.snapshot")
        monkeypatch.setattr("chassis.snapshot.Counter", Counter, raising=False)
        core = Counter()
        found = from_bytes(to_bytes(snapshot(core))).core
        assert found.handlers["trade"](Decimal(1)) == Decimal("1.1")
        assert core.seen["a"] == Decimal("0.1")

    def test_every_changed_byte_is_noticed(self) -> None:
        data = to_bytes(snapshot({"a": 1}))
        for index in range(len(data)):
            changed = data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]
            with pytest.raises(LogDamagedError, match="digest"):
                from_bytes(changed)

    def test_every_cut_is_noticed(self) -> None:
        data = to_bytes(snapshot({"a": 1}))
        for length in range(len(data)):
            with pytest.raises(LogDamagedError):
                from_bytes(data[:length])

    @pytest.mark.parametrize(
        "name", ["os.system", "builtins.eval", "chassis.snapshot.os", "chassis.run.run_process"]
    )
    def test_it_makes_nothing_but_state(self, name: str) -> None:
        module, _, attribute = name.rpartition(".")
        from hashlib import blake2b

        body = pickle.PROTO + b"\x04" + pickle.GLOBAL + f"{module}\n{attribute}\n".encode() + pickle.STOP
        with pytest.raises(LogDamagedError, match="no part of the engine's state"):
            from_bytes(blake2b(body, digest_size=32).digest() + body)

    def test_a_half_written_file_is_no_snapshot(self, tmp_path: Path) -> None:
        write_snapshot(tmp_path / "1.snapshot", to_bytes(snapshot()))
        (tmp_path / "2.tmp").write_bytes(b"half")
        assert [path.name for path, _ in read_snapshots(tmp_path)] == ["1.snapshot"]

    def test_another_configuration_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="another configuration"):
            check_config(snapshot(), "other", tmp_path)


class TestJournal:
    def write(self, path: Path, turns: int) -> None:
        journal = Journal(path, ("before", 12))
        for number in range(turns):
            journal.write(turn(number))
        journal.close()

    def test_turns_come_back_in_order(self, tmp_path: Path) -> None:
        path = tmp_path / "j"
        self.write(path, 4)
        assert list(read_journal(path)) == [turn(number) for number in range(4)]
        assert follows(path) == ("before", 12)

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
            with pytest.raises(LogDamagedError, match=r"j line \d is damaged"):
                list(read_journal(path))

    def test_it_is_read_as_far_as_its_follower_had_read_it(self, tmp_path: Path) -> None:
        path = tmp_path / "j"
        journal = Journal(path, None)
        journal.write(turn(0))
        size_bytes = journal.size_bytes
        journal.write(turn(1))
        journal.close()
        assert list(read_journal(path, size_bytes)) == [turn(0)]


class TestStateFiles:
    def test_an_empty_folder_is_a_beginning(self, tmp_path: Path) -> None:
        found, journal = StateFiles(tmp_path).load()
        assert (found, list(journal)) == (None, [])

    def test_the_newest_state_and_what_followed(self, tmp_path: Path) -> None:
        files = StateFiles(tmp_path)
        files.load()
        files.roll(1, to_bytes(snapshot(inputs=1))).write(turn(0))
        files.roll(1, to_bytes(snapshot(inputs=2))).write(turn(1))
        files.close()
        found, journal = StateFiles(tmp_path).load()
        assert found is not None
        assert (found.inputs, list(journal)) == (2, [turn(1)])

    def test_a_damaged_snapshot_gives_way_to_the_one_before(self, tmp_path: Path) -> None:
        files = StateFiles(tmp_path)
        files.load()
        files.roll(1, to_bytes(snapshot(inputs=1))).write(turn(0))
        files.roll(1, to_bytes(snapshot(inputs=2))).write(turn(1))
        files.close()
        newest = max(tmp_path.glob("*.snapshot"))
        newest.write_bytes(newest.read_bytes()[:-3])
        found, journal = StateFiles(tmp_path).load()
        assert found is not None
        assert (found.inputs, list(journal)) == (1, [turn(0), turn(1)])

    def test_without_any_whole_snapshot_nothing_begins(self, tmp_path: Path) -> None:
        files = StateFiles(tmp_path)
        files.load()
        files.roll(1, to_bytes(snapshot())).write(turn(0))
        files.close()
        next(tmp_path.glob("*.snapshot")).write_bytes(b"")
        with pytest.raises(LogDamagedError, match="no snapshot that can be read"):
            StateFiles(tmp_path).load()

    def test_two_are_kept(self, tmp_path: Path) -> None:
        files = StateFiles(tmp_path)
        files.load()
        for number in range(5):
            files.roll(1, to_bytes(snapshot(inputs=number)))
        files.close()
        assert len(list(tmp_path.glob("*.snapshot"))) == len(list(tmp_path.glob("*.journal"))) == 2

    def test_what_a_replaced_process_still_writes_is_not_read(self, tmp_path: Path) -> None:
        """It wrote on in its own journal after the new one had read that."""
        old = StateFiles(tmp_path)
        old.load()
        journal = old.roll(1, to_bytes(snapshot(inputs=1)))
        journal.write(turn(0))
        new = StateFiles(tmp_path)
        new.load()
        new.roll(2, to_bytes(snapshot(inputs=2))).write(turn(5))
        journal.write(turn(1))
        new.close()
        newest = max(tmp_path.glob("*.snapshot"))
        newest.write_bytes(b"")
        found, turns = StateFiles(tmp_path).load()
        assert found is not None
        assert (found.inputs, list(turns)) == (1, [turn(0), turn(5)])
        old.close()
