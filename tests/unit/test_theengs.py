"""OpenMQTTGateway and Theengs: fields whose names declare their units, a channel a probe, adverts only relayed."""

import json
from typing import Any

import pytest
from carrier_conformance import conform, mutations

from coldchain.domain.message import Decoded, Envelope
from sensors.carriers.theengs import Theengs

NOW = 1_767_607_200_000
MAC = "E3:00:11:22:33:44"


def envelope(body: Any, mac: str = "E30011223344", gateway: str = "OpenMQTTGateway") -> Envelope:
    payload = body if isinstance(body, bytes) else json.dumps({"id": MAC, "rssi": -71} | body).encode()
    return Envelope("mqtt", f"home/{gateway}/BTtoMQTT/{mac}", payload, NOW)


def message(**fields: Any) -> Decoded:
    decoded_as = {"brand": "Acme", "model": "TH", "model_id": "ATH", "type": "THB"}
    [decoded] = Theengs().decode(envelope(decoded_as | fields)).messages
    return decoded


def test_celsius_counts_where_both_scales_are_sent() -> None:
    [row] = message(tempc=4.6, tempf=40.28, hum=51, batt=88, volt=2.9, packet=17).readings
    assert (row.logger, row.channel, row.temperature_mc, row.humidity_mpct) == (
        "E30011223344",
        "internal",
        4600,
        51_000,
    )
    assert (row.battery_mpct, row.battery_mv, row.seq, row.time_source) == (88_000, 2900, 17, "arrival")


def test_fahrenheit_alone_is_converted_because_its_name_declares_it() -> None:
    assert [row.temperature_mc for row in message(tempf=40.28).readings] == [4600]
    assert message(temp=40.28).readings == ()


def test_each_probe_is_a_channel_and_one_without_a_probe_is_a_fault() -> None:
    rows = message(type="BBQ", tempc=26, tempf=78.8, tempc2=6552.6, tempf3=77, tempc4=65526).readings
    assert [(row.channel, row.temperature_mc, row.fault) for row in rows] == [
        ("probe-1", 26_000, None), ("probe-2", None, "probe_open"), ("probe-3", 25_000, None),
        ("probe-4", None, "probe_open"),
    ]  # fmt: skip


def test_a_grill_may_be_hot_and_a_fridge_may_not() -> None:
    assert [row.temperature_mc for row in message(type="BBQ", tempc=230).readings] == [230_000]
    assert message(tempc=230).readings == ()


def test_an_impossible_temperature_of_a_tag_takes_what_was_corrected_by_it_along() -> None:
    decoded = message(model_id="RuuviTag_RAWv2", type="ACEL", tempc=163.835, hum=163.835, pres=1155.34, volt=3.646)
    assert (decoded.readings, decoded.status) == ((), {"battery_v": 3.646})
    assert len(decoded.refusals) == 3


def test_a_thermometer_that_counts_its_probes_from_one_loses_none() -> None:
    body = {"model_id": "H5055", "type": "BBQ", "tempc1": 4.5, "tempf1": 40.1, "tempc2": -18.5}
    [decoded] = Theengs().decode(envelope({"id": "E3:00:11:22:33:44", **body})).messages
    assert [(row.channel, row.temperature_mc) for row in decoded.readings] == [("probe-1", 4500), ("probe-2", -18_500)]


def test_an_external_probe_is_called_one() -> None:
    assert [row.channel for row in message(tempc=-18.5, extprobe=True).readings] == ["probe-1"]


@pytest.mark.parametrize(
    "frame",
    [
        {
            "tempc_max": 27.25,
            "tempf_max": 81.05,
            "time_max": 3188,
            "tempc_min": 18.4,
            "tempf_min": 65.1,
            "time_min": 67,
        },
        {"tempc_dp": 3.1, "tempf_dp": 37.6},
        {"batt": 50},
        {},
    ],
)
def test_extremes_dew_points_and_batteries_are_no_reading(frame: dict[str, Any]) -> None:
    decoded = message(**frame)
    assert decoded.readings == ()
    assert not decoded.undecoded


@pytest.mark.parametrize(("kind", "channel"), [("TIRE", "tyre"), ("BATT", "vehicle-battery"), ("BODY", "body")])
def test_a_temperature_of_something_else_is_called_by_what_it_is(kind: str, channel: str) -> None:
    rows = message(type=kind, tempc=20, volt=12.6, pres=220).readings
    assert [(row.channel, row.pressure_mhpa) for row in rows] == [(channel, None)]


def test_an_uptime_called_time_is_no_date_and_a_gateways_date_is() -> None:
    assert [row.event_time_ms for row in message(tempc=5, time=3188218).readings] == [NOW]
    [row] = message(tempc=5, UTCtime="2026-01-05T09:59:58Z").readings
    assert (row.event_time_ms, row.time_source) == (NOW - 2000, "gateway")
    assert [row.event_time_ms for row in message(tempc=5, unixtime=1_767_607_198).readings] == [NOW - 2000]


def test_two_gateways_that_hear_one_sensor_give_it_one_key() -> None:
    fields = {"model_id": "ATH", "tempc": 4.6, "packet": 17}
    [one] = Theengs().decode(envelope(fields)).messages
    [other] = Theengs().decode(envelope(fields | {"rssi": -90, "distance": 3.2}, gateway="Dock")).messages
    [next_] = Theengs().decode(envelope(fields | {"packet": 18})).messages
    assert one.key == other.key
    assert one.key != next_.key


@pytest.mark.parametrize("claimed", [{"id": "E3:00:11:22:33:45"}, {"mac": "E3:00:11:22:33:45"}])
def test_topic_and_body_must_name_one_device(claimed: dict[str, str]) -> None:
    arrival = Theengs().decode(envelope({"model_id": "ATH", "tempc": 4.6} | claimed))
    assert arrival.messages == ()
    assert arrival.refusal is not None
    assert "E30011223345" in arrival.refusal.reason


def test_bytes_that_are_only_relayed_are_read_where_their_format_is_known() -> None:
    [bthome] = Theengs().decode(envelope({"servicedata": "4002ce01", "servicedatauuid": "0xfcd2"})).messages
    assert (bthome.adapter, [row.temperature_mc for row in bthome.readings]) == ("bthome@1", [4620])
    ruuvi = "990405039C4FB0C87D0004FFFC03F8AF16421267E30011223344"
    [tag] = Theengs().decode(envelope({"manufacturerdata": ruuvi})).messages
    assert [row.temperature_mc for row in tag.readings] == [4620]
    [other] = Theengs().decode(envelope({"servicedata": "4002ce01", "servicedatauuid": "0xfe95"})).messages
    assert other.undecoded
    [seen] = Theengs().decode(envelope({"name": "ATH_1"})).messages
    assert (seen.readings, seen.undecoded) == ((), False)


@pytest.mark.parametrize("body", [b"[]", b"x", b'{"id": "UUID", "model_id": "ATH", "tempc": 4}'])
def test_nobody_or_nothing_is_refused(body: bytes) -> None:
    arrival = Theengs().decode(envelope(body, mac="undefined"))
    assert arrival.messages == ()
    assert arrival.refusal is not None


def test_damaged_bodies_never_raise_and_never_give_an_impossible_value() -> None:
    known = {"id": MAC, "model_id": "ATH", "type": "THB"}
    whole = [
        json.dumps(known | fields).encode()
        for fields in ({"tempc": 4.6, "tempf": 40.28, "hum": 51, "batt": 88}, {"tempf": 40.1, "tempc2": 3, "volt": 2.9})
    ]
    assert conform(Theengs(), [*whole, *mutations(whole, 2500)], envelope) > 300
