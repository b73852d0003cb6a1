"""A TCP proxy on loopback that misbehaves as a test asks: refuses, stalls, cuts half way, swallows answers."""

import socket
import threading
from contextlib import suppress


class ChaosProxy:
    """Forwards to `port`. `mode`: "pass", "reset" (accept, then drop), "stall" (forward nothing), or "deaf" (the server
    hears everything, its answers are lost). `cut_after`: bytes towards the server after which both ends are dropped."""

    def __init__(self, port: int) -> None:
        self.mode = "pass"
        self.cut_after: int | None = None
        self.connections = 0
        self._target = port
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close everything that is open."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._open:
            _drop(end)
        self._thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.mode == "reset":
                _drop(client)
                continue
            server = socket.create_connection(("127.0.0.1", self._target))
            self._open += [client, server]
            for source, sink, outward in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=(source, sink, outward), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, outward: bool) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(65536):
                room = None if self.cut_after is None or not outward else max(0, self.cut_after - passed)
                passed += len(data)
                if self.mode == "stall" or (self.mode == "deaf" and not outward):
                    continue
                sink.sendall(data if room is None else data[:room])
                if room is not None and len(data) > room:
                    break
        _drop(source)
        _drop(sink)


def _drop(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
