"""Pages that work without JavaScript and before anybody signed in: sign-in, acknowledge by link, errors."""

import html
import http
from typing import NamedTuple

from fastapi import Request
from fastapi.responses import HTMLResponse

_STYLE = """
:root { color-scheme: light dark; --ground: #f4f6f8; --card: #fff; --ink: #1b242c; --quiet: #55606b; --line: #8a94a0;
  --act: #0b5394; --on-act: #fff; --bad: #7a0c0c; --good: #1864ab; }
@media (prefers-color-scheme: dark) { :root { --ground: #141b21; --card: #1f2a33; --ink: #e8edf1; --quiet: #b3bcc5;
  --line: #6d7883; --act: #8cc8ff; --on-act: #10202c; --bad: #ff9d8c; --good: #8cc8ff; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 16px; background: var(--ground);
  color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { width: 100%; max-width: 26rem; background: var(--card); border-radius: 12px; padding: 28px;
  box-shadow: 0 1px 3px rgb(0 0 0 / .2); overflow-wrap: anywhere; }
h1 { font-size: 1.35rem; margin: 0 0 4px; } p { margin: 8px 0; } .site { color: var(--quiet); margin: 0 0 4px; }
label { display: block; margin-top: 14px; font-weight: 600; }
input, textarea { width: 100%; padding: 10px; font: inherit; color: inherit; background: transparent;
  border: 1px solid var(--line); border-radius: 8px; }
button, a.button { display: block; width: 100%; margin-top: 20px; padding: 12px; font: inherit; font-weight: 600;
  text-align: center; text-decoration: none; color: var(--on-act); background: var(--act); border: 0;
  border-radius: 8px; cursor: pointer; }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; } a { color: var(--act); }
.bad { color: var(--bad); font-weight: 600; } .good { color: var(--good); font-weight: 600; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 4px 14px; margin: 14px 0; } dt { color: var(--quiet); }
dd { margin: 0; } code { font-size: .9em; }
h2 { font-size: 1.05rem; margin: 20px 0 6px; } ol.alarms { list-style: none; margin: 0; padding: 0; font-size: .94rem; }
ol.alarms li { padding: 8px 0; border-top: 1px solid var(--line); } ol.alarms a { font-weight: 600; line-height: 2.2; }
"""


class Field(NamedTuple):
    """One input of a form."""

    name: str
    label: str
    kind: str = "text"
    autocomplete: str = "off"
    value: str = ""
    required: bool = True


def escape(text: str) -> str:
    """Text as it may stand in HTML, attributes included."""
    return html.escape(text, quote=True)


def page(
    request: Request, title: str, body: str, *, status: int = 200, headers: dict[str, str] | None = None,
    script: str = "",
) -> HTMLResponse:  # fmt: skip
    """A whole page around `body`, which is HTML; `script` runs under the request's nonce."""
    site = escape(request.app.state.services.settings.site_name)
    nonce = escape(request.scope.get("coldchain.nonce", ""))
    tail = f'<script nonce="{nonce}">{script}</script>' if script else ""
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · {site}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><style>{_STYLE}</style></head>'
        f'<body><main><p class="site">{site}</p><h1>{escape(title)}</h1>{body}</main>{tail}</body></html>'
    )
    return HTMLResponse(text, status, headers)


def form(action: str, fields: list[Field], button: str, hidden: dict[str, str] | None = None) -> str:
    """A form that posts its fields."""
    rows = "".join(_row(one) for one in fields)
    kept = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in (hidden or {}).items()
    )
    return f'<form method="post" action="{escape(action)}">{kept}{rows}<button>{escape(button)}</button></form>'


def facts(pairs: list[tuple[str, str]]) -> str:
    """A list of names and values."""
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs) + "</dl>"


def error_page(request: Request, status: int, detail: str, headers: dict[str, str] | None = None) -> HTMLResponse:
    """What went wrong, in words, and the way back."""
    title = {401: "Please sign in", 403: "Not allowed", 404: "Nothing here"}.get(status, http.HTTPStatus(status).phrase)
    body = f'<p role="alert">{escape(detail)}</p><a class="button" href="/">To the start page</a>'
    return page(request, title, body, status=status, headers=headers)


def _row(one: Field) -> str:
    name, required = escape(one.name), " required" if one.required else ""
    value = f' value="{escape(one.value)}"' if one.value else ""
    return (
        f'<label for="{name}">{escape(one.label)}</label><input id="{name}" name="{name}" type="{one.kind}" '
        f'autocomplete="{one.autocomplete}"{value}{required}>'
    )
