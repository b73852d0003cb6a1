"""A small believable world for browser tests: loggers report for a day and a half through the real roles."""

import json
import math
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import uvicorn

from alerts.channels.port import Channel
from alerts.channels.sms import SmsChannel, SmsSettings
from alerts.channels.smtp import SmtpChannel, parse_smtp_url
from alerts.dispatcher import Dispatcher
from alerts.inbox import Inbox
from alerts.outbox import Site
from alerts.planner import AlertPlanner
from alerts.sinks import SmsSink, SmtpSink
from coldchain.clock import HandClock, SystemClock
from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.message import Envelope
from coldchain.domain.quantity import iso
from coldchain.journal.sqlite import SqliteJournal
from coldchain.registry import bindings, facts, loggers, people, sessions, shipments, stores
from coldchain.registry.bindings import NewBinding
from coldchain.registry.loggers import NewCalibration
from coldchain.registry.migrations import migrate
from coldchain.registry.profiles import seed_profiles
from coldchain.registry.shipments import NewMilestone, NewShipment
from coldchain.registry.store import Registry, holder_name, sqlite_url
from coldchain.registry.viewer import SYSTEM
from coldchain.telemetry.embedded import EmbeddedTelemetry
from compliance.loop import EngineLoop
from compliance.shipped import shipped_bodies
from dashboard.app import build_app
from dashboard.dash_app import build_dash
from dashboard.services import Services, WebSettings
from ingest.pipeline import Pipeline

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
CITIES = {
    "MUC": ("Munich", 48.35, 11.79), "LIS": ("Lisbon", 38.77, -9.13), "FRA": ("Frankfurt", 50.03, 8.56),
    "CPH": ("Copenhagen", 55.62, 12.65), "VIE": ("Vienna", 48.11, 16.57), "BRU": ("Brussels", 50.90, 4.48),
    "IST": ("Istanbul", 41.26, 28.74), "DUB": ("Dublin", 53.43, -6.24),
}  # fmt: skip


@dataclass
class Plan:
    """One shipment: its lane, its goods, and what goes wrong with it."""

    reference: str
    origin: str
    destination: str
    profile: str
    customer: str
    hours: int
    story: str = "calm"  # calm | open | past | risk | silent | arrived
    id: str = ""
    logger: str = ""
    seq: int = 0


PLANS = (
    Plan("CC-24101", "MUC", "LIS", "refrigerated-2-8", "Aurelia Pharma", 20, "open"),
    Plan("CC-24102", "CPH", "VIE", "refrigerated-2-8-freeze-sensitive", "Nordvax", 30, "past"),
    Plan("CC-24103", "FRA", "IST", "crt-20-25", "Helix Biologics", 26, "calm"),
    Plan("CC-24104", "BRU", "DUB", "refrigerated-2-8", "Nordvax", 14, "risk"),
    Plan("CC-24105", "FRA", "LIS", "refrigerated-2-8", "Aurelia Pharma", 12, "silent"),
    Plan("CC-24106", "MUC", "IST", "frozen-25-15", "Helix Biologics", 22, "calm"),
    Plan("CC-24107", "CPH", "LIS", "refrigerated-2-8", "Nordvax", 36, "arrived"),
    Plan("CC-24108", "BRU", "VIE", "eu-15-25", "Aurelia Pharma", 18, "calm"),
)
_MIDDLE = {"refrigerated-2-8": 5.0, "refrigerated-2-8-freeze-sensitive": 5.2, "crt-20-25": 22.4,
           "frozen-25-15": -19.5, "eu-15-25": 20.2}  # fmt: skip
_HIGH = {"refrigerated-2-8": 8, "refrigerated-2-8-freeze-sensitive": 8, "crt-20-25": 25, "frozen-25-15": -15,
         "eu-15-25": 25}  # fmt: skip


@dataclass
class World:
    """Every role of the product in this process, and the web server on a free port."""

    folder: Path
    plans: list[Plan] = field(default_factory=list)
    people: dict[str, str] = field(default_factory=dict)
    store: str = ""

    def __post_init__(self) -> None:
        self.now_ms = SystemClock().now_ms()
        self.clock = HandClock(self.now_ms - 40 * HOUR)
        self.registry = Registry(sqlite_url(self.folder / "registry.db"))
        migrate(self.registry)
        self.journal = SqliteJournal(self.folder / "journal.db")
        self.history = EmbeddedTelemetry(self.journal)
        self.pipeline = Pipeline(self.journal, self.clock)
        self.inbox = Inbox(self.folder / "inbox.db")
        self.smtp, self.sms = SmtpSink(self.inbox, SystemClock()), SmsSink(self.inbox, SystemClock())

    def build(self) -> "World":
        """People, shipments and their readings, judged as they came."""
        self._people()
        self.smtp.start()
        self.sms.start()
        self.plans = [replace(plan) for plan in PLANS]
        for number, plan in enumerate(self.plans):
            self._plan(number, plan)
        self._live_through()
        self._store()
        self.send("TL-9901", [self.now_ms - 20 * MINUTE], [6.1], seq=0)
        self.judge()
        self.deliver()
        return self

    def _people(self) -> None:
        now_ms = self.clock.now_ms()
        with self.registry.write() as connection:
            seed_profiles(connection, shipped_bodies(), now_ms)
            for name, role, scope, on_call in (
                ("Mara Olsen", "quality", None, True), ("Jon Reed", "operator", None, True),
                ("Vera Lind", "viewer", "Nordvax", False), ("Ada Roy", "auditor", None, False),
            ):  # fmt: skip
                self.people[role] = people.create(
                    connection, email=f"{name.split()[0].lower()}@example.org", name=name, role=role, who="test",
                    now_ms=now_ms, phone="+4915100000001", zone="Europe/Berlin", on_call=on_call, scope_customer=scope,
                    expires_ms=self.now_ms + 7 * DAY if role == "auditor" else None,
                )  # fmt: skip

    def _plan(self, number: int, plan: Plan) -> None:
        departed = self.now_ms - plan.hours * HOUR
        (from_name, *start), (to_name, *end) = CITIES[plan.origin], CITIES[plan.destination]
        places = [
            {"name": name, "latitude": at[0], "longitude": at[1], "zone": "UTC"}
            for name, at in ((from_name, start), (to_name, end))
        ]
        plan.logger = f"TL-{4400 + number}"
        with self.registry.write() as connection:
            new = NewShipment(
                plan.reference, plan.profile, customer=plan.customer, consignor=f"{from_name} DC",
                consignee=f"{to_name} Hospital Supply", carrier=("Arctos Freight", "Blue Lane")[number % 2],
                origin=places[0], destination=places[1], lane=f"{plan.origin} → {plan.destination}",
                batches=[(f"B70{number:02d}", "04012345678901")], planned_departure_ms=departed,
                planned_arrival_ms=self.now_ms + 10 * HOUR,
            )  # fmt: skip
            plan.id = shipments.create(connection, new, by=SYSTEM, now_ms=departed - 5 * HOUR)
            loggers.register(connection, plan.logger, who="test", now_ms=departed - 5 * HOUR, model="Tempo S2",
                             interval_ms=10 * MINUTE)  # fmt: skip
            certificate = NewCalibration(f"DAkkS-90{number:02d}", departed - 200 * DAY, departed + 165 * DAY, "Kalibra")
            loggers.calibrate(connection, plan.logger, certificate, who="test", now_ms=departed - 5 * HOUR)
            bindings.bind(connection, shipments.subject(plan.id), NewBinding(plan.logger, departed), who="test",
                          now_ms=departed - 4 * HOUR)  # fmt: skip
            shipments.change(connection, plan.id, {"state": "in_transit", "departed_ms": departed}, version=1,
                             by=SYSTEM, now_ms=departed)  # fmt: skip
            handed = NewMilestone("handover", f"{from_name} cargo terminal", mode="air", custodian="Blue Lane",
                                  happened_ms=departed + 2 * HOUR)  # fmt: skip
            shipments.add_milestone(connection, plan.id, handed, by=SYSTEM, now_ms=departed + 2 * HOUR)

    def _store(self) -> None:
        """A cold room whose door stood open for an hour."""
        begun = self.now_ms - 30 * HOUR
        with self.registry.write() as connection:
            self.store = stores.create(
                connection, name="Cold room A", kind="cold_room", zone="Europe/Berlin", site="Munich DC",
                latitude=48.14, longitude=11.58, who="test", now_ms=begun,
            )  # fmt: skip
            subject = Subject(SubjectKind.STORE, self.store)
            facts.assign_profile(connection, subject, "refrigerated-2-8", 1, who="test", now_ms=begun)
            loggers.register(connection, "TL-7001", who="test", now_ms=begun, interval_ms=10 * MINUTE)
            bindings.bind(
                connection, subject, NewBinding("TL-7001", begun, reason="fixed probe"), who="test", now_ms=begun
            )
        times = list(range(begun, self.now_ms, 10 * MINUTE))
        values = [9.4 if 4 * HOUR < self.now_ms - at < 5 * HOUR else 5.0 for at in times]
        self.send("TL-7001", times, values, seq=0)

    def _live_through(self) -> None:
        """The past in steps of half an hour, each judged by the clock of its moment."""
        self.engine = EngineLoop(self.registry, self.journal, self.history, AlertPlanner(), self.clock)
        at = self.now_ms - max(plan.hours for plan in self.plans) * HOUR
        while at <= self.now_ms:
            self.clock.set(at)
            for plan in self.plans:
                self._report(plan, at - 30 * MINUTE, at)
            while self.engine.step():
                pass
            at += 30 * MINUTE
        with self.registry.write() as connection:
            done = next(plan for plan in self.plans if plan.story == "arrived")
            change = {"state": "arrived", "arrived_ms": self.now_ms - HOUR}
            shipments.change(connection, done.id, change, version=2, by=SYSTEM, now_ms=self.now_ms)

    def _report(self, plan: Plan, start: int, end: int) -> None:
        departed = self.now_ms - plan.hours * HOUR
        if plan.story == "silent":
            end = min(end, self.now_ms - 3 * HOUR)
        times = [at for at in range(departed, end + 1, 10 * MINUTE) if start < at <= end]
        if plan.story == "past":
            times = [at for at in times if not 20 * HOUR < self.now_ms - at < 21 * HOUR]
        values = [value_at(plan, at, self.now_ms) for at in times]
        if times:
            places = [place_at(plan, at, self.now_ms) for at in times]
            plan.seq = self.send(plan.logger, times, values, seq=plan.seq, places=places)

    def send(
        self, logger: str, times: list[int], values: list[float], *, seq: int,
        places: list[tuple[float, float]] | None = None,
    ) -> int:  # fmt: skip
        """A message per reading through the pipeline, in one commit; the next message's number."""
        messages: list[dict[str, Any]] = []
        for place, (at, value) in enumerate(zip(times, values, strict=True)):
            reading = {"channel": "probe", "ts": iso(at), "values": {"temperature_c": value, "humidity_pct": 45.5}}
            message = {"v": 1, "device": logger, "boot": 1, "seq": seq + place, "readings": [reading]}
            message["battery"] = {"pct": 87}
            if places is not None:
                lat, lon = places[place]
                message["position"] = {"lat": lat, "lon": lon, "ts": iso(at), "source": "gnss"}
            messages.append(message)
        payload = json.dumps(messages).encode()
        self.pipeline.submit([Envelope("mqtt", f"cc/{logger}/up", payload, max(times) + 3000, qos=1)])
        return seq + len(messages)

    def judge(self) -> None:
        """Let the engine do what there is to do now; the one that lived through the past, which holds the lease."""
        self.clock.set(SystemClock().now_ms())
        while self.engine.step():
            pass

    def deliver(self) -> None:
        """Send every due message to the sinks, and return when they have it."""
        sms = SmsSettings(self.sms.url, self.sms.account, self.sms.token, "+4915100000000")
        channels: dict[str, Channel] = {
            "email": SmtpChannel(parse_smtp_url(self.smtp.url), "alerts@example.org"),
            "sms": SmsChannel(sms),
        }
        site = Site("http://127.0.0.1:8050", "example.org", b"k" * 32)
        Dispatcher(self.registry, channels, SystemClock(), holder_name(), site=site).drain()

    def services(self) -> Services:
        """What the web process is given."""
        return Services(
            registry=self.registry, journal=self.journal, history=self.history, telemetry=self.history,
            pipeline=Pipeline(self.journal, SystemClock()), clock=SystemClock(), bell=self.journal.bell,
            inbox=self.inbox,
            settings=WebSettings(site_name="Aurelia Logistics", zone="Europe/Berlin", ack_key=b"k" * 32,
                                 inbox_url="/inbox"),
        )  # fmt: skip

    def sign_in_path(self, role: str) -> str:
        """Where a browser signs in as the person with this role."""
        now_ms = SystemClock().now_ms()
        with self.registry.write() as connection:
            return f"/sign-in/link/{sessions.make_link(connection, self.people[role], who='test', now_ms=now_ms)}"

    def close(self) -> None:
        """Stop the sinks and close the stores."""
        self.smtp.stop()
        self.sms.stop()
        self.journal.close()
        self.registry.close()


def value_at(plan: Plan, at: int, now_ms: int) -> float:
    """The goods' temperature: a slow swing, and the plan's story."""
    back = (now_ms - at) / HOUR
    middle, high = _MIDDLE[plan.profile], _HIGH[plan.profile]
    value = middle + 0.8 * math.sin(at / (4 * HOUR)) + 0.08 * math.sin(at / 7919)
    if plan.story == "open" and back < 2:
        value = high + (2 - back) * 2.1 - 0.6
    if plan.story in ("past", "arrived") and 6 < back < 7.2:
        value = high + 3.4 * math.sin((back - 6) / 1.2 * math.pi)
    if plan.story == "risk" and back < 1.2:
        value = high - 0.35 + (1.2 - back) * 0.2
    return round(value, 2)


def place_at(plan: Plan, at: int, now_ms: int) -> tuple[float, float]:
    """Where the goods are: on a bowed line, most of the way gone by now."""
    part = min(0.85 * (1 - (now_ms - at) / (plan.hours * HOUR)), 1)
    (_, lat0, lon0), (_, lat1, lon1) = CITIES[plan.origin], CITIES[plan.destination]
    return (round(lat0 + (lat1 - lat0) * part + math.sin(math.pi * part), 5), round(lon0 + (lon1 - lon0) * part, 5))


class WebServer:
    """The built application behind uvicorn on a free port, in a thread of its own."""

    def __init__(self, services: Services) -> None:
        config = uvicorn.Config(
            build_app(services, build_dash(services)), host="127.0.0.1", port=0, log_level="warning",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def start(self) -> str:
        """Serve; the address."""
        from servers import wait_until

        self.thread.start()
        wait_until(lambda: self.server.started, what="the web server")
        port = self.server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        """Stop serving."""
        self.server.should_exit = True
        self.thread.join(timeout=10)
