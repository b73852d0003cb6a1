"""One or two envelopes of every carrier of the program, written for our tests: for damage, and for rates."""

import base64
import json
from typing import Any

import cbor2
from lorawan_messages import EUI, TOPICS, chirpstack, things_stack
from sparkplug_payloads import bd, metric, payload
from vendor_examples import CLOUDS, NATIVE, NOW

from coldchain.domain.message import Envelope
from coldchain.domain.reading import shard_of
from sensors.device_profiles.catalogue import Entry, Snapshot
from sensors.device_profiles.format import parse
from sensors.device_profiles.library import shipped

ISO = "2026-01-05T10:00:00Z"
DF5 = "0201061BFF99040512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F"
LPP = {"temperature_1": 4.6, "relative_humidity_2": 52.5, "gps_3": {"latitude": 48.1, "longitude": 11.5}}
SENML = [
    {"bn": "urn:dev:mac:0024befffe804ff1:", "bt": NOW // 1000 - 60, "n": "temp", "u": "Cel", "v": 4.6},
    {"n": "hum", "u": "%RH", "v": 52.5},
    {"n": "temp", "t": 30, "u": "Cel", "v": 4.7},
]
# A connection of the customer's own, for the carrier that is made of configuration.
CONNECTION = """
id = "acme-gateway"
version = 1
channels.internal.temperature_c = { path = "t", unit = "C" }
battery_pct = "batt"
[time]
path = "ts"
format = "unix_s"
[[records]]
path = "history[]"
historical = true
time = { path = "ts", format = "unix_s" }
[source]
topics = ["acme/+/telemetry"]
webhook = "acme"
each = "messages[]"
device = "id"
"""
# Loggers whose network passes their frames on undecoded, and one that sends bare numbers.
CODED = """
id = "frames"
version = 1
codec = "cayenne-lpp"
match = [{ logger = "24E124136B00CAFE" }]
"""
BARE = """
id = "bare"
version = 1
match = [{ logger = "coldroom" }]
channels.internal.temperature_c = { path = "fridge_temperature", unit = "C" }
"""
PROFILES = Snapshot([*shipped(), *(Entry(parse(text), "folder") for text in (CONNECTION, CODED, BARE))])
CODED_EUI = "24e124136b00cafe"
HEX = "0367002e056700ff"
_TOPIC = f"cc/v1/main/{shard_of('LG-0042')}/LG-0042/up"
_LPP = {"temperatureSensor": {"1": 4.6}, "humiditySensor": {"2": 52}}
_LORIOT = {"cmd": "rx", "EUI": CODED_EUI.upper(), "ts": NOW, "fcnt": 3, "port": 1, "bat": 143, "data": HEX}
_OWN = {"ts": NOW // 1000, "t": 4.6, "batt": 80, "history": [{"ts": NOW // 1000 - 600, "t": 4.5}]}
_SHELLY = {
    "src": "shellyhtg3-0a1b2c3d4e5f", "dst": "shellyhtg3-0a1b2c3d4e5f/events", "method": "NotifyFullStatus",
    "params": {
        "ts": NOW / 1000 - 1, "temperature:0": {"id": 0, "tC": 4.6, "tF": 40.3}, "humidity:0": {"id": 0, "rh": 52},
        "devicepower:0": {"id": 0, "battery": {"V": 5.1, "percent": 88}},
    },
}  # fmt: skip
_MILESIGHT = {
    "applicationID": 1, "deviceName": "room 7", "devEUI": CODED_EUI, "time": "2026-01-05T10:00:00.000000Z", "fCnt": 7,
    "rxInfo": [{"mac": "24e124fffef54092", "latitude": 48.2, "longitude": 11.6}], "fPort": 85,
    "data": base64.b64encode(bytes.fromhex(HEX)).decode(),
}  # fmt: skip
_THINGPARK = {
    "Time": "2026-01-05T11:00:00.000+01:00", "DevEUI": CODED_EUI.upper(), "FPort": "1", "FCntUp": "1174",
    "payload_hex": HEX, "LrrLAT": "48.2", "LrrLON": "11.6",
}  # fmt: skip
_RUUVI = {"gw_mac": "0A:0B:0C:00:00:01", "rssi": -70, "aoa": [], "gwts": str(NOW // 1000), "data": DF5, "coords": ""}


def _mqtt(topic: str, body: Any) -> Envelope:
    return Envelope("mqtt", topic, body if isinstance(body, bytes) else json.dumps(body).encode(), NOW, 1)


def _http(source: str, body: Any, kind: str = "application/json") -> Envelope:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Envelope("http", source, content, NOW, content_type=kind)


EXAMPLES: dict[str, tuple[Envelope, ...]] = {
    "native": (_mqtt("cc/LG-0042/up", NATIVE), _mqtt(_TOPIC, [NATIVE, {**NATIVE, "seq": 1894}])),
    "mapped": (_mqtt("acme/LG-7/telemetry", {"messages": [{**_OWN, "id": "A1"}, {**_OWN, "id": "A2"}]}),),
    "chirpstack": (
        _mqtt(TOPICS["chirpstack"], chirpstack({"temperature": 4.6, "humidity": 52, "battery": 92})),
        _mqtt(TOPICS["chirpstack"], chirpstack(_LPP, deviceInfo={"devEui": EUI})),
    ),
    "things-stack": (
        _mqtt(TOPICS["things-stack"], things_stack(LPP)),
        _mqtt(TOPICS["things-stack"], things_stack(
            {"t": 4}, normalized_payload=[{"air": {"temperature": 4.6, "relativeHumidity": 52}, "battery": 3.6}]
        )),
    ),
    "milesight-gateway": (_mqtt("milesight/uplink", _MILESIGHT),),
    "loriot": (
        _http("loriot", _LORIOT),
    ),
    "thingpark": (_http("thingpark", {"DevEUI_uplink": _THINGPARK}),),
    **{name: (_http(name, body),) for name, (_, body) in CLOUDS.items()},
    "sparkplug": (
        _mqtt("spBv1.0/cold/NBIRTH/n", payload(bd(1), metric("Temperature", 5.0, alias=1), at_ms=NOW, seq=0)),
        _mqtt("spBv1.0/cold/NDATA/n", payload(metric("Temperature", 5.5), at_ms=NOW, seq=1)),
    ),
    "ruuvi": (_mqtt("ruuvi/0A:0B:0C:00:00:01/CB:B8:33:4C:88:4F", _RUUVI),),
    "bthome": (
        _mqtt("home/dock/BTtoMQTT/A4C1388D18B2", {
            "id": "A4:C1:38:8D:18:B2", "rssi": -60, "servicedatauuid": "0xfcd2",
            "servicedata": "44002A015D02CE0103EC13",
        }),
    ),
    "theengs": (
        _mqtt("home/dock/BTtoMQTT/E30011223344", {
            "id": "E3:00:11:22:33:44", "rssi": -71, "model_id": "IBT-4X(S/C)", "tempc": 4.6, "tempf": 40.28,
            "tempc2": 5.1, "hum": 52, "batt": 88,
        }),
    ),
    "owntracks": (
        _mqtt("owntracks/driver/phone", {
            "_type": "location", "tst": NOW // 1000 - 5, "lat": 48.1371, "lon": 11.5754, "acc": 12, "batt": 80,
        }),
    ),
    "senml": (_http("senml", SENML, "application/senml+json"), _http(
        "senml", cbor2.dumps([{-2: "urn:dev:mac:0024befffe804ff1:", 0: "temp", 1: "Cel", 2: 4.6}]),
        "application/senml+cbor",
    )),
    "zigbee2mqtt": (
        _mqtt("zigbee2mqtt/fridge", {
            "temperature": 4.6, "humidity": 52, "battery": 88, "voltage": 2900, "contact": True, "last_seen": NOW - 900,
        }),
    ),
    "tasmota": (
        _mqtt("tele/dock/SENSOR", {
            "Time": "2026-01-05T11:00:00", "DS18B20-1": {"Id": "01191ED79190", "Temperature": 40.1},
            "SHT3X": {"Temperature": 41.5, "Humidity": 52}, "TempUnit": "F",
        }),
    ),
    "shelly": (_mqtt("shellyhtg3-0a1b2c3d4e5f/events/rpc", _SHELLY),),
    "esphome": (_mqtt("coldroom/sensor/fridge_temperature/state", b"4.6"),),
}  # fmt: skip
