"""Rotas, escalation policies, routes, endpoints, parties, drills, maintenance; messages may go to more than persons."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from coldchain.registry.schema import delivery_attempt, metadata
from coldchain.registry.schema_people import (
    contact_proof,
    drill,
    endpoint,
    out_of_service,
    party_contact,
    policy,
    rota,
    rota_override,
    routing,
)

revision = "0007"
down_revision = "0006"

_NEW: dict[str, dict[str, sa.Column[Any]]] = {
    "person": {
        "working_hours": sa.Column("working_hours", sa.JSON),
        "quiet_hours": sa.Column("quiet_hours", sa.JSON),
        "digest_at": sa.Column("digest_at", sa.Text),
    },
    "alarm": {
        "policy": sa.Column("policy", sa.Text),
        "policy_version": sa.Column("policy_version", sa.Integer),
        "climb_ms": sa.Column("climb_ms", sa.BigInteger),
        "step": sa.Column("step", sa.Integer),
    },
    "outbox": {
        "recipient_kind": sa.Column("recipient_kind", sa.Text, nullable=False, server_default="person"),
        "lead": sa.Column("lead", sa.String(36)),
        "code": sa.Column("code", sa.Text),
        "fallback": sa.Column("fallback", sa.JSON),
        "fallback_ms": sa.Column("fallback_ms", sa.BigInteger),
    },
}

_INDEXES = {
    "ix_outbox_mailbox": ["recipient", "channel", "state"],
    "ix_outbox_lead": ["lead"],
    "ix_outbox_fallback": ["fallback_ms"],
}


def upgrade() -> None:
    connection = op.get_bind()
    tables = (
        rota, rota_override, policy, routing, endpoint, party_contact, contact_proof, drill, out_of_service,
    )  # fmt: skip
    for table in tables:
        table.create(connection, checkfirst=True)  # a new database may have them from the first script
    for table_name, columns in _NEW.items():
        have = {column["name"] for column in sa.inspect(connection).get_columns(table_name)}
        for name, column in columns.items():
            if name not in have:
                op.add_column(table_name, column)
    have_indexes = {index["name"] for index in sa.inspect(connection).get_indexes("outbox")}
    for name, columns_of in _INDEXES.items():
        if name not in have_indexes:
            op.create_index(name, "outbox", columns_of)
    if any(key["constrained_columns"] == ["recipient"] for key in sa.inspect(connection).get_foreign_keys("outbox")):
        _any_recipient(connection)


def _any_recipient(connection: sa.Connection) -> None:
    """A recipient need not be a person. SQLite copies the table for that, with its children out of the way."""
    if connection.dialect.name != "sqlite":
        op.drop_constraint("fk_outbox_recipient", "outbox", type_="foreignkey")
        return
    attempts = [dict(row) for row in connection.execute(sa.select(delivery_attempt)).mappings()]
    delivery_attempt.drop(connection)
    with op.batch_alter_table("outbox", recreate="always") as batch:
        batch.drop_constraint("fk_outbox_recipient", type_="foreignkey")
    metadata.tables["delivery_attempt"].create(connection)
    if attempts:
        connection.execute(delivery_attempt.insert(), attempts)
