"""Runs of the rule lab as rows: who started one, how far it is, what it said of each shipment. Their owner's only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, select, update

from coldchain.errors import NotFound, Stale
from coldchain.registry.schema_lab import lab_result, lab_run
from coldchain.registry.store import new_id
from coldchain.registry.viewer import Viewer

SILENT_MS = 30_000  # a worker that has said nothing for so long is gone
KEPT = 20  # runs of one owner; the oldest go when another one begins
JsonObject = dict[str, Any]


class NewRun(NamedTuple):
    """A run before it begins: the draft in the profile format, and how many shipments were chosen and how."""

    profile: JsonObject
    chosen: JsonObject
    total: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it stands; `summary` is there once it is done, or as far as it came."""

    id: str
    who: str
    created_ms: int
    state: str
    profile: JsonObject
    chosen: JsonObject
    total: int
    done: int
    summary: JsonObject | None
    failure: str | None

    @property
    def running(self) -> bool:
        """Whether a worker is at it."""
        return self.state == "running"


class Said(NamedTuple):
    """What a run said of one shipment."""

    shipment: str
    place: int
    changed: bool
    said: JsonObject
    detail: JsonObject


def begin(connection: Connection, new: NewRun, *, who: str, now_ms: int) -> str:
    """Record a run that begins now; the owner's oldest runs beyond `KEPT` are forgotten.

    Raises:
        Stale: a run of this owner is under way.
    """
    silence(connection, now_ms)
    busy = select(lab_run.c.id).where(lab_run.c.who == who, lab_run.c.state == "running")
    if (other := connection.execute(busy).scalars().first()) is not None:
        raise Stale(f"a run of yours is under way ({other}): cancel it, or wait until it is done")
    old = select(lab_run.c.id).where(lab_run.c.who == who).order_by(lab_run.c.created_ms.desc(), lab_run.c.id)
    forgotten = connection.execute(old.offset(KEPT - 1)).scalars().all()
    connection.execute(delete(lab_result).where(lab_result.c.run.in_(forgotten)))
    connection.execute(delete(lab_run).where(lab_run.c.id.in_(forgotten)))
    id_ = new_id()
    connection.execute(
        lab_run.insert().values(
            id=id_, who=who, created_ms=now_ms, touched_ms=now_ms, state="running", done=0, **new._asdict()
        )
    )
    return id_


def silence(connection: Connection, now_ms: int) -> None:
    """Call those interrupted whose worker is gone."""
    gone = (lab_run.c.state == "running", lab_run.c.touched_ms < now_ms - SILENT_MS)
    connection.execute(update(lab_run).where(*gone).values(state="interrupted"))


def progress(connection: Connection, run: str, said: Sequence[Said], now_ms: int) -> bool:
    """Keep what was said so far; False if the run is not to go on."""
    if said:
        connection.execute(lab_result.insert(), [{"run": run, **one._asdict()} for one in said])
    going = (lab_run.c.id == run, lab_run.c.state == "running")
    found = connection.execute(update(lab_run).where(*going).values(touched_ms=now_ms, done=lab_run.c.done + len(said)))
    return found.rowcount == 1


def finish(connection: Connection, run: str, *, summary: JsonObject | None, failure: str | None, now_ms: int) -> None:
    """A run has come to its end; one that was cancelled meanwhile stays that, with what it found."""
    state = "failed" if failure else "done"
    where = (lab_run.c.id == run, lab_run.c.state == "running")
    connection.execute(update(lab_run).where(*where).values(state=state, failure=failure))
    connection.execute(update(lab_run).where(lab_run.c.id == run).values(summary=summary, touched_ms=now_ms))


def cancel(connection: Connection, viewer: Viewer, run: str, now_ms: int) -> Run:
    """End a run; what it has said stays. One that is over stays as it is.

    Raises:
        NotFound: no such run of this viewer.
    """
    get(connection, viewer, run, now_ms)
    where = (lab_run.c.id == run, lab_run.c.state == "running")
    connection.execute(update(lab_run).where(*where).values(state="cancelled", touched_ms=now_ms))
    return get(connection, viewer, run, now_ms)


def get(connection: Connection, viewer: Viewer, run: str, now_ms: int) -> Run:
    """One run of this viewer; one whose worker has been silent for too long is interrupted.

    Raises:
        NotFound: no such run of this viewer.
    """
    row = connection.execute(select(lab_run).where(lab_run.c.id == run, lab_run.c.who == viewer.id)).one_or_none()
    if row is None:
        raise NotFound(f"no run {run} of yours")
    return _run(row, now_ms)


def listed(connection: Connection, viewer: Viewer, now_ms: int) -> list[Run]:
    """The runs of this viewer, the newest first."""
    query = select(lab_run).where(lab_run.c.who == viewer.id).order_by(lab_run.c.created_ms.desc(), lab_run.c.id)
    return [_run(row, now_ms) for row in connection.execute(query)]


def said(connection: Connection, run: str, *, limit: int = 1000, offset: int = 0) -> list[JsonObject]:
    """What a run said, one line per shipment: those first of which it says something new."""
    query = select(lab_result.c.said).where(lab_result.c.run == run)
    query = query.order_by(lab_result.c.changed.desc(), lab_result.c.place).limit(limit).offset(offset)
    return [dict(row.said) for row in connection.execute(query)]


def detail(connection: Connection, run: str, shipment: str) -> JsonObject:
    """Both judgements of one shipment.

    Raises:
        NotFound: the run has said nothing of it.
    """
    query = select(lab_result.c.said, lab_result.c.detail)
    row = connection.execute(query.where(lab_result.c.run == run, lab_result.c.shipment == shipment)).one_or_none()
    if row is None:
        raise NotFound(f"run {run} has said nothing of shipment {shipment}")
    return {**row.said, **row.detail}


def counted(connection: Connection, run: str) -> Mapping[bool, int]:
    """How many shipments a run found changed, and how many not."""
    query = select(lab_result.c.changed, func.count()).where(lab_result.c.run == run).group_by(lab_result.c.changed)
    return dict(connection.execute(query).tuples().all())


def _run(row: Row[Any], now_ms: int) -> Run:
    lost = row.state == "running" and row.touched_ms < now_ms - SILENT_MS
    return Run(
        row.id, row.who, row.created_ms, "interrupted" if lost else row.state, row.profile, row.chosen, row.total,
        row.done, row.summary, row.failure,
    )  # fmt: skip
