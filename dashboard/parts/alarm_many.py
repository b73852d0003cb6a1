"""Several alarms answered, set aside or handed over at once: each as it was shown, so no news is answered unseen.

One by one inside, by the rules of a single alarm; whatever changed since it was shown is left out and counted.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from alerts import lifecycle, shelving
from alerts.lifecycle import Act, Done
from coldchain.domain.finding import Severity
from coldchain.errors import InvalidValue, Stale
from coldchain.registry import alarms
from coldchain.registry.alarms import AlarmFilter
from coldchain.registry.schema import alarm
from coldchain.registry.viewer import Viewer
from dashboard.parts import text
from dashboard.parts.alarm_words import title
from dashboard.services import Services

MOST = 500
_NAMED = 5  # of the chosen, in the dialog


_DONE = {
    "acknowledge": "recorded under your name; their repeats stop.",
    "shelve": "set aside; silent until then, evaluation and record go on.",
    "assign": "handed over; the name stands on the board.",
}
_ALREADY = {
    "acknowledge": "had an answer already.", "shelve": "out of sight already, left as it was.",
    "assign": "with that person already.",
}  # fmt: skip
_HEADINGS = {
    "acknowledge": ("Acknowledged", "Nothing acknowledged"), "shelve": ("Set aside", "Nothing set aside"),
    "assign": ("Handed over", "Nothing handed over"),
}  # fmt: skip


class Chosen(NamedTuple):
    """An alarm as the person saw it."""

    alarm: str
    version: int


class Outcome(NamedTuple):
    """What became of the chosen ones."""

    done: int
    already: int
    changed: int
    asked: int = 0  # critical ones, for which a second person has to agree
    act: str = "acknowledge"

    @property
    def words(self) -> str:
        """The outcome as a sentence or two."""
        parts = [f"{text.count(self.done, 'alarm')} {_DONE[self.act]}"]
        if self.already:
            parts.append(f"{self.already} {_ALREADY[self.act]}")
        if self.asked:
            who = "it" if self.asked == 1 else "each of them"
            parts.append(f"{self.asked} critical: somebody else has to agree to {who} within 15 minutes.")
        if self.changed:
            parts.append(f"{self.changed} changed since you saw {'it' if self.changed == 1 else 'them'}: look again.")
        return " ".join(parts)


def chosen(words: str) -> tuple[Chosen, ...]:
    """What the browser sends, `id.version,id.version`; what makes no sense is left out.

    Raises:
        InvalidValue: more than anybody can have looked at.
    """
    found = []
    for part in words.split(","):
        id_, _, version = part.rpartition(".")
        if id_ and version.isdecimal() and len(version) < 10:
            found.append(Chosen(id_, int(version)))
    if len(found) > MOST:
        raise InvalidValue(f"alarms: {len(found)} are too many at once; {MOST} are allowed")
    return tuple(dict.fromkeys(found))


def described(services: Services, viewer: Viewer, picked: tuple[Chosen, ...]) -> str:
    """The chosen in words, the first few by name.

    Raises:
        NotFound: one of those named does not exist for this viewer.
    """
    with services.registry.read() as connection:
        named = [title(alarms.alarm(connection, viewer, one.alarm)) for one in picked[:_NAMED]]
    rest = f" and {len(picked) - len(named)} more" if len(picked) > len(named) else ""
    return f"{text.count(len(picked), 'alarm')}: {', '.join(named)}{rest}."


def acknowledge(services: Services, viewer: Viewer, picked: tuple[Chosen, ...], comment: str) -> Outcome:
    """Acknowledge those that still are as they were shown, under the viewer's name.

    Raises:
        NotFound: one does not exist for this viewer; then none is acknowledged.
        InvalidValue: nothing was chosen.
    """
    _demand_some(picked)
    done = already = changed = 0
    with services.registry.write() as connection:
        _demand_visible(connection, viewer, picked)
        for one in picked:
            try:
                act = lifecycle.acknowledge(
                    connection, one.alarm, who=viewer.id, via="browser", comment=comment,
                    now_ms=services.clock.now_ms(), version=one.version,
                ).act  # fmt: skip
            except Stale:
                changed += 1
            else:
                done += act is Act.ACKNOWLEDGED
                already += act is Act.ALREADY_ACKNOWLEDGED
    return Outcome(done, already, changed)


def worst(services: Services, viewer: Viewer, picked: tuple[Chosen, ...]) -> Severity:
    """The worst severity among the chosen: it says for how long all of them may be set aside.

    Raises:
        NotFound: one does not exist for this viewer.
        InvalidValue: nothing was chosen.
    """
    _demand_some(picked)
    with services.registry.read() as connection:
        _demand_visible(connection, viewer, picked)
        query = select(func.max(alarm.c.severity)).where(alarm.c.id.in_([one.alarm for one in picked]))
        return Severity(connection.execute(query).scalar_one())


def shelve(services: Services, viewer: Viewer, picked: tuple[Chosen, ...], until_ms: int, reason: str) -> Outcome:
    """Set those aside that still are as they were shown; of a critical one a second person is asked.

    Raises:
        NotFound: one does not exist for this viewer; then none is set aside.
        InvalidValue: nothing was chosen, no reason, or too long a time for one of them; then none is set aside.
    """

    def one_by_one(connection: Connection, one: Chosen) -> Done | None:
        if lifecycle.current(connection, one.alarm).suppression != "none":
            return None
        return shelving.shelve(
            connection, one.alarm, who=viewer.id, until_ms=until_ms, reason=reason, now_ms=services.clock.now_ms(),
            version=one.version,
        )  # fmt: skip

    return _each(services, viewer, picked, "shelve", one_by_one)


def assign(services: Services, viewer: Viewer, picked: tuple[Chosen, ...], to: str) -> Outcome:
    """Hand those over that still are as they were shown.

    Raises:
        NotFound: one does not exist for this viewer; then none is handed over.
        InvalidValue: nothing was chosen, or `to` may not see and acknowledge one of them; then none is handed over.
    """

    def one_by_one(connection: Connection, one: Chosen) -> Done | None:
        row = lifecycle.current(connection, one.alarm)
        if row.assigned == to:
            return None
        lifecycle.unchanged(row, one.version)
        return lifecycle.assign(connection, one.alarm, who=viewer.id, to=to, now_ms=services.clock.now_ms())

    return _each(services, viewer, picked, "assign", one_by_one)


def _each(
    services: Services, viewer: Viewer, picked: tuple[Chosen, ...], act: str,
    one_by_one: Callable[[Connection, Chosen], Done | None],
) -> Outcome:  # fmt: skip
    _demand_some(picked)
    done = already = changed = asked = 0
    with services.registry.write() as connection:
        _demand_visible(connection, viewer, picked)
        for one in picked:
            try:
                made = one_by_one(connection, one)
            except Stale:
                changed += 1
                continue
            already += made is None
            asked += made is not None and made.act is Act.SHELF_ASKED
            done += made is not None and made.act is not Act.SHELF_ASKED
    return Outcome(done, already, changed, asked, act)


def _demand_some(picked: tuple[Chosen, ...]) -> None:
    if not picked:
        raise InvalidValue("alarms: choose at least one")


def _demand_visible(connection: Connection, viewer: Viewer, picked: tuple[Chosen, ...]) -> None:
    """Nothing, if the viewer may see all of them; asked at once, because a storm is long.

    Raises:
        NotFound: one does not exist for this viewer.
    """
    ids = frozenset(one.alarm for one in picked)
    if alarms.count(connection, viewer, AlarmFilter(among=ids)) < len(ids):
        for id_ in sorted(ids):  # one was merged meanwhile, which is no fault, or is not the viewer's
            alarms.alarm(connection, viewer, id_)


def note(outcome: Outcome) -> dict[str, Any]:
    """What the person is told."""
    some, none = _HEADINGS[outcome.act]
    heading = some if outcome.done else "Asked for" if outcome.asked else none
    colour = "blue" if not outcome.changed else "yellow"
    return {"action": "show", "title": heading, "message": outcome.words, "color": colour, "autoClose": 8000}
