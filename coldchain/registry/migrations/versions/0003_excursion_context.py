"""Excursions tell who held the goods, on which leg they were, their mean, and how well they are known."""

import sqlalchemy as sa
from alembic import op

from coldchain.registry.schema import metadata

revision = "0003"
down_revision = "0002"

_COLUMNS = {"custodian": sa.Text, "leg": sa.Text, "mean_c": sa.Double, "coverage_pct": sa.Double}


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection)
    have = {column["name"] for column in sa.inspect(connection).get_columns("excursion")}
    for name, kind in _COLUMNS.items():
        if name not in have:
            op.add_column("excursion", sa.Column(name, kind))
