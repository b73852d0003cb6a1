"""Writing to InfluxDB: lines in synchronous mode, and the few acts of administration that a projection needs."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import urllib3

from coldchain.domain.quantity import iso
from coldchain.errors import ConfigError, PermanentError, TransientError
from coldchain.telemetry.influx_lines import NS_PER_MS
from coldchain.telemetry.influx_server import InfluxAddress, InfluxServer, literal, quoted

# The batch itself is refused: it will never be taken as it is, whole or in part.
_REFUSED = frozenset({400, 413, 422})


class Refused(PermanentError):
    """InfluxDB refused at least one line of a batch; the good ones may have been stored."""


class InfluxWriter:
    """Lines into one bucket. `influxdb-client` is used in synchronous mode only: its batching mode loses points."""

    def __init__(self, address: InfluxAddress) -> None:
        # Imported here: it takes longer to load than most of our commands take to run.
        from influxdb_client import InfluxDBClient
        from influxdb_client.client.write_api import SYNCHRONOUS
        from influxdb_client.rest import ApiException

        self._refusal: type[Exception] = ApiException
        self._address = address
        self._server = InfluxServer(address)
        self._client = InfluxDBClient(
            url=address.url, token=address.token, org=address.org, timeout=int(address.timeout_s * 1000), retries=False
        )
        self._write = self._client.write_api(write_options=SYNCHRONOUS).write

    def write(self, lines: Sequence[str]) -> None:
        """Store lines; returns when the server has them. Writing a line again changes nothing.

        Raises:
            Refused: some lines are not acceptable (bisect the batch to find them).
            TransientError: nothing is known to be stored; try again later.
        """
        try:
            self._write(bucket=self._address.bucket, record="\n".join(lines).encode())
        except urllib3.exceptions.HTTPError as error:
            raise TransientError(f"InfluxDB at {self._address.url} does not answer: {error}"[:300]) from error
        except self._refusal as error:
            raise _failure(error) from error

    def check(self, *, create: bool = False) -> None:
        """Make sure that the server answers and the bucket exists.

        Raises:
            ConfigError: there is no such bucket and `create` is off.
            TransientError: the server does not answer.
        """
        self._server.ping()
        if self._exists():
            return
        where = f"{self._address.bucket!r} at {self._address.url}"
        if not create:
            raise ConfigError(f"InfluxDB has no bucket {where}: create it, or let `coldchain rebuild-telemetry` do so")
        if self._server.speaks_v1:
            self._create_v1()
        else:
            org = self._server.get(f"/api/v2/orgs?org={quote(self._address.org)}")["orgs"][0]["id"]
            self._server.post("/api/v2/buckets", {"orgID": org, "name": self._address.bucket, "retentionRules": []})

    def drop(self, measurement: str) -> None:
        """Remove every point of a measurement."""
        if self._server.speaks_v1:
            self._server.execute(f"DROP MEASUREMENT {quoted(measurement)}")
        else:
            self._delete(f'_measurement="{measurement}"', "1678-01-01T00:00:00Z", "2262-01-01T00:00:00Z")

    def forget(self, measurement: str, logger: str, channel: str, time_ns: int) -> None:
        """Remove one point: a field that its successor lacks would otherwise survive in it."""
        if self._server.speaks_v1:
            where = f'"logger" = {literal(logger)} AND "channel" = {literal(channel)} AND time = {time_ns}'
            self._server.execute(f"DELETE FROM {quoted(measurement)} WHERE {where}")  # noqa: S608  quoted
            return
        moment = f"{iso(time_ns // NS_PER_MS)[:-4]}{time_ns % 1_000_000_000:09d}Z"
        predicate = f"_measurement={_json(measurement)} AND logger={_json(logger)} AND channel={_json(channel)}"
        self._delete(predicate, moment, moment)

    def close(self) -> None:
        """Drop the connections."""
        self._server.close()
        self._client.close()

    def _exists(self) -> bool:
        if not self._server.speaks_v1:
            path = f"/api/v2/buckets?org={quote(self._address.org)}&name={quote(self._address.bucket)}"
            try:
                return bool(self._server.get(path)["buckets"])
            except TransientError as error:
                if " answered 404" in str(error):
                    return False
                raise
        try:
            [series] = self._server.select(f"SHOW RETENTION POLICIES ON {quoted(self._address.database)}")
        except PermanentError:
            return False
        return any(row[0] == self._address.retention for one in series for row in one.get("values", []))

    def _create_v1(self) -> None:
        database, retention = quoted(self._address.database), quoted(self._address.retention or "autogen")
        self._server.execute(f"CREATE DATABASE {database}")
        if self._address.retention != "autogen":
            self._server.execute(f"CREATE RETENTION POLICY {retention} ON {database} DURATION INF REPLICATION 1")

    def _delete(self, predicate: str, start: str, stop: str) -> None:
        path = f"/api/v2/delete?org={quote(self._address.org)}&bucket={quote(self._address.bucket)}"
        self._server.post(path, {"start": start, "stop": stop, "predicate": predicate})


def _failure(answer: Any) -> Exception:
    """What the client's exception means for the batch."""
    text = f"InfluxDB answered {answer.status}: {str(answer.body or answer.reason).strip()[:500]}"
    return (Refused if answer.status in _REFUSED else TransientError)(text)


def _json(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
