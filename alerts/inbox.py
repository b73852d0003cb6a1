"""The demo's inbox: every mail and SMS that reached its sinks, in a small SQLite file that any process may read."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

_TABLE = """
create table if not exists message (
    id integer primary key, kind text not null, recipient text not null, sender text not null,
    subject text not null, text text not null, html text not null, at_ms integer not null
)
"""


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """One message as it arrived; `subject` and `html` are empty for an SMS."""

    id: int
    kind: str  # email | sms
    recipient: str
    sender: str
    subject: str
    text: str
    html: str
    at_ms: int


class Inbox:
    """Messages, newest first."""

    def __init__(self, path: Path) -> None:
        """Open or make the file."""
        self._path = path
        with self._open() as database:
            database.execute("pragma journal_mode=wal")
            database.execute(_TABLE)

    def messages(self, limit: int = 200, before: int | None = None) -> list[InboxMessage]:
        """The newest `limit` messages, or those older than the message `before`."""
        query = "select * from message where id < ? order by id desc limit ?"
        with self._open() as database:
            rows = database.execute(query, (before or 2**62, limit)).fetchall()
        return [InboxMessage(*row) for row in rows]

    def message(self, id: int) -> InboxMessage | None:  # noqa: A002
        """One message, or None."""
        with self._open() as database:
            row = database.execute("select * from message where id = ?", (id,)).fetchone()
        return None if row is None else InboxMessage(*row)

    def add_sms(self, *, recipient: str, sender: str, text: str, at_ms: int) -> None:
        """Keep an SMS."""
        self._add("sms", recipient, sender, "", text, "", at_ms)

    def add_mail(self, content: bytes, *, recipient: str, at_ms: int) -> None:
        """Keep a mail as it came over the wire."""
        mail = message_from_bytes(content, policy=default)
        text, html = _part(mail, "plain"), _part(mail, "html")
        self._add("email", recipient, str(mail["From"] or ""), str(mail["Subject"] or ""), text, html, at_ms)

    def _add(self, *values: str | int) -> None:
        insert = (
            "insert into message (kind, recipient, sender, subject, text, html, at_ms) values (?, ?, ?, ?, ?, ?, ?)"
        )
        with self._open() as database:
            database.execute(insert, values)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=10)) as database, database:
            database.execute("pragma synchronous=off")  # a show-case: what a power cut takes is no loss
            yield database


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body(preferencelist=(kind,))
    return "" if part is None else str(part.get_content())
