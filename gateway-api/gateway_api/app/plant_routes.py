"""Is the plant healthy, and would it decide the same again?"""

import asyncio
import json
from collections import OrderedDict
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from chassis.process import GatewayContext
from chassis.settings import config_hash
from chassis.text import parse_time_ns
from gateway_api.app.entrance import Entrance
from gateway_api.app.numbers import milliseconds
from gateway_api.app.problems import ProblemError, documented
from gateway_api.app.reading import account_of
from gateway_api.app.responses import Answer, Limit
from gateway_api.app.stream import STREAMS_MAX, Streams
from gateway_api.app.symbol_status import limits
from gateway_api.history.client import HistoryClient

CHECK_S_MAX = 900.0
_CHECKS_KEPT = 16
_SILENT_MS = 5_000.0


class PlantProcessGlance(Answer):
    """A process of the engine."""

    name: str
    state: Literal["ok", "silent"]
    """silent: nothing has reached it for 5 s."""
    inputs: int
    published: int
    age_ms: float | None


class StageGlance(Answer):
    """How long a stage takes."""

    name: str
    count: int
    p50_ms: float | None
    p99_ms: float | None


class StoreGlance(Answer):
    """The state store, as the gateway sees it."""

    state: Literal["live", "stale", "away"]
    age_ms: int | None


class StreamsGlance(Answer):
    """The open streams of this gateway."""

    open: int
    max: int


class SystemResponse(Answer):
    """Answer of /system."""

    time_ms: float
    version: str
    config_hash: str
    shape: str
    processes: tuple[PlantProcessGlance, ...]
    latency: tuple[StageGlance, ...]
    store: StoreGlance
    streams: StreamsGlance
    limits: tuple[Limit, ...]


class CheckRequest(BaseModel):
    """From when on decisions are compared, and up to when; none: all of the log."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    since: Annotated[str | None, Field(alias="from", max_length=40)] = None
    to: Annotated[str | None, Field(max_length=40)] = None


class CheckResponse(Answer):
    """A replay against the recording."""

    check_id: str
    state: Literal["running", "done", "failed"]
    processes: tuple[dict[str, Any], ...] = ()
    """For each: process, inputs, outputs, divergences, and the first of them field by field."""
    error: str | None = None


class _Plant:
    """The answers."""

    def __init__(
        self, context: GatewayContext, entrance: Entrance, streams: Streams, checks: HistoryClient
    ) -> None:
        self._context = context
        self._entrance = entrance
        self._streams = streams
        self._checks = checks
        self._known: OrderedDict[str, CheckResponse] = OrderedDict()
        self._running: set[asyncio.Task[None]] = set()

    async def system(self) -> SystemResponse:
        """The machinery: processes, latency, store, streams, limits of the account."""
        context = self._context
        plant, store, account = context.plant(), context.store.status(), account_of(context.store)
        return SystemResponse(
            time_ms=milliseconds(context.now_ns()),
            version=context.version,
            config_hash=config_hash(context.config),
            shape=plant.shape,
            processes=tuple(
                PlantProcessGlance(
                    name=each.name,
                    state="ok" if each.age_ms is not None and each.age_ms < _SILENT_MS else "silent",
                    inputs=each.inputs,
                    published=each.published,
                    age_ms=each.age_ms,
                )
                for each in plant.processes
            ),
            latency=tuple(
                StageGlance(name=each.name, count=each.count, p50_ms=each.p50_ms, p99_ms=each.p99_ms)
                for each in plant.latency
            ),
            store=StoreGlance(state=store.state, age_ms=store.age_ms),
            streams=StreamsGlance(open=self._streams.open_streams, max=STREAMS_MAX),
            limits=limits(account.risk if account else None),
        )

    async def begin(self, body: CheckRequest, request: Request) -> CheckResponse:
        """Replay the log, and compare every decision with the recorded one; one check at a time."""
        if self._running:
            raise ProblemError(
                409, "check_running", "A check is running.", "Wait for it: GET /api/v1/replay/check/ID"
            )
        now_ns = self._context.now_ns()
        times = [None if text is None else parse_time_ns(text, now_ns) for text in (body.since, body.to)]
        check = CheckResponse(check_id=uuid4().hex, state="running")
        self._note(check)
        task = asyncio.create_task(self._run(check, times[0], times[1]))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return check

    async def show(self, check_id: str) -> CheckResponse:
        """How far a check is."""
        found = self._known.get(check_id)
        if found is None:
            raise ProblemError(404, "unknown_check", f"There is no check {check_id}.", "Begin another.")
        return found

    async def _run(self, check: CheckResponse, from_ns: int | None, to_ns: int | None) -> None:
        try:
            answer = await self._checks.ask("replay", {"from_ns": from_ns, "to_ns": to_ns})
            done = {"state": "done", "processes": tuple(json.loads(answer.body)["processes"])}
        except ProblemError as error:
            done = {"state": "failed", "error": error.detail}
        self._note(check.model_copy(update=done))

    def _note(self, check: CheckResponse) -> None:
        self._known[check.check_id] = check
        if len(self._known) > _CHECKS_KEPT:
            self._known.popitem(last=False)


def make_router(
    context: GatewayContext, entrance: Entrance, streams: Streams, checks: HistoryClient
) -> APIRouter:
    """The routes /system and /replay/check."""
    plant = _Plant(context, entrance, streams, checks)
    router = APIRouter(tags=["plant"])
    view = [entrance.requires("view")]
    audit = [entrance.requires("audit")]
    problems = documented(401, 403, 404, 409, 422)
    router.get("/system", responses=problems, dependencies=view)(plant.system)
    router.post("/replay/check", status_code=202, responses=problems, dependencies=audit)(plant.begin)
    router.get("/replay/check/{check_id}", responses=problems, dependencies=audit)(plant.show)
    return router
