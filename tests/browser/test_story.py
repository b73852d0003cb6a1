"""What a newcomer does: sees an excursion appear, takes it in hand, and takes the readings away."""

import hashlib
import statistics
import time
from pathlib import Path

import pytest
from browser_frames import NOTE_FRAMES, note_severity
from browser_tools import Opener
from browser_world import MINUTE, World

from coldchain.registry import alarms
from coldchain.registry.alarms import AlarmFilter
from coldchain.registry.viewer import SYSTEM

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.usefixtures("judging")
def test_an_excursion_appears_without_reload_is_acknowledged_and_exported(
    opened: Opener, world: World, tmp_path: Path
) -> None:
    watched = opened(role="operator")
    page, quiet = watched.page, next(plan for plan in world.plans if plan.story == "silent")
    watched.open("/")
    page.wait_for_selector(".inbox-row[data-alarm]")
    page.evaluate("window.stayed = true")
    row = page.locator(".inbox-row", has_text=quiet.reference).filter(has_text="above 8 °C")
    assert row.count() == 0

    now_ms = int(time.time() * 1000)
    times = list(range(now_ms - 100 * MINUTE, now_ms, 10 * MINUTE))
    world.send(quiet.logger, times, [12.4] * len(times), seq=5000)

    row.first.wait_for(timeout=30_000)
    assert page.evaluate("window.stayed") is True
    assert "peak 12.4 °C" in row.first.inner_text()

    row.first.get_by_role("button", name="Acknowledge").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Comment").fill("Driver called, doors closed")
    dialog.get_by_role("button", name="Acknowledge", exact=True).click()
    row.locator(".acked", has_text="Jon Reed").first.wait_for()
    with world.registry.read() as connection:
        found = alarms.alarms(connection, SYSTEM, AlarmFilter(subject_id=quiet.id, cause="high")).items
    [one] = found
    assert one["acknowledged_by"] == "Jon Reed"
    assert one["comment"] == "Driver called, doors closed"

    watched.open("/exports")
    page.get_by_role("textbox", name="Shipment").click()
    page.get_by_role("option", name=quiet.reference).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Make and download").click()
    file = tmp_path / "readings.csv"
    waiting.value.save_as(file)
    *lines, last = file.read_bytes().split(b"\r\n")[:-1]
    body = b"".join(line + b"\r\n" for line in lines)
    digest = hashlib.sha256(body).hexdigest()
    assert last == f"# rows={len(lines) - 1} sha256={digest}".encode()
    page.locator("#export-list", has_text=digest).wait_for(timeout=20_000)
    watched.clean()


def test_a_new_alarm_is_painted_within_a_tenth_of_a_second_of_its_arrival_without_a_graphics_card(
    opened: Opener, world: World
) -> None:
    watched = opened()
    watched.open("/")
    watched.page.wait_for_selector(".inbox-row[data-alarm]")
    took = watched.page.evaluate(ARRIVAL_TO_PIXEL)
    assert statistics.median(took) <= 100


# From the arrival of a new alarm in the page to the painted frame that shows it; milliseconds, 15 times.
ARRIVAL_TO_PIXEL = """async () => {
  const took = [];
  const base = window.coldchainLive.state;
  for (let round = 0; round < 15; round++) {
    const state = structuredClone(base);
    for (let extra = 0; extra <= round; extra++)
      state.alarms.push({ ...base.alarms[0], id: 'x' + extra, acknowledged: undefined });
    const wanted = state.alarms.filter((one) => !one.acknowledged).length + ' to acknowledge';
    const begun = performance.now();
    window.coldchainLive.publish(state);
    await new Promise((done) => {
      const look = () => document.getElementById('inbox-count').textContent === wanted
        ? requestAnimationFrame(() => done()) : requestAnimationFrame(look);
      look();
    });
    took.push(performance.now() - begun);
    await new Promise((done) => setTimeout(done, 400));
  }
  return took;
}"""


def test_what_the_server_commits_is_painted_within_half_a_second(opened: Opener, world: World) -> None:
    watched = opened(role="operator")
    watched.open("/")
    watched.page.wait_for_selector(".inbox-row[data-alarm]")
    watched.until("document.getElementById('live-badge')?.dataset.state === 'live'")
    watched.page.evaluate(NOTE_FRAMES)
    plan, took = next(one for one in world.plans if one.story == "open"), []
    for _ in range(9):
        seen = watched.page.evaluate("window.frames_.length")
        with world.registry.write() as connection:
            note_severity(connection, plan.id, flip=len(took) % 2 == 0)
        committed = time.time() * 1000
        watched.until("seen => window.frames_.length > seen", seen)
        took.append(watched.page.evaluate("seen => window.frames_[seen]", seen) - committed)
    assert statistics.median(took) <= 500


def test_keys_lead_through_the_inbox_to_the_dialog(opened: Opener) -> None:
    watched = opened()
    watched.open("/")
    watched.page.wait_for_selector("[data-ack]")
    watched.page.keyboard.press("j")
    watched.page.keyboard.press("a")
    watched.page.get_by_role("dialog").get_by_label("Comment").wait_for()
    watched.page.keyboard.press("Escape")
    watched.page.get_by_role("dialog").wait_for(state="hidden")
    watched.page.keyboard.press("g")
    watched.page.keyboard.press("s")
    watched.page.wait_for_url("**/shipments")


def test_a_long_chart_is_drawn_again_when_it_is_zoomed(opened: Opener, world: World) -> None:
    watched = opened()
    watched.open(f"/shipments/{world.plans[0].id}")
    note = watched.page.locator("#series-note")
    note.wait_for()
    before = note.inner_text()
    watched.page.wait_for_selector("#series-chart .xtitle")
    watched.until(ZOOM, before)
    watched.clean()


# Zoom to the second half, again each second until the page has answered: it may not listen yet when the chart is there.
ZOOM = """before => {
  if (document.getElementById('series-note').textContent !== before) return true;
  if (Date.now() - (window.zoomed_ || 0) < 1000) return false;
  window.zoomed_ = Date.now();
  const plot = document.querySelector('#series-chart .js-plotly-plot');
  const time = (at) => new Date(`${at}`.replace(' ', 'T').replace(/Z?$/, 'Z')).getTime();
  const [from, to] = plot._fullLayout.xaxis.range.map(time);
  Plotly.relayout(plot, { 'xaxis.range[0]': new Date((from + to) / 2).toISOString(),
                          'xaxis.range[1]': new Date(to).toISOString() });
  return false;
}"""


def test_nobody_can_send_a_chart_to_anybody(opened: Opener, world: World) -> None:
    watched = opened()
    watched.open(f"/shipments/{world.plans[0].id}")
    watched.page.wait_for_selector("#series-chart .modebar")
    assert watched.page.locator(".modebar-btn[data-title*='hare'], .modebar-btn[data-title*='loud']").count() == 0


def test_signing_out_ends_the_session(opened: Opener) -> None:
    watched = opened()
    watched.open("/")
    watched.page.get_by_role("button", name="Sign out").click()
    watched.page.wait_for_url("**/sign-in")
    watched.page.goto(watched.site + "/shipments")
    assert "/sign-in" in watched.page.url
