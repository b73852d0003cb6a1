"""The embedded store: the journal's own hot rows, and its closed days as compressed segments."""

from coldchain.telemetry.embedded.compaction import Compacted, Sizes, compact, sizes
from coldchain.telemetry.embedded.history import EmbeddedTelemetry

__all__ = ["Compacted", "EmbeddedTelemetry", "Sizes", "compact", "sizes"]
