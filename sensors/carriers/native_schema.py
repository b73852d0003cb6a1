"""The native messages as JSON Schema, made of the limits that the parser itself holds them to.

`docs/reference/asyncapi.yaml` carries these schemas; tests keep it equal to this module, and this module to the parser.
"""

from typing import Any

from coldchain.domain.identity import LONGEST
from coldchain.domain.reading import FAULTS
from sensors.carriers.native_head import LARGEST_COUNTER, LONGEST_INTERVAL_MS
from sensors.carriers.native_message import LARGEST_BATCH
from sensors.faults import NATIVE

Schema = dict[str, Any]

_TIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}([.,]\d{1,9})?(Z|z|[+-]\d{2}:?\d{2})$"
_ABOUT = {
    "temperature_c": "°C",
    "humidity_pct": "% RH",
    "pressure_hpa": "hPa",
    "light_lux": "lux",
    "shock_g": "g",
}


def schemas() -> dict[str, Schema]:
    """The schemas by name: `Up` (one message), `Batch` (several) and `Down` (the watermark) use the others."""
    return {
        "Up": _up(),
        "Batch": {"type": "array", "minItems": 1, "items": _ref("Up")},
        "Reading": _reading(),
        "Values": _values(),
        "Position": _position(),
        "Battery": _object(
            "Per cent or volts, as measured; neither is converted into the other.",
            pct=_number("battery_pct", "%"), v=_number("battery_v", "V"), ts=_time(),
        ),
        "State": _object(
            "What belongs to the logger and not to a probe.",
            door_open=_maybe({"type": "boolean"}), light_lux=_number("light_lux", "lux"),
            shock_g=_number("shock_g", "g"), ts=_time(),
        ),
        "Counted": _counted("A message of the logger: `seq` starts at 0 in each `boot`, and boots grow."),
        "Down": _down(),
    }  # fmt: skip


def _up() -> Schema:
    schema = _object(
        "One message of one logger.",
        v={"const": 1, "type": "integer"},
        device={
            "type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": "^[^/+#]+$",
            "description": "The id in the topic. EUIs, MACs and IMEIs may be written with separators.",
        },
        boot=_maybe(_counter()), seq=_maybe(_counter()), oldest=_maybe(_ref("Counted")),
        interval_s=_maybe({
            "type": "number", "exclusiveMinimum": 0, "maximum": LONGEST_INTERVAL_MS / 1000,
            "description": "How often the logger measures, in seconds.",
        }),
        historical=_maybe({"type": "boolean"}), device_alarm=_alarm(),
        readings=_maybe({
            "type": "array", "minItems": 1, "maxItems": LARGEST_BATCH, "items": _ref("Reading"),
        }),
        position=_maybe(_ref("Position")), battery=_maybe(_ref("Battery")), state=_maybe(_ref("State")),
    )  # fmt: skip
    schema["required"] = ["device"]
    schema["anyOf"] = [
        _given("readings", "array"),
        *(_given(name, "object") for name in ("position", "battery", "state")),
    ]
    return schema


def _given(name: str, kind: str) -> Schema:
    return {"required": [name], "properties": {name: {"type": kind}}}


def _reading() -> Schema:
    schema = _object(
        "What one channel measured at one moment. Each channel is judged alone.",
        ts=_time(),
        channel=_maybe(
            {"type": "string", "minLength": 1, "maxLength": LONGEST, "description": "`internal` when absent."}
        ),
        values=_maybe(_ref("Values")),
        fault=_maybe({"type": "string", "enum": list(FAULTS)}),
        historical=_maybe({"type": "boolean"}), device_alarm=_alarm(),
    )  # fmt: skip
    measured = {"type": "object", "anyOf": [{"required": [name]} for name in _ABOUT]}
    schema["anyOf"] = [_given("fault", "string"), {"required": ["values"], "properties": {"values": measured}}]
    return schema


def _values() -> Schema:
    return _object(
        "Numbers in these units; null where the probe measured nothing.",
        **{name: _number(name, unit) for name, unit in _ABOUT.items()},
    )


def _position() -> Schema:
    return _object(
        "Where the logger itself was. What a gateway or a register says of it (`source`) is left out.",
        lat=_maybe({"type": "number", "minimum": -90, "maximum": 90}),
        lon=_maybe({"type": "number", "minimum": -180, "maximum": 180}),
        acc_m={"description": "Accuracy in metres; kept with the message."},
        ts=_time(),
        source={"description": "`gnss` and the like; `gateway` and `registry` are no positions of the logger."},
    )


def _down() -> Schema:
    span = _object("Messages from `from` to `to`.", boot=_counter(), **{"from": _counter()}, to=_counter())
    span["required"] = ["boot", "from", "to"]
    schema = _object(
        "Up to `committed_through` the logger may forget; `resend` names what is missing below it.",
        v={"const": 1, "type": "integer"}, committed_through=_ref("Counted"), resend={"type": "array", "items": span},
    )  # fmt: skip
    schema["required"] = ["v", "resend"]
    return schema


def _counted(about: str) -> Schema:
    schema = _object(about, boot=_counter(), seq=_counter())
    schema["required"] = ["boot", "seq"]
    return schema


def _number(name: str, unit: str) -> Schema:
    """A number within what such a sensor can measure, or one of the codes that become a fault; or null."""
    limits = NATIVE[name]
    within = {"minimum": limits.low / 1000, "maximum": limits.high / 1000}
    if not limits.sentinels:
        return {"type": ["number", "null"], **within, "description": unit}
    codes = {"enum": [code / 1000 for code in limits.sentinels], "description": "codes that become a fault"}
    return {"type": ["number", "null"], "anyOf": [within, codes], "description": unit}


def _alarm() -> Schema:
    return {
        "type": ["boolean", "string", "null"], "minLength": 1, "maxLength": LONGEST,
        "description": "What the device itself calls an alarm: evidence beside ours.",
    }  # fmt: skip


def _time() -> Schema:
    return {"type": ["string", "null"], "pattern": _TIME, "description": "ISO 8601 with Z or an offset."}


def _counter() -> Schema:
    return {"type": "integer", "minimum": 0, "maximum": LARGEST_COUNTER}


def _maybe(schema: Schema) -> Schema:
    """As `schema`, or null, which says nothing."""
    if "type" in schema and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def _object(about: str, **properties: Schema) -> Schema:
    """An object; fields that are not named here are passed over."""
    return {"type": "object", "description": about, "properties": properties}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
