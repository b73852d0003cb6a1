"""The figures of each shipment in columns, filled from the documents that are on record."""

import sqlalchemy as sa
from alembic import op

from coldchain.registry.schema import metadata, shipment_figures
from coldchain.registry.shipment_figures import write

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection)  # a new database has it from the first script
    if connection.execute(sa.select(sa.func.count()).select_from(shipment_figures)).scalar_one():
        return
    state = sa.table(
        "subject_state", sa.column("subject_kind"), sa.column("subject_id"), sa.column("as_of_ms"),
        sa.column("document", sa.JSON),
    )  # fmt: skip
    judged = sa.select(state.c.subject_id, state.c.as_of_ms, state.c.document).where(state.c.subject_kind == "shipment")
    rows = connection.execute(judged).fetchall()
    for first in range(0, len(rows), 500):
        write(connection, [(row.subject_id, row.as_of_ms, row.document or {}) for row in rows[first : first + 500]])
