"""Starting a run of the rule lab, for the API and the page alike; it goes on in a thread of this web process."""

import json
import threading
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from alerts.audience import audience
from coldchain.domain.profile_format import as_json, profile_from
from coldchain.errors import InvalidValue
from coldchain.registry import lab_runs, profiles
from coldchain.registry.lab_choice import Choice, chosen
from coldchain.registry.lab_runs import NewRun
from coldchain.registry.viewer import Viewer
from compliance.lab_runner import Lab, LabRun
from dashboard.services import Services

JsonObject = dict[str, Any]
# What the API says of a profile on record beside what it says itself: sent back, it is no mistake.
_OF_THE_RECORD = frozenset(
    {"who", "who_name", "recorded", "reason", "approved", "approved_by", "approved_by_name", "state", "retired",
     "retired_by", "retired_by_name", "retired_reason", "versions"}
)  # fmt: skip


def draft_of(text: str) -> JsonObject:
    """A draft that a person wrote, TOML or the same as JSON, as the registry would keep it.

    Raises:
        InvalidValue: it is neither, or names every key that is wrong, with its value and the remedy.
    """
    try:
        data = json.loads(text, parse_float=Decimal) if text.lstrip().startswith("{") else _toml(text)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidValue(f"profile: the text is neither TOML nor JSON: {error}") from error
    return checked(data)


def _toml(text: str) -> JsonObject:
    return tomllib.loads(text, parse_float=Decimal)


def checked(data: Mapping[str, Any]) -> JsonObject:
    """A draft as the registry would keep it.

    Raises:
        InvalidValue: names every key that is wrong.
    """
    body: JsonObject = as_json({name: value for name, value in data.items() if name not in _OF_THE_RECORD})
    profile_from(body)
    return body


def saved(services: Services, profile: str, version: int | None) -> JsonObject:
    """A version that is on record, the newest by default, in the profile format.

    Raises:
        NotFound: no such profile or version.
    """
    with services.registry.read() as connection:
        return dict(profiles.get(connection, profile, version).body)


def begin(services: Services, viewer: Viewer, draft: JsonObject, choice: Choice) -> str:
    """Start a run; its id.

    Raises:
        InvalidValue: the choice leaves no shipment.
        Stale: a run of this viewer is under way.
    """
    now_ms = services.clock.now_ms()
    told = {name: value for name, value in choice._asdict().items() if value not in (None, ())}
    with services.registry.write() as connection:
        shipments = chosen(connection, viewer, choice)
        run = lab_runs.begin(connection, NewRun(draft, told, len(shipments)), who=viewer.id, now_ms=now_ms)
    lab = Lab(
        services.registry, services.history, services.clock,
        lambda connection, subject, severity: audience(connection, subject, severity, now_ms),
    )  # fmt: skip
    work = LabRun(lab, run, shipments, profile_from(draft)).work
    threading.Thread(target=work, name=f"rule-lab {run}", daemon=True).start()
    return run
