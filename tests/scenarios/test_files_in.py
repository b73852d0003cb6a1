"""Files by the command line and over HTTP: looked at, imported, given back, and refused with what is missing."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_cast import NORTH, Web

from coldchain.cli import main

CONTENT = "Time,Temp (°C)\r\n2026-11-20 10:00,4.5\r\n2026-11-20 10:05,4.6\r\nsoon,1\r\n".encode()
STATED = {"zone": "Europe/Berlin", "logger": "USB-9", "mapping": "generic"}
MAPPING = {"id": "our-logger", "match": {"columns": ["When", "Reading"]},
           "channels": [{"column": "Reading", "channel": "probe-1", "unit": "F"}]}  # fmt: skip


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    made = Web(tmp_path)
    yield made
    made.close()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("COLDCHAIN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLDCHAIN_DATA", str(tmp_path / "state"))
    path = tmp_path / "run.csv"
    path.write_bytes(CONTENT)
    return path


def test_a_dry_run_shows_what_is_missing_and_stores_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "--dry-run", str(file)]) == 1
    said = capsys.readouterr().out
    for words in ("nothing stored", "column 2 'Temp (°C)': temperature of internal in C", "needs zone", "needs logger"):
        assert words in said
    assert main(["import", "--dry-run", "--zone", "UTC", "--logger", "U", "--mapping", "generic", str(file)]) == 0
    assert "line 4: 'soon' is no date and time" in capsys.readouterr().out
    assert main(["import", "--zone", "UTC", "--logger", "U", "--mapping", "generic", str(file)]) == 0
    assert "2 stored, 0 known" in capsys.readouterr().out


def test_a_mapping_may_come_from_a_file_and_the_report_as_json(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.toml"
    own.write_text('id = "own"\n[[channels]]\ncolumn = 2\nchannel = "probe-7"\nunit = "C"\n')
    arguments = ["import", "--zone", "UTC", "--logger", "U", "--mapping", str(own), "--json", str(file)]
    assert main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["mapping"], report["channels"], report["stored"]) == ("own@1", {"probe-7": 2}, 2)


def test_a_refused_file_does_not_keep_the_others_out(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = file.with_name("bad.pdf")
    bad.write_bytes(b"%PDF-1.7")
    assert main(["import", "--zone", "UTC", "--logger", "U", "--mapping", "generic", str(bad), str(file)]) == 2
    said = capsys.readouterr()
    assert "bad.pdf is in no format that is known here" in said.err
    assert "2 stored" in said.out


def test_a_file_is_looked_at_imported_and_given_back(web: Web) -> None:
    operator = web.as_role("operator")
    shown = operator.post("/api/v1/files/preview?name=run.csv", content=CONTENT)
    assert shown.status_code == 200
    assert [one["field"] for one in shown.json()["needs"]] == ["logger", "zone", "mapping"]
    assert operator.post("/api/v1/files?name=run.csv", content=CONTENT).status_code == 422
    done = operator.post("/api/v1/files", files={"file": ("run.csv", CONTENT)}, data=STATED)
    assert (done.status_code, done.json()["stored"], done.json()["problem_count"]) == (201, 2, 1)
    again = operator.post("/api/v1/files?name=other.csv", content=CONTENT)
    assert (again.status_code, again.json()["again"]) == (200, True)
    kept = operator.get(f"/api/v1/files/{done.json()['sha256']}")
    assert (kept.content, kept.headers["content-disposition"]) == (CONTENT, 'attachment; filename="run.csv"')
    assert operator.get(f"/api/v1/files/{'0' * 64}").status_code == 404


def test_a_mapping_is_kept_and_recognises_the_next_file(web: Web) -> None:
    operator = web.as_role("operator")
    made = operator.post("/api/v1/file-mappings", json=MAPPING)
    assert (made.status_code, made.json()["version"]) == (201, 1)
    assert operator.post("/api/v1/file-mappings", json={**MAPPING, "id": "Ours"}).status_code == 422
    assert operator.post("/api/v1/file-mappings", content=b"[").status_code == 422
    listed = {one["id"]: one["shipped"] for one in operator.get("/api/v1/file-mappings").json()["items"]}
    assert (listed["our-logger"], listed["ibutton"]) == (False, True)
    shown = operator.post("/api/v1/files/preview", content=b"When,Reading\n2026-11-20T10:00:00Z,41\n").json()
    assert (shown["mapping"], shown["mapping_how"]) == ("our-logger@1", "recognised")
    assert [one["field"] for one in shown["needs"]] == ["logger"]


def test_a_device_may_send_files_and_nothing_more(web: Web) -> None:
    device = web.as_role("device")
    assert device.post("/api/v1/files/preview", content=CONTENT).status_code == 403
    assert device.get("/api/v1/file-mappings").status_code == 403
    assert device.post("/api/v1/files", files={"file": ("run.csv", CONTENT)}, data=STATED).status_code == 201


def test_whoever_sees_one_customer_only_gets_no_file_of_the_installation(web: Web) -> None:
    done = web.as_role("operator").post("/api/v1/files", files={"file": ("run.csv", CONTENT)}, data=STATED).json()
    scoped = web.client(Authorization=f"Bearer {web.key('operator', scope_customer=NORTH)}")
    assert scoped.get(f"/api/v1/files/{done['sha256']}").status_code == 403
    assert scoped.post("/api/v1/file-mappings", json=MAPPING).status_code == 403


def test_a_file_is_read_again_over_http_by_who_may_decide_about_readings(web: Web) -> None:
    done = web.as_role("operator").post("/api/v1/files", files={"file": ("run.csv", CONTENT)}, data=STATED).json()
    path = f"/api/v1/files/{done['sha256']}/again"
    other = {"zone": "UTC", "logger": "USB-9", "mapping": "generic", "reason": "its clock runs in UTC"}
    assert web.as_role("operator").post(path, json=other).status_code == 403
    quality = web.as_role("quality")
    would = quality.post(path, json={**other, "dry_run": True}).json()
    assert (would["done"], would["messages"], would["readings_before"], would["readings_after"]) == (False, 1, 2, 2)
    assert quality.post(path, json={**other, "reason": ""}).status_code == 422
    made = quality.post(path, json=other)
    assert (made.status_code, made.json()["done"]) == (200, True)
    rows = quality.get("/api/v1/loggers/USB-9/readings").json()["items"]
    assert [(row["event_time"], row["interpretation"]) for row in rows] == [
        ("2026-11-20T10:00:00.000Z", 2), ("2026-11-20T10:05:00.000Z", 2),
    ]  # fmt: skip
    assert quality.post(path, json=other).json()["done"] is False
    assert quality.post(f"/api/v1/files/{'0' * 64}/again", json=other).status_code == 404
    assert quality.get(f"/api/v1/files/{done['sha256']}").content == CONTENT
    refused = quality.post("/api/v1/files?name=run.csv&zone=Europe/Berlin", content=CONTENT)
    assert refused.status_code == 422
    assert "read the file again" in refused.json()["detail"]


def test_a_file_is_read_again_on_the_command_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stated = ["--logger", "U", "--mapping", "generic", str(file)]
    assert main(["import", "--zone", "UTC", *stated]) == 0
    assert main(["import", "--again", "--zone", "+01:00", "--dry-run", *stated]) == 0
    assert "nothing stored; 2 readings become 2" in capsys.readouterr().out
    assert main(["import", "--again", "--zone", "+01:00", *stated]) == 2
    assert "reason is missing" in capsys.readouterr().err
    assert main(["import", "--again", "--zone", "+01:00", "--reason", "its clock", "--json", *stated]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["done"], report["report"]["first"]) == (True, "2026-11-20T09:00:00.000Z")
    assert main(["import", "--again", "--zone", "+01:00", "--reason", "its clock", *stated]) == 0
    assert "nothing would change" in capsys.readouterr().out
