"""What the page says when it cannot be believed: no engine, a halt that nobody received, nobody signed in."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.system.page.world import Server, World

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

UNFOUND = "Failed to load resource"  # nobody is there, or this world has no past
READ_AGO = re.compile(r"read \d+(\.\d)? s ago")
COLOUR = "node => getComputedStyle(node).color"


def expect(locator: Any) -> Any:
    return playwright_api.expect(locator)


def has(locator: Any, text: str | re.Pattern[str]) -> None:
    expect(locator).to_contain_text(text)


def signed_in(page: Any, url: str, world: World) -> Any:
    page.goto(f"{url}#code={world.codes[-1]}")
    page.wait_for_selector("#rows tr[data-key]")
    return page


def test_without_the_engine_all_that_was_read_is_grey_with_its_age_and_no_halt_seems_done(
    watch: Callable[..., Any], world: World
) -> None:
    page = watch(forgive=UNFOUND)
    with Server(world) as url:
        signed_in(page, url, world)
        has(page.locator("#state"), "RUNNING")
        earning = page.eval_on_selector("#halt-button", COLOUR)
    has(page.locator("#state"), re.compile(r"UNKNOWN\s*was RUNNING \d+(\.\d)? s ago"))
    has(page.locator(".tools"), "Away")
    has(page.locator(".figures"), "Read at, UTC")
    for panel in ("status", "pnl", "symbols", "alerts", "ticker"):
        has(page.locator(f"[data-panel={panel}] .stale-label"), READ_AGO)
    muted = page.eval_on_selector(".figures dt", COLOUR)
    assert page.eval_on_selector("#pnl", COLOUR) == muted != earning
    assert "grayscale" in page.eval_on_selector("main", "node => getComputedStyle(node).filter")
    before = page.locator("#clock").inner_text()

    page.keyboard.press("Shift+H")
    has(page.locator("#halt-dialog"), "Nothing is read from the engine")
    page.click("#halt-confirm")
    has(page.locator("#halt-dialog [role=alert]"), "NOT HALTED: the engine did not receive it")
    has(page.locator("#halt-dialog [role=alert]"), "maker halt --all")
    has(page.locator("#command-log"), "NOT HALTED")
    assert page.locator("#clock").inner_text() == before  # it stands still
    assert world.commands == []


def test_who_is_signed_out_is_told_why_and_comes_back_by_the_address(
    watch: Callable[..., Any], world: World
) -> None:
    page = watch(forgive=UNFOUND)
    with Server(world) as url:
        signed_in(page, url, world)
        page.context.clear_cookies()  # as when the session has expired
        has(page.locator("[data-page=sign-in] [role=status]"), "The session has ended")
        assert page.title().startswith("SIGNED OUT")
        assert page.evaluate("document.activeElement.name") == "code"
        page.fill("input[name=code]", f"{url}#code={world.codes[-1]}")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_selector("#rows tr[data-key]")
        page.get_by_role("button", name="Sign out").click()
        has(page.locator("[data-page=sign-in] [role=status]"), "You signed out.")
        page.evaluate("code => { location.hash = '#code=' + code }", world.codes[-1])
        page.wait_for_selector("#rows tr[data-key]")
        assert "code" not in page.url


def test_a_browser_is_signed_in_to_two_engines_of_one_host(
    watch: Callable[..., Any], world_of: Callable[..., World], world: World
) -> None:
    other = world_of({"XRP/USDT": ("0.5", "0.0001", "1")})
    other.step()
    page = watch(forgive=UNFOUND)
    with Server(world) as url, Server(other) as other_url:
        signed_in(page, url, world)
        signed_in(page, other_url, other)
        expect(page.locator("#rows tr[data-key]")).to_have_count(1)
        page.goto(url)  # without a code: the first session has not been overwritten
        expect(page.locator("#rows tr[data-key]")).to_have_count(5)
        page.get_by_role("button", name="Sign out").click()
        page.goto(other_url)
        expect(page.locator("#rows tr[data-key]")).to_have_count(1)


def test_symbols_without_quotes_are_an_alert_and_agree_with_the_risk_page(
    open_page: Callable[..., Any], world: World
) -> None:
    for name in ("SOL/USDT", "ARB/USDT"):
        world.markets[name].quiet_bid = "EXPOSURE: risk_limits.max_exposure allows a position of 3"
    page = open_page(world)
    world.step()
    said = re.compile(
        r"Symbols without quotes\s*0 of 5 on neither side, 2 on one side\s*2 bids, 0 asks: "
        r"exposure with open orders is at its limit \(\d+\.\d % of 20 %\)"
    )
    has(page.locator("[data-panel=alerts] [data-held-back]"), said)
    has(page.locator("[data-panel=status]"), re.compile(r"2\s*one side"))
    page.evaluate("location.hash = '#/risk'")
    has(page.locator("[data-panel=states] [data-held-back]"), said)
    limits = page.locator("[data-panel=limits]")
    has(limits, "exposure with open orders")
    has(limits, "over 80 %")  # the engine's own threshold


def test_held_rows_keep_the_sum_that_the_strip_shows(open_page: Callable[..., Any], world: World) -> None:
    page = open_page(world)
    page.locator(".tools").get_by_role("button", name="Live").click()
    has(page.locator(".tools"), "Held")
    before = page.locator("#pnl").inner_text()
    sequence = page.evaluate("performance.now()")
    for _ in range(30):
        world.step()
    world.account("HALT", "COMMAND: news by ann")
    world.publish()
    has(page.locator("#halted"), "news by ann")  # a halt is not held
    assert page.evaluate("performance.now()") > sequence
    assert page.locator("#pnl").inner_text() == before
    page.locator(".tools").get_by_role("button", name="Held").click()
    expect(page.locator("#pnl")).not_to_have_text(before)
