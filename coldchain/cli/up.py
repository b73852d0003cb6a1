"""`coldchain up`: every role that the configuration asks for, under one supervisor."""

import argparse
import os
import sys
from pathlib import Path

from coldchain import pulse
from coldchain.cli import configured
from coldchain.cli.ports import check_ports
from coldchain.config import Config
from coldchain.supervisor import StateFolder, Supervisor, role
from coldchain.wiring import prepare


def arguments(parser: argparse.ArgumentParser, _name: str) -> None:
    """Nothing of its own."""
    parser.epilog = "example: COLDCHAIN_DATA=/var/lib/coldchain coldchain up"


def run(args: argparse.Namespace) -> int:
    """Run until SIGINT or SIGTERM."""
    config = configured(args)
    folder = StateFolder(config.data)
    try:
        check_ports(config, "coldchain up")
        prepare(config, migrate=args.migrate)
        names = role_names(config)
        pulse.expect(config.data, names)
        Supervisor([role(name) for name in names], environment(args, config.data)).run()
    finally:
        folder.release()
    return 0


def role_names(config: Config) -> tuple[str, ...]:
    """The roles that this configuration has work for."""
    project = ("project",) if config.influx_url else ()
    return ("ingest", "engine", "notify", *project, "web")


def environment(args: argparse.Namespace, data: Path) -> dict[str, str]:
    """What the roles inherit: this process's environment, the configuration file that it was given, fast starts."""
    inherited = dict(os.environ)
    if sys.dont_write_bytecode:
        # Compiling every library anew would cost a restarted role a second of the two that it has.
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)
        inherited["PYTHONPYCACHEPREFIX"] = str((data / "run" / "bytecode").absolute())
    if args.config is not None:
        inherited["COLDCHAIN_CONFIG"] = str(args.config)
    return inherited
