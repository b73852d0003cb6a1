"""Ready-made pieces to send with: what a person pastes into a shell, a program or a device, as it stands.

Every piece sends the native format. Each reading carries its time, because two equal messages within one reporting
interval are taken for one that was sent twice.
"""

import json
import shlex
from collections.abc import Callable
from typing import NamedTuple

_TASMOTA = (
    "Line by line in the console. Tasmota's own messages on other topics are refused here, which does no harm; "
    "behind a broker of yours its SENSOR messages are understood as they are."
)
VALUES = {"temperature_c": 4.6, "humidity_pct": 51.0}


class Access(NamedTuple):
    """What it takes to send as one logger."""

    host: str
    port: int
    logger: str
    password: str
    tls: bool = False

    @property
    def topic(self) -> str:
        """Where this logger publishes."""
        return f"cc/{self.logger}/up"


class Snippet(NamedTuple):
    """A piece with its name and a sentence about it."""

    key: str
    title: str
    text: str
    note: str


def access(address: str, logger: str, password: str, *, tls: bool) -> Access:
    """The access for a listener's `host:port`."""
    host, _, port = address.rpartition(":")
    return Access(host.strip("[]"), int(port), logger, password, tls)


def snippets(of: Access) -> tuple[Snippet, ...]:
    """The pieces for this logger."""
    made: tuple[tuple[str, str, Callable[[Access], str], str], ...] = (
        ("shell", "mosquitto_pub", mosquitto_pub, "One reading, stamped now. It returns when the reading is stored."),
        ("python", "Python", paho, "Needs the package paho-mqtt, version 2."),
        ("esphome", "ESPHome", esphome, "A DS18B20 on a pin of your board; any other sensor goes in its place."),
        ("tasmota", "Tasmota", tasmota, _TASMOTA),
        ("arduino", "Arduino", arduino, "ESP32 or ESP8266, with the library “MQTT” by Joël Gähwiler."),
    )  # fmt: skip
    return tuple(Snippet(key, title, write(of), note) for key, title, write, note in made)


def _message(logger: str, values: str, ts: str) -> str:
    device = json.dumps(logger, ensure_ascii=False)
    return f'{{"v":1,"device":{device},"readings":[{{"ts":"{ts}","values":{values}}}]}}'


def mosquitto_pub(of: Access) -> str:
    """A shell's two lines for one reading."""
    values = json.dumps(VALUES, separators=(",", ":"))
    form = _message(of.logger, values, "\0").replace("\\", "\\\\").replace("%", "%%").replace("\0", "%s")
    tls = " --tls-use-os-certs" if of.tls else ""
    return (
        f'printf {shlex.quote(form)} "$(date -u +%Y-%m-%dT%H:%M:%SZ)" |\n'
        f"mosquitto_pub -h {shlex.quote(of.host)} -p {of.port}{tls} -q 1 -u {shlex.quote(of.logger)} "
        f"-P {shlex.quote(of.password)} -t {shlex.quote(of.topic)} -s\n"
    )


def paho(of: Access) -> str:
    """A program for one reading."""
    tls = "client.tls_set()\n" if of.tls else ""
    return f"""\
import json
from datetime import datetime, timezone

import paho.mqtt.client as mqtt

client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id={of.logger!r})
client.username_pw_set({of.logger!r}, {of.password!r})
{tls}client.connect({of.host!r}, {of.port})
client.loop_start()

reading = {{"ts": datetime.now(timezone.utc).isoformat(), "values": {VALUES!r}}}
message = {{"v": 1, "device": {of.logger!r}, "readings": [reading]}}
sent = client.publish({of.topic!r}, json.dumps(message), qos=1)
sent.wait_for_publish(10)  # acknowledged means stored
print("stored" if sent.is_published() else "not stored")

client.disconnect()
client.loop_stop()
"""


def esphome(of: Access) -> str:
    """What goes into a node's file."""
    device = json.dumps(of.logger)
    tls = "\n  certificate_authority: !secret coldchain_ca" if of.tls else ""
    return f"""\
mqtt:
  broker: {json.dumps(of.host)}
  port: {of.port}
  username: {device}
  password: {json.dumps(of.password)}
  client_id: {device}{tls}
  discovery: false
  topic_prefix: null   # publishes what stands below, and nothing else
  log_topic: null

time:
  - platform: sntp
    id: utc
    timezone: UTC

sensor:
  - platform: dallas_temp
    name: "Fridge"
    update_interval: 60s
    on_value:
      - mqtt.publish_json:
          topic: {json.dumps(of.topic)}
          qos: 1
          payload: |-
            root["v"] = 1;
            root["device"] = {device};
            auto now = id(utc).utcnow();
            if (now.is_valid()) root["readings"][0]["ts"] = now.strftime("%Y-%m-%dT%H:%M:%SZ");
            root["readings"][0]["values"]["temperature_c"] = x;
"""


def tasmota(of: Access) -> str:
    """Console commands."""
    message = _message(of.logger, '{"temperature_c":%value%}', "%timestamp%Z")
    tls = "SetOption103 1\n" if of.tls else ""
    return (
        f"Timezone 0\nTelePeriod 60\n{tls}"
        f"Rule1 ON Tele-DS18B20#Temperature DO Publish {of.topic} {message} ENDON\nRule1 1\n"
        f"Backlog MqttHost {of.host}; MqttPort {of.port}; MqttUser {of.logger}; MqttPassword {of.password}\n"
    )


def arduino(of: Access) -> str:
    """A sketch."""
    device = json.dumps(of.logger)
    form = _message(of.logger.replace("%", "%%"), '{"temperature_c":%.2f}', "%s")
    body = json.dumps(form, ensure_ascii=False)
    room = -(-(len(form.encode()) + 64) // 64) * 64  # for the stamp, the number and the end
    network = "WiFiClientSecure net;  // set its certificate authority in setup()" if of.tls else "WiFiClient net;"
    return f"""\
#include <WiFi.h>          // ESP8266: <ESP8266WiFi.h>
#include <MQTT.h>
#include <time.h>

{network}
MQTTClient mqtt(1024);

void setup() {{
  WiFi.begin("your network", "its password");
  while (WiFi.status() != WL_CONNECTED) delay(200);
  configTime(0, 0, "pool.ntp.org");
  while (time(nullptr) < 1700000000) delay(200);
  mqtt.begin({json.dumps(of.host)}, {of.port}, net);
  mqtt.setKeepAlive(150);
}}

void loop() {{
  if (!mqtt.connected()) mqtt.connect({device}, {device}, {json.dumps(of.password)});
  mqtt.loop();
  float celsius = 4.6;     // read your sensor here
  char stamp[24], body[{room}];
  time_t now = time(nullptr);
  strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
  snprintf(body, sizeof body, {body}, stamp, celsius);
  mqtt.publish({json.dumps(of.topic)}, body, false, 1);  // true: it is stored
  delay(60000);
}}
"""


def curl(url: str, source: str, key: str, logger: str) -> str:
    """A shell's line that sends one reading to the webhook `url`/`source`."""
    values = json.dumps(VALUES, separators=(",", ":"))
    body = _message(logger, values, "\0").replace("'", "'\\''").replace("\0", "'\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"'")
    return (
        f"curl -sS {shlex.quote(f'{url}/api/v1/ingest/{source}')} \\\n"
        f"  -H {shlex.quote(f'Authorization: Bearer {key}')} -H 'Content-Type: application/json' \\\n"
        f"  -d '{body}'\n"
    )
