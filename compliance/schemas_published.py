"""The JSON Schemas of every document that figures are published in, by the document's own name."""

import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from coldchain.errors import NotFound
from compliance import document, ledger_document, windows_of

Json = dict[str, Any]


def _derivation() -> Json:
    schema: Json = json.loads((files("compliance") / "schemas" / "derivation-1.schema.json").read_text("utf-8"))
    return schema


SCHEMAS: dict[str, Callable[[], Json]] = {
    "coldchain.compliance/1": document.json_schema,
    "coldchain.windows/1": windows_of.json_schema,
    "coldchain.batch/1": ledger_document.json_schema,
    "coldchain.derivation/1": _derivation,
}


def schema_of(name: str) -> Json:
    """The JSON Schema of a document, by what its `schema` says; `-` for `/` as well, for addresses.

    Raises:
        NotFound: there is no such document; names those that there are.
    """
    wanted = name if name in SCHEMAS else "/".join(name.rsplit("-", 1))
    if wanted not in SCHEMAS:
        raise NotFound(f"there is no schema {name[:60]!r}; there are {', '.join(SCHEMAS)}")
    return SCHEMAS[wanted]()
