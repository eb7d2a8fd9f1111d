"""What somebody on shift does, in a real browser, against the real gateway with the engine running."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from zlib import crc32

import pyotp
import pytest
from gateway_api.access.commands import make_key, manage_users

from tests.system.conftest import Maker
from tests.system.page.conftest import RunningEngine

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

SYMBOL = "synthetic:LTC/USDT"
PLACE = "symbol/synthetic:LTC%2FUSDT"
PASSWORD = "correct horse battery staple"


def expect(locator: Any) -> Any:
    return playwright_api.expect(locator)


def has(locator: Any, text: str | re.Pattern[str]) -> None:
    expect(locator).to_contain_text(text)


def test_the_first_load_shows_five_symbols_quoting(engine: RunningEngine, watch: Callable[..., Any]) -> None:
    page = engine.open(watch())
    expect(page.locator("#rows tr[data-key]")).to_have_count(5)
    has(page.locator("[data-panel=status]"), re.compile(r"[45]\s*quoting"))
    for panel in ("status", "quotes", "inventory", "pnl", "risk"):
        expect(page.locator(f"[data-panel={panel}]")).to_be_in_viewport()
    has(page.locator("#mode"), "PAPER")
    assert "code" not in page.url


def test_the_ladder_moves_and_holds_our_levels(engine: RunningEngine, watch: Callable[..., Any]) -> None:
    page = engine.open(watch(), PLACE)
    ladder = page.locator("[data-panel=ladder] .scroll")
    page.wait_for_selector("[data-panel=ladder] tr.own")
    before = ladder.inner_text()
    page.wait_for_function(
        "before => document.querySelector('[data-panel=ladder] .scroll').innerText !== before", arg=before
    )


MONEY_SHOWN = """() => {
  const exact = element => element?.getAttribute('title') ?? null;
  return {
    strip: exact(document.querySelector('#pnl span[title]')),
    panel: exact(document.querySelector('[data-panel=pnl] .big')),
    rows: [...document.querySelectorAll('#rows tr[data-key] td[title^="Session PnL"]')].map(exact),
  };
}"""


def amount(text: str) -> Decimal:
    return Decimal(text.replace("\u2212", "-").replace("+", "").replace(",", ""))


def session_pnl(title: str) -> Decimal:
    found = re.match(r"Session PnL ([^ ]+?),? day", title)
    assert found is not None, title
    return amount(found[1])


def test_strip_panel_and_rows_show_the_pnl_of_one_moment(
    engine: RunningEngine, watch: Callable[..., Any]
) -> None:
    """Ten looks while the market moves: titles hold all digits, and the rows add up to the strip."""
    page = engine.open(watch())
    page.wait_for_selector('#rows td[title^="Session PnL"]')
    seen: set[str] = set()
    while len(seen) < 10:
        shown = page.evaluate(MONEY_SHOWN)
        rows = [session_pnl(row) for row in shown["rows"]]
        assert sum(rows) == amount(shown["strip"]) == amount(shown["panel"])
        seen.add(shown["strip"])
        page.wait_for_function(
            "before => document.querySelector('#pnl span[title]').title !== before", arg=shown["strip"]
        )


def test_the_terms_of_why_add_up_to_the_quoted_price(
    engine: RunningEngine, watch: Callable[..., Any]
) -> None:
    page = engine.open(watch(), PLACE)
    page.wait_for_selector("#why-rows")
    page.locator("[data-panel=why]").get_by_role("button", name="Table").click()
    page.wait_for_selector("#why-table")
    rows = page.locator("#why-table tr").evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('td, th')].map(cell => cell.innerText))"
    )
    explained = engine.visitor.get("api/v1/maker/why/LTC/USDT")
    fair = explained["bid"]["steps"][0]["price_after"]
    effects = [step["effect_bps"] for step in explained["bid"]["steps"]]
    assert fair * (1 + sum(effects) / 10_000) == pytest.approx(float(explained["bid"]["price"]), abs=0.005)
    assert len(rows) >= len(effects)


def test_a_parameter_is_tried_changed_and_in_force(engine: RunningEngine, watch: Callable[..., Any]) -> None:
    page = engine.open(watch(), "audit")
    page.locator('tr[data-setting="market_making.base_spread"] button').click()
    page.fill("#setting-value", "0.0031")
    page.wait_for_selector("#preview")
    page.fill("#setting-reason", "a wider evening")
    page.click("#setting-send")
    has(page.locator('tr[data-setting="market_making.base_spread"]'), "0.0031")
    has(page.locator("[data-panel=changes]"), re.compile("in force", re.I))
    has(page.locator("[data-panel=audit]"), "market_making.base_spread = 0.0031")
    page.evaluate("place => { location.hash = '#/' + place }", PLACE)
    has(page.locator("[data-panel=parameters]"), "0.0031")


def test_a_limit_that_is_loosened_waits_for_somebody_else(
    engine: RunningEngine, watch: Callable[..., Any]
) -> None:
    page = engine.open(watch(), "audit")
    page.locator('tr[data-setting="risk_limits.max_loss"] button').click()
    page.fill("#setting-value", "-900")
    page.fill("#setting-reason", "a wider day")
    page.click("#setting-send")
    has(page.locator("[data-panel=proposals]"), "risk_limits.max_loss = -900")
    has(page.locator('tr[data-setting="risk_limits.max_loss"]'), "500")


def test_halt_by_keyboard_verified_at_the_venue_and_resume(
    engine: RunningEngine, watch: Callable[..., Any]
) -> None:
    page = engine.open(watch())
    has(page.locator("[data-panel=status]"), re.compile(r"[45]\s*quoting"))
    page.keyboard.press("Shift+H")
    assert page.evaluate("document.activeElement.id") == "dialog-cancel"
    page.fill("#command-reason", "news, standing aside")
    page.click("#halt-confirm")
    has(
        page.locator("#halted"),
        re.compile(r"ALL TRADING HALTED by local \d\d:\d\d:\d\d: news, standing aside\."),
    )
    has(page.locator("#halted"), re.compile(r"Cancelled (\d+) of \1, confirmed by the venue"))
    has(page.locator("#command-log"), re.compile(r"verified, zero orders \d"))
    page.wait_for_function("document.title.includes('HALTED')")
    makers = engine.visitor.get("api/v1/maker/active")["makers"]
    assert {maker["bid"] or maker["ask"] for maker in makers} == {None}

    page.click("#resume-button")
    page.fill("#command-reason", "checked")
    page.click("#resume-confirm")
    has(page.locator("#state"), "RUNNING")
    expect(page.locator("#halted")).to_be_hidden()
    has(page.locator("[data-panel=status]"), re.compile(r"[1-5]\s*quoting"))


def test_stop_and_start_of_one_symbol(engine: RunningEngine, watch: Callable[..., Any]) -> None:
    page = engine.open(watch())
    row = page.locator('#rows tr[data-key="synthetic:ETH/USDT"]')
    row.get_by_role("button", name=re.compile("Stop")).click()
    has(row, "STOPPED")
    row.get_by_role("button", name=re.compile("Start")).click()
    expect(row).not_to_contain_text("STOPPED")


def test_a_double_click_is_one_stop_and_can_be_undone(
    engine: RunningEngine, watch: Callable[..., Any]
) -> None:
    page = engine.open(watch())
    row = page.locator('#rows tr[data-key="synthetic:LTC/USDT"]')
    row.get_by_role("button", name=re.compile("Stop")).dblclick()
    has(page.locator("[data-panel=symbols]"), "order held")
    has(row, "STOPPED")
    commands = page.locator("#command-log .command")
    has(commands.first, re.compile(r"STOP LTC/USDT.*verified, zero orders \d", re.S))
    expect(commands.filter(has_text="START")).to_have_count(0)
    commands.first.get_by_role("button", name="Undo").click()
    expect(row).not_to_contain_text("STOPPED")


def test_starting_all_has_a_place_of_its_own_and_asks(
    engine: RunningEngine, watch: Callable[..., Any]
) -> None:
    page = engine.open(watch())
    expect(page.locator("#start-all")).to_be_disabled()
    page.locator("#stop-all").dblclick()
    expect(page.locator("#rows tr[data-key]", has_text="STOPPED")).to_have_count(5)
    page.locator("#start-all").click()
    has(page.locator("#start-all-dialog"), "Quotes 5 stopped symbols again")
    page.click("#start-all-confirm")
    expect(page.locator("#start-all-dialog")).to_have_count(0)
    expect(page.locator("#rows tr[data-key]", has_text="STOPPED")).to_have_count(0)


def test_a_decimal_comma_is_refused_and_a_far_value_is_asked_about(
    engine: RunningEngine, watch: Callable[..., Any]
) -> None:
    page = engine.open(watch(), "audit")
    page.locator('tr[data-setting="market_making.base_spread"] button').click()
    page.fill("#setting-reason", "a slip of the finger")
    page.fill("#setting-value", "0,5")
    has(page.locator("#setting-becomes"), '"0,5" is not a number')
    expect(page.locator("#setting-send")).to_be_disabled()
    page.fill("#setting-value", "0.5")
    has(page.locator("#setting-becomes"), re.compile(r"0\.00\d+ \u2192 0\.5"))
    expect(page.locator("#setting-send")).to_be_disabled()
    page.check("#setting-far")
    expect(page.locator("#setting-send")).to_be_enabled()
    page.fill("#setting-value", "0.6")
    expect(page.locator("#setting-send")).to_be_disabled()


def test_an_alert_leads_to_its_moment_and_is_acknowledged(
    engine: RunningEngine, watch: Callable[..., Any]
) -> None:
    page = engine.open(watch())
    engine.visitor.post("api/v1/maker/risk/halt", symbol="ETH/USDT", reason="an alert for a test")
    alert = page.locator("[data-panel=alerts] li", has_text="an alert for a test").first
    has(alert, "CRITICAL")
    alert.get_by_role("button", name="Acknowledge").click()
    page.locator("#acknowledge-dialog").get_by_role("button", name="Acknowledge").click()
    has(page.locator("[data-panel=alerts]"), "local")
    alert.get_by_role("link").click()
    page.wait_for_selector("main[data-page=replay]")
    assert "at=" in page.url
    has(page.locator("#replay-banner"), "REPLAY")
    expect(page.locator("[data-panel=events] tr").nth(3)).to_be_visible()
    engine.visitor.post("api/v1/maker/risk/resume", symbol="ETH/USDT", reason="it was one")


def test_the_replay_steps_by_keyboard_and_its_address_holds_the_place(
    engine: RunningEngine, watch: Callable[..., Any]
) -> None:
    page = engine.open(watch(), "replay")
    expect(page.locator("[data-panel=events] tr").nth(3)).to_be_visible()
    page.keyboard.press("Home")
    page.keyboard.press("]")
    page.keyboard.press("]")
    address = page.url
    page.keyboard.press("]")
    page.wait_for_function("before => location.href !== before", arg=address)
    page.keyboard.press("[")
    page.wait_for_function("before => location.href === before", arg=address)
    first = page.locator("#position").inner_text()
    page.get_by_role("button", name="State at the position").click()
    expect(page.locator("[data-panel=ladder]")).to_be_visible()
    again = engine.open(watch(), address.partition("#/")[2])
    has(again.locator("#position"), first)


def test_a_replay_check_finds_nothing_in_an_honest_log(
    engine: RunningEngine, watch: Callable[..., Any]
) -> None:
    page = engine.open(watch(), "replay")
    page.get_by_role("button", name="Verify replay").click()
    page.locator("[data-panel=check]").get_by_role(
        "button", name=re.compile("Verify the whole log")
    ).last.click()
    has(page.locator("#check-result"), "order-router")
    has(page.locator("[data-panel=check]"), "IDENTICAL")


def test_the_keyboard_alone_is_enough(engine: RunningEngine, watch: Callable[..., Any]) -> None:
    page = engine.open(watch())
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("ltc")
    expect(page.locator("#rows tr[data-key]")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    places = {"r": "risk", "p": "pnl", "i": "replay", "y": "system", "a": "audit", "o": "overview"}
    for key, place in places.items():
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_selector(f"main[data-page={place}]")
    page.keyboard.press("?")
    expect(page.locator("#help-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help-dialog")).to_be_hidden()


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A viewer, a trader and two who judge risk, and a key that outlives a gateway."""
    folder = tmp_path_factory.mktemp("access")
    for name, role in (("vera", "viewer"), ("tom", "trader"), ("ruth", "risk"), ("rob", "risk")):
        manage_users("add", folder / "users.yaml", name=name, roles=[role], scope=[], password=PASSWORD)
    make_key(folder / "signing.key")
    return {"users_file": str(folder / "users.yaml"), "signing_key_file": str(folder / "signing.key")}


def sign_in(page: Any, url: str, name: str) -> Any:
    page.goto(url)
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    if name in ("ruth", "rob"):  # who judge risk, and set up their second factor at the first sign-in
        address = page.locator("[data-otpauth]").get_attribute("data-otpauth")
        factor = pyotp.parse_uri(address)
        assert isinstance(factor, pyotp.TOTP)
        page.fill("input[name=second_factor]", factor.now())
        page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("#rows tr[data-key]")
    return page


def test_people_with_roles_and_a_gateway_that_dies(
    engine_of: Callable[..., RunningEngine], watch: Callable[..., Any], access: dict[str, str]
) -> None:
    """A viewer cannot halt; two people loosen a limit; a killed gateway is said, and found again."""
    engine = engine_of(**access)
    engine.start()
    viewer = sign_in(watch(forgive="401"), engine.url, "vera")
    viewer.keyboard.press("Shift+H")
    has(viewer.locator("#halt-dialog"), "trader, risk, admin")
    viewer.locator("#halt-confirm").click(force=True)
    expect(viewer.locator("#halted")).to_be_hidden()
    expect(viewer.locator("#halt-dialog")).to_be_visible()

    ruth, rob = (sign_in(watch(forgive="401"), engine.url, name) for name in ("ruth", "rob"))
    for page in (ruth, rob):
        page.evaluate("location.hash = '#/audit'")
    ruth.locator('tr[data-setting="risk_limits.max_loss"] button').click()
    ruth.fill("#setting-value", "-900")
    ruth.fill("#setting-reason", "a wider day")
    ruth.click("#setting-send")
    has(rob.locator("[data-panel=proposals]"), "risk_limits.max_loss = -900")
    rob.locator("[data-panel=proposals]").get_by_role("button", name=re.compile("Approve")).click()
    has(rob.locator("[data-panel=changes]"), re.compile("in force", re.I))
    has(ruth.locator('tr[data-setting="risk_limits.max_loss"]'), "900")

    page = sign_in(watch(forgive="Failed to load resource"), engine.url, "tom")
    engine.process.kill()
    has(page.locator("#offline"), "Disconnected from the gateway")
    engine.start()
    expect(page.locator("#offline")).to_be_hidden()
    has(page.locator("#state"), "RUNNING")


def test_a_log_that_was_tampered_with_diverges_and_shows_where(
    engine_of: Callable[..., RunningEngine], watch: Callable[..., Any], maker: Maker, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    done = maker("up", "--for", "5", "--no-gateway", "--json", "--log", log)
    assert done.code == 0, done.err
    tamper(log)
    engine = engine_of()
    engine.start()
    page = engine.open(watch(), "replay")
    page.get_by_role("button", name="Verify replay").click()
    page.locator("[data-panel=check]").get_by_role(
        "button", name=re.compile("Verify the whole log")
    ).last.click()
    difference = page.get_by_label("First difference of quote-service")
    has(difference, "message.bid.prices[0]")


def tamper(log: Path) -> None:
    """Move one quoted bid by a tick, with a checksum that fits."""
    path = next(iter(sorted(log.glob("*.log"))))
    lines = path.read_bytes().splitlines(keepends=True)
    place = next(
        index
        for index, line in enumerate(lines)
        if b'"type":"quote.target.v1"' in line and re.search(rb'"bid":\{"prices":\[\d', line)
    )
    body = lines[place][9:-1]
    price = json.loads(body)["message"]["bid"]["prices"][0]
    body = body.replace(b'"bid":{"prices":[%d' % price, b'"bid":{"prices":[%d' % (price - 1))
    lines[place] = b"%08x %b\n" % (crc32(body), body)
    path.write_bytes(b"".join(lines))
