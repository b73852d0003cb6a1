"""Product profiles that are retired, and the figures that a subject had under an earlier product profile."""

import sqlalchemy as sa
from alembic import op

from coldchain.registry.schema import metadata

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection)  # a new database has them from the first script, an older one gets what it lacks
    have = {column["name"] for column in sa.inspect(connection).get_columns("product_profile")}
    for name, kind in (("retired_ms", sa.BigInteger), ("retired_by", sa.Text), ("retired_reason", sa.Text)):
        if name not in have:
            op.add_column("product_profile", sa.Column(name, kind))
