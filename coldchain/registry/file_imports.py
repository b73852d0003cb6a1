"""What was imported from files: the reports, and the files themselves, byte for byte."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from coldchain.errors import NotFound
from coldchain.registry.schema import file_import


class ImportedFile(NamedTuple):
    """One import without the file's bytes."""

    sha256: str
    name: str
    report: dict[str, Any]
    recorded_ms: int
    who: str


_SHOWN = (file_import.c.sha256, file_import.c.name, file_import.c.report, file_import.c.recorded_ms, file_import.c.who)


def newest(connection: Connection, limit: int = 100) -> list[ImportedFile]:
    """The imports, newest first."""
    rows = connection.execute(select(*_SHOWN).order_by(file_import.c.recorded_ms.desc()).limit(limit))
    return [ImportedFile(*row) for row in rows]


def get(connection: Connection, sha256: str) -> ImportedFile:
    """One import.

    Raises:
        NotFound: no file of this hash was imported.
    """
    row = connection.execute(select(*_SHOWN).where(file_import.c.sha256 == sha256)).one_or_none()
    if row is None:
        raise NotFound(f"no file with the SHA-256 {sha256[:64]} was imported")
    return ImportedFile(*row)


def content(connection: Connection, sha256: str) -> bytes:
    """The file as it came.

    Raises:
        NotFound: no file of this hash was imported.
    """
    found = connection.execute(select(file_import.c.content).where(file_import.c.sha256 == sha256)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"no file with the SHA-256 {sha256[:64]} was imported")
    return bytes(found)
