"""The journal's tables, in the SQL of both databases.

`reading` and `message` are append-ordered. Their only secondary indexes follow arrival (time) or arrive clustered
(a logger's next sequence number), so a commit touches a few pages however many loggers there are.
"""

VERSION = 3
PACKS_INDEXED = 3  # the first version with the table `packed`

READING_COLUMNS = (
    "position", "series", "event_time", "record_time", "time_source", "device_time", "boot", "seq", "temperature_mc",
    "humidity_mpct", "latitude_e7", "longitude_e7", "battery_mpct", "battery_mv", "light_mlux", "door_open",
    "shock_mg", "pressure_mhpa", "historical", "fault", "device_alarm", "device_profile", "interpretation", "flags",
    "tie", "message",
)  # fmt: skip

MESSAGE_COLUMNS = (
    "position", "logger", "slot", "key", "boot", "seq", "received", "context", "outcome", "refusals", "length",
    "sha256", "payload",
)  # fmt: skip

_READING = """
    position {big} PRIMARY KEY, series {int} NOT NULL, event_time {big} NOT NULL, record_time {big} NOT NULL,
    time_source {int} NOT NULL, device_time TEXT, boot {big}, seq {big}, temperature_mc {big}, humidity_mpct {big},
    latitude_e7 {big}, longitude_e7 {big}, battery_mpct {big}, battery_mv {big}, light_mlux {big}, door_open {int},
    shock_mg {big}, pressure_mhpa {big}, historical {int} NOT NULL, fault {int}, device_alarm {int},
    device_profile {int} NOT NULL, interpretation {int} NOT NULL, flags {int} NOT NULL, tie {int} NOT NULL,
    message {big} NOT NULL
"""

TABLES = {
    "meta": "name TEXT PRIMARY KEY, value {big} NOT NULL",
    # Texts that repeat (topics, profiles, alarms) are kept once and named by a number.
    "word": "id {int} PRIMARY KEY, text TEXT NOT NULL UNIQUE",
    "logger": """
        id {int} PRIMARY KEY, name TEXT NOT NULL UNIQUE, first_heard {big} NOT NULL, last_heard {big} NOT NULL,
        last_event {big}, newest_event {big}, boot {big}, seq {big}, declared_interval {big},
        estimated_interval {big}, first_times TEXT, battery_mpct {big}, battery_mv {big}, battery_at {big},
        clock_offset {big}, clock_at {big}, suspect {int} NOT NULL, messages {big} NOT NULL,
        readings {big} NOT NULL, duplicates {big} NOT NULL, quarantined {big} NOT NULL, gaps {big} NOT NULL,
        start_boot {big}, start_seq {big}, through_boot {big}, through_seq {big}, oldest_boot {big},
        oldest_seq {big}, tail_boot {big}, tail_first {big}, tail_last {big}, asked TEXT
    """,
    "series": """
        id {int} PRIMARY KEY, logger {int} NOT NULL, channel TEXT NOT NULL, latest_time {big}, latest_boot {big},
        latest_seq {big}, latest_value {big}, latest_position {big}, UNIQUE (logger, channel)
    """,
    "message": """
        position {big} PRIMARY KEY, logger {int}, slot {big} NOT NULL, key TEXT, boot {big}, seq {big},
        received {big} NOT NULL, context {int} NOT NULL, outcome {int} NOT NULL, refusals TEXT, length {big},
        sha256 TEXT, payload {blob} NOT NULL
    """,
    "reading": _READING,
    # The newest reading of a series whose day was compacted, so that `latest` never opens a segment.
    "pinned": _READING,
    # Committed sequence numbers but each logger's newest run of them, which stands in its `logger` row.
    "seq_range": """
        logger {int} NOT NULL, boot {big} NOT NULL, first {big} NOT NULL, last {big} NOT NULL,
        PRIMARY KEY (logger, boot, first)
    """,
    "gap": """
        position {big} NOT NULL, logger {int} NOT NULL, boot {big} NOT NULL, first {big} NOT NULL,
        last {big} NOT NULL, recorded {big} NOT NULL, PRIMARY KEY (logger, boot, first)
    """,
    "notice": "position {big} PRIMARY KEY, at {big} NOT NULL, kind TEXT NOT NULL, logger {int}, detail TEXT NOT NULL",
    # A message that was decoded again: its rows of lower interpretations are superseded from `position` on.
    "reinterpreted": """
        message {big} NOT NULL, interpretation {int} NOT NULL, logger {int} NOT NULL, position {big} NOT NULL,
        decision TEXT NOT NULL, PRIMARY KEY (message, interpretation)
    """,
    # An earlier message carried the values of the reading at `position` too: ties are ordered by the earliest.
    "earlier": "reading {big} NOT NULL, position {big} PRIMARY KEY, boot {big} NOT NULL, seq {big} NOT NULL",
    # Readings whose time had not come yet when they arrived: each may become its series' latest once it has.
    "ahead": """
        position {big} PRIMARY KEY, series {int} NOT NULL, event_time {big} NOT NULL, boot {big} NOT NULL,
        seq {big} NOT NULL, value {big} NOT NULL
    """,
    "segment": """
        id {serial}, logger {int} NOT NULL, day {int} NOT NULL, first {big} NOT NULL, last {big} NOT NULL,
        rows {int} NOT NULL, body {blob} NOT NULL
    """,
    "pack": """
        id {serial}, logger {int} NOT NULL, day {int} NOT NULL, first {big} NOT NULL, last {big} NOT NULL,
        slots {blob} NOT NULL, body {blob} NOT NULL
    """,
    # Of which days a logger's packs hold a message whose slot lies in this block of 64 (a named one has its own).
    "packed": "logger {int} NOT NULL, block {big} NOT NULL, day {int} NOT NULL, PRIMARY KEY (logger, block, day)",
}

# Kept in the order of their key alone, where the database can do that.
_BY_KEY = ("packed",)

INDEXES = (
    "CREATE INDEX IF NOT EXISTS reading_time ON reading (event_time, series)",
    "CREATE INDEX IF NOT EXISTS message_slot ON message (slot)",
    "CREATE INDEX IF NOT EXISTS message_refused ON message (position) WHERE refusals IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS gap_logger ON gap (logger)",
    "CREATE INDEX IF NOT EXISTS reinterpreted_logger ON reinterpreted (logger)",
    "CREATE INDEX IF NOT EXISTS earlier_reading ON earlier (reading)",
    "CREATE UNIQUE INDEX IF NOT EXISTS segment_day ON segment (logger, day)",
    "CREATE INDEX IF NOT EXISTS segment_last ON segment (last, first)",
    "CREATE INDEX IF NOT EXISTS pack_day ON pack (logger, day)",
    "CREATE INDEX IF NOT EXISTS pack_last ON pack (last, first, logger)",
)

SQLITE_TYPES = {
    "int": "INTEGER", "big": "INTEGER", "blob": "BLOB", "serial": "INTEGER PRIMARY KEY", "by_key": " WITHOUT ROWID",
}  # fmt: skip
POSTGRES_TYPES = {
    "int": "integer", "big": "bigint", "blob": "bytea",
    "serial": "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "by_key": "",
}  # fmt: skip


def definitions(types: dict[str, str]) -> list[str]:
    """The statements that make the tables and indexes where they do not exist."""
    tables = [
        f"CREATE TABLE IF NOT EXISTS {name} ({columns.format(**types)}){types['by_key'] if name in _BY_KEY else ''}"
        for name, columns in TABLES.items()
    ]
    return [*tables, *INDEXES]
