"""Makes docs/images: the dashboard as it looks a minute after `maker up`, in Debian's chromium.

Fails, naming each place, where text is cut on any page, at any size of the window, in either theme.

python -m docs.make_screenshots        (make screenshots)
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.system.page.layout import PLACES, SIZES, THEMES, cut_texts

IMAGES = Path(__file__).parent / "images"
MAKER = Path(sys.executable).parent / "maker"
WARM_MS = 60_000
DRAWN_MS = 2_500
LOADED_WITHIN_MS = 120_000
NOTHING_LOADS = "() => document.querySelector('.skeleton') === null"
SYMBOL = "symbol/synthetic:LTC%2FUSDT"
SHOTS = (
    ("overview", "overview", "dark", (1440, 900)),
    ("symbol", SYMBOL, "dark", (1440, 900)),
    ("pnl", "pnl", "light", (1440, 900)),
    ("incidents", "replay", "dark", (1440, 900)),
    ("audit", "audit", "light", (1440, 900)),
    ("phone", "overview", "dark", (390, 844)),
)


@contextmanager
def engine() -> Iterator[str]:
    """The address that signs in to a fresh engine."""
    with tempfile.TemporaryDirectory() as folder:
        command = [MAKER, "up", "--port", "0", "--log", Path(folder) / "log"]
        process = subprocess.Popen(  # noqa: S603  our own command
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        try:
            lines = process.stderr or ()
            yield next(word for line in lines for word in line.split() if word.startswith("http://"))
        finally:
            process.terminate()
            process.communicate()


def shoot(page: Page, url: str) -> None:
    """Every picture, from one session."""
    page.goto(url)
    page.wait_for_selector("#rows tr[data-key]")
    page.wait_for_timeout(WARM_MS)
    for name, place, theme, size in SHOTS:
        show(page, place, theme, size)
        page.screenshot(path=IMAGES / f"{name}.png")


def show(page: Page, place: str, theme: str, size: tuple[int, int]) -> None:
    """A place of the page, drawn."""
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.evaluate("place => { location.hash = '#/' + place }", place)
    page.wait_for_timeout(DRAWN_MS)
    page.wait_for_function(NOTHING_LOADS, timeout=LOADED_WITHIN_MS)


def cut(page: Page) -> Iterator[str]:
    """Where text is cut: size, theme, page and text."""
    for size, theme, place in product(SIZES, THEMES, PLACES):
        show(page, SYMBOL if place == "symbol" else place, theme, size)
        yield from (f"{size[0]} x {size[1]}, {theme}, {place}: {text}" for text in cut_texts(page))


def main() -> None:
    """All of docs/images; exits with 1 where text is cut."""
    IMAGES.mkdir(exist_ok=True)
    with engine() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        shoot(page, url)
        found = list(cut(page))
        browser.close()
    if found:
        sys.exit("text is cut:\n" + "\n".join(found))


if __name__ == "__main__":
    main()
