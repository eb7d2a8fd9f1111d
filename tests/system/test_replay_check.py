"""What the page's check of the past says: every process, or why not."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_api.app.service import make_app

from maker.composition import HISTORY_COMMAND
from runtime.process.definition import GatewayContext, HistorySource
from runtime.store.documents import MemoryStore
from schemas.config import Config
from schemas.topics import PROCESSES, RISK
from tests.servers.local import PATIENCE_S
from tests.system.conftest import Run

pytestmark = pytest.mark.slow
BASE = "http://127.0.0.1:8080"
API = "/api/v1"
LACKING = f"""
from maker import composition
def lacking():
    import not_here.service
composition._DEFINITIONS[{RISK!r}] = lacking
composition.serve_history()
"""


def checked(log: Path, command: Sequence[str]) -> dict[str, Any]:
    """The answer of a check, asked for as the page does."""
    codes: list[str] = []
    context = GatewayContext(
        config=Config(),
        store=MemoryStore(),
        send_control=lambda event: None,
        now_ns=lambda: 0,
        version="0",
        announce_code=codes.append,
        history=HistorySource(log_dir=log),
        history_command=tuple(command),
    )

    async def ask() -> dict[str, Any]:
        application = make_app(context)
        transport = httpx.ASGITransport(application)
        page = {"origin": BASE}
        async with (
            application.router.lifespan_context(application),
            httpx.AsyncClient(transport=transport, base_url=BASE, headers=page) as client,
        ):
            (await client.post(f"{API}/session", json={"code": codes[-1]})).raise_for_status()
            begun = (await client.post(f"{API}/replay/check", json={})).json()
            path = f"{API}/replay/check/{begun['check_id']}"
            while True:
                found: dict[str, Any] = (await client.get(path)).json()
                if found["state"] != "running":
                    return found
                await asyncio.sleep(0.1)

    return asyncio.run(asyncio.wait_for(ask(), PATIENCE_S))


def test_a_check_replays_all_processes(synthetic_run: Run) -> None:
    found = checked(synthetic_run.log, HISTORY_COMMAND)
    assert (found["state"], found["error"]) == ("done", None)
    replayed = {each["process"]: each for each in found["processes"]}
    assert replayed.keys() == set(PROCESSES)
    for name, each in replayed.items():
        assert each["inputs"] > 0, name
        assert each["divergences"] == 0, name


def test_a_check_where_a_service_is_missing_is_never_done(synthetic_run: Run) -> None:
    """One that looked at the others alone would prove nothing of what it did not look at."""
    found = checked(synthetic_run.log, (sys.executable, "-c", LACKING))
    assert found["state"] == "failed"
    assert "not_here is not installed here: run `make setup`" in found["error"]
