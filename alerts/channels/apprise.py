"""Messages by apprise, where that extra is installed: some 180 services, each known by an address of apprise's own.

Such an address holds passwords and keys, so it is kept and treated as a secret. What apprise calls a success counts as
accepted and never as delivered: it knows no receipts. Each send runs in a process of its own, which the deadline ends.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, NamedTuple

from alerts.channels.port import Deferred, Message, Refused, Sent
from alerts.channels.webhook import Target
from coldchain.errors import InvalidValue

DEADLINE_S = 30.0
REMEDY = "pip install 'coldchain-monitor[apprise]'"
_LOCAL = "reaches only this machine"
_UNTRUE = "says that a message was sent when it was refused or never answered"
REFUSED = {
    "file": _LOCAL, "exec": _LOCAL, "script": _LOCAL, "syslog": _LOCAL, "dbus": _LOCAL, "kde": _LOCAL, "qt": _LOCAL,
    "glib": _LOCAL, "gio": _LOCAL, "gnome": _LOCAL, "macosx": _LOCAL, "windows": _LOCAL, "blink1": _LOCAL,
    "smpp": _UNTRUE, "smpps": _UNTRUE,
}  # fmt: skip
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]{0,40})://[!-~]{0,2000}", re.IGNORECASE)
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


class _Answer(NamedTuple):
    """What the process said, None if it ended or was ended before; `going`: it had begun to connect."""

    said: dict[str, Any] | None
    going: bool
    late: bool = False


class AppriseChannel:
    """Hands each message over in a process of its own."""

    def __init__(self, lookup: Callable[[str], Target | None], deadline_s: float = DEADLINE_S) -> None:
        """`lookup` knows an endpoint by its id as it is now; its one secret is apprise's address."""
        self._lookup = lookup
        self._deadline_s = deadline_s

    def send(self, message: Message) -> Sent:
        """Hand a message over to the endpoint that `message.to` names; see `Channel.send`.

        Apprise does not say why it failed: a message that did not go may be wanted later, and one that was on its way
        may have arrived.
        """
        target = self._lookup(message.to)
        if target is None:
            raise Refused("the endpoint is switched off or gone", code="disabled")
        if not installed():
            raise Deferred(f"apprise is not installed; {REMEDY}", code="not_installed")
        [url] = target.secrets
        answer = _asked(url, self._deadline_s, private=target.private, message=message)
        said = answer.said
        if said is None:
            why = "no answer within the deadline" if answer.late else "apprise ended without an answer"
            raise Deferred(why, code="timeout" if answer.late else "internal", ambiguous=answer.going)
        _demand_allowed(said.get("schemes", []))
        if said["ok"]:
            return Sent(provider_id=None, code="apprise", detail="apprise says that it was sent")
        why = _without_secrets(str(said["why"]), url)
        if said["code"] in ("address", "local", "url"):
            raise Refused(why, code=said["code"])
        raise Deferred(why, code="failed" if answer.going else "connection", ambiguous=answer.going)


def installed() -> bool:
    """Whether the extra is there."""
    return find_spec("apprise") is not None


def checked_address(url: str) -> str:
    """How an address of apprise is shown: its scheme, because in the rest everything may be secret.

    Raises:
        InvalidValue: apprise is not installed, or this address is not one that messages can be sent to.
    """
    if not installed():
        raise InvalidValue(f"kind: apprise is not installed on this machine; {REMEDY}, and restart")
    found = _ADDRESS.fullmatch(url)
    if found is None:
        raise InvalidValue("url: is no address of apprise; scheme://… in plain ASCII without spaces is meant")
    _demand([found[1].lower()])
    said = _asked(url, DEADLINE_S, private=False, message=None).said
    if said is None:
        raise InvalidValue("url: apprise gave no answer about this address; try again")
    if not said["ok"]:
        raise InvalidValue(f"url: apprise does not take it: {_without_secrets(str(said['why']), url)}")
    _demand(said["schemes"])
    given = found[1].lower()
    return f"{given if given in said['schemes'] else said['schemes'][0]}://…"


def _demand(schemes: list[str]) -> None:
    for scheme in schemes:
        if scheme in REFUSED:
            raise InvalidValue(f"url: {scheme}:// {REFUSED[scheme]}; choose a service that is reached over the network")


def _demand_allowed(schemes: list[str]) -> None:
    try:
        _demand(schemes)
    except InvalidValue as error:
        raise Refused(str(error), code="url") from error


def _asked(url: str, deadline_s: float, *, private: bool, message: Message | None) -> _Answer:
    """Send, or without a message only look at the address."""
    request = {"url": url, "private": private, "deliver": message is not None, "deadline_s": deadline_s}
    request |= {"refused": sorted(REFUSED)}
    if message is not None:
        request |= {"title": message.subject, "body": message.text, "kind": message.headers.get("kind", "warning")}
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(one for one in sys.path if one)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "alerts.channels.apprise_process"], env=environment, cwd="/", text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    late = False
    try:
        out, _ = process.communicate(json.dumps(request), timeout=deadline_s)
    except subprocess.TimeoutExpired:
        late = True
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        out, _ = process.communicate()
    return _read(out, late=late)


def _read(out: str, *, late: bool) -> _Answer:
    going, said = False, None
    for line in out.splitlines():
        answer = json.loads(line) if line.endswith("}") else {}
        going = going or "going" in answer
        said = answer if "ok" in answer else said
    return _Answer(said, going, late)


def _without_secrets(words: str, url: str) -> str:
    """What apprise said, without any part of the address that may be a key."""
    for part in sorted(set(re.split(r"[/:@?&=,]+", url.partition("://")[2])), key=len, reverse=True):
        if len(part) > 3:
            words = words.replace(part, "…")
    return " ".join(words.split())[:300]
