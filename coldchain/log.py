"""Logs: one event a line on standard error, as JSON for machines or short text on a terminal."""

import logging
import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog


class _Lossy:
    """Standard error, or nothing where that is full or closed: what cannot be logged stops nobody's work."""

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


def set_up(role: str) -> None:
    """Configure structlog and the standard library's logging for this process."""
    # Plain tracebacks in both: the terminal's pretty ones print local variables, and those hold passwords and tokens.
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        # Looked up at each event: whoever replaces standard error later gets what is said from then on.
        logger_factory=lambda *_: structlog.PrintLogger(cast("TextIO", _Lossy())),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    structlog.contextvars.bind_contextvars(role=role)
    logging.basicConfig(level=logging.WARNING, format=f"%(asctime)s {role} %(levelname)s %(name)s %(message)s")
