"""Which profile a logger has, and that a change of a file or of the registry counts without a restart."""

import os
import threading
import time
from pathlib import Path

import pytest

from coldchain.domain.device_profile import Assignment, Kept
from coldchain.errors import InvalidValue, TransientError
from sensors.device_profiles.catalogue import Entry, Snapshot
from sensors.device_profiles.format import parse
from sensors.device_profiles.library import Library, folder_library, shipped


def profile(id_: str, version: int = 1, *, match: str = "", status: str = "untested", path: str = "t") -> str:
    proof = 'proof = "for this test"\n' if status == "supported" else ""
    example = f"[[examples]]\nin = {{ {path} = 1 }}\nout = {{ internal = 1 }}\n" if status == "supported" else ""
    return (
        f'id = "{id_}"\nversion = {version}\nname = "N"\nstatus = "{status}"\n{proof}{match}\n'
        f'channels.internal.temperature_c = "{path}"\n{example}'
    )


class Drawer:
    """What people saved, in memory."""

    def __init__(self) -> None:
        self.kept_now, self.number, self.away, self.asked = Kept(), 0, False, 0

    def put(self, *texts: str, **said: Assignment) -> None:
        self.kept_now, self.number = Kept(texts, said), self.number + 1

    def revision(self) -> int:
        if self.away:
            raise TransientError("the registry is unreachable")
        return self.number

    def kept(self) -> Kept:
        self.asked += 1
        return self.kept_now


def label(library: Library, logger: str, **hints: str) -> str | None:
    found = library.refresh().of(logger, hints)
    return None if found is None else found.label


def write(folder: Path, name: str, text: str) -> None:
    path = folder / f"{name}.toml"
    path.write_text(text)
    # Two writes within the clock's tick of the file system would look alike.
    os.utime(path, ns=(time.time_ns(), time.time_ns()))


def test_a_file_that_comes_changes_or_goes_counts_at_the_next_look(tmp_path: Path) -> None:
    library = Library(tmp_path)
    assert label(library, "LG-1", model="duo") is None
    write(tmp_path, "duo", profile("duo", match='match = [{ model = "duo" }]'))
    assert label(library, "LG-1", model="DUO") == "duo@1"
    write(tmp_path, "duo", profile("duo", 2, match='match = [{ model = "duo" }]', path="temp"))
    assert label(library, "LG-1", model="duo") == "duo@2"
    (tmp_path / "duo.toml").unlink()
    assert label(library, "LG-1", model="duo") is None


def test_now_looks_by_itself_about_once_a_second(tmp_path: Path) -> None:
    library = Library(tmp_path)
    assert library.now().of("LG-1", {"model": "duo"}) is None
    write(tmp_path, "duo", profile("duo", match='match = [{ model = "duo" }]'))
    until = time.monotonic() + 10
    while library.now().of("LG-1", {"model": "duo"}) is None:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_file_that_cannot_be_used_is_named_and_costs_no_other(tmp_path: Path) -> None:
    write(tmp_path, "good", profile("good", match='match = [{ model = "duo" }]'))
    write(tmp_path, "bad", "id = 5")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "notes.txt").write_text("no profile")
    library = Library(tmp_path)
    assert label(library, "LG-1", model="duo") == "good@1"
    assert [problem.split(":")[0] for problem in library.problems] == ["bad.toml", "binary.toml"]
    with pytest.raises(InvalidValue, match=r"bad\.toml: device profile"):
        folder_library(tmp_path)


def test_a_file_that_is_spoiled_counts_as_it_was_read_last(tmp_path: Path) -> None:
    library = Library(tmp_path)
    write(tmp_path, "duo", profile("duo", match='match = [{ model = "duo" }]'))
    library.refresh()
    write(tmp_path, "duo", profile("duo", 2, match="match = [5]"))
    assert label(library, "LG-1", model="duo") == "duo@1"
    assert library.problems[0].endswith("duo@1 counts until then")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    library = Library(tmp_path / "nowhere")
    library.refresh()
    assert "no folder that can be read" in library.problems[0]


def test_a_version_never_changes_its_meaning(tmp_path: Path) -> None:
    library = Library(tmp_path)
    write(tmp_path, "duo", profile("duo"))
    library.refresh()
    write(tmp_path, "duo", profile("duo", path="other"))
    entry = library.refresh().get("duo@1")
    assert entry is not None
    assert entry.profile.text == profile("duo")
    assert "duo@1 exists with another text" in library.problems[0]
    known = shipped()[0].profile
    write(tmp_path, "mine", profile(known.id, known.version))
    assert library.refresh().get(known.label).profile.text == known.text  # type: ignore[union-attr]


def test_what_people_save_and_say_counts_and_is_read_only_when_it_changed() -> None:
    drawer = Drawer()
    library = Library(None, drawer)
    drawer.put(profile("duo"), **{"LG-1": Assignment("duo")})
    assert label(library, "LG-1") == "duo@1"
    assert label(library, "LG-2") is None
    drawer.put(profile("duo"), profile("duo", 2, path="u"), **{"LG-1": Assignment("duo"), "LG-2": Assignment("duo@1")})
    assert (label(library, "LG-1"), label(library, "LG-2")) == ("duo@2", "duo@1")
    asked = drawer.asked
    for _ in range(5):
        library.refresh()
    assert drawer.asked == asked


def test_while_the_registry_is_away_what_was_known_stays() -> None:
    drawer = Drawer()
    drawer.put(profile("duo"), **{"LG-1": Assignment("duo")})
    library = Library(None, drawer)
    assert label(library, "LG-1") == "duo@1"
    drawer.away = True
    assert label(library, "LG-1") == "duo@1"


def test_many_threads_see_one_library(tmp_path: Path) -> None:
    library = Library(tmp_path)
    write(tmp_path, "duo", profile("duo", match='match = [{ model = "duo" }]'))
    seen: list[str | None] = []

    def ask() -> None:
        for _ in range(300):
            found = library.refresh().of("LG-1", {"model": "duo"})
            seen.append(None if found is None else found.label)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for version in range(2, 12):
        write(tmp_path, "duo", profile("duo", version, match='match = [{ model = "duo" }]'))
    for thread in threads:
        thread.join()
    assert set(seen) <= {f"duo@{version}" for version in range(1, 12)}


def test_a_person_confirms_an_untested_profile_by_giving_it_to_a_logger() -> None:
    made = Entry(parse(profile("duo", match='match = [{ model = "duo" }]')), "shipped")
    by_hint = Snapshot([made]).of("LG-1", {"model": "duo"})
    by_person = Snapshot([made], {"LG-1": Assignment("duo")}).of("LG-1", {})
    assert by_hint is not None
    assert by_person is not None
    assert (by_hint.counts, by_person.counts) == (False, True)


def test_a_proved_profile_counts_where_its_hints_fit_and_the_closest_one_is_taken() -> None:
    entries = [
        Entry(parse(profile("any", match='match = [{ model = "d*" }]', status="supported")), "shipped"),
        Entry(parse(profile("duo", match='match = [{ model = ["solo", "duo*"] }]', status="supported")), "shipped"),
    ]
    chosen = Snapshot(entries).of("LG-1", {"model": "Duo-2"})
    assert chosen is not None
    assert (chosen.label, chosen.counts) == ("duo@1", True)


def test_nothing_is_put_in_the_place_of_an_assigned_profile_that_is_gone() -> None:
    made = Entry(parse(profile("duo", match='match = [{ model = "duo" }]', status="supported")), "shipped")
    snapshot = Snapshot([made], {"LG-1": Assignment("gone"), "LG-2": Assignment(None, "Europe/Berlin")})
    assert snapshot.of("LG-1", {"model": "duo"}) is None
    assert snapshot.of("LG-2", {"model": "duo"}) is not None


def test_before_people_were_asked_once_nothing_is_read_by_what_the_program_ships() -> None:
    shelf = Drawer()
    shelf.put(**{"LG-1": Assignment("duo")})
    shelf.away = True
    library = Library(None, shelf)
    for ask in (library.now, library.refresh, library.now):
        with pytest.raises(TransientError):
            ask()
    shelf.away = False
    assert library.now().assignments == {"LG-1": Assignment("duo")}
    shelf.away = True
    assert library.refresh().assignments == {"LG-1": Assignment("duo")}


def test_local_times_are_read_in_the_zone_on_record_for_the_logger() -> None:
    text = profile("duo") + '\n[time]\npath = "at"\n'
    known = Snapshot([Entry(parse(text), "saved")], {"LG-1": Assignment("duo", "Europe/Berlin")})
    found = known.of("LG-1", {})
    assert found is not None
    [sample] = found.read({"t": 5, "at": "2026-01-05T11:00:00"}).samples
    assert sample.stamp is not None
    assert sample.stamp.at_ms == 1_767_607_200_000
