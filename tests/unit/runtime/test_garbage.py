import gc
from collections.abc import Iterator

import pytest

from maker import engine as engine_module
from maker.engine import RunOptions, run_engine
from runtime.garbage import uncollected
from runtime.state import snapshot as snapshots
from runtime.state.snapshot import Snapshot
from runtime.state.standing import Standing
from schemas.config import Config


@pytest.fixture(autouse=True)
def enabled() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_the_collector_goes_on_as_before_also_after_an_error() -> None:
    with uncollected():
        with pytest.raises(KeyError):
            _fail_uncollected()
        assert not gc.isenabled()
    assert gc.isenabled()


def _fail_uncollected() -> None:
    with uncollected():
        raise KeyError


def test_a_start_makes_its_processes_uncollected(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    class StoppedError(Exception):
        pass

    def stopped(config: Config, options: RunOptions) -> None:
        seen.append(gc.isenabled())
        raise StoppedError

    monkeypatch.setattr(engine_module, "Engine", stopped)
    with pytest.raises(StoppedError):
        run_engine(Config(), RunOptions())
    assert seen == [False]
    assert gc.isenabled()


def test_a_snapshot_is_read_uncollected(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    class Unpickler(snapshots._Unpickler):
        def load(self) -> object:
            seen.append(gc.isenabled())
            return super().load()

    monkeypatch.setattr(snapshots, "_Unpickler", Unpickler)
    standing = Standing(1, 0, 0, 0, {}, {}, {}, {})
    data = snapshots.to_bytes(Snapshot("hash", standing, None, None))
    assert snapshots.from_bytes(data, "hash").standing == standing
    assert seen == [False]
