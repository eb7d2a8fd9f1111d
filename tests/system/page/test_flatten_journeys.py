"""Positions are closed from the page: of a symbol, and of everything under a halt."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.system.page.conftest import RunningEngine

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

LTC = "synthetic:LTC/USDT"
PLACE = "symbol/synthetic:LTC%2FUSDT"


def has(locator: Any, text: str | re.Pattern[str]) -> None:
    playwright_api.expect(locator).to_contain_text(text)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RunningEngine]:
    """One that may pay the demo's wide spreads for closing a position."""
    config = tmp_path / "wide.yaml"
    config.write_text(yaml.safe_dump({"balance": {"cost_bps_max": 200.0}}))
    running = RunningEngine(tmp_path, "--config", str(config))
    running.start()
    yield running
    running.stop()


def test_a_position_is_closed_and_a_halt_with_flatten_stays_until_resumed(
    engine: RunningEngine, watch: Callable[..., Any]
) -> None:
    page = engine.open(watch())
    page.wait_for_selector(f'#rows tr[data-key="{LTC}"] .stock')  # a position, after the first fill
    page.evaluate("place => { location.hash = '#/' + place }", PLACE)
    page.get_by_role("button", name="Flatten LTC/USDT").click()
    dialog = page.locator("#halt-dialog")
    has(dialog, "Positions are closed in slices by IOC limit orders")
    page.click("#halt-confirm")
    log = page.locator("#command-log .command")
    has(log.first, re.compile(r"FLATTEN LTC/USDT.*verified, flat \d\d:\d\d", re.S))
    has(page.locator(".symbol-head"), "STOPPED")
    assert float(engine.visitor.get("api/v1/maker/status/LTC/USDT")["inventory"]) == 0

    page.keyboard.press("Shift+H")
    page.select_option("#halt-scope", "*")
    page.check('#halt-dialog input[value="halt_flatten"]')
    page.fill("#command-reason", "end of the day")
    page.click("#halt-confirm")
    has(page.locator("#halted"), "end of the day")
    has(log.first, re.compile(r"HALT FLATTEN all.*verified, halted and flat \d\d:\d\d", re.S))
    has(page.locator("#halted"), "ALL TRADING HALTED")
