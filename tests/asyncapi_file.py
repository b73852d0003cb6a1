"""The AsyncAPI description of the native topics: reading it, and writing its schemas anew from the parser's limits."""

from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[1] / "docs" / "reference" / "asyncapi.yaml"
_MARK = "writes it anew.\n"


def loaded() -> dict[str, Any]:
    """The document."""
    document: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return document


def examples(message: str, kind: str = "examples") -> list[dict[str, Any]]:
    """The examples of a message; `x-refused` for those that have to be refused."""
    found: list[dict[str, Any]] = loaded()["components"]["messages"][message].get(kind, [])
    return found


def write() -> None:
    """Replace everything behind the mark by the schemas of the parser."""
    from sensors.carriers.native_schema import schemas

    head = FILE.read_text("utf-8").partition(_MARK)[0]
    dumped = yaml.safe_dump(
        {"schemas": schemas()}, allow_unicode=True, sort_keys=False, width=120, default_flow_style=False
    )
    FILE.write_text(head + _MARK + "".join(f"  {line}\n" for line in dumped.splitlines()), "utf-8")


if __name__ == "__main__":
    write()
