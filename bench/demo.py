"""A stranger's `make demo`: seconds from a clean clone with an empty home to excursions that the API shows.

The environment is made from the package index that this machine uses, so the network is part of the figure.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server_process import http

from bench.processes import scratch
from bench.table import Anchor, absent

ROOT = Path(__file__).resolve().parents[1]
TITLE = "demo: from clone to the first excursion"
BOUND_S = 240.0
_KEPT = ("PATH", "LANG", "TERM", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_INDEX = re.compile(r"(PIP|UV)_|\w+_proxy$|\w+_PROXY$")  # where packages come from is the machine's business


def measure(scale: float) -> list[Anchor]:  # noqa: ARG001 - a demo has one size
    from ports import quiet_port

    if not (ROOT / ".git").exists():
        return [absent(TITLE, "this tree is no clone: the demo is measured from its repository")]
    with scratch() as folder:
        port = quiet_port()
        began_s = time.monotonic()
        clone = ["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder / "clone")]
        subprocess.run(clone, check=True, timeout=60)
        with _demo(folder, port) as (process, printed):
            marks = _watched(process, printed, f"http://127.0.0.1:{port}", began_s)
    took_s = {name: at_s - began_s for name, at_s in marks.items()}
    note = f"the environment was there after {took_s['environment']:.0f} s, the page after {took_s['page']:.0f} s"
    first, still_open = took_s["excursion"], took_s["open"]
    return [
        Anchor(TITLE, f"{first:.0f} s", "", first, "<= 90", note),
        Anchor("demo: from clone to the first open excursion", f"{still_open:.0f} s", "", None, "", "not yet ended"),
    ]


@contextmanager
def _demo(folder: Path, port: int) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    home, printed = folder / "home", folder / "printed.txt"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name in _KEPT or _INDEX.match(name)}
    environment |= {
        "HOME": str(home), "COLDCHAIN_HTTP": f"127.0.0.1:{port}", "COLDCHAIN_MQTT_LISTEN": f"127.0.0.1:{port + 1}",
    }  # fmt: skip
    with printed.open("wb") as output:
        process = subprocess.Popen(
            ["make", "demo"], cwd=folder / "clone", env=environment, stdout=output, stderr=output, process_group=0
        )
    try:
        yield process, printed
    finally:
        # `make` and everything below it are one group, and Ctrl-C on a terminal reaches all of a group.
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal.SIGINT)
            process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _watched(process: subprocess.Popen[bytes], printed: Path, url: str, began_s: float) -> dict[str, float]:
    """When the environment was made, the page answered, and the API showed an excursion and an open one."""
    marks: dict[str, float] = {}
    runtime = printed.parent / "clone" / ".venv" / "runtime"
    while time.monotonic() - began_s < BOUND_S:
        if process.poll() is not None:
            raise RuntimeError(f"`make demo` ended by itself: {printed.read_text(errors='replace')[-300:]}")
        if runtime.exists():
            marks.setdefault("environment", time.monotonic())
        if "environment" in marks and http("GET", f"{url}/healthz")[0] == 200:
            marks.setdefault("page", time.monotonic())
            text = printed.read_text(errors="replace")
            if _shown(url, text, ""):
                marks.setdefault("excursion", time.monotonic())
            if _shown(url, text, "&open=true"):
                return marks | {"open": time.monotonic()}
        time.sleep(0.1)
    raise RuntimeError(f"no excursion within {BOUND_S:.0f} s: {printed.read_text(errors='replace')[-300:]}")


def _shown(url: str, printed: str, wanted: str) -> bool:
    """Whether the API lists any excursion, with the key that the demo printed."""
    key = re.search(r"API key +(\S+)", printed)
    if key is None:
        return False
    status, answer = http("GET", f"{url}/api/v1/excursions?limit=1{wanted}", Authorization=f"Bearer {key.group(1)}")
    return status == 200 and bool(json.loads(answer)["items"])
