"""The status of the whole engine: trading state, symbols, processes, halts.

Shared by the API, by `maker status` on the engine's machine, and by readers of the topics.
"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Literal

from gateway_api.access.visibility import ALL_OF_IT, Sight
from gateway_api.app.numbers import milliseconds
from gateway_api.app.reading import account_of, symbol_keys, view_of
from gateway_api.app.responses import Answer, SymbolStatus
from gateway_api.app.symbol_status import symbol_status
from gateway_api.projector.core.views import ProjectorCore
from runtime.process.definition import SystemProcess, SystemState, SystemStatus
from runtime.store.documents import MemoryStore, StateStore
from schemas.config import Config
from schemas.message import ALL_SYMBOLS, Event
from schemas.orders import KillReport, KillState, progress_of
from schemas.process import DiskFigures
from schemas.risk import RiskState, TradingState


class LagViewModel(Answer):
    """Lag of a process on one topic."""

    topic: str
    records: int
    age_ms: float


class DiskViewModel(Answer):
    """The disk under the log, or under a process's state."""

    folder: str
    free_bytes: int
    used_bytes: int
    growth_bytes_per_day: float | None
    days_left: float | None
    """None: not known yet, or not growing."""
    is_nearly_full: bool
    """No order is placed until there is room again."""


class SystemProcessViewModel(Answer):
    """A process of the engine, or one of its shards."""

    name: str
    state: SystemState
    because: str | None
    said_age_ms: float | None
    inputs: int
    published: int
    age_ms: float | None
    lag: tuple[LagViewModel, ...]
    outbox_records: int
    outbox_age_ms: float
    starts: int | None
    began_ms: float | None
    session_began_ms: float | None
    code_version: str | None
    instance: str | None
    store: str | None
    disk: DiskViewModel | None


class BrokerViewModel(Answer):
    """The broker, as the gateway sees it."""

    state: Literal["ok", "away"]
    age_ms: float | None
    unconfirmed: int
    because: str | None


class HaltViewModel(Answer):
    """A halt that only a resume ends."""

    key: str
    reasons: tuple[str, ...]
    halt_sequence: int
    since_ms: float | None
    """When its mass cancel began; None: there was none."""
    withdrawal: KillState | None
    open_orders: int
    resume_asked_by: str | None
    flattens: bool
    """Orders that reduce go out under it until nothing is held."""
    flatten_asked_by: str | None


class EngineStatus(Answer):
    """Response of /engine."""

    time_ms: float
    shape: str
    state: TradingState | None
    """State of the account; None: risk-service has not reported, so nothing may trade."""
    reasons: tuple[str, ...]
    resume_people: int
    store: Literal["live", "stale", "away"]
    store_age_ms: int | None
    """Age of the symbol and halt data."""
    broker: BrokerViewModel | None
    halts: tuple[HaltViewModel, ...]
    symbols: tuple[SymbolStatus, ...]
    processes: tuple[SystemProcessViewModel, ...]


def disk_view_model(disk: DiskFigures | None) -> DiskViewModel | None:
    """A disk, for display; None where it has not been measured."""
    return None if disk is None else DiskViewModel(**disk.model_dump())


def process_view_model(process: SystemProcess) -> SystemProcessViewModel:
    """A process, for display."""
    began_ns, session_ns = process.began_ns, process.session_began_ns
    figures = asdict(process)
    return SystemProcessViewModel.model_validate(
        {name: figures[name] for name in SystemProcessViewModel.model_fields if name in figures}
        | {
            "lag": tuple(lag.model_dump() for lag in process.lag),
            "began_ms": None if began_ns is None else milliseconds(began_ns),
            "session_began_ms": milliseconds(session_ns) if session_ns else None,
            "disk": disk_view_model(process.disk),
        }
    )


def broker_view_model(system: SystemStatus) -> BrokerViewModel | None:
    """The broker, for display."""
    return None if system.broker is None else BrokerViewModel.model_validate(asdict(system.broker))


def halts_in_force(store: StateStore, sight: Sight) -> tuple[HaltViewModel, ...]:
    """Halts of the account and of every visible symbol, the account first."""
    account = account_of(store)
    views = [view_of(store, key) for key in symbol_keys(store) if sight.reaches(key)]
    states = [account.risk if account else None, *(view.risk for view in views if view is not None)]
    reports = account.withdrawals if account else ()
    return tuple(_halt(state, reports) for state in states if state is not None and state.latched)


def _halt(state: RiskState, mass_cancels: Iterable[KillReport]) -> HaltViewModel:
    """A halt of everything has a mass cancel per venue, `venue:*`: the slowest one counts."""
    is_all = state.symbol == ALL_SYMBOLS
    own = [each for each in mass_cancels if (each.symbol == ALL_SYMBOLS if is_all else each.key == state.key)]
    return HaltViewModel(
        key=state.key,
        reasons=state.reasons,
        halt_sequence=state.halt_sequence,
        since_ms=milliseconds(min(each.began_ns for each in own)) if own else None,
        withdrawal=progress_of(own),
        open_orders=sum(len(each.open_orders) for each in own),
        resume_asked_by=state.resume_asked_by,
        flattens=state.flattens,
        flatten_asked_by=state.flatten_asked_by,
    )


def engine_status(
    store: StateStore, system: SystemStatus, resume_people: int, now_ns: int, sight: Sight = ALL_OF_IT
) -> EngineStatus:
    """Everything visible with this sight."""
    account, view = account_of(store), store.status()
    views = [view_of(store, key) for key in symbol_keys(store) if sight.reaches(key)]
    risk = account.risk if account else None
    return EngineStatus(
        time_ms=milliseconds(now_ns),
        shape=system.shape,
        state=risk.state if risk else None,
        reasons=risk.reasons if risk else (),
        resume_people=resume_people,
        store=view.state,
        store_age_ms=view.age_ms,
        broker=broker_view_model(system),
        halts=halts_in_force(store, sight),
        symbols=tuple(symbol_status(each, account, sight) for each in views if each is not None),
        processes=tuple(map(process_view_model, system.processes)),
    )


def status_of_store(store: StateStore, system: SystemStatus, config: Config, now_ns: int) -> dict[str, Any]:
    """For users of the engine's own machine."""
    return engine_status(store, system, config.risk_limits.resume_people, now_ns).model_dump(mode="json")


def status_of_messages(
    messages: Iterable[Event], system: SystemStatus, config: Config, now_ns: int
) -> dict[str, Any]:
    """From the newest messages of each topic, without store or gateway."""
    core, store = ProjectorCore(config), MemoryStore()
    for message in messages:
        core.on_event(message)
    store.put(core.pop_changed())
    return status_of_store(store, system, config, now_ns)
