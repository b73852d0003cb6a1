"""The built-in MQTT ingest listener: MQTT 3.1.1 and 5, QoS 0 and 1, acknowledged after the commit."""

from ingest.listener.access import Credentials
from ingest.listener.server import Listener

__all__ = ["Credentials", "Listener"]
