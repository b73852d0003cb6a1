"""The cast of the web tests: one installation, somebody of every role, two customers, and clients for them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
from fastapi import FastAPI

from coldchain.clock import HandClock
from coldchain.domain.finding import Condition, Severity
from coldchain.journal.sqlite import SqliteJournal
from coldchain.registry import api_keys, bindings, people, profiles, sessions, shipment_figures, shipments
from coldchain.registry.migrations import migrate
from coldchain.registry.schema import alarm, excursion, subject_state
from coldchain.registry.store import Registry, bump_revision, new_id, sqlite_url
from coldchain.registry.viewer import PERMISSIONS, SYSTEM
from coldchain.telemetry.embedded import EmbeddedTelemetry
from compliance.shipped import shipped_bodies
from dashboard import security
from dashboard.app import build_app
from dashboard.gate import session_limits
from dashboard.services import Services, WebSettings
from ingest.pipeline import Pipeline

NOON = 1_795_348_800_000  # 2026-11-22T12:00:00Z
MINUTE, HOUR = 60_000, 3_600_000
HOST = "http://127.0.0.1:8050"
PASSWORD = "a long walk in the cold"
ROLES = tuple(PERMISSIONS)
NORTH, SOUTH = "Northwind Pharma", "Southwind Pharma"

Reading = Callable[[HandClock], Pipeline]


class Web:
    """An installation in a folder: services, the application, and keys per role."""

    def __init__(
        self, folder: Path, settings: WebSettings | None = None, dash: Any = None, reading: Reading | None = None
    ) -> None:
        self.clock = HandClock(NOON)
        self.registry = Registry(sqlite_url(folder / "registry.db"))
        migrate(self.registry)
        self.journal = SqliteJournal(folder / "journal.db")
        history = EmbeddedTelemetry(self.journal)
        pipeline = Pipeline(self.journal, self.clock) if reading is None else reading(self.clock)
        chosen = settings or WebSettings(ack_key=b"k" * 32, sms_callback_token="secret")
        self.services = Services(self.registry, self.journal, history, history, pipeline, self.clock, chosen)
        self.app: FastAPI = build_app(self.services, dash)
        with self.registry.write() as connection:
            profiles.seed_profiles(connection, shipped_bodies(), NOON)
        self.keys = {role: self.key(role) for role in ROLES}

    def key(self, role: str, **scope: str) -> str:
        """A fresh API key."""
        with self.registry.write() as connection:
            return api_keys.create(connection, name=role, role=role, who="test", now_ms=NOON, **scope)[1]

    def person(self, role: str, *, email: str | None = None, hashed: str | None = None, **more: Any) -> str:
        """Somebody of this role."""
        if role == "auditor":
            more.setdefault("expires_ms", NOON + 24 * HOUR)
        with self.registry.write() as connection:
            return people.create(
                connection, email=email or f"{role}@example.org", name=role.title(), role=role, who="test",
                now_ms=NOON, password_hash=hashed, **more,
            )  # fmt: skip

    def cookie(self, person: str) -> str:
        """A fresh session of this person: the cookie's value."""
        with self.registry.write() as connection:
            return sessions.begin(
                connection, person, now_ms=self.clock.now_ms(), limits=session_limits(self.services), address=None,
                agent=None, via="test",
            )  # fmt: skip

    def csrf(self, cookie: str) -> str:
        """The token that belongs to a session."""
        with self.registry.read() as connection:
            live = sessions.look_up(
                connection, cookie, now_ms=self.clock.now_ms(), limits=session_limits(self.services)
            )
        assert live is not None
        return live.csrf

    def client(self, **headers: str) -> "Client":
        """A program without credentials."""
        return Client(self.app, headers)

    def as_role(self, role: str) -> "Client":
        """A program with the key of this role."""
        return self.client(Authorization=f"Bearer {self.keys[role]}")

    def signed_in(self, person: str) -> "Client":
        """A browser with a session, as our own pages send requests."""
        cookie = self.cookie(person)
        name = security.session_cookie(self.services.settings)
        own = {"Cookie": f"{name}={cookie}", "Origin": HOST, "Sec-Fetch-Site": "same-origin"}
        return Client(self.app, {**own, security.CSRF_HEADER: self.csrf(cookie)})

    def shipment(self, reference: str, customer: str = NORTH, **more: Any) -> str:
        """A planned shipment."""
        new = shipments.NewShipment(reference, "refrigerated-2-8", customer=customer, **more)
        with self.registry.write() as connection:
            return shipments.create(connection, new, by=SYSTEM, now_ms=self.clock.now_ms())

    def depart(self, shipment: str) -> None:
        """The shipment is under way."""
        with self.registry.write() as connection:
            shipments.change(
                connection, shipment, {"state": "in_transit"}, version=1, by=SYSTEM, now_ms=self.clock.now_ms()
            )

    def bind(
        self, shipment: str, logger: str, from_ms: int = NOON - HOUR, to_ms: int | None = None, **more: Any
    ) -> None:
        """The logger serves the shipment."""
        new = bindings.NewBinding(logger, from_ms, to_ms, reason="not calibrated yet", **more)
        with self.registry.write() as connection:
            bindings.bind(connection, shipments.subject(shipment), new, who="test", now_ms=NOON)

    def send(self, logger: str, *samples: tuple[int, float], channel: str = "internal", seq: int = 0) -> None:
        """The logger's message with (event time in ms, °C) samples."""
        from coldchain.domain.quantity import iso

        readings = [{"ts": iso(at), "channel": channel, "values": {"temperature_c": value}} for at, value in samples]
        body = {"v": 1, "device": logger, "boot": 1, "seq": seq, "readings": readings}
        reply = self.as_role("device").post("/api/v1/ingest/native", json=body)
        assert reply.status_code == 202, reply.text

    def judged(self, shipment: str, **state: Any) -> None:
        """What the engine would have said of a shipment."""
        values = {
            "as_of_ms": NOON, "journal_offset": 1, "next_due_ms": None, "status": "in_range", "document": {},
            "last": {}, "revision": 1, **state,
        }  # fmt: skip
        with self.registry.write() as connection:
            connection.execute(subject_state.insert().values(subject_kind="shipment", subject_id=shipment, **values))
            shipment_figures.write(connection, [(shipment, values["as_of_ms"], values["document"])])
            bump_revision(connection)

    def excursion(self, shipment: str, **more: Any) -> str:
        """An open excursion of a shipment."""
        id_ = new_id()
        values = {
            "id": id_, "version": 1, "subject_kind": "shipment", "subject_id": shipment, "logger": "L1",
            "channel": "internal", "direction": "high", "onset_ms": NOON - HOUR, "onset_sample_ms": NOON - HOUR,
            "duration_ms": 600_000, "duration_upper_ms": 600_000, "peak_mc": 9_100, "peak_ms": NOON - HOUR,
            "area_mc_ms": "660000000", "limit_mc": 8_000, "severity": int(Severity.MAJOR), "recorded_ms": NOON, **more,
        }  # fmt: skip
        with self.registry.write() as connection:
            connection.execute(excursion.insert().values(**values))
            bump_revision(connection)
        return id_

    def alarm(self, shipment: str, **more: Any) -> str:
        """An active alarm of a shipment."""
        id_ = new_id()
        values = {
            "id": id_, "subject_kind": "shipment", "subject_id": shipment, "logger": "L1", "channel": "internal",
            "cause": "high", "condition": Condition.ACTIVE.value, "severity": int(Severity.MAJOR),
            "onset_ms": NOON - HOUR, "changed_ms": NOON, "rules": ["above"], "excursions": [], "raised_ms": NOON,
            "suppression": "none", "quality": "good", **more,
        }  # fmt: skip
        with self.registry.write() as connection:
            connection.execute(alarm.insert().values(**values))
            bump_revision(connection)
        return id_

    def close(self) -> None:
        """Release the databases."""
        self.journal.close()
        self.registry.close()


class Client:
    """Blocking requests to the application, without a network in between."""

    def __init__(self, app: FastAPI, headers: dict[str, str]) -> None:
        self._app, self._headers = app, headers

    def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {**self._headers, **options.pop("headers", {})}
        headers = {name: value for name, value in headers.items() if value is not None}

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
                return await client.request(method, path, headers=headers, **options)

        return anyio.run(ask)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """GET."""
        return self("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """POST."""
        return self("POST", path, **options)

    def patch(self, path: str, **options: Any) -> httpx.Response:
        """PATCH."""
        return self("PATCH", path, **options)


@contextmanager
def installed(
    folder: Path, settings: WebSettings | None = None, dash: Any = None, reading: Reading | None = None
) -> Iterator[Web]:
    """An installation that is closed afterwards; `reading` makes another pipeline than the plain one."""
    web = Web(folder, settings, dash, reading)
    try:
        yield web
    finally:
        web.close()
