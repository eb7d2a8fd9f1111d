"""What is done to one symbol: its own settings, its start, stop and removal, why it is not quoted."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from schemas.orders import OrderEvent
from tests.system.live_engine import config_file
from tests.system.page.conftest import RunningEngine
from tests.system.page.world import World

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

LTC = '#rows tr[data-key="synthetic:LTC/USDT"]'
SPREAD = "per_symbol.LTC/USDT.market_making.base_spread"
LOSS = "per_symbol.LTC/USDT.risk_limits.max_loss"


def expect(locator: Any) -> Any:
    return playwright_api.expect(locator)


def has(locator: Any, text: str | re.Pattern[str]) -> None:
    expect(locator).to_contain_text(text)


@pytest.fixture(scope="module")
def of_btc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine that trades BTC/USDT alone; its feed knows more."""
    folder = tmp_path_factory.mktemp("engine")
    running = RunningEngine(folder, "--config", str(config_file(folder, "BTC/USDT")))
    running.start()
    yield running
    running.stop()


def row(page: Any, key: str) -> Any:
    return page.locator(f'tr[data-setting="{key}"]')


def choose(page: Any, key: str) -> None:
    row(page, key).get_by_role("button").click()
    has(page.locator("[data-panel=change]"), key)


def test_a_setting_of_a_symbol_is_tried_in_sight_changed_and_reverted(
    engine: RunningEngine, watch: Callable[..., Any]
) -> None:
    page = engine.open(watch(), "audit")
    page.select_option("#settings-of", "LTC/USDT")
    choose(page, SPREAD)
    has(page.locator("#setting-reach"), "touches this symbol only: LTC/USDT")
    before = float(page.locator("#setting-value").input_value())
    page.fill("#setting-value", f"{before * 1.5:g}")
    has(page.locator("#setting-becomes"), f"{before:g} \u2192 {before * 1.5:g}")
    expect(page.get_by_label("Symbol of the preview")).to_have_value("synthetic:LTC/USDT")
    for seen in ("#setting-value", "#preview tr.result >> nth=0"):
        expect(page.locator(seen)).to_be_in_viewport()
    has(page.locator("#preview tr.result").first, "price")
    page.fill("#setting-reason", "LTC is thin tonight")
    page.click("#setting-send")
    has(row(page, SPREAD), f"{before * 1.5:g}")
    has(page.locator("[data-panel=changes]"), f"the account's \u2192 {before * 1.5:g}")
    has(page.locator("[data-panel=audit]"), "LTC is thin tonight")

    page.fill("#setting-reason", "calm again")
    page.click("#setting-revert")
    expect(row(page, SPREAD).locator("td").first).to_have_text(f"{before:g}")

    page.select_option("#settings-of", "")
    choose(page, "market_making.base_spread")
    has(page.locator("#setting-reach"), "touches every symbol")


def test_a_limit_of_a_symbol_is_tightened_for_it_alone(
    engine: RunningEngine, watch: Callable[..., Any]
) -> None:
    page = engine.open(watch(), "audit")
    page.select_option("#settings-of", "LTC/USDT")
    choose(page, LOSS)
    page.fill("#setting-value", "-400")
    page.fill("#setting-reason", "half a day only")
    page.click("#setting-send")
    has(row(page, LOSS), "400")
    page.select_option("#settings-of", "ETH/USDT")
    has(row(page, LOSS.replace("LTC", "ETH")), "500")
    page.select_option("#settings-of", "")
    has(row(page, "risk_limits.max_loss"), "1 with an own value")


def test_a_symbol_that_the_feed_knows_is_started_stopped_and_removed(
    of_btc: RunningEngine, watch: Callable[..., Any]
) -> None:
    page = of_btc.open(watch(forgive="404"))  # the symbol that nobody knows, and the one that is gone
    expect(page.locator("#rows tr[data-key]")).to_have_count(1)
    page.click("#start-one")
    assert page.evaluate("document.activeElement.id") == "start-symbol"
    page.fill("#start-symbol", "LTCC/USDT")
    page.click("#start-confirm")
    has(page.locator("#start-dialog"), "LTC/USDT")
    has(page.locator("#start-dialog [role=alert]"), "Symbol not found")
    page.fill("#start-symbol", "LTC/USDT")
    page.fill("#start-dialog input[name=max_loss]", "-400")
    page.click("#start-confirm")
    has(page.locator(LTC), "QUOTING")
    has(page.locator("#command-log"), re.compile(r"START LTC/USDT.*verified", re.S))

    page.wait_for_selector(f"{LTC} .stock")  # a position, after the first fill
    page.locator(LTC).get_by_role("button", name=re.compile("Stop")).click()
    has(page.locator(LTC), "STOPPED")
    page.evaluate("location.hash = '#/symbol/synthetic:LTC%2FUSDT'")
    page.get_by_role("button", name="Remove LTC/USDT").click()
    page.fill("#command-reason", "no more of it")
    expect(page.locator("#remove-confirm")).to_be_disabled()
    page.check("#remove-force")
    page.click("#remove-confirm")
    has(page.locator(".symbol-head"), "removed by an operator, with a position")
    has(page.locator("#command-log"), re.compile(r"REMOVE LTC/USDT.*verified \d", re.S))


def test_a_side_that_the_gate_holds_back_says_so_in_words_with_the_limit_that_is_used(
    open_page: Callable[..., Any], world: World
) -> None:
    market = world.markets["SOL/USDT"]
    market.order("buy", None)
    market.take(
        OrderEvent,
        kind="denied",
        status="denied",
        client_order_id="SOL-denied",
        level=0,
        side="buy",
        price_ticks=market.best_bid,
        size_lots=market.lots,
        target_sequence=market.sequence,
        reasons=("EXPOSURE",),
    )
    world.publish()
    page = open_page(world)
    says = re.compile(r"held back: exposure with open orders is at its limit \(\d+\.\d % of 20 %\)")
    has(page.locator('#rows tr[data-key="synthetic:SOL/USDT"]'), says)
    page.evaluate("location.hash = '#/symbol/synthetic:SOL%2FUSDT'")
    has(page.locator('[data-gate="bid"]'), says)
    has(page.locator('[data-gate="ask"]'), "passed")
    last = page.locator("[data-panel=why] .scroll > *").last
    expect(last).to_have_attribute("data-gate", "ask")


def test_steps_and_balancing_have_words_and_a_line_of_their_own(
    open_page: Callable[..., Any], world: World
) -> None:
    page = open_page(world)
    page.evaluate("location.hash = '#/symbol/synthetic:SOL%2FUSDT'")
    has(page.locator('#why-rows tr[data-step="inventory_lean"]'), "inventory skew")
    has(page.locator("[data-panel=facts]"), "of which balancing")
    page.evaluate("location.hash = '#/pnl'")
    has(page.locator("[data-panel=attribution] tr.balance"), "of which balancing")
