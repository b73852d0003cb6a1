"""Keys of devices that may speak for some loggers only."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    have = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("api_key")}
    if "loggers" not in have:  # a new database has it from the first script
        op.add_column("api_key", sa.Column("loggers", sa.JSON))
