"""When the view projector writes to the store."""

from collections.abc import Callable, Mapping

import pytest
from gateway_api.projector import service
from gateway_api.projector.core.views import ProjectorCore
from gateway_api.projector.service import ViewWriter

from runtime.process.definition import AdapterContext
from runtime.store.documents import MemoryStore, PulledStore
from schemas.config import Config
from schemas.envelope import decode
from schemas.process import Shutdown, Tick
from schemas.topics import PROCESSES
from schemas.views import SymbolView
from tests.unit.gateway_api.conftest import Messages


class CountingStore(MemoryStore):
    """A store that keeps what each write held."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[set[str]] = []

    def put(self, documents: Mapping[str, bytes]) -> None:
        self.writes.append(set(documents))
        super().put(documents)


def core_of() -> ProjectorCore:
    core = service.definition.make_core(Config())
    assert isinstance(core, ProjectorCore)
    return core


def writer_of(core: ProjectorCore, store: MemoryStore) -> ViewWriter:
    assert service.definition.make_adapter is not None
    adapter = service.definition.make_adapter(AdapterContext(Config(), core, store, 0))
    assert isinstance(adapter, ViewWriter)
    return adapter


def make() -> tuple[ProjectorCore, CountingStore, ViewWriter]:
    core, store = core_of(), CountingStore()
    return core, store, writer_of(core, store)


def test_the_process_is_in_the_map_and_ticks_four_times_a_second() -> None:
    assert service.definition.name in PROCESSES
    assert service.definition.tick_interval_ns(Config()) == 250_000_000


def test_what_was_restored_is_written_whole_before_anything_else(
    messages_of: Callable[..., Messages],
) -> None:
    core = core_of()
    for number in range(20):
        core.on_event(messages_of(f"C{number}/USDT").book(1))
    core.pop_changed()
    store = CountingStore()
    writer_of(core, store)
    assert [len(write) for write in store.writes] == [21]


def test_what_was_carried_is_written_whole_as_it_comes(messages_of: Callable[..., Messages]) -> None:
    """More symbols than one write holds: a store that is looked at right after has them all."""
    old = core_of()
    for number in range(25):
        old.on_event(messages_of(f"C{number}/USDT").book(1))
    core, store, adapter = make()
    for carried in old.carried(2):
        core.on_event(carried)
        adapter.on_event(carried)
    assert len(store.names("symbol/")) == 25


def test_an_event_writes_what_changed_and_nothing_where_nothing_did(
    btc: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = iter(range(0, 10**12, 10**9))
    monkeypatch.setattr(service, "monotonic_ns", lambda: next(wall))
    core, store, adapter = make()
    for event in (btc.instrument(), btc.book(1)):
        core.on_event(event)
    assert store.writes == []
    adapter.on_event(Tick(event_time_ns=1))
    adapter.on_event(Tick(event_time_ns=2))
    assert store.writes == [{"symbol/synthetic:BTC/USDT", "account"}]


def test_events_of_simulated_time_do_not_write_more_often_than_people_read(
    btc: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall_ns = [10**12]
    monkeypatch.setattr(service, "monotonic_ns", lambda: wall_ns[0])
    core, store, adapter = make()
    for tick in range(100):
        core.on_event(btc.book(tick))
        adapter.on_event(Tick(event_time_ns=tick))
        wall_ns[0] += 1_000_000
    assert len(store.writes) == 10


def test_the_shutdown_and_the_end_write_what_is_left(btc: Messages) -> None:
    core, store, adapter = make()
    adapter.on_event(Tick(event_time_ns=1))
    core.on_event(btc.book(1))
    adapter.on_event(Shutdown(event_time_ns=2))
    core.on_event(btc.book(2))
    adapter.close()
    assert [sorted(write)[-1] for write in store.writes] == ["symbol/synthetic:BTC/USDT"] * 2


def test_it_has_no_input_of_its_own() -> None:
    _, _, adapter = make()
    assert adapter.next_due_ns() is None
    assert adapter.poll_due(10**18) == ()


def test_where_nobody_looks_documents_are_made_when_they_are_read(btc: Messages) -> None:
    core, store = core_of(), PulledStore()
    adapter = writer_of(core, store)
    for tick in range(3):
        core.on_event(btc.book(tick))
        adapter.on_event(Shutdown(event_time_ns=tick))
    assert core.pop_changed(), "no event made a document"
    core.on_event(btc.book(4))
    assert store.names("symbol/") == ("symbol/synthetic:BTC/USDT",)
    view = decode(SymbolView, store.get("symbol/synthetic:BTC/USDT") or b"")
    assert view.counters.books == 4
    core.on_event(btc.book(5))
    view = decode(SymbolView, store.get("symbol/synthetic:BTC/USDT") or b"")
    assert view.counters.books == 5
