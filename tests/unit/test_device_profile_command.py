"""`coldchain device-profile test` and `coldchain decode --device-profiles`: what comes out, or why nothing does."""

import json
from pathlib import Path

import pytest

from coldchain.cli import main

PROFILE = """
id = "acme-duo"
version = 2
name = "Acme Duo"
match = [{ "tts.model_id" = "duo" }]
battery_v = "b"
[channels.internal]
temperature_c = { path = "t", range = [-40, 85] }
[[examples]]
in = { t = 5 }
out = { internal = 5 }
"""
UPLINK = {
    "transport": "mqtt", "topic": "v3/app@tenant/devices/box/up",
    "payload_json": {
        "end_device_ids": {"device_id": "box", "dev_eui": "A84041000181C061"},
        "received_at": "2026-01-05T10:00:00Z",
        "uplink_message": {
            "session_key_id": "AY==", "f_port": 2, "f_cnt": 3, "received_at": "2026-01-05T10:00:00Z",
            "version_ids": {"brand_id": "acme", "model_id": "duo"}, "decoded_payload": {"t": 4.5},
        },
    },
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("COLDCHAIN_CONFIG", raising=False)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "duo.toml").write_text(PROFILE)
    return tmp_path


def answer(folder: Path, *lines: object) -> int:
    messages = folder / "messages.jsonl"
    messages.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return main(["device-profile", "test", str(folder / "profiles" / "duo.toml"), str(messages)])


def test_examples_and_messages_that_are_understood_are_shown_and_the_answer_is_yes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(folder, {"t": 4.5, "b": 3.1}, "", UPLINK, {"b": 3}) == 0
    said = capsys.readouterr().out
    assert "acme-duo@2 (untested): 1 examples hold" in said
    assert "line 1: readings\n  internal at 2026-01-05T10:00:00.000Z: temperature_c 4.5, battery_v 3.1" in said
    assert "line 3: readings\n  internal at 2026-01-05T10:00:00.000Z: seq 3, temperature_c 4.5" in said
    assert "line 4: no_reading\n  battery_v 3.0" in said


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"q": 1}, "acme-duo@2 knows none of these fields"),
        ({"t": 90}, "90 is outside what such a sensor can measure, -40 to 85"),
        ("{", "is refused: payload is not JSON"),
        (UPLINK | {"topic": "unknown/topic"}, "topic unknown/topic is known to no carrier"),
    ],
)
def test_a_message_that_is_not_understood_has_its_reason_and_the_answer_is_no(
    folder: Path, capsys: pytest.CaptureFixture[str], line: object, reason: str
) -> None:
    assert answer(folder, {"t": 5}, line) == 1
    assert reason in capsys.readouterr().out


def test_an_example_that_fails_says_what_differs_and_the_answer_is_no(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "profiles" / "duo.toml").write_text(PROFILE.replace("out = { internal = 5 }", "out = { internal = 6 }"))
    assert answer(folder, {"t": 5}) == 1
    assert "example 1: internal.temperature_c is 5.0 and should be 6" in capsys.readouterr().out


def test_what_cannot_be_read_is_one_line_and_exit_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["device-profile", "test", "no-such-profile"]) == 2
    assert "no-such-profile" in capsys.readouterr().err
    assert main(["device-profile", "test", str(folder / "profiles" / "duo.toml"), str(folder / "none.jsonl")]) == 2


def test_decode_reads_by_the_profiles_of_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "profiles" / "duo.toml").write_text(
        PROFILE.replace("[channels", 'status = "supported"\nproof = "ours"\n[channels', 1)
    )
    messages = folder / "messages.jsonl"
    messages.write_text(json.dumps(UPLINK))
    assert main(["decode", str(messages)]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "undecoded"
    assert main(["decode", str(messages), "--device-profiles", str(folder / "profiles")]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["outcome"], result["device_profile"]) == ("readings", "acme-duo@2")
    assert [row["temperature_c"] for row in result["readings"]] == [4.5]


def test_decode_says_which_file_of_the_folder_cannot_be_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "profiles" / "bad.toml").write_text("id = 5")
    (folder / "messages.jsonl").write_text("")
    assert main(["decode", str(folder / "messages.jsonl"), "--device-profiles", str(folder / "profiles")]) == 2
    assert "bad.toml: device profile" in capsys.readouterr().err
