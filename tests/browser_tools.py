"""What the browser tests share: a page with what went wrong on it, and the police that notes it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, Page, Route
from servers import wait_until

AXE = (Path(__file__).parent / "browser" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# Chromium without a graphics card, and without anything that asks outside.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)  # fmt: skip


@dataclass
class Watched:
    """A page with what went wrong on it."""

    page: Page
    site: str
    outside: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go to a page and wait until its content has replaced the grey blocks."""
        self.page.goto(self.site + path)
        self.page.wait_for_selector("#content h1, #content .state")
        self.until("document.querySelectorAll('#content .skeleton').length === 0")

    def until(self, expression: str, arg: object = None, timeout_s: float = 30.0) -> None:
        """Ask the page until an expression is true; Playwright's own waiting needs `eval`, which our policy forbids."""
        wait_until(lambda: bool(self.page.evaluate(expression, arg)), timeout_s, expression[:80])

    def axe(self) -> list[str]:
        """Violations of the accessibility rules, one line each."""
        # Over the debugging protocol: the page's own policy allows no script of ours.
        session = self.page.context.new_cdp_session(self.page)
        run = f"{AXE};axe.run(document,{{runOnly:{json.dumps(RULES)}}}).then(r=>JSON.stringify(r.violations))"
        reply = session.send("Runtime.evaluate", {"expression": run, "awaitPromise": True, "returnByValue": True})
        found = json.loads(reply["result"]["value"])
        return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]

    def clean(self) -> None:
        """Fail on anything that the police saw."""
        if self.outside or self.complaints:
            pytest.fail(f"{self.page.url}: asked outside {self.outside}, said {self.complaints}")


Opener = Callable[..., Watched]


def police(route: Route, watched: Watched) -> None:
    if route.request.url.startswith((watched.site, "data:", "blob:")):
        try:
            route.continue_()
        except Error:  # the page went on before its request was answered
            return
    else:
        watched.outside.append(route.request.url)
        route.abort()


def hear(said: Any, watched: Watched) -> None:
    if said.type == "error":
        watched.complaints.append(said.text)
