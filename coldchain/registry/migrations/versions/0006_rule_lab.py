"""The runs of the rule lab and what they said."""

from alembic import op

from coldchain.registry.schema_lab import lab_result, lab_run

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for table in (lab_run, lab_result):
        table.create(op.get_bind(), checkfirst=True)  # a new database may have them from the first script
