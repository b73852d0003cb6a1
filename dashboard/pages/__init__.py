"""The pages, as an explicit tuple: each module has PAGE, `layout` and `register`."""

from dashboard.pages import tower

PAGES = (tower,)
