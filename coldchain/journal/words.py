"""Texts that repeat (topics, profiles, alarms, faults), kept once in the table `word` and named by a number."""

import json
from collections.abc import Iterable, Mapping

from coldchain.domain.message import Envelope
from coldchain.journal.database import Session, listed, marks

# How a message came: everything of its envelope that repeats, with the carrier that read it.
Context = tuple[str, str, str | None, str | None, int, bool, bool, str | None, str | None]

_CACHE_LIMIT = 200_000
_CHUNK = 500


def context_of(envelope: Envelope, adapter: str | None, device_profile: str | None) -> Context:
    """The repeating part of a message."""
    return (
        envelope.transport, envelope.source, envelope.content_type, envelope.user, envelope.qos, envelope.retain,
        envelope.dup, adapter, device_profile,
    )  # fmt: skip


def storable(text: str) -> str:
    """`text` without what a database refuses (NUL, lone surrogates); the original bytes are kept beside it anyway."""
    if text.isprintable() and text.isascii():
        return text
    return text.replace("\0", "␀").encode("utf-8", "replace").decode("utf-8")


class Words:
    """Numbers of words. What is cached was committed and never changes; new words live in their transaction only."""

    def __init__(self) -> None:
        self.numbers: dict[str | Context, int] = {}
        self._texts: dict[int, str] = {}
        self._fresh: dict[str | Context, int] = {}

    def learn(self, session: Session, wanted: Iterable[str | Context]) -> dict[str | Context, int]:
        """The numbers of `wanted`, new ones made; call inside a writing transaction.

        The answer is the cache itself. Call `settled` after the commit, or `forget` after a rollback.
        """
        missing = {key: _text(key) for key in wanted if key not in self.numbers}
        if missing:
            self._find_or_make(session, missing)
        return self.numbers

    def _find_or_make(self, session: Session, missing: dict[str | Context, str]) -> None:
        found: dict[str, int] = {}
        texts = list(set(missing.values()))
        for start in range(0, len(texts), _CHUNK):
            some = texts[start : start + _CHUNK]
            query = f"SELECT text, id FROM word WHERE text IN ({marks(len(some))})"  # noqa: S608  only placeholders
            found.update(dict(session.rows(query, some)))
        following = (session.rows("SELECT max(id) FROM word")[0][0] or 0) + 1
        new = [text for text in texts if text not in found]
        found.update({text: following + place for place, text in enumerate(new)})
        session.insert("word", [(found[text], text) for text in new])
        fresh = {key: found[text] for key, text in missing.items()}
        self._fresh |= fresh
        self.numbers |= fresh

    def settled(self) -> None:
        """The transaction was committed."""
        self._fresh.clear()
        if len(self.numbers) > _CACHE_LIMIT:  # hostile topics must not grow the process without bound
            self.numbers.clear()

    def forget(self) -> None:
        """The transaction was rolled back: its new numbers never existed."""
        for key in self._fresh:
            self.numbers.pop(key, None)
        self._fresh.clear()

    @property
    def known(self) -> Mapping[int, str]:
        """The texts that were looked up so far, by number."""
        return self._texts

    def texts(self, session: Session, numbers: Iterable[int | None]) -> dict[int, str]:
        """The texts behind numbers, as a mapping that holds at least these."""
        wanted = {number for number in numbers if number is not None}
        kept = self._texts
        missing = wanted - kept.keys()
        if missing:
            if len(kept) > _CACHE_LIMIT:
                kept = {number: kept[number] for number in wanted - missing}
            query = f"SELECT id, text FROM word WHERE id IN {listed(missing)}"  # noqa: S608  only integers
            # A new dict: other threads may be reading the old one.
            kept = self._texts = kept | dict(session.rows(query))
        return kept


def _text(key: str | Context) -> str:
    return storable(key) if isinstance(key, str) else json.dumps(key)


def context_from(text: str) -> Context:
    """The context behind a word."""
    return tuple(json.loads(text))
