"""Soaks the processes on a real broker: what goes wrong is dealt by a seed; exit 1 names what did not hold.

make soak-kafka                                       some ten minutes
make soak-kafka ARGS="--events 40 --older HEAD~50"    more of it, upgraded from an older release
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random
from subprocess import CalledProcessError
from typing import Any

from runtime.config.settings import load_config
from schemas.config import Config
from schemas.topics import PROCESSES, PROJECTOR
from tests.kafka.conftest import intents, published
from tests.kafka.invariants import broken, nothing_alive_at_the_end
from tests.servers.engine import KafkaEngine
from tests.servers.kafka import KafkaServer, topics
from tests.servers.local import until
from tests.servers.sources import Sources, copied, other_sources, sources_of
from tests.servers.topic_history import TopicHistory
from tests.soak.figures import show
from tests.soak.replays import said_of

OUTAGE_S = 6.0
KILLED_WITHIN_S = 3.0
"""At any moment of a snapshot interval, at random."""
LIMIT_S = 180.0
"""For what takes seconds on a machine of its own."""


class KafkaSoak:
    """All processes over a broker of their own."""

    def __init__(self, engine: KafkaEngine, server: KafkaServer, seed: int, other: Sources) -> None:
        self.engine = engine
        self.server = server
        self.history = TopicHistory(engine.kafka)
        self.random = Random(f"{seed} kafka")
        self.happened: Counter[str] = Counter()
        self.ready_s: dict[str, float] = {}
        """The longest, until all were ready and orders were sent again."""
        self._other = other
        self.does: Mapping[str, Callable[[], None]] = {
            **{f"{name} killed": partial(self._kill_one, name) for name in PROCESSES},
            "all killed at once": self._kill_all,
            "all killed, topics trimmed": partial(self._kill_all, trims=True),
            "stopped, topics trimmed": self._stop_for_days,
            "other code and back, one by one": self._roll,
            "broker killed": self._kill_broker,
            "broker standing still": self._pause_broker,
            "stopped and started": self._stop,
            "another setting": self._set,
            "the projector's folder deleted": self._forget,
        }

    def happen(self, kind: str) -> None:
        """Do it, and wait until the engine trades again."""
        self.does[kind]()
        began_s = time.monotonic()
        self.engine.wait_ready(limit_s=LIMIT_S)
        before = intents(self.engine)
        until(lambda: intents(self.engine) > before, f"orders are sent after: {kind}", LIMIT_S, 0.1)
        took_s = time.monotonic() - began_s
        self.ready_s[kind] = max(took_s, self.ready_s.get(kind, 0.0))
        self.happened[kind] += 1
        print(f"{kind:40} orders again after {took_s:.1f} s", flush=True)

    def _kill_one(self, name: str) -> None:
        time.sleep(self.random.uniform(0.0, KILLED_WITHIN_S))
        self.engine.processes[name].kill()
        self.engine.start(name)

    def _kill_all(self, *, trims: bool = False) -> None:
        self.engine.kill_all()
        if trims:
            self.history.trim()
        self._start()

    def _stop_for_days(self) -> None:
        """Longer than kafka.replay_hours."""
        self.stop()
        self.history.trim()
        self._start()

    def _roll(self) -> None:
        """Rolled back and upgraded: this code with another hash."""
        self.replace_all(self._other)
        self.replace_all(None)

    def replace_all(self, sources: Sources | None) -> None:
        """One process after another runs other code, while the rest goes on."""
        for name in self.random.sample(PROCESSES, len(PROCESSES)):
            process = self.engine.processes[name]
            process.stop() if self.random.random() < 0.5 else process.kill()
            self.engine.start(name, sources=sources)
            self.engine.wait_ready(name, limit_s=LIMIT_S)

    def _kill_broker(self) -> None:
        self.server.process.kill()
        time.sleep(OUTAGE_S)
        self.server.start()

    def _pause_broker(self) -> None:
        self.server.process.pause()
        time.sleep(OUTAGE_S)
        self.server.process.resume()

    def _stop(self) -> None:
        self.stop()
        self._start()

    def _set(self) -> None:
        self.stop()
        self.engine.configure(market_making={"base_spread": f"0.00{20 + self.random.randrange(8)}"})
        self._start()

    def _forget(self) -> None:
        self.engine.processes[PROJECTOR].kill()
        shutil.rmtree(self.engine.state_dir / PROJECTOR)
        self.engine.start(PROJECTOR)

    def _start(self) -> None:
        for name in self.engine.names:
            self.engine.start(name)

    def stop(self) -> None:
        """In order; raises RuntimeError where one does not end well."""
        codes = self.engine.stop_all()
        if set(codes.values()) != {0}:
            raise RuntimeError(f"exit codes {codes}")


def soak(folder: Path, seed: int, events: int | None, commit: str) -> list[str]:
    """What did not hold."""
    older, other = _older(commit, folder / "older"), _with_another_hash(folder / "other")
    server = KafkaServer(folder)
    server.start()
    try:
        with topics(server.bootstrap) as kafka:
            home = folder / "engine"
            home.mkdir()
            settings = {"process": {"snapshot_interval_s": 2.0}, "feed": {"symbols": _calm_markets()}}
            engine = KafkaEngine(home, kafka, settings, PROCESSES)
            try:
                return _soaked(KafkaSoak(engine, server, seed, other), older, events)
            finally:
                engine.kill_all()
    finally:
        server.stop()


def _calm_markets() -> dict[str, Any]:
    """The demo's, with fewer books: this is about what goes wrong, not about load."""
    return {
        symbol: market.model_dump(mode="json") | {"updates_per_s": 2.0}
        for symbol, market in Config().feed.symbols.items()
    }


def _older(commit: str, folder: Path) -> Sources:
    """The sources of a commit; of the one before, where the history does not reach that far, or where the
    commit's processes did not have their own parts of shared topics yet, and so have other topics.
    """
    folder.mkdir()
    try:
        older = sources_of(commit, folder / "asked")
    except CalledProcessError:
        return other_sources(folder / "before")
    has_parts = (older.root / "runtime" / "kafka" / "layout.py").exists()
    return older if has_parts else other_sources(folder / "before")


def _with_another_hash(folder: Path) -> Sources:
    sources = copied(folder)
    path = folder / "runtime" / "__init__.py"
    path.write_text(path.read_text(encoding="utf-8") + "\n# another hash\n", encoding="utf-8")
    return sources


def _soaked(running: KafkaSoak, older: Sources, events: int | None) -> list[str]:
    engine = running.engine
    engine.start_all(LIMIT_S, sources=older)
    until(lambda: published(engine, "venue.report") > 0, "the venue has orders of ours", LIMIT_S, 0.1)
    running.replace_all(None)
    print("upgraded from the older release, one by one", flush=True)
    kinds = [*running.does]
    count = len(kinds) if events is None else events
    for kind in running.random.sample(kinds * -(-count // len(kinds)), count):
        running.happen(kind)
    running.happen(
        "another setting"
    )  # a session begins: of one whose beginning was trimmed nothing is proven
    running.stop()
    log = running.history.log()
    found = [str(each) for each in broken(log, load_config([engine.config_file]).config)]
    found += map(str, nothing_alive_at_the_end(log))
    proof = said_of(["replay", "--config", str(engine.config_file)])
    if not proof.holds:
        found.append(f"replay: {proof}")
    types: Counter[Any] = Counter(each.record.message.type_name for each in log.records)
    if not types["order.fill.v1"]:
        found.append("nothing was filled, so no ledger was tried")
    rows = [(kind, running.happened[kind], round(running.ready_s[kind], 1)) for kind in running.ready_s]
    show("on Kafka", ("what happened", "times", "longest until orders again, s"), rows)
    print(
        f"{len(log.records)} records, {types['order.fill.v1']} fills, {log.dropped} dropped as repeated or "
        f"of replaced writers; replay: {proof.outputs} outputs, {proof.divergences} divergences"
    )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--events", type=int, help="default: one of each kind")
    parser.add_argument("--older", default="HEAD~30", help="commit of the older release")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = soak(Path(name), given.seed, given.events, given.older)
    for violation in found:
        print(f"VIOLATION, seed {given.seed}: {violation}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
