"""`coldchain user`, `apikey`, `logger`: who may come in. Secrets go to the last line of output, alone."""

import argparse
import getpass
import sys

from coldchain.cli import configured
from coldchain.clock import SystemClock
from coldchain.domain.identity import logger_id
from coldchain.domain.quantity import iso, ms_from_iso
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import api_keys, gateways, loggers, passwords, people, sessions
from coldchain.registry.viewer import ROLES, SYSTEM
from coldchain.wiring import opened_registry

_WHO = "command line"


def arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """The verbs of each noun."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    {"user": _user, "apikey": _apikey, "logger": _logger}[name](parser, verbs)


def _user(parser: argparse.ArgumentParser, verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser.epilog = "example: echo 'long secret words' | coldchain user create --email ada@example.com --role quality"
    create = verbs.add_parser("create", help="the password comes from standard input")
    create.add_argument("--email", required=True)
    create.add_argument("--role", required=True, choices=[role for role in ROLES if role != "device"])
    create.add_argument("--name")
    create.add_argument("--phone", help="+49…, for SMS")
    create.add_argument("--zone", default="UTC", help="IANA time zone of the person's messages")
    create.add_argument("--language", default="en", choices=["en", "de"])
    create.add_argument("--expires", metavar="TIME", help="ISO 8601; needed for an auditor")
    create.add_argument("--on-call", action="store_true", help="gets major and critical alarms")
    verbs.add_parser("list")
    link = verbs.add_parser("link", help="a sign-in link that works once")
    link.add_argument("--email", required=True)


def _apikey(parser: argparse.ArgumentParser, verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser.epilog = "example: coldchain apikey create --name erp --role operator"
    create = verbs.add_parser("create", help="prints the key, once, on the last line")
    create.add_argument("--name", required=True)
    create.add_argument("--role", required=True, choices=ROLES)
    create.add_argument(
        "--logger", action="append", help="of a device's key: only for this one; may be given several times"
    )
    verbs.add_parser("list")
    revoke = verbs.add_parser("revoke")
    revoke.add_argument("id")


def _logger(parser: argparse.ArgumentParser, verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser.epilog = "example: coldchain logger create LG-0042 --interval 300"
    create = verbs.add_parser("create", help="prints its MQTT password, once, on the last line")
    create.add_argument("id")
    create.add_argument("--interval", type=int, metavar="S", help="reporting interval in seconds")
    create.add_argument("--device-profile")
    create.add_argument("--gateway", action="store_true", help="it speaks for the loggers around it")
    create.add_argument(
        "--for",
        action="append",
        dest="gateway_for",
        metavar="LOGGER",
        help="with --gateway: only for this one; may be given several times",
    )
    verbs.add_parser("list")


def run(args: argparse.Namespace) -> int:
    """Do what noun and verb say."""
    return {
        ("user", "create"): _create_user,
        ("user", "list"): _list_users,
        ("user", "link"): _link,
        ("apikey", "create"): _create_key,
        ("apikey", "list"): _list_keys,
        ("apikey", "revoke"): _revoke_key,
        ("logger", "create"): _create_logger,
        ("logger", "list"): _list_loggers,
    }[args.command, args.verb](args)


def _create_user(args: argparse.Namespace) -> int:
    typed = sys.stdin.isatty()
    password = getpass.getpass("password: ") if typed else sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise InvalidValue("password: standard input was empty; pipe the password in, or type it")
    hashed = passwords.hashed(password, email=args.email)
    with opened_registry(configured(args), migrate=args.migrate) as registry, registry.write() as connection:
        people.create(
            connection,
            email=args.email,
            name=args.name or args.email.partition("@")[0],
            role=args.role,
            who=_WHO,
            now_ms=_now_ms(),
            phone=args.phone,
            zone=args.zone,
            language=args.language,
            on_call=args.on_call,
            password_hash=hashed,
            expires_ms=None if args.expires is None else ms_from_iso(args.expires),
        )
    print(f"{args.email} can sign in as {args.role}")
    return 0


def _list_users(args: argparse.Namespace) -> int:
    with opened_registry(configured(args), migrate=args.migrate) as registry, registry.read() as connection:
        for person in people.listed(connection, SYSTEM):
            state = "disabled" if person.disabled_ms else "on call" if person.on_call else ""
            print(f"{person.email:<40} {person.role:<9} {person.name:<30} {state}".rstrip())
    return 0


def _link(args: argparse.Namespace) -> int:
    config = configured(args)
    with opened_registry(config, migrate=args.migrate) as registry, registry.write() as connection:
        person = people.by_email(connection, args.email)
        if person is None:
            raise NotFound(f"email: nobody has {args.email!r}; `coldchain user list` shows who there is")
        token = sessions.make_link(connection, person.id, who=_WHO, now_ms=_now_ms())
    print(f"{config.site_url}/sign-in/link/{token}")
    return 0


def _create_key(args: argparse.Namespace) -> int:
    with opened_registry(configured(args), migrate=args.migrate) as registry, registry.write() as connection:
        id_, key = api_keys.create(
            connection, name=args.name, role=args.role, who=_WHO, now_ms=_now_ms(), loggers=args.logger
        )
    speaks = f", for {', '.join(args.logger)} only" if args.logger else ", for any logger" * (args.role == "device")
    print(f"key {id_} for {args.name}, role {args.role}{speaks}; it is shown only now:")
    print(key)
    return 0


def _list_keys(args: argparse.Namespace) -> int:
    with opened_registry(configured(args), migrate=args.migrate) as registry, registry.read() as connection:
        for key in api_keys.listed(connection):
            used = iso(key.last_used_ms) if key.last_used_ms else "never used"
            print(f"{key.id} {key.role:<9} {key.name:<30} {'revoked' if key.revoked_ms else used}")
    return 0


def _revoke_key(args: argparse.Namespace) -> int:
    with opened_registry(configured(args), migrate=args.migrate) as registry, registry.write() as connection:
        api_keys.revoke(connection, args.id, who=_WHO, now_ms=_now_ms())
    print(f"key {args.id} no longer works")
    return 0


def _create_logger(args: argparse.Namespace) -> int:
    with opened_registry(configured(args), migrate=args.migrate) as registry, registry.write() as connection:
        loggers.register(
            connection,
            args.id,
            who=_WHO,
            now_ms=_now_ms(),
            device_profile=args.device_profile,
            interval_ms=None if args.interval is None else args.interval * 1000,
        )
        if args.gateway or args.gateway_for:
            gateways.declare(
                connection, logger_id(args.id), gateway=args.gateway, gateway_for=args.gateway_for, who=_WHO,
                now_ms=_now_ms(),
            )  # fmt: skip
        password = loggers.new_password(connection, args.id, who=_WHO, now_ms=_now_ms())
    print(f"{args.id} publishes to cc/{args.id}/up as user {args.id}; its password is shown only now:")
    print(password)
    return 0


def _list_loggers(args: argparse.Namespace) -> int:
    with opened_registry(configured(args), migrate=args.migrate) as registry, registry.read() as connection:
        for logger in loggers.listed(connection, SYSTEM):
            state = "retired" if logger.retired_ms else ""
            print(f"{logger.id:<40} {logger.device_profile or '':<20} {state}".rstrip())
    return 0


def _now_ms() -> int:
    return SystemClock().now_ms()
