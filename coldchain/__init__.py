"""What every room shares: values, the journal, telemetry, the registry, configuration and time."""

__version__ = "0.1.0"
