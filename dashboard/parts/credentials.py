"""Credentials that are made on the page: shown once, with what to paste where."""

from typing import Any

import dash_mantine_components as dmc
from dash import html

from coldchain.domain.identity import logger_id
from coldchain.errors import InvalidValue
from coldchain.registry import api_keys, loggers, topic_filters
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import ways_in
from dashboard.parts.arriving import name
from dashboard.parts.elements import Column, facts, moment, table
from dashboard.parts.ways_in import Snippet
from dashboard.services import Services
from ingest import webhook

_LONGEST_NAME = 100


def offer(services: Services, viewer: Viewer) -> Any:
    """The three ways in as tabs."""
    may = viewer.may(Permission.ADMINISTER)
    tabs = {"mqtt": "MQTT", "webhook": "Webhook", "file": "File"}
    panels = {"mqtt": _mqtt(services, may=may), "webhook": _webhook(services, may=may), "file": _file()}
    return dmc.Tabs(
        [
            dmc.TabsList([dmc.TabsTab(title, value=key) for key, title in tabs.items()]),
            *(dmc.TabsPanel(html.Div(panels[key], className="body"), value=key) for key in tabs),
        ],
        value="mqtt",
        id="ways",
    )


def _administrator(what: str) -> html.P:
    return html.P(f"{what} are made by an administrator (permission “{Permission.ADMINISTER.value}”).", className="dim")


def _mqtt(services: Services, *, may: bool) -> list[Any]:
    settings = services.settings
    if settings.mqtt is None:
        return [html.P("The built-in listener is switched off (COLDCHAIN_MQTT_LISTEN)."), *_broker(services, may=may)]
    lead = html.P(
        ["Loggers send to ", html.Code(f"{'mqtts' if settings.mqtt_tls else 'mqtt'}://{settings.mqtt}"),
         ", MQTT 3.1.1 or 5, QoS 1: acknowledged means stored. Each has an id and a password of its own."]
    )  # fmt: skip
    if not may:
        return [lead, _administrator("Credentials"), *_broker(services, may=may)]
    form = [
        dmc.TextInput(id="mqtt-logger", label="Logger id", placeholder="fridge-7", size="sm",
                      description="The serial number or EUI on its label is best."),
        dmc.TextInput(id="mqtt-interval", label="Reports every (seconds)", placeholder="600, or leave empty", size="sm",
                      description="Left empty it is estimated from the first readings."),
        html.Button("Make credentials", id="mqtt-make", type="button", className="button primary"),
    ]  # fmt: skip
    again = dmc.Checkbox(id="mqtt-again", label="It has a password that is lost: make a new one, and end the old")
    made = html.Div(id="mqtt-made", **{"aria-live": "polite"})
    return [lead, html.Div(form, className="form-row"), again, made, *_broker(services, may=may)]


def _broker(services: Services, *, may: bool) -> list[Any]:
    broker = services.settings.broker
    if broker is None:
        return []
    words = (
        ". Loggers that send there need an account of that broker only; formats that are known here are read from "
        "their usual topics."
    )
    parts: list[Any] = [html.P(["Coldchain also listens at the broker ", html.Code(broker), words])]
    if may:
        fields = [
            dmc.TextInput(id="topic-filter", label="Listen to another topic there", placeholder="barn/+/climate",
                          size="sm", description="+ stands for one level, # for all further ones"),
            html.Button("Listen", id="topic-add", type="button", className="button"),
        ]  # fmt: skip
        parts += [html.Div(fields, className="form-row"), html.Div(id="topic-said", **{"aria-live": "polite"})]
    return [*parts, html.Div(topic_list(services, may=may), id="topic-list")]


def topic_list(services: Services, *, may: bool) -> Any:
    """The topics that people asked to listen to."""
    with services.registry.read() as connection:
        found = [one for one in topic_filters.listed(connection) if one.ended_ms is None]
    if not found:
        return html.P("No other topic is listened to.", className="dim")
    rows = [
        (html.Span(name(one.filter), className="mono"), moment(one.recorded_ms),
         html.Button("Listen no longer", type="button", className="button small",
                     **{"data-set": "topic-end", "data-value": one.filter}) if may else "")
        for one in found
    ]  # fmt: skip
    return table([Column("Topic"), Column("Since"), Column("")], rows, "Topics that are listened to")


def listen(services: Services, viewer: Viewer, asked: object) -> None:
    """Listen to a further topic at the broker.

    Raises:
        InvalidValue: it is no topic filter.
    """
    wanted = asked.strip() if isinstance(asked, str) else ""
    with services.registry.write() as connection:
        topic_filters.add(connection, wanted, who=viewer.id, now_ms=services.clock.now_ms())


def unlisten(services: Services, viewer: Viewer, asked: object) -> None:
    """Listen to a topic no longer.

    Raises:
        NotFound: nobody asked to.
    """
    with services.registry.write() as connection:
        ended = asked if isinstance(asked, str) else ""
        topic_filters.end(connection, ended, who=viewer.id, now_ms=services.clock.now_ms())


def _webhook(services: Services, *, may: bool) -> list[Any]:
    address = f"{services.settings.public_url}/api/v1/ingest/"
    sources = webhook.sources(services.pipeline)
    kept = ". It answers 202 once the message is stored; sending again adds nothing."
    lead = html.P(
        ["A vendor's cloud or a network server posts to ", html.Code([address, html.I("source")]), " with the header ",
         html.Code("Authorization: Bearer KEY"), kept]
    )  # fmt: skip
    if not may:
        return [lead, _administrator("Keys")]
    form = [
        dmc.TextInput(id="hook-name", label="Who will send", placeholder="the vendor's cloud", size="sm"),
        dmc.Select(id="hook-source", label="Source", value="auto", size="sm", allowDeselect=False, searchable=True,
                   data=[{"value": "auto", "label": "auto: recognise what comes"},
                         *({"value": one, "label": one} for one in sources)]),
        dmc.TextInput(id="hook-loggers", label="Speaks for", placeholder="any logger", size="sm",
                      description="Ids with commas, where it is one logger's own key."),
        html.Button("Make a key", id="hook-make", type="button", className="button primary"),
    ]  # fmt: skip
    said = html.P(
        "A cloud or a network server speaks for all of its loggers: its key is believed for any id that a message "
        "names. Name the loggers where a key is in one device's hands; what it says for others is then kept aside.",
        className="dim small",
    )
    return [lead, said, html.Div(form, className="form-row"), html.Div(id="hook-made", **{"aria-live": "polite"})]


def _file() -> list[Any]:
    return [
        html.P("USB loggers and exports: drop the file on the page, look at the preview, and store it. The file is "
               "kept as it was, and the same file twice changes nothing."),
        html.Div(html.A("Files", href="/files", className="button primary"), className="card-actions bare"),
    ]  # fmt: skip


def make_logger(services: Services, viewer: Viewer, asked: object, interval: object, *, again: bool) -> Any:
    """Register a logger, give it a password, and show it once.

    Raises:
        InvalidValue: names what is wrong with the id or the interval, or that it has a password already.
    """
    id_, now_ms = logger_id(asked.strip() if isinstance(asked, str) else ""), services.clock.now_ms()
    interval_ms = _interval_ms(interval)
    with services.registry.write() as connection:
        known = loggers.get(connection, id_)
        if known is not None and known.has_password and not again:
            raise InvalidValue(f"{id_} has a password already. If it is lost, tick the box to make a new one.")
        if known is None:
            loggers.register(connection, id_, who=viewer.id, now_ms=now_ms)
        if interval_ms is not None:
            loggers.declare_interval(connection, id_, interval_ms, who=viewer.id, now_ms=now_ms)
        secret = loggers.new_password(connection, id_, who=viewer.id, now_ms=now_ms)
    settings = services.settings
    of = ways_in.access(settings.mqtt or "127.0.0.1:1883", id_, secret, tls=settings.mqtt_tls)
    about = facts([
        ("Address", html.Code(f"{of.host}, port {of.port}")), ("User name", html.Code(id_)),
        ("Password", secret_box("mqtt-secret", secret)), ("Topic", html.Code(of.topic)),
    ])  # fmt: skip
    once = html.P("The password is shown this once. Copy it before you leave the page.", className="once")
    return html.Div([once, about, pieces(ways_in.snippets(of))], className="made")


def _interval_ms(given: object) -> int | None:
    words = given.strip() if isinstance(given, str) else ""
    if not words:
        return None
    if not words.isdecimal() or not words.isascii() or len(words) > 7:
        raise InvalidValue(f"Reports every: {words[:20]!r} is no whole number of seconds.")
    return int(words) * 1000


def make_key(services: Services, viewer: Viewer, asked: object, source: object, only: object = None) -> Any:
    """Make an API key that may only send, of the loggers in `only` where these are named, and show it once.

    Raises:
        InvalidValue: the name, the source or a logger's id is wrong.
    """
    title = asked.strip()[:_LONGEST_NAME] if isinstance(asked, str) and asked.strip() else "Webhook"
    if source not in {"auto", *(carrier.source for carrier in services.pipeline.carriers)}:
        raise InvalidValue("Source: choose one of the list.")
    named = [one.strip() for one in only.split(",") if one.strip()] if isinstance(only, str) else []
    with services.registry.write() as connection:
        now_ms = services.clock.now_ms()
        _, key = api_keys.create(
            connection, name=title, role="device", who=viewer.id, now_ms=now_ms, loggers=named or None
        )
    url = services.settings.public_url
    about = facts([
        ("Address", html.Code(f"{url}/api/v1/ingest/{source}")), ("Key", secret_box("hook-secret", key)),
        ("Header", html.Code("Authorization: Bearer, and the key")),
        ("Speaks for", ", ".join(map(name, named[:20])) if named else "any logger that its messages name"),
    ])  # fmt: skip
    may = "messages of these loggers" if named else "messages and files"
    once = html.P(f"The key is shown this once. It may send {may}, and nothing else.", className="once")
    spoken = "auto" if source == "auto" else "native"
    note = "" if source in ("auto", "native") else f"A test in the native format; {source} sends its own."
    line = Snippet("curl", "curl", ways_in.curl(url, spoken, key, named[0] if named else "WEBHOOK-TEST"), note)
    return html.Div([once, about, pieces((line,))], className="made")


def secret_box(id_: str, secret: str) -> html.Span:
    """A secret with a button that copies it."""
    return html.Span([html.Code(secret, id=id_), " ", _copy(id_, "Copy the secret")])


def _copy(target: str, label: str) -> html.Button:
    return html.Button("Copy", type="button", className="button small", **{"data-copy": target, "aria-label": label})


def pieces(made: tuple[Snippet, ...]) -> Any:
    """Pieces to paste, one per tab."""
    return dmc.Tabs(
        [
            dmc.TabsList([dmc.TabsTab(one.title, value=one.key) for one in made]),
            *(
                dmc.TabsPanel(
                    [
                        html.Div([html.Span(one.note, className="dim"), _copy(f"piece-{one.key}", f"Copy {one.title}")],
                                 className="piece-head"),
                        html.Pre(one.text, id=f"piece-{one.key}", className="bytes", tabIndex="0"),
                    ],
                    value=one.key,
                )
                for one in made
            ),
        ],
        value=made[0].key,
        className="pieces",
    )  # fmt: skip
