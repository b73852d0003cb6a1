"""Whom an alarm reaches beside the people on call: rotas, policies, routes, endpoints, parties, drills, maintenance."""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, false
from sqlalchemy import Boolean as Switch

from coldchain.registry.schema import metadata

rota = Table(  # who is on duty when: layers, turns, holidays; a change is a new version
    "rota",
    metadata,
    Column("id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("body", JSON, nullable=False),
    Column("recorded_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text),
    Column("retired_ms", BigInteger),
)

rota_override = Table(  # for a while somebody stands in for whoever's turn it is, or two people swap
    "rota_override",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("rota", Text, nullable=False),
    Column("layer", Text),  # None: every layer
    Column("person", String(36), ForeignKey("person.id"), nullable=False),
    Column("replaces", String(36)),  # None: whoever's turn it is
    Column("from_ms", BigInteger, nullable=False),
    Column("to_ms", BigInteger, nullable=False),
    Column("swap", String(36)),  # the other half of a swap
    Column("recorded_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text),
    Column("ended_ms", BigInteger),
    Index("ix_rota_override_rota_to_ms", "rota", "to_ms"),
)

policy = Table(  # who hears of an alarm next while nobody answers
    "policy",
    metadata,
    Column("id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("body", JSON, nullable=False),
    Column("recorded_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text),
    Column("retired_ms", BigInteger),
)

routing = Table(  # which alarm goes by which policy: the newest version counts
    "routing",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("body", JSON, nullable=False),
    Column("recorded_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text),
)

endpoint = Table(  # a program that is told by signed webhook
    "endpoint",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),  # signs what is sent, so it is kept as it is
    Column("private", Switch, nullable=False, default=False, server_default=false()),  # may be inside our network
    Column("verified_ms", BigInteger),  # when it last answered with 2xx
    Column("created_ms", BigInteger, nullable=False),
    Column("disabled_ms", BigInteger),
)

party_contact = Table(  # whom to inform at a consignor, consignee, customer or carrier: no access, only messages
    "party_contact",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("party", Text, nullable=False, index=True),  # as shipments name it
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("phone", Text),
    Column("zone", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("email_verified_ms", BigInteger),
    Column("phone_verified_ms", BigInteger),
    Column("created_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
)

contact_proof = Table(  # an address is proved by what was sent to it coming back
    "contact_proof",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("recipient", String(36), nullable=False, index=True),
    Column("recipient_kind", Text, nullable=False),  # person | party
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("code_hash", String(64), nullable=False),
    Column("sent_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("proved_ms", BigInteger),
)

drill = Table(  # the weekly test alarm of one contact on one channel, and its answer
    "drill",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("recipient", String(36), nullable=False, index=True),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("alarm", String(36), ForeignKey("alarm.id"), nullable=False),
    Column("sent_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("answered_ms", BigInteger),
    Column("answered_via", Text),
    Column("missed_ms", BigInteger),  # when it was found that no answer came
)

out_of_service = Table(  # under maintenance: nothing is announced, everything is recorded, and it says so everywhere
    "out_of_service",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("subject_kind", Text),  # a store or shipment as a whole ...
    Column("subject_id", Text),
    Column("logger", Text),  # ... or a logger, or one of its channels
    Column("channel", Text),
    Column("work_order", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("recorded_ms", BigInteger, nullable=False),
    Column("reminded_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("ended_by", Text),
)
