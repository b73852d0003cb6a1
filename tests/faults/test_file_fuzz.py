"""Hostile files: nothing raises but a refusal, nothing hangs, every row is accounted for, good rows still come out.

`COLDCHAIN_TEST_FUZZ=10000` is the long run, of each importer.
"""

import os
import random
import time
from collections.abc import Callable

import pytest

from coldchain.domain.quantity import ms_from_iso
from coldchain.domain.reading import Reading
from coldchain.errors import ColdchainError
from ingest.csv_files import Options, Table, Totals
from sensors.carriers.files.berlinger import parse
from sensors.carriers.files.berlinger_checks import contradictions
from sensors.carriers.files.berlinger_run import checked_run
from sensors.faults import NATIVE

NOW = ms_from_iso("2026-11-22T12:00:00Z")
COUNT = int(os.environ.get("COLDCHAIN_TEST_FUZZ", "400"))
SLOWEST_S = 0.05  # of this thread's own time: what else the machine does is no hang of ours
RANGE = NATIVE["temperature_c"]
STATED = Options(zone="UTC", logger="L", confirm=True)

# Rows that no single mutation may cost: those that it does not touch.
IBUTTON = (
    "1-Wire/iButton Part Number: DS1922L-F5\r\n1-Wire/iButton Registration Number: 4B00000020C6E641\r\n\r\n"
    "Date/Time,Unit,Value\r\n" + "".join(f"{1 + n}/08/26 9:05:00 PM,C,{n / 2}\r\n" for n in range(28))
)
EASYLOG = "Depot,Time,Celsius(°C),High Alarm,Low Alarm,Serial Number\r\n" + "".join(
    f"{n + 1},2026-05-26 13:{n:02d}:55,{4 + n / 10:.1f}{',8,2,10015331' if n == 0 else ''}\r\n" for n in range(30)
)
SEMICOLONS = "Seriennummer;77\nDatum;Zeit;Temperatur (°C);Feuchte (%)\n" + "".join(
    f"{1 + n}.05.2026;10:00;{4 + n / 10:.1f};{50 + n}\n".replace(".0;", ",0;") for n in range(30)
).replace("4.", "4,").replace("5.", "5,").replace(",05,2026", ".05.2026").replace(",05.2026", ".05.2026")
TABLES = (IBUTTON.encode(), EASYLOG.encode("cp1252"), SEMICOLONS.encode("utf-16"))
BERLINGER = (
    "Device: Q-tag Fridge-tag 2 L\r\nFw Vers: 4.0\r\nConf:\r\n Serial: 42\r\n Temp unit: C\r\n Logging Interval: 5\r\n"
    " Alarm: \r\n  0:\r\n   T AL: -0.5, t AL: 60\r\n  1:\r\n   T AL: +8.0, t AL: 600\r\n MKT Energy: 83.0\r\n"
    "Hist:\r\n 1:\r\n  Date: 2022-05-02\r\n  Min T: +4.6, TS Min T: 04:44\r\n  Max T: +9.0, TS Max T: 05:04\r\n"
    "  Avrg T: +5.0\r\n  Alarm: \r\n   0:\r\n    t Acc: 0\r\n   1:\r\n    t Acc: 5\r\nRes:\r\n"
    " TS Start: 2022-05-02 04:44, TS Stop: 2022-05-02 07:09\r\n Min T: 4.6, Max T: 9.0, Avrg T: 5.0, MKT: 5.0\r\n"
    "Data:\r\n\tyyyy-MM-dd hh:mm\tT\tOut of limits\r\n"
    + "".join(
        f"\t2022-05-02 0{4 + (44 + 5 * n) // 60}:{(44 + 5 * n) % 60:02d}\t{4.6 + n / 10:.1f}\t\r\n" for n in range(30)
    )
    + "Cert:\r\n Ver: 1\r\nSig: 00ff\r\n"
).encode()
NASTY = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b",", b";", b"\t", b"\r", b"\n", b"-", b"9" * 400, b"1e999", b"nan",
    b"--.-", b"2026-10-25 02:30", b"2026-03-29 02:30", b"0000-00-00 00:00", b"9999-12-31 23:59:59", b"31/02/2026",
    b"12:61", b"25:00 PM", b"+14:00", "٣".encode(), "\u2028".encode(), b" " * 300, b":", b"  Serial:", b"()", b"[*?]",
    b"=HYPERLINK()", b"\\x00", b"4,5,6,7,8,9", b"327.67", b"\x1a",
)  # fmt: skip


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, cut, doubled, moved or put in."""
    found = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 5, 20))):
        at = chance.randrange(len(found) + 1)
        end = min(len(found), at + chance.choice((1, 1, 2, 7, 40, 400)))
        match chance.randrange(6):
            case 0:
                found[at:end] = bytes(chance.randrange(256) for _ in range(end - at))
            case 1:
                del found[at:end]
            case 2:
                found[at:at] = found[at:end]
            case 3:
                found[at:at] = chance.choice(NASTY)
            case 4:
                found[at : at + 1] = chance.choice(NASTY)
            case _:
                to = chance.randrange(len(found) + 1)
                piece = found[at:end]
                found[to:to] = piece
    return bytes(found)


def grown(chance: random.Random) -> bytes:
    """A file out of pieces that files are made of."""
    words = (
        *NASTY, b"Time", b"Temp (\xc2\xb0C)", b"Unit", b"Value", b"2026-05-01 10:00", b"4.5", b"4,5", b"C",
        b"Device:", b"Conf:", b"Serial: 1", b"Data:", b"Hist:", b"\r\n", b"\r\n", b"\n", b",", b",", b";", b"\t", b" ",
    )  # fmt: skip
    return b"".join(chance.choice(words) for _ in range(chance.randrange(1, 120)))


def table_of(content: bytes) -> list[Reading]:
    """Read a table to its end; every row of it becomes readings or is named."""
    found = Table(None, content, STATED._replace(mapping=None), NOW)
    if found.rows is None or any(one.field not in ("mapping", "confirm") for one in found.needs):
        return []
    totals, readings = Totals(), []
    for _, made in found.parts("sha", totals):
        readings += [one for message in made.messages for one in message.readings]
        assert all(one.line for one in made.problems)
    lines_read = {one.device_time for one in readings}
    assert totals.rows <= len(lines_read) + totals.problems + totals.samples
    assert not totals.rows or readings or totals.problems
    return readings


def berlinger_of(content: bytes) -> None:
    export = parse(content, "Europe/Berlin")
    contradictions(export)
    checked_run(export)
    assert all(row.temperature_mc is None or isinstance(row.temperature_mc, int) for row in export.rows)


def survives(read: Callable[[bytes], object], content: bytes) -> float:
    """Read a file, and again where it took long for another reason; the shortest time, refusals included."""
    taken, refusal = [], "none"
    for _ in range(3):
        began = time.thread_time()
        try:
            read(content)
        except ColdchainError as error:
            refusal = str(error)
        taken.append(time.thread_time() - began)
        if taken[-1] < SLOWEST_S:
            break
    assert 3 < len(refusal) < 2000
    return min(taken)


@pytest.mark.parametrize("seed", range(4))
def test_no_hostile_table_raises_hangs_or_leaves_a_value_out_of_range(seed: int) -> None:
    chance = random.Random(seed)

    def read(content: bytes) -> None:
        for one in table_of(content):
            assert one.temperature_mc is None or RANGE.believes(one.temperature_mc)

    for number in range(COUNT // 4):
        content = grown(chance) if number % 5 == 0 else mutated(chance.choice(TABLES), chance)
        assert survives(read, content) < SLOWEST_S, content


@pytest.mark.parametrize("seed", range(4))
def test_no_hostile_berlinger_export_raises_or_hangs(seed: int) -> None:
    chance = random.Random(100 + seed)
    for number in range(COUNT // 4):
        content = b"Device: " + grown(chance) if number % 5 == 0 else mutated(BERLINGER, chance)
        assert survives(berlinger_of, content) < SLOWEST_S, content


@pytest.mark.parametrize("seed", range(4))
def test_in_a_table_with_some_rows_spoiled_the_others_still_come_out(seed: int) -> None:
    chance = random.Random(200 + seed)
    for _ in range(COUNT // 16):
        lines = [f"2026-05-01 {n // 60:02d}:{n % 60:02d},{4 + n / 10:.1f},{50 + n}" for n in range(60)]
        spoiled = set(chance.sample(range(60), chance.randrange(1, 12)))
        for at in spoiled:
            lines[at] = (
                mutated(lines[at].encode(), chance).decode("utf-8", "replace").replace("\n", "").replace("\r", "")
            )
            lines[at] = lines[at].replace("2026-", "20x6-", 1)
        text = "\n".join(["Time,Temp (°C),RH (%)", *lines, ""])
        readings = table_of(text.encode())
        kept = {one.device_time for one in readings}
        wanted = {lines[at].split(",")[0] for at in range(60) if at not in spoiled}
        assert wanted <= kept, text


NESTED = b"Device: x\r\n" + b"".join(b" " * n + b"a:\r\n" for n in range(1000))


@pytest.mark.parametrize(
    "content", [b"", b"\n" * 100_000, b"," * 200_000, b'"' * 100_000, b"Device:" + b" " * 100_000, NESTED]
)
def test_files_that_are_made_to_be_slow_are_not(content: bytes) -> None:
    for read in (table_of, berlinger_of):
        assert survives(read, content) < 1.0
