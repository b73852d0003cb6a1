"""What one announcement of an alarm comes to, and by what the alarm climbs afterwards."""

from typing import Any, NamedTuple

from alerts.decisions import Reason
from alerts.policy import Policy
from alerts.reach import Reach
from alerts.routing import Picked

Reached = list[tuple[int, Reach]]  # the step that each reach is of


class Climb(NamedTuple):
    """By what an alarm climbs after an announcement, as its row keeps it."""

    policy: Policy | None
    begun_ms: int | None = None
    step: int | None = None

    def as_row(self) -> dict[str, Any]:
        """The columns of the alarm's row."""
        return {
            "policy": None if self.policy is None else self.policy.id,
            "policy_version": None if self.policy is None else self.policy.version,
            "climb_ms": self.begun_ms, "step": self.step,
        }  # fmt: skip


class Plan(NamedTuple):
    """What one announcement comes to: whom it reaches by step, the climb after it, its occasion and its reason."""

    reached: Reached
    climb: Climb
    occasion: int
    reason: Reason
    picked: Picked | None = None
    escalated: bool = False  # a further step of the same occasion
    refused: int | None = None  # the step that nobody could be told of, so that this one came at once
