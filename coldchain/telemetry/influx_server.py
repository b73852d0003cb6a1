"""One InfluxDB, 1.8 or 2.x: where it is, InfluxQL over `/query`, and its administration.

InfluxQL as JSON is the one query language that both generations speak; `influxdb-client` has no call for it.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec
import urllib3

from coldchain.errors import PermanentError, TransientError

# A status that a person or time can change: a server that starts, is overloaded, or has another token by now.
_NEVER = frozenset({400, 405, 406, 413, 415, 422})


@dataclass(frozen=True, slots=True)
class InfluxAddress:
    """How an InfluxDB is reached. For 1.8 the token is `user:pass` and the bucket `database/retention`."""

    url: str
    token: str
    org: str
    bucket: str
    timeout_s: float = 10.0

    @property
    def database(self) -> str:
        """The database of 1.8, the bucket of 2.x."""
        return self.bucket.partition("/")[0]

    @property
    def retention(self) -> str | None:
        """The retention policy of 1.8; None in 2.x."""
        return self.bucket.partition("/")[2] or None


class InfluxServer:
    """Requests to one InfluxDB; safe to share between threads. No request is repeated here: the caller decides."""

    def __init__(self, address: InfluxAddress) -> None:
        self.address = address
        self._pool = urllib3.PoolManager(
            headers={"Authorization": f"Token {address.token}"},
            timeout=urllib3.Timeout(total=address.timeout_s),
            retries=False,
            maxsize=4,
        )

    @property
    def speaks_v1(self) -> bool:
        """Whether this is a 1.8: its bucket is a `database/retention`."""
        return self.address.retention is not None

    def close(self) -> None:
        """Drop the connections."""
        self._pool.clear()

    def ping(self) -> None:
        """Raise TransientError unless the server answers."""
        self.request("GET", "/ping")

    def select(self, statements: str) -> list[list[dict[str, Any]]]:
        """Run read-only InfluxQL; one list of series per statement, times in ns.

        Raises:
            TransientError: the server does not answer, is busy, or the token is not accepted at the moment.
            PermanentError: a statement failed, or the answer was cut short (`partial`).
        """
        parameters = {"db": self.address.database, "epoch": "ns", "q": statements}
        if self.address.retention:
            parameters["rp"] = self.address.retention
        answer = self.request("GET", f"/query?{urlencode(parameters)}")
        return _series(answer.data)

    def execute(self, statement: str) -> None:
        """Run one InfluxQL statement that changes something (1.8 only); errors as in `select`."""
        parameters = {"db": self.address.database, "q": statement}
        _series(self.request("POST", f"/query?{urlencode(parameters)}").data)

    def post(self, path: str, document: Any) -> Any:
        """Post JSON to the API of 2.x; the answer's document, None when it has none."""
        body = msgspec.json.encode(document)
        answer = self.request("POST", path, body=body, headers={"Content-Type": "application/json"})
        return msgspec.json.decode(answer.data) if answer.data else None

    def get(self, path: str) -> Any:
        """Get JSON from the API of 2.x."""
        return msgspec.json.decode(self.request("GET", path).data)

    def request(
        self, method: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """One request; any answer but success is raised.

        Raises:
            TransientError: no answer, or a status that time or a person can change.
            PermanentError: the request itself is refused.
        """
        merged = {**self._pool.headers, **(headers or {})}
        try:
            answer = self._pool.request(method, self.address.url.rstrip("/") + path, body=body, headers=merged)
        except urllib3.exceptions.HTTPError as error:
            raise TransientError(f"InfluxDB at {self.address.url} does not answer: {_brief(error)}") from error
        if 200 <= answer.status < 300:
            return answer
        text = answer.data.decode(errors="replace").strip()[:500]
        kind = PermanentError if answer.status in _NEVER else TransientError
        raise kind(f"InfluxDB at {self.address.url} answered {answer.status}: {text}")


def _series(body: bytes) -> list[list[dict[str, Any]]]:
    try:
        document = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        # A server that dies while it answers leaves half a document behind.
        raise TransientError(f"InfluxDB's answer broke off: {error}") from error
    if "error" in document:
        raise PermanentError(f"InfluxDB refused the query: {document['error']}")
    found = []
    for result in document["results"]:
        if "error" in result:
            raise PermanentError(f"InfluxDB failed in the middle of a query: {result['error']}")
        series = result.get("series", [])
        if result.get("partial") or any(one.get("partial") for one in series):
            raise PermanentError("InfluxDB cut its answer short (partial): raise max-row-limit or ask for less")
        found.append(series)
    return found


def _brief(error: Exception) -> str:
    return str(error).rpartition(": ")[2][:200] or type(error).__name__


def quoted(identifier: str) -> str:
    """An InfluxQL identifier."""
    escaped = identifier.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def literal(text: str) -> str:
    """An InfluxQL string."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
