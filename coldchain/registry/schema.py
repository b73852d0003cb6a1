"""The registry's tables. Times are milliseconds UTC, ids UUID text, quantities the integers of `coldchain.domain`.

Facts, findings and the audit trail are append-only: a change is a new row that supersedes the old one.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives row numbers to INTEGER PRIMARY KEY columns only; PostgreSQL wants the 64-bit kind.
_RowNumber = BigInteger().with_variant(Integer, "sqlite")


def _id(name: str = "id") -> Column[str]:
    return Column(name, String(36), primary_key=True)


def _ms(name: str, *, required: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=not required)


def _text(name: str, *, required: bool = False) -> Column[str]:
    return Column(name, Text, nullable=not required)


# --- people and programs -------------------------------------------------------------------------------------------

person = Table(
    "person",
    metadata,
    _id(),
    Column("email", Text, nullable=False, unique=True),
    _text("name", required=True),
    _text("phone"),
    _text("role", required=True),  # viewer | operator | quality | auditor | admin
    _text("zone", required=True),  # IANA
    _text("language", required=True),  # of messages: en, de
    Column("on_call", Boolean, nullable=False, default=False),
    _text("password_hash"),  # argon2id; None: only sign-in links
    _text("scope_customer"),  # a viewer of one customer's or one carrier's shipments sees nothing else
    _text("scope_carrier"),
    _ms("email_verified_ms"),
    _ms("phone_verified_ms"),
    _ms("expires_ms"),  # auditors are time-boxed
    _ms("disabled_ms"),
    _ms("created_ms", required=True),
    Column("working_hours", JSON),  # {"mon": ["08:00", "17:00"], ...} in the person's zone
    Column("quiet_hours", JSON),  # ["22:00", "06:00"]: what may wait does
    _text("digest_at"),  # "07:30": when what waited is told
)

session = Table(
    "session",
    metadata,
    Column("token_hash", String(64), primary_key=True),  # SHA-256 of the opaque cookie
    Column("person", String(36), ForeignKey("person.id"), nullable=False, index=True),
    _text("csrf", required=True),
    _ms("created_ms", required=True),
    _ms("last_seen_ms", required=True),
    _ms("expires_ms", required=True),
    _ms("revoked_ms"),
    _text("address"),
    _text("agent"),
)

sign_in_link = Table(
    "sign_in_link",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("person", String(36), ForeignKey("person.id"), nullable=False),
    _ms("expires_ms", required=True),
    _ms("used_ms"),
)

sign_in_attempt = Table(  # for throttling; rows older than a day are swept
    "sign_in_attempt",
    metadata,
    Column("id", _RowNumber, primary_key=True),
    _text("email", required=True),
    _text("address"),
    _ms("at_ms", required=True),
    Column("succeeded", Boolean, nullable=False),
    Index("ix_sign_in_attempt_email_at", "email", "at_ms"),
)

api_key = Table(
    "api_key",
    metadata,
    _id(),
    _text("name", required=True),
    _text("role", required=True),  # a person's role, or device
    Column("key_hash", String(64), nullable=False, unique=True),
    _text("scope_customer"),
    _text("scope_carrier"),
    _ms("created_ms", required=True),
    _ms("last_used_ms"),
    _ms("revoked_ms"),
    Column("loggers", JSON(none_as_null=True)),  # of a device's key: for whom alone it may speak; null: for any
)

# --- loggers, products, shipments ----------------------------------------------------------------------------------

logger = Table(  # registered loggers; those only heard of live in the journal
    "logger",
    metadata,
    Column("id", Text, primary_key=True),
    _text("device_profile"),
    _text("model"),
    _text("serial"),
    _text("note"),
    Column("mqtt_password_hash", String(64)),  # SHA-256: the password is 32 random bytes, not a person's
    _ms("created_ms", required=True),
    _ms("retired_ms"),
    # A gateway speaks for the tags around it: those of the list, or any where there is none.
    Column("gateway", Boolean, nullable=False, server_default=false(), default=False),
    Column("gateway_for", JSON),
    _text("zone"),  # IANA, of the local times that it writes; never the server's
)

device_profile = Table(  # the customer's own; those that ship are files of the program
    "device_profile",
    metadata,
    Column("id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    _text("text", required=True),  # the TOML, as written
    _ms("recorded_ms", required=True),
    _text("who", required=True),
    _text("reason"),
    _ms("retired_ms"),
)

topic_filter = Table(  # MQTT topics that a person asked to listen to, beside those of the carriers
    "topic_filter",
    metadata,
    Column("filter", Text, primary_key=True),
    _text("note"),
    _ms("recorded_ms", required=True),
    _text("who", required=True),
    _ms("ended_ms"),
)

carrier_memory = Table(  # what carriers have to remember between messages, such as Sparkplug's aliases
    "carrier_memory",
    metadata,
    Column("carrier", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body", JSON, nullable=False),
    _ms("changed_ms", required=True),
)

file_mapping = Table(  # how the columns of a logger's CSV are to be read
    "file_mapping",
    metadata,
    Column("id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", JSON, nullable=False),
    _ms("recorded_ms", required=True),
    _text("who", required=True),
    _text("reason"),
    _ms("retired_ms"),
)

calibration = Table(
    "calibration",
    metadata,
    _id(),
    Column("logger", Text, ForeignKey("logger.id"), nullable=False, index=True),
    _text("certificate", required=True),
    _text("laboratory"),
    _ms("calibrated_ms", required=True),
    _ms("due_ms", required=True),
    Column("body", JSON, nullable=False),  # method, points, as-found, as-left, uncertainty
    _ms("recorded_ms", required=True),
    _text("who", required=True),
)

product_profile = Table(
    "product_profile",
    metadata,
    Column("id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    _text("name", required=True),
    Column("body", JSON, nullable=False),  # the TOML format as JSON
    _ms("recorded_ms", required=True),
    _text("who", required=True),
    _text("reason"),
    _ms("approved_ms"),
    _text("approved_by"),
    _ms("retired_ms"),  # of the whole profile: each of its versions says so
    _text("retired_by"),
    _text("retired_reason"),
)

shipment = Table(
    "shipment",
    metadata,
    _id(),
    Column("reference", Text, nullable=False, unique=True),
    _text("customer"),
    _text("consignor"),
    _text("consignee"),
    _text("carrier"),
    Column("origin", JSON),  # {"name", "latitude", "longitude", "zone"}
    Column("destination", JSON),
    _text("lane"),  # "MUC → LIS"
    _text("state", required=True),  # planned | in_transit | arrived | closed
    _ms("planned_departure_ms"),
    _ms("planned_arrival_ms"),
    _ms("departed_ms"),
    _ms("arrived_ms"),
    _ms("closed_ms"),
    Column("legal_hold", Boolean, nullable=False, default=False),
    Column("version", Integer, nullable=False, default=1),
    _ms("created_ms", required=True),
    Index("ix_shipment_state_created", "state", "created_ms"),
)

batch = Table(
    "batch",
    metadata,
    _id(),
    Column("shipment", String(36), ForeignKey("shipment.id"), nullable=False, index=True),
    _text("batch", required=True),
    _text("gtin"),
)

milestone = Table(  # legs, stops, hand-overs: planned or happened
    "milestone",
    metadata,
    _id(),
    Column("shipment", String(36), ForeignKey("shipment.id"), nullable=False, index=True),
    _text("kind", required=True),  # departure | leg | stop | handover | arrival
    _text("mode"),  # road | air | sea
    _text("name", required=True),
    _text("custodian"),
    Column("latitude_e7", BigInteger),
    Column("longitude_e7", BigInteger),
    _ms("planned_ms"),
    _ms("happened_ms"),
    _ms("recorded_ms", required=True),
)

store = Table(
    "store",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    _text("site"),
    _text("kind"),  # fridge | freezer | cold_room | warehouse_zone
    _text("zone", required=True),
    Column("latitude_e7", BigInteger),
    Column("longitude_e7", BigInteger),
    _ms("created_ms", required=True),
    _ms("retired_ms"),
)

# --- facts that figures depend on, and what must be judged again ---------------------------------------------------

fact = Table(  # bitemporal: valid_* is the world's time, recorded/superseded is ours
    "fact",
    metadata,
    Column("id", _RowNumber, primary_key=True),
    _text("subject_kind"),  # None for facts about a logger alone (interval, calibration, interpretation)
    _text("subject_id"),
    Column("logger", Text, index=True),
    _text("kind", required=True),  # binding | stage | exclusion | profile | interval | calibration | interpretation
    Column("body", JSON, nullable=False),
    _ms("valid_from_ms", required=True),
    _ms("valid_to_ms"),
    _ms("recorded_ms", required=True),
    Column("superseded_by", BigInteger),
    _ms("superseded_ms"),
    _text("who", required=True),
    _text("reason"),
    Index("ix_fact_subject", "subject_kind", "subject_id", "kind"),
)

dirty = Table(
    "dirty",
    metadata,
    Column("id", _RowNumber, primary_key=True),
    _text("subject_kind", required=True),
    _text("subject_id", required=True),
    _ms("from_ms", required=True),
    _text("reason", required=True),
    _ms("recorded_ms", required=True),
)

# --- findings ------------------------------------------------------------------------------------------------------

subject_state = Table(  # the newest findings of each subject: what lists and the live view read
    "subject_state",
    metadata,
    Column("subject_kind", Text, primary_key=True),
    Column("subject_id", Text, primary_key=True),
    _ms("as_of_ms", required=True),
    Column("journal_offset", BigInteger, nullable=False),
    Column("next_due_ms", BigInteger, index=True),
    _text("status", required=True),  # in_range | at_risk | excursion | unknown
    Column("document", JSON, nullable=False),  # coldchain.compliance/1
    Column("last", JSON, nullable=False),  # per channel: newest reading, position
    Column("revision", BigInteger, nullable=False),
)

past_document = Table(  # what a subject was found to be by a product profile that no longer judges it
    "past_document",
    metadata,
    Column("id", _RowNumber, primary_key=True),
    _text("subject_kind", required=True),
    _text("subject_id", required=True),
    _text("profile", required=True),
    Column("profile_version", Integer, nullable=False),
    _ms("as_of_ms", required=True),
    Column("journal_offset", BigInteger, nullable=False),
    _text("status", required=True),
    Column("document", JSON, nullable=False),  # coldchain.compliance/1, as it was
    _ms("recorded_ms", required=True),  # when another product profile took over: who did it, and why
    _text("who", required=True),
    _text("reason"),
    UniqueConstraint("subject_kind", "subject_id", "profile", "profile_version", "as_of_ms"),
)

shipment_figures = Table(  # of each shipment's newest document, in columns: what summaries add up
    "shipment_figures",
    metadata,
    Column("shipment", String(36), primary_key=True),
    _ms("as_of_ms", required=True),
    _text("profile"),
    Column("profile_version", Integer),
    _text("logger"),  # and channel: the governing one, whose figures these are
    _text("channel"),
    _ms("in_range_ms"),
    _ms("above_ms"),
    _ms("below_ms"),
    _ms("unknown_ms"),
    Column("min_mc", BigInteger),
    Column("max_mc", BigInteger),
    Column("mkt_c", Double),
    _text("mkt_ratio"),  # ΔH/R in kelvin, exact
    _text("mkt_rate"),  # `kinetic.rate` of `mkt_c`: integer text, passes 64 bits
    _ms("budget_used_ms"),  # of the band of which the greatest share is used
    _ms("budget_allowed_ms"),
    Column("tier", Integer),
)

excursion = Table(
    "excursion",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, primary_key=True),
    _text("subject_kind", required=True),
    _text("subject_id", required=True),
    _text("logger", required=True),
    _text("channel", required=True),
    _text("direction", required=True),
    _ms("onset_ms", required=True),
    _ms("onset_sample_ms", required=True),
    _ms("end_ms"),
    _ms("duration_ms", required=True),
    _ms("duration_upper_ms", required=True),
    Column("peak_mc", BigInteger, nullable=False),
    _ms("peak_ms", required=True),
    Column("area_mc_ms", Text, nullable=False),  # integer text: may pass 64 bits
    Column("limit_mc", BigInteger, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("late", Boolean, nullable=False, default=False),
    _text("amends"),
    _text("merged_into"),
    Column("latitude_e7", BigInteger),
    Column("longitude_e7", BigInteger),
    Column("peak_latitude_e7", BigInteger),
    Column("peak_longitude_e7", BigInteger),
    _ms("recorded_ms", required=True),
    Column("superseded", Boolean, nullable=False, default=False),
    Column("withdrawn", Boolean, nullable=False, default=False),  # later data refuted it: amended, never deleted
    Column("monitoring_ended", Boolean, nullable=False, server_default=false()),  # `end_ms`: the last reading
    _text("custodian"),  # at the onset, as far as it was on record
    _text("leg"),
    Column("mean_c", Double),  # over the known time outside; NULL in versions from before it was kept
    Column("coverage_pct", Double),
    Index("ix_excursion_subject", "subject_kind", "subject_id"),
    Index("ix_excursion_current_onset", "superseded", "onset_ms"),
)

breach = Table(
    "breach",
    metadata,
    Column("id", _RowNumber, primary_key=True),
    _text("subject_kind", required=True),
    _text("subject_id", required=True),
    _text("logger", required=True),
    _text("channel", required=True),
    _text("cause", required=True),
    _text("rule", required=True),
    Column("severity", Integer, nullable=False),
    _ms("fired_ms", required=True),
    Column("excursion", String(36)),
    Column("alarm", String(36)),
    _ms("recorded_ms", required=True),
    Column("superseded", Boolean, nullable=False, default=False),
    Index("ix_breach_subject", "subject_kind", "subject_id"),
)

# --- alarms and messages -------------------------------------------------------------------------------------------

alarm = Table(
    "alarm",
    metadata,
    _id(),
    _text("subject_kind"),  # None for a system alarm
    _text("subject_id"),
    _text("logger"),
    _text("channel"),
    _text("cause", required=True),
    # the condition axis: written by the engine only
    _text("condition", required=True),
    Column("severity", Integer, nullable=False),
    _ms("onset_ms", required=True),
    _ms("changed_ms", required=True),
    _ms("end_ms"),
    Column("peak_mc", BigInteger),
    Column("value_mc", BigInteger),
    Column("limit_mc", BigInteger),
    Column("rules", JSON, nullable=False),
    Column("excursions", JSON, nullable=False),
    Column("late", Boolean, nullable=False, default=False),
    Column("digest", Boolean, nullable=False, default=False),
    Column("monitoring_ended", Boolean, nullable=False, server_default=false()),
    _text("merged_into"),
    # the other axes: written by `alerts` only
    Column("occasion", Integer, nullable=False, default=0),
    _text("occasion_reason"),
    _ms("raised_ms", required=True),
    _ms("acknowledged_ms"),
    _text("acknowledged_by"),
    _text("acknowledged_via"),
    _text("comment"),
    _text("suppression", required=True),  # none | shelved | by_design | out_of_service
    _ms("suppressed_until_ms"),
    _text("quality", required=True),  # good | stale | uncertain_time | sensor_fault | gap
    Column("assigned", String(36)),
    _ms("next_timer_ms"),
    _ms("reset_ms"),
    _text("policy"),  # the escalation policy that it climbs by, and its version
    Column("policy_version", Integer),
    _ms("climb_ms"),  # when the present climb began
    Column("step", Integer),  # the newest step of it that was taken
    Column("version", Integer, nullable=False, default=1),  # compare-and-set
    Index("ix_alarm_subject", "subject_kind", "subject_id"),
    Index("ix_alarm_condition_raised", "condition", "raised_ms"),
)

alarm_event = Table(  # an alarm's timeline: raised, worsened, told, acknowledged, commented, returned
    "alarm_event",
    metadata,
    Column("id", _RowNumber, primary_key=True),
    Column("alarm", String(36), ForeignKey("alarm.id"), nullable=False, index=True),
    _ms("at_ms", required=True),
    _text("kind", required=True),
    _text("who"),
    Column("body", JSON, nullable=False),
)

outbox = Table(  # one row per (alarm, occasion, step, recipient, channel): what must reach somebody
    "outbox",
    metadata,
    _id(),
    Column("alarm", String(36), ForeignKey("alarm.id"), nullable=False, index=True),
    Column("occasion", Integer, nullable=False),
    _text("reason", required=True),  # raised | worsened | ack_timeout | repeat | shelf_ended | returned | amended
    Column("step", Integer, nullable=False),
    Column("recipient", String(36), nullable=False),
    Column("recipient_kind", Text, nullable=False, default="person", server_default="person"),  # endpoint | party
    _text("channel", required=True),  # email | sms | webhook
    _text("address", required=True),
    _text("state", required=True),  # queued sending accepted delivered failed_temporary failed_permanent unknown
    Column("content", JSON, nullable=False),  # the facts that the message is written from
    Column("attempts", Integer, nullable=False, default=0),
    Column("possible_repeat", Boolean, nullable=False, default=False),
    Column("next_due_ms", BigInteger, index=True),
    _text("lease_holder"),
    _ms("lease_until_ms"),
    Column("fence", BigInteger, nullable=False, default=0),
    _text("provider_id"),
    _text("message_id"),
    _ms("created_ms", required=True),
    _ms("accepted_ms"),
    _ms("delivered_ms"),
    Column("lead", String(36)),  # the row whose message carried this one too
    _text("code"),  # what an answer by SMS quotes
    Column("fallback", JSON),  # channels to try next for the same recipient
    _ms("fallback_ms"),  # when the first of them is due
    UniqueConstraint("alarm", "occasion", "step", "recipient", "channel"),
    Index("ix_outbox_state_due", "state", "next_due_ms"),
    Index("ix_outbox_mailbox", "recipient", "channel", "state"),
    Index("ix_outbox_lead", "lead"),
    Index("ix_outbox_fallback", "fallback_ms"),
)

delivery_attempt = Table(
    "delivery_attempt",
    metadata,
    Column("id", _RowNumber, primary_key=True),
    Column("outbox", String(36), ForeignKey("outbox.id"), nullable=False, index=True),
    _ms("started_ms", required=True),
    _ms("finished_ms"),
    _text("outcome"),
    _text("code"),
    _text("detail"),
)

# --- evidence, exchange, machinery ---------------------------------------------------------------------------------

audit = Table(
    "audit",
    metadata,
    Column("number", _RowNumber, primary_key=True, autoincrement=False),
    _ms("at_ms", required=True),
    _text("who", required=True),
    _text("action", required=True),
    _text("object_kind", required=True),
    _text("object_id", required=True),
    Column("old", JSON),
    Column("new", JSON),
    _text("reason"),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_audit_object", "object_kind", "object_id"),
)

signal = Table(  # trouble that a role reports; the engine folds it into a system alarm
    "signal",
    metadata,
    Column("id", _RowNumber, primary_key=True),
    _text("role", required=True),
    _text("kind", required=True),
    _text("detail", required=True),
    _ms("raised_ms", required=True),
    _ms("cleared_ms"),
)

file_import = Table(
    "file_import",
    metadata,
    Column("sha256", String(64), primary_key=True),
    _text("name", required=True),
    _text("format"),
    _text("zone"),
    _text("state", required=True),
    Column("report", JSON, nullable=False),
    Column("content", LargeBinary, nullable=False),
    _ms("recorded_ms", required=True),
    _text("who", required=True),
)

export = Table(
    "export",
    metadata,
    _id(),
    _text("kind", required=True),
    _text("who", required=True),
    Column("scope", JSON, nullable=False),
    _ms("started_ms", required=True),
    _ms("finished_ms"),
    Column("rows", BigInteger),
    Column("sha256", String(64)),
    _text("failure"),
)

cursor = Table(  # how far a consumer has come: engine, projector
    "cursor",
    metadata,
    Column("name", Text, primary_key=True),
    Column("journal_offset", BigInteger, nullable=False),
    Column("notice_offset", BigInteger, nullable=False, default=0),
    _ms("moved_ms", required=True),
)

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    _text("holder", required=True),
    Column("fence", BigInteger, nullable=False),
    _ms("until_ms", required=True),
)

setting = Table(  # secrets and switches that the installation makes for itself
    "setting",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", JSON, nullable=False),
)
