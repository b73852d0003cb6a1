"""One send by apprise in a process of its own: a request as JSON on standard input, lines of JSON as the answer.

Apprise knows some 180 services, each with timeouts, threads and files of its own. Here a deadline ends all of that, and
what no notification needs is refused to whatever plugin the address names: files of this machine, programs on it, and
addresses inside our own network unless the endpoint is meant to be there.
"""

import json
import logging
import os
import signal
import socket
import sys
import sysconfig
from collections.abc import Callable
from typing import Any

from alerts.channels.webhook import public

_READABLE = tuple(
    os.path.realpath(folder)
    for folder in {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        "/etc/ssl", "/etc/ca-certificates", "/usr/share/ca-certificates", "/usr/lib/ssl", "/usr/share/zoneinfo",
        "/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/mime.types", "/etc/localtime", os.devnull,
    }
)  # fmt: skip
_NETWORK = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_PROGRAMS = (
    "subprocess.",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "os.fork",
    "pty.",
    "syslog.",
    "ctypes.",
)
_CHANGES = frozenset({"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod"})
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Guard:
    """Refuses what a notification does not need, for the rest of this process's life, and remembers what it was."""

    def __init__(self, *, private: bool, deliver: bool, going: Callable[[], None]) -> None:
        """`deliver`: connections are made at all; `going` is called when something may have left this machine."""
        self.refused: tuple[str, str] | None = None  # (code, why) of the first
        self._private = private
        self._deliver = deliver
        self._going = going
        sys.addaudithook(self._hook)
        self._watch_connects()

    def _watch_connects(self) -> None:
        """The hook comes before a connection is tried, and only one that was made can have carried anything."""
        plain = socket.socket.connect

        def connect(one: socket.socket, address: Any) -> None:
            try:
                plain(one, address)
            except BlockingIOError:
                self._going()
                raise
            self._going()

        socket.socket.connect = connect  # type: ignore[assignment, method-assign]

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            self._file(args[0], args[2])
        elif event in _NETWORK:
            self._address(args[1])
            if event != "socket.connect":
                self._going()
        elif event == "socket.getaddrinfo" and not self._deliver:
            self._refuse("url", "looks a name up before anything is sent")
        elif event.startswith(_PROGRAMS) or event in _CHANGES:
            self._refuse("local", f"needs this machine itself ({event}); only what goes over the network is allowed")

    def _file(self, path: object, flags: int) -> None:
        if not isinstance(path, str | bytes):
            return  # a descriptor that is open already
        name = os.path.realpath(os.fsdecode(path))
        inside = any(name == one or name.startswith(one + os.sep) for one in _READABLE)
        if name != os.devnull and (not inside or flags & _WRITES):
            self._refuse("local", f"wants the file {name[:200]} of this machine; no file is read or written")

    def _address(self, address: Any) -> None:
        if address is None:
            return  # of a connection that was checked when it was made
        if not self._deliver or not isinstance(address, tuple):
            self._refuse("local", "talks to another program on this machine, or before anything is sent")
        if not self._private and not _is_public(str(address[0])):
            self._refuse("address", f"leads to {str(address[0])[:100]}, which is not a public address")

    def _refuse(self, code: str, why: str) -> None:
        self.refused = self.refused or (code, why)
        raise PermissionError(why)


def _is_public(address: str) -> bool:
    try:
        return public(address)
    except ValueError:
        return False  # a name, which may mean anything


class _LastWords(logging.Handler):
    """What apprise said last about why."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.words = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.words = record.getMessage()


def run(request: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """Send, or only look whether the address is one that could be sent to; say how it went."""
    import apprise
    from apprise.manager_plugins import NotificationManager

    NotificationManager().load_modules()  # every plugin is read from disk while that is still allowed
    words = _LastWords()
    logging.getLogger("apprise").addHandler(words)
    guard = Guard(private=request["private"], deliver=request["deliver"], going=lambda: say({"going": True}))
    # In memory, because otherwise apprise keeps files; nothing is tried twice but by our own loop, which says so.
    asset = apprise.AppriseAsset(
        app_id="Coldchain", app_desc="Coldchain", storage_mode="memory", service_timeout=0, http_redirects=False,
        async_mode=False,
    )  # fmt: skip
    plugin = apprise.Apprise.instantiate(request["url"], asset=asset)
    if plugin is None:
        code, why = guard.refused or ("url", words.words or "apprise knows no such address")
        return say({"ok": False, "code": code, "why": why})
    schemes = _schemes(plugin)
    if not request["deliver"] or set(schemes) & set(request["refused"]):
        return say({"ok": True, "schemes": schemes, "service": str(plugin.service_name)})
    plugin.retry = 0
    sender = apprise.Apprise(asset=asset)
    sender.add(plugin)
    kind = apprise.NotifyType(request["kind"])
    result = sender.notify(request["body"], request["title"], kind, body_format=apprise.NotifyFormat.TEXT)
    # An address may say `optional=yes`, and then apprise calls a failure a success: only the attempts tell.
    attempts = [attempt for service in result for attempt in service.attempts]
    taken = bool(attempts) and all(attempt.status == apprise.AppriseResultStatus.SUCCESS for attempt in attempts)
    code, why = guard.refused or ("failed", words.words or result.status.name.lower())
    return say({"ok": True, "schemes": schemes} if taken else {"ok": False, "code": code, "why": why})


def _schemes(plugin: Any) -> list[str]:
    found: list[str] = []
    for given in (plugin.secure_protocol, plugin.protocol):
        found += [given] if isinstance(given, str) else list(given or ())
    return found


def main() -> None:
    """Read one request, answer it, end."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what a plugin prints is no answer
    sys.dont_write_bytecode = True
    request = json.loads(sys.stdin.read())
    signal.alarm(int(request["deadline_s"]) + 1)  # also when nobody is left who would end this process

    def say(answer: dict[str, Any]) -> None:
        os.write(answers, json.dumps(answer).encode() + b"\n")

    try:
        run(request, say)
    except Exception as error:  # noqa: BLE001  whatever a plugin raises is a send that failed
        say({"ok": False, "code": "failed", "why": f"{type(error).__name__}: {error}"})
    sys.stdout.flush()
    os._exit(0)  # without waiting for threads that a plugin left behind


if __name__ == "__main__":
    main()
