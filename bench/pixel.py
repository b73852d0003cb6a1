"""Event to pixel: from the commit of an alarm's change to the painted frame that shows it, in a signed-in browser.

Chromium without a graphics card, the real web server with Server-Sent Events, and a world of eight shipments. The
clock starts when the registry's transaction is committed, and ends with the frame in which the inbox says it.
"""

import os
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.processes import scratch, until
from bench.table import Anchor, absent

CHROMIUM = os.environ.get("COLDCHAIN_TEST_CHROMIUM", "/usr/bin/chromium")
TITLE, HOLD = "commit of an alarm to the painted frame", "<= 50"


def measure(scale: float) -> list[Anchor]:
    if not Path(CHROMIUM).exists():
        why = f"there is no Chromium at {CHROMIUM}: install the Debian package chromium, or set COLDCHAIN_TEST_CHROMIUM"
        return [absent(TITLE, why, HOLD)]
    from browser_world import WebServer, World

    with scratch() as folder:
        world = World(folder).build()
        web = WebServer(world.services())
        try:
            took = sorted(_watched(world, web.start(), max(5, round(25 * scale))))
        finally:
            web.stop()
            world.close()
    note = f"median of {len(took)}, {took[0]:.0f} to {took[-1]:.0f} ms, software rendering"
    return [Anchor(TITLE, f"{median(took):.0f} ms", "", median(took), HOLD, note)]


def _watched(world: Any, site: str, rounds: int) -> list[float]:
    """Milliseconds from commit to frame, so many times, in the control tower of an operator."""
    from browser_tools import FLAGS
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(site + world.sign_in_path("operator"))
        page.wait_for_url(f"{site}/")
        page.wait_for_selector(".inbox-row[data-alarm]")
        _until(page, "document.getElementById('live-badge')?.dataset.state === 'live'")
        took = [_once(page, world, turn) for turn in range(rounds + 2)]
        browser.close()
    return took[2:]  # the first ones pay for what every page pays for once


def _once(page: Any, world: Any, turn: int) -> float:
    from browser_frames import NOTE_FRAMES, note_severity

    if turn == 0:
        page.evaluate(NOTE_FRAMES)
    seen = page.evaluate("window.frames_.length")
    plan = next(one for one in world.plans if one.story == "open")
    with world.registry.write() as connection:
        note_severity(connection, plan.id, flip=turn % 2 == 0)
    committed_ms = time.time() * 1000
    _until(page, f"window.frames_.length > {seen}")
    return float(page.evaluate(f"window.frames_[{seen}]")) - committed_ms


def _until(page: Any, expression: str) -> None:
    # Playwright's own waiting needs `eval`, which our policy forbids.
    until(lambda: page.evaluate(expression), expression, 10, 0.02)
