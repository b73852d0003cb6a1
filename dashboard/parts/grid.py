"""Long lists as grids: rows come by infinite scroll, sorted and filtered in the database."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, State

_LIGHT = {
    "backgroundColor": "#ffffff", "foregroundColor": "#16212b", "borderColor": "#d3dae1",
    "headerBackgroundColor": "#f6f8fa", "accentColor": "#1864ab", "headerTextColor": "#55606b",
    "rowHoverColor": "#f1f4f7", "selectedRowBackgroundColor": "#e2e9ef", "wrapperBorder": False,
    "wrapperBorderRadius": 7, "fontFamily": "inherit", "fontSize": 13, "headerFontSize": 12.5, "rowHeight": 40,
}  # fmt: skip
_DARK = _LIGHT | {
    "backgroundColor": "#1f2a33", "foregroundColor": "#e6ecf1", "borderColor": "#33424e",
    "headerBackgroundColor": "#263440", "accentColor": "#8cc8ff", "headerTextColor": "#b3bcc5",
    "rowHoverColor": "#263440", "selectedRowBackgroundColor": "#2c3b47",
}  # fmt: skip
THEME = {"function": f"themeQuartz.withParams({json.dumps(_LIGHT)}, 'light').withParams({json.dumps(_DARK)}, 'dark')"}
LARGEST_BLOCK = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows a grid asks for, and in which order (a column id, "-" before it for descending)."""

    start: int
    count: int
    sort: str | None


def wanted(request: object, sortable: Sequence[str]) -> Wanted:
    """A grid's request, which is the client's word: clamped, and sorted only by columns that are on the list."""
    asked = request if isinstance(request, dict) else {}
    start = _whole(asked.get("startRow"), 0, 10_000_000)
    end = _whole(asked.get("endRow"), start + 100, 10_000_000)
    return Wanted(start, max(1, min(end - start, LARGEST_BLOCK)), _sort(asked.get("sortModel"), sortable))


def _whole(value: object, default: int, most: int) -> int:
    return max(0, min(value, most)) if isinstance(value, int) and not isinstance(value, bool) else default


def _sort(model: object, sortable: Sequence[str]) -> str | None:
    first = model[0] if isinstance(model, list) and model else None
    if not isinstance(first, dict) or first.get("colId") not in sortable:
        return None
    return f"-{first['colId']}" if first.get("sort") == "desc" else str(first["colId"])


def chosen(value: object, allowed: Sequence[str] | None = None, longest: int = 100) -> str | None:
    """A filter's value as text, None if it is empty or not among those allowed."""
    if not isinstance(value, str) or not value.strip():
        return None
    text = value.strip()[:longest]
    return text if allowed is None or text in allowed else None


def column(field: str, title: str, *, width: int = 140, sortable: bool = False, **more: Any) -> dict[str, Any]:
    """A column; without a renderer an absent value is a dash."""
    plain: dict[str, Any] = {} if "cellRenderer" in more else {"valueFormatter": {"function": "coldDash(params.value)"}}
    return {"field": field, "headerName": title, "width": width, "sortable": sortable, "resizable": True,
            "filter": False, **plain, **more}  # fmt: skip


def grid(id: str, columns: list[dict[str, Any]], *, rows: list[dict[str, Any]] | None = None) -> dag.AgGrid:  # noqa: A002
    """A grid with its rows, or one that asks for them as it is scrolled."""
    options: dict[str, Any] = {
        "theme": THEME,
        "rowHeight": 40,
        "suppressCellFocus": False,
        "ensureDomOrder": True,
        "animateRows": False,
    }
    kind: dict[str, Any] = {"rowData": rows}
    if rows is None:
        kind = {"rowModelType": "infinite"}
        # Two block requests in one tick would overwrite each other in the one property, and rows would stay blank.
        options |= {"maxConcurrentDatasourceRequests": 1, "cacheBlockSize": 100, "maxBlocksInCache": 20,
                    "rowBuffer": 20, "infiniteInitialRowCount": 12}  # fmt: skip
    return dag.AgGrid(
        id=id,
        columnDefs=columns,
        dashGridOptions=options,
        defaultColDef={"suppressMovable": True},
        getRowId="params.data.id",
        enableEnterpriseModules=False,
        style={"height": "calc(100dvh - 156px)", "minHeight": "360px"},
        className="grid-box",
        **kind,
    )


def refilter(app: Dash, id: str, filters: Sequence[str]) -> None:  # noqa: A002
    """Ask again when a filter changes (a filter `state` is the component `<id>-state`), and keep it in the address."""
    app.clientside_callback(
        ClientsideFunction("coldchain", "refilterGrid"),
        *(Input(f"{id}-{name}", "value") for name in filters),
        State(id, "id"),
        prevent_initial_call=True,
    )


def select(grid_id: str, name: str, label: str, options: Sequence[tuple[str, str]], value: str | None) -> Any:
    """A filter with fixed choices above a grid."""
    return dmc.Select(
        id=f"{grid_id}-{name}", label=label, placeholder="all", value=value, clearable=True, size="xs",
        data=[{"value": key, "label": words} for key, words in options], className="field",
        clearButtonProps={"aria-label": f"Clear {label.lower()}"},
    )  # fmt: skip


def search(grid_id: str, label: str, value: str | None) -> Any:
    """The search field above a grid; `/` goes there."""
    return dmc.TextInput(
        id=f"{grid_id}-text", label=label, placeholder="search", value=value or "", debounce=250, size="xs",
        className="field", inputProps={"data-search": "1", "type": "search"},
    )  # fmt: skip
