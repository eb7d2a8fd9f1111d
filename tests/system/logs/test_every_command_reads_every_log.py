"""Whatever the engine wrote, every command that reads logs reads: whole, torn anywhere, and gone on with.

The commands are `maker pnl`, `why`, `replay`, `calibrate` in its three ways and `up` on the same folder; the
gateway's questions to the past stand beside them.
"""

import asyncio
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from gateway_api.access.visibility import ALL_OF_IT, LANE_NAMES

from maker.composition import process_definitions
from research.calibration.alpha_command import run_alpha
from research.calibration.command import run_calibration, run_micro_price
from research.pnl.command import run_pnl
from runtime.errors import ConfigError
from runtime.log.closing import close_segment
from runtime.log.logfile import LogFileBus, read_log
from runtime.log.segments import segment_files
from runtime.process.definition import HistorySource
from runtime.replay.verify import replay
from runtime.replay.why import why
from runtime.state.checkpoint import FOLDER as CHECKPOINTS
from schemas.envelope import decode
from schemas.orders import OrderEvent
from tests.servers.local import PATIENCE_S
from tests.system.conftest import Maker
from tests.system.logs.agreement import agrees
from tests.system.logs.hostile_run import SYMBOLS
from tests.unit.gateway_api.past import calls_of

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
SEEDS = (1, 2, 3)
CUTS = 8
SYMBOL = "SOL/USDT"
BOOKS_FOR_A_FIT = 330
TRADES_FOR_A_FIT = 30
END_NS = 1 << 62


def hostile(log: Path, seed: int, seconds: float = 40) -> None:
    command = [sys.executable, "-m", "tests.system.logs.hostile_run", str(log), str(seed), str(seconds)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module", params=SEEDS)
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def log(seed: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "log"
    hostile(folder, seed)
    return folder


def torn(log: Path, into: Path, share: float) -> Path:
    """The log as a crash leaves it that came after so much of it, and before any checkpoint."""
    shutil.copytree(log, into, ignore=shutil.ignore_patterns(CHECKPOINTS))
    newest = max(into.glob("*.log"))
    data = newest.read_bytes()
    newest.write_bytes(data[: int(len(data) * share)])
    return into


def closed(log: Path, into: Path) -> Path:
    """The log as it lies on disk hours later: all but its newest segment compressed."""
    bus = LogFileBus(into, segment_bytes_max=200_000)
    for number, record in enumerate(read_log(log)):
        bus.append(record)
        if number % 20 == 0:
            bus.commit()
    asyncio.run(bus.close())
    for path in segment_files(into)[:-1]:
        close_segment(path, frame_bytes=50_000)
        path.unlink()
    assert len(segment_files(into)) > 5
    return into


def reads(log: Path) -> None:
    """No command refuses; one may say that there is nothing yet of what it was asked for, or too little."""
    agrees(log)
    for result in replay(read_log(log), {each.name: each for each in process_definitions()}):
        assert (result.divergences, result.first) == (0, None)
    unless_less_than(1, "quote.target", log, lambda: why(log, SYMBOL, None))
    unless_less_than(TRADES_FOR_A_FIT, "market.trade", log, lambda: run_calibration(str(log), SYMBOL))
    unless_less_than(BOOKS_FOR_A_FIT, "market.book", log, lambda: run_micro_price(str(log), SYMBOL))
    unless_less_than(BOOKS_FOR_A_FIT, "market.book", log, lambda: run_alpha(str(log), SYMBOL))
    asks(log)


def unless_less_than(count: int, topic: str, log: Path, ask: Callable[[], object]) -> None:
    """A log that has so many records of a symbol in a topic is answered."""
    key = f"synthetic:{SYMBOL}"
    found = sum(record.topic == topic and record.key == key for record in read_log(log))
    with nullcontext() if found >= count else suppress(ConfigError):
        ask()


def asks(log: Path) -> None:
    """What the page may ask of the past."""
    calls = calls_of(HistorySource(log_dir=log))
    key = f"synthetic:{SYMBOL}"
    calls.span(ALL_OF_IT)
    calls.fills(ALL_OF_IT, None, 0, END_NS, 1_000, None)
    calls.events(ALL_OF_IT, None, list(LANE_NAMES), 0, END_NS, 100, None, "")
    for kind in ("inventory", "pnl", "quotes"):
        calls.series(ALL_OF_IT, kind, key, 0, END_NS, 50)
    calls.series(ALL_OF_IT, "pnl", None, 0, END_NS, 50)


def test_a_whole_log_is_read(log: Path) -> None:
    kinds = {
        (event.kind, event.status)
        for event in (
            decode(OrderEvent, record.payload) for record in read_log(log) if record.topic == "order.event"
        )
    }
    assert len(kinds) > 10, "the venue was hostile"
    reads(log)
    assert any(position.open_fees for position in agrees(log).values())


def test_a_log_of_closed_segments_is_read_as_its_text_is(log: Path, tmp_path: Path) -> None:
    small = closed(log, tmp_path / "closed")
    assert list(read_log(small)) == list(read_log(log))
    reads(small)
    assert run_pnl(str(small)).report == run_pnl(str(log)).report
    assert why(small, SYMBOL, None) == why(log, SYMBOL, None)


def test_a_log_that_ends_anywhere_is_read(log: Path, tmp_path: Path) -> None:
    chance = random.Random(1)
    for number in range(CUTS):
        share = 0.0 if not number else chance.random() ** 3
        reads(torn(log, tmp_path / str(number), share))


def test_a_torn_log_that_is_gone_on_with_is_read(log: Path, seed: int, tmp_path: Path) -> None:
    again = torn(log, tmp_path / "log", 0.6)
    for _ in range(2):
        hostile(again, seed, 8)
        reads(again)


def test_the_commands_say_so_too(log: Path, maker: Maker) -> None:
    done = maker("pnl", log)
    assert done.code == 0, done.err
    assert "BNB have no rate and are in no figure: give --rate BNB=RATE" in done.err
    assert any(line.startswith("open_fees_BNB") for line in done.out.splitlines())
    one = maker("pnl", log, "--symbol", SYMBOL, "--json").json["symbols"]
    assert one == {f"synthetic:{SYMBOL}": maker("pnl", log, "--json").json["symbols"][f"synthetic:{SYMBOL}"]}
    booked = maker("pnl", log, "--rate", "BNB=600", "--json")
    assert (booked.code, booked.err) == (0, "")
    assert not any(symbol["open_fees"] for symbol in booked.json["symbols"].values())
    for symbol in SYMBOLS:
        assert maker("why", symbol, "--log", log, "--json").code == 0
    assert maker("replay", log).code == 0
