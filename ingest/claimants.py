"""Which carrier answers for a topic: asked once for each topic, because carriers claim by it alone."""

from collections.abc import Sequence

from coldchain.domain.message import Envelope
from sensors.carriers.mapped import Mapped
from sensors.carriers.port import Carrier

_REMEMBERED = 20_000  # topics; hostile ones must not grow the process without bound


class Claimants:
    """The first carrier that claims an envelope. Safe to use from several threads.

    Connections by configuration come and go while the program runs, so they are asked each time; the others are not.
    """

    def __init__(self, carriers: Sequence[Carrier]) -> None:
        self._carriers = tuple(carriers)
        self._changing = tuple(place for place, one in enumerate(carriers) if isinstance(one, Mapped))
        self._places: dict[str, int] = {}

    def of(self, envelope: Envelope) -> Carrier | None:
        """The carrier that answers for `envelope`, None where nobody does."""
        if envelope.transport != "mqtt":
            return next((carrier for carrier in self._carriers if carrier.claims(envelope)), None)
        place = self._places.get(envelope.source)
        if place is None:
            place = self._steady(envelope)
            if len(self._places) >= _REMEMBERED:
                self._places.clear()
            self._places[envelope.source] = place
        for changing in self._changing:
            if changing > place:
                break
            if self._carriers[changing].claims(envelope):
                return self._carriers[changing]
        return self._carriers[place] if place < len(self._carriers) else None

    def _steady(self, envelope: Envelope) -> int:
        """The place of the first carrier that always claims this topic; behind the last where none does."""
        for place, carrier in enumerate(self._carriers):
            if place not in self._changing and carrier.claims(envelope):
                return place
        return len(self._carriers)
