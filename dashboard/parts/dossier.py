"""Everything that the page of one shipment shows, read once under the viewer: record, figures, tracks, alarms."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from coldchain.domain.profile import Range
from coldchain.domain.quantity import iso, milli_from_float, ms_from_iso
from coldchain.domain.track import ABSENT, Track
from coldchain.errors import NotFound
from coldchain.registry import alarms, loggers, maintenance, profiles, shipment_views, stages, stores
from coldchain.registry.alarms import AlarmFilter
from coldchain.registry.loggers import Calibration
from coldchain.registry.viewer import Viewer
from coldchain.telemetry.port import Telemetry
from dashboard.figures.route import Mark, Stop, Way, way
from dashboard.figures.series import Interval, Outside, Series
from dashboard.parts import text
from dashboard.services import Services

DEFAULT_INTERVAL_MS = 600_000
_MOST_ALARMS = 40
JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dossier:
    """One shipment; `document` is None until it was judged. Alarms come with their timelines, newest first."""

    shown: JsonObject
    document: JsonObject | None
    label: Range
    alarms: tuple[JsonObject, ...]
    calibrations: dict[str, Calibration | None]
    now_ms: int
    profile_state: str | None = None  # of the version that judges it: proposal, approved, retired

    @property
    def interval_ms(self) -> int:
        """The governing channel's reporting interval."""
        seconds = self.document.get("interval_s") if self.document else None
        return round(seconds * 1000) if seconds else DEFAULT_INTERVAL_MS

    @property
    def excursions(self) -> list[JsonObject]:
        """The stored excursions of every judged channel, oldest first."""
        found = [item for channel in _channels(self.document) for item in channel.get("excursions", [])]
        return sorted(found, key=lambda item: str(item["onset"]))


def _channels(document: JsonObject | None) -> list[JsonObject]:
    return list(document.get("channels", [])) if document else []


def load(services: Services, viewer: Viewer, id: str) -> Dossier:  # noqa: A002
    """Read a shipment's record.

    Raises:
        NotFound: no such shipment for this viewer.
    """
    with services.registry.read() as connection:
        shown = shipment_views.shown(connection, viewer, id)
        shown["unjudged"] = stages.unjudged(connection, id)
        shown["worked_on"] = maintenance.listed(connection, at_ms=services.clock.now_ms())
        try:
            document = shipment_views.compliance(connection, viewer, id)
        except NotFound:
            document = None
        which = AlarmFilter(subject_kind="shipment", subject_id=id)
        found = alarms.alarms(connection, viewer, which, limit=_MOST_ALARMS).items
        detailed = tuple(alarms.alarm(connection, viewer, item["id"]) for item in found)
        bound = {binding["logger"] for binding in shown["bindings"]}
        newest = loggers.latest_calibrations(connection)
        return Dossier(
            shown, document, _label(connection, shown), detailed,
            {logger: newest.get(logger) for logger in sorted(bound)}, services.clock.now_ms(),
            _profile_state(connection, shown),
        )  # fmt: skip


def load_store(services: Services, viewer: Viewer, id: str) -> Dossier:  # noqa: A002
    """Read a store's record; a store is judged like a shipment that never departs.

    Raises:
        NotFound: no such store for this viewer.
    """
    with services.registry.read() as connection:
        found = stores.shown(connection, viewer, id)
        shown = {**dict.fromkeys(("departed", "arrived", "closed", "origin", "destination")), "milestones": [], **found}
        profile = (found["document"] or {}).get("profile") or {}
        shown |= {"product_profile": profile.get("id"), "product_profile_version": profile.get("version")}
        shown["worked_on"] = maintenance.listed(connection, at_ms=services.clock.now_ms())
        which = AlarmFilter(subject_kind="store", subject_id=id)
        newest = alarms.alarms(connection, viewer, which, limit=_MOST_ALARMS).items
        detailed = tuple(alarms.alarm(connection, viewer, item["id"]) for item in newest)
        certificates = loggers.latest_calibrations(connection)
        bound = sorted({binding["logger"] for binding in shown["bindings"]})
        return Dossier(
            shown, found["document"], _label(connection, shown), detailed,
            {logger: certificates.get(logger) for logger in bound}, services.clock.now_ms(),
            _profile_state(connection, shown),
        )  # fmt: skip


def latest(dossier: Dossier, span_ms: int) -> Dossier:
    """The same record with bindings that begin `span_ms` ago at the earliest: what a chart of years shows at first."""
    since = dossier.now_ms - span_ms
    kept = [one for one in dossier.shown["bindings"] if one["to"] is None or ms_from_iso(one["to"]) > since]
    cut = [{**one, "from": iso(max(ms_from_iso(one["from"]), since))} for one in kept]
    return replace(dossier, shown={**dossier.shown, "bindings": cut})


def _label(connection: Connection, shown: JsonObject) -> Range:
    if shown["product_profile"] is None:
        return Range()
    return profiles.get(connection, shown["product_profile"], shown["product_profile_version"]).profile.label


def _profile_state(connection: Connection, shown: JsonObject) -> str | None:
    if shown["product_profile"] is None:
        return None
    return profiles.get(connection, shown["product_profile"], shown["product_profile_version"]).state


def tracks(telemetry: Telemetry, dossier: Dossier) -> tuple[list[Track], list[Track]]:
    """The judged channels' tracks, and those that only tell where the goods were; each within its binding."""
    judged, placing = [], []
    for binding in dossier.shown["bindings"]:
        start = ms_from_iso(binding["from"])
        end = ms_from_iso(binding["to"]) if binding["to"] else _until(dossier)
        for channel in telemetry.channels(binding["logger"]):
            wanted = binding["channels"] is None or channel in binding["channels"]
            if binding["role"] == "product" and wanted:
                judged.append(telemetry.track(binding["logger"], channel, start, end))
            elif channel in ("internal", "device"):
                placing.append(telemetry.track(binding["logger"], channel, start, end))
    return [t for t in judged if len(t)], [t for t in placing if len(t)]


def _until(dossier: Dossier) -> int:
    closed = dossier.shown["closed"]
    return ms_from_iso(closed) if closed else dossier.now_ms + 1


def series(dossier: Dossier, judged: list[Track], span: Interval | None = None) -> Series:
    """What the chart shows: channels that measured a temperature, with the stored excursions and gaps."""
    document = dossier.document
    gaps = [
        Interval(ms_from_iso(gap["from"]), ms_from_iso(gap["to"]))
        for gap in (document.get("gaps", []) if document else [])
    ]
    return Series(
        tuple(track for track in judged if _measures(track)),
        dossier.label.low_mc,
        dossier.label.high_mc,
        dossier.interval_ms,
        tuple(outside(item) for item in dossier.excursions),
        tuple(gaps),
        span,
        tuple(Interval(one.from_ms, one.to_ms) for one in dossier.shown.get("unjudged", ())),
    )


def _measures(track: Track) -> bool:
    return bool((track.temperature_mc != ABSENT).any())


def outside(item: JsonObject) -> Outside:
    """A stored excursion as the chart marks it."""
    return Outside(
        item["logger"], item["channel"], item["direction"], ms_from_iso(item["onset"]),
        None if item["end"] is None else ms_from_iso(item["end"]), ms_from_iso(item["peak_at"]),
        milli_from_float(item["peak_c"]), milli_from_float(item["limit_c"]),
    )  # fmt: skip


def path(dossier: Dossier, judged: list[Track], placing: list[Track]) -> Way:
    """The way of the goods, each position with the governing channel's temperature."""
    governing = (dossier.document or {}).get("governing_channel")
    leading = next((t for t in judged if t.channel == governing), judged[0] if judged else None)
    return way([*judged, *placing], leading, 2 * dossier.interval_ms)


def marks(dossier: Dossier) -> list[Mark]:
    """A mark for every excursion."""
    return [
        Mark(
            f"{'Above' if item['direction'] == 'high' else 'Below'} {text.limit(item['limit_c'])}",
            f"/excursions/{item['id']}",
            f"{text.extreme(item['direction'])} {text.celsius(item['peak_c'], item['limit_c'])}, "
            f"{text.duration(item['duration_s'])}",
            ms_from_iso(item["peak_at"]),
        )
        for item in dossier.excursions
    ]


def stops(dossier: Dossier) -> list[Stop]:
    """Origin, destination and hand-overs that have a position."""
    ends = [dossier.shown["origin"], dossier.shown["destination"]]
    places = [place for place in [*ends, *dossier.shown["milestones"]] if place]
    return [
        Stop(place["name"], place["latitude"], place["longitude"])
        for place in places
        if place.get("latitude") is not None and place.get("longitude") is not None
    ]
