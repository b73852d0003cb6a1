"""A siren, a lamp or a loudspeaker on site: run or called when no message can reach anybody, and again when one can.

It needs no network beyond the house and no registry.
"""

import http.client
import json
import shlex
import socket
import subprocess
from ipaddress import ip_address
from urllib.parse import urlsplit

from coldchain.errors import PermanentError, TransientError

RAISED, OVER = "raised", "over"
_DEADLINE_S = 20.0


def announce(target: str, state: str, text: str) -> None:
    """Run the command with `state` and `text` as its last arguments and `text` on its standard input, or POST both.

    Raises:
        TransientError: it did not work this time.
        PermanentError: the address is not in this house.
    """
    if target.startswith(("http://", "https://")):
        _posted(target, state, text)
        return
    try:
        done = subprocess.run(
            [*shlex.split(target), state, text], input=text.encode(), timeout=_DEADLINE_S, check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TransientError(f"the annunciator could not be run: {error}") from error
    if done.returncode != 0:
        raise TransientError(f"the annunciator ended with {done.returncode}")


def _posted(target: str, state: str, text: str) -> None:
    parts = urlsplit(target)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    try:
        place = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)[0][4][0]
        near = ip_address(place)
        if not (near.is_loopback or near.is_private):
            raise PermanentError(f"the annunciator at {parts.hostname} is not in this house")
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(parts.hostname or "", port, timeout=_DEADLINE_S)
        try:
            body = json.dumps({"state": state, "text": text})
            connection.request("POST", parts.path or "/", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        raise TransientError(f"the annunciator does not answer: {error}") from error
    if not 200 <= answer.status < 300:
        raise TransientError(f"the annunciator answers {answer.status}")
