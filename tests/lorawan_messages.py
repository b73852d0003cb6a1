"""Our own messages of LoRaWAN network servers, as these write them, and the profiles that read the models in them."""

import base64
import json
from typing import Any

from coldchain.domain.device_profile import Assignment
from coldchain.domain.message import Decoded, Envelope
from coldchain.domain.quantity import ms_from_iso
from sensors.carriers.port import Carrier, Context
from sensors.device_profiles.catalogue import Snapshot
from sensors.device_profiles.library import shipped

EUI = "24e124136b00c0de"
LOGGER = EUI.upper()
ARRIVED = "2026-01-05T10:00:02Z"
FRAME = base64.b64encode(bytes.fromhex("01755c03672e00046866")).decode()
SHIPPED = Context(Snapshot(shipped()))


def assigned(profile: str, logger: str = LOGGER) -> Context:
    """The shipped profiles, one of them assigned to a logger by a person."""
    return Context(Snapshot(shipped(), {logger: Assignment(profile)}))


def chirpstack(fields: Any = None, **more: Any) -> dict[str, Any]:
    """An uplink event of ChirpStack v4."""
    event: dict[str, Any] = {
        "deduplicationId": "6f0c3f6e-61f6-4f6f-9d0a-2f1f8ad5a001",
        "time": "2026-01-05T10:00:00.123456789+00:00",
        "deviceInfo": {
            "tenantName": "Nordlager", "applicationId": "0d7b", "applicationName": "cold rooms",
            "deviceProfileName": "Milesight EM300-TH", "deviceName": "room 7", "devEui": EUI, "tags": {"lane": "A"},
        },
        "devAddr": "01ab23cd", "fCnt": 12, "fPort": 85, "data": FRAME,
        "rxInfo": [{
            "gatewayId": "0016c001f1500001", "nsTime": "2026-01-05T10:00:00.400+00:00",
            "location": {"latitude": 48.2, "longitude": 11.6},
        }],
    }  # fmt: skip
    if fields is not None:
        event["object"] = fields
    event.update(more)
    return {name: value for name, value in event.items() if value is not None}


def things_stack(fields: Any = None, *, top: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """An uplink of The Things Stack; `top` stands beside `uplink_message`, the rest within it."""
    uplink: dict[str, Any] = {
        "session_key_id": "AY2v0aXQ2mRkq1JH0oVq4g==", "f_port": 85, "f_cnt": 12, "frm_payload": FRAME,
        "rx_metadata": [{
            "gateway_ids": {"gateway_id": "dock"}, "location": {"latitude": 48.2, "longitude": 11.6},
        }],
        "received_at": "2026-01-05T10:00:00.123456789Z",
    }  # fmt: skip
    if fields is not None:
        uplink["decoded_payload"] = fields
    uplink.update(more)
    ids = {"device_id": "room-7", "application_ids": {"application_id": "cold-rooms"}, "dev_eui": LOGGER}
    uplink = {name: value for name, value in uplink.items() if value is not None}
    return {
        "end_device_ids": ids, "received_at": "2026-01-05T10:00:00.5Z", "uplink_message": uplink, **(top or {}),
    }  # fmt: skip


TOPICS = {
    "chirpstack": f"application/0d7b/device/{EUI}/event/up",
    "things-stack": "v3/cold-rooms@nordlager/devices/room-7/up",
}


def published(tree: Any, topic: str) -> Envelope:
    """`tree` as it comes by MQTT."""
    return Envelope("mqtt", topic, json.dumps(tree).encode(), ms_from_iso(ARRIVED))


def posted(tree: Any, source: str) -> Envelope:
    """`tree` as a webhook brings it."""
    return Envelope("http", source, json.dumps(tree).encode(), ms_from_iso(ARRIVED))


def only(carrier: Carrier, envelope: Envelope, context: Context = SHIPPED) -> Decoded:
    """The one message in an envelope."""
    arrival = carrier.decode(envelope, context)
    assert arrival.refusal is None, arrival.refusal
    [message] = arrival.messages
    return message
