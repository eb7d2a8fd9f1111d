"""A browser, and what it looks at: a made-up market behind the real application, or the running engine."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.servers.local import MAKER, PATIENCE_S, LocalProcess, free_port, until
from tests.servers.visitor import Visitor, newest_code
from tests.system.page.world import FIVE, Server, World

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = PATIENCE_S * 1e3


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's chromium, without a window.

    Of a module and no longer: while playwright lives, its event loop runs, and no other test can run one.
    """
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    api.expect.set_options(timeout=WAIT_MS)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def world_of() -> Callable[..., World]:
    return World


@pytest.fixture
def world() -> World:
    """Five symbols that were quoted for five seconds."""
    world = World(FIVE)
    for _ in range(50):
        world.step()
    return world


@pytest.fixture
def watch(browser: Any) -> Iterator[Callable[..., Any]]:
    """Makes pages that may complain about nothing but what is `forgiven`."""
    complaints: list[str] = []
    forgiven: list[str] = []

    def note(text: str) -> None:
        if not any(part in text for part in forgiven):
            complaints.append(text)

    def record_request(url: str) -> None:
        if urlsplit(url).hostname not in ("127.0.0.1", None):
            note(f"asks elsewhere: {url}")

    def record_dialog(dialog: Any) -> None:
        note(f"dialog: {dialog.message}")
        dialog.dismiss()

    with ExitStack() as stack:

        def made(theme: str = "dark", size: tuple[int, int] = (1440, 900), forgive: str = "") -> Any:
            if forgive:
                forgiven.append(forgive)
            viewport = {"width": size[0], "height": size[1]}
            context = stack.enter_context(browser.new_context(viewport=viewport, color_scheme=theme))
            context.set_default_timeout(WAIT_MS)
            page = context.new_page()
            page.on("console", lambda told: note(told.text) if told.type == "error" else None)
            page.on("pageerror", lambda error: note(str(error)))
            page.on("request", lambda request: record_request(request.url))
            page.on("dialog", record_dialog)
            return page

        yield made
        assert complaints == []


@pytest.fixture
def serve() -> Iterator[Callable[[World], str]]:
    """Serves a world until the end of the test; gives the address that signs in."""
    with ExitStack() as stack:

        def served(world: World) -> str:
            url = stack.enter_context(Server(world))
            return f"{url}#code={world.codes[-1]}"

        yield served


@pytest.fixture
def open_page(watch: Callable[..., Any], serve: Callable[[World], str]) -> Callable[..., Any]:
    """Opens a page on a world, signed in."""

    def opened(world: World, theme: str = "dark", size: tuple[int, int] = (1440, 900)) -> Any:
        page = watch(theme, size, forgive="404")  # this world has no past to ask for
        page.goto(serve(world))
        page.wait_for_selector("#rows tr[data-key]" if world.markets else "[data-panel=symbols]")
        return page

    return opened


class RunningEngine:
    """`maker up` as a process, on a port of its own, with or without users."""

    def __init__(self, folder: Path, *arguments: str, **access: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.log = folder / "log"
        command = [MAKER, "up", "--port", str(self.port), "--log", self.log, *arguments]
        env = {f"MM__ACCESS__{name.upper()}": value for name, value in access.items()}
        self.process = LocalProcess([str(part) for part in command], folder / "engine.txt", env)
        self.visitor = Visitor(self.url, self.process.text)
        self._session: Any = None

    def start(self) -> None:
        """Run it until its page is announced."""
        before = self.process.text().count("The page is at") if self.process.output.exists() else 0
        self.process.start()
        until(lambda: self.process.text().count("The page is at") > before, "the page is announced")

    def open(self, page: Any, place: str = "overview") -> Any:
        """A place of the page, signed in; one session serves all pages."""
        if self._session is None:
            page.goto(f"{self.url}#code={newest_code(self.process.text())}")
            page.wait_for_selector("#rows tr[data-key]")
            self._session = page.context.cookies()
        else:
            page.context.add_cookies(self._session)
        page.goto(f"{self.url}#/{place}")
        page.wait_for_selector(f"main[data-page={place.partition('/')[0].partition('?')[0]}]")
        return page

    def stop(self) -> None:
        """End it, whatever it does."""
        if self.process.is_running:
            self.process.kill()


@pytest.fixture
def engine_of(tmp_path: Path) -> Iterator[Callable[..., RunningEngine]]:
    """Makes engines that end with the test."""
    with ExitStack() as stack:

        def made(*arguments: str, folder: Path = tmp_path, **access: str) -> RunningEngine:
            engine = RunningEngine(folder, *arguments, **access)
            stack.callback(engine.stop)
            return engine

        yield made


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """One engine on the synthetic market for the journeys of a module."""
    running = RunningEngine(tmp_path_factory.mktemp("engine"))
    running.start()
    yield running
    running.stop()
