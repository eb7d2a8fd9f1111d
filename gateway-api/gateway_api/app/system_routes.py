"""System health and replay checks."""

import asyncio
import json
import re
from collections import OrderedDict
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway_api.access.visibility import LANE_OF, Sight, sight_of
from gateway_api.app.authorisation import Authorisation, identity_of
from gateway_api.app.bodies import StrictRoute
from gateway_api.app.engine_status import (
    BrokerViewModel,
    DiskViewModel,
    EngineStatus,
    HaltViewModel,
    SystemProcessViewModel,
    broker_view_model,
    disk_view_model,
    engine_status,
    halts_in_force,
    process_view_model,
)
from gateway_api.app.numbers import milliseconds
from gateway_api.app.problems import ProblemError, documented
from gateway_api.app.reading import account_of
from gateway_api.app.responses import Answer, Limit
from gateway_api.app.stream import STREAMS_MAX, Streams
from gateway_api.app.symbol_status import limits
from gateway_api.app.times import time_of
from gateway_api.history.client import HistoryAnswer, HistoryClient
from runtime.config.settings import config_hash
from runtime.process.definition import GatewayContext
from schemas.topics import BY_NAME

CHECK_SILENT_S_MAX = 120.0
"""A check without progress for this long has failed."""
UNASKED_S_MAX = 30.0
"""A check that is no longer polled is ended: the page polls every second."""
_LOOKS_EVERY_S = 1.0
_CHECKS_KEPT = 16
_PROFIT_BY_NAME = frozenset({"limits", "value", "message"})
"""Fields of risk messages that reveal PnL where they concern a loss, which the path does not show."""


class StageViewModel(Answer):
    """Latency of a stage."""

    name: str
    count: int
    p50_ms: float | None
    p99_ms: float | None


class StoreViewModel(Answer):
    """The state store, as the gateway sees it."""

    state: Literal["live", "stale", "away"]
    age_ms: int | None


class StreamsViewModel(Answer):
    """The open streams of this gateway."""

    open: int
    max: int


class SystemResponse(Answer):
    """Response of /system."""

    time_ms: float
    version: str
    config_hash: str
    shape: str
    processes: tuple[SystemProcessViewModel, ...]
    latency: tuple[StageViewModel, ...]
    broker: BrokerViewModel | None
    halts: tuple[HaltViewModel, ...]
    store: StoreViewModel
    streams: StreamsViewModel
    limits: tuple[Limit, ...]
    disk: DiskViewModel | None = None
    """Disk of the log; None: not measured yet, or each process has its own."""


class CheckRequest(BaseModel):
    """The time range to compare; default: all of the log."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    since: Annotated[str | None, Field(alias="from", max_length=40)] = None
    to: Annotated[str | None, Field(max_length=40)] = None


class CheckProgress(Answer):
    """Progress of a check."""

    process: str | None
    """None: all processes together."""
    time_ms: float
    """Log time reached."""
    share: float
    """From 0 to 1."""


class FieldDifferenceViewModel(Answer):
    """One field that differs; a side that lacks the field has null."""

    path: str
    recorded: Any = None
    replayed: Any = None


class DivergenceViewModel(Answer):
    """The first output that differs from the recording."""

    process: str
    sequence: int
    topic: str | None
    key: str | None
    event_time_ns: int | None
    time_ms: float | None
    cause: str | None
    fields: tuple[FieldDifferenceViewModel, ...]


class ReachViewModel(Answer):
    """On Kafka: from when the topics prove it, in words too, and the records not traced yet."""

    from_ms: float | None
    until_ms: float | None
    not_traced: int
    words: str


class CheckedProcess(Answer):
    """The replay of one process."""

    process: str
    inputs: int
    outputs: int
    divergences: int
    divergences_of_other_code: int
    """In sessions run by different code, which may have decided differently."""
    reach: ReachViewModel | None
    first: DivergenceViewModel | None


class CheckResponse(Answer):
    """A replay compared with the recording."""

    check_id: str
    state: Literal["running", "done", "failed"]
    progress: CheckProgress | None = None
    """While it runs."""
    processes: tuple[CheckedProcess, ...] = ()
    error: str | None = None


class SystemDesk:
    """Request handlers."""

    def __init__(self, context: GatewayContext, streams: Streams, checks: HistoryClient) -> None:
        self._context = context
        self._streams = streams
        self._checks = checks
        self._known: OrderedDict[str, CheckResponse] = OrderedDict()
        self._running: set[asyncio.Task[None]] = set()
        self._asked_s = 0.0
        """When the running check was last polled, by the loop's clock."""

    async def system(self, request: Request) -> SystemResponse:
        """System status: processes, latency, store, streams, limits of the account."""
        context = self._context
        system, store, account = (
            context.system(),
            context.store.status(),
            account_of(context.store),
        )
        return SystemResponse(
            time_ms=milliseconds(context.now_ns()),
            version=context.version,
            config_hash=config_hash(context.config),
            shape=system.shape,
            processes=tuple(map(process_view_model, system.processes)),
            latency=tuple(StageViewModel.model_validate(stage.model_dump()) for stage in system.latency),
            broker=broker_view_model(system),
            halts=halts_in_force(context.store, sight_of(identity_of(request))),
            store=StoreViewModel(state=store.state, age_ms=store.age_ms),
            streams=StreamsViewModel(open=self._streams.open_streams, max=STREAMS_MAX),
            limits=limits(account.risk if account else None, sight_of(identity_of(request))),
            disk=disk_view_model(system.disk),
        )

    def divergences(self) -> dict[str, int]:
        """Divergences of the newest completed check, by process."""
        done = [check for check in self._known.values() if check.state == "done"]
        newest = done[-1].processes if done else ()
        return {process.process: process.divergences for process in newest}

    async def engine(self, request: Request) -> EngineStatus:
        """Trading state, symbols, halts and processes in one response."""
        context = self._context
        people = context.config.risk_limits.resume_people
        sight = sight_of(identity_of(request))
        return engine_status(context.store, context.system(), people, context.now_ns(), sight)

    async def begin(self, body: CheckRequest, request: Request) -> CheckResponse:
        """Replay the log and compare every decision with the recorded one; one check at a time."""
        if self._running:
            raise ProblemError(
                409, "check_running", "A check is running.", "Wait for it: GET /api/v1/replay/check/ID"
            )
        now_ns = self._context.now_ns()
        times = [None if text is None else time_of(text, now_ns) for text in (body.since, body.to)]
        check = CheckResponse(check_id=uuid4().hex, state="running")
        self._record(check)
        self._asked_s = asyncio.get_running_loop().time()
        task = asyncio.create_task(self._run(check, times[0], times[1]))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return check

    async def show(self, check_id: str, request: Request) -> CheckResponse:
        """Progress of a check."""
        found = self._known.get(check_id)
        if found is None:
            raise ProblemError(404, "unknown_check", f"There is no check {check_id}.", "Start another.")
        if found.state == "running":
            self._asked_s = asyncio.get_running_loop().time()
        sight = sight_of(identity_of(request))
        shown = tuple(_as_seen(sight, process) for process in found.processes)
        return found.model_copy(update={"processes": shown})

    async def _run(self, check: CheckResponse, from_ns: int | None, to_ns: int | None) -> None:
        def record_progress(progress: dict[str, Any]) -> None:
            self._record(check.model_copy(update={"progress": CheckProgress.model_validate(progress)}))

        question = {"from_ns": from_ns, "to_ns": to_ns}
        asking = asyncio.create_task(self._checks.ask("replay", question, None, on_progress=record_progress))
        try:
            answer = await self._while_asked(asking)
            checked = map(CheckedProcess.model_validate, json.loads(answer.body)["processes"])
            done = {"state": "done", "processes": tuple(checked)}
        except ProblemError as error:
            done = {"state": "failed", "error": error.detail}
        finally:
            asking.cancel()
            await self._checks.close()  # releases its memory
        self._record(check.model_copy(update=done))

    async def _while_asked(self, asking: asyncio.Task[HistoryAnswer]) -> HistoryAnswer:
        """Its answer; raises ProblemError, also once it is no longer polled."""
        loop = asyncio.get_running_loop()
        while not asking.done():
            left_s = self._asked_s + UNASKED_S_MAX - loop.time()
            if left_s <= 0:
                raise ProblemError(
                    408,
                    "unasked",
                    f"It was not polled for {UNASKED_S_MAX:g} s and was ended.",
                    "Start another.",
                )
            await asyncio.wait([asking], timeout=min(left_s, _LOOKS_EVERY_S))
        return await asking

    def _record(self, check: CheckResponse) -> None:
        self._known[check.check_id] = check
        if len(self._known) > _CHECKS_KEPT:
            self._known.popitem(last=False)


def _as_seen(sight: Sight, process: CheckedProcess) -> CheckedProcess:
    """The replay of a process, without values of its first difference that the user may not see."""
    first = process.first
    if first is None or first.topic is None:
        return process
    about, key = BY_NAME[first.topic].messages, first.key or ""
    seen = LANE_OF.get(first.topic) in sight.lanes() and all(
        sight.sees(message.type_name, key) for message in about
    )
    hidden = frozenset().union(*(sight.hidden_fields(message, key) for message in about))
    if not sight.may("pnl", key):
        hidden |= _PROFIT_BY_NAME
    fields = tuple(each for each in first.fields if seen and _field_named(each.path) not in hidden)
    return process.model_copy(update={"first": first.model_copy(update={"fields": fields})})


def _field_named(path: str) -> str:
    """The message field of a difference: `message.limits[0].value` is in `limits`."""
    return re.split(r"[.\[]", path.removeprefix("message."))[0]


def make_router(system: SystemDesk, authorisation: Authorisation) -> APIRouter:
    """The routes /system and /replay/check."""
    router = APIRouter(route_class=StrictRoute, tags=["system"])
    view = [authorisation.requires("view")]
    audit = [authorisation.requires("audit")]
    problems = documented(401, 403, 404, 409, 422)
    router.get("/engine", responses=problems, dependencies=view)(system.engine)
    router.get("/system", responses=problems, dependencies=view)(system.system)
    router.post("/replay/check", status_code=202, responses=problems, dependencies=audit)(system.begin)
    router.get("/replay/check/{check_id}", responses=problems, dependencies=audit)(system.show)
    return router
