"""How the text of a setting is read: each reader says in a ValueError what is wrong with it."""

import re
import shlex
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from coldchain.domain.topics import checked_filter
from coldchain.errors import InvalidValue

_MAIL = re.compile(r"[^@\s,]{1,64}@[^@\s,]{1,255}")
_PHONE = re.compile(r"\+[0-9]{6,15}")


class Address(NamedTuple):
    """Where something listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


def address(text: str) -> Address:
    """host:port."""
    host, colon, port = text.rpartition(":")
    host = host.strip("[]")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{text!r} is not host:port, such as 127.0.0.1:8050")
    return Address(host, int(port))


def address_or_off(text: str) -> Address | None:
    """host:port, or nothing."""
    return address(text) if text.strip() else None


def switch(text: str) -> bool:
    """On or off."""
    known = {"1": True, "true": True, "on": True, "yes": True, "": False, "0": False, "false": False, "off": False}
    known["no"] = False
    if text.strip().lower() not in known:
        raise ValueError(f"{text!r} is neither on nor off")
    return known[text.strip().lower()]


def path(text: str) -> Path | None:
    """A path, or nothing."""
    return Path(text) if text else None


def topics(text: str) -> tuple[str, ...]:
    """Filters of MQTT topics, separated by commas; each once."""
    try:
        return tuple(dict.fromkeys(checked_filter(part.strip()) for part in text.split(",") if part.strip()))
    except InvalidValue as error:
        raise ValueError(error) from error


def topic_level(text: str) -> str:
    """One level of an MQTT topic."""
    if not (text.isprintable() and frozenset("/+#").isdisjoint(text)):
        raise ValueError(f"{text!r} must be printable and without / + #")
    return text.strip()


def recipients(text: str) -> tuple[str, ...]:
    """Mail addresses and telephone numbers, separated by commas; each once."""
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for one in found:
        if not (_MAIL.fullmatch(one) or _PHONE.fullmatch(one)):
            raise ValueError(f"{one!r} is neither name@host nor a telephone number such as +49170123456")
    return found


def seconds(text: str) -> float:
    """A number of seconds up to an hour; 0 is off."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not (found == 0 or 0.2 <= found <= 3600):
        raise ValueError(f"{text!r} is no number of seconds up to 3600; 0 switches it off")
    return found


def annunciator(text: str) -> str:
    """A command, or the address of a device in this house."""
    if not text.startswith(("http://", "https://")):
        try:
            if text.strip() and not shlex.split(text):
                raise ValueError("it holds no command")
        except ValueError as error:
            raise ValueError(f"{text!r} is no command: {error}") from error
        return text.strip()
    host = urlsplit(text).hostname or ""
    try:
        near = ip_address(host).is_loopback or ip_address(host).is_private
    except ValueError:
        near = host == "localhost"
    if not near:
        raise ValueError(f"{redacted(text)!r} is not in this house: give the address of a device on a private network")
    return text


def url_of(*schemes: str) -> Callable[[str], str]:
    """A reader of URLs of these schemes, or of nothing."""

    def read(text: str) -> str:
        if not text:
            return ""
        scheme, host = urlsplit(text).scheme, urlsplit(text).hostname
        if scheme not in schemes or not host:
            raise ValueError(f"{redacted(text)!r} is not a URL of the form {' or '.join(schemes)}://host")
        return text

    return read


def redacted(url: str) -> str:
    """`url` without user name and password, for logs and messages."""
    parts = urlsplit(url)
    return parts._replace(netloc=_place(parts)).geturl() if "@" in parts.netloc else url


def _place(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]
