"""`maker venue-check`: the suite over several processes, for our adapter or for one that is named."""

import asyncio
import importlib
import logging
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass

import structlog

from chassis.errors import ConfigError
from chassis.text import nearest
from quote_service.routing.venues.exchange.adapter import ExchangeVenue
from quote_service.sandbox.faults import FaultName
from quote_service.venue_check.judging import Outcome
from quote_service.venue_check.session import MakeAdapter, Plan, run_session
from quote_service.venue_check.suite import BY_NAME, SUITE, random_faults

AT_ONCE = 12
"""Sessions of one process at a time: they wait more than they work."""
_CHUNK = 24


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    fault: str
    expected: str
    happened: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What the suite found."""

    rows: tuple[Row, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def holds(self) -> bool:
        """Did every session hold?"""
        return all(outcome.holds for outcome in self.outcomes)

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "holds": self.holds,
            "rows": [asdict(row) for row in self.rows],
            "sessions": [asdict(outcome) for outcome in self.outcomes],
        }

    def summary(self) -> list[str]:
        """All sessions in a few lines, with what was wrong."""
        outcomes = self.outcomes
        injected = sum(sum(outcome.fired.values()) for outcome in outcomes)
        confirmed = sorted(o.confirmed_s for o in outcomes if o.confirmed_s is not None)
        lines = [
            f"{len(outcomes)} sessions, {injected} faults, {sum(o.intents for o in outcomes)} intents, "
            f"{sum(o.orders for o in outcomes)} orders, {sum(o.fills for o in outcomes)} fills",
            f"{sum(not o.holds for o in outcomes)} sessions with anything lost, doubled or left alive",
        ]
        if confirmed:
            middle, slowest = confirmed[len(confirmed) // 2], confirmed[-1]
            lines.append(f"a halt was confirmed after {middle:.2f} s (half of them), {slowest:.2f} s (all)")
        wrong = (f"seed {o.seed}, {', '.join(o.faults)}: {text}" for o in outcomes for text in o.wrong)
        return lines + list(wrong)


def run_venue_check(
    *,
    faults: Sequence[str],
    sessions: int,
    seed: int,
    jobs: int,
    adapter: str | None,
    say: Callable[[str], None],
) -> Report:
    """One session for each fault, then `sessions` of random faults. Raises ConfigError for unknown names."""
    named = _named(faults)
    load_adapter(adapter)  # an error of the name is the user's, said before anything starts
    single = [Plan(seed + number, (fault, fault)) for number, fault in enumerate(named)]
    mixed = [Plan(seed + 1_000 + number, random_faults(seed + 1_000 + number)) for number in range(sessions)]
    found: dict[int, Outcome] = {}
    for outcome in _run_all([*single, *mixed], adapter, jobs):
        found[outcome.seed] = outcome
        if len(found) % 100 == 0:
            say(f"{len(found)} of {len(single) + len(mixed)} sessions")
    rows = tuple(_row(plan.faults[0], found[plan.seed]) for plan in single)
    return Report(rows, tuple(found[plan.seed] for plan in (*single, *mixed)))


def _named(faults: Sequence[str]) -> list[FaultName]:
    for name in faults:
        if name not in BY_NAME:
            raise ConfigError(f"no fault is called {name!r}{nearest(name, BY_NAME)}")
    return [each.fault for each in SUITE if not faults or each.fault in faults]


def load_adapter(name: str | None) -> MakeAdapter:
    """The adapter's factory, `module:name`; None: ours. Raises ConfigError."""
    if name is None:
        return ExchangeVenue
    module, _, attribute = name.partition(":")
    try:
        made: MakeAdapter = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"--adapter {name!r} is no module:function that can be imported: {error}"
        ) from error
    return made


def _run_all(plans: Sequence[Plan], adapter: str | None, jobs: int) -> Iterator[Outcome]:
    """Outcomes as they come."""
    chunks = [plans[start : start + _CHUNK] for start in range(0, len(plans), _CHUNK)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(chunks)), mp_context=context) as pool:
        for done in as_completed([pool.submit(_run_chunk, chunk, adapter) for chunk in chunks]):
            yield from done.result()


def _run_chunk(plans: Sequence[Plan], adapter: str | None) -> list[Outcome]:
    """In a process of its own, without the noise of faults."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    return asyncio.run(_gather(plans, load_adapter(adapter)))


async def _gather(plans: Iterable[Plan], make_adapter: MakeAdapter) -> list[Outcome]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(plan: Plan) -> Outcome:
        async with room:
            return await run_session(plan, make_adapter)

    return list(await asyncio.gather(*(one(plan) for plan in plans)))


def _row(fault: FaultName, outcome: Outcome) -> Row:
    counts = Counter(outcome.fired)
    confirmed = "never" if outcome.confirmed_s is None else f"after {outcome.confirmed_s:.2f} s"
    happened = (
        f"{counts[fault]} times; {outcome.orders} orders, {outcome.fills} fills, all accounted for; "
        f"halt confirmed {confirmed}"
    )
    if outcome.wrong:
        happened = "; ".join(outcome.wrong[:3])
    elif not counts[fault]:
        happened = "it did not occur"
    return Row(fault, BY_NAME[fault].expected, happened, outcome.holds and counts[fault] > 0)
