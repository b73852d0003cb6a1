"""Who is looking, and what they may do: every query of the registry that shows something takes a viewer."""

from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """One thing that a route, a callback or a query may demand."""

    VIEW = "view"  # shipments, findings, readings inside one's scope
    EXPORT = "export"
    ACKNOWLEDGE = "acknowledge"
    OPERATE = "operate"  # make and change shipments and bindings
    ASSESS = "assess"  # release from quarantine, decode again, reset, decide on a shipment
    AUDIT = "audit"  # read the audit trail
    ADMINISTER = "administer"  # people, keys, loggers, profiles, settings
    INGEST = "ingest"  # send readings and files


_VIEWER = frozenset({Permission.VIEW, Permission.EXPORT})
_OPERATOR = _VIEWER | {Permission.ACKNOWLEDGE, Permission.OPERATE, Permission.INGEST}
_QUALITY = _OPERATOR | {Permission.ASSESS, Permission.AUDIT}

PERMISSIONS: dict[str, frozenset[Permission]] = {
    "viewer": _VIEWER,
    "operator": _OPERATOR,
    "quality": _QUALITY,
    "auditor": _VIEWER | {Permission.AUDIT},
    "admin": _QUALITY | {Permission.ADMINISTER},
    "device": frozenset({Permission.INGEST}),
}
ROLES = tuple(PERMISSIONS)


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person, an API key or the product itself. With a customer or carrier, only their shipments exist for it."""

    id: str
    name: str
    role: str
    customer: str | None = None
    carrier: str | None = None
    loggers: frozenset[str] | None = None  # for whom alone its messages may speak; None: for any

    def may(self, permission: Permission) -> bool:
        """Whether the role grants this permission."""
        return permission in PERMISSIONS.get(self.role, frozenset())

    @property
    def scoped(self) -> bool:
        """Whether this viewer sees only one customer's or one carrier's shipments."""
        return self.customer is not None or self.carrier is not None


SYSTEM = Viewer("system", "Coldchain", "admin")
