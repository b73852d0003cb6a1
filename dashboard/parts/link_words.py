"""An alarm as the page behind a mail's link shows it: to somebody who was woken by it and has a telephone in hand."""

from zoneinfo import ZoneInfo

from coldchain.domain.quantity import ms_from_iso
from dashboard.parts import text
from dashboard.parts.dossier import JsonObject
from dashboard.parts.shipment_blocks import cause_words

_UTC = ZoneInfo("UTC")
_STATES = {"pending": "about to be raised", "active": "going on", "returning": "coming back", "returned": "over"}


def link_facts(about: JsonObject) -> list[tuple[str, str]]:
    """Names and values, what is wrong first; what is not known is left out."""
    farthest = text.extreme(str(about["cause"])).capitalize()
    rows = [
        ("Shipment or store", about.get("reference")),
        ("What", cause_words(about)),
        ("State", _STATES.get(about["condition"], about["condition"])),
        ("Now", _celsius(about, "value_c")),
        (farthest, _celsius(about, "peak_c")),
        ("Since", _moment(about, "onset")),
        ("Until", _moment(about, "end")),
        ("Logger", " / ".join(str(about[name]) for name in ("logger", "channel") if about.get(name))),
    ]
    return [(name, str(value)) for name, value in rows if value]


def _celsius(about: JsonObject, name: str) -> str | None:
    return None if about.get(name) is None else text.celsius(about[name], about.get("limit_c"))


def _moment(about: JsonObject, name: str) -> str | None:
    return None if about.get(name) is None else text.moment(ms_from_iso(about[name]), _UTC)
