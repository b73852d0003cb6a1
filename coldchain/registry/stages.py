"""The stages of a shipment: what happened to the goods when, who says so and why. Rows of fact, never edited.

Conditioning and post-removal are shown and exported but not judged; so is whatever a person excluded.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import Connection

from coldchain.domain.quantity import iso
from coldchain.domain.shipment import FactKind, Stage
from coldchain.errors import Forbidden, InvalidValue
from coldchain.registry import facts, people
from coldchain.registry.facts import Fact
from coldchain.registry.places import checked_interval
from coldchain.registry.shipments import exists, subject
from coldchain.registry.viewer import Permission, Viewer

HAND, GEOFENCE, PLAN = "hand", "geofence", "plan"
STAGES = tuple(stage.value for stage in Stage)


class Held(NamedTuple):
    """A stage with the stretch for which it holds: until it ends, or the next one begins; None: still."""

    fact: Fact
    stage: Stage
    from_ms: int
    to_ms: int | None

    @property
    def source(self) -> str:
        """How it came on record: hand, geofence, event or plan."""
        return str(self.fact.body.get("source", PLAN))


class Unjudged(NamedTuple):
    """A stretch whose readings are shown and exported but not judged, with the word for it, who says so and why."""

    from_ms: int
    to_ms: int | None
    what: str
    who: str
    reason: str | None


def held(known: Iterable[Fact]) -> list[Held]:
    """The stages among `known` in order of time, each cut where the next one begins."""
    ordered = sorted((one for one in known if one.kind is FactKind.STAGE), key=lambda one: (one.valid_from_ms, one.id))
    following = [*(after.valid_from_ms for _, after in pairwise(ordered)), None]
    found = []
    for item, next_ms in zip(ordered, following, strict=False):
        end_ms = next_ms if item.valid_to_ms is None else item.valid_to_ms
        if end_ms is None or end_ms > item.valid_from_ms:
            found.append(Held(item, Stage(item.body["stage"]), item.valid_from_ms, end_ms))
    return found


def of_shipment(connection: Connection, viewer: Viewer, shipment_id: str) -> list[Held]:
    """The stages of one shipment as they are known now.

    Raises:
        NotFound: no such shipment for this viewer.
    """
    exists(connection, viewer, shipment_id)
    return held(facts.known(connection, subject=subject(shipment_id), kinds=[FactKind.STAGE]))


def unjudged(connection: Connection, shipment_id: str) -> list[Unjudged]:
    """The stretches of a shipment that do not count, in order; for whoever may see the shipment."""
    known = facts.known(connection, subject=subject(shipment_id), kinds=[FactKind.STAGE, FactKind.EXCLUSION])
    found = [
        Unjudged(one.from_ms, one.to_ms, one.stage.value, one.fact.who, one.fact.reason)
        for one in held(known)
        if not one.stage.judged
    ]
    found += [
        Unjudged(one.valid_from_ms, one.valid_to_ms, "exclusion", one.who, one.reason)
        for one in known
        if one.kind is FactKind.EXCLUSION
    ]
    return sorted(found, key=lambda one: one.from_ms)


def put(
    connection: Connection,
    shipment_id: str,
    stage: str,
    from_ms: int,
    to_ms: int | None,
    *,
    reason: str,
    by: Viewer,
    now_ms: int,
    source: str = HAND,
) -> int:
    """Record a stage by hand; what was on record for that stretch gives way, and goes on after it. Returns its id.

    Without an end it holds until the next stage begins.

    Raises:
        NotFound: no such shipment for this viewer.
        Forbidden: readings would no longer be judged, and `by` may not assess.
        InvalidValue: names the field, the value and the remedy.
    """
    exists(connection, by, shipment_id)
    wanted = _checked(stage, reason, by)
    checked_interval("to", from_ms, to_ms)
    before = held(facts.known(connection, subject=subject(shipment_id), kinds=[FactKind.STAGE]))
    for one in before:
        _give_way(connection, one, from_ms, to_ms, by=by, reason=reason, now_ms=now_ms)
    return facts.add(
        connection, kind=FactKind.STAGE, body={"stage": wanted.value, "source": source}, valid_from_ms=from_ms,
        valid_to_ms=to_ms, subject=subject(shipment_id), who=by.id, reason=reason.strip(), now_ms=now_ms,
    )  # fmt: skip


def withdraw(connection: Connection, shipment_id: str, fact_id: int, *, reason: str, by: Viewer, now_ms: int) -> None:
    """Take a stage back that was wrong; the readings of that stretch are judged as if nothing was known of it.

    Raises:
        NotFound: no such shipment for this viewer, or it has no such stage now.
        InvalidValue: without a reason.
    """
    exists(connection, by, shipment_id)
    _checked(Stage.IN_TRANSIT.value, reason, by)
    known = facts.known(connection, subject=subject(shipment_id), kinds=[FactKind.STAGE])
    chosen = fact_id if any(one.id == fact_id for one in known) else -1
    facts.withdraw(connection, chosen, who=by.id, reason=reason.strip(), now_ms=now_ms)


def _checked(stage: str, reason: str, by: Viewer) -> Stage:
    if stage not in STAGES:
        raise InvalidValue(f"stage: {stage[:40]!r} is none of {', '.join(STAGES)}")
    if not reason.strip():
        raise InvalidValue("reason: missing; say why, it stands beside every figure that this changes")
    wanted = Stage(stage)
    if not wanted.judged and not by.may(Permission.ASSESS):
        raise Forbidden(
            f"stage: readings of {stage} are not judged, and the role {by.role} has no permission to "
            f"{Permission.ASSESS.value}; ask somebody of the quality unit"
        )
    return wanted


def _give_way(
    connection: Connection, old: Held, from_ms: int, to_ms: int | None, *, by: Viewer, reason: str, now_ms: int
) -> None:
    """Cut what was on record out of the new stretch; an open one before a new open one ends by itself."""
    starts_inside = from_ms <= old.from_ms and (to_ms is None or old.from_ms < to_ms)
    reaches_in = old.from_ms < from_ms and (old.to_ms is None or from_ms < old.to_ms)
    if to_ms is None and old.from_ms > from_ms:
        return
    if not (starts_inside or reaches_in):
        return
    after = to_ms is not None and (old.to_ms is None or to_ms < old.to_ms)
    if reaches_in:
        facts.supersede(connection, old.fact.id, who=by.id, reason=reason, now_ms=now_ms, valid_to_ms=from_ms)
    else:
        facts.withdraw(connection, old.fact.id, who=by.id, reason=reason, now_ms=now_ms)
    if after and to_ms is not None:
        body = {name: value for name, value in old.fact.body.items() if name != "place"}
        facts.add(
            connection, kind=FactKind.STAGE, body={**body, "source": HAND}, valid_from_ms=to_ms,
            valid_to_ms=old.fact.valid_to_ms, subject=old.fact.subject, who=by.id, reason=old.fact.reason,
            now_ms=now_ms,
        )  # fmt: skip


def stage_json(connection: Connection, found: Sequence[Held]) -> list[dict[str, Any]]:
    """Stages as the API shows them, people by their names."""
    names = people.names(connection, {one.fact.who for one in found})
    return [
        {
            "id": one.fact.id,
            "stage": one.stage.value,
            "from": iso(one.from_ms),
            "to": None if one.to_ms is None else iso(one.to_ms),
            "judged": one.stage.judged,
            "source": one.source,
            "place": one.fact.body.get("place"),
            "who": names.get(one.fact.who, one.fact.who),
            "reason": one.fact.reason,
            "recorded": iso(one.fact.recorded_ms),
        }
        for one in found
    ]
