"""The rule lab's tables: runs and what each of them said. They belong to who started them, and to nothing else."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from coldchain.registry.schema import metadata

lab_run = Table(
    "lab_run",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("who", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("touched_ms", BigInteger, nullable=False),  # when its worker last said that it lives
    Column("state", Text, nullable=False),  # running | cancelled | interrupted | failed | done
    Column("profile", JSON, nullable=False),  # the draft, in the format
    Column("chosen", JSON, nullable=False),  # how the shipments were chosen
    Column("total", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("summary", JSON),  # once it is done
    Column("failure", Text),
    Index("ix_lab_run_who_created_ms", "who", "created_ms"),
)

lab_result = Table(
    "lab_result",
    metadata,
    Column("run", String(36), ForeignKey("lab_run.id", ondelete="CASCADE"), primary_key=True),
    Column("shipment", String(36), primary_key=True),
    Column("place", Integer, nullable=False),
    Column("changed", Boolean, nullable=False),
    Column("said", JSON, nullable=False),  # one line of the list
    Column("detail", JSON, nullable=False),  # both judgements, with their documents
)
