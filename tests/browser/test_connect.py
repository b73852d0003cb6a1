"""From an unknown JSON over MQTT to its first reading on a chart: on a real listener, without a restart."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import paho.mqtt.client as mqtt
import pytest
from browser_tools import Opener, Watched
from browser_world import WebServer, World
from intake import listening, logger_at, publish_all
from servers import wait_until

from coldchain.clock import SystemClock
from coldchain.domain.message import Envelope
from coldchain.registry import people
from coldchain.registry.device_profiles import SavedProfiles
from coldchain.wiring import RegisteredLoggers
from ingest.pipeline import Pipeline
from ingest.writer import Writer
from sensors.carriers.shipped import carriers
from sensors.device_profiles.library import Library

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOOKS = ((1440, "light"), (1440, "dark"), (390, "light"), (390, "dark"))


@dataclass
class House:
    """The world with a listener before it; intake and pages have a pipeline and a library of their own, as in roles."""

    world: World
    port: int
    pages: Pipeline

    def arrives(self, topic: str, *bodies: object) -> None:
        """Messages come in over a trusted road."""
        now_ms = SystemClock().now_ms()
        texts = [body if isinstance(body, bytes) else json.dumps(body).encode() for body in bodies]
        self.pages.submit([Envelope("mqtt", topic, text, now_ms + place) for place, text in enumerate(texts)])


def pipeline(world: World) -> tuple[Pipeline, Library]:
    library = Library(None, SavedProfiles(world.registry))
    return Pipeline(world.journal, SystemClock(), "main", carriers("main", library.now), library.now), library


@pytest.fixture(scope="module")
def site(world: World) -> Iterator[str]:
    with world.registry.write() as connection:
        world.people["admin"] = people.create(
            connection, email="nina@example.org", name="Nina Falk", role="admin", who="test",
            now_ms=SystemClock().now_ms(),
        )  # fmt: skip
    intake, _ = pipeline(world)
    writer = Writer(intake)
    writer.start()
    with listening(writer, credentials=RegisteredLoggers(world.registry, anonymous=False)) as listener:
        pages, library = pipeline(world)
        services = world.services()
        settings = replace(services.settings, mqtt=f"127.0.0.1:{listener.port}")
        server = WebServer(replace(services, settings=settings, pipeline=pages, library=library))
        world.house = House(world, listener.port, pages)  # type: ignore[attr-defined]
        yield server.start()
        server.stop()
    writer.stop()


@pytest.fixture
def house(world: World, site: str) -> House:
    made: House = world.house  # type: ignore[attr-defined]
    return made


def choose(watched: Watched, label: str, option: str) -> None:
    """Open a list of choices and take one."""
    watched.page.get_by_role("textbox", name=label, exact=True).click()
    watched.page.get_by_role("option", name=option, exact=True).click()


def take(watched: Watched, field: str, role: str, **more: str) -> None:
    """Click a field of the message and say what it is."""
    watched.page.locator(f'[data-set="field-path"][data-value={json.dumps(field)}]').click()
    watched.page.locator("#field-about strong", has_text=field).wait_for()
    choose(watched, "It is", role)
    for label, value in more.items():
        if label == "unit":
            choose(watched, "Unit", value)
        else:
            watched.page.get_by_role("textbox", name=label, exact=True).fill(value)
    watched.page.get_by_role("button", name="Take it for this").click()
    watched.page.locator("#field-said", has_text=f"{field} is taken for: {role}").wait_for()


@pytest.mark.usefixtures("judging")
def test_an_unknown_json_over_mqtt_is_on_a_chart_within_five_minutes(opened: Opener, house: House) -> None:
    begun = time.monotonic()
    watched = opened(role="admin")
    page = watched.page
    watched.open("/connect")

    page.get_by_label("Logger id").fill("barn-7")
    page.get_by_role("button", name="Make credentials").click()
    secret = page.locator("#mqtt-secret")
    secret.wait_for()
    with logger_at(house.port, "barn-7", mqtt.MQTTv5, secret.inner_text()) as client:
        bodies = [{"t": 4.2 + n / 10, "rh": 50 + n, "bat_mv": 3050, "ext": [327.67], "at": int(time.time()) - 60 * n}
                  for n in range(12)]  # fmt: skip
        publish_all(client, "cc/barn-7/up", [json.dumps(body).encode() for body in reversed(bodies)])

    row = page.locator("#connect-sources tr", has_text="cc/barn-7/up")
    row.wait_for()
    assert "not understood" in row.inner_text()
    row.get_by_role("button").click()
    page.locator("#connect-messages pre", has_text='"bat_mv": 3050').wait_for()
    page.get_by_role("link", name="Make a device profile from it").click()
    page.wait_for_selector('[data-set="field-path"]')

    page.locator('[data-set="field-path"][data-value="t"]').click()
    page.locator("#field-about", has_text="In 12 of 12 messages: 4.2 … 5.3.").wait_for()
    choose(watched, "It is", "temperature")
    page.get_by_role("button", name="Take it for this").click()
    page.locator("#field-said", has_text="Say in which unit the temperature is. It is never guessed.").wait_for()

    choose(watched, "Unit", "°C")
    page.get_by_role("button", name="Take it for this").click()
    page.locator("#field-said", has_text="t is taken for: temperature").wait_for()
    take(watched, "rh", "humidity", unit="%")
    take(watched, "bat_mv", "battery, V", unit="mV")
    take(watched, "ext[0]", "temperature", unit="°C", Channel="probe-1", **{"Highest": "50",
         "Lowest the sensor can say": "-40"})  # fmt: skip
    page.locator('[data-set="field-path"][data-value="at"]').click()
    page.locator("#field-about", has_text="at is 17").wait_for()
    choose(watched, "It is", "time of the measurement")
    choose(watched, "Written as", "seconds since 1970")
    page.get_by_role("button", name="Take it for this").click()

    result = page.locator("#bench-result")
    result.get_by_text("12 read, 0 values refused").wait_for()
    result.locator("tr", has_text="probe-1").get_by_text("probe open").first.wait_for()
    result.locator("tr", has_text="4.2 °C").first.wait_for()
    result.locator("tr", has_text="internal").filter(has_text="device").first.wait_for()

    page.get_by_label("Reason", exact=True).last.fill("a new model in the barn")
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator("#save-said", has_text="barn-7@1 is saved").wait_for()
    page.locator("#bench-after", has_text="12 kept messages of barn-7 would become 24 readings").wait_for()
    page.locator("#again-reason").fill("its device profile was missing")
    page.get_by_role("button", name="Decode again").click()
    page.locator("#again-said", has_text="12 messages became 24 readings").wait_for()

    page.locator("#after-subject").click()
    page.get_by_role("option", name="Cold room A").click()
    page.locator("#after-reason").fill("first weeks, certificate follows")
    page.locator("#after-send").click()
    page.locator("#after-said", has_text="barn-7 is assigned").wait_for()
    page.get_by_role("link", name="Open what it serves").click()
    page.wait_for_selector("#store-chart .xtitle")
    drawn = "document.querySelector('#store-chart .js-plotly-plot')?.data.find(t => t.name === 'barn-7/internal')"
    watched.until(f"({drawn})?.y.some(v => Math.abs(v - 4.2) < 1e-9)")
    assert time.monotonic() - begun < 300

    watched.open("/loggers/barn-7")
    page.wait_for_selector("#logger-chart .xtitle")
    assert "At most broker-durable" in page.inner_text("#content")
    page.get_by_role("link", name="Message").first.click()
    page.locator("#message-body h3", has_text="Interpretation 2, current, by barn-7@1").wait_for()
    watched.clean()


def test_what_is_sent_after_saving_is_read_at_once(opened: Opener, house: House) -> None:
    watched = opened(role="admin")
    page = watched.page
    topic = "silo/north/climate"
    house.arrives(topic, *({"id": "S-1", "air": {"temp": 40.1 + n}, "fw": "1.2"} for n in range(3)))
    watched.open("/connect")
    page.get_by_label("Search sources").fill("silo")
    row = page.locator("#connect-sources tr", has_text=topic)
    row.get_by_role("button").click()
    page.get_by_role("link", name="Make a device profile from it").click()
    page.wait_for_selector('[data-set="field-path"]')
    take(watched, "air.temp", "temperature", unit="°F")
    take(watched, "id", "who sent it (id)")
    page.locator("#bench-result tr", has_text="5.611 °C").first.wait_for()
    page.locator("#draft-topics").fill("silo/+/climate")
    page.locator("#save-reason").fill("silos")
    page.locator("#bench-result tr", has_text="5.611 °C").first.wait_for()
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator("#bench-after", has_text="3 kept messages of S-1 would become 3 readings").wait_for()
    house.arrives("silo/south/climate", {"id": "S-2", "air": {"temp": 39.2}, "fw": "1.2"})
    found = house.world.journal.logger("S-2")
    assert found is not None
    assert found.readings == 1
    watched.clean()


def place(watched: Watched, field: str, role: str, where: str, **more: str) -> None:
    """As `take`, for a field in a list, of which is said where it stands besides."""
    watched.page.locator(f'[data-set="field-path"][data-value={json.dumps(field)}]').click()
    watched.page.locator("#field-about strong", has_text=field).wait_for()
    choose(watched, "It is", role)
    for label, value in more.items():
        choose(watched, {"unit": "Unit", "written": "Written as"}[label], value)
    choose(watched, "It stands", where)
    watched.page.get_by_role("button", name="Take it for this").click()
    watched.page.locator("#field-said", has_text=f"{field} is taken for: {role}").wait_for()


def saved_and_charted(watched: Watched, house: House, logger: str, reason: str, readings: str) -> None:
    """Save the profile, decode what was kept, put the logger into a store, and see its chart."""
    page = watched.page
    page.locator("#save-reason").fill(reason)
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator("#bench-after", has_text=readings).wait_for()
    page.locator("#again-reason").fill("its device profile was missing")
    page.get_by_role("button", name="Decode again").click()
    page.locator("#again-said", has_text="became").wait_for()
    page.locator("#after-subject").click()
    page.get_by_role("option", name="Cold room A").click()
    page.locator("#after-reason").fill("certificate follows")
    page.locator("#after-send").click()
    page.locator("#after-said", has_text=f"{logger} is assigned").wait_for()
    page.get_by_role("link", name="Open what it serves").click()
    page.wait_for_selector("#store-chart .xtitle")
    plot = "document.querySelector('#store-chart .js-plotly-plot')"
    drawn = f"{plot}?.data.find(t => t.name === '{logger}/internal')"
    watched.until(f"({drawn})?.y.some(v => Math.abs(v - 4.5) < 1e-9)")


@pytest.mark.usefixtures("judging")
def test_a_list_of_samples_is_clicked_once_and_every_sample_is_on_the_chart(opened: Opener, house: House) -> None:
    now_s = int(time.time())
    for turn in range(2):
        samples = [{"ts": now_s - 3600 + 600 * turn + 60 * n, "t": 4.5 + n / 10, "rh": 50} for n in range(10)]
        house.arrives("yard/K-5/batch", {"bat": 88 - turn, "samples": samples})
    [unread] = [one for one in house.world.journal.unread() if one.source == "yard/K-5/batch"]
    watched = opened(role="admin")
    page = watched.page
    watched.open(f"/connect/profile?message={unread.newest}")
    page.wait_for_selector('[data-set="field-path"]')
    page.locator('[data-set="field-path"][data-value="samples[3].t"]').click()
    choose(watched, "It is", "temperature")
    choose(watched, "Unit", "°C")
    page.get_by_role("button", name="Take it for this").click()
    page.locator("#field-said", has_text="samples is a list: say where else this field stands").wait_for()
    every = "in every element of samples, each with its own time"
    place(watched, "samples[3].t", "temperature", every, unit="°C")
    page.locator("#bench-result", has_text="Each element of samples needs its own time").wait_for()
    place(watched, "samples[0].ts", "time of the measurement", every, written="seconds since 1970")
    place(watched, "samples[1].rh", "humidity", every, unit="%")
    take(watched, "bat", "battery, %", unit="%")
    choose(watched, "Who sent it", "topic level 2: K-5")
    result = page.locator("#bench-result")
    result.get_by_text("2 read, 0 values refused").wait_for()
    assert result.locator("tr", has_text="internal").count() >= 10
    assert page.locator('[data-value="samples[7].t"]').get_by_text("temperature of internal, in every element").count()
    assert watched.axe() == []
    saved_and_charted(watched, house, "K-5", "batches of the yard", "2 kept messages of K-5 would become")
    watched.clean()


@pytest.mark.usefixtures("judging")
def test_values_that_are_named_beside_them_are_found_by_their_name(opened: Opener, house: House) -> None:
    for turn in range(3):
        named = [{"name": "probe temp", "value": 4.5 + turn, "unit": "C"}, {"name": "rh", "value": 50, "unit": "%"}]
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 600 * (2 - turn)))
        house.arrives("pivot/K-6", {"when": at, "sn": "K-6", "data": named if turn % 2 else named[::-1]})
    [unread] = [one for one in house.world.journal.unread() if one.source == "pivot/K-6"]
    watched = opened(role="admin")
    page = watched.page
    watched.open(f"/connect/profile?message={unread.newest}")
    page.wait_for_selector('[data-set="field-path"]')
    place(watched, "data[1].value", "temperature", "where name is “probe temp”", unit="°C")
    place(watched, "data[0].value", "humidity", "where name is “rh”", unit="%")
    page.locator('[data-set="field-path"][data-value="when"]').click()
    choose(watched, "It is", "time of the measurement")
    choose(watched, "Written as", "text (ISO 8601)")
    page.get_by_role("button", name="Take it for this").click()
    page.locator("#field-said", has_text="when is taken for").wait_for()
    take(watched, "sn", "who sent it (id)")
    page.locator("#bench-result").get_by_text("3 read, 0 values refused").wait_for()
    saved_and_charted(watched, house, "K-6", "named values", "3 kept messages of K-6 would become 3 readings")
    watched.clean()


def test_hostile_names_and_a_flood_change_nothing(opened: Opener, house: House) -> None:
    watched = opened(role="admin")
    page = watched.page
    house.arrives("<img src=x onerror=alert(1)>/\u202e" + "x" * 400, b"\x00\xff\x10binary")
    for number in range(300):
        house.arrives(f"flood/{number}", {"n": number})
    watched.open("/connect")
    page.locator("#connect-sources", has_text="more sources: search to find one").wait_for()
    page.get_by_label("Search sources").fill("<img")
    row = page.locator("#connect-sources tr", has_text="<img src=x onerror=alert(1)>/\\u202e")
    row.get_by_role("button").click()
    page.locator("#connect-messages pre", has_text="00 ff 10").wait_for()
    page.get_by_role("link", name="Make a device profile from it").click()
    page.get_by_text("This message is no JSON").wait_for()
    watched.clean()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_workbench_and_its_pages_are_accessible_quiet_and_fit(
    opened: Opener, house: House, width: int, scheme: str
) -> None:
    house.arrives("axe/1", {"a": {"b c": [1, 2.5, None, True, "x"]}, "t": 4.1})
    [unread] = [one for one in house.world.journal.unread() if one.source == "axe/1"]
    message = house.world.history.latest()[house.world.plans[0].logger, "probe"].message
    watched = opened(role="admin", width=width, scheme=scheme)
    for path in ("/connect?logger=axe", f"/connect/profile?message={unread.newest}", f"/messages/{message}",
                 f"/messages/{unread.newest}", f"/loggers/{house.world.plans[0].logger}", "/messages/99999999",
                 "/connect/profile?message=99999999"):  # fmt: skip
        watched.open(path)
        if path.startswith("/connect?"):
            watched.page.locator("[data-set=connect-chosen]").first.click()
            watched.page.locator("#connect-messages pre").wait_for()
        if path.startswith(f"/connect/profile?message={unread.newest}"):
            watched.page.locator('[data-value="t"]').click()
            choose(watched, "It is", "temperature")
            watched.page.get_by_text("As text", exact=True).click()
        wide = watched.page.evaluate("document.documentElement.scrollWidth")
        assert (path, wide) == (path, width)
        assert (path, watched.axe()) == (path, [])
        watched.clean()


def test_who_may_not_connect_loggers_is_told_so(opened: Opener, house: House) -> None:
    house.arrives("forbidden/1", {"t": 4.1})
    [unread] = [one for one in house.world.journal.unread() if one.source == "forbidden/1"]
    auditor = opened(role="auditor")
    auditor.open("/connect")
    assert "needs the permission" in auditor.page.inner_text("#content")
    scoped = opened(role="viewer")
    scoped.open(f"/messages/{unread.newest}")
    assert "You may not see this" in scoped.page.inner_text("#content")
    operator = opened(role="operator")
    operator.open("/connect")
    assert "made by an administrator" in operator.page.inner_text("#content")
    assert operator.page.get_by_role("button", name="Make credentials").count() == 0
    operator.clean()


def test_certificates_intervals_and_assignments_are_recorded_on_the_loggers_page(
    opened: Opener,
    house: House,
) -> None:
    watched = opened(role="operator")
    page = watched.page
    watched.open("/loggers/TL-9901")
    page.get_by_text("Record a certificate").click()
    page.get_by_label("Certificate", exact=True).fill("CAL-77")
    page.get_by_label("Calibrated on").fill("2026-01-05")
    page.get_by_role("button", name="Record", exact=True).click()
    page.locator("#cert-said", has_text="Due on: choose a day").wait_for()
    page.get_by_label("Due on").fill("2027-01-05")
    page.get_by_role("button", name="Record", exact=True).click()
    page.locator("table", has_text="CAL-77").wait_for()
    page.get_by_text("Declare how often it reports").click()
    page.get_by_label("Seconds between reports").fill("900")
    page.get_by_role("button", name="Declare", exact=True).click()
    page.locator(".figure", has_text="Interval").get_by_text("15 min").wait_for()
    choose(watched, "Shipment or store", "Cold room A")
    page.get_by_role("button", name="Assign", exact=True).click()
    page.locator("table", has_text="Cold room A").wait_for()
    wait_until(lambda: page.get_by_text("seen, not assigned").count() == 0, what="the assignment")
    watched.clean()


def test_an_untested_profile_counts_only_after_a_person_has_looked_at_what_it_reads(
    opened: Opener, house: House
) -> None:
    def uplink(count: int) -> dict[str, object]:
        fields = {"temperature": 4.5 + count, "humidity": 51}
        about = {"devEui": "24e124136b001234", "deviceProfileName": "WTS305", "deviceName": "yard 7"}
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
        return {"deduplicationId": f"d-{count}", "time": stamp, "deviceInfo": about, "fCnt": count, "fPort": 1,
                "object": fields}  # fmt: skip

    topic, logger = "application/1/device/24e124136b001234/event/up", "24E124136B001234"
    house.arrives(topic, uplink(1), uplink(2))
    watched = opened(role="admin")
    page = watched.page
    watched.open(f"/loggers/{logger}")
    call = page.locator(".call")
    call.get_by_text("is untested: nothing counts until a person has looked at it").wait_for()
    call.locator("tr", has_text="6.5 °C").wait_for()
    call.get_by_role("link", name="Confirm it").click()
    page.wait_for_selector('[data-set="field-path"]')
    page.locator("#bench-result tr", has_text="6.5 °C").first.wait_for()
    page.locator("#start-reason").fill("the model on its label")
    page.get_by_role("button", name="Use it as it is").click()
    page.locator("#start-said", has_text=f"is confirmed for {logger}").wait_for()
    page.locator("#bench-after", has_text="2 kept messages").wait_for()
    house.arrives(topic, uplink(3))
    found = house.world.journal.logger(logger)
    assert found is not None
    assert found.readings == 1
    watched.clean()


def test_a_logger_with_signs_in_its_name_has_a_page(opened: Opener, house: House) -> None:
    name = 'Jane\'s 100% "fridge"?'
    reading = {"values": {"temperature_c": 4.5}}
    house.arrives(f"cc/{name}/up", {"v": 1, "device": name, "readings": [reading]})
    watched = opened(role="operator")
    watched.open("/loggers")
    watched.page.get_by_label("Logger or what it serves").fill("Jane")
    watched.page.get_by_role("link", name=name).click()
    watched.page.get_by_role("heading", name=name).wait_for()
    watched.page.get_by_role("link", name="Message").first.click()
    watched.page.get_by_role("link", name=name).click()
    watched.page.get_by_role("heading", name=name).wait_for()
    watched.clean()
