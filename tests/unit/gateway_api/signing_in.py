"""How people of the tests come in."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_api.access.authentication import Authentication
from gateway_api.access.identity import Identity

from schemas.deployment import Access
from tests.unit.gateway_api.conftest import API, BASE, Client


def door_of(users: Path, now_s: list[float] | None = None, **access: Any) -> Authentication:
    """Signing in with people, at a gateway whose time is `now_s[0]`."""
    given = Access(users_file=str(users), second_factor_exempt=("bob",), **access)
    clock = time.time if now_s is None else lambda: now_s[0]
    return Authentication(given, lambda code: None, clock=clock)


def sign_in(client: Client, **body: Any) -> httpx.Response:
    return client.post(f"{API}/session", json=body)


def page(answer: httpx.Response) -> dict[str, str]:
    """What the browser of somebody who signed in sends."""
    return {"cookie": answer.headers["set-cookie"].partition(";")[0], "origin": BASE}


def local_door(now_s: list[float], **access: Any) -> tuple[Authentication, list[str]]:
    codes: list[str] = []
    return Authentication(Access(**access), codes.append, clock=lambda: now_s[0]), codes


def entered(authentication: Authentication, code: str) -> Identity:
    """Whoever comes in by a code that counts."""
    identity = asyncio.run(authentication.sign_in_once(code, "x"))
    assert identity is not None
    return identity


def stop_clock(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes between attempts, however slow the machine is."""
    now_s = time.time()
    monkeypatch.setattr(client.application.state.authentication, "_clock", lambda: now_s)
