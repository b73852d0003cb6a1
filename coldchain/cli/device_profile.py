"""`coldchain device-profile test`: does a device profile hold its examples, and what does it make of these messages?"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from coldchain.cli import configured
from coldchain.clock import SystemClock
from coldchain.domain.reading import reading_json
from coldchain.errors import ConfigError, InvalidValue
from ingest.decode import decode
from sensors.carriers.fields import Wrong
from sensors.carriers.port import DeviceProfile
from sensors.carriers.shipped import carriers
from sensors.carriers.uplink import tree_of
from sensors.device_profiles.catalogue import Applied, Entry, Snapshot
from sensors.device_profiles.examples import decode_alone
from sensors.device_profiles.library import folder_library, parsed
from sensors.device_profiles.profile import Profile
from sensors.device_profiles.supported import page

_VALUES_FIRST = ("logger", "record_time", "device_profile", "interpretation", "offset", "message", "time_source")
_FAILED = ("quarantined", "undecoded")


def arguments(parser: argparse.ArgumentParser, _name: str) -> None:
    """What is tested, and on which messages."""
    parser.epilog = "example: coldchain device-profile test acme-duo.toml messages.jsonl"
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    test = actions.add_parser("test", help="run a profile's examples, and let it read messages")
    test.add_argument("profile", metavar="PROFILE", help="a TOML file, or the id of a profile that ships or is yours")
    test.add_argument(
        "messages", type=Path, nargs="?", metavar="MESSAGES",
        help="a line a message: the model's own fields as JSON, or a line as for `coldchain decode`",
    )  # fmt: skip
    actions.add_parser("supported", help="print docs/SUPPORTED.md: what is read, and what proves it")


def run(args: argparse.Namespace) -> int:
    """Print what comes out; 1 when an example fails or a message is not understood."""
    if args.action == "supported":
        sys.stdout.write(page())
        return 0
    config = configured(args)
    try:
        profile = _profile(args.profile, config.device_profiles)
    except InvalidValue as error:
        print("\n".join(str(error).split("; ")))
        return 1
    print(f"{profile.label} ({profile.status}): {len(profile.examples)} examples hold")
    if args.messages is None:
        return 0
    failed = 0
    for number, line in _lines(args.messages):
        good, said = _said(profile, line, number, args.messages.parent, config.tenant)
        failed += not good
        print("\n".join(said))
    return 1 if failed else 0


def _profile(name: str, folder: Path | None) -> Profile:
    """The profile in a file, or the newest one of an id."""
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        try:
            return parsed(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"PROFILE: {name} cannot be read: {error}") from error
    entry = folder_library(folder)().get(name)
    if entry is None:
        raise ConfigError(f"PROFILE: {name} is no TOML file, and no profile has this id")
    return entry.profile


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"MESSAGES: {path} cannot be read: {error}") from error
    try:
        json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        yield from ((number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip())
    else:
        yield 1, text  # one message, over several lines perhaps


class _Only(Snapshot):
    """A catalogue in which every logger has one profile, and its person has confirmed it."""

    def __init__(self, profile: Profile) -> None:
        super().__init__([Entry(profile, "folder")])
        self._applied = Applied(profile, counts=True)

    def of(self, logger: str, hints: Mapping[str, str]) -> DeviceProfile | None:  # noqa: ARG002 - the port's names
        """The one."""
        return self._applied


def _said(profile: Profile, line: str, number: int, folder: Path, tenant: str) -> tuple[bool, list[str]]:
    """Whether a message was understood, and what to print about it."""
    try:
        tree = tree_of(line.encode())
    except Wrong as wrong:
        return False, [f"line {number}: {wrong.field} {wrong.reason}"]
    if type(tree) is dict and "transport" in tree:
        only = _Only(profile)
        [result] = decode(
            [line.replace("\n", " ")], folder, SystemClock(), tenant=tenant, carriers=carriers(tenant, lambda: only),
            profiles=lambda: only,
        )  # fmt: skip
        reasons = dict.fromkeys(one["reason"] for one in result["quarantined"])
        return _printed(number, result["outcome"], result["readings"] + _silent(result), [*reasons], result["status"])
    message = decode_alone(profile, tree)
    if message.undecoded:
        return False, [f"line {number}: undecoded", f"  {profile.label} knows none of these fields"]
    rows = [reading_json(reading) for reading in message.readings]
    reasons = dict.fromkeys(refusal.reason for refusal in message.refusals)
    outcome = "readings" if rows else "quarantined" if reasons else "no_reading"
    return _printed(number, outcome, rows, [*reasons], message.status or {})


def _silent(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Faults of rows without any value: they are not among the readings."""
    shown = {(row["channel"], row["event_time"]) for row in result["readings"]}
    return [fault for fault in result["faults"] if (fault["channel"], fault["event_time"]) not in shown]


def _printed(
    number: int, outcome: str, rows: list[dict[str, Any]], reasons: list[str], status: Mapping[str, Any]
) -> tuple[bool, list[str]]:
    said = [f"line {number}: {outcome}"]
    for row in rows:
        values = ", ".join(
            f"{name} {value}" for name, value in row.items()
            if name not in (*_VALUES_FIRST, "channel", "event_time", "device_time")
        )  # fmt: skip
        said.append(f"  {row['channel']} at {row['event_time']}: {values}")
    said += [f"  {name} {value}" for name, value in status.items()]
    said += [f"  refused: {reason}" for reason in reasons]
    return outcome not in _FAILED, said
