"""What the pages of rules and contacts do: policies and rotas go out of use, people set their hours."""

from pathlib import Path

import pytest
from web_cast import NOON, NORTH, Web, installed

from alerts import rulebook_changes
from coldchain.errors import Forbidden, InvalidValue
from coldchain.registry import contacts
from coldchain.registry.policies import POLICIES
from coldchain.registry.rotas import ROTAS
from coldchain.registry.viewer import Viewer
from dashboard.parts import hours_form, retiring
from dashboard.parts.field_errors import beside

QUALITY, OPERATOR = Viewer("q", "Quinn", "quality"), Viewer("o", "Olga", "operator")
EMPTY = dict.fromkeys(hours_form.FIELDS, "")


@pytest.fixture
def web(tmp_path: Path):
    with installed(tmp_path) as web:
        yield web


def ruled(web: Web, *, routes: bool) -> None:
    """A rota, a policy that names it, and if asked for a route to the policy."""
    somebody = web.person("operator", on_call=True)
    layer = {"name": "primary", "people": [somebody], "turn": "daily", "from": "2026-11-22T00:00"}
    rota = {"name": "Laboratory", "zone": "UTC", "layers": [layer], "holidays": []}
    steps = [{"after_min": 0, "targets": [{"kind": "rota", "id": "lab", "layer": "primary"}]}]
    route = {"match": {"severity": ["critical"]}, "policy": "steep"}
    given = {"by": QUALITY, "reason": None, "now_ms": NOON}
    with web.registry.write() as connection:
        rulebook_changes.put_rota(connection, "lab", rota, **given)
        rulebook_changes.put_policy(
            connection, "steep", {"name": "Steep", "steps": steps, "repeat_last_min": 10}, **given
        )
        if routes:
            rulebook_changes.put_routing(connection, {"routes": [route], "otherwise": "steep"}, **given)


def test_a_policy_that_a_route_names_stays_and_the_route_is_named(web: Web) -> None:
    ruled(web, routes=True)
    with pytest.raises(InvalidValue) as caught:
        retiring.retire(web.services, QUALITY, "policy", "steep", "too steep")
    assert all(part in str(caught.value) for part in ("route 1 (critical)", "what no route matches"))
    with web.registry.read() as connection:
        assert POLICIES.get(connection, "steep").retired_ms is None


def test_what_nothing_names_goes_out_of_use_with_a_reason(web: Web) -> None:
    ruled(web, routes=False)
    with pytest.raises(InvalidValue, match="named by policy Steep"):
        retiring.retire(web.services, QUALITY, "rota", "lab", "merged")
    assert retiring.retire(web.services, QUALITY, "policy", "steep", "too steep") == "Steep"
    assert retiring.retire(web.services, QUALITY, "rota", "lab", "merged") == "Laboratory"
    with web.registry.read() as connection:
        assert POLICIES.listed(connection) == ROTAS.listed(connection) == []
    with pytest.raises(InvalidValue, match="retired already"):
        retiring.retire(web.services, QUALITY, "policy", "steep", "again")


@pytest.mark.parametrize("viewer", [OPERATOR, Viewer("s", "S", "quality", customer=NORTH)])
def test_only_quality_of_the_whole_installation_retires_rules(web: Web, viewer: Viewer) -> None:
    ruled(web, routes=False)
    with pytest.raises(Forbidden):
        retiring.retire(web.services, viewer, "policy", "steep", "x")


def test_people_set_their_own_hours_and_administrators_anybodys(web: Web) -> None:
    olga, ida = web.person("operator"), web.person("admin")
    me, admin = Viewer(olga, "Olga", "operator"), Viewer(ida, "Ida", "admin")
    typed = {
        "working_hours": "mon-tue 08:00-17:00, sat 09:00-12:00",
        "quiet_hours": "22:00 – 06:00",
        "digest_at": "07:30",
    }
    hours_form.keep(web.services, me, olga, typed)
    with web.registry.read() as connection:
        kept = contacts.habits(connection, olga)
    assert kept.working_hours == {"mon": ["08:00", "17:00"], "tue": ["08:00", "17:00"], "sat": ["09:00", "12:00"]}
    assert (list(kept.quiet_hours), kept.digest_at) == (["22:00", "06:00"], "07:30")
    _, values = hours_form.filled(web.services, admin, olga)
    assert values == ("mon-tue 08:00-17:00, sat 09:00-12:00", "22:00-06:00", "07:30")
    hours_form.keep(web.services, admin, olga, EMPTY)
    assert hours_form.filled(web.services, me, olga)[1] == ("", "", "")
    for whose in (
        lambda: hours_form.filled(web.services, me, ida),
        lambda: hours_form.keep(web.services, me, ida, EMPTY),
    ):
        with pytest.raises(Forbidden):
            whose()
    assert not hours_form.may_edit(Viewer(olga, "Olga", "operator", customer=NORTH), olga)
    assert not hours_form.may_edit(Viewer(olga, "Olga", "viewer"), olga)


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"working_hours": "weekdays"}, "working_hours", "cannot be read"),
        ({"working_hours": "mon 08:00-12:00 13:00-17:00"}, "working_hours", "Mon: has more than one span"),
        ({"working_hours": "mon 17:00-08:00"}, "working_hours", "Mon: ends at 08:00"),
        ({"working_hours": "mon 08:00-25:00"}, "working_hours", "Mon: "),
        ({"quiet_hours": "at night"}, "quiet_hours", "is no span"),
        ({"quiet_hours": "22:00-26:00"}, "quiet_hours", "is no span: write 22:00-06:00"),
        ({"digest_at": "7"}, "digest_at", "write 07:30"),
    ],
    ids=str,
)
def test_each_mistake_in_hours_is_said_beside_its_field(typed: dict[str, str], field: str, words: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        hours_form.read(EMPTY | typed)
    wrong, rest = beside(str(caught.value), hours_form.FIELDS)
    assert (list(wrong), rest) == ([field], "")
    assert words in wrong[field]
