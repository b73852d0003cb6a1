"""The mail's HTML part: one column, readable on a phone, nothing loaded from outside, every value escaped."""

import re
from dataclasses import dataclass
from html import escape as escaped

_UNIT = re.compile(r"(?<=\d) (?=(?:°C|%|min|h|s|d|T|[A-Z]{3,4})\b|°C|%)")  # between a number and its unit or zone

# Severity by colour and by word; white on each passes 4.5:1. Nothing is green: what is over is not yet assessed.
_COLOURS = {"critical": "#b3261e", "major": "#9a4a00", "minor": "#5c5f00", "info": "#3d4a5c", "over": "#2f4858"}


@dataclass(frozen=True, slots=True)
class Section:
    """A table of names and values under an optional title; with `links`, a list of alarms, each leading to its page."""

    title: str
    rows: tuple[tuple[str, str], ...]
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A message's parts in reading order; the plain text and the HTML are made from the same."""

    severity: str
    lead: str
    action: str
    marks: tuple[str, ...]
    acknowledge: tuple[str, str] | None  # label, address
    acknowledge_note: str
    open: tuple[str, str] | None
    sections: tuple[Section, ...]
    footer: tuple[str, ...]


def escape(text: str) -> str:
    """`text` for HTML, with numbers kept on one line with their unit."""
    return _UNIT.sub("&nbsp;", escaped(text))


def render(page: Page, language: str) -> str:
    """The page as an HTML document; its first text is the lead, which is what a phone previews."""
    colour = _COLOURS[page.severity]
    parts = [
        f'<p class="lead" style="margin:0;font-size:20px;line-height:1.35;font-weight:700">{escape(page.lead)}</p>',
    ]
    if page.action:
        parts.append(f'<p style="margin:10px 0 0;font-size:18px;line-height:1.4">{escape(page.action)}</p>')
    head = f'<div style="background:{colour};color:#ffffff;padding:18px 18px;border-radius:8px">{"".join(parts)}</div>'
    body = "".join(
        (
            head,
            *(_mark(mark) for mark in page.marks),
            _acknowledge(page),
            f'<p style="margin:18px 0">{_link(*page.open)}</p>' if page.open else "",
            *(_section(section) for section in page.sections),
            _footer(page.footer),
        )
    )
    return (
        f'<!DOCTYPE html><html lang="{escape(language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
        f"<title>{escape(page.lead)}</title>{_STYLE}</head>"
        '<body style="margin:0;padding:0"><div class="sheet" style="max-width:600px;margin:0 auto;padding:14px;'
        "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;"
        f'overflow-wrap:anywhere">{body}</div></body></html>\n'
    )


_STYLE = (
    "<style>:root{color-scheme:light dark}body{background:#ffffff;color:#1c2430}a{color:#0b57a4}"
    ".list{width:100%;border-collapse:collapse}.list td{border-top:1px solid #d9dee5;padding:9px 0;line-height:1.4}"
    ".list a{font-weight:600}"
    ".muted{color:#4f5b69}.mark{background:#fff3d6;color:#4a3200}.row{border-color:#d9dee5}"
    "@media (prefers-color-scheme:dark){body{background:#14181d!important;color:#e8ecf1!important}"
    "a.plain,.list a{color:#8cc4ff!important}.list td{border-color:#39424d!important}"
    ".muted{color:#aeb8c4!important}.row{border-color:#39424d!important}"
    ".mark{background:#4a3a10!important;color:#ffe9b8!important}}</style>"
)


def _mark(text: str) -> str:
    style = "margin:12px 0 0;padding:10px 14px;border-radius:8px;font-weight:600;line-height:1.4"
    return f'<p class="mark" style="{style}">{escape(text)}</p>'


def _acknowledge(page: Page) -> str:
    if page.acknowledge is None:
        return ""
    label, address = page.acknowledge
    button = (
        f'<a href="{escaped(address)}" style="display:block;background:#0b57a4;color:#ffffff;'
        "text-align:center;text-decoration:none;font-size:18px;font-weight:700;padding:15px 18px;border-radius:8px;"
        f'min-height:22px">{escape(label)}</a>'
    )
    note = f'<p class="muted" style="margin:8px 0 0;font-size:14px;line-height:1.4">{escape(page.acknowledge_note)}</p>'
    return f'<div style="margin:18px 0 0">{button}{note}</div>'


def _link(label: str, address: str) -> str:
    style = "font-size:17px;display:inline-block;padding:10px 0"
    return f'<a class="plain" href="{escaped(address)}" style="{style}">{escape(label)}</a>'


def _section(section: Section) -> str:
    title = f'<h2 style="font-size:17px;line-height:1.4;margin:22px 0 8px">{escape(section.title)}</h2>'
    if section.links:
        listed = zip(section.rows, section.links, strict=True)
        return title + f'<table class="list">{"".join(_listed(*row, link) for row, link in listed)}</table>'
    rows = "".join(_row(name, text) for name, text in section.rows)
    table = f'<table role="presentation" style="width:100%;border-collapse:collapse;table-layout:fixed">{rows}</table>'
    return (title if section.title else "") + table


def _row(name: str, text: str) -> str:
    edge = "border-top:1px solid #d9dee5;padding:9px 0;vertical-align:top;line-height:1.4"
    return (
        f'<tr><td class="row muted" style="{edge};width:36%;padding-right:12px">{escape(name)}</td>'
        f'<td class="row" style="{edge};font-weight:600">{escape(text)}</td></tr>'
    )


def _listed(name: str, text: str, link: str) -> str:
    """One of up to hundreds: styled from the head, because some programs cut mails that are longer than 100 kB."""
    return f'<tr><td><a href="{escaped(link)}">{escape(name)}</a><br>{escape(text)}</td></tr>'


def _footer(lines: tuple[str, ...]) -> str:
    said = "<br>".join(escape(line) for line in lines)
    return f'<p class="muted" style="margin:22px 0 0;font-size:13px;line-height:1.5">{said}</p>'
