"""How a figure of a batch's ledger comes about: the charges of its shipments and stays, and the sums over them.

Names are those of the batch's document: "bands.0.used_s", "bands.1.time_left.lower_s", "time_left.upper_s",
"parts.0.unknown_s", "parts.0.bands.1.used_s", "ledger.3.used_s". Each part's own figures have derivations of their own.
"""

from collections.abc import Sequence
from fractions import Fraction

from coldchain.domain.quantity import milli_from_float, ms_from_iso
from coldchain.errors import NotFound
from compliance.batches import BatchLedger
from compliance.derivation import numbers_of, value_in
from compliance.derived import SCHEMA, Derived, Json, Rows, printed, seconds
from compliance.document import program_version
from compliance.ledger import Ledger
from compliance.ledger_document import METHOD, ledger_json

_NOTHING_RUNS = "the newest reading does not lie beyond the band's limit: it is not running down"
_HIDDEN = "others had the batch as well, and their part is not yours to see"
_EACH = (
    "A moment of a part is charged once, by whichever channel that counts was beyond the band's limit; follow its "
    "name to see how its channels' figures were made."
)


def figures_of(document: Json) -> list[str]:
    """The names of the figures of a batch's document that can be derived: every number in it."""
    kept = {name: document[name] for name in ("bands", "time_left", "parts", "ledger", "newest")}
    return [name for name in numbers_of(kept) if not name.endswith(("time_left", ".version"))]


def derive(found: BatchLedger, figure: str) -> Json:
    """How one figure of a batch was computed.

    Raises:
        NotFound: its document has no such figure.
    """
    return {"batch": found.key.id, **_of_document(found.as_json(), found.ledger, figure, partial=found.partial)}


def derive_ledger(found: Ledger, figure: str) -> Json:
    """The same of a ledger that is no batch's, such as that of one shipment alone.

    Raises:
        NotFound: its document has no such figure.
    """
    return _of_document(ledger_json(found), found, figure, partial=False)


def _of_document(document: Json, found: Ledger, figure: str, *, partial: bool) -> Json:
    stated = value_in(document, figure)
    derived = _derived(document, figure.split("."))
    if derived is None:
        raise NotFound(f"{figure[:80]!r} is stated, not computed: there is nothing to derive")
    if partial and stated is None:
        derived = derived.without(_HIDDEN)
    rules = found.profile and found.profile.config_hash
    return {
        "schema": SCHEMA, "figure": figure, **derived.json(), "stated": stated,
        "agrees": printed(stated) == printed(derived.result),
        "inputs": {
            "parts": len(document["parts"]), "as_of": document["as_of"],
            "judged": sum(part["coverage_pct"] is not None for part in document["parts"]),
            "unknown_s": sum(part["unknown_s"] for part in document["parts"]),
        },
        "parts": {part["name"]: _address(part) for part in document["parts"]},
        "profile": document["product_profile"],
        "engine": {"version": program_version(), "config_hash": rules},
    }  # fmt: skip


def _address(part: Json) -> str:
    return f"/shipments/{part['id']}" if part["kind"] == "shipment" else f"/stores/{part['store']}"


def _derived(document: Json, steps: list[str]) -> Derived | None:
    match steps:
        case ["bands", place, name]:
            return _band(document, document["bands"][int(place)], name)
        case ["bands", place, "range", _] | ["ledger", place, "range", _]:
            return _range(document[steps[0]][int(place)], steps[-1], document)
        case ["parts", place, "bands", band, "range", _]:
            return _range(document["parts"][int(place)]["bands"][int(band)], steps[-1], document)
        case ["bands", place, "time_left", end]:
            return _left(document, document["bands"][int(place)], end)
        case ["time_left", end]:
            return _least(document, end)
        case ["parts", place, *rest]:
            return _part(document["parts"][int(place)], rest)
        case ["ledger", place, name]:
            return _line(document["ledger"][int(place)], name)
        case ["newest", "temperature_c"]:
            newest = document["newest"]
            return Derived("Newest temperature", "°C", "stated/1", "as it was received",
                           Fraction(milli_from_float(newest["temperature_c"]), 1000),
                           steps=((f"{newest['logger']}/{newest['channel']}", newest["event_time"]),))  # fmt: skip
    return None


def _ms(seconds_: float) -> int:
    return round(1000 * seconds_)


def _charged(document: Json, range_: Json) -> list[tuple[Json, int]]:
    """By part: what it charged to a band, from the part's own figures."""
    return [
        (part, _ms(band["used_s"])) for part in document["parts"] for band in part["bands"] if band["range"] == range_
    ]


def _band(document: Json, band: Json, name: str) -> Derived | None:
    charged = _charged(document, band["range"])
    used = sum(each for _, each in charged)
    unknown = sum(_ms(part["unknown_s"]) for part in document["parts"])
    rows = Rows(("part", "charged", "unknown"), [
        (part["name"], seconds(each), seconds(_ms(part["unknown_s"]))) for part, each in charged
    ])  # fmt: skip
    steps = [(f"charged: Σ of {len(charged)} parts", seconds(used))]
    allowed = None if band["allowed_s"] is None else _ms(band["allowed_s"])
    if name.endswith(("upper_s", "lower_s")):
        steps.append(("unknown time, all of which may have been there", seconds(unknown)))
    formulas: dict[str, tuple[str, str, int, str]] = {
        "used_s": ("Budget used", "Σ charged", used, f"Σ = {seconds(used)}"),
        "used_upper_s": ("Budget used, upper bound", "Σ charged + Σ unknown", used + unknown,
                         f"{seconds(used)} + {seconds(unknown)}"),
    }  # fmt: skip
    if allowed is not None:
        formulas["remaining_s"] = ("Budget left", "allowed − Σ charged", allowed - used,
                                   f"{seconds(allowed)} − {seconds(used)}")  # fmt: skip
        formulas["remaining_lower_s"] = (
            "Budget left, lower bound", "allowed − (Σ charged + Σ unknown)", allowed - used - unknown,
            f"{seconds(allowed)} − ({seconds(used)} + {seconds(unknown)})",
        )  # fmt: skip
    if name == "allowed_s":
        return _allowed(document, allowed)
    if name not in formulas:
        return None if name not in ("remaining_s", "remaining_lower_s") else Derived(
            "Budget left", "s", METHOD, "allowed − Σ charged", None, why="the profile sets no time limit for this band"
        )  # fmt: skip
    title, formula, result, words = formulas[name]
    if allowed is not None and name.startswith("remaining"):
        steps.append((_by(document), seconds(allowed)))
    return Derived(title, "s", METHOD, formula, Fraction(result, 1000), words, tuple(steps), rows, more=(_EACH,))


def _by(document: Json) -> str:
    profile = document["product_profile"] or {"id": "no product profile", "version": 0}
    return f"allowed by {profile['id']} v{profile['version']}"


def _allowed(document: Json, allowed: int | None) -> Derived:
    why = None if allowed is not None else "the profile sets no time limit for this band"
    result = None if allowed is None else Fraction(allowed, 1000)
    return Derived("Allowed", "s", "stated/1", _by(document), result, why=why)


def _range(of: Json, name: str, document: Json) -> Derived:
    value = of["range"][name]
    result = None if value is None else Fraction(milli_from_float(value), 1000)
    return Derived(
        "End of the band", "°C", "stated/1", _by(document), result, why=None if value is not None else "open"
    )


def _left(document: Json, band: Json, end: str) -> Derived | None:
    if end not in ("lower_s", "upper_s"):
        return None
    newest, left = document["newest"], _ms(band["remaining_s"])
    steps = [("budget left", seconds(left)), (f"newest reading: {newest['temperature_c']:g} °C", newest["event_time"])]
    if end == "upper_s":
        return Derived("Time left at this temperature", "s", METHOD, "max(budget left, 0)",
                       Fraction(max(left, 0), 1000), f"max({seconds(left)}, 0)", tuple(steps))  # fmt: skip
    unknown = sum(_ms(part["unknown_s"]) for part in document["parts"])
    since = max(ms_from_iso(document["as_of"]) - ms_from_iso(newest["counted_until"]), 0)
    steps += [("unknown time so far", seconds(unknown)), ("since the time accounted for", seconds(since))]
    words = f"max({seconds(left)} − {seconds(unknown)} − {seconds(since)}, 0)"
    return Derived("Time left at this temperature, lower bound", "s", METHOD,
                   "max(budget left − Σ unknown − time since, 0)",
                   Fraction(max(left - unknown - since, 0), 1000), words, tuple(steps))  # fmt: skip


def _least(document: Json, end: str) -> Derived | None:
    lasting = [(band, band["time_left"][end]) for band in document["bands"] if band["time_left"] is not None]
    if not lasting:
        return Derived("Time left at this temperature", "s", METHOD, "least of the charged bands", None,
                       why=_NOTHING_RUNS)  # fmt: skip
    rows = Rows(("band", "lasts"), [(_words(band["range"]), seconds(_ms(left))) for band, left in lasting])
    least = Fraction(min(_ms(left) for _, left in lasting), 1000)
    return Derived("Time left at this temperature", "s", METHOD, "least of the charged bands", least,
                   f"min of {len(lasting)}", table=rows)  # fmt: skip


def _words(range_: Json) -> str:
    return f"{range_['low_c']:g} … {range_['high_c']:g} °C"


def _part(part: Json, rest: Sequence[str]) -> Derived | None:
    own = (f"of {part['name']}, its own derivation shows the steps",)
    if rest == ["unknown_s"]:
        return Derived(
            "Unknown time", "s", METHOD, "Σ gaps of the part", Fraction(_ms(part["unknown_s"]), 1000), more=own
        )
    if rest == ["coverage_pct"]:
        value, why = part["coverage_pct"], None if part["coverage_pct"] is not None else "it was not judged yet"
        return Derived("Coverage", "%", "time_in_range.interpolated/1", "100 · known / (known + unknown)",
                       None if value is None else Fraction(value), more=own, why=why)  # fmt: skip
    if len(rest) == 3 and rest[0] == "bands" and rest[2] == "used_s":
        used = _ms(part["bands"][int(rest[1])]["used_s"])
        return Derived("Charged by one part", "s", "stability_budget.charged/1", "Σ time in the band or beyond it",
                       Fraction(used, 1000), more=own)  # fmt: skip
    return None


def _line(line: Json, name: str) -> Derived | None:
    span, gap = ms_from_iso(line["to"]) - ms_from_iso(line["from"]), _ms(line["unknown_s"])
    steps = (("from", line["from"]), ("to", line["to"]), ("gaps inside", seconds(gap)))
    if name == "used_s":
        return Derived("Charge", "s", METHOD, "to − from − gaps inside", Fraction(span - gap, 1000),
                       f"{seconds(span)} − {seconds(gap)}", steps)  # fmt: skip
    if name == "unknown_s":
        return Derived("Unknown within a charge", "s", METHOD, "Σ gaps inside", Fraction(gap, 1000), steps=steps)
    return None
