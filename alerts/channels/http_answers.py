"""What an HTTP status and its Retry-After mean to whoever sends alarms."""

# Refusals of ourselves, not of the message: a repaired key or a quieter hour cures them.
LATER = frozenset({401, 403, 408, 425, 429})
_LONGEST_S = 3600.0


def wait_s(retry_after: str | None) -> float | None:
    """The seconds of a Retry-After, an hour at most; None where it says none (a date counts as none)."""
    asked = (retry_after or "").strip()
    return min(float(asked), _LONGEST_S) if asked.isascii() and asked.isdigit() else None
