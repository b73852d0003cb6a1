"""The blocks of the alarm quality page: each number leads to its alarms, and says one click away how it is counted."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from dash import html

from dashboard.parts import text
from dashboard.parts.elements import Column, Figure, card, figures, moment, table
from dashboard.parts.shipment_blocks import channel_word
from dashboard.parts.states import empty

Json = dict[str, Any]
BANDS = {"high": "High", "medium": "Medium", "low": "Low"}
ABOUT = {
    "announced": "Alarms raised within the period of which at least one message was written. Drills, and alarms for "
    "which another one speaks, do not count.",
    "load": "An announcement is one alarm on one occasion to one person, by however many channels; that something is "
    "over is none. EEMUA 191 calls one in 10 minutes the most that anybody can see to, on average.",
    "flood": "Ten minutes by the clock in which one person was told of more than 10 different alarms.",
    "nuisance": "Announced alarms that were over within {within} of being raised, before anybody acknowledged, "
    "commented, handed over or set aside. Late findings do not count. Share: of the announced ones.",
    "stale": "Active for more than 24 hours, now.",
    "chattering": "Came and went three times within a minute, or within three of the logger's intervals, in the last "
    "24 hours.",
    "answers": "From raising to the first acknowledgement, of alarms that were acknowledged. 90 %: so many were "
    "answered within this time (nearest rank).",
    "waiting": "Major and critical alarms of the period that nobody has acknowledged yet.",
    "repeats": "Messages that said an alarm again because nobody had acknowledged it. Share: of all messages.",
    "twice": "Messages of which it is not known whether an earlier attempt had arrived; they say so themselves.",
    "drills": "Test alarms sent within the period that were answered. Share: of those answered or missed.",
    "priorities": "Critical counts as high, major as medium, minor and info as low. EEMUA 191: about 5, 15 and 80 %.",
    "top": "Alarms raised within the period, by what they are about. Share: of all of them.",
    "channels": "Handed over: from writing the message until the provider took it. Delivered: from there until the "
    "provider confirmed the delivery; mail servers confirm none. Median and 90 % (nearest rank).",
}


class About(NamedTuple):
    """The period that the page shows, for links to what is behind a number."""

    days: str

    def behind(self, shown: Any, figure: str, key: str = "", *, number: float = 1) -> Any:
        """A number that leads to its alarms; nothing leads nowhere."""
        if not number:
            return shown
        query = {"figure": figure, "key": key, "days": self.days}
        return html.A(shown, href=f"/alarms?{urlencode({name: value for name, value in query.items() if value})}")


def defined(what: str, **given: str) -> html.Details:
    """How a number is counted, one click away."""
    words = ABOUT[what].format(**given) if given else ABOUT[what]
    asked = "What is a flood?" if what == "flood" else "How is this counted?"
    return html.Details([html.Summary(asked), html.P(words)], className="defined")


def overall(found: Json, about: About) -> html.Div:
    """The period in eight figures."""
    nuisance, answers, repeats, drills = found["nuisance"], found["answers"], found["repeats"], found["drills"]
    floods = sum(row["floods"] for row in found["people"])
    within = f"{nuisance['within_min']} minutes"

    def whole(figure: str, number: int, what: str | None = None) -> Any:
        return about.behind(f"{number:,}", what or figure, number=number)

    return figures([
        Figure("Announced alarms", whole("announced", found["announced"]),
               [f"of {found['raised']:,} raised", defined("announced")]),
        Figure("Floods", f"{floods:,}", ["more than 10 in 10 min to one person", defined("flood")],
               "excursion" if floods else "calm"),
        Figure("Nuisance", whole("nuisance", nuisance["alarms"]),
               [percent(nuisance["share_pct"]), f", over within {within}", defined("nuisance", within=within)],
               "at_risk" if nuisance["alarms"] else "calm"),
        Figure("Time to acknowledge", seconds(answers["to_acknowledge_median_s"]),
               [_answered(answers), defined("answers")]),
        Figure("Not acknowledged", whole("waiting", answers["waiting"]), ["major and critical", defined("waiting")],
               "at_risk" if answers["waiting"] else "calm"),
        Figure("Stale", whole("stale", found["stale"]["alarms"]), ["active for a day", defined("stale")],
               "at_risk" if found["stale"]["alarms"] else "calm"),
        Figure("Chattering", whole("chattering", found["chattering"]["alarms"]),
               ["within the last day", defined("chattering")], "at_risk" if found["chattering"]["alarms"] else "calm"),
        Figure("Drills answered", about.behind(percent(drills["share_pct"]), "drills", number=drills["sent"]),
               [f"{drills['answered']} of {drills['sent']}, {drills['missed']} missed" if drills["sent"] else
                "no drill within this period", defined("drills")],
               "excursion" if drills["missed"] else "calm"),
        Figure("Repeats", about.behind(percent(repeats["share_pct"]), "repeats", number=repeats["messages"]),
               [f"{repeats['messages']:,} of {found['messages']:,} messages", defined("repeats")]),
        Figure("Possibly twice", about.behind(f"{repeats['possibly_twice']:,}", "twice",
                                              number=repeats["possibly_twice"]),
               [f"{percent(repeats['possibly_twice_pct'])} of messages", defined("twice")]),
    ])  # fmt: skip


def _answered(answers: Json) -> str:
    """How the time to acknowledge is spread."""
    if answers["to_acknowledge_median_s"] is None:
        return "nothing was acknowledged yet"
    return f"median; 90 % within {seconds(answers['to_acknowledge_p90_s'])}"


def load(rows: Sequence[Json], about: About) -> html.Section:
    """Per person: how many, how often, the fullest ten minutes."""
    columns = [Column("Person"), *(Column(words, numeric=True) for words in (
        "Alarms", "Announcements", "Per week", "Per 10 min", "Most in 10 min", "Floods"))]  # fmt: skip
    body = [
        (row["name"], about.behind(f"{row['alarms']:,}", "person", row["person"]), f"{row['announcements']:,}",
         text.fixed(row["per_week"], 1), _against(row["per_10_min"], 1, 3), _fullest(row),
         about.behind(f"{row['floods']:,}", "flood", row["person"], number=row["floods"]))
        for row in rows
    ]  # fmt: skip
    shown = table(columns, body, "Announcements per person") if body else empty("Nobody was told of anything")
    return card("Load per person", shown, foot(defined("load"), defined("flood")))


def _fullest(row: Json) -> Any:
    if not row["most_in_10_min"]:
        return "0"
    at = moment(row["fullest_ms"])
    return html.Span([_against(row["most_in_10_min"], 10, 0), " ", html.Span(at, className="dim small")])


def _against(number: float, most: float, places: int) -> Any:
    """A number, marked by glyph and word where it is more than the rule allows."""
    shown = text.fixed(number, places)
    if number <= most:
        return shown
    return html.Span(f"{shown}, too many", className="status", **{"data-status": "at_risk"})


def priorities(rows: Iterable[Json], about: About) -> html.Section:
    """Three priorities beside the 5/15/80 of the rule."""
    columns = [Column("Priority"), Column("Alarms", numeric=True), Column("Share"), Column("Rule", numeric=True)]
    body = [
        (f"{BANDS[row['band']]} ({', '.join(row['severities'])})",
         about.behind(f"{row['alarms']:,}", "priority", row["band"], number=row["alarms"]),
         _bar(row["share_pct"], row["target_pct"]), f"about {row['target_pct']} %")
        for row in rows
    ]  # fmt: skip
    return card("Priorities", table(columns, body, "Alarms by priority"), foot(defined("priorities")))


def _bar(share: float | None, target: float | None = None) -> html.Div:
    """A share as a number and a bar, with a mark where the rule has it."""
    marks = [html.I(style={"width": f"{share or 0:.1f}%"})]
    if target is not None:
        marks.append(html.B(style={"left": f"{target}%"}))
    bar = html.Div(marks, className="meter quality-meter", **{"aria-hidden": "true"})
    return html.Div([html.Span(percent(share), className="num"), bar], className="quality-share")


def top(title: str, rows: Sequence[Json], about: About, figure: str, name: Callable[[str], Any]) -> html.Section:
    """The ten with the most alarms."""
    columns = [Column(figure.capitalize()), Column("Alarms", numeric=True), Column("Share")]
    body = [
        (name(row["name"]), about.behind(f"{row['alarms']:,}", figure, row["name"]), _bar(row["share_pct"]))
        for row in rows
    ]  # fmt: skip
    shown = table(columns, body, title) if body else empty("None within this period")
    return card(title, shown, foot(defined("top")))


def channels(rows: Sequence[Json], about: About) -> html.Section:
    """Per channel: what became of the messages, and how long it took."""
    columns = [Column("Channel"), *(Column(words, numeric=True) for words in (
        "Messages", "Delivered", "Accepted only", "Waiting", "Unknown", "Failed", "Handed over", "90 %",
        "Delivered after", "90 %"))]  # fmt: skip
    body = [
        (channel_word(row["channel"]), about.behind(f"{row['messages']:,}", "channel", row["channel"]),
         f"{row['delivered']:,}", f"{row['accepted']:,}", f"{row['waiting']:,}", f"{row['unknown']:,}",
         about.behind(f"{row['failed']:,}", "failed", row["channel"], number=row["failed"]),
         seconds(row["to_accept_median_s"]), seconds(row["to_accept_p90_s"]),
         seconds(row["to_deliver_median_s"]), seconds(row["to_deliver_p90_s"]))
        for row in rows
    ]  # fmt: skip
    shown = table(columns, body, "Messages by channel") if body else empty("No message was written")
    return card("Delivery", shown, foot(defined("channels")))


def foot(*more: Any) -> html.Div:
    """The line below a table."""
    return html.Div(list(more), className="card-foot")


def percent(value: float | None) -> str:
    """A share with one decimal; a dash of nothing."""
    return text.ABSENT if value is None else f"{value:.1f} %"


def seconds(value: float | None) -> str:
    """A duration, tenths of a second below a minute."""
    if value is None:
        return text.ABSENT
    return f"{value:.1f} s" if value < 60 else text.duration(value)
