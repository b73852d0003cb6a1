"""The one way to put a figure on a page: nothing in it can leave the machine."""

from typing import Any

from dash import dcc

CONFIG: dict[str, Any] = {
    "showSendToCloud": False,  # plotly 7 offers to upload the chart by default
    "plotlyServerURL": "",
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", "toImage"],
}


def graph(id: str, figure: Any, *, map: bool = False, **options: Any) -> dcc.Graph:  # noqa: A002
    """A figure with our configuration; a map zooms by wheel and shows no bar."""
    config = CONFIG | ({"scrollZoom": True, "displayModeBar": False} if map else {})
    return dcc.Graph(id=id, figure=figure, config=config, **options)
