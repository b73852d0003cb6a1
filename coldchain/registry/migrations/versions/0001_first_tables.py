"""The tables of the first release."""

from alembic import op

from coldchain.registry.schema import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
