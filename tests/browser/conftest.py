"""A browser that polices every page: no request off this machine, no console error, no broken policy."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_tools import FLAGS, Opener, Watched, hear, police
from browser_world import WebServer, World
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from servers import PATIENCE

CHROMIUM = os.environ.get("COLDCHAIN_TEST_CHROMIUM", "/usr/bin/chromium")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium; without one the tests skip, and with CI set they fail.

    One for each file: its event loop is in the way of other tests' that may follow in the same process.
    """
    if not Path(CHROMIUM).exists():
        if os.environ.get("CI"):
            pytest.fail(f"there is no Chromium at {CHROMIUM}: install the Debian package chromium")
        pytest.skip(f"there is no Chromium at {CHROMIUM}: install the Debian package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A small world, lived through by the real roles."""
    made = World(tmp_path_factory.mktemp("world")).build()
    yield made
    made.close()


@pytest.fixture(scope="module")
def site(world: World) -> Iterator[str]:
    """The web application over that world."""
    server = WebServer(world.services())
    yield server.start()
    server.stop()


@pytest.fixture
def opened(chromium: Browser, world: World, site: str) -> Iterator[Opener]:
    """Open a signed-in page: `opened(role=…, width=…, scheme=…)`."""
    contexts: list[BrowserContext] = []

    def open_(role: str = "quality", width: int = 1440, scheme: str = "light") -> Watched:
        context = chromium.new_context(viewport={"width": width, "height": 900 if width > 800 else 844})
        contexts.append(context)
        context.set_default_timeout(30_000 * PATIENCE)
        remember = f"try {{ localStorage.setItem('coldchain-scheme', '{scheme}') }} catch (error) {{}}"
        context.add_init_script(remember)
        context.add_init_script(
            "document.addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.violatedDirective))"
        )
        watched = Watched(context.new_page(), site)
        context.route("**/*", lambda route: police(route, watched))
        watched.page.on("console", lambda said: hear(said, watched))
        watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        watched.page.goto(site + world.sign_in_path(role))
        watched.page.wait_for_url(site + "/")
        return watched

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture
def judging(world: World) -> Iterator[None]:
    """The engine at work beside the web server, as its own role."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.2):
            world.judge()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()
