"""Making a device profile: the kept messages, their fields, what a draft reads from them, and putting it to work."""

import re
from typing import Any, NamedTuple

from coldchain.domain.device_profile import Assignment
from coldchain.errors import Forbidden, InvalidValue, NotFound
from coldchain.journal.port import StoredMessage
from coldchain.registry import device_profiles
from coldchain.registry.viewer import Viewer
from dashboard.parts.arriving import NEWEST
from dashboard.parts.logger_forms import catalogue_of
from dashboard.parts.profile_draft import JsonObject, begun, continued, read, tables, text_of
from dashboard.parts.trial import Tried, fields_of, remembered, tried
from dashboard.services import Services
from sensors.carriers.fields import Wrong
from sensors.carriers.uplink import tree_of
from sensors.device_profiles.format import parse
from sensors.device_profiles.profile import Profile

MAPPED = "mapped@1"
_ID_LIKE = re.compile(r"[^a-z0-9]+")


class Bench(NamedTuple):
    """One source's newest messages with their fields."""

    message: StoredMessage  # that was chosen
    kept: list[StoredMessage]  # alike, newest first; the chosen one is among them
    trees: list[Any]  # the fields of each, None where there are none
    carrier: str | None  # whose envelope it is; None: nobody's, so the profile has to say who sent it
    logger: str | None
    hints: dict[str, str]
    recalled: bool = False  # its fields are read with what its carrier remembers of earlier messages

    @property
    def tree(self) -> Any:
        """The fields of the chosen message."""
        return self.trees[self.kept.index(self.message)]

    @property
    def sourced(self) -> bool:
        """Whether the profile itself has to say which messages it is for, and who sent them."""
        return self.carrier is None


def whole(viewer: Viewer) -> Viewer:
    """The viewer, if it sees the whole installation: what nobody owns yet may be anybody's.

    Raises:
        Forbidden: it sees one customer's or carrier's shipments only.
    """
    if viewer.scoped:
        raise Forbidden("What arrives here has no owner yet, and you see one customer's or carrier's shipments only.")
    return viewer


def load(services: Services, viewer: Viewer, asked: object) -> Bench:
    """The bench for a kept message.

    Raises:
        NotFound: there is no such message.
        Forbidden: the viewer sees one customer's or carrier's shipments only.
    """
    whole(viewer)
    words = asked if isinstance(asked, str) else ""
    message = services.journal.message(int(words)) if words.isdecimal() and len(words) < 19 else None
    if message is None:
        raise NotFound(f"no message {words[:20]}")
    envelope = message.envelope
    kept = services.journal.alike(envelope.transport, envelope.source, message.logger, NEWEST)
    if all(one.offset != message.offset for one in kept):
        kept = [message, *kept[: NEWEST - 1]]
    else:
        message = next(one for one in kept if one.offset == message.offset)
    carriers = [carrier for carrier in services.pipeline.carriers if carrier.name != MAPPED]
    memory = remembered(services)
    fields = [fields_of(carriers, one.envelope, memory) for one in kept]
    trees = [_tree(one) if found is None else found.tree for one, found in zip(kept, fields, strict=True)]
    first = fields[kept.index(message)]
    if first is None:
        return Bench(message, kept, trees, None, message.logger, {})
    return Bench(message, kept, trees, first.carrier, first.logger, dict(first.hints), first.recalled)


def _tree(message: StoredMessage) -> Any:
    try:
        return tree_of(message.envelope.payload)
    except Wrong:
        return None


def first_draft(services: Services, bench: Bench, profile: object) -> JsonObject:
    """An empty draft for these messages, or the profile that was asked for."""
    catalogue = catalogue_of(services)
    named = catalogue.get(profile) if isinstance(profile, str) else None
    if named is not None:
        return continued(named.profile, named.profile.version + 1)
    envelope = bench.message.envelope
    words = bench.logger or envelope.source
    slug = _ID_LIKE.sub("-", words.lower()).strip("-")[:40] or "new"
    while catalogue.get(slug) is not None:
        slug = f"{slug[:40]}-own"
    return begun(slug, words[:80] if words.isprintable() else slug, _source(bench))


def _source(bench: Bench) -> JsonObject | None:
    envelope = bench.message.envelope
    if not bench.sourced:
        return None
    if envelope.transport != "mqtt":
        return {"webhook": _ID_LIKE.sub("-", envelope.source.lower()).strip("-") or "hook"}
    levels = envelope.source.split("/")
    return {"topics": [envelope.source], **({"device": f"topic[{len(levels) - 1}]"} if len(levels) == 1 else {})}


def profile_of(draft: object) -> Profile:
    """The profile that a draft from the browser describes.

    Raises:
        InvalidValue: names every mistake.
    """
    if not isinstance(draft, dict) or len(text_of(draft)) > 100_000:
        raise InvalidValue("The draft is none.")
    return read(draft)


def draft_of(written: object) -> JsonObject:
    """A draft from the text that a person wrote, TOML or JSON.

    Raises:
        InvalidValue: it is neither, or no device profile.
    """
    words = written if isinstance(written, str) else ""
    return tables(parse(words))


def preview(services: Services, bench: Bench, profile: Profile) -> list[Tried]:
    """What the kept messages would become with this profile, in their order."""
    kept = bench.kept
    if profile.source is not None and profile.source.webhook is not None:
        kept = [one._replace(envelope=one.envelope._replace(source=profile.source.webhook)) if
                one.envelope.transport == "http" else one for one in kept]  # fmt: skip
    assigned = {} if profile.source is not None or bench.logger is None else {bench.logger: profile.label}
    return tried(services, kept, profile, assigned)


def save(services: Services, viewer: Viewer, bench: Bench, draft: object, reason: str) -> Profile:
    """Save the draft as the next version, and give it to the logger that it was made for.

    Raises:
        InvalidValue: the draft has mistakes, reads nothing, or the reason is missing.
        Stale: somebody saved this version meanwhile.
    """
    profile = profile_of(draft)
    if not any(one.readings for one in preview(services, bench, profile)):
        raise InvalidValue("It reads nothing from the newest messages yet.")
    now_ms, elsewhere = services.clock.now_ms(), _shipped(services, profile.id)
    with services.registry.write() as connection:
        device_profiles.add(
            connection, profile.id, profile.version, profile.text, who=viewer.id, now_ms=now_ms, reason=reason,
            elsewhere=elsewhere,
        )  # fmt: skip
        if profile.source is None and bench.logger is not None:
            _give(connection, services, bench.logger, profile.id, viewer, reason, now_ms)
    services.library.refresh()
    return profile


def take(services: Services, viewer: Viewer, bench: Bench, name: object, reason: str) -> Profile:
    """Give the logger a profile as it is: by this a person confirms an untested one.

    Raises:
        InvalidValue: there is no such profile, no logger to give it to, or no reason.
    """
    entry = catalogue_of(services).get(name) if isinstance(name, str) else None
    if entry is None:
        raise InvalidValue("Choose a device profile.")
    if bench.logger is None:
        raise InvalidValue("Nothing says who sent these messages: make a profile that does.")
    with services.registry.write() as connection:
        _give(connection, services, bench.logger, entry.profile.id, viewer, reason, services.clock.now_ms())
    services.library.refresh()
    return entry.profile


def _give(connection: Any, services: Services, logger: str, id_: str, viewer: Viewer, reason: str, now_ms: int) -> None:
    known = catalogue_of(services).assignments.get(logger)
    said = Assignment(id_, None if known is None else known.zone)
    device_profiles.assign(connection, logger, said, who=viewer.id, now_ms=now_ms, reason=reason)


def _shipped(services: Services, id_: str) -> int:
    """The newest version of this id among the files."""
    entries = catalogue_of(services).entries
    return max((one.profile.version for one in entries if one.profile.id == id_ and one.origin != "saved"), default=0)


def senders(found: list[Tried]) -> list[str]:
    """The loggers that the messages speak for."""
    return sorted({one.logger for one in found if one.logger is not None and one.readings})
