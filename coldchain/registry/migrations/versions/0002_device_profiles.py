"""Device profiles, topics to listen to, what carriers remember, CSV mappings, and loggers that are gateways."""

import sqlalchemy as sa
from alembic import op

from coldchain.registry.schema import metadata

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection)  # a new database has them from the first script, an older one gets what it lacks
    have = {column["name"] for column in sa.inspect(connection).get_columns("logger")}
    if "gateway" not in have:
        op.add_column("logger", sa.Column("gateway", sa.Boolean, nullable=False, server_default=sa.false()))
    if "gateway_for" not in have:
        op.add_column("logger", sa.Column("gateway_for", sa.JSON))
    if "zone" not in have:
        op.add_column("logger", sa.Column("zone", sa.Text))
