"""Keeps what a release leaves on disk, so that every later one is started on it.

    .venv/bin/python -m tests.releases.make_release COMMIT

runs the sources of COMMIT and writes a folder of that name beside this file: the log of an engine that was
killed, of one that ended, and the state folders and topics of processes over Kafka (it starts a broker and a
Redis), each gzipped, with a manifest of what they held by that release's own word.
"""

import argparse
import asyncio
import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from runtime.kafka.admin import apply_topics
from runtime.kafka.bus import KafkaBus
from runtime.kafka.layout import recorded_partitions
from schemas.deployment import Kafka
from schemas.topics import GATEWAY, PROCESSES, ROUTER
from tests.servers.kafka import KafkaServer
from tests.servers.local import LocalProcess, free_port, until
from tests.servers.log_lines import committed, standing
from tests.servers.redis import RedisServer
from tests.servers.sources import Sources, short_name, sources_of
from tests.servers.visitor import Visitor, has_code

HERE = Path(__file__).resolve().parent
PARTITIONS = 2
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
HALTED = "SOL/USDT"
CHANGED = {"market_making.base_spread": "0.0009", "risk_limits.max_position": "90"}
SETTINGS: dict[str, Any] = {
    "market_making": {"base_spread": 0.0004, "volatility_multiplier": 0.5},
    "feed": {
        "seed": 11,
        "symbols": {
            "BTC/USDT": {"price": "60000", "spread_bps": 20.0, "volatility_bps": 1.2},
            "ETH/USDT": {"price": "3000", "spread_bps": 20.0, "volatility_bps": 1.6},
            "SOL/USDT": {"price": "150", "spread_bps": 20.0, "volatility_bps": 2.4},
        },
    },
}
for _symbol in SETTINGS["feed"]["symbols"].values():
    _symbol.update({"trades_per_s": 3.0, "updates_per_s": 2.0})


def trade(visitor: Visitor, records: Callable[[], list[dict[str, Any]]]) -> None:
    """Until all symbols hold something, settings are changed, one symbol is halted and the rest quotes."""
    until(lambda: _holds(records()), "every symbol has a position", pause_s=0.5)
    for key, value in CHANGED.items():
        visitor.ask("PUT", f"api/v1/maker/settings/{key}", {"value": value, "reason": "for the archive"})
    visitor.post("api/v1/maker/risk/halt", symbol=HALTED, reason="for the archive")

    def is_done() -> bool:
        found = standing(records())
        open_symbols = {order["key"].partition(":")[2] for order in found["open_orders"].values()}
        halted = {key.partition(":")[2] for key in found["halts"]}
        return found["settings"] == CHANGED and halted == {HALTED} and open_symbols == set(SYMBOLS) - {HALTED}

    until(is_done, "the halt, the settings and the orders of the others are in force", pause_s=0.2)


def _holds(records: list[dict[str, Any]]) -> bool:
    return {
        key.partition(":")[2] for key, found in standing(records)["ledgers"].items() if found["position_lots"]
    } == set(SYMBOLS)


def embedded(sources: Sources, folder: Path, *, ends: bool) -> dict[str, Any]:
    """One run of `maker up`, its log in `folder/log`; its manifest."""
    folder.mkdir()
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
    port = free_port()
    command: list[str | Path] = [
        *sources.maker,
        "up",
        "--config",
        config,
        "--log",
        "log",
        "--port",
        str(port),
    ]
    process = LocalProcess(command, folder / "engine.txt", sources.env, folder)
    process.start()
    visitor = Visitor(f"http://127.0.0.1:{port}/", process.text)
    try:
        until(lambda: has_code(process.text()), "the page is served")
        trade(visitor, lambda: committed(folder / "log"))
        if ends and process.stop():
            raise RuntimeError(process.text())
    finally:
        process.kill()
    return manifest(sources, folder / "log")


def manifest(sources: Sources, log: Path) -> dict[str, Any]:
    """What the log holds: by its last messages, and by the release's own `maker pnl`."""
    told = json.loads(_maker(sources, "pnl", log, "--json").stdout)["symbols"]
    pnl = {key: {name: each[name] for name in ("position", "attribution")} for key, each in told.items()}
    return {"config": SETTINGS, "held": standing(committed(log)), "pnl": pnl}


def _maker(sources: Sources, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*sources.maker, *map(str, arguments)],
        env={**os.environ, **sources.env},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{arguments}: {done.stderr}")
    return done


def over_kafka(sources: Sources, folder: Path) -> dict[str, Any]:
    """Processes over a broker, killed; their state in `folder/state`, the topics in `folder/log`."""
    folder.mkdir()
    config = folder / "config.yaml"
    with _servers(folder) as (kafka, redis):
        parts = {
            "kafka": {"bootstrap": kafka.bootstrap, "partitions": PARTITIONS},
            "redis": {"url": redis.url},
            "process": {"state_dir": "state", "snapshot_interval_s": 2.0},
        }
        config.write_text(yaml.safe_dump(SETTINGS | parts), encoding="utf-8")
        _maker(sources, "topics", "apply", "--config", config)

        def exported() -> list[dict[str, Any]]:
            with tempfile.TemporaryDirectory() as name:
                _maker(sources, "log", "export", Path(name) / "log", "--config", config)
                return committed(Path(name) / "log")

        with _processes(sources, folder) as visitor:
            trade(visitor, exported)
        _maker(sources, "log", "export", folder / "log", "--config", config)
        settings = Kafka(bootstrap=kafka.bootstrap, partitions=PARTITIONS)
        asyncio.run(apply_topics(settings))  # today's may be more than that release had
        ends = asyncio.run(_ends(settings))
    return manifest(sources, folder / "log") | {"partitions": PARTITIONS, "ends": ends}


@contextmanager
def _servers(folder: Path) -> Iterator[tuple[KafkaServer, RedisServer]]:
    (folder / "servers").mkdir()
    kafka, redis = KafkaServer(folder / "servers"), RedisServer(folder / "servers")
    try:
        kafka.start()
        redis.start()
        yield kafka, redis
    finally:
        kafka.stop()
        redis.process.kill()


@contextmanager
def _processes(sources: Sources, folder: Path) -> Iterator[Visitor]:
    """All of them and a gateway, killed in the end, the router first."""
    port = free_port()
    running = []
    for name in (*PROCESSES, GATEWAY):
        command = [*sources.maker, "run", name, "--config", "config.yaml"]
        command += ["--port", str(port)] if name == GATEWAY else ["--health-port", str(free_port())]
        process = LocalProcess(command, folder / f"{name}.txt", sources.env, folder)
        process.start()
        running.append(process)
    gateway = running[-1]
    try:
        until(lambda: has_code(gateway.text()), "the page is served")
        yield Visitor(f"http://127.0.0.1:{port}/", gateway.text)
    finally:
        for process in sorted(running, key=lambda each: ROUTER not in each.output.name):
            process.kill()


async def _ends(config: Kafka) -> list[tuple[str, int, int]]:
    """How far each partition reaches: what lies behind its newest record is in no log."""
    reader = KafkaBus(config).reader({}, checks_owners=False)
    try:
        found = await reader.end_offsets(recorded_partitions(config.partitions))
    finally:
        await reader.close()
    return [(place.topic, place.partition, end) for place, end in found.items()]


def keep(folder: Path, into: Path, name: str, held: dict[str, Any], parts: Sequence[str]) -> None:
    """The parts of a run's folder, gzipped, and its manifest."""
    into.mkdir(exist_ok=True)
    with tarfile.open(into / f"{name}.tar.gz", "w:gz") as tar:
        for part in parts:
            tar.add(folder / part, arcname=part)
    (into / f"{name}.json").write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commit", help="The release: anything that git takes for a commit.")
    parser.add_argument("run", nargs="*", default=["killed", "ended", "kafka"])
    arguments = parser.parse_args()
    into = HERE / short_name(arguments.commit)
    os.umask(0o077)
    with tempfile.TemporaryDirectory() as name:
        sources = sources_of(arguments.commit, Path(name) / "sources")
        for run in arguments.run:
            folder = Path(name) / run
            if run == "kafka":
                keep(folder, into, run, over_kafka(sources, folder), ("state", "log"))
            else:
                keep(folder, into, run, embedded(sources, folder, ends=run == "ended"), ("log",))
            print(f"{into.name}/{run}.tar.gz: {(into / f'{run}.tar.gz').stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
