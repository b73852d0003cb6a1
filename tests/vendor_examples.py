"""Bodies as vendor clouds and partners send them, written for our tests: one of each format, and what carries it."""

import json
from typing import Any

from coldchain.domain.message import Envelope
from sensors.carriers.cloudevents import CloudEvents
from sensors.carriers.efento import Efento
from sensors.carriers.epcis import Epcis
from sensors.carriers.flespi import Flespi
from sensors.carriers.monnit import Monnit
from sensors.carriers.native import Native
from sensors.carriers.port import Carrier
from sensors.carriers.samsara import Samsara
from sensors.carriers.sigfox import Sigfox
from sensors.carriers.tive import Tive
from sensors.carriers.traccar import Traccar

NOW = 1_767_607_200_000  # 2026-01-05T10:00:00Z
NOW_S = NOW // 1000

Body = dict[str, Any]

FLESPI: Body = {
    "ident": "352093081234567", "device.id": 551, "timestamp": NOW_S - 30, "server.timestamp": NOW_S - 28.5,
    "position.valid": True, "position.latitude": 48.1371, "position.longitude": 11.5754, "battery.voltage": 4.02,
    "battery.level": 88, "refrigerator.sensor.temperature#1": 4.5, "refrigerator.sensor.temperature#2": -19.25,
    "ble.sensor.temperature.1": 5.1, "ble.sensor.humidity.1": 47, "can.engine.coolant.temperature": 88,
    "record.seqnum": 17, "message.buffered.status": False,
}  # fmt: skip
TRACCAR: Body = {
    "position": {
        "id": 18_336, "deviceId": 7, "protocol": "teltonika", "serverTime": "2026-01-05T09:59:58.100+00:00",
        "deviceTime": "2026-01-05T09:59:50.000+00:00", "fixTime": "2026-01-05T09:59:50.000+00:00", "valid": True,
        "outdated": False, "latitude": 48.1371, "longitude": 11.5754, "speed": 31.2, "network": None,
        "attributes": {
            "temp1": 4.5, "bleTemp1": 5.25, "bleHumidity1": 48, "deviceTemp": 31, "battery": 4.02, "power": 13.8,
            "batteryLevel": 88, "door": False,
        },
    },
    "device": {"id": 7, "name": "Truck 7", "uniqueId": "352093081234567", "attributes": {}},
}  # fmt: skip
TIVE: Body = {
    "DeviceId": "863257063000001", "DeviceName": "T100001", "EntryTimeEpoch": NOW - 60_000,
    "Temperature": {"Celsius": 5.3125, "Fahrenheit": 41.5625}, "ProbeTemperature": {"Celsius": -18.5},
    "Humidity": {"Percentage": 38.70000076}, "Light": {"Lux": 3.5}, "Shock": {"G": 1.25, "X": 1}, "Pressure": None,
    "Battery": {"Percentage": 65, "IsCharging": False}, "Cellular": {"Dbm": -100},
    "Location": {
        "Latitude": 48.1371, "Longitude": 11.5754, "LocationMethod": "wifi", "Accuracy": {"Meters": 40},
    },
}  # fmt: skip
SIGFOX: Body = {
    "deviceId": "1F2E3D", "snr": "12.5", "rssi": "-120.00", "station": "5678", "seqNum": "912", "newPosition": "true",
    "latitude": "48.1371", "longitude": "11.5754", "positionTime": str(NOW_S - 60), "moving": "false",
    "magChange": "false", "magStatus": "false", "temperature": "4.5", "battery": "3.6", "batteryPercentage": "null",
    "lastSeen": str(NOW_S - 60), "fwVersion": "1.2", "dlConfig": "null",
}  # fmt: skip
MONNIT_SENSOR: Body = {
    "sensorID": "488001", "sensorName": "Fridge - 488001", "applicationID": "43", "networkID": "5",
    "dataMessageGUID": "78851b18-0000-4000-8000-f9d171b7c62f", "state": "2", "messageDate": "2026-01-05 09:58:45",
    "rawData": "41.5%2c5.1", "dataType": "Percentage|TemperatureData", "dataValue": "41.5|5.1",
    "plotValues": "41.5|41.18", "plotLabels": "Humidity|Fahrenheit", "batteryLevel": "100", "signalStrength": "24",
    "pendingChange": "True", "voltage": "3.21",
}  # fmt: skip
MONNIT: Body = {
    "gatewayMessage": {
        "gatewayID": "10001", "gatewayName": "Dock", "accountID": "1", "networkID": "5", "messageType": "0",
        "power": "0", "batteryLevel": "101", "date": "2026-01-05 09:58:48", "count": "1", "signalStrength": "0",
    },
    "sensorMessages": [MONNIT_SENSOR],
}  # fmt: skip
EFENTO: Body = {
    "measurements": [
        {
            "serial": "282C024FFF01", "response_handle": 3, "battery": "ok", "signal": -70, "measurement_interval": 180,
            "measured_at": "2026-01-05 09:57:00", "next_measurement_at": "2026-01-05 10:00:00",
            "params": [
                {"channel": 1, "type": "temperature", "value": 5.1}, {"channel": 2, "type": "humidity", "value": 41},
            ],
        },
        {
            "serial": "282C024FFF02", "response_handle": 4, "battery": "low", "signal": -70,
            "measured_at": "2026-01-05 09:57:00", "measurement_interval": 180,
            "params": [
                {"channel": 1, "type": "temperature", "value": -18.2},
                {"channel": 2, "type": "temperature", "value": 4.4},
                {"channel": 3, "type": "open-close", "value": "open"},
            ],
        },
    ]
}  # fmt: skip
SAMSARA: Body = {
    "eventId": "017db07f-0000-470e-8cc0-a371f9deed2b", "eventTime": "2026-01-05T09:59:00Z", "orgId": 20,
    "eventType": "AlertIncident", "webhookId": "1411751028848270",
    "data": {
        "configurationId": "9814a1fa", "happenedAtTime": "2026-01-05T09:58:30Z", "isResolved": False,
        "conditions": [
            {
                "description": "Temperature above 8 °C", "triggerId": 5000,
                "details": {"ambientTemperature": {"vehicle": {"id": "494123", "name": "Truck 7"}}},
            }
        ],
    },
}  # fmt: skip
EPCIS_EVENT: Body = {
    "type": "ObjectEvent", "action": "OBSERVE", "bizStep": "sensor_reporting", "eventID": "urn:uuid:0001",
    "eventTime": "2026-01-05T10:59:00+01:00", "eventTimeZoneOffset": "+01:00",
    "epcList": ["https://id.gs1.org/00/340123450000000018"], "readPoint": {"id": "urn:epc:id:sgln:4012345.00005.0"},
    "sensorElementList": [
        {
            "sensorMetadata": {"time": "2026-01-05T09:55:00Z", "deviceID": "urn:epc:id:giai:4000001.111"},
            "sensorReport": [
                {"type": "Temperature", "value": 5.1, "uom": "CEL"},
                {"type": "RelativeHumidity", "value": 41, "uom": "P1"},
                {"type": "AbsoluteHumidity", "value": 12.1, "uom": "A93"},
                {"type": "Illuminance", "value": 12, "uom": "LUX"},
            ],
        }
    ],
}  # fmt: skip
EPCIS: Body = {
    "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"ex": "https://ns.example.com/"}],
    "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-01-05T10:00:00Z",
    "epcisBody": {"eventList": [EPCIS_EVENT]},
}  # fmt: skip
NATIVE: Body = {
    "v": 1, "device": "LG-0042", "boot": 7, "seq": 1893,
    "readings": [{"ts": "2026-01-05T09:59:00Z", "values": {"temperature_c": 4.62}}],
}  # fmt: skip
EVENT: Body = {
    "specversion": "1.0", "id": "e-1", "source": "https://partner.example/fleet", "type": "com.example.reading",
    "time": "2026-01-05T10:00:00Z", "datacontenttype": "application/json", "data": NATIVE,
}  # fmt: skip

INNER: tuple[Carrier, ...] = (
    Native(), Flespi(), Traccar(), Tive(), Monnit(), Efento(), Samsara(), Epcis(), Sigfox(),
)  # fmt: skip
CLOUDS: dict[str, tuple[Carrier, Body]] = {
    "flespi": (INNER[1], FLESPI),
    "traccar": (INNER[2], TRACCAR),
    "tive": (INNER[3], TIVE),
    "sigfox": (INNER[8], SIGFOX),
    "monnit": (INNER[4], MONNIT),
    "efento": (INNER[5], EFENTO),
    "samsara": (INNER[6], SAMSARA),
    "epcis": (INNER[7], EPCIS),
    "cloudevents": (CloudEvents(INNER), EVENT),
}


def coded(body: Any) -> bytes:
    """The bytes of a body."""
    return json.dumps(body, ensure_ascii=False).encode()


def posted(body: Any, source: str = "auto", *, kind: str | None = None) -> Envelope:
    """A request that carries `body`, given as bytes or as what JSON can say."""
    payload = body if isinstance(body, bytes) else coded(body)
    return Envelope("http", source, payload, NOW, content_type=kind)
