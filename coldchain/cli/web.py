"""The web role: two uvicorn workers, each with stores of its own."""

import os
import socket
import threading
from contextlib import ExitStack
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from coldchain import pulse
from coldchain.cli.patient_http import PatientHttp
from coldchain.cli.ports import check_port
from coldchain.clock import SystemClock
from coldchain.config import Config, read_config
from coldchain.exposition import forget, joined, kept_current
from coldchain.log import set_up
from coldchain.wiring import opened_stores, prepare, services_of
from dashboard.app import build_app
from dashboard.dash_app import build_dash

WORKERS = 2
_BEAT_S = 1.0
_WORKER = "web-"  # and its process number: what a worker's metrics are called
_FACTORY = f"{__name__}:application"
# What a worker opened stays open for as long as it lives: a stack of its own would be collected, and close the journal
# under the application.
_HELD = ExitStack()


def serve(config: Config, *, migrate: bool) -> int:
    """Serve until SIGINT or SIGTERM."""
    check_port("COLDCHAIN_HTTP", config.http, "coldchain web")
    prepare(config, migrate=migrate)
    forget(config.data, _WORKER)
    sign = pulse.Pulse(config.data, "web", SystemClock())
    try:
        settings = uvicorn.Config(
            _FACTORY,
            factory=True,
            host=config.http.host,
            port=config.http.port,
            workers=WORKERS,
            log_level="warning",
            access_log=False,
            server_header=False,
            http=PatientHttp,
            ws="none",
            timeout_graceful_shutdown=2,
            ssl_certfile=config.tls_cert,
            ssl_keyfile=config.tls_key,
            proxy_headers=False,
        )
        listening = settings.bind_socket()
        # Connections inherit it. Without it the second write of every answer waits for the client's delayed
        # acknowledgement of the first: 40 ms each.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Multiprocess(settings, sockets=[listening]).run()
    finally:
        sign.stop()
        forget(config.data, _WORKER)  # uvicorn ends its workers by a signal: they cannot do it themselves
    return 0


def application() -> FastAPI:
    """One worker's application; its configuration comes from the environment, as for every role.

    Raises:
        ColdchainError: the configuration or the state cannot be used.
    """
    set_up("web")
    path = os.environ.get("COLDCHAIN_CONFIG")
    config, clock = read_config(Path(path) if path else None), SystemClock()
    stores = _HELD.enter_context(opened_stores(config))
    services = services_of(config, stores, clock)
    worker = f"{_WORKER}{os.getpid()}"
    _HELD.enter_context(kept_current(config.data, worker))
    app = build_app(
        services,
        build_dash(services),
        lambda: pulse.troubles(config.data, clock.now_ms()),
        lambda: joined(config.data, worker, clock.now_ms() / 1000),
    )
    threading.Thread(target=_beat, args=(config,), name="pulse", daemon=True).start()
    return app


def _beat(config: Config) -> None:
    sign = pulse.Pulse(config.data, "web", SystemClock(), announce=False)
    pause = threading.Event()
    while True:
        sign.beat()
        pause.wait(_BEAT_S)
