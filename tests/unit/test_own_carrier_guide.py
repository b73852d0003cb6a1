"""The carrier that the guide shows is one: it runs, and keeps its promises."""

import re
from pathlib import Path

from carrier_conformance import conform, mutations

from coldchain.domain.message import Envelope

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "own-carrier.md"
FRAME = b"\xac\x01\x01\xce"


def test_the_carrier_of_the_guide_keeps_its_promises() -> None:
    shown = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)[0]
    names: dict[str, type] = {}
    exec(compile(shown, str(GUIDE), "exec"), names)
    carrier = names["AcmeFrames"]()

    def envelope_of(payload: bytes) -> Envelope:
        return Envelope("mqtt", "acme/LG-7/frame", payload, 1_767_607_200_000)

    assert conform(carrier, [FRAME, *mutations([FRAME], 1000)], envelope_of) > 50
    [message] = carrier.decode(envelope_of(FRAME)).messages
    assert [(row.logger, row.temperature_mc, row.seq) for row in message.readings] == [("LG-7", 4620, 1)]
    assert carrier.decode(Envelope("http", "acme", FRAME, 1_767_607_200_000)).refusal is not None
