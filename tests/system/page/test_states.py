"""Every state that the page was designed for, through the real application: both themes, a phone, axe."""

import re
from collections.abc import Callable
from typing import Any, Literal

import pytest

from runtime.process.definition import SystemBroker, SystemProcess, SystemStatus
from runtime.store.documents import StoreStatus
from schemas.process import TopicLag
from schemas.units import NS_PER_MS
from tests.system.page.world import World

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe_api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

VENUE = "synthetic"
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "LINK/USDT", "ARB/USDT")
SOL = ("150", "0.01", "0.01")
EVIL = "<img src=x onerror=alert(1)>/USDT"
SAID = re.compile(r"inventory is at its maximum \(-?\d+ % of the maximum\): 98.4 of 100")
PAGES = ("overview", f"symbol/{VENUE}:SOL%2FUSDT", "risk", "pnl", "replay", "system", "audit")


def row(page: Any, symbol: str) -> Any:
    return page.locator(f'#rows tr[data-key="{VENUE}:{symbol}"]')


def has(locator: Any, text: str | re.Pattern[str]) -> None:
    playwright_api.expect(locator).to_contain_text(text)


def go(page: Any, place: str) -> None:
    page.evaluate("place => { location.hash = '#/' + place }", place)
    page.wait_for_selector(f"main[data-page={place.partition('/')[0]}]")


def scrolls(page: Any, selector: str = "html") -> bool:
    return bool(page.eval_on_selector(selector, "node => node.scrollHeight > node.clientHeight + 1"))


def check_axe(page: Any) -> None:
    found = axe_api.Axe().run(page).response["violations"]
    assert found == [], [(each["id"], [node["html"][:160] for node in each["nodes"]][:3]) for each in found]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_page_is_accessible_in_both_themes(
    open_page: Callable[..., Any], world: World, theme: str
) -> None:
    world.alert("critical", "loss", "loss -512.20 at or beyond -500", "ARB/USDT")
    world.publish()
    page = open_page(world, theme)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"dark": "rgb(15, 20, 25)", "light": "rgb(255, 255, 255)"}[theme]
    for place in PAGES:
        go(page, place)
        page.wait_for_timeout(300)  # what is drawn once data came
        check_axe(page)


@pytest.mark.parametrize("place", PAGES[:2])
def test_one_screen_without_scrolling(open_page: Callable[..., Any], world: World, place: str) -> None:
    page = open_page(world)
    go(page, place)
    assert not scrolls(page)


def test_five_symbols_are_seen_quoting(open_page: Callable[..., Any], world: World) -> None:
    page = open_page(world)
    for symbol in SYMBOLS:
        has(row(page, symbol), "QUOTING")
    has(page.locator("#state"), "RUNNING")
    has(page.locator("#mode"), "PAPER")


def test_of_a_hundred_symbols_only_what_is_in_sight_is_drawn(
    open_page: Callable[..., Any], world_of: Callable[..., World]
) -> None:
    world = world_of({f"S{number:03d}/USDT": SOL for number in range(100)})
    world.step()
    page = open_page(world)
    assert page.locator("#rows tr[data-key]").count() < 60
    assert not scrolls(page)
    page.locator("#search").fill("S099")
    has(page.locator("#rows"), "S099/USDT")


def test_the_worst_comes_first_and_a_side_that_is_not_quoted_says_why(
    open_page: Callable[..., Any], world: World
) -> None:
    world.markets["SOL/USDT"].quiet_bid = "MAX_INVENTORY: 98.4 of 100"
    page = open_page(world)
    world.step()
    has(row(page, "SOL/USDT"), SAID)
    first = page.locator("#rows tr[data-key]").first
    playwright_api.expect(first).to_have_attribute("data-key", f"{VENUE}:SOL/USDT")
    go(page, PAGES[1])
    has(page.locator("main"), SAID)


def test_until_the_first_message_the_panels_keep_their_places(
    watch: Callable[..., Any], serve: Callable[[World], str], world: World
) -> None:
    page = watch(forgive="404")  # this world has no past to ask for
    page.route("**/api/v1/stream", lambda route: None)  # neither answered nor refused
    page.goto(serve(world))
    for panel in ("status", "symbols", "ticker"):
        playwright_api.expect(page.locator(f"[data-panel={panel}] .skeleton")).to_be_visible()
    has(page.locator("#state"), "CONNECTING")
    assert page.locator("#rows").count() == 0
    check_axe(page)


def test_before_the_first_symbol_the_page_says_what_would_come(
    open_page: Callable[..., Any], world_of: Callable[..., World]
) -> None:
    page = open_page(world_of({}))
    has(page.locator("[data-panel=symbols]"), "symbol")
    has(page.locator("#state"), "RUNNING")
    check_axe(page)


def test_old_data_is_called_stale_with_its_age(open_page: Callable[..., Any], world: World) -> None:
    page = open_page(world)
    stale_ms = world.config.market_data.book_age_ms_max
    world.now_ns += (stale_ms - 2_000) * NS_PER_MS
    has(
        row(page, "BTC/USDT"), re.compile(r"[89]\.\d s")
    )  # old, and not stale yet: the engine still quotes from it
    world.now_ns += 3_000 * NS_PER_MS
    has(row(page, "BTC/USDT"), "stale 11")
    world.now_ns += 2 * stale_ms * NS_PER_MS
    playwright_api.expect(page.locator("[data-panel=quotes]")).to_have_attribute("data-fresh", "dead")
    check_axe(page)


@pytest.mark.parametrize(("state", "words"), [("away", "does not respond"), ("stale", "silent or behind")])
def test_a_store_that_cannot_be_relied_on_is_said(
    open_page: Callable[..., Any], world: World, state: Literal["stale", "away"], words: str
) -> None:
    page = open_page(world)
    world.store.view = StoreStatus(state, 5_000)
    has(page.locator("#partial"), words)
    check_axe(page)
    world.store.view = StoreStatus("live", 0)
    playwright_api.expect(page.locator("#partial")).to_be_hidden()


def test_a_halt_is_on_every_page_in_the_title_and_out_loud(
    open_page: Callable[..., Any], world: World
) -> None:
    page = open_page(world)
    world.account("HALT", "COMMAND: news, standing aside by ann")
    world.publish()
    has(page.locator("#halted"), "ALL TRADING HALTED: news, standing aside by ann")
    assert page.locator("#halted").get_attribute("role") == "alert"
    page.wait_for_function("document.title.includes('HALTED')")
    for place in PAGES:
        go(page, place)
        playwright_api.expect(page.locator("#halted")).to_be_visible()
    go(page, "overview")
    check_axe(page)


def test_text_from_outside_is_never_markup(
    open_page: Callable[..., Any], world_of: Callable[..., World]
) -> None:
    world = world_of({EVIL: SOL})
    world.markets[EVIL].quiet_bid = "<script>alert(2)</script>"
    world.step()
    world.alert("critical", "x", "<b onmouseover=alert(3)>bold</b>", EVIL)
    world.account("HALT", "<svg onload=alert(4)>")
    world.publish()
    page = open_page(world)
    has(page.locator("#rows"), EVIL)
    has(page.locator("[data-panel=alerts]"), "<b onmouseover=alert(3)>bold</b>")
    has(page.locator("#halted"), "<svg onload=alert(4)>")
    assert page.locator("main img, main script, [onmouseover], [onload]").count() == 0


def test_a_code_that_was_used_leads_to_the_sign_in(
    watch: Callable[..., Any], serve: Callable[[World], str], world: World
) -> None:
    page = watch(forgive="Failed to load resource")  # nobody is in, and this world has no past
    url = serve(world)
    page.goto(url.partition("#")[0])
    page.wait_for_selector("[data-page=sign-in]")
    check_axe(page)
    page.fill("input[name=code]", "wrong")
    page.get_by_role("button", name="Sign in").click()
    has(page.locator("[data-page=sign-in]"), "A code is valid once")
    page.fill("input[name=code]", world.codes[-1])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("#rows tr[data-key]")
    assert "code" not in page.url


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_phone_has_the_strip_the_halt_button_alerts_and_the_table(
    open_page: Callable[..., Any], world: World, theme: str
) -> None:
    world.alert("warning", "resync", "book resynchronised", "BTC/USDT")
    world.publish()
    page = open_page(world, theme, (390, 844))
    playwright_api.expect(page.locator("#halt-button")).to_be_in_viewport()
    for panel in ("alerts", "symbols"):
        page.locator(f"[data-panel={panel}]").scroll_into_view_if_needed()
        playwright_api.expect(page.locator(f"[data-panel={panel}]")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    check_axe(page)


def test_who_wants_no_motion_has_none(open_page: Callable[..., Any], world: World) -> None:
    page = open_page(world)
    page.emulate_media(reduced_motion="reduce")
    moving = page.evaluate(
        "document.getAnimations().filter(each => each.playState === 'running' "
        "&& each.effect.getComputedTiming().duration > 1).length"
    )
    assert moving == 0


def test_the_system_page_shows_each_process_and_who_says_nothing(
    open_page: Callable[..., Any], world: World
) -> None:
    router = SystemProcess(
        "order-router",
        "ok",
        said_age_ms=300,
        inputs=48_211,
        age_ms=12,
        lag=(TopicLag(topic="market.book", records=1_234, age_ms=1_500),),
        outbox_records=7,
        outbox_age_ms=40,
        starts=3,
        began_ns=world.now_ns,
        code_version="0.9.0",
    )
    risk = SystemProcess("risk-service", "not_ready", "catching up", said_age_ms=300)
    silent = SystemProcess("quote-service", "silent", said_age_ms=7_200, inputs=99_881, age_ms=5, starts=1)
    missing = SystemProcess("statistics", "missing")
    broker = SystemBroker("away", 6_000, 2, "no broker at kafka:9092: connection refused")
    world.system = SystemStatus("processes over Kafka", (router, risk, silent, missing), broker=broker)
    page = open_page(world)
    go(page, "system")

    def process(name: str) -> Any:
        return page.locator(f'tr[data-process="{name}"]')

    for said in ("OK", "1,234, 1.5 s", "7, 0.0 s", "48,211", "3"):
        has(process("order-router"), said)
    has(process("risk-service"), "NOT READY")
    has(process("risk-service"), "catching up")
    has(process("quote-service"), "SILENT")
    has(process("quote-service"), "silent for 7.2 s")
    assert "99,881" not in process("quote-service").inner_text()  # a figure of then is none of now
    has(process("statistics"), "MISSING")
    has(page.locator("[data-panel=store]"), "AWAY")
    has(page.locator("[data-panel=store]"), "connection refused")
    has(page.locator("[data-panel=versions]"), "order-router: 0.9.0")
    check_axe(page)

    world.system = SystemStatus(
        "processes over Kafka", (SystemProcess("order-router", "ended", said_age_ms=900),)
    )
    has(process("order-router"), "ENDED")
