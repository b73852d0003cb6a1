"""Every metric's name, kind and meaning in one place; `/metrics` shows those of the process that is asked."""

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

MESSAGES = Counter("coldchain_messages", "Messages committed by what became of them", ["outcome"])
READINGS = Counter("coldchain_readings", "Readings committed for the first time")
OVERSIZE = Counter("coldchain_oversize", "Messages too large to be read, by logger", ["logger"])
ADAPTER_ERRORS = Counter("coldchain_adapter_errors", "Messages over which a carrier failed, which none may")
COMMIT_SECONDS = Histogram("coldchain_commit_seconds", "Duration of a journal commit")
COMMIT_MESSAGES = Histogram(
    "coldchain_commit_messages", "Messages in one journal commit", buckets=(1, 2, 5, 10, 50, 100, 500, 1000, 5000)
)
CONNECTIONS = Gauge("coldchain_listener_connections", "Loggers connected to the built-in listener")
REFUSED_CONNECTIONS = Counter("coldchain_listener_refused", "Connections refused or cut, by reason", ["reason"])
PROJECTED_POINTS = Counter("coldchain_projected_points", "Readings written to InfluxDB")
PROJECTION_LAG = Gauge("coldchain_projection_lag_offsets", "Journal offsets that InfluxDB is behind")
PROJECTION_REFUSED = Counter("coldchain_projection_refused", "Readings that InfluxDB refused for good")
ENGINE_LAG = Gauge("coldchain_engine_lag_offsets", "Journal offsets that the engine is behind")
ENGINE_SECONDS = Histogram("coldchain_engine_step_seconds", "Duration of one step of the engine")
OUTBOX_DUE = Gauge("coldchain_outbox_due", "Messages to people that are due and not yet accepted")
DELIVERIES = Counter("coldchain_deliveries", "Attempts to deliver a message to a person", ["channel", "outcome"])
STREAMS = Gauge("coldchain_event_streams", "Browsers and programs that follow the event stream")

__all__ = ["REGISTRY"]
