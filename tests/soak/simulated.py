"""Simulated days: the engine on one log, on simulated time, at the simulated venue, life after life.

After every life the judge reads what is new in the log; see judge.py for what must hold.
"""

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from tests.servers.sources import Sources
from tests.servers.trader import MAKER
from tests.soak.figures import Slope, slope
from tests.soak.judge import Judge
from tests.soak.lines import Reader, Unread
from tests.soak.lives import Figures, Life, edited
from tests.soak.market import BEGIN_NS, DAY_S, LOT, NS, TICK, VENUE, Market, Rates
from tests.soak.plan import Kind, Step
from tests.soak.replays import Proof, replay

REFUSED, NO_DISK = 2, 3
"""Exit codes."""
SYMBOLS = 20
GOING = 3
LIVE = "market_making.base_spread"
ROOM_BYTES = 300_000
"""On a disk that is full: no file grows beyond it, an old segment or a new one."""
HOUR_S = 3_600
BASE: dict[str, Any] = {
    "market_making": {"base_spread": "0.002"},
    "risk_limits": {"max_loss": -20_000, "account_max_loss": -50_000},
}


@dataclass
class Lived:
    """One life of the plan, and what it cost."""

    step: Step
    figures: Figures
    market_events: int
    records: int


@dataclass
class Soak:
    """All that is known while it goes on."""

    folder: Path
    seed: int
    symbols: tuple[str, ...]
    keep: dict[str, Any]
    """Section `engine.keep`."""
    tell: Callable[[str], None] = print
    judge: Judge = field(default_factory=Judge)
    lived: list[Lived] = field(default_factory=list)
    refused: int = 0
    proved: int = 0
    """Lives before the newest replay."""
    proofs: list[Proof] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rates = Rates()
        self.market = Market(self.seed, self.symbols, self.rates)
        self.log = self.folder / "log"
        self.config = self.folder / "config.yaml"
        self.tape = self.folder / "tape.jsonl"
        self.listed = self.symbols
        self.sections = json.loads(json.dumps(BASE))
        self.sources: Sources | None = None
        self._reader = Reader()
        self._cpu_s_an_event = 0.001
        self._late_s = 0.0
        """How far the clock was put forward so far."""
        self._releases = 0
        self._copies = 0
        self._spreads = 0

    @property
    def violations(self) -> list[str]:
        """What did not hold."""
        return self.judge.violations

    def live(self, step: Step) -> None:
        """One life."""
        before = len(self.violations)
        self._prepare(step)
        begin_s = max(step.begin_s + self._late_s, (self.judge.last_ns - BEGIN_NS) / NS + 1)
        events = self.market.record(self.tape, self.listed, begin_s, step.end_s + self._late_s)
        figures = self._run(step, events)
        if step.kind != "clock an hour back":
            self._cpu_s_an_event += 0.2 * (figures.cpu_s / max(1, events) - self._cpu_s_an_event)
        records = self._look(step, figures)
        self.lived.append(Lived(step, figures, events, records))
        self._say(step, figures, events, records)
        for violation in self.violations[before:]:
            self.tell(f"  VIOLATION {violation}")

    def _say(self, step: Step, figures: Figures, events: int, records: int) -> None:
        ready = "" if figures.ready_cpu_s is None else f", ready after {figures.ready_cpu_s:.2f} s"
        self.tell(
            f"day {step.begin_s / DAY_S:5.2f}  {step.kind:20} exit {figures.code:3}  {events} events, "
            f"{records} records, {figures.cpu_s:.1f} s of processor{ready}, {figures.resident_mb:.0f} MB, "
            f"log {figures.log_mb:.0f} MB in {figures.files} files"
        )

    def _prepare(self, step: Step) -> None:
        market_making, limits = self.sections["market_making"], self.sections["risk_limits"]
        if step.kind == "spread in the file":
            self._spreads += 1  # never what it was: a file that says the same again changes nothing
            market_making["base_spread"] = f"0.00{20 + self._spreads % 7}"
            self.judge.file_changes([LIVE])
        elif step.kind == "limits in the file":
            limits["repeat_fills_same_side"] = 21 + step.number % 5
        elif step.kind == "symbols go":
            self.listed = self.symbols[: len(self.symbols) - GOING]
        elif step.kind == "symbols come":
            self.listed = self.symbols
        elif step.kind == "clock an hour later":
            self._late_s += HOUR_S
        elif step.kind == "upgraded":
            self._upgrade()
        elif step.kind == "folder copied":
            self._copies += 1
            copy = self.folder / f"log{self._copies}"
            shutil.copytree(self.log, copy, ignore=shutil.ignore_patterns("*.socket"))
            shutil.rmtree(self.log)
            self.log = copy
        self._configure()

    def _upgrade(self) -> None:
        """What the old release wrote is proved by the old release."""
        self.prove()
        self._releases += 1
        folder = self.folder / f"release{self._releases % 2}"
        shutil.rmtree(folder, ignore_errors=True)
        self.sources = edited(folder, self._releases)

    def _configure(self) -> None:
        terms = {"venue": VENUE, "tick_size": TICK, "lot_size": LOT, "min_notional": "10"}
        given = {
            "instruments": dict.fromkeys(self.symbols, terms),
            "feed": {"kind": "recorded", "speed": "max", "paths": [str(self.tape)]},
            **self.sections,
        }
        if self.keep:
            given["engine"] = {"keep": self.keep}
        self.config.write_text(yaml.safe_dump(given), encoding="utf-8")

    def _run(self, step: Step, events: int) -> Figures:
        asks = step.kind in {"changed live", "halted", "resumed"}
        if step.kind == "clock an hour back":
            self._go_back(step)
        if step.kind == "killed again":
            self._interrupt(self._start(), step.fraction * self._opening_s)
        life = self._start(*(("--port", "0") if asks else ("--no-gateway",)))
        try:
            if step.kind in {"killed", "killed again", "terminated"}:
                self._interrupt(life, step.fraction * events * self._cpu_s_an_event, step.kind)
            elif asks:
                life.until(life.has_page)
                self._ask(life, step)
            elif step.kind == "disk full":
                self._until_it_writes(life)
                life.fill_disk(ROOM_BYTES)
            return life.ended(self.log)
        finally:
            life.close()

    def _start(self, *arguments: str) -> Life:
        return Life(
            self.config,
            self.log,
            self.folder / "engine.txt",
            *(arguments or ("--no-gateway",)),
            sources=self.sources,
        )

    @property
    def _opening_s(self) -> float:
        """Processor seconds that the fastest start took to open its log: a slow one would be killed later."""
        return min((each.figures.ready_cpu_s for each in self.lived if each.figures.ready_cpu_s), default=1.0)

    def _interrupt(self, life: Life, after_cpu_s: float, kind: str = "opening") -> None:
        """Processor time counts from where it writes; what is to be killed while it opens never does."""
        if kind != "opening":
            self._until_it_writes(life)
            after_cpu_s += life.figures.cpu_s
        life.until(lambda: life.figures.cpu_s >= after_cpu_s)
        if kind == "terminated":
            life.process.stop()
        else:
            life.process.kill()

    def _until_it_writes(self, life: Life) -> None:
        before = self._newest_bytes()
        life.until(lambda: self._newest_bytes() != before)

    def _ask(self, life: Life, step: Step) -> None:
        """What people do, by HTTP, as soon as there is a page."""
        self._compare_settings(life)
        symbol = self.listed[step.number % len(self.listed)]
        halted = sorted(key for key in self.judge.halts if key.startswith(f"{VENUE}:"))
        if step.kind == "changed live":
            value = {"value": f"0.00{30 + step.number % 7}", "reason": "a wider evening"}
            life.visitor.ask("PUT", f"api/v1/maker/settings/{LIVE}", value)
        elif step.kind == "halted":
            life.visitor.post("api/v1/maker/risk/halt", symbol=symbol, reason="a soak")
        else:
            for key in halted:
                name = key.partition(":")[2]
                life.visitor.post("api/v1/maker/risk/resume", symbol=name, reason="a soak goes on")

    def _compare_settings(self, life: Life) -> None:
        """What was changed live in an earlier life is in force."""
        told = life.visitor.get("api/v1/maker/settings")["settings"]
        values = {each["key"]: each["value"] for each in told}
        for name, wanted in self.judge.settings.items():
            self.judge.in_force("the page", name, wanted, values[name])

    def _go_back(self, step: Step) -> None:
        """A market of an hour ago: the start is refused, and writes nothing."""
        past = Market(self.seed, self.symbols, self.rates)
        end_s = (self.judge.last_ns - BEGIN_NS) / NS
        if end_s < HOUR_S:
            return
        tape = self.tape.read_bytes()
        before = {path.name: path.stat().st_size for path in self.log.glob("*.log*")}
        past.record(self.tape, self.listed, end_s - HOUR_S, end_s)
        life = self._start()
        code = life.ended(self.log).code
        after = {path.name: path.stat().st_size for path in self.log.glob("*.log*")}
        if code != REFUSED or before != after:
            self.judge.broken(
                f"life {step.number}: a start an hour back ended with {code}: {life.figures.said[-500:]}"
            )
        self.refused += 1
        self.tape.write_bytes(tape)

    def _newest_bytes(self) -> int:
        newest = max(self.log.glob("*.log"), default=None)
        return 0 if newest is None else newest.stat().st_size

    def _look(self, step: Step, figures: Figures) -> int:
        """Judge what the life left."""
        wanted = {"killed": -9, "killed again": -9, "disk full": NO_DISK}.get(step.kind, 0)
        if figures.code != wanted and not (wanted == -9 and figures.code == 0):
            self.judge.broken(
                f"life {step.number}, {step.kind}: exit {figures.code}, not {wanted}: {figures.said[-1500:]}"
            )
        try:
            records = self.judge.hear(self._reader.new(self.log))
        except Unread as error:
            self.judge.broken(f"life {step.number}: {error}")
            return 0
        if figures.code == 0:
            self.judge.at_the_end()
        else:
            self.judge.at_rest()
        self._compare_shown()
        return records

    def _compare_shown(self) -> None:
        done = self._maker("positions", "show", "--log", str(self.log), "--json")
        if done.returncode:
            self.judge.broken(f"`maker positions show` ended with {done.returncode}: {done.stderr[-500:]}")
            return
        shown = {
            f"{each['venue']}:{each['symbol']}": Decimal(each["ledger"]) for each in json.loads(done.stdout)
        }
        self.judge.shown(shown)

    def _maker(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        program = MAKER if self.sources is None else self.sources.maker
        env = os.environ | ({} if self.sources is None else self.sources.env) | {"NO_COLOR": "1"}
        return subprocess.run(
            [*program, *arguments], capture_output=True, text=True, env=env, check=False, cwd=self.folder
        )

    def prove(self) -> None:
        """`maker replay` of all that the log holds, by the code of now."""
        if self.proved == len(self.lived):
            return
        self.proved = len(self.lived)
        program = MAKER if self.sources is None else self.sources.maker
        proof = replay(self.log, program, {} if self.sources is None else self.sources.env)
        self.proofs.append(proof)
        self.tell(f"replay: {proof.outputs} outputs, {proof.divergences} divergences, {proof.took_s:.0f} s")
        if not proof.holds:
            self.judge.broken(f"replay: {proof}")


def symbols(count: int = SYMBOLS) -> tuple[str, ...]:
    """Their names."""
    return tuple(f"S{number:02d}/USDT" for number in range(count))


def run(soak: Soak, steps: list[Step]) -> None:
    """Live all of them, and prove the end."""
    for step in steps:
        soak.live(step)
    soak.prove()


def slopes(soak: Soak) -> dict[str, Slope | None]:
    """How what must be flat went with the age of the log, in days; None: of too few lives.

    What is on disk is flat from where retention deletes as much as is written.
    """
    kept_days = soak.keep.get("age_days", 0.0) * 1.2
    figures: dict[str, tuple[float, Callable[[Figures], float | None]]] = {
        "processor seconds to open the log": (0.0, lambda each: each.ready_cpu_s),
        "resident memory at the end, MB": (0.0, lambda each: each.resident_mb or None),
        "open descriptors": (0.0, lambda each: each.descriptors or None),
        "files in the folder": (kept_days, lambda each: each.files),
        "MB in the folder": (kept_days, lambda each: each.log_mb),
    }
    found = {}
    for name, (from_day, figure) in figures.items():
        points = [(each.step.begin_s / DAY_S, figure(each.figures)) for each in soak.lived]
        kept = [(day, value) for day, value in points if value is not None and day >= from_day]
        found[name] = slope([day for day, _ in kept], [value for _, value in kept])
    return found


def tally(soak: Soak) -> Counter[Kind]:
    """How often each kind was lived."""
    return Counter(each.step.kind for each in soak.lived)
