"""When the view projector writes to the store."""

from gateway_api.projector import service

from chassis.process import AdapterContext
from chassis.store import MemoryStore
from schemas.config import Config
from schemas.process import Shutdown, Tick
from schemas.topics import PROCESSES


class CountingStore(MemoryStore):
    """A store that keeps what each write held."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[set[str]] = []

    def put(self, documents):
        self.writes.append(set(documents))
        super().put(documents)


def make():
    core = service.definition.make_core(Config())
    store = CountingStore()
    adapter = service.definition.make_adapter(AdapterContext(Config(), core, store, 0))
    return core, store, adapter


def test_the_process_is_in_the_map_and_ticks_four_times_a_second():
    assert service.definition.name in PROCESSES
    assert service.definition.tick_interval_ns(Config()) == 250_000_000


def test_what_was_restored_is_written_whole_before_anything_else(messages_of):
    core = service.definition.make_core(Config())
    for number in range(20):
        core.on_event(messages_of(f"C{number}/USDT").book(1))
    core.take_dirty()
    store = CountingStore()
    service.definition.make_adapter(AdapterContext(Config(), core, store, 0))
    assert [len(write) for write in store.writes] == [21]


def test_an_event_writes_what_changed_and_nothing_where_nothing_did(btc, monkeypatch):
    wall = iter(range(0, 10**12, 10**9))
    monkeypatch.setattr(service, "monotonic_ns", lambda: next(wall))
    core, store, adapter = make()
    for event in (btc.instrument(), btc.book(1)):
        core.on_event(event)
    assert store.writes == []
    adapter.on_event(Tick(event_time_ns=1))
    adapter.on_event(Tick(event_time_ns=2))
    assert store.writes == [{"symbol/synthetic:BTC/USDT", "account"}]


def test_events_of_simulated_time_do_not_write_more_often_than_people_read(btc, monkeypatch):
    wall_ns = [10**12]
    monkeypatch.setattr(service, "monotonic_ns", lambda: wall_ns[0])
    core, store, adapter = make()
    for tick in range(100):
        core.on_event(btc.book(tick))
        adapter.on_event(Tick(event_time_ns=tick))
        wall_ns[0] += 1_000_000
    assert len(store.writes) == 10


def test_the_shutdown_and_the_end_write_what_is_left(btc):
    core, store, adapter = make()
    adapter.on_event(Tick(event_time_ns=1))
    core.on_event(btc.book(1))
    adapter.on_event(Shutdown(event_time_ns=2))
    core.on_event(btc.book(2))
    adapter.close()
    assert [sorted(write)[-1] for write in store.writes] == ["symbol/synthetic:BTC/USDT"] * 2


def test_it_has_no_input_of_its_own():
    _, _, adapter = make()
    assert adapter.next_due_ns() is None
    assert adapter.take_due(10**18) == ()
