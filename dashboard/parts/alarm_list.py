"""The rows of the alarm list: single alarms, storms folded into one row with their count, and what may be done."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from dash import html

from coldchain.domain.quantity import ms_from_iso
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts.alarm_amounts import amount, cause_words, detail, extreme
from dashboard.parts.alarm_words import TONES, badge, name, title
from dashboard.parts.elements import moment, severity, tag

Item = dict[str, Any]
STORM = 5  # alarms of one cause that came one upon the other are one row from here on
STORM_GAP_MS = 10 * 60_000
STEP = 50  # alarms of a storm that are drawn at a time: a browser takes long over more
MOST = 500
_SEVERITIES = ("critical", "major", "minor", "info")


class Group(NamedTuple):
    """Alarms that came together for one cause; a single one is a group of itself."""

    items: tuple[Item, ...]
    key: str = ""  # a name that stays while the list is drawn anew


def folded(items: Iterable[Item]) -> list[Group]:
    """The list as shown: unanswered before answered, worst first, newest first, storms as one."""
    alike: dict[tuple[bool, str, str], list[Item]] = {}
    for item in items:
        alike.setdefault(("acknowledged" in item, item["cause"], item["suppression"]), []).append(item)
    groups = [group for name, some in alike.items() for group in _storms(some, "-".join(map(str, name)))]
    return sorted(groups, key=lambda group: min(map(order, group.items)))


def _storms(alike: list[Item], name: str) -> list[Group]:
    by_time = sorted(alike, key=lambda item: str(item["raised"]))
    runs: list[list[Item]] = [by_time[:1]]
    for before, after in pairwise(by_time):
        near = ms_from_iso(after["raised"]) - ms_from_iso(before["raised"]) <= STORM_GAP_MS
        if near:
            runs[-1].append(after)
        else:
            runs.append([after])
    # Counted among storms alone: an answer to a single alarm beside it renames no storm that somebody has unfolded.
    storms = [run for run in runs if len(run) >= STORM]
    single = [Group((item,)) for run in runs if len(run) < STORM for item in run]
    named = [Group(tuple(sorted(run, key=order)), f"{name}-{number}") for number, run in enumerate(storms)]
    return [*named, *single]


def order(item: Item) -> tuple[bool, bool, bool, int, int]:
    """Where an alarm stands: the lower, the higher up."""
    worst, newest = _SEVERITIES.index(item["severity"]), -ms_from_iso(item["raised"])
    return item["suppression"] != "none", "acknowledged" in item, item["condition"] == "returned", worst, newest


def listing(groups: Sequence[Group], viewer: Viewer, label: str, unfolded: Mapping[str, int] | None = None) -> html.Ul:
    """The whole list; of a storm only so many are drawn as somebody has unfolded (`unfolded`, by its key)."""
    rows = [
        storm(one, viewer, (unfolded or {}).get(one.key, 0)) if one.key else row(one.items[0], viewer) for one in groups
    ]
    return html.Ul(rows, id="alarm-rows", className="card alarm-rows", **{"aria-label": label})


def row(item: Item, viewer: Viewer) -> html.Li:
    """One alarm as a row that a key or a thumb can act on."""
    return html.Li(
        [
            pick(item, viewer),
            severity(item["severity"]),
            html.Div([_called(item), _facts(item), html.Div(_marks(item))], className="what"),
            html.Span(_age(item), className="age"),
            html.Div(buttons(item, viewer), className="acts"),
        ],
        className="alarm-row",
        **attributes(item, viewer),
    )


def unfolded_of(given: object) -> dict[str, int]:
    """How many alarms of which storm are drawn; the browser's word."""
    found = given.items() if isinstance(given, dict) else ()
    return {str(key)[:200]: min(many, MOST) for key, many in found if isinstance(many, int) and many > 0}


def storm(group: Group, viewer: Viewer, shown: int = 0) -> html.Li:
    """Many alarms of one cause as one row: how many, how bad, since when, all of them on demand."""
    worst, waiting = group.items[0], [item for item in group.items if _answerable(item, viewer)]
    first = min((item["onset"] for item in group.items), key=ms_from_iso)
    counts = [f"{sum(i['severity'] == one for i in group.items)} {one}" for one in _SEVERITIES
              if any(i["severity"] == one for i in group.items)]  # fmt: skip
    facts = f"{', '.join(counts)} · {_where(group)} · within minutes of each other"
    acts = []
    if waiting:
        said = {"data-alarm-act": "acknowledge:" + ",".join(map(_version, waiting)), "data-storm": "1"}
        acts = [html.Button(f"Acknowledge all {len(waiting)}", type="button", className="button primary", **said)]
    members = [html.Ul([member(item, viewer) for item in group.items[:shown]], className="storm-rows")]
    if shown < len(group.items):
        words = f"Show {STEP} more of {len(group.items)}" if shown else "Loading …"
        members.append(html.Button(words, type="button", className="button storm-more", disabled=not shown,
                                   **{"data-storm-more": group.key}))  # fmt: skip
    return html.Li(
        [
            severity(worst["severity"]),
            html.Div(
                [
                    html.Strong(f"{len(group.items)} alarms: {cause_words(_alike(group))}"),
                    html.Span(facts, className="facts"),
                ],
                className="what",
            ),
            html.Span(["for ", moment(first, "age")], className="age"),
            html.Div(acts, className="acts"),
            html.Details([html.Summary(f"Show all {len(group.items)}"), *members], **{"data-storm": group.key}),
        ],
        className="alarm-row alarm-storm",
        **{"data-row": "1", "data-alarm": f"storm-{group.key}", "data-tone": TONES[worst["severity"]],
           "data-acked": str("acknowledged" in worst).lower()},
    )  # fmt: skip


def _where(group: Group) -> str:
    """The site or lane of a storm, or over how many it goes."""
    places = {item.get("place") or name(item) for item in group.items}
    return places.pop() if len(places) == 1 else f"{len(places)} sites and lanes"


def _alike(group: Group) -> Item:
    """What the alarms of a storm share: the limit only where it is the same for all."""
    limits = {item.get("limit_c") for item in group.items}
    return {"cause": group.items[0]["cause"], "limit_c": limits.pop() if len(limits) == 1 else None}


def member(item: Item, viewer: Viewer) -> html.Li:
    """One alarm of a storm, in a line; keys act on it as on any row."""
    what = html.Div([_called(item), _facts(item)], className="what")
    return html.Li(
        [pick(item, viewer), severity(item["severity"]), what, html.Span(_age(item), className="age")],
        className="alarm-row storm-member", **attributes(item, viewer),
    )  # fmt: skip


def attributes(item: Item, viewer: Viewer) -> dict[str, str]:
    """What keys and the browser's side need to know of a row."""
    return {
        "data-href": href(item), "data-alarm": item["id"], "data-tone": TONES[item["severity"]],
        "data-can": " ".join(can(item, viewer)), "data-acked": str("acknowledged" in item).lower(),
    }  # fmt: skip


def can(item: Item, viewer: Viewer) -> list[str]:
    """The acts that this viewer may do to an alarm as it is."""
    if not viewer.may(Permission.ACKNOWLEDGE):
        return []
    found = ["acknowledge"] if "acknowledged" not in item else []
    found.append("unshelve" if item["suppression"] == "shelved" else "shelve")
    found += ["comment", "assign"]
    over = item["condition"] == "returned" and "acknowledged" in item and "reset" not in item
    return [*found, "reset"] if over and viewer.may(Permission.ASSESS) else found


def buttons(item: Item, viewer: Viewer) -> list[html.Button]:
    """What this viewer may do to an alarm, as buttons."""
    label, found = title(item), []
    words = {"shelve": "Set aside", "unshelve": "Watch again", "comment": "Comment", "assign": "Hand over",
             "reset": "Reset"}  # fmt: skip
    for act in can(item, viewer):
        if act == "acknowledge":
            found.append(html.Button("Acknowledge", type="button", className="button primary",
                                     **{"data-ack": item["id"], "aria-label": f"Acknowledge {label}"}))  # fmt: skip
        else:
            said = {"data-alarm-act": f"{act}:{item['id']}", "aria-label": f"{words[act]}: {label}"}
            found.append(html.Button(words[act], type="button", className="button", **said))
    return found


def pick(item: Item, viewer: Viewer) -> Any:
    """The box by which an alarm is chosen together with others."""
    if not can(item, viewer):
        return html.Span(className="pick-none")
    said = {"aria-checked": "false", "aria-label": f"Choose {title(item)}", "data-pick": _version(item)}
    return html.Button(type="button", role="checkbox", className="alarm-pick", **said)


def pick_bar() -> html.Div:
    """What stands below the list while alarms are chosen; the browser fills in how many."""
    buttons_ = [
        html.Button("Acknowledge", type="button", className="button primary", **{"data-pick-ack": "1"}),
        html.Button("Set aside", type="button", className="button", **{"data-pick-act": "shelve"}),
        html.Button("Hand over", type="button", className="button", **{"data-pick-act": "assign"}),
        html.Button("Clear", type="button", className="button", **{"data-pick-clear": "1"}),
    ]
    return html.Div([html.Span("", id="pick-count", role="status"), *buttons_], id="pick-bar", className="pick-bar")


def href(item: Item) -> str:
    """The alarm's own page."""
    return f"/alarms/{item['id']}"


def _answerable(item: Item, viewer: Viewer) -> bool:
    return "acknowledge" in can(item, viewer)


def _version(item: Item) -> str:
    return f"{item['id']}.{item['version']}"


def _called(item: Item) -> html.Div:
    """What it is about, and where that is: each site has a cold room A."""
    place = html.Span(item["place"], className="place") if item.get("place") else None
    return html.Div([html.A(name(item), href=href(item)), place], className="called")


def _facts(item: Item) -> html.Span:
    peak = item.get("peak_c", item.get("value_c"))
    about = [cause_words(item)]
    if peak is not None:
        about.append(f"{extreme(item)} {amount(item, peak)}")
    if detail(item):
        about.append(detail(item)[:160])
    if item.get("channel") and item.get("logger"):
        about.append(f"{item['logger']}/{item['channel']}")
    return html.Span(" · ".join(about), className="facts")


def _age(item: Item) -> list[Any]:
    return ["ended ", moment(item["end"], "ago")] if "end" in item else ["for ", moment(item["onset"], "age")]


def _marks(item: Item) -> list[Any]:
    marks: list[Any] = [badge(item)]
    if item.get("assigned_to"):
        marks += [" ", tag(f"with {item['assigned_to']}")]
    if "acknowledged_by" in item:
        marks += [" ", html.Span(f"acknowledged by {item['acknowledged_by']}", className="dim small")]
    return marks
