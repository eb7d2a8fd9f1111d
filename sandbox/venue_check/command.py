"""`maker venue-check`: runs the suite in several processes, for our adapter or for a named one."""

import asyncio
import importlib
import logging
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from tempfile import TemporaryDirectory

import structlog
from quote_service.routing.venues.exchange.adapter import ExchangeVenue
from structlog.typing import EventDict

from runtime.errors import ConfigError
from runtime.process.definition import ProcessDefinition
from runtime.text import nearest
from sandbox.venue_check.judging import Outcome
from sandbox.venue_check.life import MakeAdapter
from sandbox.venue_check.plans import COURSES, FaultPlan, is_course
from sandbox.venue_check.report import CheckReport, row_of
from sandbox.venue_check.session import run_session
from sandbox.venue_check.suite import BY_NAME, SUITE, random_plan

Monitor = Callable[[], ProcessDefinition]
AT_ONCE = 12
"""Concurrent sessions per process: they mostly wait."""
_CHUNK = 24


def run_venue_check(
    *,
    faults: Sequence[str],
    sessions: int,
    seed: int,
    jobs: int,
    adapter: str | None,
    monitor: Monitor,
    say: Callable[[str], None],
) -> CheckReport:
    """One session for each fault and each course, then `sessions` random ones.

    `monitor` returns the process that provides the market; it must be importable by name in other processes.
    Raises ConfigError for unknown names.
    """
    named = _named(faults)
    load_adapter(adapter)  # a wrong name is reported before anything starts
    single = [_plan(seed + number, name) for number, name in enumerate(named)]
    mixed = [random_plan(seed + 1_000 + number) for number in range(sessions)]
    found: dict[int, Outcome] = {}
    for outcome in _run_all([*single, *mixed], adapter, monitor, jobs):
        found[outcome.seed] = outcome
        if len(found) % 100 == 0:
            say(f"{len(found)} of {len(single) + len(mixed)} sessions")
    rows = tuple(row_of(name, found[plan.seed]) for name, plan in zip(named, single, strict=True))
    return CheckReport(rows, tuple(found[plan.seed] for plan in (*single, *mixed)))


def _named(faults: Sequence[str]) -> list[str]:
    known = [*(each.fault for each in SUITE), *(name for name in COURSES if is_course(name))]
    for name in faults:
        if name not in known:
            raise ConfigError(f"no fault is called {name!r}{nearest(name, known)}")
    return [name for name in known if not faults or name in faults]


def _plan(seed: int, name: str) -> FaultPlan:
    """A fault twice: while trading, and during the mass cancel."""
    for course in COURSES:
        if course == name:
            return FaultPlan(seed, (), course=course)
    for fault in BY_NAME:
        if fault == name:
            return FaultPlan(seed, (fault, fault))
    raise ConfigError(f"no fault is called {name!r}")


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


def _run_all(
    plans: Sequence[FaultPlan], adapter: str | None, monitor: Monitor, jobs: int
) -> Iterator[Outcome]:
    """Outcomes as they complete."""
    chunks = [plans[start : start + _CHUNK] for start in range(0, len(plans), _CHUNK)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(chunks)), mp_context=context) as pool:
        for done in as_completed([pool.submit(_run_chunk, chunk, adapter, monitor) for chunk in chunks]):
            yield from done.result()


def _run_chunk(plans: Sequence[FaultPlan], adapter: str | None, monitor: Monitor) -> list[Outcome]:
    """Runs in its own process, with fault logs suppressed."""
    structlog.configure(processors=[_silence])
    logging.disable(logging.CRITICAL)
    with TemporaryDirectory() as folder:  # shared state of a user's processes must not be shared here
        os.environ["XDG_RUNTIME_DIR"] = folder
        return asyncio.run(_gather(plans, load_adapter(adapter), monitor()))


def _silence(logger: object, method: str, event: EventDict) -> EventDict:
    """Drop log events: the errors logged here are provoked on purpose."""
    raise structlog.DropEvent


async def _gather(
    plans: Iterable[FaultPlan], make_adapter: MakeAdapter, monitor: ProcessDefinition
) -> list[Outcome]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(plan: FaultPlan) -> Outcome:
        async with room:
            return await run_session(plan, make_adapter, monitor)

    return list(await asyncio.gather(*(one(plan) for plan in plans)))
