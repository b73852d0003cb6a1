"""Several alarms acknowledged at once, as a storm asks for: each as it was shown, so no news is answered unseen."""

from typing import Any, NamedTuple

from sqlalchemy import Connection

from alerts import lifecycle
from alerts.lifecycle import Act
from coldchain.errors import InvalidValue, Stale
from coldchain.registry import alarms
from coldchain.registry.alarms import AlarmFilter
from coldchain.registry.viewer import Viewer
from dashboard.parts import text
from dashboard.parts.alarm_words import title
from dashboard.services import Services

MOST = 500
_NAMED = 5  # of the chosen, in the dialog


class Chosen(NamedTuple):
    """An alarm as the person saw it."""

    alarm: str
    version: int


class Outcome(NamedTuple):
    """What became of the chosen ones."""

    done: int
    already: int
    changed: int

    @property
    def words(self) -> str:
        """The outcome as a sentence or two."""
        parts = [f"{text.count(self.done, 'alarm')} recorded under your name; their repeats stop."]
        if self.already:
            parts.append(f"{self.already} had an answer already.")
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
    if not picked:
        raise InvalidValue("alarms: choose at least one")
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
    heading = "Acknowledged" if outcome.done else "Nothing acknowledged"
    colour = "blue" if not outcome.changed else "yellow"
    return {"action": "show", "title": heading, "message": outcome.words, "color": colour, "autoClose": 8000}
