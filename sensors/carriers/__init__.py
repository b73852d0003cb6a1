"""Envelopes in which loggers speak, each decoded by a pure function."""
