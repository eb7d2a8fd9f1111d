"""Nothing that is shown is cut: every page, six sizes of the window, both themes, numbers of many digits."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.system.page.layout import PLACES, SIZES, THEMES, cut_texts
from tests.system.page.world import World

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

HEADER_SHARE_MAX = 0.4
DRAWN_MS = 400


def go(page: Any, place: str) -> None:
    name = "symbol/synthetic:BTC%2FUSDT" if place == "symbol" else place
    page.evaluate("place => { location.hash = '#/' + place }", name)
    page.wait_for_selector(f"main[data-page={place}]")
    page.wait_for_timeout(DRAWN_MS)  # what is drawn once data came


@pytest.mark.parametrize("theme", THEMES)
def test_no_text_is_cut_on_any_page_at_any_size(
    open_page: Callable[..., Any], world: World, theme: str
) -> None:
    world.alert("critical", "loss", "loss -512.20 at or beyond -500", "ARB/USDT")
    world.publish()
    page = open_page(world, theme)
    cut = []
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for place in PLACES:
            go(page, place)
            cut += [f"{width} x {height}, {place}: {text}" for text in cut_texts(page)]
        header = page.eval_on_selector("header.top", "node => node.getBoundingClientRect().height")
        assert header < HEADER_SHARE_MAX * height, (width, height, header)
    assert not cut, "\n".join(cut)


def test_text_that_is_cut_is_found(open_page: Callable[..., Any], world: World) -> None:
    page = open_page(world)
    assert cut_texts(page) == []
    page.eval_on_selector(".symbols .c-symbol", "node => { node.style.width = '30px' }")
    assert any("BTC/USDT" in text for text in cut_texts(page))
