"""Findings that are over because nobody watches any more say so."""

from alembic import op
from sqlalchemy import Boolean, Column, false, inspect

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    columns = inspect(op.get_bind())
    for table in ("excursion", "alarm"):
        # The first script makes the tables as they are defined today, so a new database has the column already.
        if "monitoring_ended" not in {column["name"] for column in columns.get_columns(table)}:
            op.add_column(table, Column("monitoring_ended", Boolean, nullable=False, server_default=false()))
