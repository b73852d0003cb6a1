"""An alarm as the page behind a mail's link shows it: to somebody who was woken by it and has a telephone in hand."""

from zoneinfo import ZoneInfo

from coldchain.domain.quantity import ms_from_iso
from dashboard.parts import text
from dashboard.parts.alarm_amounts import amount, cause_words, extreme
from dashboard.parts.dossier import JsonObject

_UTC = ZoneInfo("UTC")
_STATES = {"pending": "about to be raised", "active": "going on", "returning": "coming back", "returned": "over"}


def link_facts(about: JsonObject) -> list[tuple[str, str]]:
    """Names and values, what is wrong first; what is not known is left out."""
    farthest = extreme(about).capitalize()
    rows = [
        ("Shipment or store", about.get("reference")),
        ("Where", about.get("place")),
        ("What", cause_words(about)),
        ("State", _STATES.get(about["condition"], about["condition"])),
        ("Now", _amount(about, "value_c")),
        (farthest, _amount(about, "peak_c")),
        ("Since", _moment(about, "onset")),
        ("Until", _moment(about, "end")),
        ("Logger", " / ".join(str(about[name]) for name in ("logger", "channel") if about.get(name))),
    ]
    return [(name, str(value)) for name, value in rows if value]


def link_line(about: JsonObject) -> tuple[str, str]:
    """An alarm in a list: what it is about and how bad, and below it what is wrong, how far and since when."""
    said = dict(link_facts(about))
    where = f" ({about['place']})" if about.get("place") else ""
    named = f"{about['severity'].upper()}: {about.get('reference') or 'Coldchain'}{where}"
    figures = [f"{name.lower()} {said[name]}" for name in ("Now", extreme(about).capitalize()) if name in said]
    times = [f"{name.lower()} {said[name]}" for name in ("Since", "Until") if name in said]
    over = ["over"] if about["condition"] == "returned" else []
    logger = [f"logger {said['Logger']}"] if "Logger" in said else []
    return named, ", ".join([*over, said["What"], *figures, *times, *logger])


def _amount(about: JsonObject, name: str) -> str | None:
    return None if about.get(name) is None else amount(about, about[name])


def _moment(about: JsonObject, name: str) -> str | None:
    return None if about.get(name) is None else text.moment(ms_from_iso(about[name]), _UTC)
