"""Many batches for a list: what the page of each would say, from a few questions and each store's readings read once.

What was judged before is recalled by everything that it was judged from, the readings included: it cannot be stale.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import fields, replace
from hashlib import blake2b
from threading import Lock
from typing import Any

from sqlalchemy import Connection

from coldchain.domain.profile import ProductProfile
from coldchain.domain.track import Track
from coldchain.registry import batches, stays
from coldchain.registry.batches import BatchKey
from coldchain.registry.stays import Stay
from coldchain.registry.viewer import Viewer
from coldchain.telemetry.port import History
from compliance.batch_stays import StoreRecord, heard, part_of, stores_of, unheard
from compliance.batches import BatchLedger, joined, profile_of
from compliance.inputs import Bound, Inputs
from compliance.ledger import Part
from compliance.read_once import ReadOnce

_REMEMBERED = 4000  # stays, of a few kilobytes each
_COLUMNS = tuple(field.name for field in fields(Track))


def load_many(
    connection: Connection, history: History, viewer: Viewer, ids: Sequence[str], as_of_ms: int
) -> dict[str, BatchLedger]:  # fmt: skip
    """The ledgers of some batches by their ids, as `load` gives each; one that is not the viewer's is left out.

    The parts of stays come without their inputs.
    """
    keys = [BatchKey.from_id(id_) for id_ in ids]
    found = batches.members_of_many(connection, viewer, keys)
    happened = batches.milestones(connection, sorted({one.id for some, _ in found.values() for one in some}))
    stayed = stays.of_batches(connection, list(found))
    records = {} if viewer.scoped else stores_of(connection, {one.store for some in stayed.values() for one in some})
    once, said = ReadOnce(history), {}
    for key, (members, hidden) in found.items():
        profile, stored = profile_of(connection, members), stayed.get(key, [])
        unseen = len(stored) if viewer.scoped else 0
        parts = [] if unseen else [
            part_of(connection, history, one, None, as_of_ms) if profile is None
            else _part(records[one.store], once, one, profile, as_of_ms) for one in stored
        ]  # fmt: skip
        said[key.id] = joined(key, members, hidden, happened, profile, parts, as_of_ms, unseen)
    return said


def _part(record: StoreRecord, history: History, stay: Stay, profile: ProductProfile, now_ms: int) -> Part:
    """The same part as `part_of` gives, without its inputs."""
    measured = record.over(stay, history)
    if record.state is None or measured is None:
        return unheard(stay, profile, now_ms)
    inputs, as_of_ms = measured
    last = dict(record.state.last)
    key = (stay.id, stay.store, stay.name, stay.site, _content(profile), _content(inputs), as_of_ms)
    part = _recalled.get(key)
    if part is None:
        part = replace(heard(stay, profile, inputs, as_of_ms, last, now_ms), inputs=None)
        if (part.document or {}).get("governing_channel") is not None:  # else it depends on the present moment
            _recalled.put(key, part)
    return replace(part, last=last)


def _content(value: Any) -> Hashable:
    """Equal for equal inputs only: every field of them, readings by the digest of their columns."""
    if isinstance(value, Track):
        digest = blake2b(digest_size=20)
        for name in _COLUMNS[2:]:
            digest.update(getattr(value, name).tobytes())
        return value.logger, value.channel, len(value), digest.digest()
    if isinstance(value, ProductProfile):
        return value.id, value.version, value.config_hash
    if isinstance(value, Inputs | Bound):
        return tuple(_content(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, tuple):
        return tuple(_content(item) for item in value)
    return value  # type: ignore[no-any-return]


class _Recalled:
    """The newest parts by what they were judged from."""

    def __init__(self) -> None:
        self._parts: OrderedDict[Hashable, Part] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> Part | None:
        with self._lock:
            found = self._parts.get(key)
            if found is not None:
                self._parts.move_to_end(key)
            return found

    def put(self, key: Hashable, part: Part) -> None:
        with self._lock:
            self._parts[key] = part
            if len(self._parts) > _REMEMBERED:
                self._parts.popitem(last=False)


_recalled = _Recalled()
