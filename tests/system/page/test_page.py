"""The page in a real browser, against the real application, its projector and a market that moves."""

from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.slow]
VENUE = "synthetic"
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "LINK/USDT", "ARB/USDT")
SOL = ("150", "0.01", "0.01")
EVIL = "<img src=x onerror=alert(1)>/USDT"
WAIT_MS = 5_000
SECOND_NS = 1_000_000_000


def row(page, symbol: str) -> Any:
    return page.locator(f'tr[data-key="{VENUE}:{symbol}"]')


def has(locator: Any, text: str):
    playwright_api.expect(locator).to_contain_text(text, timeout=WAIT_MS)


def scrolls(page, selector: str) -> bool:
    return page.eval_on_selector(selector, "node => node.scrollHeight > node.clientHeight + 1")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_one_screen_shows_five_symbols_in_both_themes(open_page, world, theme):
    page = open_page(world, theme)

    for symbol in SYMBOLS:
        has(row(page, symbol), symbol)
        has(row(page, symbol), "QUOTING")
    has(page.locator("#state"), "RUNNING")
    has(page.locator("#mode"), "PAPER")
    assert not scrolls(page, "html")
    assert not scrolls(page, "#table-scroll")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"dark": "rgb(15, 20, 25)", "light": "rgb(255, 255, 255)"}[theme]


def test_a_hundred_symbols_scroll_in_the_table_only(open_page, world_of):
    contract = SOL
    world = world_of({f"S{number:03d}/USDT": contract for number in range(100)})
    world.step()
    page = open_page(world)

    assert page.locator("#rows tr").count() == 100
    assert scrolls(page, "#table-scroll")
    assert not scrolls(page, "html")


def test_numbers_move_with_the_store(open_page, world):
    page = open_page(world)
    bid = row(page, "BTC/USDT").locator("td").nth(2)
    before = bid.inner_text()
    world.step()
    playwright_api.expect(bid).not_to_have_text(before)
    shown = bid.inner_text().replace(",", "")
    assert shown == f"{world.markets['BTC/USDT'].best_bid * Decimal('0.1'):f}"


def test_the_steps_of_why_add_up_to_the_quoted_price(open_page, world):
    page = open_page(world)
    row(page, "ETH/USDT").click()
    has(page.locator("#detail-title"), "ETH/USDT")
    has(page.locator("#why-rows"), "inventory lean")
    has(page.locator("#why-rows"), "base_spread")

    rows = page.locator("#why-rows tr")
    cells = [rows.nth(index).locator("td").all_inner_texts() for index in range(rows.count())]
    number = lambda text: float(text.replace("\u2212", "-").replace(",", "").replace("+", ""))  # noqa: E731
    fair, effects = number(cells[0][2]), [number(line[1]) for line in cells[1:-1]]
    quoted = number(cells[-1][2])
    assert cells[-1][0].startswith("quoted")
    assert fair * (1 + sum(effects) / 10_000) == pytest.approx(quoted, abs=0.02)


def test_a_side_that_is_not_quoted_says_why_in_its_cell(open_page, world):
    world.markets["SOL/USDT"].quiet_bid = "INVENTORY_FULL: 98.4 of 100"
    page = open_page(world)
    world.step()

    has(row(page, "SOL/USDT"), "INVENTORY_FULL: 98.4 of 100")
    has(row(page, "SOL/USDT"), "ONE SIDE")
    assert page.locator("#rows tr").first.get_attribute("data-key") == f"{VENUE}:SOL/USDT"  # worst first
    row(page, "SOL/USDT").click()
    has(page.locator("#why-bid"), "No bid: INVENTORY_FULL")


def test_own_levels_stand_in_the_ladder(open_page, world):
    page = open_page(world)
    row(page, "SOL/USDT").click()
    page.wait_for_selector("#ladder tr.own.side-bid")
    own = page.locator("#ladder tr.own.side-ask .price").inner_text()
    assert own == row(page, "SOL/USDT").locator(".own-quote b.ask").inner_text()


def test_the_halt_dialog_halts_and_resume_ends_it(open_page, world):
    page = open_page(world)
    page.click("#halt-button")
    assert page.evaluate("document.activeElement.id") == "dialog-cancel"
    page.fill("#dialog-reason", "news, standing aside")
    page.click("#dialog-confirm")

    has(page.locator("#halted"), "ALL TRADING HALTED: COMMAND: news, standing aside by local")
    has(page.locator("#state"), "HALTED")
    has(page.locator("#log"), "HALT all")
    has(page.locator("#log"), "in force, nothing of ours at the venue")
    assert [(c.action, c.symbol, c.reason) for c in world.commands] == [("halt", "*", "news, standing aside")]
    assert "HALTED" in page.title()

    page.click("#resume-button")
    page.fill("#dialog-reason", "checked")
    page.click("#dialog-confirm")
    has(page.locator("#state"), "RUNNING")
    playwright_api.expect(page.locator("#halted")).to_be_hidden()
    assert (world.commands[1].action, world.commands[1].halt_sequence) == ("resume", 1)


def test_a_halt_without_a_reason_is_not_sent(open_page, world):
    page = open_page(world)
    page.click("#halt-button")
    page.fill("#dialog-reason", "   ")
    page.click("#dialog-confirm")
    has(page.locator("#dialog-error"), "reason")
    assert world.commands == []


def test_stop_and_start_of_one_symbol(open_page, world):
    page = open_page(world)
    row(page, "LINK/USDT").get_by_role("button", name="Stop LINK/USDT").click()
    has(row(page, "LINK/USDT"), "STOPPED")
    has(row(page, "LINK/USDT"), "stopped by command")
    has(row(page, "ARB/USDT"), "QUOTING")
    row(page, "LINK/USDT").get_by_role("button", name="Start LINK/USDT").click()
    has(row(page, "LINK/USDT"), "QUOTING")
    assert [(c.action, c.symbol) for c in world.commands] == [("stop", "LINK/USDT"), ("start", "LINK/USDT")]


def test_the_keyboard_alone_is_enough(open_page, world):
    page = open_page(world)
    page.select_option("#sort", "name")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("j")
    focused = page.evaluate("document.activeElement.dataset.key")
    page.keyboard.press("Enter")
    has(page.locator("#detail-title"), focused.removeprefix(f"{VENUE}:"))
    assert page.url.endswith("#" + page.evaluate("key => encodeURIComponent(key)", focused))

    page.keyboard.press("/")
    page.keyboard.type("link")
    playwright_api.expect(page.locator("#rows tr")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+H")
    assert page.locator("#command-dialog").evaluate("node => node.open")
    page.keyboard.press("Escape")
    assert not page.locator("#command-dialog").evaluate("node => node.open")
    page.keyboard.press("?")
    assert page.locator("#help-dialog").evaluate("node => node.open")
    assert world.commands == []


def test_text_from_outside_is_never_markup(open_page, world_of):
    world = world_of({EVIL: SOL})
    market = world.markets[EVIL]
    market.quiet_bid = "<script>alert(2)</script>"
    world.step()
    world.alert("critical", "x", "<b onmouseover=alert(3)>bold</b>", EVIL)
    world.account("HALT", "<svg onload=alert(4)>")
    world.publish()
    page = open_page(world)

    has(page.locator("#rows"), EVIL)
    has(page.locator("#alerts"), "<b onmouseover=alert(3)>bold</b>")
    has(page.locator("#halted"), "<svg onload=alert(4)>")
    has(page.locator("#why-bid"), "<script>alert(2)</script>")
    assert page.locator("main img, main script, main svg, #halted svg, #alerts b[onmouseover]").count() == 0


def test_old_data_is_called_stale(open_page, world):
    page = open_page(world)
    world.now_ns += 3 * SECOND_NS
    has(row(page, "BTC/USDT"), "stale 3")
    world.now_ns += 9 * SECOND_NS
    playwright_api.expect(row(page, "BTC/USDT")).to_have_class("dead")


def test_before_the_first_symbol_the_page_says_what_would_come(open_page, world_of):
    page = open_page(world_of({}))
    has(page.locator("#empty"), "No symbols yet")


def test_alerts_show_severity_as_a_word(open_page, world):
    world.alert("critical", "loss", "loss -512.20 at or beyond -500", "ARB/USDT")
    world.alert("info", "resync", "book resynchronised", "BTC/USDT")
    world.publish()
    page = open_page(world)
    has(page.locator("#alerts li").nth(1), "CRITICAL")
    has(page.locator("#alerts li").nth(1), "ARB/USDT: loss -512.20")
    has(page.locator("#alert-count"), "1 of 2")


def test_a_lost_gateway_is_said_and_found_again(browser, server_of, world):
    with browser.new_context() as context:
        page = context.new_page()
        with server_of(world) as url:
            page.goto(url)
            page.wait_for_selector("#rows tr[data-key]")
        has(page.locator("#offline"), "Disconnected from the gateway")
        playwright_api.expect(page.locator("body")).to_have_class("offline")
        with server_of(world, urlsplit(url).port):
            playwright_api.expect(page.locator("#offline")).to_be_hidden(timeout=15_000)


def test_on_a_phone_the_halt_button_and_the_table_are_there(open_page, world):
    page = open_page(world, "light", (390, 844))
    playwright_api.expect(page.locator("#halt-button")).to_be_in_viewport()
    playwright_api.expect(row(page, "BTC/USDT")).to_be_in_viewport()
