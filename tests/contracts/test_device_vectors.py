"""Recorded messages of real devices, platforms and standards, each against what it has to give."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from device_vectors import RECORDINGS, Vector, lines, problems, vectors

from coldchain.clock import SystemClock
from coldchain.domain.device_profile import Assignment
from ingest.decode import decode
from sensors.carriers.shipped import carriers
from sensors.device_profiles.catalogue import Entry, Snapshot
from sensors.device_profiles.format import parse
from sensors.device_profiles.library import shipped

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason=f"the recordings are not at {RECORDINGS}: they lie beside the project's checkout"
)

# Raw frames of trackers over TCP: nobody promised those, a tracking platform in between speaks for them.
NOT_PROMISED = {"tracker-frame"}
# What a person assigns where neither the envelope nor the id nor the fields tell the model.
ASSIGNED = {
    "Netvox R718AB": "netvox-r718",
    "Milesight EM300-SLD": "milesight-em300-sld",
    "Milesight AM102": "milesight-am102",
    "Milesight AM308": "milesight-am308",
    "Milesight EM300-DI": "milesight-em300-di",
    "Milesight WT201": "milesight-wt201",
    "Milesight AT101": "milesight-at101",
    "CayenneLPP": "cayenne-lpp",
    "custom": "own-tracker",
}
OWN = """
id = "own-tracker"
version = 1
name = "A tracker that somebody built"
channels.internal.temperature_c = "temp1"
[time]
path = "time"
[position]
latitude = "latitude"
longitude = "longitude"
[[examples]]
in = { temp1 = 4.5, latitude = 48.1, longitude = 11.5, time = "2026-01-05T09:00:00Z" }
out = [
  { channel = "internal", time = "2026-01-05T09:00:00Z", temperature_c = 4.5, latitude = 48.1, longitude = 11.5 },
]
"""


def results(vector: Vector, times: int = 1) -> list[dict[str, Any]]:
    text = [json.dumps(line) for line in lines(vector)] * times
    known = Snapshot([*shipped(), Entry(parse(OWN), "saved")], dict(_assignments(vector)))
    return list(decode(text, RECORDINGS, SystemClock(), carriers=carriers(), profiles=lambda: known))


def _assignments(vector: Vector) -> Iterable[tuple[str, Assignment]]:
    assigned = ASSIGNED.get((vector["profile"] or {}).get("model", ""))
    payload = vector["transport"].get("payload_json")
    if assigned is None or not isinstance(payload, dict):
        return
    for who in (payload.get("deviceInfo", {}).get("devEui"), payload.get("end_device_ids", {}).get("dev_eui")):
        if who is not None:
            yield who.upper(), Assignment(assigned)


@pytest.mark.parametrize(
    "vector", [pytest.param(v, id=v["id"]) for v in vectors() if v["format"] not in NOT_PROMISED | {"berlinger-txt"}]
)
def test_a_recorded_message_gives_what_it_says_and_nothing_else(vector: Vector) -> None:
    assert problems(vector, results(vector)) == []


@pytest.mark.parametrize("vector", [pytest.param(v, id=v["id"]) for v in vectors() if v["transport"]["kind"] != "tcp"])
def test_a_recorded_message_delivered_again_adds_nothing(vector: Vector) -> None:
    again = results(vector, times=2)
    second = again[len(again) // 2 :]
    assert [row for result in second for row in result["readings"]] == []
