"""A replay check as the page follows it: how far it is, its end, and its end when nobody asks any more."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from gateway_api.access.visibility import sight_of
from gateway_api.app import system_routes
from gateway_api.app.service import make_app
from gateway_api.app.system_routes import (
    CheckedProcess,
    DivergenceViewModel,
    FieldDifferenceViewModel,
    _as_seen,
)

from runtime.process.definition import GatewayContext, HistorySource
from runtime.store.documents import MemoryStore
from schemas.config import Config
from tests.servers.local import PATIENCE_S
from tests.unit.gateway_api.marked_messages import BTC, identity

BASE = "http://127.0.0.1:8080"
API = "/api/v1"
_PROGRESS = '{"progress": {"process": "order-router", "time_ms": 5.0, "share": 0.25}}'
_BODY = '{"processes": []}'
_SAYS_PROGRESS = f"""
import os, sys
sys.stdin.readline(), sys.stdin.readline()
print('{_PROGRESS}', flush=True)
open(sys.argv[1], "w").write(str(os.getpid()))
"""
NEVER_ENDS = _SAYS_PROGRESS + "sys.stdin.readline()"
ENDS_WHEN_TOLD = (
    _SAYS_PROGRESS
    + f"""
open(sys.argv[2]).read()
print('{{"ok": true, "bytes": {len(_BODY)}, "next_cursor": null}}')
print('{_BODY}', end="", flush=True)
sys.stdin.readline()
"""
)

Page = httpx.AsyncClient


def visited(program: str, arguments: list[Path], visit: Callable[[Page], Awaitable[None]]) -> None:
    """Someone who may, at a gateway whose history process is a program of the test."""
    codes: list[str] = []
    context = GatewayContext(
        config=Config(),
        store=MemoryStore(),
        send_control=lambda event: None,
        now_ns=lambda: 0,
        version="0",
        announce_code=codes.append,
        history=HistorySource(log_dir=Path()),
        history_command=(sys.executable, "-c", program, *map(str, arguments)),
    )

    async def run() -> None:
        application = make_app(context)
        transport = httpx.ASGITransport(application)
        page = {"origin": BASE}
        async with (
            application.router.lifespan_context(application),
            Page(transport=transport, base_url=BASE, headers=page) as client,
        ):
            (await client.post(f"{API}/session", json={"code": codes[-1]})).raise_for_status()
            await visit(client)

    asyncio.run(asyncio.wait_for(run(), PATIENCE_S))


async def begin(page: Page) -> str:
    begun = (await page.post(f"{API}/replay/check", json={})).json()
    return f"{API}/replay/check/{begun['check_id']}"


async def until(page: Page, path: str, holds: Callable[[Any], bool]) -> Any:
    while not holds(found := (await page.get(path)).json()):
        await asyncio.sleep(0.01)
    return found


async def process_of(pid_file: Path) -> int:
    while not pid_file.exists() or not pid_file.read_text():
        await asyncio.sleep(0.01)
    return int(pid_file.read_text())


async def end_of(pid: int) -> None:
    while psutil.pid_exists(pid):
        await asyncio.sleep(0.01)


def test_a_check_says_how_far_it_is_and_gives_its_memory_back(tmp_path: Path) -> None:
    pid_file, told = tmp_path / "pid", tmp_path / "told"
    os.mkfifo(told)

    async def visit(page: Page) -> None:
        path = await begin(page)
        found = await until(page, path, lambda check: check["progress"] is not None)
        assert found["state"] == "running"
        assert found["progress"] == {"process": "order-router", "time_ms": 5.0, "share": 0.25}
        again = await page.post(f"{API}/replay/check", json={})
        assert (again.status_code, again.json()["code"]) == (409, "check_running")
        process = await process_of(pid_file)
        told.write_text("go on")
        found = await until(page, path, lambda check: check["state"] != "running")
        assert (found["state"], found["error"]) == ("done", None)
        await end_of(process)

    visited(ENDS_WHEN_TOLD, [pid_file, told], visit)


def test_a_check_that_nobody_asks_about_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    async def visit(page: Page) -> None:
        path = await begin(page)
        process = await process_of(pid_file)
        await until(page, path, lambda check: check["progress"] is not None)
        monkeypatch.setattr(system_routes, "UNASKED_S_MAX", 0.05)
        await page.get(path)
        await end_of(process)
        found = await until(page, path, lambda check: check["state"] != "running")
        assert found["state"] == "failed"
        assert "It was not polled" in found["error"]

    visited(NEVER_ENDS, [pid_file], visit)


def test_what_a_replay_found_is_cut_like_everything_else() -> None:
    fields = (
        FieldDifferenceViewModel(path="message.pnl", recorded="7770", replayed="0"),
        FieldDifferenceViewModel(path="message.fills", recorded=1, replayed=2),
    )
    first = DivergenceViewModel(
        process="p",
        sequence=1,
        topic="inventory.position",
        key=BTC,
        event_time_ns=None,
        time_ms=None,
        cause=None,
        fields=fields,
    )
    found = CheckedProcess(
        process="p", inputs=1, outputs=1, divergences=1, divergences_of_other_code=0, reach=None, first=first
    )
    shown = []
    for who in (("risk", "wide"), ("admin", "wide"), ("trader", "narrow")):
        cut = _as_seen(sight_of(identity(*who)), found).first
        assert cut is not None
        shown.append([each.path for each in cut.fields])
    assert shown == [["message.pnl", "message.fills"], ["message.fills"], []]
