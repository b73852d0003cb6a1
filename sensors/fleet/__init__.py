"""The simulated fleet: shipments, stores and loggers that behave as real ones do, pure from a seed."""
