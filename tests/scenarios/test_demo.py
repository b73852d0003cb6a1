"""`coldchain demo` as a visitor meets it: a real process in an empty folder, watched over HTTP and in its inbox."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from ports import quiet_port
from server_process import wait_until

from alerts.inbox import Inbox, InboxMessage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROLES = ("admin", "quality", "operator", "viewer", "auditor")


@dataclass
class Demo:
    """One run of the demo and what it printed."""

    folder: Path
    http_port: int
    mqtt_port: int
    process: subprocess.Popen[bytes]
    started_s: float

    def lived(self) -> int:
        """The messages that it lived through before it was ready, as it says itself."""
        found = re.search(r"Lived .*: (\d+) messages", self.printed)
        assert found is not None, self.printed
        return int(found[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def printed(self) -> str:
        return (self.folder / "printed.txt").read_text()

    def links(self) -> dict[str, str]:
        return dict(re.findall(r"^  (\w+) +.* (http://\S+/sign-in/link/\S+)$", self.printed, re.MULTILINE))

    def client(self) -> httpx.Client:
        [key] = re.findall(r"API key +(\S+)", self.printed)
        return httpx.Client(base_url=f"{self.url}/api/v1", headers={"Authorization": f"Bearer {key}"}, timeout=30)

    def items(self, path: str) -> list[dict[str, Any]]:
        with self.client() as client:
            answer = client.get(path)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def inbox(self) -> list[InboxMessage]:
        return Inbox(self.folder / "state" / "inbox.db").messages(limit=1000)

    def processes(self) -> set[int]:
        """The demo's process and everything that it started."""
        found, parents = {self.process.pid}, {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(") ")[2].split()[1])
                except (OSError, ValueError):
                    continue
        for _ in range(4):
            found |= {pid for pid, parent in parents.items() if parent in found}
        return found

    def stop(self) -> float:
        """Ctrl-C; return how many seconds it took."""
        begun_s = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(30) == 0, self.printed
        return time.monotonic() - begun_s


def environment(folder: Path, http_port: int, mqtt_port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COLDCHAIN_")}
    return kept | {
        "COLDCHAIN_DATA": str(folder / "state"),
        "COLDCHAIN_HTTP": f"127.0.0.1:{http_port}",
        "COLDCHAIN_MQTT_LISTEN": f"127.0.0.1:{mqtt_port}",
    }


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def begin(folder: Path, http_port: int, mqtt_port: int) -> Demo:
    """Start it, and return once it is ready."""
    with (folder / "printed.txt").open("wb") as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", "coldchain", "demo"],
            env=environment(folder, http_port, mqtt_port), stdout=printed, stderr=printed, cwd=folder,
        )  # fmt: skip
    demo = Demo(folder, http_port, mqtt_port, process, time.monotonic())

    def works() -> bool:
        assert process.poll() is None, demo.printed
        return ready(demo.url)

    wait_until(works, 300, "the demo")
    return demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    http_port = quiet_port()
    with socket.socket() as held:
        held.bind(("127.0.0.1", http_port))
        held.listen()
        mqtt_port = quiet_port()
    demo = begin(folder, http_port, mqtt_port)
    yield demo
    if demo.process.poll() is None:
        demo.stop()


def eventually(found: Callable[[], Any], within_s: float, what: str) -> Any:
    """What `found` returns once it is true."""
    kept: list[Any] = []

    def there() -> bool:
        kept[:] = [found()]
        return bool(kept[0])

    wait_until(there, within_s, what)
    return kept[0]


def test_it_prints_a_link_for_each_role_and_a_key_and_each_link_signs_in_once(demo: Demo) -> None:
    links = demo.links()
    assert tuple(links) == ROLES
    for link in links.values():
        with httpx.Client(headers={"Origin": demo.url}) as client:
            assert client.get(link).status_code == 200
            assert client.get(f"{demo.url}/api/v1/people/me").status_code == 401
            client.post(link)
            assert client.get(f"{demo.url}/api/v1/people/me").status_code == 200
        assert httpx.post(link, headers={"Origin": demo.url}).status_code == 410


def test_the_history_holds_shipments_excursions_alarms_mails_and_sms(demo: Demo) -> None:
    states = {one["state"] for one in demo.items("/shipments?limit=1000")}
    assert states >= {"in_transit", "closed"}
    assert len(demo.items("/shipments?limit=1000")) >= 40
    assert len(demo.items("/excursions?limit=1000")) >= 10
    assert len(demo.items("/alarms?limit=1000")) >= 10
    assert {message.kind for message in demo.inbox()} == {"email", "sms"}
    [rota], [policy] = demo.items("/rotas"), demo.items("/policies")
    assert [step["targets"][0]["id"] for step in policy["steps"]] == [rota["id"]] * 2


def test_soon_a_new_excursion_appears_and_is_told_by_mail_and_sms_whose_link_needs_a_press(demo: Demo) -> None:
    found = eventually(
        lambda: [one for one in demo.items("/excursions?open=true&sort=-onset&limit=5") if recent(one)], 150, "it"
    )
    reference = found[0]["reference"]
    mail = eventually(lambda: told(demo, "email", reference), 120, "a mail about it")
    eventually(lambda: told(demo, "sms", reference), 30, "an SMS about it")
    [link] = re.findall(r"http://\S+/api/v1/ack/\S+", mail.text)
    shipment = found[0]["subject_id"]
    number = demo.items(f"/alarms?shipment={shipment}&open=true&severity=major&limit=1")[0]["id"]

    def acknowledged() -> bool:
        with demo.client() as client:
            answer = client.get(f"/alarms/{number}").json()
        return answer.get("acknowledged") is not None

    with httpx.Client() as client:
        page = client.get(link)
        assert page.status_code == 200
        assert not acknowledged()
        shown = dict(re.findall(r'name="(seen|version)" value="([^"]+)"', page.text))
        pressed = client.post(link, data=shown, headers={"Origin": demo.url}, follow_redirects=True)
        assert pressed.status_code == 200
    assert acknowledged()


def recent(one: dict[str, Any]) -> bool:
    began = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 300))
    return bool(one["onset"] > began)


def told(demo: Demo, kind: str, reference: str) -> InboxMessage | None:
    """The newest message of this kind that names the shipment and is not older than the live part."""
    after_ms = (time.time() - 300) * 1000
    found = [one for one in demo.inbox() if one.kind == kind and reference in one.text and one.at_ms > after_ms]
    return found[0] if found else None


def test_a_csv_of_a_shipment_verifies_and_a_changed_one_does_not(demo: Demo) -> None:
    shipment = next(one["id"] for one in demo.items("/shipments?limit=1000") if one["state"] == "closed")
    with demo.client() as client:
        content = client.get(f"/shipments/{shipment}/readings?format=csv").content
    file = demo.folder / "readings.csv"
    file.write_bytes(content)
    command = [sys.executable, "-m", "coldchain", "verify", str(file)]
    assert subprocess.run(command, check=False).returncode == 0
    assert content.count(b"\r\n") > 100
    file.write_bytes(content.replace(b"Z,device,", b"Z,server,", 1))
    assert file.read_bytes() != content
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1


def test_a_second_one_on_the_same_folder_is_told_who_holds_it(demo: Demo) -> None:
    for command in ("demo", "up"):
        second = subprocess.run(
            [sys.executable, "-m", "coldchain", command], env=environment(demo.folder, 1024, 1025),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert second.returncode == 2
        assert f"is held by process {demo.process.pid}" in second.stderr
        assert second.stderr.count("\n") == 1


def test_a_port_in_use_is_one_line_with_a_way_out(demo: Demo, tmp_path: Path) -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "coldchain", "demo"], env=environment(tmp_path, demo.http_port, demo.mqtt_port),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert refused.returncode == 2
    assert f"COLDCHAIN_HTTP=127.0.0.1:{demo.http_port + 1} make demo" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_ctrl_c_ends_all_of_it_and_the_second_start_is_quick_and_keeps_history_without_a_flood(demo: Demo) -> None:
    before = {one["id"] for one in demo.items("/shipments?limit=1000")}
    alarms = {one["id"] for one in demo.items("/alarms?limit=1000")}
    running = demo.processes()
    assert len(running) >= 6
    took_s = demo.stop()
    wait_until(lambda: not [pid for pid in running if Path(f"/proc/{pid}").exists()], 10 - took_s, "the end of all")
    assert not list((demo.folder / "state" / "run").glob("*.pid"))

    lived = demo.lived()
    again = begin(demo.folder, demo.http_port, demo.mqtt_port)
    try:
        assert again.lived() < lived / 10  # it lives through the pause only, which is what makes it quick
        assert before <= {one["id"] for one in again.items("/shipments?limit=1000")}
        new = [one for one in again.items("/alarms?limit=1000") if one["id"] not in alarms]
        assert len(new) <= 3, new
    finally:
        assert again.stop() < 10
