"""`coldchain up`: every role that the configuration asks for, under one supervisor."""

import argparse
import os

from coldchain import pulse
from coldchain.cli import configured
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
        prepare(config, migrate=args.migrate)
        names = role_names(config)
        pulse.expect(config.data, names)
        Supervisor([role(name) for name in names], environment(args)).run()
    finally:
        folder.release()
    return 0


def role_names(config: Config) -> tuple[str, ...]:
    """The roles that this configuration has work for."""
    project = ("project",) if config.influx_url else ()
    return ("ingest", "engine", "notify", *project, "web")


def environment(args: argparse.Namespace) -> dict[str, str]:
    """What the roles inherit: this process's environment and the configuration file that it was given."""
    inherited = dict(os.environ)
    if args.config is not None:
        inherited["COLDCHAIN_CONFIG"] = str(args.config)
    return inherited
