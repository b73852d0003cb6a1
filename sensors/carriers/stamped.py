"""Message keys and stamps of formats that carry a time and no message number."""

import hashlib

from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import InvalidValue


def stamped_key(at_ms: int | None, own: bytes) -> str:
    """A key that holds for ever: when it was said, and what; none without a time (then the content's hash counts)."""
    if at_ms is None:
        return ""
    return f"{at_ms}:{hashlib.sha256(own).hexdigest()[:16]}"


def iso_ms(text: object) -> int | None:
    """Milliseconds of an ISO 8601 time with its zone; None for anything else, local times included."""
    if type(text) is not str:
        return None
    try:
        return ms_from_iso(text)
    except InvalidValue:
        return None
