"""Says before anything starts that a port is taken, and what to do about it."""

import socket

from coldchain.config import Address, Config
from coldchain.errors import ColdchainError


def check_ports(config: Config, command: str) -> None:
    """Look whether the pages' and the listener's addresses can be bound; `command` is what the remedy names.

    Raises:
        ColdchainError: one of them cannot; the text names the setting and a way out.
    """
    check_port("COLDCHAIN_HTTP", config.http, command)
    if config.mqtt_listen is not None:
        check_port("COLDCHAIN_MQTT_LISTEN", config.mqtt_listen, command)


def check_port(setting: str, address: Address, command: str) -> None:
    """As `check_ports`, for one setting."""
    with socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET) as probe:
        # As servers do: the remains of closed connections do not occupy a port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except PermissionError as error:
            raise ColdchainError(
                f"{setting}: {address} needs rights that this user lacks: choose a port above 1023"
            ) from error
        except OSError as error:
            other = f"{address.host}:{address.port + 1}"
            raise ColdchainError(
                f"{setting}: {address} cannot be used ({error.strerror}): stop the program that has it, or choose "
                f"another: {setting}={other} {command}"
            ) from error
