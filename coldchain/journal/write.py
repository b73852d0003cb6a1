"""What a commit writes: everything that was decided, in the tables."""

from operator import attrgetter

from coldchain.journal import latest
from coldchain.journal.database import Session
from coldchain.journal.decisions import Decisions
from coldchain.journal.lookup import Batch, set_meta
from coldchain.journal.state import COMMON_COLUMNS, LOGGER_COLUMNS, LoggerRow

_UPDATE_LOGGER = f"UPDATE logger SET {'=?,'.join(LOGGER_COLUMNS[2:])}=? WHERE id=?"  # noqa: S608  our names
_UPDATE_COMMON = f"UPDATE logger SET {'=?,'.join(COMMON_COLUMNS)}=? WHERE id=?"  # noqa: S608  our names
_all_values = attrgetter(*LOGGER_COLUMNS[2:], "id")
_common_values = attrgetter(*COMMON_COLUMNS, "id")


def write(session: Session, batch: Batch, made: Decisions) -> None:
    """Write everything that was decided about `batch`."""
    # Every change of a logger's row moves the head, so that nobody goes on with an older copy of it.
    made.head = max(made.head, batch.known.head + 1)
    session.insert("message", made.messages)
    session.insert("reading", made.readings)
    session.insert("notice", made.notices)
    session.insert("earlier", made.earlier)
    for logger, boot, seq in made.filled:
        _fill_gap(session, logger, boot, seq)
    session.insert("gap", made.gaps)
    for row in batch.rows.values():
        held = batch.known.held.get(row.id)
        if held is not None:
            _write_runs(session, row.id, row.keep(held), batch.runs.get(row.id, set()))
    whole = made.whole | batch.known.held.keys()
    rows = batch.rows.values()
    session.many(_UPDATE_LOGGER, [_all_values(row) for row in rows if row.id in whole])
    session.many(_UPDATE_COMMON, [_common_values(row) for row in rows if row.id not in whole])
    latest.advance(session, made.latest)
    session.insert("ahead", made.ahead)
    set_meta(session, "head", made.head)


def write_state(
    session: Session, row: LoggerRow, runs: set[tuple[int, int, int]], before: set[tuple[int, int, int]]
) -> None:
    """Write one logger's row and its runs of committed numbers, which were `before`."""
    _write_runs(session, row.id, runs, before)
    session.run(_UPDATE_LOGGER, _all_values(row))


def _write_runs(
    session: Session, logger: int, runs: set[tuple[int, int, int]], before: set[tuple[int, int, int]]
) -> None:
    gone = [(logger, boot, first) for boot, first, _ in before - runs]
    session.many("DELETE FROM seq_range WHERE logger = ? AND boot = ? AND first = ?", gone)
    session.insert("seq_range", [(logger, *run) for run in sorted(runs - before)])


def _fill_gap(session: Session, logger: int, boot: int, seq: int) -> None:
    """A message that was given up arrived after all: only what is still missing stays a gap."""
    sql = "SELECT position, first, last, recorded FROM gap WHERE logger = ? AND boot = ? AND first <= ? AND last >= ?"
    for position, first, last, recorded in session.rows(sql, (logger, boot, seq, seq)):
        session.run("DELETE FROM gap WHERE logger = ? AND boot = ? AND first = ?", (logger, boot, first))
        rest = [(first, seq - 1), (seq + 1, last)]
        session.insert("gap", [(position, logger, boot, a, b, recorded) for a, b in rest if a <= b])
