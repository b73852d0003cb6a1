"""Light, door and shock of a shipment or a store, read from the journal over the time of its bindings."""

from sqlalchemy import Connection

from coldchain.domain.finding import Subject
from coldchain.domain.profile import BesideTheGoods
from coldchain.domain.shipment import FactKind
from coldchain.registry import facts, profiles, recorded, stages
from coldchain.telemetry.port import History
from compliance.inputs import Span
from compliance.openings import METHOD, Json, openings

SCHEMA = "coldchain.openings/1"


def openings_of(
    connection: Connection,
    history: History,
    subject: Subject,
    from_ms: int,
    to_ms: int,
    *,
    light_mlux: int | None = None,
    shock_mg: int | None = None,
) -> Json:
    """What the loggers of a subject tell of light, door and shock in [from_ms, to_ms), oldest first.

    From when on light and shock are told says its product profile, unless the caller does. All bound loggers count,
    those in the air beside the goods too. The caller has asked whether its viewer may see it.
    """
    limits = _limits(connection, subject, light_mlux, shock_mg)
    known = facts.known(connection, subject=subject, kinds=[FactKind.BINDING, FactKind.STAGE])
    state = recorded.on_record(connection, [subject])[subject].state
    channels = (state.document or {}).get("channels", []) if state is not None else []
    excursions = [item for channel in channels for item in channel["excursions"]]
    held = [(one.stage.value, Span(one.from_ms, one.to_ms)) for one in stages.held(known)]
    found = []
    for one in known:
        if one.kind is not FactKind.BINDING or one.logger is None:
            continue
        start, end = max(one.valid_from_ms, from_ms), min(one.valid_to_ms or to_ms, to_ms)
        if start < end:
            found += openings(history.readings(one.logger, start, end), held, excursions, limits)
    found.sort(key=lambda item: (item.from_ms, item.logger, item.kind))
    return {
        "schema": SCHEMA, "method_id": METHOD,
        "light_from_lux": limits.light_mlux / 1000, "shock_from_g": limits.shock_mg / 1000,
        "items": [item.as_json() for item in found],
    }  # fmt: skip


def _limits(connection: Connection, subject: Subject, light_mlux: int | None, shock_mg: int | None) -> BesideTheGoods:
    judged_by = facts.profile_of(connection, subject)
    said = BesideTheGoods() if judged_by is None else profiles.judged_by(connection, *judged_by).beside
    return BesideTheGoods(light_mlux or said.light_mlux, shock_mg or said.shock_mg)
