"""The command line: one file per group of commands, each imported only when it is used."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from coldchain import __version__
from coldchain.config import Config, read_config
from coldchain.errors import ColdchainError

# Every command, what it is for, and the module whose `arguments(parser)` and `run(args)` it is made of.
COMMANDS = {
    "demo": ("the whole product with simulated shipments, mail and SMS inbox included", "demo"),
    "up": ("every role under one supervisor", "up"),
    "ingest": ("role: receive readings by MQTT and commit them to the journal", "roles"),
    "engine": ("role: judge readings; write findings, audit trail, alarms and messages", "roles"),
    "notify": ("role: deliver messages to people", "roles"),
    "project": ("role: copy the journal into InfluxDB", "roles"),
    "web": ("role: pages and HTTP API", "roles"),
    "sentinel": ("watch from beside: tell people by other ways when the monitor itself is dead or stuck", "sentinel"),
    "simulate": ("publish a simulated fleet to a broker", "simulate"),
    "replay": ("publish recorded messages or tracks to a broker", "replay"),
    "import": ("read logger files (Berlinger TXT, CSV tables)", "files"),
    "decode": ("show what ingest makes of recorded messages", "decode"),
    "evaluate": ("judge a CSV of readings against a product profile", "evaluate"),
    "export": ("write readings, excursions or the audit trail as CSV", "export"),
    "verify": ("check a CSV export against its last line", "verify"),
    "doctor": ("check configuration, broker, InfluxDB, database, clock and contacts", "doctor"),
    "user": ("create people, list them, hand out sign-in links", "accounts"),
    "apikey": ("create, list and revoke API keys", "accounts"),
    "logger": ("register loggers and their MQTT passwords", "accounts"),
    "device-profile": ("check a device profile on its examples and on messages", "device_profile"),
    "rebuild-telemetry": ("empty InfluxDB and fill it again from the journal", "rebuild"),
    "migrate": ("bring the state folder or database to this version", "migrate"),
}


class _Parser(argparse.ArgumentParser):
    """Prints one line per error, as everything here does."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 = done, 1 = done and the answer is no, 2 = could not be done (one line on standard error)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        args = _parser(arguments).parse_args(arguments)
        if not args.command:
            _parser(arguments).print_help()
            return 2
        module = import_module(f"coldchain.cli.{COMMANDS[args.command][1]}")
        return int(module.run(args) or 0)
    except ColdchainError as error:
        print(f"coldchain: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing may be written to the closed pipe at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # Of the machine, not of ours: no rights, no room, no such file; it says which.
        print(f"coldchain: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def configured(args: argparse.Namespace) -> Config:
    """The configuration that this command was pointed at."""
    return read_config(args.config)


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="coldchain",
        description="Monitor for pharmaceutical cold chains.",
        epilog="example: coldchain demo",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"coldchain {__version__}")
    _common(parser, None)
    chosen = _chosen(arguments)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, (purpose, module) in COMMANDS.items():
        command = commands.add_parser(
            name, help=purpose, description=purpose, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        _common(command, argparse.SUPPRESS)
        # Only the command that is meant pays for its imports.
        if name == chosen:
            import_module(f"coldchain.cli.{module}").arguments(command, name)
    return parser


def _chosen(arguments: list[str]) -> str | None:
    """The first word that is neither an option nor the value of `--config`."""
    words = iter(arguments)
    for word in words:
        if word == "--config":
            next(words, None)
        elif not word.startswith("-"):
            return word
    return None


def _common(parser: argparse.ArgumentParser, missing: object) -> None:
    default = Path(os.environ["COLDCHAIN_CONFIG"]) if os.environ.get("COLDCHAIN_CONFIG") else None
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=default if missing is None else missing,
        help="TOML file (COLDCHAIN_CONFIG)",
    )
    parser.add_argument(
        "--migrate",
        action="store_true",
        default=False if missing is None else missing,
        help="bring an older state folder to this version first, after a backup",
    )
