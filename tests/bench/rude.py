"""Prints what rude clients cost: how long a halt takes in a crowd, and what previews do to quoting.

    python -m tests.bench.rude [--symbols 20] [--seconds 20] [--crowd 330] [--clients 8]

One engine, `maker up` on a synthetic market at 10 updates a second and symbol. Previews are asked for by as
many people as there are clients, each as fast as they are answered, in every other stretch of time: quiet and
loud stretches are of one run, so that their ratio says something on a busy machine too.
"""

import argparse
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import yaml
from gateway_api.access.commands import make_key, make_token, manage_users

from schemas.deployment import Access
from tests.bench.run import many_symbols
from tests.servers.local import MAKER, LocalProcess, free_port, until
from tests.servers.rude import Crowd

PASSWORD = "correct horse battery staple"
HALTS = 20
STRETCHES = 3


class Office:
    """An engine with people."""

    def __init__(self, folder: Path, symbols: int, people: int) -> None:
        self.port = free_port()
        self.names = [f"trader{number}" for number in range(people)]
        users, key = folder / "users.yaml", folder / "key"
        for name in self.names:
            manage_users("add", users, name=name, roles=["trader"], scope=[], password=PASSWORD)
        manage_users("add", users, name="risk", roles=["risk"], scope=[], password=PASSWORD)
        make_key(key)
        self._access = Access(users_file=str(users), signing_key_file=str(key))
        config = many_symbols(folder, symbols)
        given = yaml.safe_load(config.read_text())
        config.write_text(
            yaml.safe_dump(given | {"access": {"users_file": str(users), "signing_key_file": str(key)}})
        )
        command = [MAKER, "up", "--config", config, "--port", str(self.port), "--log", folder / "log"]
        self.process = LocalProcess([str(part) for part in command], folder / "engine.txt")
        self.process.start()
        until(lambda: "The page is at" in self.process.text(), "the page is announced", 60)

    def client(self, name: str) -> httpx.Client:
        """Somebody's program."""
        token = make_token(self._access, name, refresh=False)
        base = f"http://127.0.0.1:{self.port}/api/v1/"
        return httpx.Client(base_url=base, headers={"authorization": f"Bearer {token}"}, timeout=20)


def preview_until(client: httpx.Client, end: threading.Event, answers: list[int]) -> None:
    body = {"key": "market_making.base_spread", "value": "0.003", "symbol": "S000/USDT"}
    while not end.is_set():
        try:
            answers.append(client.post("maker/settings/preview", json=body).status_code)
        except httpx.TimeoutException:
            answers.append(0)


def p99_ms(client: httpx.Client, seconds: float) -> float:
    time.sleep(seconds)
    (latency,) = client.get("system").json()["latency"]
    return float(latency["p99_ms"])


def previews(office: Office, seconds: float) -> dict[str, Any]:
    reader = office.client("risk")
    quiet: list[float] = []
    loud: list[float] = []
    answers: list[Any] = []
    for _ in range(STRETCHES):
        quiet.append(p99_ms(reader, seconds))
        end = threading.Event()
        asking = [
            threading.Thread(target=preview_until, args=(office.client(name), end, answers))
            for name in office.names
        ]
        for each in asking:
            each.start()
        loud.append(p99_ms(reader, seconds))
        end.set()
        for each in asking:
            each.join()
    return {
        "book to order p99 ms, quiet": quiet,
        "book to order p99 ms, with previews": loud,
        "ratio of the middle ones": round(sorted(loud)[STRETCHES // 2] / sorted(quiet)[STRETCHES // 2], 2),
        "previews answered, refused for their rate": (answers.count(200), answers.count(429)),
    }


def halts_ms(office: Office) -> list[float]:
    """Each over a connection of its own, as somebody's who comes anew."""
    taken = []
    for _ in range(HALTS):
        with office.client("risk") as client:
            began_s = time.perf_counter()
            client.post("maker/risk/halt", json={"symbol": "*", "reason": "measured"}).raise_for_status()
            taken.append(round((time.perf_counter() - began_s) * 1e3, 1))
    return sorted(taken)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--symbols", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--crowd", type=int, default=330)
    parser.add_argument("--clients", type=int, default=8)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        office = Office(Path(folder), given.symbols, given.clients)
        try:
            for name, value in previews(office, given.seconds).items():
                print(f"{name}: {value}")
            alone = halts_ms(office)
            with Crowd(office.port, given.crowd):
                crowded = halts_ms(office)
            for what, taken in (("alone", alone), (f"among {given.crowd} half-open", crowded)):
                print(f"halt accepted, ms, {what}: p50 {taken[HALTS // 2]}, longest {taken[-1]}")
        finally:
            office.process.kill()


if __name__ == "__main__":
    main()
