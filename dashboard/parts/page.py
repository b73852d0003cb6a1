"""What a page module says about itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from coldchain.registry.viewer import Permission
from dashboard.parts.shell import Entry
from dashboard.services import Services


def _always(_services: Services) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Page:
    """A page's address, its title, the permission it demands, and its line in the navigation if it has one."""

    module: str
    title: str
    path: str | None = None
    path_template: str | None = None
    perm: Permission = Permission.VIEW
    icon: str | None = None
    offered: Callable[[Services], bool] = field(default=_always)

    @property
    def route(self) -> dict[str, Any]:
        """The arguments of `dash.register_page`."""
        where = {"path_template": self.path_template} if self.path_template else {"path": self.path}
        return {**where, "name": self.title, "title": f"{self.title} · Coldchain"}

    @property
    def entry(self) -> Entry | None:
        """The page's line in the navigation."""
        if self.icon is None or self.path is None:
            return None
        return Entry(self.title, self.path, self.icon, self.perm)
