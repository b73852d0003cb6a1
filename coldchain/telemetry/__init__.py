"""Readings by logger and time: the embedded store (the journal's own rows and day segments), or InfluxDB."""
