"""The journal's two databases: commits of a thousand messages, decoded before, into SQLite and into PostgreSQL.

Both sync every commit to the disk; PostgreSQL runs on this machine, over loopback.
"""

import time
from collections.abc import Sequence

from bench.processes import scratch, server
from bench.readings import arrival, fleet
from bench.table import Anchor, absent, per_second, rates
from coldchain.domain.message import Arrival
from coldchain.journal.port import Journal
from coldchain.journal.sqlite import SqliteJournal

TITLE = "journal: PostgreSQL / SQLite"
TOGETHER, LOGGERS, TURNS = 1000, 50, 5


def measure(scale: float) -> list[Anchor]:
    import servers

    arrivals = [arrival(one) for one in fleet(LOGGERS, round(400 * scale))]
    with scratch() as folder:
        postgres = server(lambda _: servers.Postgres(durable=True), folder)
        if isinstance(postgres, str):
            return [absent(TITLE, postgres)]
        from coldchain.journal.postgres import PostgresJournal

        ours: list[float] = []
        theirs: list[float] = []
        try:
            for turn in range(TURNS):
                theirs.append(_rate(SqliteJournal(folder / f"{turn}.db"), arrivals))
                ours.append(_rate(PostgresJournal(servers.create_database(postgres.url)), arrivals))
        finally:
            postgres.stop()
    mine, other, ratio = rates(ours, theirs)
    note = f"{len(arrivals)} messages of one reading each from {LOGGERS} loggers"
    return [Anchor(TITLE, per_second(mine), per_second(other), ratio, "", note)]


def _rate(journal: Journal, arrivals: Sequence[Arrival]) -> float:
    began = time.perf_counter()
    for first in range(0, len(arrivals), TOGETHER):
        journal.append(arrivals[first : first + TOGETHER])
    took_s = time.perf_counter() - began
    journal.close()
    return len(arrivals) / took_s
