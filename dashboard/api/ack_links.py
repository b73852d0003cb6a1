"""The signed links in mails: acknowledge one alarm, or all that one message told of; and the list behind an SMS."""

from urllib.parse import parse_qs

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from alerts import ack_group, ack_link, lifecycle
from alerts.ack_link import GroupClaim
from coldchain.errors import Forbidden, InvalidValue, NotFound, Stale
from coldchain.registry import alarms, outbox_groups
from coldchain.registry.contacts import Contact
from coldchain.registry.viewer import Permission, Viewer
from dashboard.api.request import Caller, Web
from dashboard.parts.dossier import JsonObject
from dashboard.parts.link_words import link_facts, link_line
from dashboard.plain_pages import escape, facts, page
from dashboard.policy import API, KIB, Endpoint, Policy, may
from dashboard.services import Services

_SCREEN = 5  # alarms in a list that leave room for the button below it


def link_page(request: Request, web: Web, token: str) -> Response:
    """What the link in a mail shows; only the button acts, because mail scanners open every link."""
    return _page(request, web, token, "")


def _page(request: Request, web: Services, token: str, warning: str) -> Response:
    now_ms = web.clock.now_ms()
    try:
        claim = ack_link.read(web.settings.ack_key, token, now_ms)
        if isinstance(claim, GroupClaim):
            return _group_page(request, web, token, claim, now_ms, warning)
        with web.registry.read() as connection:
            found = ack_link.show(connection, web.settings.ack_key, token, now_ms)
            about = alarms.alarm(connection, _reader(found.person), found.alarm.id)
    except Forbidden as error:
        return link_refused(request, str(error))
    if about.get("acknowledged"):
        words = f'<p class="good">Acknowledged by {escape(str(about.get("acknowledged_by")))}.</p>'
        return page(request, "Already acknowledged", words + facts(link_facts(about)) + _to_alarm(found.alarm.id))
    hidden = f'<input type="hidden" name="seen" value="{ack_link.seen([found.alarm])}">'
    body = _warned(warning) + facts(link_facts(about)) + _form(token, hidden, f"Acknowledge as {found.person.name}")
    return page(request, f"{about['severity'].capitalize()} alarm", body)


def _group_page(
    request: Request, web: Services, token: str, claim: GroupClaim, now_ms: int, warning: str = ""
) -> Response:
    with web.registry.read() as connection:
        told = ack_group.show(connection, claim, now_ms)
        reader = _reader(told.person)
        listed = [alarms.alarm(connection, reader, row.id) for row in told.alarms]
    open_ = [one for one in listed if not one.get("acknowledged")]
    rest = [one for one in listed if one.get("acknowledged")]
    body = _warned(warning)
    if not open_:
        return page(request, "Already acknowledged", body + _list("All of them", rest))
    hidden = f'<input type="hidden" name="seen" value="{told.seen}">'
    form = _form(token, hidden, f"Acknowledge all {len(open_)} as {told.person.name}")
    # A storm's list is many screens long: the worst and the button stand before it.
    worst = f"<p>The worst: {escape(': '.join(link_line(open_[0])))}.</p>"
    parts = [_list("Not yet acknowledged", open_), form]
    body += worst + "".join(reversed(parts)) if len(open_) > _SCREEN else "".join(parts)
    body += _list("Acknowledged before", rest) if rest else ""
    return page(request, f"{len(listed)} alarms of one message", body)


async def use_link(request: Request, web: Web, token: str) -> Response:
    """Acknowledge in the name of the person whom the mail was written to."""
    sent = parse_qs((await request.body()).decode("utf-8", "replace"))
    given = {name: values[0] for name, values in sent.items()}
    return await run_in_threadpool(_use_link, request, web, token, given)


def _use_link(request: Request, web: Services, token: str, given: dict[str, str]) -> Response:
    now_ms = web.clock.now_ms()
    try:
        claim = ack_link.read(web.settings.ack_key, token, now_ms)
        if isinstance(claim, GroupClaim):
            return _use_group(request, web, token, claim, given)
        with web.registry.write() as connection:
            done = ack_link.act(
                connection, web.settings.ack_key, token, now_ms, comment=given.get("comment", ""),
                shown_as=given.get("seen"),
            )  # fmt: skip
    except Forbidden as error:
        return link_refused(request, str(error))
    except (Stale, InvalidValue) as error:
        return _page(request, web, token, f"{str(error).capitalize()}.")
    first = done.act is lifecycle.Act.ACKNOWLEDGED
    text = "Acknowledged. Thank you." if first else "Somebody was faster: it was acknowledged already."
    return page(request, "Acknowledged", f'<p class="good" role="status">{text}</p>' + _to_alarm(done.alarm))


def _use_group(request: Request, web: Services, token: str, claim: GroupClaim, given: dict[str, str]) -> Response:
    now_ms = web.clock.now_ms()
    try:
        with web.registry.write() as connection:
            done = ack_group.act(
                connection, claim, now_ms, seen=given.get("seen", ""),
                comment=given.get("comment", ""),
            )  # fmt: skip
    except (Stale, InvalidValue) as error:
        return _group_page(request, web, token, claim, now_ms, f"{str(error).capitalize()}.")
    new = sum(one.act is lifecycle.Act.ACKNOWLEDGED for one in done)
    text = f"Acknowledged: {new} of {len(done)}. Thank you." if new else "Somebody was faster with all of them."
    link = '<a class="button" href="/alarms">Open the alarms in the browser</a>'
    return page(request, "Acknowledged", f'<p class="good" role="status">{text}</p>{link}')


def told(request: Request, web: Web, viewer: Caller, message: str) -> Response:
    """Every alarm that one message told of, the worst first: the page behind a short message's link."""
    with web.registry.read() as connection:
        lead = outbox_groups.by_short_id(connection, message)
        if lead is None:
            raise NotFound(f"no message {message}")
        listed = []
        for alarm in dict.fromkeys(row.alarm for row in outbox_groups.carried(connection, lead)):
            try:
                listed.append(alarms.alarm(connection, viewer, alarm))
            except NotFound:  # of somebody else's goods
                continue
    if not listed:
        raise NotFound(f"no message {message}")
    order = {"critical": 0, "major": 1, "minor": 2, "info": 3}
    listed.sort(key=lambda one: (one["condition"] == "returned", order[one["severity"]], one["onset"]))
    link = '<a class="button" href="/alarms">Acknowledge them on the alarms page</a>'
    return page(request, f"{len(listed)} alarms of one message", _list("Worst first", listed) + link)


def _list(title: str, listed: list[JsonObject]) -> str:
    rows = "".join(_row(one["id"], *link_line(one)) for one in listed)
    return f'<h2>{escape(title)} ({len(listed)})</h2><ol class="alarms">{rows}</ol>'


def _row(id_: str, named: str, said: str) -> str:
    return f'<li><a href="/alarms/{escape(id_)}">{escape(named)}</a><br>{escape(said)}</li>'


def _warned(words: str) -> str:
    return f'<p role="alert" class="bad">{escape(words)}</p>' if words else ""


def _form(token: str, hidden: str, button: str) -> str:
    return (
        f'<form method="post" action="{API}/ack/{escape(token)}">{hidden}'
        '<label for="comment">Comment (optional)</label><textarea id="comment" name="comment" rows="3"></textarea>'
        f"<button>{escape(button)}</button></form>"
    )


def _reader(person: Contact) -> Viewer:
    return Viewer(person.id, person.name, person.role, person.scope_customer, person.scope_carrier)


def _to_alarm(alarm: str) -> str:
    return f'<a class="button" href="/alarms/{escape(alarm)}">Open it in the browser</a>'


def link_refused(request: Request, words: str) -> Response:
    """A link that is not, or no longer, good for anything."""
    body = f'<p role="alert">{escape(words)}</p><a class="button" href="/">To the start page</a>'
    return page(request, "Link not valid", body, status=403)


LINK = Policy(None, body_limit=16 * KIB)
HTML = {"responses": {200: {"description": "A page", "content": {"text/html": {"schema": {"type": "string"}}}}}}
ENDPOINTS = (
    Endpoint("GET", f"{API}/ack/{{token}}", link_page, LINK, HTML),
    Endpoint("POST", f"{API}/ack/{{token}}", use_link, LINK, HTML),
    Endpoint("GET", "/told/{message}", told, may(Permission.VIEW), {"include_in_schema": False}),
)
