"""`coldchain replay`: recorded messages, tracks and exports into any broker."""

import argparse
from pathlib import Path

from coldchain.cli import configured
from coldchain.errors import ConfigError
from sensors.recordings import Told, read_recording
from sensors.replay import replay


def arguments(parser: argparse.ArgumentParser, _name: str) -> None:
    """Where from, where to, how fast."""
    parser.epilog = "example: coldchain replay messages.jsonl --broker mqtt://127.0.0.1:1883 --speed 60"
    parser.add_argument("file", type=Path, help="JSON lines of messages, a file of vectors, a track, a Berlinger TXT")
    parser.add_argument("--broker", metavar="URL", help="mqtt[s]://user:password@host:port (default: the own listener)")
    parser.add_argument("--speed", type=float, metavar="X", help="60 plays an hour in a minute; default: at once")
    parser.add_argument("--logger", help="whose track or export this is")
    parser.add_argument("--zone", help="IANA zone of an export's wall clock")
    parser.add_argument(
        "--shift", type=int, default=0, metavar="S", help="seconds added to each time of a track or an export"
    )


def run(args: argparse.Namespace) -> int:
    """Say how many messages the broker acknowledged."""
    config = configured(args)
    broker = args.broker or config.mqtt_url or (f"mqtt://{config.mqtt_listen}" if config.mqtt_listen else "")
    if not broker:
        raise ConfigError("--broker: say which broker; no listener and no COLDCHAIN_MQTT_URL is configured")
    if not args.file.is_file():
        raise ConfigError(f"FILE: {args.file} is not a file")
    messages = read_recording(args.file, Told(args.logger, args.zone, args.shift * 1000))
    sent = replay(messages, broker, speed=args.speed)
    print(f"{sent} messages acknowledged")
    return 0
