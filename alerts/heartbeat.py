"""The beat for a watchdog outside: sent only while test messages come through the chain and people can be reached.

Understood by every service that expects a request now and then and raises the alarm when it stays away.
"""

import http.client
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from sqlalchemy import Connection

from alerts.canary_watch import CanaryWatch
from alerts.watch_machine import CLOCK_MS
from coldchain.clock import Clock
from coldchain.registry import canary, undelivered
from coldchain.registry.store import Registry

_DEADLINE_S = 10.0


class Heartbeat:
    """Sends the beat, remembers what is wrong with sending it, and what the answer says about our clock."""

    def __init__(self, url: str, registry: Registry, clock: Clock, ask: Callable[[str], str] | None = None) -> None:
        """`ask` gets a URL and returns the answer's Date; it may raise OSError."""
        self._url, self._registry, self._clock = url, registry, clock
        self._ask = ask or asked
        self._canaries = CanaryWatch(clock)
        self.offset_ms: int | None = None

    def look(self) -> str | None:
        """Send a beat if one may be sent; why the watchdog could not be reached, None if it was or no beat was due."""
        with self._registry.read() as connection:
            if self.withheld(connection) is not None:
                return None
        try:
            stamp = self._ask(self._url)
        except OSError as error:
            return f"the outside watchdog cannot be reached: {str(error) or type(error).__name__}"
        self.offset_ms = self._measured(stamp)
        return None

    def withheld(self, connection: Connection) -> str | None:
        """Why no beat may be sent now; None if one may."""
        wanted = canary.expected(connection)
        if wanted is None or not wanted.roads:
            return "no test message is sent through the chain"
        if undelivered.stuck_since_ms(connection, self._clock.now_ms()) is not None:
            return "no channel to people works"
        return self._canaries.missing(connection)

    def clock_off(self) -> str | None:
        """Our clock against that of the watchdog's server, which tells whole seconds."""
        if self.offset_ms is None or abs(self.offset_ms) <= CLOCK_MS:
            return None
        way = "ahead of" if self.offset_ms > 0 else "behind"
        return f"the server's clock is {abs(self.offset_ms) / 1000:.0f} s {way} that of the outside watchdog"

    def _measured(self, stamp: str) -> int | None:
        try:
            there_ms = parsedate_to_datetime(stamp).timestamp() * 1000
        except (TypeError, ValueError):
            return None
        return int(self._clock.now_ms() - there_ms - 500)  # the middle of the second that it names


def asked(url: str) -> str:
    """GET `url`; the Date of a good answer.

    Raises:
        OSError: there was none.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_DEADLINE_S)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"User-Agent": "coldchain"})
        answer = connection.getresponse()
        answer.read(4096)
        if not 200 <= answer.status < 300:
            raise ConnectionError(f"it answers {answer.status}")
        return answer.getheader("Date", "")
    except http.client.HTTPException as error:
        raise ConnectionError(f"its answer makes no sense ({type(error).__name__})") from error
    finally:
        connection.close()
