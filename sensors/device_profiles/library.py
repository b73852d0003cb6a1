"""Where device profiles are kept: files of the program, a folder of the customer's, and those that people saved."""

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from time import monotonic
from typing import Protocol

import structlog

from coldchain.domain.device_profile import Kept
from coldchain.errors import ColdchainError, InvalidValue
from sensors.device_profiles.catalogue import Entry, Origin, Snapshot
from sensors.device_profiles.format import parse
from sensors.device_profiles.profile import Profile

_log = structlog.get_logger(__name__)

_LOOK_S = 1.0
_SUFFIX = ".toml"
_MOST_FILES = 2000

Seen = tuple[tuple[str, int, int], ...] | None


class Shelf(Protocol):
    """Where people's own versions and assignments are kept; the registry is one."""

    def revision(self) -> int:
        """A number that changes with every change. Cheap.

        Raises:
            ColdchainError: it cannot be asked now.
        """
        ...

    def kept(self) -> Kept:
        """Everything.

        Raises:
            ColdchainError: it cannot be asked now.
        """
        ...


@lru_cache(maxsize=4096)
def parsed(text: str) -> Profile:
    """As `format.parse`; the same text is compiled once.

    Raises:
        InvalidValue: names every mistake.
    """
    return parse(text)


@lru_cache(maxsize=1)
def shipped() -> tuple[Entry, ...]:
    """The profiles of the program."""
    folder = files("sensors") / "profiles"
    texts = sorted((item.name, item.read_text("utf-8")) for item in folder.iterdir() if item.name.endswith(_SUFFIX))
    return tuple(Entry(parsed(text), "shipped") for _, text in texts)


class Library:
    """The catalogue as it is now: a change of a file or of the registry counts within a second, without a restart.

    A file that cannot be used is named in `problems` and left out, or counts as it was read last; the others count.
    Where the registry cannot be asked, what was known stays; before it was asked once nothing is known, and asking for
    the catalogue fails: without what people said of loggers their messages would be read by a guess.
    """

    def __init__(self, folder: Path | None = None, shelf: Shelf | None = None) -> None:
        self._folder = folder
        self._shelf = shelf
        self._look = threading.Lock()
        self._next = 0.0
        self._seen: Seen | str = "never"
        self._revision: int | None = None
        self._kept = Kept()
        self._from_folder: dict[str, Entry] = {}
        self._from_shelf: dict[str, Entry] = {}
        self._snapshot = Snapshot(shipped())
        self._folder_problems: tuple[str, ...] = ()
        self._shelf_problems: tuple[str, ...] = ()
        self._unasked: ColdchainError | None = None  # why the registry could not be asked, before it ever was

    @property
    def problems(self) -> tuple[str, ...]:
        """What is left out, and why."""
        return self._folder_problems + self._shelf_problems

    def now(self) -> Snapshot:
        """The catalogue; looked at again at most once a second.

        Raises:
            ColdchainError: the registry was never asked yet, and cannot be asked now.
        """
        if monotonic() >= self._next and self._look.acquire(blocking=self._seen == "never"):
            try:
                self._refresh()
            finally:
                self._next = monotonic() + (_LOOK_S if self._unasked is None else 0)
                self._look.release()
        if self._unasked is not None:
            raise self._unasked
        return self._snapshot

    def refresh(self) -> Snapshot:
        """The catalogue, after a look at the folder and the registry.

        Raises:
            ColdchainError: as `now`.
        """
        with self._look:
            self._refresh()
        if self._unasked is not None:
            raise self._unasked
        return self._snapshot

    def _refresh(self) -> None:
        changed = self._folder_changed() | self._shelf_changed()
        if changed:
            entries = (*shipped(), *self._from_folder.values(), *self._from_shelf.values())
            self._snapshot = Snapshot(entries, self._kept.assignments)

    def _folder_changed(self) -> bool:
        seen = _seen(self._folder)
        if seen == self._seen:
            return False
        self._seen = seen
        read = [] if self._folder is None else [_text(self._folder / name) for name, _, _ in seen or ()]
        self._from_folder, self._folder_problems = _entries(read, "folder", self._from_folder)
        if seen is None:
            self._folder_problems = (f"{self._folder} is no folder that can be read: no profile of yours counts",)
        _tell(self._folder_problems)
        return True

    def _shelf_changed(self) -> bool:
        if self._shelf is None:
            return False
        try:
            revision = self._shelf.revision()
            if revision == self._revision:
                return False
            kept = self._shelf.kept()
        except ColdchainError as error:
            _log.warning("device_profiles_unread", error=str(error))
            self._unasked = error if self._revision is None else None
            return False
        self._revision, self._unasked = revision, None
        if kept == self._kept:
            return False
        self._kept = kept
        self._from_shelf, self._shelf_problems = _entries(
            [(f"saved {place}", text) for place, text in enumerate(kept.texts)], "saved", {}
        )
        _tell(self._shelf_problems)
        return True


def folder_library(folder: Path | None) -> Callable[[], Snapshot]:
    """The shipped profiles and those of one folder, read once.

    Raises:
        InvalidValue: names every file that cannot be used, and why.
    """
    library = Library(folder)
    snapshot = library.refresh()
    if library.problems:
        raise InvalidValue("; ".join(library.problems))
    return lambda: snapshot


def _seen(folder: Path | None) -> Seen:
    if folder is None:
        return ()
    try:
        paths = sorted(path for path in folder.iterdir() if path.name.endswith(_SUFFIX))
        stats = [(path.name, path.stat()) for path in paths[:_MOST_FILES]]
    except OSError:
        return None
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def _text(path: Path) -> tuple[str, str | Exception]:
    try:
        return path.name, path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return path.name, error


def _entries(
    texts: Iterable[tuple[str, str | Exception]], origin: Origin, before: Mapping[str, Entry]
) -> tuple[dict[str, Entry], tuple[str, ...]]:
    """The profiles that can be used, by the name of their file, and what is wrong with the others.

    A version never changes its meaning, because readings name it: one that is known with another text stays as it was.
    A file that was good and is not any more (saved with a slip, or half written) counts as it was read last.
    """
    known = {entry.profile.label: entry.profile.text for entry in (*shipped(), *before.values())}
    found: dict[str, Entry] = {}
    problems = []
    for name, text in texts:
        try:
            if isinstance(text, Exception):
                raise InvalidValue(f"cannot be read: {text}") from text
            profile = parsed(text)
            if (other := known.setdefault(profile.label, text)) != text:
                problems.append(f"{name}: {profile.label} exists with another text: raise its `version`")
                profile = parsed(other)
            found[name] = Entry(profile, origin)
        except InvalidValue as error:
            last = before.get(name)
            problems.append(f"{name}: {error}" + (f"; {last.profile.label} counts until then" if last else ""))
            if last is not None:
                found[name] = last
    return found, tuple(problems)


def _tell(problems: Iterable[str]) -> None:
    for problem in problems:
        _log.error("device_profile_refused", problem=problem)
