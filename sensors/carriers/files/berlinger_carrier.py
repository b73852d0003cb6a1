"""A Berlinger export as a message: one file, one key, one reading for each logged sample."""

import hashlib

from coldchain.domain.message import Arrival, Decoded, Envelope
from coldchain.domain.reading import Reading
from coldchain.errors import InvalidValue
from sensors.carriers.files.berlinger import BerlingerExport, LogRow, parse
from sensors.carriers.port import PLAIN, Context, refused

NAME = "berlinger-txt@1"
CHANNEL = "internal"


class Berlinger:
    """Reads files; the zone of their wall clock is stated for each import, so this carrier lives as long as one."""

    name = NAME
    source = "berlinger"
    filters: tuple[str, ...] = ()

    def __init__(self, zone: str) -> None:
        self._zone = zone

    def claims(self, envelope: Envelope) -> bool:
        """Any file whose first line names a device as these exports do."""
        return envelope.transport == "file" and self.recognises(envelope)

    def recognises(self, envelope: Envelope) -> bool:
        """A first line that names a device as these exports do."""
        return envelope.payload.removeprefix(b"\xef\xbb\xbf").startswith(b"Device:")

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:  # noqa: ARG002 - needs no profile
        """The export as one message keyed by the SHA-256 of its bytes; never raises."""
        try:
            export = parse(envelope.payload, self._zone)
        except InvalidValue as error:
            return refused(envelope, str(error))
        return Arrival(envelope, (message(export, envelope),))


def message(export: BerlingerExport, envelope: Envelope) -> Decoded:
    """The message that stands for this export. Daily summaries are not in it: they are no samples."""
    return Decoded(
        logger=export.serial,
        key=hashlib.sha256(envelope.payload).hexdigest(),
        payload=envelope.payload,
        adapter=NAME,
        readings=tuple(_reading(export, row, envelope.received_at_ms) for row in export.rows),
        interval_ms=export.interval_min * 60_000 if export.interval_min else None,
        status={"model": export.model, "firmware": export.firmware, "days": len(export.days)},
        device_profile=NAME,
    )


def _reading(export: BerlingerExport, row: LogRow, received_at_ms: int) -> Reading:
    return Reading(
        logger=export.serial,
        channel=CHANNEL,
        event_time_ms=row.at_ms,
        record_time_ms=received_at_ms,
        time_source="device",
        device_time=row.local,
        temperature_mc=row.temperature_mc,
        historical=True,
        fault=None if row.temperature_mc is not None else "sensor_error",
        device_profile=NAME,
    )
