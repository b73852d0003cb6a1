"""The same readings as loggers of other formats send them: topics and payloads of ten carriers, one for each logger."""

import json
import struct
from collections.abc import Callable, Sequence

from bench.readings import payload
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading

Said = tuple[str, bytes]


def said(number: int, reading: Reading) -> Said:
    """The topic and the payload of one reading, in the format of the logger with this number."""
    return _FORMATS[number % len(_FORMATS)](number, reading)


def _values(reading: Reading) -> tuple[float, float]:
    return (reading.temperature_mc or 0) / 1000, (reading.humidity_mpct or 0) / 1000


def _json(topic: str, body: object) -> Said:
    return topic, json.dumps(body, separators=(",", ":")).encode()


def _native(number: int, reading: Reading) -> Said:  # noqa: ARG001 - as the others
    return f"cc/{reading.logger}/up", payload([reading])


def _chirpstack(number: int, reading: Reading) -> Said:
    eui, (celsius, humidity) = f"24e124136b{number:06x}", _values(reading)
    body = {
        "deduplicationId": f"{number:08x}-0000-4000-8000-{reading.seq:012d}", "time": iso(reading.event_time_ms),
        "deviceInfo": {
            "tenantName": "Nordlager", "applicationId": "0d7b", "applicationName": "cold rooms",
            "deviceProfileName": "Milesight EM300-TH", "deviceName": f"room {number}", "devEui": eui, "tags": {},
        },
        "devAddr": "01ab23cd", "adr": True, "dr": 5, "fCnt": reading.seq, "fPort": 85, "confirmed": False,
        "data": "AXVcA2cuAARoaA==", "object": {"temperature": celsius, "humidity": humidity, "battery": 92},
        "rxInfo": [{"gatewayId": "0016c001f1500001", "nsTime": iso(reading.event_time_ms + 300), "rssi": -70}],
        "txInfo": {"frequency": 867_100_000},
    }  # fmt: skip
    return _json(f"application/0d7b/device/{eui}/event/up", body)


def _things_stack(number: int, reading: Reading) -> Said:
    celsius, humidity = _values(reading)
    fields = {"temperature": celsius, "humidity": humidity, "battery": 92}
    uplink = {
        "session_key_id": "AY2v0aXQ2mRkq1JH0oVq4g==", "f_port": 85, "f_cnt": reading.seq,
        "frm_payload": "AXVcA2cuAARoaA==", "decoded_payload": fields,
        "rx_metadata": [{"gateway_ids": {"gateway_id": "dock"}, "rssi": -70, "snr": 9.5}],
        "version_ids": {"brand_id": "milesight-iot", "model_id": "em300-th"}, "received_at": iso(reading.event_time_ms),
    }  # fmt: skip
    ids = {"device_id": f"room-{number}", "application_ids": {"application_id": "a"}, "dev_eui": f"A84041{number:010X}"}
    return _json(f"v3/a@t/devices/room-{number}/up", {
        "end_device_ids": ids, "received_at": iso(reading.event_time_ms + 200), "uplink_message": uplink,
    })  # fmt: skip


def _ruuvi(number: int, reading: Reading) -> Said:
    mac = struct.pack(">HI", 0xCBB8, number)
    temperature, humidity = round((reading.temperature_mc or 0) / 5), round((reading.humidity_mpct or 0) / 2.5)
    frame = struct.pack(
        ">BhHHhhhHBH", 5, temperature, humidity, 50_000, 4, -4, 1036, 0xAC36, 66, (reading.seq or 0) % 65_535
    )
    data = (b"\x02\x01\x06\x1b\xff\x99\x04" + frame + mac).hex().upper()
    address, gateway = ":".join(f"{byte:02X}" for byte in mac), "0A:0B:0C:00:00:01"
    at_s = str(reading.event_time_ms // 1000)
    body = {"gw_mac": gateway, "rssi": -70, "aoa": [], "gwts": at_s, "ts": at_s, "data": data, "coords": ""}
    return _json(f"ruuvi/{gateway}/{address}", body)


def _theengs(number: int, reading: Reading) -> Said:
    celsius, humidity = _values(reading)
    address = f"E30011{number:06X}"
    return _json(f"home/dock/BTtoMQTT/{address}", {
        "id": ":".join(address[at : at + 2] for at in range(0, 12, 2)), "rssi": -71, "brand": "Xiaomi",
        "model_id": "LYWSD03MMC", "type": "THB", "tempc": celsius, "tempf": round(celsius * 1.8 + 32, 2),
        "hum": humidity, "batt": 88, "unixtime": reading.event_time_ms // 1000,
    })  # fmt: skip


def _zigbee2mqtt(number: int, reading: Reading) -> Said:
    celsius, humidity = _values(reading)
    return _json(f"zigbee2mqtt/room {number}", {
        "temperature": celsius, "humidity": humidity, "battery": 88, "voltage": 2900, "linkquality": 120,
        "last_seen": reading.event_time_ms,
    })  # fmt: skip


def _tasmota(number: int, reading: Reading) -> Said:
    celsius, humidity = _values(reading)
    block = {"Temperature": celsius, "Humidity": humidity, "DewPoint": 1.2}
    body = {"Time": iso(reading.event_time_ms), "SHT3X": block, "TempUnit": "C"}
    return _json(f"tele/dock-{number}/SENSOR", body)


def _shelly(number: int, reading: Reading) -> Said:
    celsius, humidity = _values(reading)
    source = f"shellyhtg3-0a1b2c{number:06x}"
    return _json(f"{source}/events/rpc", {
        "src": source, "dst": f"{source}/events", "method": "NotifyFullStatus",
        "params": {
            "ts": reading.event_time_ms / 1000, "temperature:0": {"id": 0, "tC": celsius, "tF": 40.3},
            "humidity:0": {"id": 0, "rh": humidity}, "devicepower:0": {"id": 0, "battery": {"V": 5.1, "percent": 88}},
        },
    })  # fmt: skip


def _flespi(number: int, reading: Reading) -> Said:
    celsius, humidity = _values(reading)
    return _json(f"flespi/message/gw/devices/{number}", {
        "ident": f"35209308{number:07d}", "device.id": number, "timestamp": reading.event_time_ms / 1000,
        "server.timestamp": reading.event_time_ms / 1000 + 1, "position.valid": True, "position.latitude": 48.1371,
        "position.longitude": 11.5754, "battery.voltage": 4.02, "ble.sensor.temperature.1": celsius,
        "ble.sensor.humidity.1": humidity, "can.engine.coolant.temperature": 88, "record.seqnum": reading.seq,
    })  # fmt: skip


def _owntracks(number: int, reading: Reading) -> Said:
    return _json(f"owntracks/fleet/truck-{number}", {
        "_type": "location", "tst": reading.event_time_ms // 1000, "lat": 48.1371, "lon": 11.5754, "acc": 12,
        "batt": 80, "vel": 63,
    })  # fmt: skip


_FORMATS: Sequence[Callable[[int, Reading], Said]] = (
    _native, _chirpstack, _things_stack, _ruuvi, _theengs, _zigbee2mqtt, _tasmota, _shelly, _flespi, _owntracks,
)  # fmt: skip
