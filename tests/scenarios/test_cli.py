"""The command line: help with an example, 0 = done, 1 = the answer is no, 2 = one line that says what to do."""

import hashlib
import io
import json
import os
import re
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from ports import quiet_port
from sqlalchemy import text
from web_cast import HOUR, MINUTE, NOON, installed

from coldchain import __version__
from coldchain.cli import COMMANDS, main
from coldchain.cli.doctor import reached
from coldchain.domain.quantity import iso
from coldchain.errors import ColdchainError
from coldchain.registry import migrations
from coldchain.registry.store import Registry, sqlite_url

PASSWORD = "nineteen quiet reefers"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of this test's own, and no other setting."""
    for name in [name for name in os.environ if name.startswith("COLDCHAIN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLDCHAIN_DATA", str(tmp_path / "state"))
    return tmp_path / "state"


def typed(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(line))


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What standard error says: one line, and 2."""
    capsys.readouterr()
    try:
        code = main(arguments)
    except SystemExit as error:
        code = int(str(error.code))
    said = capsys.readouterr()
    assert code == 2, said
    assert re.fullmatch(r"coldchain[^\n]*: [^\n]+\n", said.err), said.err
    return said.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert re.search(rf"examples?: .*coldchain .*{command}", capsys.readouterr().out)


def test_help_is_there_at_once() -> None:
    used = "import resource, sys\nfrom coldchain.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    used += "print(resource.getrusage(resource.RUSAGE_SELF).ru_utime, 'sqlalchemy' in sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", used], capture_output=True, text=True, check=True)
    seconds, database = done.stderr.split()
    assert float(seconds) < 0.3
    assert database == "False"


def test_a_health_check_opens_no_store_and_a_file_may_have_a_command_s_name(tmp_path: Path) -> None:
    (tmp_path / "web").write_text('data = "here"\n')
    program = (
        "import sys\nfrom coldchain.cli import main\n"
        "main(['--config', 'web', 'doctor', '--role', 'ingest'])\nprint('sqlalchemy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines() == ["ingest: has not started", "False"]


def test_a_role_imports_only_what_it_uses() -> None:
    program = "import sys, coldchain.cli.roles, coldchain.cli.intake\nprint(*sorted(sys.modules))"
    loaded = set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {
        "alembic",
        "dash",
        "fastapi",
        "plotly",
        "urllib3",
        "paho",
        "cryptography",
        "dashboard",
        "alerts",
    }


def test_the_schema_that_a_role_compares_with_is_that_of_the_newest_script(state: Path) -> None:
    state.mkdir()
    with closing(Registry(sqlite_url(state / "registry.db"))) as registry:
        assert migrations.head(registry) == migrations.WANTED


def test_people_keys_and_loggers_come_in_and_secrets_stand_alone_on_the_last_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, PASSWORD + "\n")
    assert main(["user", "create", "--email", "ada@example.org", "--role", "quality"]) == 0
    assert PASSWORD not in capsys.readouterr().out
    assert main(["apikey", "create", "--name", "erp", "--role", "operator"]) == 0
    assert re.fullmatch(r"cck_\S{20,}", capsys.readouterr().out.splitlines()[-1])
    assert main(["logger", "create", "LG-0042", "--interval", "300"]) == 0
    assert re.fullmatch(r"\S{16,}", capsys.readouterr().out.splitlines()[-1])
    assert main(["user", "link", "--email", "ada@example.org"]) == 0
    assert re.fullmatch(r"http://127.0.0.1:8050/sign-in/link/\S+\n", capsys.readouterr().out)
    for noun in ("user", "apikey", "logger"):
        assert main([noun, "list"]) == 0
    said = capsys.readouterr().out
    assert "ada@example.org" in said
    assert "erp" in said
    assert "LG-0042" in said


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["nonsense"], "nonsense"),
        (["verify", "no-such-file.csv"], "no-such-file.csv"),
        (["decode", "no-such-file.jsonl"], "no-such-file.jsonl"),
        (["evaluate", "no-such-file.csv", "--profile", "refrigerated-2-8"], "no-such-file.csv"),
        (["replay", "no-such-file.jsonl"], "no-such-file.jsonl"),
        (["import", "no-such-file.txt"], "no-such-file.txt"),
        (["import", "/"], "/"),
        (["user", "link", "--email", "nobody@example.org"], "nobody@example.org"),
        (["user", "create", "--email", "x@example.org", "--role", "auditor", "--expires", "soon"], "soon"),
        (["apikey", "create", "--name", "x", "--role", "emperor"], "emperor"),
        (["apikey", "revoke", "no-such-key"], "no-such-key"),
        (["logger", "create", "a/b"], "a/b"),
        (["logger", "create", "A", "--interval", "0"], "interval"),
        (["simulate", "--end", "yesterday"], "yesterday"),
        (["simulate", "--broker-url-file", "no-such-file"], "no-such-file"),
        (["export", "--shipment", "no-such-shipment"], "no-such-shipment"),
        (["export", "--logger", "no-such-logger"], "no-such-logger"),
        (["export", "--from", "last week"], "--from"),
        (["export", "--from", "2026-02-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z"], "--to"),
        (["export", "--table", "audit", "--logger", "A"], "audit"),
        (["export", "-o", "no-such-folder/file.csv"], "no-such-folder"),
        (["rebuild-telemetry"], "COLDCHAIN_INFLUX_URL"),
        (["project"], "COLDCHAIN_INFLUX_URL"),
        (["--config", "no-such.toml", "doctor"], "no-such.toml"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(
    arguments: list[str],
    names: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    typed(monkeypatch, PASSWORD + "\n")
    assert names in refused(capsys, *arguments)


def test_every_mistake_of_a_configuration_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLDCHAIN_HTTP", "somewhere")
    monkeypatch.setenv("COLDCHAIN_MQTT_ANONYMOUS", "perhaps")
    main(["doctor"])
    said = capsys.readouterr().err
    assert "COLDCHAIN_HTTP" in said
    assert "COLDCHAIN_MQTT_ANONYMOUS" in said
    assert "Traceback" not in said


def test_an_empty_or_weak_password_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for line in ("", "\n", "short\n"):
        typed(monkeypatch, line)
        assert "password" in refused(capsys, "user", "create", "--email", "a@example.org", "--role", "viewer")


def test_doctor_says_no_where_something_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "FAIL contacts" in said
    assert "ok   state" in said
    assert main(["doctor", "--role", "engine"]) == 1


@pytest.mark.parametrize("command", ["up", "web", "demo"])
def test_a_port_in_use_is_named_with_its_setting(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = quiet_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        monkeypatch.setenv("COLDCHAIN_HTTP", f"127.0.0.1:{port}")
        assert f"COLDCHAIN_HTTP=127.0.0.1:{port + 1}" in refused(capsys, command)


def test_a_listener_port_in_use_is_named_by_ingest(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = quiet_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        monkeypatch.setenv("COLDCHAIN_MQTT_LISTEN", f"127.0.0.1:{port}")
        assert "COLDCHAIN_MQTT_LISTEN" in refused(capsys, "ingest")


def test_roles_that_start_together_on_an_empty_folder_make_it_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "coldchain", "apikey", "create", "--role", "viewer", "--name"]
    environment = {**os.environ, "COLDCHAIN_DATA": str(tmp_path / "state")}
    together = [
        subprocess.Popen([*command, f"key-{number}"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for number in range(4)
    ]
    ended = [(one.communicate(timeout=120)[1], one.returncode) for one in together]
    assert ended == [(b"", 0)] * 4


def test_a_folder_that_cannot_be_used_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("COLDCHAIN_DATA", str(tmp_path / "a file" / "state"))
    for command in (["migrate"], ["up"], ["user", "list"], ["doctor", "--role", "web"]):
        if command[0] != "doctor":
            assert "COLDCHAIN_DATA" in refused(capsys, *command)
        else:
            assert main(command) == 1


def test_state_that_is_no_database_or_of_a_newer_version_is_named(
    capsys: pytest.CaptureFixture[str], state: Path
) -> None:
    assert main(["migrate"]) == 0
    with closing(Registry(sqlite_url(state / "registry.db"))) as registry, registry.write() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    for command in (["user", "list"], ["migrate"], ["up"], ["engine"], ["--migrate", "user", "list"]):
        assert "newer version" in refused(capsys, *command)
    for left in state.glob("registry.db*"):
        left.unlink()
    (state / "registry.db").write_text("this is not a database, and it is longer than its header would be" * 20)
    assert f"{state / 'registry.db'} cannot be used" in refused(capsys, "user", "list")
    (state / "registry.db").unlink()
    for left in state.glob("journal.db*"):
        left.unlink()
    (state / "journal.db").write_text("neither is this one" * 60)
    assert f"{state / 'journal.db'} cannot be opened" in refused(capsys, "export")


def test_an_export_is_the_bytes_of_the_web_recorded_and_verified(
    capsysbinary: pytest.CaptureFixture[bytes], state: Path, tmp_path: Path
) -> None:
    state.mkdir()
    with installed(state) as web:
        shipment = web.shipment("SHP-1")
        web.bind(shipment, "L0")
        for seq in range(30):
            at = iso(NOON - HOUR + seq * MINUTE)
            values = [{"ts": at, "values": {"temperature_c": 4.5 + seq / 100}}]
            body = {"v": 1, "device": "L0", "boot": 1, "seq": seq, "readings": values}
            assert web.as_role("device").post("/api/v1/ingest/native", json=body).status_code == 202
        content = web.as_role("viewer").get(f"/api/v1/shipments/{shipment}/readings?format=csv").content
        file = tmp_path / "shipment.csv"
        for named in ("SHP-1", shipment):
            assert main(["export", "--shipment", named, "-o", str(file)]) == 0
            assert file.read_bytes() == content
        assert main(["verify", str(file)]) == 0
        capsysbinary.readouterr()
        assert main(["export", "--shipment", "SHP-1"]) == 0
        assert capsysbinary.readouterr().out == content
        newest = web.as_role("quality").get("/api/v1/exports").json()["items"][0]
        digest = hashlib.sha256(content[: content.rindex(b"# rows=")]).hexdigest()
        assert (newest["who"], newest["rows"], newest["sha256"]) == ("command line", 30, digest)
        assert {path.name for path in tmp_path.iterdir()} == {"shipment.csv", "state"}
        period = ["--from", iso(NOON - HOUR + 5 * MINUTE), "--to", iso(NOON - HOUR + 8 * MINUTE)]
        assert main(["export", "--logger", "L0", *period]) == 0
        assert capsysbinary.readouterr().out.splitlines()[-1].startswith(b"# rows=3 ")
        assert main(["export", "--table", "excursions"]) == 0
        header = web.as_role("viewer").get("/api/v1/excursions?format=csv").content.splitlines()[0]
        assert capsysbinary.readouterr().out.splitlines()[0] == header
        trail = tmp_path / "audit.csv"
        assert main(["export", "--table", "audit", "-o", str(trail)]) == 0
        assert main(["verify", str(trail)]) == 0
        assert b"export started" in trail.read_bytes()


def test_a_reader_that_has_seen_enough_is_no_error(state: Path) -> None:
    assert main(["migrate"]) == 0
    shell = f"{sys.executable} -m coldchain export --table audit | head -c 1 > /dev/null; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_mistake_in_the_program_shows_no_local_variable_in_the_log() -> None:
    program = (
        "import sys\nsys.stderr.isatty = lambda: {terminal}\nfrom coldchain.log import set_up\nset_up('web')\n"
        "import structlog\n"
        "def fails():\n    secret = ''.join(['hush', '-', 'hush'])\n    raise ValueError('went wrong')\n"
        "try:\n    fails()\nexcept ValueError:\n    structlog.get_logger().exception('failed')\n"
    )
    for terminal in (True, False):
        command = [sys.executable, "-c", program.format(terminal=terminal)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        assert "went wrong" in said
        assert "Traceback" in said
        assert "hush-hush" not in said
    assert json.loads(said)["event"] == "failed"


def test_every_command_is_reachable_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "coldchain", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"coldchain {__version__}\n"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("mqtt://127.0.0.1", "127.0.0.1:1883"),
        ("mqtts://127.0.0.1", "127.0.0.1:8883"),
        ("http://127.0.0.1/beat", "127.0.0.1:80"),
        ("https://user:word@127.0.0.1/beat", "127.0.0.1:443"),
        ("https://127.0.0.1:9/", "127.0.0.1:9"),
    ],
)
def test_doctor_knocks_where_a_url_leads_and_says_whether_somebody_answers(url: str, place: str) -> None:
    try:
        said = reached(url)
    except ColdchainError as error:
        said = str(error)
    assert re.fullmatch(f"{place} (answers|cannot be reached: .*)", said)
